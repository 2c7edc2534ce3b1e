//! The ARC-Message-Signature field (RFC 8617 §4.1.2): the message as a handler passed it on.

use dkim::signature::{MAX_SIGNED_NAMES, canonicalisation};
use dkim::values::{base64, colon_list, saturating_number};
use dkim::{Algorithm, Canon, SignatureErrorKind};
use mail::Field;

use crate::field::{FieldError, FieldErrorKind, Kind, SignedBy};
use crate::instance::Instance;
use crate::tags::Tags;

/// Longest value of bh= that is decoded, in characters of base64.
const MAX_BODY_HASH: usize = 88;

/// An ARC-Message-Signature field in its right form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageSignature {
    /// i=.
    pub instance: Instance,
    /// Who signed.
    pub by: SignedBy,
    /// bh=, decoded: as many bytes as the algorithm's hash has.
    pub body_hash: Box<[u8]>,
    /// The canonical form of the header, from c=.
    pub header_canon: Canon,
    /// The canonical form of the body, from c=.
    pub body_canon: Canon,
    /// h=, the names of the signed fields in their order, in lower case. From need not be among them.
    pub signed: Vec<Box<str>>,
    /// l=, in bytes of the canonical body.
    pub body_length: Option<u64>,
}

impl MessageSignature {
    /// Reads an ARC-Message-Signature field. Unknown tags are ignored, v= among them (RFC 8617 §4.1.2).
    ///
    /// DEVIATION: RFC 8617 §4.1.2 has i= in front of the other tags. Many write it elsewhere, and all read it there.
    pub fn parse(field: &Field<'_>) -> Result<Self, FieldError> {
        let tags = Tags::cut(field)?;
        let instance = tags.instance()?;
        let by = tags.signed_by()?;
        let body_hash = tags.required("bh", |value| body_hash(value, by.algorithm))?;
        let signed = tags.required("h", signed_names)?;
        let body_length =
            tags.read("l", |value| saturating_number(value).ok_or(SignatureErrorKind::BodyLength))?;
        tags.read("q", query)?;
        // RFC 6376 §3.5 c=: the default is simple/simple.
        let canon = tags.read("c", canonicalisation)?;
        let (header_canon, body_canon) = canon.unwrap_or((Canon::Simple, Canon::Simple));
        Ok(Self { instance, by, body_hash, header_canon, body_canon, signed, body_length })
    }

    /// Whether h= names this field, given in lower case.
    pub fn signs(&self, name: &str) -> bool {
        self.signed.iter().any(|signed| **signed == *name)
    }
}

fn body_hash(value: &[u8], algorithm: Algorithm) -> Result<Box<[u8]>, SignatureErrorKind> {
    match base64(value, MAX_BODY_HASH) {
        Ok(bytes) if bytes.len() == algorithm.hash_len() => Ok(bytes.into()),
        Ok(_) => Err(SignatureErrorKind::BodyHashLength),
        Err(_) => Err(SignatureErrorKind::Base64("bh")),
    }
}

/// Names of fields in lower case; the list may be empty, and so may its elements, which name nothing.
fn signed_names(value: &[u8]) -> Result<Vec<Box<str>>, FieldErrorKind> {
    if value.iter().filter(|b| **b == b':').count() >= MAX_SIGNED_NAMES {
        return Err(SignatureErrorKind::ManySignedNames.into());
    }
    let names = colon_list(value).filter(|name| !name.is_empty()).map(|name| {
        let is_name = name.iter().all(|b| matches!(b, b'!'..=b'~'));
        let lower = String::from_utf8(name.to_ascii_lowercase()).ok();
        lower.filter(|_| is_name).map(String::into_boxed_str)
    });
    let names: Option<Vec<_>> = names.collect();
    let names = names.ok_or(SignatureErrorKind::SignedNames)?;
    // DEVIATION: RFC 8617 §4.1.2 lets a signer name no ARC field at all. A seal is made after the signature and can't be
    // in it; the other two are named by many, and to check them does no harm.
    if names.iter().any(|name| name.eq_ignore_ascii_case(Kind::Seal.name())) {
        return Err(FieldErrorKind::SealSigned);
    }
    Ok(names)
}

/// RFC 6376 §3.5 q=: methods that are not known are ignored; one that is must be there.
fn query(value: &[u8]) -> Result<(), SignatureErrorKind> {
    let known = colon_list(value).any(|method| method.eq_ignore_ascii_case(b"dns/txt"));
    if known { Ok(()) } else { Err(SignatureErrorKind::Query) }
}
