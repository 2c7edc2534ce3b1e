//! What went wrong with an input: what, where, and what to do about it.

use std::fmt;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use mail::printable;

/// A place in a text file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The line, from 1.
    pub line: usize,
    /// The character in the line, from 1, where it is known.
    pub column: Option<usize>,
}

impl Position {
    /// The place of byte `offset` in `text`.
    pub fn of(text: &[u8], offset: usize) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line_start = memchr::memrchr(b'\n', before).map_or(0, |at| at + 1);
        let characters = before.iter().skip(line_start).filter(|b| !matches!(b, 0x80..=0xbf)).count();
        let line = memchr::memchr_iter(b'\n', before).count() + 1;
        Self { line, column: Some(characters + 1) }
    }
}

/// An input that can't be read or does not say what it should.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputError {
    /// The file, already printable.
    pub file: String,
    /// Where in the file.
    pub position: Option<Position>,
    /// What is wrong, in a sentence without a full stop; printable.
    pub message: String,
    /// What to do about it; printable.
    pub help: Option<String>,
}

impl InputError {
    /// An error about a whole file.
    pub fn new(file: impl Into<String>, message: impl Into<String>) -> Self {
        Self { file: file.into(), position: None, message: message.into(), help: None }
    }

    /// A file that the system would not let us read.
    pub fn io(file: impl Into<String>, error: &io::Error) -> Self {
        let message = match error.kind() {
            io::ErrorKind::NotFound => "no such file or directory".to_owned(),
            io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
            _ => format!("can't be read: {}", printable(error.to_string())),
        };
        Self::new(file, message)
    }

    /// The same error at a place in the file.
    #[must_use]
    pub fn at(mut self, position: Position) -> Self {
        self.position = Some(position);
        self
    }

    /// The same error with what to do about it.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl fmt::Display for InputError {
    /// `file:line:column: message`, and the help on a line of its own.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file)?;
        if let Some(position) = self.position {
            write!(f, "{}:", position.line)?;
            if let Some(column) = position.column {
                write!(f, "{column}:")?;
            }
        }
        write!(f, " {}", self.message)?;
        self.help.as_ref().map_or(Ok(()), |help| write!(f, "\n  help: {help}"))
    }
}

impl std::error::Error for InputError {}

/// A path as it is shown to people: every byte that is not printable ASCII is escaped.
pub fn shown(path: &Path) -> String {
    printable(path.as_os_str().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_in_characters() {
        let text = "a\nbü = 1".as_bytes();
        assert_eq!(Position::of(text, 0), Position { line: 1, column: Some(1) });
        assert_eq!(Position::of(text, 2), Position { line: 2, column: Some(1) });
        assert_eq!(Position::of(text, 5), Position { line: 2, column: Some(3) });
        assert_eq!(Position::of(text, 99), Position { line: 2, column: Some(7) });
    }

    #[test]
    fn reads_like_a_compiler() {
        let error = InputError::new("a.toml", "what").at(Position { line: 3, column: None }).with_help("do");
        assert_eq!(error.to_string(), "a.toml:3: what\n  help: do");
        assert_eq!(InputError::new("x", "y").to_string(), "x: y");
    }
}
