//! Filling in macro-strings (RFC 7208 §7.3). One pass: what was filled in is not looked at again.

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;

use dns::{Name, NameError};
use mail::{Helo, UnixTime};

use super::{DomainSpec, Letter, Macro, MacroString, Part};

/// What `%{p}` stands for where the client's address has no validated name (RFC 7208 §7.3).
pub const UNKNOWN: &str = "unknown";
/// Longest name in text form, in bytes (RFC 7208 §7.3).
const MAX_NAME: usize = 253;
/// Longest explanation, in bytes; what is more is cut off.
pub(crate) const MAX_EXPLANATION: usize = 512;

/// Why a domain-spec gave no name that could be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NoTarget {
    /// Its labels make no name.
    Name(NameError),
    /// It has no label at all.
    Empty,
    /// A byte in it is no printable ASCII character (RFC 7208 §4.8).
    Byte(u8),
    /// It would hold the sender's local part, which is not ASCII (RFC 8616 §4).
    NonAsciiLocal,
}

impl fmt::Display for NoTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(error) => error.fmt(f),
            Self::Empty => f.write_str("the name is empty"),
            Self::Byte(byte) => write!(f, "{} can't stand in a name", mail::printable([*byte])),
            Self::NonAsciiLocal => f.write_str("the sender's local part is not ASCII"),
        }
    }
}

impl std::error::Error for NoTarget {}

/// What the macros stand for.
pub(crate) struct Values<'a> {
    pub(crate) ip: IpAddr,
    pub(crate) local: &'a [u8],
    pub(crate) sender_domain: &'a str,
    pub(crate) domain: Cow<'a, [u8]>,
    pub(crate) helo: &'a Helo,
    pub(crate) receiver: &'a str,
    pub(crate) now: UnixTime,
    /// The validated name, found beforehand if the string uses it.
    pub(crate) validated: Option<Name>,
}

/// What a name's macros stand for when nothing but the owner of the record is known.
static NOBODY: Helo = Helo::Other(Vec::new());

impl<'a> Values<'a> {
    /// For strings whose only macro is `%{d}`.
    pub(crate) fn only_domain(domain: &Name) -> Values<'static> {
        Values {
            ip: IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED),
            local: b"",
            sender_domain: "",
            domain: Cow::Owned(dotted(domain)),
            helo: &NOBODY,
            receiver: "",
            now: UnixTime(0),
            validated: None,
        }
    }

    fn of(&self, letter: Letter) -> Cow<'_, [u8]> {
        match letter {
            Letter::Sender => [self.local, b"@", self.sender_domain.as_bytes()].concat().into(),
            Letter::Local => self.local.into(),
            Letter::SenderDomain => self.sender_domain.as_bytes().into(),
            Letter::Domain => (&*self.domain).into(),
            Letter::Ip => dotted_ip(self.ip).into_bytes().into(),
            Letter::Validated => match &self.validated {
                Some(name) => dotted(name).into(),
                None => UNKNOWN.as_bytes().into(),
            },
            Letter::Version => match self.ip {
                IpAddr::V4(_) => b"in-addr".into(),
                IpAddr::V6(_) => b"ip6".into(),
            },
            Letter::Helo => match self.helo {
                Helo::Name(name) => name.as_str().as_bytes().into(),
                Helo::Other(bytes) => bytes.into(),
            },
            Letter::ReadableIp => self.ip.to_string().into_bytes().into(),
            Letter::Receiver => self.receiver.as_bytes().into(),
            Letter::Time => self.now.to_string().into_bytes().into(),
        }
    }
}

/// The labels with dots between, byte for byte. A name whose labels hold dots looks like another one: such names come
/// out of no expansion, which cuts at every dot.
pub(crate) fn dotted(name: &Name) -> Vec<u8> {
    name.labels().collect::<Vec<_>>().join(&b'.')
}

/// RFC 7208 §7.3: dotted quad, or 32 nibbles with dots between.
fn dotted_ip(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => {
            let nibbles = ip.octets().into_iter().flat_map(|byte| [byte >> 4, byte & 15]);
            let hex: Vec<String> = nibbles.map(|nibble| format!("{nibble:X}")).collect();
            hex.join(".")
        }
    }
}

fn expand_part<'a>(part: &'a Part, values: &'a Values<'_>) -> Cow<'a, [u8]> {
    match part {
        Part::Literal(text) => text.as_bytes().into(),
        Part::Macro(m) => expand_macro(m, values),
        Part::Percent => b"%".into(),
        Part::Space => b" ".into(),
        Part::UrlSpace => b"%20".into(),
    }
}

fn expand_macro<'a>(m: &Macro, values: &'a Values<'_>) -> Cow<'a, [u8]> {
    let value = transform(m, values.of(m.letter));
    if m.escape { url_escape(&value).into() } else { value }
}

/// RFC 7208 §7.3: cut at the delimiters, reverse, keep the right-hand parts, join with dots. What is not kept is not
/// looked at, so that a record full of macros that keep one part of a long value costs no more than its own length.
fn transform<'a>(m: &Macro, value: Cow<'a, [u8]>) -> Cow<'a, [u8]> {
    if m.keep.is_none() && !m.reverse && m.delimiters.is_empty() {
        return value;
    }
    let delimiters = if m.delimiters.is_empty() { b"." } else { m.delimiters.as_bytes() };
    let is_delimiter = |b: &u8| delimiters.contains(b);
    let keep = m.keep.map_or(usize::MAX, |keep| usize::try_from(keep).unwrap_or(usize::MAX));
    // From the last one on; reversed, the last one is the first.
    let mut parts: Vec<&[u8]> = match m.reverse {
        true => value.split(is_delimiter).take(keep).collect(),
        false => value.rsplit(is_delimiter).take(keep).collect(),
    };
    parts.reverse();
    parts.join(&b'.').into()
}

/// RFC 7208 §7.3, RFC 3986 §2.3: everything but unreserved characters becomes `%XX`.
fn url_escape(value: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(value.len());
    for &byte in value {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(byte);
        } else {
            out.extend(format!("%{byte:02X}").bytes());
        }
    }
    out
}

/// The name that a domain-spec stands for.
pub(crate) fn target(spec: &DomainSpec, values: &Values<'_>) -> Result<Name, NoTarget> {
    // RFC 8616 §4: a term with %{s} or %{l} matches nothing for a local part that is not ASCII. In upper case they are
    // URL-escaped, so what is asked for is ASCII again.
    let local = |p: &Part| match p {
        Part::Macro(m) => matches!(m.letter, Letter::Sender | Letter::Local) && !m.escape,
        Part::Literal(_) | Part::Percent | Part::Space | Part::UrlSpace => false,
    };
    if !values.local.is_ascii() && spec.text().parts().iter().any(local) {
        return Err(NoTarget::NonAsciiLocal);
    }
    let expanded = expand_end(spec.text(), values);
    let text = truncate_left(expanded.strip_suffix(b".").unwrap_or(&expanded));
    if text.is_empty() {
        return Err(NoTarget::Empty);
    }
    // RFC 7208 §4.8: names with control characters can't be made this way.
    if let Some(&byte) = text.iter().find(|b| !(b' '..=b'~').contains(b)) {
        return Err(NoTarget::Byte(byte));
    }
    // Not by `from_dotted`: the dot at the end is gone already, a second one is an empty label.
    Name::from_labels(text.split(|&b| b == b'.')).map_err(NoTarget::Name)
}

/// Enough of the right-hand end of the expansion to cut a name from: the parts are filled in from the last one on, and
/// those that truncation would drop anyway are left alone, so a record can't ask for more memory than it has bytes.
fn expand_end(string: &MacroString, values: &Values<'_>) -> Vec<u8> {
    let mut pieces = Vec::new();
    let mut len = 0;
    for part in string.parts().iter().rev() {
        let piece = expand_part(part, values);
        len += piece.len();
        pieces.push(piece);
        if len > MAX_NAME + 1 {
            break;
        }
    }
    pieces.reverse();
    pieces.concat()
}

/// RFC 7208 §7.3: labels are dropped from the left, with their dots, until 253 bytes are left.
fn truncate_left(name: &[u8]) -> &[u8] {
    if name.len() <= MAX_NAME {
        return name;
    }
    // The dot in front of what is kept may itself be the one byte too many.
    let tail = name.get(name.len() - MAX_NAME - 1..).unwrap_or_default();
    match tail.iter().position(|&b| b == b'.') {
        Some(dot) => tail.get(dot + 1..).unwrap_or_default(),
        None => name,
    }
}

/// The text of an explanation: at most 512 bytes of printable ASCII, `?` for every other byte that a macro brought in.
pub(crate) fn explanation(string: &MacroString, values: &Values<'_>) -> String {
    let mut out = String::new();
    for part in string.parts() {
        for &byte in expand_part(part, values).iter() {
            if out.len() == MAX_EXPLANATION {
                return out;
            }
            out.push(if (b' '..=b'~').contains(&byte) { char::from(byte) } else { '?' });
        }
    }
    out
}

#[cfg(test)]
mod tests;
