//! The program `mailward`.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::Parser;
use mailward::cli::{Cli, Exit};

fn main() -> ExitCode {
    let cli = Cli::parse();
    match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(cli.run()).into(),
        Err(error) => {
            anstream::eprintln!("mailward: the program can't start its threads: {error}");
            Exit::Error.into()
        }
    }
}
