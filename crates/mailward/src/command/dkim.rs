//! `mailward dkim`

use crate::cli::Exit;

/// `mailward dkim`
#[derive(Debug, clap::Subcommand)]
pub enum Command {}

/// Runs the command.
pub async fn run(command: Command) -> Exit {
    match command {}
}
