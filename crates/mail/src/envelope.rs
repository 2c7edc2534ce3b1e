//! What the client said in SMTP: the name it greeted with and the reverse path, read from the bytes as transmitted.

use std::fmt;

use crate::domain::{Domain, DomainError};
use crate::escape::printable;

/// Longest argument of MAIL FROM that is read, in bytes. RFC 5321 §4.5.3.1.3 asks for 256; source routes, variable
/// return paths and U-labels are longer.
pub const MAX_PATH: usize = 2048;
/// Most bytes that are kept of an argument that could not be read.
pub const MAX_KEPT: usize = 2048;

/// What stands after the `@` of a path.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PathDomain {
    /// A domain name.
    Name(Domain),
    /// An address in brackets (RFC 5321 §4.1.3).
    Literal,
    /// Has the characters of a domain, but labels or a length that no name has.
    Malformed,
}

/// The argument of MAIL FROM (RFC 5321 §4.1.2), without its brackets and source route.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ReversePath {
    /// `<>`
    Null,
    /// A mailbox.
    Mailbox {
        /// The local part, quotes and quoted-pairs undone. Empty where nothing stood before the `@`.
        local: Vec<u8>,
        /// What stands after the last `@` outside quotes.
        domain: PathDomain,
    },
    /// No path by the rules of RFC 5321; the bytes as they came, at most [`MAX_KEPT`] of them.
    Invalid(Vec<u8>),
}

impl ReversePath {
    /// Reads the argument of MAIL FROM as the client sent it, with or without its angle brackets and without the
    /// parameters that may follow; nothing at all is read as `<>`. Bytes of 0x80 and above are UTF-8 where the client
    /// asked for SMTPUTF8 (RFC 6531 §3.3) and an error elsewhere.
    pub fn parse(raw: &[u8], smtputf8: bool) -> Self {
        read_path(raw, smtputf8).unwrap_or_else(|| Self::Invalid(keep(raw)))
    }

    /// The domain name after the `@`, if there is one.
    pub fn domain(&self) -> Option<&Domain> {
        match self {
            Self::Mailbox { domain: PathDomain::Name(name), .. } => Some(name),
            Self::Mailbox { .. } | Self::Null | Self::Invalid(_) => None,
        }
    }

    /// The local part of a mailbox, quotes undone; empty where nothing stood before the `@`.
    pub fn local(&self) -> Option<&[u8]> {
        match self {
            Self::Mailbox { local, .. } => Some(local),
            Self::Null | Self::Invalid(_) => None,
        }
    }
}

/// For people: the path in its brackets with nothing unprintable in it.
impl fmt::Display for ReversePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("<>"),
            Self::Mailbox { local, domain } => {
                f.write_str("<")?;
                write_local(f, local)?;
                write!(f, "@{domain}>")
            }
            Self::Invalid(raw) => f.write_str(&printable(raw)),
        }
    }
}

/// For people: the name, or in words what stands in its place.
impl fmt::Display for PathDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => name.fmt(f),
            Self::Literal => f.write_str("[address literal]"),
            Self::Malformed => f.write_str("(malformed domain)"),
        }
    }
}

fn write_local(f: &mut fmt::Formatter<'_>, local: &[u8]) -> fmt::Result {
    if local.iter().all(|&b| is_atext(b) || b == b'.') {
        return f.write_str(&printable(local));
    }
    // `printable` doubles backslashes by itself, so only the quotes are left to escape.
    write!(f, "\"{}\"", printable(local).replace('"', "\\\""))
}

fn read_path(raw: &[u8], smtputf8: bool) -> Option<ReversePath> {
    if raw.len() > MAX_PATH || !has_allowed_bytes(raw, smtputf8) {
        return None;
    }
    let path = without_brackets(raw)?;
    if path.is_empty() {
        return Some(ReversePath::Null);
    }
    let (local, after_at) = read_local(without_route(path)?)?;
    let domain = read_domain(after_at)?;
    Some(ReversePath::Mailbox { local, domain })
}

fn has_allowed_bytes(raw: &[u8], smtputf8: bool) -> bool {
    // RFC 6531 §3.3: without SMTPUTF8 a path is ASCII; with it, UTF-8.
    !raw.iter().any(u8::is_ascii_control) && (raw.is_ascii() || smtputf8 && std::str::from_utf8(raw).is_ok())
}

fn without_brackets(raw: &[u8]) -> Option<&[u8]> {
    match (raw.strip_prefix(b"<"), raw.ends_with(b">")) {
        (Some(rest), true) => rest.strip_suffix(b">"),
        (None, false) => Some(raw),
        _ => None,
    }
}

/// The path without its source route, `@one,@two:`.
fn without_route(path: &[u8]) -> Option<&[u8]> {
    if !path.starts_with(b"@") {
        return Some(path);
    }
    match path.iter().position(|b| matches!(b, b':' | b'[')) {
        // RFC 5321 §4.1.2, appendix C: a source route is accepted and ignored.
        Some(end) if path.get(end) == Some(&b':') => {
            let (route, rest) = path.split_at(end);
            route.split(|&b| b == b',').all(is_at_domain).then_some(rest.get(1..)?)
        }
        _ => Some(path),
    }
}

fn is_at_domain(hop: &[u8]) -> bool {
    hop.strip_prefix(b"@").is_some_and(|name| !name.is_empty() && name.iter().all(|&b| is_domain_byte(b)))
}

/// The local part and what follows the `@` that ends it.
fn read_local(path: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    if let Some(quoted) = path.strip_prefix(b"\"") {
        let (local, rest) = read_quoted(quoted)?;
        return Some((local, rest.strip_prefix(b"@")?));
    }
    // DEVIATION: RFC 5321 §4.1.2 has neither empty local parts, nor spaces outside quotes, nor two dots in a row. RFC
    // 7208 §4.3 and its test suite want the first two checked, the last are in use, and none hides where the domain is.
    let at = path.iter().position(|&b| b == b'@')?;
    let (local, rest) = path.split_at(at);
    let is_local = local.iter().all(|&b| is_atext(b) || matches!(b, b'.' | b' '));
    is_local.then_some((local.to_vec(), rest.get(1..)?))
}

/// A quoted string after its opening quote: its content, and what follows the closing quote.
fn read_quoted(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut content = Vec::new();
    let mut rest = text.iter();
    loop {
        match rest.next()? {
            b'"' => return Some((content, rest.as_slice())),
            b'\\' => content.push(*rest.next()?),
            byte => content.push(*byte),
        }
    }
}

fn read_domain(text: &[u8]) -> Option<PathDomain> {
    if let Some(literal) = text.strip_prefix(b"[") {
        let inside = literal.strip_suffix(b"]")?;
        // RFC 5321 §4.1.3 dcontent: printable ASCII without brackets, backslash and space.
        let is_content = inside.iter().all(|b| matches!(b, b'!'..=b'Z' | b'^'..=b'~'));
        return (!inside.is_empty() && is_content).then_some(PathDomain::Literal);
    }
    if !text.iter().all(|&b| is_domain_byte(b)) {
        return None;
    }
    match Domain::parse(text) {
        Ok(name) => Some(PathDomain::Name(name)),
        Err(DomainError::EmptyLabel | DomainError::LongLabel | DomainError::LongName) => {
            Some(PathDomain::Malformed)
        }
        // An A-label that decodes to nothing valid is still letters, digits and hyphens; a U-label is not.
        Err(DomainError::Idna) if text.is_ascii() => Some(PathDomain::Malformed),
        Err(DomainError::Idna | DomainError::Empty | DomainError::Byte(_)) => None,
    }
}

/// What a domain is written with; U-labels are looked at by [`Domain::parse`].
fn is_domain_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | 0x80..)
}

/// RFC 5322 §3.2.3 atext, with UTF-8 (RFC 6531 §3.3).
fn is_atext(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte >= 0x80 || b"!#$%&'*+-/=?^_`{|}~".contains(&byte)
}

fn keep(raw: &[u8]) -> Vec<u8> {
    raw.get(..MAX_KEPT).unwrap_or(raw).to_vec()
}

/// The argument of HELO or EHLO.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Helo {
    /// A domain name, fully qualified or not.
    Name(Domain),
    /// Anything else: an address literal, nothing at all, bytes that no name has. As it came, at most [`MAX_KEPT`]
    /// bytes of it.
    Other(Vec<u8>),
}

impl Helo {
    /// Reads the argument of HELO or EHLO as the client sent it. U-labels are no name here: a client cannot ask for
    /// SMTPUTF8 before it has greeted (RFC 6531 §3.7.1).
    pub fn parse(raw: &[u8]) -> Self {
        match Domain::parse(raw) {
            Ok(name) if raw.is_ascii() => Self::Name(name),
            _ => Self::Other(keep(raw)),
        }
    }

    /// The domain name, if the client gave one.
    pub fn name(&self) -> Option<&Domain> {
        match self {
            Self::Name(name) => Some(name),
            Self::Other(_) => None,
        }
    }
}

/// For people: what the client said, with nothing unprintable in it.
impl fmt::Display for Helo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => name.fmt(f),
            Self::Other(raw) => f.write_str(&printable(raw)),
        }
    }
}

#[cfg(test)]
mod tests;
