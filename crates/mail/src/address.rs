//! Address lists as they stand in From and its like (RFC 5322 §3.4, with §4.4 and RFC 6854): read to the end or not at
//! all. What the grammar forbids is an error even where its meaning could be guessed, because readers guess differently.

use std::fmt;

use crate::domain::{Domain, DomainError};
use crate::finding::Span;
use crate::header::MAX_FIELD;

mod lexer;
mod parser;

/// Most mailboxes in one field.
pub const MAX_MAILBOXES: usize = 100;
/// How deep comments may nest.
pub const MAX_COMMENT_DEPTH: usize = 16;

/// A piece of text beside the addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// The text; quotes, quoted-pairs and folds undone, encoded words left as they are.
    pub bytes: Vec<u8>,
    /// Where it stands in the field's value, quotes or parentheses included.
    pub span: Span,
}

/// What stands after the `@` of an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AddressDomain {
    /// A domain name.
    Name(Domain),
    /// An address in brackets.
    Literal,
    /// Text that is no domain name, and why.
    Invalid(DomainError),
}

/// One mailbox of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mailbox {
    /// The display name before the angle brackets, white space between its words made one space.
    pub display: Option<Text>,
    /// The domain of an address that stands, unquoted, in place of the display name: `a@b.example <a@b.example>`. No
    /// RFC allows it, yet senders write it, so whoever uses the list must look at this domain too.
    pub displayed: Option<AddressDomain>,
    /// The local part, quotes and quoted-pairs undone. Never decoded (RFC 2047 §5).
    pub local: Vec<u8>,
    /// What stands after the `@`.
    pub domain: AddressDomain,
    /// The address from the local part to the end of the domain.
    pub span: Span,
    /// The domain.
    pub domain_span: Span,
}

/// What a field's value says: mailboxes, those inside groups among them, and the texts around them.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct AddressList {
    /// The mailboxes in their order, at most [`MAX_MAILBOXES`]; none in `Robot:;`.
    pub mailboxes: Vec<Mailbox>,
    /// The names of the groups.
    pub groups: Vec<Text>,
    /// The comments that say something.
    pub comments: Vec<Text>,
}

impl AddressList {
    /// Reads the value of a field, folds included, of at most [`MAX_FIELD`] bytes.
    pub fn parse(value: &[u8]) -> Result<Self, AddressError> {
        if value.len() > MAX_FIELD {
            let kind = AddressErrorKind::LongField;
            return Err(AddressError { kind, span: Span::new(MAX_FIELD, value.len()) });
        }
        check_charset(value)?;
        parser::parse(value)
    }
}

/// Text in an old charset is let through where no address depends on it. With a backslash in the field one might: in
/// some charsets that byte is the second half of a letter and escapes nothing.
fn check_charset(value: &[u8]) -> Result<(), AddressError> {
    match std::str::from_utf8(value) {
        Err(error) if value.contains(&b'\\') => {
            let at = error.valid_up_to();
            Err(AddressError { kind: AddressErrorKind::NotUtf8, span: Span::new(at, at + 1) })
        }
        _ => Ok(()),
    }
}

/// Why a text is not an address list, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AddressError {
    /// What is wrong.
    pub kind: AddressErrorKind,
    /// The bytes of the value that are wrong; for something never closed, where it opens.
    pub span: Span,
}

/// What is wrong with an address list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AddressErrorKind {
    /// More than [`MAX_FIELD`] bytes.
    LongField,
    /// More than [`MAX_MAILBOXES`] mailboxes.
    ManyMailboxes,
    /// Comments nest deeper than [`MAX_COMMENT_DEPTH`].
    DeepComment,
    /// A comment that does not end.
    OpenComment,
    /// A quoted string that does not end.
    OpenQuote,
    /// A `<` without its `>`.
    OpenAngle,
    /// A `[` without its `]`.
    OpenLiteral,
    /// A group without its semicolon.
    OpenGroup,
    /// A group inside a group.
    NestedGroup,
    /// A control character, or a CR or LF that is no fold; the byte.
    Control(u8),
    /// A special character where none can stand; the byte.
    Stray(u8),
    /// Text after an address or a group, where only a comma could follow.
    TextAfter,
    /// An element without an `@` and a domain.
    NoDomain,
    /// Nothing before the `@`.
    NoLocal,
    /// `<>`
    EmptyAngle,
    /// A second unquoted `@` in an address.
    SecondAt,
    /// Several words before an `@`: a display name that needs quotes, or two addresses without a comma.
    WordsBeforeAt,
    /// A source route (RFC 5322 §4.4 obs-route).
    Route,
    /// Bytes that are not UTF-8 where an address depends on them.
    NotUtf8,
    /// A character in the local part that is not seen, or seen as something else; the character.
    Invisible(char),
    /// White space or a comment divides the domain, and what stands before it is a domain too.
    SplitDomain,
    /// A comment inside an address holds an `@`.
    AtInComment,
}

impl fmt::Display for AddressErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LongField => write!(f, "the field is longer than {MAX_FIELD} bytes"),
            Self::ManyMailboxes => write!(f, "more than {MAX_MAILBOXES} addresses"),
            Self::DeepComment => write!(f, "comments nest deeper than {MAX_COMMENT_DEPTH}"),
            Self::OpenComment => f.write_str("a comment has no closing parenthesis"),
            Self::OpenQuote => f.write_str("a quoted string has no closing quote"),
            Self::OpenAngle => f.write_str("an address has no closing \">\""),
            Self::OpenLiteral => f.write_str("an address literal has no closing bracket"),
            Self::OpenGroup => f.write_str("a group has no semicolon at its end"),
            Self::NestedGroup => f.write_str("a group stands inside a group"),
            Self::Control(byte) => write!(f, "a control character, {}", crate::printable([*byte])),
            Self::Stray(byte) => write!(f, "\"{}\" can't stand here", char::from(*byte)),
            Self::TextAfter => f.write_str("text follows an address without a comma between"),
            Self::NoDomain => f.write_str("not an address: no \"@\" and domain"),
            Self::NoLocal => f.write_str("nothing stands before the \"@\""),
            Self::EmptyAngle => f.write_str("no address between \"<\" and \">\""),
            Self::SecondAt => f.write_str("an address with more than one \"@\""),
            Self::WordsBeforeAt => {
                f.write_str("several words before the \"@\": quotes or a comma are missing")
            }
            Self::Route => f.write_str("a source route before the address"),
            Self::NotUtf8 => f.write_str("bytes that are not UTF-8"),
            Self::Invisible(char) => {
                write!(f, "the address holds U+{:04X}, which can't be seen for what it is", u32::from(*char))
            }
            Self::SplitDomain => {
                f.write_str("white space or a comment cuts the domain, so it can be read as two")
            }
            Self::AtInComment => f.write_str("a comment inside the address holds an \"@\""),
        }
    }
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)
    }
}

impl std::error::Error for AddressError {}

#[cfg(test)]
mod tests;
