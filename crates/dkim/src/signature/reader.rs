//! The reading of a DKIM-Signature field, one function for each kind of tag; mistakes are gathered, none stops it.

use std::collections::BTreeSet;

use memchr::memchr;

use super::*;

/// How many tags are known.
pub(super) const KNOWN: usize = 14;

/// The place of a known tag among the others.
pub(super) fn place(name: &str) -> Option<usize> {
    Some(match name {
        "v" => 0,
        "a" => 1,
        "b" => 2,
        "bh" => 3,
        "c" => 4,
        "d" => 5,
        "h" => 6,
        "i" => 7,
        "l" => 8,
        "q" => 9,
        "s" => 10,
        "t" => 11,
        "x" => 12,
        "z" => 13,
        _ => return None,
    })
}

/// The tags of one field by name.
#[derive(Default)]
struct Tags<'a> {
    known: [Option<Tag<'a>>; KNOWN],
    others: BTreeSet<&'a str>,
}

impl<'a> Tags<'a> {
    /// Adds a tag; false if there is one of this name.
    fn add(&mut self, tag: Tag<'a>) -> bool {
        match place(tag.name).and_then(|place| self.known.get_mut(place)) {
            Some(Some(_)) => false,
            Some(slot) => {
                *slot = Some(tag);
                true
            }
            None => self.others.insert(tag.name),
        }
    }

    /// A known tag.
    fn get(&self, name: &str) -> Option<&Tag<'a>> {
        self.known.get(place(name)?)?.as_ref()
    }

    fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }
}

pub(super) struct Reader<'a> {
    value: &'a [u8],
    /// From the start of the field to the start of the value.
    offset: usize,
    tags: Tags<'a>,
    /// b=, decoded; empty if it is not there.
    signature: Result<Vec<u8>, Base64Error>,
    pub(super) errors: Vec<SignatureError>,
}

impl<'a> Reader<'a> {
    /// Cuts the value into tags.
    pub(super) fn new(value: &'a [u8], offset: usize) -> Self {
        let mut reader =
            Self { value, offset, tags: Tags::default(), signature: Ok(Vec::new()), errors: Vec::new() };
        for tag in split_tags(value) {
            match tag {
                // RFC 6376 §3.2: a tag that occurs twice makes the whole list invalid, an unknown one too.
                Ok(tag) => {
                    if !reader.tags.add(tag) {
                        reader.fail(SignatureErrorKind::Duplicate, tag.span());
                    }
                }
                Err(error) => reader.fail(SignatureErrorKind::Tag(error.kind), error.span),
            }
        }
        reader.signature =
            reader.tags.get("b").map_or(Ok(Vec::new()), |tag| base64(tag.value, MAX_SIGNATURE));
        reader
    }

    /// Where a tag stands in the field.
    pub(super) fn span(&self, tag: &str) -> Option<Span> {
        self.tags.get(tag).map(|tag| tag.span().shifted(self.offset))
    }

    fn fail(&mut self, kind: SignatureErrorKind, span: Span) {
        if self.errors.len() < MAX_ERRORS {
            self.errors.push(SignatureError { kind, span: span.shifted(self.offset) });
        }
    }

    /// Reads a tag; `None` if it is absent or wrong, which is then noted.
    fn read<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&'a [u8]) -> Result<T, SignatureErrorKind>,
    ) -> Option<T> {
        let tag = *self.tags.get(name)?;
        read(tag.value).map_err(|kind| self.fail(kind, tag.span())).ok()
    }

    /// Reads a tag that must be there (RFC 6376 §6.1.1: PERMFAIL, signature missing required tag).
    fn required<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&'a [u8]) -> Result<T, SignatureErrorKind>,
    ) -> Option<T> {
        if !self.tags.has(name) {
            self.fail(SignatureErrorKind::Missing(name), Span::new(0, self.value.len()));
        }
        self.read(name, read)
    }

    /// Reads what the field says of itself.
    pub(super) fn claims(&mut self) -> Claims {
        // RFC 6376 §6.1.1: v= must be consistent with that RFC.
        self.required("v", |value| if value == b"1" { Ok(()) } else { Err(SignatureErrorKind::Version) });
        let algorithm =
            self.required("a", |value| Algorithm::parse(value).ok_or(SignatureErrorKind::Algorithm));
        let domain = self.required("d", |value| signing_domain(value).map_err(SignatureErrorKind::Domain));
        let selector =
            self.required("s", |value| Selector::parse(value).map_err(SignatureErrorKind::Selector));
        let identity = match (self.tags.has("i"), &domain) {
            // RFC 6376 §3.5: the default is the signing domain with nothing before the @.
            (false, domain) => domain.clone().map(Identity::of),
            (true, domain) => self.identity(domain.as_ref()),
        };
        let signed_at = self.read("t", |value| time("t", value));
        let expires_at = self.read("x", |value| time("x", value));
        if let (Some(signed), Some(expires)) = (signed_at, expires_at)
            && expires <= signed
        {
            // RFC 6376 §3.5 x=: it MUST be greater than t=.
            self.read("x", |_| Err::<(), _>(SignatureErrorKind::ExpiresBeforeSigned));
        }
        let b_prefix =
            self.tags.get("b").filter(|_| self.signature.is_ok()).and_then(|tag| b_prefix(tag.value));
        Claims { domain, selector, algorithm, identity, signed_at, expires_at, b_prefix }
    }

    /// RFC 6376 §6.1.1: d= is the same as the domain of i= or a parent of it.
    fn identity(&mut self, domain: Option<&Domain>) -> Option<Identity> {
        self.read("i", |value| {
            let identity = Identity::parse(value).map_err(SignatureErrorKind::Identity)?;
            match domain {
                Some(domain) if !identity.domain().is_within(domain) => {
                    Err(SignatureErrorKind::IdentityOutside)
                }
                _ => Ok(identity),
            }
        })
    }

    /// Reads the rest; `None` if anything is wrong.
    pub(super) fn signature(&mut self, claims: &Claims) -> Option<Signature> {
        let signature = std::mem::replace(&mut self.signature, Ok(Vec::new()));
        let signature = self.required("b", |_| b_value(signature));
        let body_hash = self.required("bh", |value| body_hash(value, claims.algorithm));
        let signed = self.required("h", signed_names);
        let body_length = self.read("l", body_length);
        self.read("q", query);
        let canon = match self.tags.has("c") {
            true => self.read("c", canonicalisation),
            // RFC 6376 §3.5 c=: the default is simple/simple.
            false => Some((Canon::Simple, Canon::Simple)),
        };
        let key_name = self.key_name(claims);
        let (header_canon, body_canon) = canon?;
        Some(Signature {
            algorithm: claims.algorithm?,
            signature: signature?,
            body_hash: body_hash?,
            header_canon,
            body_canon,
            domain: claims.domain.clone()?,
            selector: claims.selector.clone()?,
            key_name: key_name?,
            signed: signed?,
            identity: claims.identity.clone()?,
            body_length,
            signed_at: claims.signed_at,
            expires_at: claims.expires_at,
            blank: self.blank()?,
            b_prefix: claims.b_prefix.clone()?,
            spans: self.tags.known.map(|tag| tag.map(|tag| tag.span().shifted(self.offset))),
        })
    }

    fn key_name(&mut self, claims: &Claims) -> Option<Name> {
        let name = key_name(claims.selector.as_ref()?, claims.domain.as_ref()?);
        self.read("s", |_| name.map_err(|_| SignatureErrorKind::LongKeyName))
    }

    /// What is left out of the hash: RFC 6376 §3.7, the value of b= "including all surrounding whitespace". Found by
    /// where the tag stands, so that no other text that looks like `b=` is meant.
    fn blank(&self) -> Option<Span> {
        let tag = self.tags.get("b")?;
        let after_name = self.value.get(tag.name_span.end..)?;
        let start = tag.name_span.end + after_name.iter().position(|&b| b == b'=')? + 1;
        let rest = self.value.get(start..)?;
        let end = start + memchr(b';', rest).unwrap_or(rest.len());
        Some(Span::new(start, end).shifted(self.offset))
    }
}

fn b_value(decoded: Result<Vec<u8>, Base64Error>) -> Result<Vec<u8>, SignatureErrorKind> {
    match decoded {
        Ok(bytes) if !bytes.is_empty() => Ok(bytes),
        Err(Base64Error::Long) => Err(SignatureErrorKind::LongSignature),
        _ => Err(SignatureErrorKind::Base64("b")),
    }
}

fn b_prefix(value: &[u8]) -> Option<SmolStr> {
    let front = value.iter().filter(|b| !is_fws(**b)).take(B_PREFIX);
    let prefix: SmolStr = front.map(|b| char::from(*b)).collect();
    (!prefix.is_empty()).then_some(prefix)
}

fn body_hash(value: &[u8], algorithm: Option<Algorithm>) -> Result<Box<[u8]>, SignatureErrorKind> {
    match base64(value, MAX_BODY_HASH) {
        Ok(bytes) if algorithm.is_none_or(|a| a.hash_len() == bytes.len()) => Ok(bytes.into()),
        Ok(_) | Err(Base64Error::Long) => Err(SignatureErrorKind::BodyHashLength),
        Err(_) => Err(SignatureErrorKind::Base64("bh")),
    }
}

fn signed_names(value: &[u8]) -> Result<SignedNames, SignatureErrorKind> {
    if value.iter().filter(|b| **b == b':').count() >= MAX_SIGNED_NAMES {
        return Err(SignatureErrorKind::ManySignedNames);
    }
    let mut text = String::with_capacity(value.len() + 1);
    let mut has_from = false;
    for name in colon_list(value) {
        let name = field_name(name).ok_or(SignatureErrorKind::SignedNames)?;
        has_from |= name.eq_ignore_ascii_case("from");
        text.push_str(name);
        text.push(':');
    }
    text.make_ascii_lowercase();
    // RFC 6376 §6.1.1: without From in h= the signature is not valid.
    if has_from { Ok(SignedNames { text: text.into() }) } else { Err(SignatureErrorKind::FromNotSigned) }
}

/// RFC 5322 §3.6.8: visible ASCII without the colon.
fn field_name(name: &[u8]) -> Option<&str> {
    let good = !name.is_empty() && name.iter().all(|b| matches!(b, b'!'..=b'~'));
    std::str::from_utf8(name).ok().filter(|_| good)
}

fn body_length(value: &[u8]) -> Result<u64, SignatureErrorKind> {
    match saturating_number(value) {
        Some(u64::MAX) | None => Err(SignatureErrorKind::BodyLength),
        Some(_) if value.len() > MAX_LENGTH_DIGITS => Err(SignatureErrorKind::BodyLength),
        Some(length) => Ok(length),
    }
}

fn time(tag: &'static str, value: &[u8]) -> Result<u64, SignatureErrorKind> {
    // RFC 6376 §3.5 t=: what does not fit counts as infinite.
    saturating_number(value).ok_or(SignatureErrorKind::Time(tag))
}

/// Reads the value of c=: the canonical form of the header, and of the body.
pub fn canonicalisation(value: &[u8]) -> Result<(Canon, Canon), SignatureErrorKind> {
    let one = |name: &[u8]| {
        [Canon::Simple, Canon::Relaxed]
            .into_iter()
            .find(|canon| name.eq_ignore_ascii_case(canon.as_str().as_bytes()))
            .ok_or(SignatureErrorKind::Canonicalisation)
    };
    match value.iter().position(|&b| b == b'/') {
        // RFC 6376 §3.5 c=: one name alone is the header's; the body is then simple.
        None => Ok((one(value)?, Canon::Simple)),
        Some(slash) => {
            let (header, body) = value.split_at(slash);
            Ok((one(header)?, one(body.get(1..).unwrap_or_default())?))
        }
    }
}

/// RFC 6376 §3.5 q=: methods that are not known are ignored; one that is must be there.
fn query(value: &[u8]) -> Result<(), SignatureErrorKind> {
    let known = colon_list(value).any(|method| method.eq_ignore_ascii_case(b"dns/txt"));
    if known { Ok(()) } else { Err(SignatureErrorKind::Query) }
}
