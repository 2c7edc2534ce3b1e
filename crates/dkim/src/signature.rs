//! The DKIM-Signature field (RFC 6376 §3.5): every tag read strictly, every mistake with the bytes that it stands in.
//!
//! Words such as `rsa-sha256`, `relaxed` or `dns/txt` are read in any case, as quoted strings of an ABNF are
//! (RFC 5234 §2.3); names of tags are not (RFC 6376 §3.2).

use std::fmt;
use std::sync::Arc;

use dns::Name;
use mail::{Domain, Field, Span, Tag, TagErrorKind, split_tags};
use smol_str::SmolStr;

use crate::canon::Canon;
use crate::values::{Base64Error, base64, colon_list, is_fws, saturating_number};
use crate::who::{Identity, Selector, WhoError, key_name, signing_domain};

/// Most names in h=.
pub const MAX_SIGNED_NAMES: usize = 1_000;
/// Longest b=, in characters of base64: the signature of an RSA key of 8192 bits.
pub const MAX_SIGNATURE: usize = 1_368;
/// Most digits in l= (RFC 6376 §3.5).
pub const MAX_LENGTH_DIGITS: usize = 76;
/// Most mistakes told of one field.
pub const MAX_ERRORS: usize = 8;
/// How much of b= tells two signatures apart in a report, in characters (RFC 6008 §4).
pub const B_PREFIX: usize = 8;
/// Longest value of bh= that is decoded, in characters of base64.
const MAX_BODY_HASH: usize = 88;

/// How a signature was made (RFC 6376 §3.3, RFC 8463 §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// RSA over SHA-256.
    RsaSha256,
    /// Ed25519 over SHA-256.
    Ed25519Sha256,
    /// RSA over SHA-1: understood, never valid (RFC 8301 §3.1).
    RsaSha1,
}

impl Algorithm {
    /// The name, as a= has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RsaSha256 => "rsa-sha256",
            Self::Ed25519Sha256 => "ed25519-sha256",
            Self::RsaSha1 => "rsa-sha1",
        }
    }

    /// The name of the hash, as h= of a key record has it.
    pub const fn hash(self) -> &'static str {
        match self {
            Self::RsaSha256 | Self::Ed25519Sha256 => "sha256",
            Self::RsaSha1 => "sha1",
        }
    }

    /// How many bytes the hash has.
    pub const fn hash_len(self) -> usize {
        match self {
            Self::RsaSha256 | Self::Ed25519Sha256 => 32,
            Self::RsaSha1 => 20,
        }
    }

    /// Reads the value of a=, in any case.
    pub fn parse(value: &[u8]) -> Option<Self> {
        [Self::RsaSha256, Self::Ed25519Sha256, Self::RsaSha1]
            .into_iter()
            .find(|a| value.eq_ignore_ascii_case(a.as_str().as_bytes()))
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What is wrong with a DKIM-Signature field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SignatureErrorKind {
    /// An element of the list is no tag.
    Tag(TagErrorKind),
    /// A tag stands there twice, so the list is invalid (RFC 6376 §3.2).
    Duplicate,
    /// A tag that must be there is not; its name.
    Missing(&'static str),
    /// v= is not `1`.
    Version,
    /// a= names no algorithm that is known.
    Algorithm,
    /// b= or bh= is not base64; the tag's name.
    Base64(&'static str),
    /// b= is longer than the signature of any key that is allowed.
    LongSignature,
    /// bh= is not as long as the hash of the algorithm.
    BodyHashLength,
    /// c= names no canonicalisation that is known.
    Canonicalisation,
    /// d= is no signing domain.
    Domain(WhoError),
    /// s= is no selector.
    Selector(WhoError),
    /// Selector and domain together are longer than a name can be.
    LongKeyName,
    /// h= holds something that is no field name, or nothing.
    SignedNames,
    /// h= holds more than [`MAX_SIGNED_NAMES`] names.
    ManySignedNames,
    /// h= has no From.
    FromNotSigned,
    /// i= is no identity.
    Identity(WhoError),
    /// i= is neither in d= nor below it.
    IdentityOutside,
    /// l= is no number that fits.
    BodyLength,
    /// t= or x= is no number; the tag's name.
    Time(&'static str),
    /// x= is not later than t=.
    ExpiresBeforeSigned,
    /// q= names no way to get the key that is known.
    Query,
}

impl fmt::Display for SignatureErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(TagErrorKind::Empty) => f.write_str("nothing stands between two semicolons"),
            Self::Tag(TagErrorKind::NoEquals) => f.write_str("no \"=\" between a tag's name and its value"),
            Self::Tag(TagErrorKind::BadName) => f.write_str("this is not the name of a tag"),
            Self::Tag(TagErrorKind::BadValue) => f.write_str("a byte that values of tags can't hold"),
            Self::Duplicate => f.write_str("this tag stands there twice"),
            Self::Missing(tag) => write!(f, "the tag {tag}= is missing"),
            Self::Version => f.write_str("v= is not 1"),
            Self::Algorithm => f.write_str("a= names no known algorithm"),
            Self::Base64(tag) => write!(f, "{tag}= is not base64"),
            Self::LongSignature => f.write_str("b= is longer than any allowed key's signature"),
            Self::BodyHashLength => f.write_str("bh= is not as long as the hash that a= names"),
            Self::Canonicalisation => f.write_str("c= names no known canonicalisation"),
            Self::Domain(error) => write!(f, "d= is not a domain name: {error}"),
            Self::Selector(error) => write!(f, "s= is not a selector: {error}"),
            Self::LongKeyName => f.write_str("s= and d= together are too long for a name"),
            Self::SignedNames => f.write_str("h= is not a list of field names"),
            Self::ManySignedNames => write!(f, "h= has more than {MAX_SIGNED_NAMES} names"),
            Self::FromNotSigned => f.write_str("the From field is not signed: h= does not name it"),
            Self::Identity(error) => write!(f, "i= is not an identity: {error}"),
            Self::IdentityOutside => f.write_str("the identity i= is outside of the signing domain d="),
            Self::BodyLength => f.write_str("l= is not a number"),
            Self::Time(tag) => write!(f, "{tag}= is not a time in seconds since 1970"),
            Self::ExpiresBeforeSigned => {
                f.write_str("the time of expiry x= is not after the time of signing t=")
            }
            Self::Query => f.write_str("q= names no known way to get the key; dns/txt is"),
        }
    }
}

/// One mistake in a DKIM-Signature field, and where it stands, in bytes from the start of the field's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SignatureError {
    /// What is wrong.
    pub kind: SignatureErrorKind,
    /// Where.
    pub span: Span,
}

/// What a field says of itself, as far as it can be read; nothing of it is proved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claims {
    /// The signing domain, d=.
    pub domain: Option<Domain>,
    /// The selector, s=.
    pub selector: Option<Selector>,
    /// The algorithm, a=.
    pub algorithm: Option<Algorithm>,
    /// The identity, i=, if it is within the signing domain.
    pub identity: Option<Identity>,
    /// When it was signed, t=, in seconds since 1970; [`u64::MAX`] stands for more.
    pub signed_at: Option<u64>,
    /// When it expires, x=, in the same form.
    pub expires_at: Option<u64>,
    /// The first characters of b=, at most [`B_PREFIX`], white space left out: base64 characters only.
    pub b_prefix: Option<SmolStr>,
}

/// A DKIM-Signature field that is no valid signature: its mistakes, at least one, and what it claims nevertheless.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    first: SignatureError,
    more: Vec<SignatureError>,
    claims: Claims,
    expires_span: Option<Span>,
}

impl Malformed {
    /// The mistake that is named as the reason.
    pub fn first(&self) -> SignatureError {
        self.first
    }

    /// All mistakes, at most [`MAX_ERRORS`].
    pub fn errors(&self) -> impl Iterator<Item = SignatureError> {
        std::iter::once(self.first).chain(self.more.iter().copied())
    }

    /// What the field claims.
    pub fn claims(&self) -> &Claims {
        &self.claims
    }

    /// Where x= stands in the field.
    pub(crate) fn expires_span(&self) -> Option<Span> {
        self.expires_span
    }
}

/// The names of fields that h= holds, in their order, in lower case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SignedNames {
    /// Each with a colon behind it, which no name has in it.
    text: Arc<str>,
}

impl SignedNames {
    /// The names, as often as they stand there.
    pub fn iter(&self) -> impl Iterator<Item = &str> + Clone {
        self.text.split_terminator(':')
    }

    /// Whether a name, in lower case, is among them.
    pub fn contains(&self, name: &str) -> bool {
        self.iter().any(|signed| signed == name)
    }
}

/// A DKIM-Signature field in its right form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// a=.
    pub algorithm: Algorithm,
    /// b=, decoded.
    pub signature: Vec<u8>,
    /// bh=, decoded: as many bytes as the algorithm's hash has.
    pub body_hash: Box<[u8]>,
    /// The canonical form of the header, from c=.
    pub header_canon: Canon,
    /// The canonical form of the body, from c=.
    pub body_canon: Canon,
    /// d=, the signing domain.
    pub domain: Domain,
    /// s=.
    pub selector: Selector,
    /// Where the key is published.
    pub key_name: Name,
    /// h=, the names of the signed fields; From is among them.
    pub signed: SignedNames,
    /// i=, in or below the signing domain.
    pub identity: Identity,
    /// l=, in bytes of the canonical body; zero is a length like any other.
    pub body_length: Option<u64>,
    /// t=, in seconds since 1970; [`u64::MAX`] stands for more.
    pub signed_at: Option<u64>,
    /// x=, in the same form.
    pub expires_at: Option<u64>,
    /// All between the `=` of b= and the semicolon or the end, in bytes from the start of the field.
    pub(crate) blank: Span,
    b_prefix: SmolStr,
    /// Where the known tags stand, each at its [`place`].
    spans: [Option<Span>; KNOWN],
}

impl Signature {
    /// Reads a DKIM-Signature field. Unknown tags are ignored; z= is for people and not looked at.
    pub fn parse(field: &Field<'_>) -> Result<Self, Box<Malformed>> {
        let offset = field.value_span.start - field.span.start;
        let mut reader = Reader::new(field.value, offset);
        let claims = reader.claims();
        let signature = reader.signature(&claims);
        let expires_span = reader.span("x");
        let mut errors = reader.errors.into_iter();
        match (errors.next(), signature) {
            (None, Some(signature)) => Ok(signature),
            (first, _) => {
                // What can't be read leaves an error; this stands for one that was not left.
                let lost = SignatureError { kind: SignatureErrorKind::Missing("v"), span: Span::new(0, 0) };
                Err(Box::new(Malformed {
                    first: first.unwrap_or(lost),
                    more: errors.collect(),
                    claims,
                    expires_span,
                }))
            }
        }
    }

    /// What the field says of itself.
    pub fn claims(&self) -> Claims {
        Claims {
            domain: Some(self.domain.clone()),
            selector: Some(self.selector.clone()),
            algorithm: Some(self.algorithm),
            identity: Some(self.identity.clone()),
            signed_at: self.signed_at,
            expires_at: self.expires_at,
            b_prefix: Some(self.b_prefix.clone()),
        }
    }

    /// Where a tag stands in the field, name to value; `None` for a tag that is not there.
    pub fn span(&self, tag: &str) -> Option<Span> {
        self.spans.get(place(tag)?).copied().flatten()
    }
}

mod reader;
pub use reader::canonicalisation;
use reader::{KNOWN, Reader, place};

#[cfg(test)]
mod tests;
