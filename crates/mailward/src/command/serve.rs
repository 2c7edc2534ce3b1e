//! `mailward serve`: the daemon beside an MTA.

use std::path::PathBuf;

use super::record::end;
use crate::cli::Exit;
use crate::serve::{self, Part};

/// `mailward serve`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The configuration file [default: /etc/mailward/mailward.toml; without it everything is as it is by default]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Run these parts and no others; by default all in one process
    #[arg(long, value_name = "PART", value_delimiter = ',')]
    only: Vec<Part>,
}

/// Runs the command, in a process that has no threads yet.
pub fn run(args: &Args) -> Exit {
    end(serve::run(args.config.as_deref(), &args.only).map(|()| Exit::Pass))
}
