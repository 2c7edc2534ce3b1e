//! A name in the DNS: labels of any bytes, compared without regard to case (RFC 1035 §2.3.3, RFC 4343).

use std::fmt;

use mail::Domain;
use smallvec::SmallVec;

/// Longest label, in bytes (RFC 1035 §2.3.4).
pub const MAX_LABEL: usize = 63;
/// Longest name as labels with their length bytes, without the root's (RFC 1035 §2.3.4: 255 with it).
pub const MAX_WIRE: usize = 254;

/// Why labels don't make a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NameError {
    /// A label without bytes.
    EmptyLabel,
    /// A label of more than 63 bytes.
    LongLabel,
    /// More than 255 bytes in all.
    LongName,
    /// A backslash that no digit triple and no character follows.
    BadEscape,
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::EmptyLabel => "the name has an empty label",
            Self::LongLabel => "a label is longer than 63 bytes",
            Self::LongName => "the name is longer than 255 bytes",
            Self::BadEscape => "a backslash that escapes nothing",
        })
    }
}

impl std::error::Error for NameError {}

/// How long a name may be, in bytes, and still need no allocation: all but a few are shorter.
const INLINE: usize = 47;

/// An absolute name: any bytes in its labels, ASCII letters in lower case, so that equal names are equal.
#[derive(PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name {
    /// Each label with its length in front, as on the wire, without the root's zero.
    wire: SmallVec<[u8; INLINE]>,
}

impl Clone for Name {
    /// All bytes at once, where `SmallVec`'s own would take one after the other.
    fn clone(&self) -> Self {
        Self { wire: SmallVec::from_slice(&self.wire) }
    }
}

impl Name {
    /// The root of the tree.
    pub fn root() -> Self {
        Self { wire: SmallVec::new() }
    }

    /// Builds a name from labels, left to right.
    pub fn from_labels<'a>(labels: impl IntoIterator<Item = &'a [u8]>) -> Result<Self, NameError> {
        let mut wire: SmallVec<[u8; INLINE]> = SmallVec::new();
        for label in labels {
            let len = match u8::try_from(label.len()) {
                Ok(0) => return Err(NameError::EmptyLabel),
                Ok(len) if usize::from(len) <= MAX_LABEL => len,
                _ => return Err(NameError::LongLabel),
            };
            wire.push(len);
            wire.extend_from_slice(label);
            if wire.len() > MAX_WIRE {
                return Err(NameError::LongName);
            }
        }
        // No length is as high as a letter.
        wire.make_ascii_lowercase();
        Ok(Self { wire })
    }

    /// Cuts bytes at their dots; one dot may stand at the end; nothing is an escape.
    pub fn from_dotted(text: impl AsRef<[u8]>) -> Result<Self, NameError> {
        let text = text.as_ref();
        let text = text.strip_suffix(b".").unwrap_or(text);
        if text.is_empty() { Ok(Self::root()) } else { Self::from_labels(text.split(|&b| b == b'.')) }
    }

    /// Reads the form of master files (RFC 1035 §5.1): `\.` and `\DDD` are escapes. The name is taken as absolute.
    pub fn from_presentation(text: &str) -> Result<Self, NameError> {
        Self::from_presentation_below(text.as_bytes(), &Self::root())
    }

    /// The same for any bytes, where a name without a dot at its end is meant below `origin` (RFC 1035 §5.1).
    pub(crate) fn from_presentation_below(text: &[u8], origin: &Self) -> Result<Self, NameError> {
        if text == b"." {
            return Ok(Self::root());
        }
        let mut labels = vec![Vec::new()];
        let mut bytes = text.iter().copied();
        while let Some(byte) = bytes.next() {
            let value = match byte {
                b'.' => {
                    labels.push(Vec::new());
                    continue;
                }
                b'\\' => unescape(&mut bytes)?,
                _ => byte,
            };
            labels.last_mut().ok_or(NameError::EmptyLabel)?.push(value);
        }
        let absolute = labels.last().is_some_and(Vec::is_empty);
        if absolute {
            labels.pop();
        }
        let end = (!absolute).then_some(origin).into_iter().flat_map(Self::labels);
        Self::from_labels(labels.iter().map(Vec::as_slice).chain(end))
    }

    /// The labels from left to right.
    pub fn labels(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = &*self.wire;
        std::iter::from_fn(move || {
            let (&len, tail) = rest.split_first()?;
            let (label, tail) = tail.split_at_checked(usize::from(len))?;
            rest = tail;
            Some(label)
        })
    }

    /// The name without its left-most label; `None` at the root.
    pub fn parent(&self) -> Option<Self> {
        let (&len, tail) = self.wire.split_first()?;
        tail.get(usize::from(len)..).map(|wire| Self { wire: SmallVec::from_slice(wire) })
    }

    /// This name with one label in front.
    pub fn child(&self, label: &[u8]) -> Result<Self, NameError> {
        let mut child = Self::from_labels([label])?;
        if child.wire.len() + self.wire.len() > MAX_WIRE {
            return Err(NameError::LongName);
        }
        child.wire.extend_from_slice(&self.wire);
        Ok(child)
    }

    /// Whether this is `ancestor` or lies below it.
    pub fn is_within(&self, ancestor: &Self) -> bool {
        let mut rest = &*self.wire;
        while rest != ancestor.wire.as_slice() {
            let Some((&len, tail)) = rest.split_first() else { return false };
            rest = tail.get(usize::from(len)..).unwrap_or_default();
        }
        true
    }

    /// The name as a mail domain, if it has the form of one.
    pub fn to_domain(&self) -> Option<Domain> {
        let labels: Vec<_> = self.labels().collect();
        // A dot inside a label must not become a border between two.
        (!labels.iter().any(|l| l.contains(&b'.'))).then(|| Domain::parse(labels.join(&b'.')).ok()).flatten()
    }
}

/// The byte that the text after a backslash stands for (RFC 1035 §5.1): `DDD` in decimal, or the character itself.
pub(crate) fn unescape(bytes: &mut impl Iterator<Item = u8>) -> Result<u8, NameError> {
    let first = bytes.next().ok_or(NameError::BadEscape)?;
    if !first.is_ascii_digit() {
        return Ok(first);
    }
    let mut value = u16::from(first - b'0');
    for _ in 0..2 {
        let digit = bytes.next().filter(u8::is_ascii_digit).ok_or(NameError::BadEscape)?;
        value = value * 10 + u16::from(digit - b'0');
    }
    u8::try_from(value).map_err(|_| NameError::BadEscape)
}

impl From<&Domain> for Name {
    fn from(domain: &Domain) -> Self {
        // A domain keeps the limits of a name: labels of 1 to 63 bytes, 253 in all.
        Self::from_labels(domain.as_str().as_bytes().split(|&b| b == b'.')).unwrap_or_else(|_| Self::root())
    }
}

/// The form of master files without the dot at the end (the root is `.`); bytes that are not visible ASCII as `\DDD`.
impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.wire.is_empty() {
            return f.write_str(".");
        }
        for (index, label) in self.labels().enumerate() {
            if index > 0 {
                f.write_str(".")?;
            }
            for &byte in label {
                match byte {
                    b'.' | b'\\' | b'"' | b';' | b'(' | b')' | b'@' | b'$' => {
                        write!(f, "\\{}", char::from(byte))?
                    }
                    b'!'..=b'~' => write!(f, "{}", char::from(byte))?,
                    _ => write!(f, "\\{byte:03}")?,
                }
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Name({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dns_01_labels_keep_their_bytes() {
        let name = Name::from_labels([&b"a.b"[..], b"x\0 y", b"Example"]).unwrap();
        assert_eq!(name.to_string(), r"a\.b.x\000\032y.example");
        assert_eq!(Name::from_presentation(&name.to_string()).unwrap(), name);
        assert_eq!(name.to_domain(), None);
        assert_ne!(name, Name::from_dotted("a.b.example").unwrap());
    }

    #[test]
    fn forms() {
        assert_eq!(Name::from_dotted("A.Example.").unwrap().to_string(), "a.example");
        assert_eq!(Name::from_dotted("").unwrap(), Name::root());
        assert_eq!(Name::from_presentation(".").unwrap(), Name::root());
        assert_eq!(Name::from_dotted("a..b"), Err(NameError::EmptyLabel));
        assert_eq!(Name::from_presentation(r"a\"), Err(NameError::BadEscape));
        assert_eq!(Name::from_presentation(r"a\25"), Err(NameError::BadEscape));
        assert_eq!(Name::from_presentation(r"a\256"), Err(NameError::BadEscape));
        let name = Name::from_dotted("a.b.example").unwrap();
        assert_eq!(name.parent().unwrap().to_string(), "b.example");
        let within = |ancestor: &str| name.is_within(&Name::from_dotted(ancestor).unwrap());
        assert!(
            within("a.b.example")
                && within("b.example")
                && within("")
                && Name::root().is_within(&Name::root())
        );
        assert!(!within("c.a.b.example") && !within("b.test") && !within("a.b"));
        assert_eq!(Name::from(&Domain::parse("a.b.example").unwrap()), name);
        assert_eq!(name.to_domain().unwrap().as_str(), "a.b.example");
    }

    #[test]
    fn limits_on_both_sides() {
        let label = |n: usize| Name::from_dotted("a".repeat(n));
        assert!(label(63).is_ok());
        assert_eq!(label(64), Err(NameError::LongLabel));
        let name = |n: usize| Name::from_dotted("a.".repeat(126) + &"b".repeat(n));
        assert!(name(1).is_ok());
        assert_eq!(name(2), Err(NameError::LongName));
        let parent = Name::from_dotted("a.".repeat(126)).unwrap();
        assert_eq!(parent.child(b"B"), Name::from_dotted("b.".to_owned() + &"a.".repeat(126)));
        assert_eq!(parent.child(b"bb"), Err(NameError::LongName));
        assert_eq!(parent.child(b""), Err(NameError::EmptyLabel));
        assert_eq!(parent.child(&[b'b'; 64]), Err(NameError::LongLabel));
    }
}
