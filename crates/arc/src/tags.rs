//! The tags that ARC-Message-Signature and ARC-Seal have in common (RFC 8617 §4.1.2, §4.1.3), read as strictly as those of
//! a DKIM-Signature.

use std::collections::BTreeMap;

use dkim::signature::MAX_SIGNATURE;
use dkim::values::{Base64Error, base64, saturating_number};
use dkim::who::{key_name, signing_domain};
use dkim::{Algorithm, Selector, SignatureErrorKind};
use mail::{Field, Span, Tag, split_tags};
use memchr::memchr;

use crate::field::{FieldError, FieldErrorKind, SignedBy};
use crate::instance::Instance;

/// The value of the first tag of this name, whatever the others are.
pub(crate) fn find<'a>(field: &Field<'a>, name: &str) -> Option<&'a [u8]> {
    split_tags(field.value).flatten().find(|tag| tag.name == name).map(|tag| tag.value)
}

/// The tags of one field by name.
pub(crate) struct Tags<'a> {
    value: &'a [u8],
    /// From the start of the field to the start of the value.
    offset: usize,
    tags: BTreeMap<&'a str, Tag<'a>>,
}

impl<'a> Tags<'a> {
    /// Cuts the value into tags.
    pub(crate) fn cut(field: &Field<'a>) -> Result<Self, FieldError> {
        let offset = field.value_span.start - field.span.start;
        let mut tags = BTreeMap::new();
        for tag in split_tags(field.value) {
            let error = |kind: SignatureErrorKind, span: Span| FieldError {
                kind: kind.into(),
                span: span.shifted(offset),
            };
            let tag = tag.map_err(|e| error(SignatureErrorKind::Tag(e.kind), e.span))?;
            // RFC 6376 §3.2: a tag that occurs twice makes the whole list invalid, an unknown one too.
            if tags.insert(tag.name, tag).is_some() {
                return Err(error(SignatureErrorKind::Duplicate, tag.span()));
            }
        }
        Ok(Self { value: field.value, offset, tags })
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.tags.contains_key(name)
    }

    /// An error about a tag, or about the whole value if the tag is not there.
    pub(crate) fn error(&self, name: &str, kind: impl Into<FieldErrorKind>) -> FieldError {
        let span = self.tags.get(name).map_or(Span::new(0, self.value.len()), Tag::span);
        FieldError { kind: kind.into(), span: span.shifted(self.offset) }
    }

    /// Reads a tag that may be absent.
    pub(crate) fn read<T, E: Into<FieldErrorKind>>(
        &self,
        name: &str,
        read: impl FnOnce(&'a [u8]) -> Result<T, E>,
    ) -> Result<Option<T>, FieldError> {
        match self.tags.get(name) {
            Some(tag) => read(tag.value).map(Some).map_err(|kind| self.error(name, kind)),
            None => Ok(None),
        }
    }

    /// Reads a tag that must be there.
    pub(crate) fn required<T, E: Into<FieldErrorKind>>(
        &self,
        name: &'static str,
        read: impl FnOnce(&'a [u8]) -> Result<T, E>,
    ) -> Result<T, FieldError> {
        self.read(name, read)?.ok_or_else(|| self.error(name, SignatureErrorKind::Missing(name)))
    }

    /// RFC 8617 §4.2.1 i=.
    pub(crate) fn instance(&self) -> Result<Instance, FieldError> {
        self.required("i", |value| Instance::parse(value).ok_or(FieldErrorKind::Instance))
    }

    /// a=, b=, d=, s=, t= and x= (RFC 6376 §3.5).
    pub(crate) fn signed_by(&self) -> Result<SignedBy, FieldError> {
        let algorithm =
            self.required("a", |value| Algorithm::parse(value).ok_or(SignatureErrorKind::Algorithm))?;
        let signature = self.required("b", signature)?;
        let domain = self.required("d", |value| signing_domain(value).map_err(SignatureErrorKind::Domain))?;
        let selector =
            self.required("s", |value| Selector::parse(value).map_err(SignatureErrorKind::Selector))?;
        let key_name =
            key_name(&selector, &domain).map_err(|_| self.error("s", SignatureErrorKind::LongKeyName))?;
        let signed_at = self.read("t", |value| time("t", value))?;
        let expires_at = self.read("x", |value| time("x", value))?;
        if let (Some(signed), Some(expires)) = (signed_at, expires_at)
            && expires <= signed
        {
            // RFC 6376 §3.5 x=: it MUST be greater than t=.
            return Err(self.error("x", SignatureErrorKind::ExpiresBeforeSigned));
        }
        let blank = self.blank().ok_or_else(|| self.error("b", SignatureErrorKind::Missing("b")))?;
        Ok(SignedBy { domain, selector, algorithm, key_name, signature, signed_at, expires_at, blank })
    }

    /// What is left out of the hash: RFC 6376 §3.7, the value of b= "including all surrounding whitespace". Found by
    /// where the tag stands, so that no other text that looks like `b=` is meant.
    fn blank(&self) -> Option<Span> {
        let name_end = self.tags.get("b")?.name_span.end;
        let start = name_end + memchr(b'=', self.value.get(name_end..)?)? + 1;
        let rest = self.value.get(start..)?;
        let end = start + memchr(b';', rest).unwrap_or(rest.len());
        Some(Span::new(start, end).shifted(self.offset))
    }
}

fn signature(value: &[u8]) -> Result<Box<[u8]>, SignatureErrorKind> {
    match base64(value, MAX_SIGNATURE) {
        Ok(bytes) if !bytes.is_empty() => Ok(bytes.into()),
        Err(Base64Error::Long) => Err(SignatureErrorKind::LongSignature),
        _ => Err(SignatureErrorKind::Base64("b")),
    }
}

fn time(tag: &'static str, value: &[u8]) -> Result<u64, SignatureErrorKind> {
    saturating_number(value).ok_or(SignatureErrorKind::Time(tag))
}
