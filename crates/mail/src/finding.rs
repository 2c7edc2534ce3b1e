//! What a parser has to say beside its value: findings that point at bytes.

use std::fmt;
use std::ops::Range;

/// A stretch of bytes in the text that was parsed, `start..end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

impl Span {
    /// The bytes `start..end`; an end before the start is taken as the start.
    pub const fn new(start: usize, end: usize) -> Self {
        Self { start, end: if end < start { start } else { end } }
    }

    /// The same stretch in a text that has `offset` more bytes in front.
    pub const fn shifted(self, offset: usize) -> Self {
        Self { start: self.start + offset, end: self.end + offset }
    }

    /// For slicing with `get`.
    pub const fn range(self) -> Range<usize> {
        self.start..self.end
    }
}

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing; nothing is wrong.
    Note,
    /// Works, but not as well or not as intended.
    Warning,
    /// The text, or this part of it, does not count.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// One thing that a parser noticed: what, where, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// A stable, kebab-case name for programs, such as `spf-unknown-mechanism`.
    pub code: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// Where in the parsed text, in bytes.
    pub span: Span,
    /// What is wrong, in a sentence without a full stop. Bytes from outside are already made printable.
    pub message: String,
    /// What was probably meant, or what to do.
    pub help: Option<String>,
}

impl Finding {
    /// A finding without help.
    pub fn new(code: &'static str, severity: Severity, span: Span, message: impl Into<String>) -> Self {
        Self { code, severity, span, message: message.into(), help: None }
    }

    /// The same finding with a help text.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The same finding for a text that has `offset` more bytes in front.
    #[must_use]
    pub fn shifted(mut self, offset: usize) -> Self {
        self.span = self.span.shifted(offset);
        self
    }
}

/// What came of parsing: the value, if the text has one, and what was noticed on the way.
/// Verifier, linter and dashboard share one parser; each decides how strict to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parsed<T> {
    /// The value; `None` where the text does not count as one.
    pub value: Option<T>,
    /// What was noticed, in the order of the text.
    pub findings: Vec<Finding>,
}

impl<T> Parsed<T> {
    /// The first finding that is an error.
    pub fn first_error(&self) -> Option<&Finding> {
        self.findings.iter().find(|f| f.severity == Severity::Error)
    }
}
