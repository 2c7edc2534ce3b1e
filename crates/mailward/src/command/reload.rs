//! `mailward reload`: has the daemon read its configuration and keys again, and says what came of it.

use std::path::PathBuf;

use super::record::{Page, end, exit};
use crate::cli::Exit;
use crate::config::Config;
use crate::input::{InputError, Position};
use crate::serve::control::{self, Why};
use crate::show;

/// `mailward reload`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The configuration that the daemon was started with; it says where its data are [default:
    /// /etc/mailward/mailward.toml]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// One JSON object, by docs/install.schema.json
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub fn run(args: &Args) -> Exit {
    end(reload(args))
}

fn reload(args: &Args) -> Result<Exit, InputError> {
    // It may have a mistake: that is for the daemon to say. What can be read of it tells where the daemon is.
    let (config, _) = Config::read(args.config.as_deref())?;
    let outcome = control::reload(&config.store.path)?;
    if args.json {
        Page::print_json(&outcome)?;
    } else if outcome.taken_over {
        let mut page = Page::default();
        page.line("The configuration has taken over.");
        page.print();
    } else {
        let why = outcome.why.map(error).map_or_else(String::new, |error| format!(": {error}"));
        show::say(format_args!("mailward: refused, and what was in force stays{why}"));
    }
    Ok(exit(outcome.taken_over))
}

/// As it is told of a file that was read here.
fn error(why: Why) -> InputError {
    let printable = |text: String| mail::printable(text);
    let mut error = InputError::new(printable(why.file), printable(why.message));
    error.position = why.line.map(|line| Position { line, column: why.column });
    error.help = why.help.map(printable);
    error
}
