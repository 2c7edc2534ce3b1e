//! The words of an address list: atoms, quoted strings, literals and specials, with the white space, folds and comments
//! between them (RFC 5322 §3.2) taken out.

use super::{AddressError, AddressErrorKind as Kind, MAX_COMMENT_DEPTH, Text};
use crate::finding::Span;

/// One token and what stood before it.
#[derive(Debug)]
pub(super) struct Token<'a> {
    pub(super) word: Word<'a>,
    pub(super) span: Span,
    /// Whether white space or a comment stands before it.
    pub(super) gap: bool,
}

#[derive(Debug)]
pub(super) enum Word<'a> {
    /// A run of bytes without a special among them; UTF-8 counts as letters (RFC 6532 §3.2).
    Atom(&'a [u8]),
    /// The content of a quoted string, folds and quoted-pairs undone.
    Quoted(Vec<u8>),
    /// A domain literal; what is inside nobody needs to know.
    Literal,
    /// One of `< > @ , ; : .`
    Special(u8),
}

/// Reads tokens one at a time; every byte is looked at once.
#[derive(Debug)]
pub(super) struct Lexer<'a> {
    text: &'a [u8],
    at: usize,
    /// The comments passed by so far, without those that hold nothing but white space.
    pub(super) comments: Vec<Text>,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0, comments: Vec::new() }
    }

    /// The next token; `None` at the end of the text.
    pub(super) fn next_token(&mut self) -> Result<Option<Token<'a>>, AddressError> {
        let start = self.at;
        self.skip_white_space_and_comments()?;
        let gap = self.at > start;
        let start = self.at;
        let Some(byte) = self.peek() else { return Ok(None) };
        let word = match byte {
            b'"' => Word::Quoted(self.quoted()?),
            b'[' => self.literal()?,
            b'<' | b'>' | b'@' | b',' | b';' | b':' | b'.' => {
                self.at += 1;
                Word::Special(byte)
            }
            b')' | b']' | b'\\' => return Err(self.error_here(Kind::Stray(byte))),
            _ if byte.is_ascii_control() => return Err(self.error_here(Kind::Control(byte))),
            _ => self.atom(),
        };
        Ok(Some(Token { word, span: Span::new(start, self.at), gap }))
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn error_here(&self, kind: Kind) -> AddressError {
        AddressError { kind, span: Span::new(self.at, (self.at + 1).min(self.text.len())) }
    }

    /// Steps over one byte of white space or one fold; false if neither stands here.
    fn skip_white_space(&mut self) -> bool {
        match self.text.get(self.at..).unwrap_or_default() {
            [b' ' | b'\t', ..] => self.at += 1,
            [b'\r', b'\n', b' ' | b'\t', ..] => self.at += 3,
            _ => return false,
        }
        true
    }

    fn skip_white_space_and_comments(&mut self) -> Result<(), AddressError> {
        loop {
            if self.peek() == Some(b'(') {
                self.comment()?;
            } else if !self.skip_white_space() {
                return Ok(());
            }
        }
    }

    /// RFC 5322 §3.2.2: comments nest.
    fn comment(&mut self) -> Result<(), AddressError> {
        let start = self.at;
        let mut depth = 0;
        let mut content = Vec::new();
        loop {
            let Some(byte) = self.peek() else {
                return Err(AddressError { kind: Kind::OpenComment, span: Span::new(start, start + 1) });
            };
            match byte {
                b'(' if depth == MAX_COMMENT_DEPTH => return Err(self.error_here(Kind::DeepComment)),
                b'(' => depth += 1,
                b')' => depth -= 1,
                _ => {
                    content.push(self.text_byte(byte)?);
                    continue;
                }
            }
            content.push(byte);
            self.at += 1;
            if depth == 0 {
                break;
            }
        }
        let inside = content.get(1..content.len() - 1).unwrap_or_default();
        if !inside.trim_ascii().is_empty() {
            self.comments.push(Text { bytes: inside.to_vec(), span: Span::new(start, self.at) });
        }
        Ok(())
    }

    /// RFC 5322 §3.2.4.
    fn quoted(&mut self) -> Result<Vec<u8>, AddressError> {
        let start = self.at;
        let mut content = Vec::new();
        self.at += 1;
        loop {
            match self.peek() {
                None => {
                    return Err(AddressError { kind: Kind::OpenQuote, span: Span::new(start, start + 1) });
                }
                Some(b'"') => break,
                Some(byte) => content.push(self.text_byte(byte)?),
            }
        }
        self.at += 1;
        Ok(content)
    }

    /// One byte inside quotes or a comment, or the fold or quoted-pair that stands there, as the byte that it means.
    fn text_byte(&mut self, byte: u8) -> Result<u8, AddressError> {
        if self.skip_white_space() {
            return Ok(if byte == b'\t' { b'\t' } else { b' ' });
        }
        let mut meant = byte;
        if byte == b'\\' {
            self.at += 1;
            meant = self.peek().unwrap_or(byte);
        }
        // DEVIATION: RFC 5322 §4.1 lets obsolete control characters stand here; no sender writes them, and programs
        // differ in what they show.
        if meant.is_ascii_control() {
            return Err(self.error_here(Kind::Control(meant)));
        }
        self.at += 1;
        Ok(meant)
    }

    /// RFC 5322 §3.4.1 domain-literal.
    fn literal(&mut self) -> Result<Word<'a>, AddressError> {
        let start = self.at;
        self.at += 1;
        loop {
            match self.peek() {
                None => {
                    return Err(AddressError { kind: Kind::OpenLiteral, span: Span::new(start, start + 1) });
                }
                Some(b']') => break,
                Some(byte @ (b'[' | b'\\')) => return Err(self.error_here(Kind::Stray(byte))),
                Some(_) if self.skip_white_space() => {}
                Some(byte) if byte.is_ascii_control() => return Err(self.error_here(Kind::Control(byte))),
                Some(_) => self.at += 1,
            }
        }
        self.at += 1;
        Ok(Word::Literal)
    }

    fn atom(&mut self) -> Word<'a> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let len = rest.iter().take_while(|b| is_atext(**b)).count();
        self.at += len;
        Word::Atom(rest.get(..len).unwrap_or_default())
    }
}

fn is_atext(byte: u8) -> bool {
    // Alternatives, not a text to search: they become one comparison and one look into a word of bits.
    !matches!(
        byte,
        b'\0'
            ..=b' '
                | 0x7f
                | b'"'
                | b'('
                | b')'
                | b','
                | b'.'
                | b':'
                | b';'
                | b'<'
                | b'>'
                | b'@'
                | b'['
                | b'\\'
                | b']'
    )
}
