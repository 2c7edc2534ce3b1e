//! `mailward arc`: the chain of a message, and one more set on it.

mod json;
mod seal;
mod verify;

pub(in crate::command) use self::json::ArcJson;
use super::record::end;
use crate::cli::Exit;

const VERIFY_CODES: &str = "\
Exit codes:
  0  the chain is valid, or there is none
  1  the chain is not valid
  2  something could not be done: a wrong command line, a file that can't be read";

const SEAL_CODES: &str = "\
Exit codes:
  0  the message was sealed
  1  the message was not sealed, and is written as it came; standard error says why
  2  something could not be done: a wrong command line, a key that can't be read";

/// `mailward arc`
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// The chain of a message: who handled it on its way, what they saw, whether all that is proved
    #[command(after_help = VERIFY_CODES)]
    Verify(verify::Args),
    /// One more set: the message of standard input with our own verdict on it, sealed, to standard output
    #[command(after_help = SEAL_CODES)]
    Seal(seal::Args),
}

/// Runs the command.
pub async fn run(command: Command) -> Exit {
    match command {
        Command::Verify(args) => end(verify::run(&args).await),
        Command::Seal(args) => end(seal::run(&args).await),
    }
}
