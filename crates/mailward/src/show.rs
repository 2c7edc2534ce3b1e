//! What people see: findings under the text they point at, tables, progress. Texts of strangers are made printable
//! first ([`escape`]).
//!
//! Everything here gives text with terminal colours in it; [`print()`] takes them out where the output is no terminal or
//! `NO_COLOR` is set.

pub mod escape;
pub mod findings;
pub mod json;
pub mod progress;
mod story;
pub mod table;
mod view;

pub use findings::{findings, quote};
pub use json::Finding;
pub use progress::Progress;
pub use story::steps;
pub use table::{Cell, Column, Table};

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::process;

/// How wide a line is where nothing else says so, in characters.
pub const WIDTH: usize = 100;
/// Least width that is laid out for, in characters; a narrower terminal wraps lines itself.
pub const MIN_WIDTH: usize = 40;

/// How wide the terminal on standard output is; `None` if that is no terminal.
pub fn terminal_width() -> Option<usize> {
    if !std::io::stdout().is_terminal() {
        return None;
    }
    let (width, _) = terminal_size::terminal_size_of(std::io::stdout())?;
    Some(usize::from(width.0).max(MIN_WIDTH))
}

/// How a program ends whose reader has gone away, in the words of a shell: 128 and the number of SIGPIPE.
pub const CLOSED: i32 = 141;

/// Prints to standard output, or ends the program: see [`written`].
pub fn print(text: impl fmt::Display) {
    let mut stdout = anstream::stdout().lock();
    written(write!(stdout, "{text}").and_then(|()| stdout.flush()));
}

/// What came of writing to standard output, which is what the program is for: where that takes no more, the program ends at
/// once. A disk that is full has not got what was asked for, and that is an error.
pub fn written(result: io::Result<()>) {
    if let Err(error) = result {
        end_if_closed(&error);
        say(format_args!("mailward: standard output: can't be written: {error}"));
        process::exit(2);
    }
}

/// Who closes a pipe has seen enough: the program ends at once and says nothing.
pub fn end_if_closed(error: &io::Error) {
    if error.kind() == io::ErrorKind::BrokenPipe {
        process::exit(CLOSED);
    }
}

/// Prints a line to standard error. If nobody can be told, the work goes on all the same.
pub fn say(line: impl fmt::Display) {
    let _ = writeln!(anstream::stderr(), "{line}");
}
