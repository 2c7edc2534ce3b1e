//! The three fields of a set (RFC 8617 §4.1), and what is wrong with one that is none of them.

use std::fmt;

use dkim::{Algorithm, Selector, SignatureErrorKind};
use dns::Name;
use mail::{Domain, Span};

/// The fields of a set, in the order in which a seal covers them (RFC 8617 §5.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// ARC-Authentication-Results: what the handler saw.
    Results,
    /// ARC-Message-Signature: the message as the handler passed it on.
    Message,
    /// ARC-Seal: the set, and all sets before it.
    Seal,
}

impl Kind {
    /// All three, in their order.
    pub const ALL: [Self; 3] = [Self::Results, Self::Message, Self::Seal];

    /// The name of the field.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Results => "ARC-Authentication-Results",
            Self::Message => "ARC-Message-Signature",
            Self::Seal => "ARC-Seal",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Who signed a field, and with what; from an ARC-Message-Signature or an ARC-Seal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedBy {
    /// d=, the signing domain.
    pub domain: Domain,
    /// s=.
    pub selector: Selector,
    /// a=.
    pub algorithm: Algorithm,
    /// Where the key is published.
    pub key_name: Name,
    /// b=, decoded.
    pub signature: Box<[u8]>,
    /// t=, in seconds since 1970; [`u64::MAX`] stands for more.
    pub signed_at: Option<u64>,
    /// x=, in the same form.
    ///
    /// DEVIATION: RFC 8617 §4.1.3 has no x= in an ARC-Seal. A sealer who writes one doesn't want the seal to count later.
    pub expires_at: Option<u64>,
    /// All between the `=` of b= and the semicolon or the end, in bytes from the start of the field.
    pub(crate) blank: Span,
}

/// What is wrong with an ARC-Message-Signature or an ARC-Seal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FieldErrorKind {
    /// What would be wrong with a DKIM-Signature too.
    Signature(SignatureErrorKind),
    /// i= is no number from 1 to 50.
    Instance,
    /// cv= is none of `none`, `fail` and `pass`.
    Status,
    /// An ARC-Seal has h=, which is not allowed (RFC 8617 §4.1.3).
    HeaderList,
    /// h= of an ARC-Message-Signature names ARC-Seal (RFC 8617 §4.1.2).
    SealSigned,
}

impl fmt::Display for FieldErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signature(kind) => kind.fmt(f),
            Self::Instance => f.write_str("i= is not a number from 1 to 50"),
            Self::Status => f.write_str("cv= is none of none, fail and pass"),
            Self::HeaderList => f.write_str("a seal may not have h="),
            Self::SealSigned => f.write_str("h= names ARC-Seal, which it may not cover"),
        }
    }
}

impl From<SignatureErrorKind> for FieldErrorKind {
    fn from(kind: SignatureErrorKind) -> Self {
        Self::Signature(kind)
    }
}

/// One mistake in a field, and where it stands, in bytes from the start of the field's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FieldError {
    /// What is wrong.
    pub kind: FieldErrorKind,
    /// Where.
    pub span: Span,
}
