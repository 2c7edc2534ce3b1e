//! `cargo xtask`: everything that must hold before a commit, in one command or step by step.
#![forbid(unsafe_code)]
#![allow(clippy::disallowed_methods, reason = "a development tool reads files and the environment")]

mod counts;
mod roots;
mod steps;
mod tidy;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let asked = arguments.len();
    arguments.retain(|argument| argument != "--count");
    let count = arguments.len() < asked;

    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["-h" | "--help" | "help"] => {
            println!("{}", help());
            true
        }
        ["roots"] => match roots::make_all(&workspace()) {
            Ok(()) => true,
            Err(why) => {
                eprintln!("roots: {why}");
                false
            }
        },
        ["check"] => steps::run(&workspace(), steps::STEPS, count),
        names => match names.iter().map(|name| steps::find(name)).collect::<Option<Vec<_>>>() {
            Some(chosen) if !chosen.is_empty() => steps::run(&workspace(), &chosen, count),
            _ => {
                eprintln!("{}", help());
                false
            }
        },
    };
    if done { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The folder of the workspace, which is the one that holds this crate's.
fn workspace() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

fn help() -> String {
    let mut text = String::from(
        "cargo xtask check            every step below; silent when all is well\n\
         cargo xtask STEP...          these steps only\n\
         cargo xtask roots            make the Debian roots with the real programs that tests talk to (as root)\n\
         \n\
         --count                      print at the end how many tests passed, failed and were skipped\n\
         \n\
         Steps:\n",
    );
    for step in steps::STEPS {
        text.push_str(&format!("  {:10} {}\n", step.name, step.about));
    }
    text.push_str("\nExit code: 0 all is well, 1 a step failed or the arguments are wrong.");
    text
}
