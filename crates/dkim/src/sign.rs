//! The signer (RFC 6376 §5): which signatures a message gets, what has to be hashed for them, and their fields.
//!
//! A message that readers could take for another one is not signed: see [`Refusal`]. l= is never used.

use std::fmt;
use std::num::NonZeroU64;
use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};
use dns::Name;
use mail::header::{MAX_FIELDS, MAX_HEADER};
use mail::{Defect, Domain, Header, UnixTime};

use crate::body::{BodyHash, BodyHasher, BodyHashes};
use crate::canon::{Canon, put_field};
use crate::sign_fields::{FieldList, Selection};
use crate::signature::{Algorithm, MAX_SIGNED_NAMES};
use crate::signing_key::{CryptoFault, SigningKey};
use crate::verify::FIELD;
use crate::who::{Identity, Selector, WhoError, key_name, signing_domain};

/// Longest h=, in bytes: other verifiers hold no more than 4096.
pub const MAX_SIGNED: usize = 4_000;

/// Longest DKIM-Signature field that is written, in bytes: with all of its tags as long as they can be.
pub const MAX_WRITTEN: usize = 20 * 1024;
/// The latest time that x= tells, in seconds since 1970 (RFC 6376 §3.5: twelve digits).
const LATEST: u64 = 999_999_999_999;

/// How a message is signed. The default is relaxed/relaxed, the default [`FieldList`], t=, and neither x= nor z=.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The canonical form of the header, in c=.
    pub header_canon: Canon,
    /// The canonical form of the body, in c=.
    pub body_canon: Canon,
    /// The fields that are signed.
    pub fields: FieldList,
    /// How long the signature is valid, in seconds (x=); `None` for ever.
    pub expires_after: Option<NonZeroU64>,
    /// Whether the time of signing is told (t=).
    pub timestamp: bool,
    /// Whether signed fields are copied for whoever looks for what changed on the way (z=), up to [`MAX_COPIED`].
    pub copy_fields: bool,
    /// On whose behalf it is signed (i=); `None` for that of the whole domain.
    pub identity: Option<Identity>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            header_canon: Canon::Relaxed,
            body_canon: Canon::Relaxed,
            fields: FieldList::default(),
            expires_after: None,
            timestamp: true,
            copy_fields: false,
            identity: None,
        }
    }
}

/// One signature that is wanted.
#[derive(Clone, Debug)]
pub struct Request {
    domain: Domain,
    selector: Selector,
    key_name: Name,
    key: SigningKey,
    options: Options,
}

/// Why no signature with these names can be valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestFault {
    /// The domain can't be d=.
    #[error("not a signing domain: {0}")]
    Domain(WhoError),
    /// Selector and domain together are longer than a name can be.
    #[error("selector and domain together are too long for a name")]
    LongKeyName,
    /// The identity is neither in the signing domain nor below it (RFC 6376 §3.5 i=).
    #[error("the identity is outside of the signing domain")]
    IdentityOutside,
}

impl Request {
    /// A signature of `domain` with the key whose public half is published under `selector`.
    pub fn new(
        domain: Domain,
        selector: Selector,
        key: SigningKey,
        options: Options,
    ) -> Result<Self, RequestFault> {
        signing_domain(domain.as_str().as_bytes()).map_err(RequestFault::Domain)?;
        let key_name = key_name(&selector, &domain).map_err(|_| RequestFault::LongKeyName)?;
        if options.identity.as_ref().is_some_and(|identity| !identity.domain().is_within(&domain)) {
            return Err(RequestFault::IdentityOutside);
        }
        Ok(Self { domain, selector, key_name, key, options })
    }

    /// The signing domain.
    pub fn domain(&self) -> &Domain {
        &self.domain
    }

    /// The selector.
    pub fn selector(&self) -> &Selector {
        &self.selector
    }

    /// The key.
    pub fn key(&self) -> &SigningKey {
        &self.key
    }

    /// How it is signed.
    pub fn options(&self) -> &Options {
        &self.options
    }
}

/// Why a message is not signed: a signature of it could be taken for one of another message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Another reader could see another header. No such signature passes here, so none is made.
    #[error("the header is malformed: {0}")]
    MalformedHeader(Defect),
    /// No From field (RFC 6376 §5.4: it must be signed).
    #[error("there is no From field")]
    NoFrom,
    /// More than one From field (RFC 5322 §3.6); how many.
    #[error("there are {0} From fields")]
    SeveralFrom(usize),
    /// h= would be longer than [`MAX_SIGNED`], or have more than [`MAX_SIGNED_NAMES`] names: fields are there too often.
    #[error(
        "too many fields: their list would have more than {MAX_SIGNED} bytes or {MAX_SIGNED_NAMES} names"
    )]
    ManyFields,
    /// With its signatures the header would have more than [`MAX_FIELDS`] fields, or more than [`MAX_HEADER`] bytes if each
    /// were [`MAX_WRITTEN`] long: a receiver like this one would find it malformed.
    #[error("the header is too large to put signatures on top")]
    NoRoom,
}

/// Why signatures could not be made. None of this is the message's fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SigningFault {
    /// The crypto library failed.
    #[error(transparent)]
    Crypto(#[from] CryptoFault),
    /// The body was not hashed in this form: the hasher was not that of [`Signing::body`].
    #[error("the body was not hashed in its {0} form")]
    BodyNotHashed(Canon),
}

/// A DKIM-Signature field, to be put on top of its message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureField {
    value: String,
    algorithm: Algorithm,
}

impl SignatureField {
    /// The name of the field.
    pub fn name(&self) -> &'static str {
        FIELD
    }

    /// What follows the colon and one space: ASCII, each CRLF a fold with one space behind it, no CRLF at the end.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// How it was signed.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

/// The whole field, with its CRLF. It was signed in exactly this form.
impl fmt::Display for SignatureField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{FIELD}: {}\r\n", self.value)
    }
}

/// The signatures of one message, from its header to their fields.
#[derive(Clone, Debug)]
pub struct Signing {
    requests: Vec<Request>,
    /// What each request signs of the header.
    signed: Vec<Arc<Selection>>,
    now: UnixTime,
}

impl Signing {
    /// Begins to sign the message that has this header. `now` is the time for t= and x=.
    pub fn new(header: &Header, requests: Vec<Request>, now: UnixTime) -> Result<Self, Refusal> {
        if let Some((defect, _)) = header.defects().first() {
            return Err(Refusal::MalformedHeader(*defect));
        }
        match header.named("from").count() {
            0 => return Err(Refusal::NoFrom),
            1 => {}
            several => return Err(Refusal::SeveralFrom(several)),
        }
        if !has_room(header, requests.len(), MAX_WRITTEN * requests.len()) {
            return Err(Refusal::NoRoom);
        }
        let mut signed: Vec<Arc<Selection>> = Vec::with_capacity(requests.len());
        for Request { options: Options { fields, .. }, .. } in &requests {
            let same = requests.iter().zip(&signed).find(|(other, _)| other.options.fields == *fields);
            let selection = same.map_or_else(|| fields.select(header).into(), |(_, same)| Arc::clone(same));
            let (names, length) = selection
                .names(fields)
                .fold((0, 0), |(names, length), name| (names + 1, length + name.len() + 1));
            if names > MAX_SIGNED_NAMES || length > MAX_SIGNED {
                return Err(Refusal::ManyFields);
            }
            signed.push(selection);
        }
        Ok(Self { requests, signed, now })
    }

    /// The signatures that will be made.
    pub fn requests(&self) -> &[Request] {
        &self.requests
    }

    /// A hasher for the body, in the forms that are needed: one pass for all signatures.
    pub fn body(&self) -> BodyHasher {
        BodyHasher::new(self.requests.iter().map(|request| request.options.body_canon))
    }

    /// The fields, in the order in which they are put on top, one above the other. `header` is the one that the signing
    /// was made from.
    pub fn finish(&self, header: &Header, body: &BodyHashes) -> Result<Vec<SignatureField>, SigningFault> {
        let mut fields: Vec<SignatureField> = Vec::with_capacity(self.requests.len());
        let mut last: Option<Hashed> = None;
        for (request, signed) in self.requests.iter().zip(&self.signed) {
            let canon = request.options.header_canon;
            // The same fields in the same form are the same bytes.
            let hashed =
                match last.take().filter(|last| last.canon == canon && Arc::ptr_eq(&last.signed, signed)) {
                    Some(same) => same,
                    None => Hashed::new(canon, signed, header),
                };
            fields.push(self.sign(request, header, &hashed, body)?);
            last = Some(hashed);
        }
        // Who looks at the topmost signature only, and knows RSA only, sees an RSA signature.
        fields.sort_by_key(|field| field.algorithm == Algorithm::RsaSha256);
        Ok(fields)
    }

    fn sign(
        &self,
        request: &Request,
        header: &Header,
        hashed: &Hashed,
        body: &BodyHashes,
    ) -> Result<SignatureField, SigningFault> {
        let Options { header_canon, body_canon, .. } = request.options;
        let BodyHash { sha256, .. } = body.get(body_canon).ok_or(SigningFault::BodyNotHashed(body_canon))?;
        let mut field = write::until_b(request, &hashed.signed, header, self.now, &sha256);
        // RFC 6376 §3.7: last the signature's own field, with nothing in b=, and no CRLF behind it.
        let mut own = Vec::with_capacity(2048);
        put_field(header_canon, [FIELD, ": ", field.as_str()].concat().as_bytes(), &mut own);
        let mut hash = hashed.sha256.clone();
        hash.update(&own);
        write::put_b(&mut field, &request.key.sign_digest(&hash.finish())?);
        Ok(SignatureField { value: field.into_string(), algorithm: request.key.algorithm() })
    }
}

/// Whether a header stays within the limits of [`mail::header`] with so many fields more, of so many bytes in all.
pub fn has_room(header: &Header, fields: usize, bytes: usize) -> bool {
    header.fields().len().saturating_add(fields) <= MAX_FIELDS
        && header.raw().len().saturating_add(bytes) <= MAX_HEADER
}

/// The signed fields of a message, hashed.
struct Hashed {
    canon: Canon,
    signed: Arc<Selection>,
    sha256: Context,
}

impl Hashed {
    fn new(canon: Canon, signed: &Arc<Selection>, header: &Header) -> Self {
        let mut bytes = Vec::with_capacity(4096);
        for field in signed.fields.iter().filter_map(|index| header.field(*index)) {
            // RFC 6376 §3.7: each field with one CRLF. Those of h= that are not there are nothing.
            put_field(canon, field.raw.strip_suffix(b"\r\n").unwrap_or(field.raw), &mut bytes);
            bytes.extend_from_slice(b"\r\n");
        }
        let mut sha256 = Context::new(&SHA256);
        sha256.update(&bytes);
        Self { canon, signed: Arc::clone(signed), sha256 }
    }
}

mod own;
pub mod write;

pub use own::OwnFault;
pub use write::{MAX_COPIED, MAX_LINE};
