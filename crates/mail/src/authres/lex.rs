//! The tokens of the field: white space and folds, nested comments, quoted strings, keywords, raw values.

use super::{AuthResError, AuthResErrorKind, Keyword, Text};
use crate::finding::Span;

/// A place in the field's value.
pub(super) struct Lexer<'a> {
    text: &'a [u8],
    pub(super) at: usize,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0 }
    }

    /// An error over the bytes from `start` to here, at least one.
    pub(super) fn fail<T>(&self, kind: AuthResErrorKind, start: usize) -> Result<T, AuthResError> {
        let end = self.at.max(start + 1).min(self.text.len());
        Err(AuthResError { kind, span: Span::new(start.min(end), end) })
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    /// Steps over this byte if it is the next one.
    pub(super) fn eat(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    /// Whether this element ends here.
    pub(super) fn at_end(&self) -> bool {
        matches!(self.peek(), None | Some(b';'))
    }

    pub(super) fn since(&self, start: usize) -> &'a [u8] {
        self.text.get(start..self.at).unwrap_or_default()
    }

    /// Steps over the bytes that `keep` takes.
    pub(super) fn run(&mut self, keep: impl Fn(u8) -> bool) -> &'a [u8] {
        let start = self.at;
        while self.peek().is_some_and(&keep) {
            self.at += 1;
        }
        self.since(start)
    }

    /// A keyword in lower case; an error of this kind if none stands here.
    pub(super) fn keyword(&mut self, kind: AuthResErrorKind) -> Result<Keyword, AuthResError> {
        let start = self.at;
        let word = self.run(|b| b.is_ascii_alphanumeric() || b == b'-');
        match Keyword::parse(word) {
            Some(keyword) => Ok(keyword),
            None => self.fail(kind, start),
        }
    }

    /// Steps over comments and folding white space (RFC 5322 §3.2.2); gives the first comment's text.
    pub(super) fn cfws(&mut self) -> Result<Option<Text>, AuthResError> {
        let mut first = None;
        loop {
            while self.space() {}
            if self.peek() != Some(b'(') {
                return Ok(first);
            }
            let text = self.comment()?;
            if first.is_none() {
                first = text;
            }
        }
    }

    /// Steps over one white space or fold. A LF alone folds too: libmilter has no CR there.
    fn space(&mut self) -> bool {
        self.at += match self.text.get(self.at..).unwrap_or_default() {
            [b' ' | b'\t', ..] => 1,
            [b'\n', b' ' | b'\t', ..] => 2,
            [b'\r', b'\n', b' ' | b'\t', ..] => 3,
            _ => return false,
        };
        true
    }

    /// A comment with all that is nested in it, counted and not recursed into.
    fn comment(&mut self) -> Result<Option<Text>, AuthResError> {
        let start = self.at;
        self.at += 1;
        let mut text = Vec::new();
        let mut depth = 1_usize;
        loop {
            let (byte, escaped) = self.content(start, AuthResErrorKind::UnclosedComment)?;
            match (byte, escaped) {
                (b'(', false) => depth += 1,
                (b')', false) => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return Ok(Text::new(text));
            }
            text.push(byte);
        }
    }

    /// A quoted string (RFC 5322 §3.2.4) without its quotes; folds undone, a tab as a space.
    pub(super) fn quoted(&mut self) -> Result<Vec<u8>, AuthResError> {
        let start = self.at;
        self.at += 1;
        let mut text = Vec::new();
        loop {
            match self.content(start, AuthResErrorKind::UnclosedQuote)? {
                (b'"', false) => return Ok(text),
                (byte, _) => text.push(byte),
            }
        }
    }

    /// The next byte inside a comment or quoted string, and whether a backslash stood before it.
    fn content(&mut self, start: usize, unclosed: AuthResErrorKind) -> Result<(u8, bool), AuthResError> {
        if self.space() {
            return Ok((b' ', false));
        }
        let escaped = self.eat(b'\\');
        if escaped && self.space() {
            return Ok((b' ', true));
        }
        match self.peek() {
            None => self.fail(unclosed, start),
            Some(byte) if byte.is_ascii_control() => self.fail(AuthResErrorKind::Byte(byte), self.at),
            Some(byte) => {
                self.at += 1;
                Ok((byte, escaped))
            }
        }
    }
}
