//! What people see: findings under the text they point at, tables, progress. Texts of strangers are made printable
//! first ([`escape`]).
//!
//! Everything here gives text with terminal colours in it; print it through [`anstream::print!`] and its like, which
//! take them out where the output is no terminal or `NO_COLOR` is set.

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
use std::io::{IsTerminal, Write};

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

/// Prints a line to standard error. If nobody can be told, the work goes on all the same.
pub fn say(line: impl fmt::Display) {
    let _ = writeln!(anstream::stderr(), "{line}");
}
