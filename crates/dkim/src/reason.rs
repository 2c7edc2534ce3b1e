//! Why a signature passes or does not, and the RFC 8601 word for it.

use std::fmt;

use mail::{Defect, Section};

use crate::signature::SignatureErrorKind;

/// The result of one signature, in the words of RFC 8601 §2.7.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The message is not signed: what a message without any [`crate::Check`] has.
    None,
    /// The signature is valid and acceptable.
    Pass,
    /// The signature is acceptable but does not fit the message.
    Fail,
    /// The signature has something that is not acceptable here.
    Policy,
    /// The signature could not be processed.
    Neutral,
    /// An answer is missing that may come later.
    TempError,
    /// An error that will not go away.
    PermError,
}

impl Outcome {
    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Policy => "policy",
            Self::Neutral => "neutral",
            Self::TempError => "temperror",
            Self::PermError => "permerror",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a signature has its outcome.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// Everything fits.
    Pass,
    /// Two programs could read two different headers out of these bytes.
    MalformedHeader(Defect),
    /// The field is no valid signature.
    Malformed(SignatureErrorKind),
    /// Signed with SHA-1.
    Sha1,
    /// x= is past.
    Expired,
    /// t= is in the future.
    FutureSigned,
    /// The signing domain is a public suffix: nobody's own.
    PublicSuffix,
    /// More signatures than are looked at.
    TooMany,
    /// Nothing is published under the selector.
    NoKey,
    /// What is published under the selector is no key record.
    NotAKey,
    /// Several key records are published under the selector.
    SeveralKeys,
    /// The question for the key was not answered in time.
    KeyTimeOut,
    /// The name server could not say.
    KeyServerFailure,
    /// DNSSEC says that the answer is forged.
    KeyBogus,
    /// The domain has revoked the key.
    KeyRevoked,
    /// The key is not of the type that the signature needs.
    KeyType,
    /// The key is not for the hash that was signed.
    KeyHash,
    /// The key is not for mail.
    KeyService,
    /// The key is for the signing domain itself, and i= is below it.
    KeyStrict,
    /// The RSA key has fewer than 1024 bits; how many it has.
    KeyShort(usize),
    /// The RSA key has fewer bits than the local policy wants; how many it has.
    KeyBelowPolicy(usize),
    /// l= is more than the body has.
    LengthBeyondBody,
    /// l= leaves the end of the body unsigned.
    BodyUnsigned,
    /// l= signs the whole body, but no l= is accepted here.
    LengthTag,
    /// The body is not the one that was signed.
    BodyChanged,
    /// The signature does not fit header and key.
    SignatureMismatch,
    /// A field that should be there once is there once more, unsigned; its name.
    UnsignedDuplicate(Box<str>),
    /// The local policy wants a field to be signed that is not; its name.
    Unsigned(Box<str>),
}

impl Reason {
    /// The RFC 8601 word.
    pub const fn outcome(&self) -> Outcome {
        match self {
            Self::Pass => Outcome::Pass,
            Self::BodyChanged | Self::SignatureMismatch => Outcome::Fail,
            Self::FutureSigned
            | Self::PublicSuffix
            | Self::TooMany
            | Self::KeyBelowPolicy(_)
            | Self::BodyUnsigned
            | Self::LengthTag
            | Self::UnsignedDuplicate(_)
            | Self::Unsigned(_) => Outcome::Policy,
            Self::KeyTimeOut | Self::KeyServerFailure | Self::KeyBogus => Outcome::TempError,
            // RFC 6376 §6.1.1, §6.1.2: PERMFAIL; RFC 8301 §3.1, §3.2: SHA-1 and short keys have failed for good.
            Self::MalformedHeader(_)
            | Self::Malformed(_)
            | Self::Sha1
            | Self::Expired
            | Self::NoKey
            | Self::NotAKey
            | Self::SeveralKeys
            | Self::KeyRevoked
            | Self::KeyType
            | Self::KeyHash
            | Self::KeyService
            | Self::KeyStrict
            | Self::KeyShort(_)
            | Self::LengthBeyondBody => Outcome::PermError,
        }
    }

    /// A stable, kebab-case name for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::MalformedHeader(_) => "malformed-header",
            Self::Malformed(_) => "malformed-signature",
            Self::Sha1 => "sha1",
            Self::Expired => "expired",
            Self::FutureSigned => "future-signed",
            Self::PublicSuffix => "public-suffix",
            Self::TooMany => "too-many-signatures",
            Self::NoKey => "no-key",
            Self::NotAKey => "not-a-key",
            Self::SeveralKeys => "several-keys",
            Self::KeyTimeOut => "key-time-out",
            Self::KeyServerFailure => "key-server-failure",
            Self::KeyBogus => "key-bogus",
            Self::KeyRevoked => "key-revoked",
            Self::KeyType => "key-type",
            Self::KeyHash => "key-hash",
            Self::KeyService => "key-service",
            Self::KeyStrict => "key-strict",
            Self::KeyShort(_) => "key-short",
            Self::KeyBelowPolicy(_) => "key-below-policy",
            Self::LengthBeyondBody => "length-beyond-body",
            Self::BodyUnsigned => "body-unsigned",
            Self::LengthTag => "length-tag",
            Self::BodyChanged => "body-changed",
            Self::SignatureMismatch => "signature-mismatch",
            Self::UnsignedDuplicate(_) => "unsigned-duplicate",
            Self::Unsigned(_) => "unsigned-field",
        }
    }

    /// The rule that was obeyed.
    pub const fn section(&self) -> Section {
        Section(match self {
            Self::Pass => "RFC 6376 §6.1.3",
            Self::MalformedHeader(_) => "RFC 6376 §3.8",
            Self::Malformed(_) | Self::Expired => "RFC 6376 §6.1.1",
            Self::Sha1 => "RFC 8301 §3.1",
            Self::FutureSigned => "RFC 6376 §3.5",
            Self::PublicSuffix | Self::Unsigned(_) => "RFC 6376 §6.1.1",
            Self::TooMany => "RFC 6376 §6.1",
            Self::NoKey
            | Self::NotAKey
            | Self::KeyTimeOut
            | Self::KeyServerFailure
            | Self::KeyBogus
            | Self::KeyRevoked
            | Self::KeyType
            | Self::KeyHash => "RFC 6376 §6.1.2",
            Self::SeveralKeys => "RFC 6376 §3.6.2.2",
            Self::KeyService | Self::KeyStrict => "RFC 6376 §3.6.1",
            Self::KeyShort(_) | Self::KeyBelowPolicy(_) => "RFC 8301 §3.2",
            Self::LengthBeyondBody => "RFC 6376 §3.5",
            Self::BodyUnsigned | Self::LengthTag => "RFC 6376 §8.2",
            Self::BodyChanged | Self::SignatureMismatch => "RFC 6376 §6.1.3",
            Self::UnsignedDuplicate(_) => "RFC 6376 §8.15",
        })
    }
}

/// A clause, without a full stop.
impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pass => f.write_str("the signed fields and the body are as the signing domain signed them"),
            Self::MalformedHeader(defect) => {
                write!(f, "the header is malformed ({defect}), so programs may disagree on what it says")
            }
            Self::Malformed(kind) => write!(f, "the signature field is not valid: {kind}"),
            Self::Sha1 => f.write_str("signed with SHA-1, which can be forged and never counts"),
            Self::Expired => f.write_str("the signature has expired"),
            Self::FutureSigned => f.write_str("the signature says it was made in the future"),
            Self::PublicSuffix => {
                f.write_str("the signing domain is a public suffix, under which anybody can register")
            }
            Self::TooMany => f.write_str("not looked at: the message has too many signatures"),
            Self::NoKey => f.write_str("the signing domain publishes no key under this selector"),
            Self::NotAKey => {
                f.write_str("what the signing domain publishes under this selector is not a valid key record")
            }
            Self::SeveralKeys => f.write_str(
                "the signing domain publishes several keys under this selector, so none is the right one",
            ),
            Self::KeyTimeOut => f.write_str("the question for the key was not answered in time"),
            Self::KeyServerFailure => f.write_str("the name servers could not say what the key is"),
            Self::KeyBogus => f.write_str("DNSSEC says that the answer with the key is forged"),
            Self::KeyRevoked => f.write_str("the signing domain has revoked the key"),
            Self::KeyType => f.write_str("the published key is of another type than the signature"),
            Self::KeyHash => f.write_str("the published key is not for signatures with this hash"),
            Self::KeyService => f.write_str("the published key is not for this service"),
            Self::KeyStrict => {
                f.write_str("the key is for the signing domain itself (t=s), and the identity i= is below it")
            }
            Self::KeyShort(bits) => {
                write!(f, "the RSA key has {bits} bits, and keys of less than 1024 bits can be broken")
            }
            Self::KeyBelowPolicy(bits) => {
                write!(f, "the RSA key has {bits} bits, fewer than are accepted here")
            }
            Self::LengthBeyondBody => f.write_str("the signature covers more body than there is (l=)"),
            Self::BodyUnsigned => f.write_str(
                "the signature leaves the end of the body unsigned (l=), so anybody could have added it",
            ),
            Self::LengthTag => f.write_str(
                "the signature limits itself to a length of the body (l=), which is not accepted here",
            ),
            Self::BodyChanged => f.write_str("the body was changed after it was signed"),
            Self::SignatureMismatch => {
                f.write_str("a signed header field was changed after it was signed, or another key signed it")
            }
            Self::UnsignedDuplicate(name) => write!(
                f,
                "the signature is right, but there is one more field {} that it does not cover",
                mail::printable(name.as_bytes())
            ),
            Self::Unsigned(name) => write!(
                f,
                "the signature is right, but does not cover the field {}",
                mail::printable(name.as_bytes())
            ),
        }
    }
}
