//! Authentication-Results (RFC 8601): what was checked about a message, as a header field.
//!
//! [`AuthenticationResults::field`] writes, [`AuthenticationResults::parse`] reads, [`find`] tells which fields of a
//! message claim to be ours. What is written here and read again is the same value.

use std::fmt;

use smol_str::SmolStr;

use crate::domain::{Domain, DomainError};

pub mod find;
mod lex;
mod parse;
mod registry;
mod write;

pub use parse::{AuthResError, AuthResErrorKind, MAX_RESULTS};
pub use registry::{
    ArcWord, AuthWord, DkimWord, DmarcWord, IprevWord, Method, RegisteredProperty, SpfWord, Word,
};
pub use write::{MAX_VALUE, MAX_WRITTEN};

/// The name of the field.
pub const FIELD_NAME: &str = "Authentication-Results";
/// Longest keyword, in bytes. The longest one registered has ten.
pub const MAX_KEYWORD: usize = 64;
/// Longest reason or comment, in bytes; the rest is cut off.
pub const MAX_TEXT: usize = 300;

/// As many properties as one of our results has at the most; there is room for so many at first.
const MOST_PROPERTIES: usize = 5;

/// The name of the service that did the checks (RFC 8601 §2.5). Two ids are the same service exactly if they are
/// equal: case, the dot at the end, A-label or U-label form make no difference.
///
/// DEVIATION: RFC 8601 §2.5 allows any string. Here it is a domain name, of one label or more: what else a string may
/// hold (spaces, encoded words, look-alikes of nothing) could be taken for our name by somebody who reads loosely.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AuthservId(Domain);

impl AuthservId {
    /// Reads a bare id, without quotes, comments or version.
    pub fn parse(text: impl AsRef<[u8]>) -> Result<Self, DomainError> {
        Domain::parse(text).map(Self)
    }

    /// `localhost`, for whoever has no name.
    pub fn localhost() -> Self {
        Self(Domain::localhost())
    }

    /// The id in A-label form, lower case.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl From<Domain> for AuthservId {
    fn from(name: Domain) -> Self {
        Self(name)
    }
}

impl fmt::Display for AuthservId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A word of the field's grammar, lower case (RFC 8601 §2.2: RFC 5321's Keyword, which is letters, digits and hyphens,
/// no hyphen at the end). At most [`MAX_KEYWORD`] bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Keyword(SmolStr);

impl Keyword {
    /// Reads a keyword in any case.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let fits = text.len() <= MAX_KEYWORD
            && text.last().is_some_and(u8::is_ascii_alphanumeric)
            && text.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'-');
        fits.then(|| Self(text.iter().map(|b| char::from(b.to_ascii_lowercase())).collect()))
    }

    /// The keyword, lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Prose for people, in a reason or a comment: words of visible ASCII with one space between them, at most
/// [`MAX_TEXT`] bytes, not empty.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Text(Box<str>);

impl Text {
    /// Takes any bytes. White space and line ends become one space, every other character that is not visible ASCII
    /// becomes `?`, what is too long is cut. `None` if nothing is left.
    pub fn new(text: impl AsRef<[u8]>) -> Option<Self> {
        let text = String::from_utf8_lossy(text.as_ref());
        let mut out = String::new();
        for word in text.split([' ', '\t', '\r', '\n']).filter(|w| !w.is_empty()) {
            let gap = usize::from(!out.is_empty());
            let room = MAX_TEXT.saturating_sub(out.len() + gap);
            if room == 0 {
                break;
            }
            out.extend(std::iter::repeat_n(' ', gap));
            out.extend(word.chars().take(room).map(|c| if c.is_ascii_graphic() { c } else { '?' }));
        }
        (!out.is_empty()).then(|| Self(out.into_boxed_str()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a property holds: text without control characters, of any length, possibly empty. An address with a quoted
/// local part keeps its quotes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Value(SmolStr);

impl Value {
    /// Takes the bytes exactly as they are, or not at all: `None` for what is not UTF-8 or has a control character.
    /// Nothing is dropped out of a value, since that could make it another's name.
    pub fn new(text: impl AsRef<[u8]>) -> Option<Self> {
        let text = std::str::from_utf8(text.as_ref()).ok()?;
        (!text.chars().any(char::is_control)).then(|| Self(text.into()))
    }

    /// The value, without the quotes that it was written in.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What was looked at: `ptype.property=value` (RFC 8601 §2.3). `header`, `smtp`, `policy` and `body` are the
/// registered ptypes; of any other nothing may be concluded.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Property {
    /// Where the value comes from: the header, the SMTP session, a local policy.
    pub ptype: Keyword,
    /// Which part of that.
    pub property: Keyword,
    /// The value.
    pub value: Value,
}

impl Property {
    /// Whether it is this registered property.
    pub fn is(&self, registered: RegisteredProperty) -> bool {
        registered.keywords() == (self.ptype.clone(), self.property.clone())
    }
}

/// The result of one check of one method.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MethodResult {
    /// What was checked.
    pub method: Method,
    /// What came of it.
    pub result: Word,
    /// The comment right behind the result.
    pub comment: Option<Text>,
    /// The `reason=`.
    pub reason: Option<Text>,
    /// The properties, in the order of the text.
    pub properties: Vec<Property>,
}

impl MethodResult {
    fn new(method: Method, result: Word) -> Self {
        Self { method, result, comment: None, reason: None, properties: Vec::with_capacity(MOST_PROPERTIES) }
    }

    /// The same result with a property. One whose value is no [`Value`] is left out.
    #[must_use]
    pub fn with(mut self, property: RegisteredProperty, value: impl AsRef<[u8]>) -> Self {
        let (ptype, name) = property.keywords();
        if let Some(value) = Value::new(value) {
            self.properties.push(Property { ptype, property: name, value });
        }
        self
    }

    /// The same result with a `reason=`, made safe by [`Text::new`].
    #[must_use]
    pub fn with_reason(self, reason: impl AsRef<[u8]>) -> Self {
        Self { reason: Text::new(reason), ..self }
    }

    /// The same result with a comment, made safe by [`Text::new`].
    #[must_use]
    pub fn with_comment(self, comment: impl AsRef<[u8]>) -> Self {
        Self { comment: Text::new(comment), ..self }
    }

    /// The value of the first property of this name.
    pub fn property(&self, property: RegisteredProperty) -> Option<&Value> {
        let name = property.keywords();
        self.properties.iter().find(|p| (&p.ptype, &p.property) == (&name.0, &name.1)).map(|p| &p.value)
    }
}

/// One Authentication-Results field. The version of the field's own syntax is always 1: no other is read or written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthenticationResults {
    /// Who did the checks.
    pub id: AuthservId,
    /// What came of them; nothing at all is written as `none`.
    pub results: Vec<MethodResult>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ar_04_ids_are_equal_in_all_their_forms() {
        let id = |s: &str| AuthservId::parse(s).unwrap();
        assert_eq!(id("MX.Receiver.TEST."), id("mx.receiver.test"));
        assert_eq!(id("bücher.example"), id("XN--BCHER-KVA.example"));
        assert_ne!(id("mx.receiver.test"), id("receiver.test"));
        assert!(AuthservId::parse("=?utf-8?q?mx?=").is_err());
        assert!(AuthservId::parse("mx.receiver .test").is_err());
    }

    #[test]
    fn keywords() {
        assert_eq!(Keyword::parse(b"X-Dkim").unwrap().as_str(), "x-dkim");
        for bad in ["", "a-", "__proto__", "a.b", "ä", "a b", &"a".repeat(MAX_KEYWORD + 1)] {
            assert_eq!(Keyword::parse(bad.as_bytes()), None, "{bad}");
        }
        assert!(Keyword::parse("a".repeat(MAX_KEYWORD).as_bytes()).is_some());
    }

    #[test]
    fn smug_03_texts_are_made_safe_and_values_are_whole_or_absent() {
        let text = |b: &[u8]| Text::new(b).map(|t| t.as_str().to_owned());
        assert_eq!(text(b" bad\r\n\t key\r\nX: y\0\x1b\xff\x7f ").as_deref(), Some("bad key X: y????"));
        assert_eq!(text("a\u{2028}b ü".as_bytes()).as_deref(), Some("a?b ?"));
        assert_eq!(text(b" \r\n"), None);
        assert_eq!(text(&[b'a'; MAX_TEXT + 5]).unwrap().len(), MAX_TEXT);
        let long = text("ab ".repeat(1 << 19).as_bytes()).unwrap();
        assert!(long.len() <= MAX_TEXT && !long.ends_with(' '));
        assert_eq!(text(long.as_bytes()), Some(long));
        for bad in ["a\rb", "a\nb", "a\0b", "a\tb", "a\u{7f}b", "a\u{85}b"] {
            assert_eq!(Value::new(bad), None, "{bad:?}");
        }
        assert_eq!(Value::new(b"\xff"), None);
        assert_eq!(Value::new("ü; (\"").unwrap().as_str(), "ü; (\"");
    }
}
