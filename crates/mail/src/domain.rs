//! The one type for a domain name that mail speaks of: A-labels, lower case, no dot at the end.

use std::borrow::{Borrow, Cow};
use std::fmt;

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use smol_str::SmolStr;

/// Longest label, in bytes (RFC 1035 §2.3.4).
pub const MAX_LABEL: usize = 63;
/// Longest name in text form without the dot at the end, in bytes (RFC 1035 §2.3.4: 255 on the wire).
pub const MAX_NAME: usize = 253;
/// Longest text that is tried as a name, in bytes: U-labels are longer than the A-labels they stand for.
const MAX_INPUT: usize = 1024;

/// Why a text is not a domain name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DomainError {
    /// Nothing there, or only a dot.
    Empty,
    /// Two dots in a row, or a dot in front.
    EmptyLabel,
    /// A label of more than 63 bytes.
    LongLabel,
    /// More than 253 bytes in all.
    LongName,
    /// A byte that no host name has; the byte.
    Byte(u8),
    /// Not UTF-8, or not a valid internationalised name (RFC 5890), or an `xn--` label that decodes to none.
    Idna,
}

impl fmt::Display for DomainError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the name is empty"),
            Self::EmptyLabel => f.write_str("the name has an empty label"),
            Self::LongLabel => write!(f, "a label is longer than {MAX_LABEL} bytes"),
            Self::LongName => write!(f, "the name is longer than {MAX_NAME} bytes"),
            Self::Byte(byte) => write!(f, "{} can't stand in a name", crate::printable([*byte])),
            Self::Idna => f.write_str("not a valid internationalised name"),
        }
    }
}

impl std::error::Error for DomainError {}

/// A domain name in A-label form, lower case, without the root's dot. Labels hold letters, digits, `-` and `_`.
/// Two names are the same domain exactly if they are equal.
// Names are copied into every step that speaks of them; most fit into a SmolStr without an allocation.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Domain(SmolStr);

impl Domain {
    /// Reads a name in any case, in A-label or U-label form (RFC 5890), with or without a dot at the end.
    pub fn parse(text: impl AsRef<[u8]>) -> Result<Self, DomainError> {
        let bytes = text.as_ref();
        let bytes = bytes.strip_suffix(b".").unwrap_or(bytes);
        if bytes.is_empty() {
            return Err(DomainError::Empty);
        }
        if bytes.len() > MAX_INPUT {
            return Err(DomainError::LongName);
        }
        if let Some(name) = as_it_is(bytes) {
            return Ok(Self(name.into()));
        }
        let name: Cow<'_, str> = match std::str::from_utf8(bytes) {
            Ok(text) if text.is_ascii() && !has_a_label(bytes) => {
                match bytes.iter().any(u8::is_ascii_uppercase) {
                    true => text.to_ascii_lowercase().into(),
                    false => text.into(),
                }
            }
            _ => to_a_labels(bytes)?.into(),
        };
        check_labels(&name)?;
        Ok(Self(name.into()))
    }

    /// `localhost`.
    pub fn localhost() -> Self {
        Self(SmolStr::new_static("localhost"))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The labels from left to right.
    pub fn labels(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('.')
    }

    /// How many labels the name has; at least one.
    pub fn label_count(&self) -> usize {
        1 + self.0.bytes().filter(|b| *b == b'.').count()
    }

    /// The name without its left-most label; `None` at a single label.
    pub fn parent(&self) -> Option<Self> {
        self.0.split_once('.').map(|(_, rest)| Self(rest.into()))
    }

    /// The right-most `count` labels, or the whole name if it has no more than that; `None` for zero.
    pub fn last_labels(&self, count: usize) -> Option<Self> {
        // One past the dot in front of them.
        let mut dots = self.0.bytes().enumerate().rev().filter(|(_, byte)| *byte == b'.');
        let start = dots.nth(count.checked_sub(1)?).map_or(0, |(dot, _)| dot + 1);
        self.0.get(start..).map(|labels| Self(labels.into()))
    }

    /// Whether this is `ancestor` or lies below it, by whole labels.
    pub fn is_within(&self, ancestor: &Self) -> bool {
        match self.0.strip_suffix(ancestor.as_str()) {
            Some(front) => front.is_empty() || front.ends_with('.'),
            None => false,
        }
    }

    /// Whether the name can be fully qualified: two labels or more, the last not a number (which would be an address).
    pub fn is_fqdn(&self) -> bool {
        match self.0.rsplit_once('.') {
            Some((_, tld)) => !tld.bytes().all(|b| b.is_ascii_digit()),
            None => false,
        }
    }

    /// This name with an ASCII `label` in front, such as `_dmarc`; an error if it gets too long or the label is none.
    pub fn prefixed(&self, label: &str) -> Result<Self, DomainError> {
        // The labels of this name are what they should be. With a service's label in front they are still a name of
        // the DNS, but no longer what RFC 5893 §2 lets a name be of which one label is written from right to left.
        let name = format!("{}.{}", label.to_ascii_lowercase(), self.0);
        check_labels(&name)?;
        Ok(Self(name.into()))
    }
}

/// The name, if it stands there in its one form already, as most do. One with two hyphens in a row could have an A-label,
/// so it is looked at closely.
fn as_it_is(bytes: &[u8]) -> Option<&str> {
    let mut length = 0;
    for byte in bytes {
        length = match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' if length < MAX_LABEL => length + 1,
            b'.' if length > 0 => 0,
            _ => return None,
        };
    }
    let is_one = length > 0 && bytes.len() <= MAX_NAME && !bytes.windows(2).any(|two| two == b"--");
    std::str::from_utf8(bytes).ok().filter(|_| is_one)
}

fn has_a_label(ascii: &[u8]) -> bool {
    ascii.split(|&b| b == b'.').any(|l| l.get(..4).is_some_and(|p| p.eq_ignore_ascii_case(b"xn--")))
}

fn to_a_labels(bytes: &[u8]) -> Result<String, DomainError> {
    // RFC 8616 §3, RFC 5891 §4: U-labels become A-labels once; an A-label that decodes to nothing valid is no name.
    let ascii = Uts46::new()
        .to_ascii(bytes, AsciiDenyList::EMPTY, Hyphens::Allow, DnsLength::Ignore)
        .map_err(|_| DomainError::Idna)?;
    // UTS-46 maps some characters to a dot or to nothing at the end of a name: only one root dot is a root dot.
    let ascii = ascii.strip_suffix('.').unwrap_or(&ascii);
    if ascii.is_empty() { Err(DomainError::Empty) } else { Ok(ascii.to_ascii_lowercase()) }
}

fn check_labels(name: &str) -> Result<(), DomainError> {
    if name.len() > MAX_NAME {
        return Err(DomainError::LongName);
    }
    for label in name.split('.') {
        match label.len() {
            0 => return Err(DomainError::EmptyLabel),
            1..=MAX_LABEL => {}
            _ => return Err(DomainError::LongLabel),
        }
        if let Some(byte) = label.bytes().find(|b| !matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_')) {
            return Err(DomainError::Byte(byte));
        }
    }
    Ok(())
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<str> for Domain {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Domain {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for Domain {
    type Err = DomainError;

    fn from_str(s: &str) -> Result<Self, DomainError> {
        Self::parse(s)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(input: impl AsRef<[u8]>, want: Result<&str, DomainError>) {
        let input = input.as_ref();
        let got = Domain::parse(input);
        assert_eq!(got.as_ref().map(Domain::as_str).map_err(|e| *e), want, "{}", crate::printable(input));
    }

    #[test]
    fn names_in_every_form() {
        check("Example.COM.", Ok("example.com"));
        check("_spf.a-b.example", Ok("_spf.a-b.example"));
        check("bücher.example", Ok("xn--bcher-kva.example"));
        check("XN--BCHER-KVA.example", Ok("xn--bcher-kva.example"));
        check("", Err(DomainError::Empty));
        check(".", Err(DomainError::Empty));
        check("a..b", Err(DomainError::EmptyLabel));
        check(".a", Err(DomainError::EmptyLabel));
        check("a.b..", Err(DomainError::EmptyLabel));
        check("a b.example", Err(DomainError::Byte(b' ')));
        check("a\0.example", Err(DomainError::Byte(0)));
        check(b"\xff.example", Err(DomainError::Idna));
    }

    #[test]
    fn from_27_what_maps_to_a_name_is_that_name() {
        check("ｖictim．example", Ok("victim.example"));
        check("victim。example", Ok("victim.example"));
        check("vic\u{ad}tim.example", Ok("victim.example"));
        check("victim.example\u{2000}", Err(DomainError::Byte(b' ')));
    }

    #[test]
    fn from_29_punycode_of_ascii_is_no_name() {
        check("xn--victim-.example", Err(DomainError::Idna));
        check("victim.xn--", Err(DomainError::Idna));
    }

    #[test]
    fn limits_on_both_sides() {
        check("a".repeat(63) + ".example", Ok(&("a".repeat(63) + ".example")));
        check("a".repeat(64) + ".example", Err(DomainError::LongLabel));
        let name = |n: usize| "a.".repeat(120) + &"b".repeat(n);
        check(name(13), Ok(&name(13)));
        check(name(14), Err(DomainError::LongName));
    }

    #[test]
    fn labels_of_services() {
        let prefixed = |name: &str| Domain::parse(name).unwrap().prefixed("_dmarc");
        assert_eq!(prefixed("a.example").unwrap().as_str(), "_dmarc.a.example");
        assert_eq!(prefixed("דוגמה.example").unwrap().as_str(), "_dmarc.xn--6dbbec0c.example");
        assert_eq!(prefixed(&["a"; 127].join(".")), Err(DomainError::LongName));
        assert_eq!(Domain::parse("a.example").unwrap().prefixed("b b"), Err(DomainError::Byte(b' ')));
        assert_eq!(Domain::parse("_dmarc.דוגמה.example"), Err(DomainError::Idna));
    }

    #[test]
    fn tree() {
        let d = |s: &str| Domain::parse(s).unwrap();
        assert!(d("a.b.example").is_within(&d("b.example")));
        assert!(d("b.example").is_within(&d("b.example")));
        assert!(!d("ab.example").is_within(&d("b.example")));
        assert_eq!(d("a.b.c").parent(), Some(d("b.c")));
        assert_eq!(d("c").parent(), None);
        assert_eq!(d("a.b.c").last_labels(2), Some(d("b.c")));
        assert_eq!(d("a.b.c").last_labels(5), Some(d("a.b.c")));
        assert_eq!(d("a.b.c").last_labels(0), None);
        assert!(d("a.example").is_fqdn() && !d("localhost").is_fqdn() && !d("1.2.3.4").is_fqdn());
    }
}
