//! The program `mailward`.
#![forbid(unsafe_code)]
#![allow(clippy::disallowed_methods, reason = "the program reads the command line")]

use std::process::ExitCode;

use clap::Parser;
use mailward::cli::Cli;
use mailward::show;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let printed = error.print();
            if !error.use_stderr() {
                // What was asked for: help, or the version.
                show::written(printed);
            }
            // The shell has cut an unquoted record at its spaces, so that `-all` looks like an option.
            if error.use_stderr() && std::env::args_os().any(|word| word.to_string_lossy().starts_with("v="))
            {
                show::say("help: put a record in single quotes, 'v=spf1 mx -all'");
            }
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    cli.run().into()
}
