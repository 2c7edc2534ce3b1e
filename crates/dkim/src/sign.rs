//! The signer (RFC 6376 §5): which signatures a message gets, what has to be hashed for them, and their fields.
//!
//! A message that readers could take for another one is not signed: see [`Refusal`]. l= is never used.

use std::fmt;
use std::num::NonZeroU64;

use dns::Name;
use mail::{Defect, Domain, Header, UnixTime};

use crate::body::{BodyHash, BodyHasher, BodyHashes};
use crate::canon::{Canon, put_field};
use crate::fields::FieldIndex;
use crate::sign_fields::FieldList;
use crate::signature::Algorithm;
use crate::signing_key::{CryptoFault, SigningKey};
use crate::verify::FIELD;
use crate::who::{Identity, Selector, WhoError, key_name, signing_domain};

/// Longest h=, in bytes: other verifiers hold no more than 4096.
pub const MAX_SIGNED: usize = 4_000;

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
    /// The list of signed fields would be longer than [`MAX_SIGNED`]: fields are there too often.
    #[error("too many fields: their list would be longer than {MAX_SIGNED} bytes")]
    ManyFields,
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
        let length = |request: &Request| -> usize {
            request.options.fields.names(header).map(|name| name.len() + 1).sum()
        };
        if requests.iter().any(|request| length(request) > MAX_SIGNED) {
            return Err(Refusal::ManyFields);
        }
        Ok(Self { requests, now })
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
        let index = FieldIndex::new(header);
        let sign = |request| self.sign(request, header, &index, body);
        let mut fields = self.requests.iter().map(sign).collect::<Result<Vec<_>, _>>()?;
        // Who looks at the topmost signature only, and knows RSA only, sees an RSA signature.
        fields.sort_by_key(|field| field.algorithm == Algorithm::RsaSha256);
        Ok(fields)
    }

    fn sign(
        &self,
        request: &Request,
        header: &Header,
        index: &FieldIndex<'_>,
        body: &BodyHashes,
    ) -> Result<SignatureField, SigningFault> {
        let Options { header_canon, body_canon, ref fields, .. } = request.options;
        let BodyHash { sha256, .. } = body.get(body_canon).ok_or(SigningFault::BodyNotHashed(body_canon))?;
        let mut field = write::until_b(request, header, self.now, &sha256);
        let mut hashed = Vec::with_capacity(4096);
        for (name, _) in fields.iter() {
            // RFC 6376 §5.4.2: instances are signed from the bottom up; those of h= that are not there are nothing.
            let instances = index.named(name).iter().rev();
            instances.for_each(|(_, at)| index.put(header_canon, *at, &mut hashed));
        }
        // RFC 6376 §3.7: last the signature's own field, with nothing in b=, and no CRLF behind it.
        let own = [FIELD, ": ", field.as_str()].concat();
        put_field(header_canon, own.as_bytes(), &mut hashed);
        write::put_b(&mut field, &request.key.sign(&hashed)?);
        Ok(SignatureField { value: field.into_string(), algorithm: request.key.algorithm() })
    }
}

mod own;
pub mod write;

pub use own::OwnFault;
pub use write::{MAX_COPIED, MAX_LINE};
