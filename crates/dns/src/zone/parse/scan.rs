//! The text of a master file as entries, and entries as words: white space, quotes, parentheses, comments.

use super::{Place, ZoneError};
use crate::name::{Name, unescape};
use crate::question::RecordType;

/// Types that are known to exist and that nobody here asks for.
const OTHER_TYPES: [&str; 23] = [
    "CAA",
    "CDNSKEY",
    "CDS",
    "CERT",
    "DNSKEY",
    "DS",
    "HINFO",
    "HTTPS",
    "LOC",
    "NAPTR",
    "NSEC",
    "NSEC3",
    "NSEC3PARAM",
    "OPENPGPKEY",
    "RP",
    "RRSIG",
    "SMIMEA",
    "SPF",
    "SRV",
    "SSHFP",
    "SVCB",
    "URI",
    "ZONEMD",
];

/// One word, as written; its escapes are not yet undone.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token<'a> {
    pub(super) raw: &'a [u8],
    pub(super) quoted: bool,
    pub(super) place: Place,
}

impl Token<'_> {
    pub(super) fn error(self, message: impl Into<String>) -> ZoneError {
        self.place.error(message)
    }

    /// Whether it is this word, in either case.
    pub(super) fn is(self, word: &str) -> bool {
        !self.quoted && self.raw.eq_ignore_ascii_case(word.as_bytes())
    }

    pub(super) fn text(&self) -> Option<&str> {
        std::str::from_utf8(self.raw).ok()
    }

    pub(super) fn rtype(&self) -> Option<RecordType> {
        self.text().filter(|_| !self.quoted)?.parse().ok()
    }

    /// A type of record without a use here, by its name or as `TYPE99` (RFC 3597 §5).
    pub(super) fn is_other_type(self) -> bool {
        let number = self.text().and_then(|text| text.get(..4).zip(text.get(4..)));
        OTHER_TYPES.iter().any(|t| self.is(t))
            || number.is_some_and(|(word, n)| word.eq_ignore_ascii_case("TYPE") && n.parse::<u16>().is_ok())
    }

    pub(super) fn name(self, origin: &Name) -> Result<Name, ZoneError> {
        if self.is("@") {
            return Ok(origin.clone());
        }
        Name::from_presentation_below(self.raw, origin).map_err(|e| self.error(e.to_string()))
    }

    /// The bytes that the word stands for.
    pub(super) fn unescaped(self) -> Result<Vec<u8>, ZoneError> {
        let mut out = Vec::with_capacity(self.raw.len());
        let mut bytes = self.raw.iter().copied();
        while let Some(byte) = bytes.next() {
            out.push(match byte {
                b'\\' => unescape(&mut bytes).map_err(|e| self.error(e.to_string()))?,
                _ => byte,
            });
        }
        Ok(out)
    }
}

/// One record or control entry, which parentheses may spread over several lines, or one directive.
pub(super) struct Entry<'a> {
    /// White space stands where the owner would.
    pub(super) blank_owner: bool,
    /// The words of a `;!` comment.
    pub(super) directive: bool,
    pub(super) tokens: Vec<Token<'a>>,
    /// Where the words end.
    pub(super) end: Place,
}

pub(super) struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
    line: usize,
    line_start: usize,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a [u8]) -> Self {
        // A byte order mark is no part of the first owner.
        let at = if text.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        Self { text, at, line: 1, line_start: at }
    }

    /// The next entry that is not empty.
    pub(super) fn next_entry(&mut self) -> Result<Option<Entry<'a>>, ZoneError> {
        loop {
            if self.peek().is_none() {
                return Ok(None);
            }
            let entry = self.entry()?;
            if entry.directive || !entry.tokens.is_empty() {
                return Ok(Some(entry));
            }
        }
    }

    fn entry(&mut self) -> Result<Entry<'a>, ZoneError> {
        let blank_owner = matches!(self.peek(), Some(b' ' | b'\t'));
        let mut tokens = Vec::new();
        let mut directive = false;
        let mut open: Option<Place> = None;
        let mut end = self.place();
        loop {
            let here = self.place();
            match self.peek() {
                None => break,
                Some(b'\n') => {
                    self.new_line();
                    if open.is_none() {
                        break;
                    }
                }
                Some(b' ' | b'\t' | b'\r') => self.at += 1,
                Some(b';') if self.text.get(self.at + 1) == Some(&b'!') && !directive => {
                    if !tokens.is_empty() || open.is_some() {
                        return Err(here.error("a directive stands on a line of its own"));
                    }
                    directive = true;
                    self.at += 2;
                }
                Some(b';') => self.skip_comment(),
                Some(b'(') if open.is_none() && !directive => {
                    open = Some(here);
                    self.at += 1;
                }
                Some(b')') if open.take().is_some() => self.at += 1,
                Some(b'(') => return Err(here.error("a parenthesis inside parentheses, or in a directive")),
                Some(b')') => return Err(here.error("a closing parenthesis without an opening one")),
                Some(b'"') => tokens.push(self.quoted()?),
                Some(_) => tokens.push(self.word()),
            }
            end = self.place_of(end);
        }
        if let Some(place) = open {
            return Err(place.error("this parenthesis is never closed"));
        }
        Ok(Entry { blank_owner, directive, tokens, end })
    }

    /// Where the scanner is, unless it has just begun a line: the end of a line is on that line.
    fn place_of(&self, before: Place) -> Place {
        if self.at == self.line_start { before } else { self.place() }
    }

    fn quoted(&mut self) -> Result<Token<'a>, ZoneError> {
        let place = self.place();
        self.at += 1;
        let start = self.at;
        loop {
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => self.at += self.escape_len(),
                None | Some(b'\n') => return Err(place.error("this quote is not closed on its line")),
                Some(_) => self.at += 1,
            }
        }
        let raw = self.text.get(start..self.at).unwrap_or_default();
        self.at += 1;
        Ok(Token { raw, quoted: true, place })
    }

    fn word(&mut self) -> Token<'a> {
        let place = self.place();
        let start = self.at;
        loop {
            match self.peek() {
                None | Some(b' ' | b'\t' | b'\r' | b'\n' | b';' | b'(' | b')' | b'"') => break,
                Some(b'\\') => self.at += self.escape_len(),
                Some(_) => self.at += 1,
            }
        }
        Token { raw: self.text.get(start..self.at).unwrap_or_default(), quoted: false, place }
    }

    /// A backslash takes the next byte with it, but never the end of the line or of the text.
    fn escape_len(&self) -> usize {
        if matches!(self.text.get(self.at + 1), None | Some(b'\n' | b'\r')) { 1 } else { 2 }
    }

    fn skip_comment(&mut self) {
        while self.peek().is_some_and(|b| b != b'\n') {
            self.at += 1;
        }
    }

    fn new_line(&mut self) {
        self.at += 1;
        self.line += 1;
        self.line_start = self.at;
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn place(&self) -> Place {
        Place { line: self.line, column: self.at - self.line_start + 1 }
    }
}
