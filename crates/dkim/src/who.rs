//! Who signs, as a signature says it: signing domain, selector, and the identity within the domain.

use std::fmt;

use dns::{Name, NameError};
use mail::{Domain, DomainError};
use smol_str::SmolStr;

use crate::values::quoted_printable;

/// Why a text is not a signing domain, a selector or an identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WhoError {
    /// Not a name; why.
    Name(DomainError),
    /// A signing domain has two labels or more (RFC 6376 §3.5 d=).
    OneLabel,
    /// A label of a signing domain is letters, digits and hyphens within (RFC 5321 §4.1.2 sub-domain).
    NotLdh,
    /// A dot at the end, which RFC 6376 does not allow.
    TrailingDot,
    /// Not DKIM-Quoted-Printable (RFC 6376 §2.11).
    QuotedPrintable,
    /// No `@`.
    NoAt,
    /// What stands before the `@` is no local part of an address, or not UTF-8.
    LocalPart,
}

impl fmt::Display for WhoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(error) => error.fmt(f),
            Self::OneLabel => f.write_str("a signing domain has at least two labels"),
            Self::NotLdh => f.write_str("a label is not letters, digits and hyphens within"),
            Self::TrailingDot => f.write_str("a dot at the end"),
            Self::QuotedPrintable => f.write_str("an \"=\" that two upper-case hex digits don't follow"),
            Self::NoAt => f.write_str("no \"@\""),
            Self::LocalPart => f.write_str("what stands before the \"@\" is no local part of an address"),
        }
    }
}

impl std::error::Error for WhoError {}

impl From<DomainError> for WhoError {
    fn from(error: DomainError) -> Self {
        Self::Name(error)
    }
}

/// Reads a signing domain: RFC 6376 §3.5 d=, `sub-domain 1*("." sub-domain)`.
pub fn signing_domain(text: &[u8]) -> Result<Domain, WhoError> {
    if text.ends_with(b".") {
        return Err(WhoError::TrailingDot);
    }
    // RFC 8616 §5: U-labels are as good as A-labels; here all are A-labels from now on.
    let domain = Domain::parse(text)?;
    if domain.label_count() < 2 {
        return Err(WhoError::OneLabel);
    }
    let is_ldh = |label: &str| !label.contains('_') && !label.starts_with('-') && !label.ends_with('-');
    if domain.labels().all(is_ldh) { Ok(domain) } else { Err(WhoError::NotLdh) }
}

/// Which of a domain's keys signed: one label or more under `_domainkey`, in lower case.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Selector(SmolStr);

impl Selector {
    /// Reads a selector: labels of letters, digits, hyphens, and, as keys in use have them, underscores. A selector is
    /// no host name, so an `xn--` in it is not looked into; U-labels become A-labels (RFC 8616 §5).
    pub fn parse(text: impl AsRef<[u8]>) -> Result<Self, WhoError> {
        let text = text.as_ref();
        if text.ends_with(b".") {
            return Err(WhoError::TrailingDot);
        }
        if !text.is_ascii() {
            return Ok(Self(Domain::parse(text)?.as_str().into()));
        }
        let lower = text.to_ascii_lowercase();
        if let Some(byte) =
            lower.iter().find(|b| !matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.'))
        {
            return Err(DomainError::Byte(*byte).into());
        }
        for label in lower.split(|&b| b == b'.') {
            match label.len() {
                0 if lower.is_empty() => return Err(DomainError::Empty.into()),
                0 => return Err(DomainError::EmptyLabel.into()),
                1..=mail::domain::MAX_LABEL => {}
                _ => return Err(DomainError::LongLabel.into()),
            }
        }
        if lower.len() > mail::domain::MAX_NAME {
            return Err(DomainError::LongName.into());
        }
        String::from_utf8(lower).map(|s| Self(s.into())).map_err(|_| DomainError::Idna.into())
    }

    /// The selector as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where the key is published, `selector._domainkey.domain` (RFC 6376 §3.6.2.1); an error if that is too long for a name.
pub fn key_name(selector: &Selector, domain: &Domain) -> Result<Name, NameError> {
    let labels = selector.0.split('.').chain(["_domainkey"]).chain(domain.labels());
    Name::from_labels(labels.map(str::as_bytes))
}

/// RFC 6376 §3.5 i=: a Local-part (RFC 5321 §4.1.2), with UTF-8 (RFC 8616 §5), or nothing. Dots may stand anywhere.
fn is_local_part(local: &str) -> bool {
    let Some(quoted) = local.strip_prefix('"') else {
        let is_atext = |b: u8| b.is_ascii_alphanumeric() || b >= 0x80 || b"!#$%&'*+-/=?^_`{|}~".contains(&b);
        return local.bytes().all(|b| is_atext(b) || b == b'.');
    };
    let Some(inner) = quoted.strip_suffix('"') else { return false };
    let mut bytes = inner.bytes();
    while let Some(byte) = bytes.next() {
        // A quoted-pair needs its second half, and a quote within stands in one.
        if byte == b'"' || (byte == b'\\' && bytes.next().is_none()) {
            return false;
        }
    }
    true
}

/// On whose behalf within its domain the signer signed, the AUID (RFC 6376 §2.6).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Identity {
    local: SmolStr,
    domain: Domain,
}

impl Identity {
    /// The whole domain: what a signature without i= means (RFC 6376 §3.5).
    pub fn of(domain: Domain) -> Self {
        Self { local: SmolStr::default(), domain }
    }

    /// Reads the value of i=, in DKIM-Quoted-Printable.
    pub fn parse(value: &[u8]) -> Result<Self, WhoError> {
        let text = quoted_printable(value).ok_or(WhoError::QuotedPrintable)?;
        let at = text.iter().rposition(|&b| b == b'@').ok_or(WhoError::NoAt)?;
        let (local, domain) = text.split_at(at);
        let local = std::str::from_utf8(local).map_err(|_| WhoError::LocalPart)?;
        if local.chars().any(char::is_control) || !is_local_part(local) {
            return Err(WhoError::LocalPart);
        }
        let domain = signing_domain(domain.get(1..).unwrap_or_default())?;
        Ok(Self { local: local.into(), domain })
    }

    /// What stands before the `@`, decoded, without control characters; often empty.
    pub fn local(&self) -> &str {
        &self.local
    }

    /// The domain: the signing domain or one below it.
    pub fn domain(&self) -> &Domain {
        &self.domain
    }
}

/// `local@domain`, made printable.
impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", mail::printable(self.local.as_bytes()), self.domain)
    }
}
