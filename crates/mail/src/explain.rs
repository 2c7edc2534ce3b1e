//! How a step of a check tells what it did: the RFC section it obeyed and the text it looked at.

use std::fmt::Display;

use crate::finding::Span;

/// A place in an RFC, such as `RFC 7208 §4.6.4`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Section(pub &'static str);

/// A piece of somebody's text that a step refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quote {
    /// Where the text stands: `TXT example.com`, `header field From`. Already printable.
    pub source: String,
    /// The text itself, as its bytes.
    pub text: Vec<u8>,
    /// The bytes of the text that matter; the whole text where none stand out.
    pub span: Span,
}

impl Quote {
    /// A quote in which no part stands out.
    pub fn whole(source: impl Into<String>, text: impl Into<Vec<u8>>) -> Self {
        let text = text.into();
        let span = Span::new(0, text.len());
        Self { source: source.into(), text, span }
    }
}

/// A step of a check, readable by a person: `Display` gives one plain clause, without a capital at its beginning unless a
/// name stands there and without a full stop, with nothing unprintable in it.
pub trait Explain: Display {
    /// The rule that the step obeyed.
    fn section(&self) -> Section;

    /// The text that the step looked at, if it looked at one.
    fn quote(&self) -> Option<Quote> {
        None
    }
}
