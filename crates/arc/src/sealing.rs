//! Sealing (RFC 8617 §5.1): one more set on a message that goes on, for those who trust us to read.
//!
//! What we say of the chain before (cv=) is our own check of it, and what we saw (ARC-Authentication-Results) is our own
//! verdict: both are values, not texts that stand in the message. A chain that fails is never made to look whole.

mod own;

use std::fmt;

pub use self::own::OwnFault;

use aws_lc_rs::digest::{SHA256, digest};
use dkim::fields::FieldIndex;
use dkim::sign::write::{Folded, put_b, put_names};
use dkim::sign::{MAX_SIGNED, RequestFault, has_room};
use dkim::signature::MAX_SIGNED_NAMES;
use dkim::values::to_base64;
use dkim::who::{key_name, signing_domain};
use dkim::{
    Algorithm, BodyHasher, BodyHashes, Canon, FieldList, Refusal, Selector, SigningFault, SigningKey,
};
use dns::Name;
use mail::authres::AuthenticationResults;
use mail::{Domain, Header, Span, UnixTime};

use crate::bytes::SealedSets;
use crate::check::Check;
use crate::field::Kind;
use crate::instance::{Instance, MAX_SETS};
use crate::reason::Outcome;
use crate::scan::{Groups, collect, newest_status, whole_sets};
use crate::seal::{Seal, Status};

/// Longest set that is written, in bytes: results of 8 KiB, h= of [`MAX_SIGNED`] with its folds, two signatures.
pub const MAX_SET: usize = 20 * 1024;

/// The field whose signatures a message signature covers as often as they are there (RFC 8617 §4.1.2).
const DKIM_SIGNATURE: &str = "dkim-signature";
/// The form in which header and body are signed.
const CANON: Canon = Canon::Relaxed;

/// Who seals.
#[derive(Clone)]
pub struct Sealer {
    domain: Domain,
    selector: Selector,
    key_name: Name,
    key: SigningKey,
    fields: FieldList,
}

/// Why nobody can seal like this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealerFault {
    /// Domain and selector can't be those of a signature.
    Name(RequestFault),
    /// The key is Ed25519. A set has one signature of each kind (RFC 8617 §4.2.1), and who can't verify it sees a chain
    /// that is broken for good.
    Ed25519,
}

impl fmt::Display for SealerFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(fault) => fault.fmt(f),
            Self::Ed25519 => f.write_str(
                "an Ed25519 key can't seal: a set has one seal only, and many receivers verify RSA alone",
            ),
        }
    }
}

impl std::error::Error for SealerFault {}

impl Sealer {
    /// Seals as `domain` with the RSA key whose public half is published under `selector`. Of the message the fields of
    /// the list are signed, and the DKIM signatures that are there.
    pub fn new(
        domain: Domain,
        selector: Selector,
        key: SigningKey,
        fields: FieldList,
    ) -> Result<Self, SealerFault> {
        signing_domain(domain.as_str().as_bytes())
            .map_err(|error| SealerFault::Name(RequestFault::Domain(error)))?;
        let key_name =
            key_name(&selector, &domain).map_err(|_| SealerFault::Name(RequestFault::LongKeyName))?;
        match key.algorithm() {
            Algorithm::RsaSha256 | Algorithm::RsaSha1 => Ok(Self { domain, selector, key_name, key, fields }),
            Algorithm::Ed25519Sha256 => Err(SealerFault::Ed25519),
        }
    }

    /// A hasher for the body of a message to be sealed, in the form that is needed.
    pub fn body(&self) -> BodyHasher {
        BodyHasher::new([self.form()])
    }

    /// The form of the body that is needed, for who hashes it for others too.
    pub fn form(&self) -> Canon {
        CANON
    }
}

/// What is done with a chain that fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum OnFailure {
    /// No set is added.
    #[default]
    LeaveAlone,
    /// One set says so (cv=fail), and covers itself alone (RFC 8617 §5.1.2); none is added after that.
    Mark,
}

/// Why a message is not sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotSealed {
    /// The message is one that nobody should sign.
    Message(Refusal),
    /// The chain fails.
    Failed,
    /// The chain fails only because an answer is missing: a seal would make that last.
    Unknown,
    /// The newest seal says that the chain has failed (RFC 8617 §5.1 step 2).
    SaysFailed,
    /// The chain has as many sets as there can be.
    Full,
    /// The chain in the header is not the one that was checked.
    OtherChain,
}

impl fmt::Display for NotSealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message(refusal) => refusal.fmt(f),
            Self::Failed => f.write_str("the message has an ARC chain that is not valid"),
            Self::Unknown => f.write_str(
                "whether its ARC chain is valid is not known now, as an answer of the DNS is missing",
            ),
            Self::SaysFailed => f.write_str("the last sealer says that its ARC chain has failed"),
            Self::Full => write!(f, "its ARC chain has {MAX_SETS} sets, and there can be no more"),
            Self::OtherChain => f.write_str("its ARC chain is not the one that was checked"),
        }
    }
}

impl std::error::Error for NotSealed {}

/// A set to be put on top of its message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSet {
    values: [(Kind, String); 3],
}

impl NewSet {
    /// Name and value of its fields, in the order in which they are put on top, one above the other. A value is what
    /// follows the colon and one space: ASCII, each CRLF a fold, no CRLF at the end.
    pub fn fields(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.values.iter().map(|(kind, value)| (kind.name(), value.as_str()))
    }
}

/// The fields as they stand on top of the message, each with its CRLF. They were sealed in exactly this form.
impl fmt::Display for NewSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.values.iter().rev().try_for_each(|(kind, value)| write!(f, "{kind}: {value}\r\n"))
    }
}

/// The set that a message gets, from its header to its fields.
#[derive(Clone)]
pub struct Sealing {
    sealer: Sealer,
    instance: Instance,
    status: Status,
    /// What the seal covers beside its own set.
    before: SealedSets,
    results: String,
    /// h= of the message signature.
    signed: Vec<Box<str>>,
    now: UnixTime,
}

impl Sealing {
    /// Begins to seal the message that has this header. Everything that is to be changed on it has been changed (RFC 8617
    /// §5.1 step 1). `check` is our own check of the chain that it came with, `results` our own verdict on it.
    pub fn new(
        header: &Header,
        check: &Check,
        results: &AuthenticationResults,
        sealer: &Sealer,
        on_failure: OnFailure,
        now: UnixTime,
    ) -> Result<Self, NotSealed> {
        check_message(header).map_err(NotSealed::Message)?;
        let signed = signed(header, &sealer.fields).map_err(NotSealed::Message)?;
        let groups = collect(header);
        let (instance, status, before) = match check.outcome() {
            Outcome::Fail if check.reason().is_temporary() => return Err(NotSealed::Unknown),
            Outcome::Fail => {
                let instance = mark(&groups.map_err(|_| NotSealed::Failed)?, on_failure)?;
                // RFC 8617 §5.1.2: as if this newest set was the only one.
                (instance, Status::Fail, SealedSets::new())
            }
            Outcome::None => match groups {
                Ok(groups) if groups.is_empty() => (Instance::FIRST, Status::None, SealedSets::new()),
                _ => return Err(NotSealed::OtherChain),
            },
            Outcome::Pass => {
                let (instance, before) = extend(&groups.map_err(|_| NotSealed::OtherChain)?, check)?;
                (instance, Status::Pass, before)
            }
        };
        let results = format!("i={instance}; {}", results.value());
        Ok(Self { sealer: sealer.clone(), instance, status, before, results, signed, now })
    }

    /// The number of the set.
    pub fn instance(&self) -> Instance {
        self.instance
    }

    /// What its seal will say of the chain before it.
    pub fn status(&self) -> Status {
        self.status
    }

    /// A hasher for the body, in the form that is needed.
    pub fn body(&self) -> BodyHasher {
        self.sealer.body()
    }

    /// The set. `header` is the one that the sealing was made from.
    pub fn finish(&self, header: &Header, body: &BodyHashes) -> Result<NewSet, SigningFault> {
        let message = self.message(header, body)?;
        let seal = self.seal(&message)?;
        let values = [(Kind::Results, self.results.clone()), (Kind::Message, message), (Kind::Seal, seal)];
        Ok(NewSet { values })
    }

    /// RFC 8617 §5.1 step 4.B, by RFC 6376 §3.7.
    fn message(&self, header: &Header, body: &BodyHashes) -> Result<String, SigningFault> {
        let canon = CANON;
        let body = body.get(canon).ok_or(SigningFault::BodyNotHashed(canon))?;
        let mut value = self.begin(Kind::Message);
        value.word(&["c=", canon.as_str(), "/", canon.as_str(), ";"]);
        self.put_signer(&mut value);
        put_names(&mut value, self.signed.iter().map(|name| &**name));
        value.word(&["bh=", &to_base64(&body.sha256), ";"]);
        value.word(&["b="]);
        let index = FieldIndex::new(header, 1);
        // The new field is not in the header, so none is its own.
        let mut bytes =
            index.covered_bytes(&index.covered(self.signed.iter().map(|name| &**name), usize::MAX), canon);
        dkim::canon::put_field(canon, whole(Kind::Message, value.as_str()).as_bytes(), &mut bytes);
        put_b(&mut value, &self.sign(digest(&SHA256, &bytes).as_ref())?);
        Ok(value.into_string())
    }

    /// RFC 8617 §5.1 step 4.C, with the fields of §5.1.1.
    fn seal(&self, message: &str) -> Result<String, SigningFault> {
        let mut value = self.begin(Kind::Seal);
        value.word(&["cv=", self.status.as_str(), ";"]);
        self.put_signer(&mut value);
        value.word(&["b="]);
        let mut sealed = self.before.clone();
        sealed.add(whole(Kind::Results, &self.results).as_bytes());
        sealed.add(whole(Kind::Message, message).as_bytes());
        let seal = whole(Kind::Seal, value.as_str());
        let end = Span::new(seal.len(), seal.len());
        put_b(&mut value, &self.sign(sealed.digest(seal.as_bytes(), end).as_ref())?);
        Ok(value.into_string())
    }

    /// i= and a=. RFC 8617 §4.1.2, §4.1.3: the instance stands in front.
    fn begin(&self, kind: Kind) -> Folded {
        let mut value = Folded::new(kind.name());
        value.more(&["i=", &self.instance.to_string(), ";"]);
        value.word(&["a=", self.sealer.key.algorithm().as_str(), ";"]);
        value
    }

    /// d=, s= and t=.
    fn put_signer(&self, value: &mut Folded) {
        value.word(&["d=", self.sealer.domain.as_str(), ";"]);
        value.word(&["s=", self.sealer.selector.as_str(), ";"]);
        value.word(&["t=", &self.now.to_string(), ";"]);
    }

    fn sign(&self, sha256: &[u8]) -> Result<Vec<u8>, SigningFault> {
        let sha256 = sha256.try_into().map_err(|_| SigningFault::Crypto(dkim::CryptoFault))?;
        Ok(self.sealer.key.sign_sha256(sha256)?)
    }
}

fn whole(kind: Kind, value: &str) -> String {
    format!("{kind}: {value}")
}

/// As for a DKIM signature: what readers could take for another message is signed by nobody.
fn check_message(header: &Header) -> Result<(), Refusal> {
    if let Some((defect, _)) = header.defects().first() {
        return Err(Refusal::MalformedHeader(*defect));
    }
    match header.named("from").count() {
        0 => Err(Refusal::NoFrom),
        1 => Ok(()),
        several => Err(Refusal::SeveralFrom(several)),
    }?;
    if has_room(header, Kind::ALL.len(), MAX_SET) { Ok(()) } else { Err(Refusal::NoRoom) }
}

/// The fields of the list, and the DKIM signatures that are there (RFC 8617 §4.1.2).
fn signed(header: &Header, fields: &FieldList) -> Result<Vec<Box<str>>, Refusal> {
    let mut names = fields.names(header);
    names.extend(header.named(DKIM_SIGNATURE).map(|_| DKIM_SIGNATURE.into()));
    let length: usize = names.iter().map(|name| name.len() + 1).sum();
    if names.len() > MAX_SIGNED_NAMES || length > MAX_SIGNED { Err(Refusal::ManyFields) } else { Ok(names) }
}

/// RFC 8617 §5.1 steps 2 and 3 for a chain that fails.
fn mark(groups: &Groups<'_>, on_failure: OnFailure) -> Result<Instance, NotSealed> {
    if newest_status(groups) == Some(Status::Fail) {
        return Err(NotSealed::SaysFailed);
    }
    match (on_failure, groups.last_key_value()) {
        (OnFailure::Mark, Some((newest, _))) => newest.next().ok_or(NotSealed::Full),
        _ => Err(NotSealed::Failed),
    }
}

/// RFC 8617 §5.1 step 3, and what the seal covers (§5.1.1), for a chain that passes: the very one that was checked.
fn extend(groups: &Groups<'_>, check: &Check) -> Result<(Instance, SealedSets), NotSealed> {
    let sets = whole_sets(groups).map_err(|_| NotSealed::OtherChain)?;
    let seals = sets.iter().map(|set| Seal::parse(&set.seal).ok().map(|seal| seal.by));
    if !seals.eq(check.hops().iter().map(|hop| Some(hop.sealer.clone()))) {
        return Err(NotSealed::OtherChain);
    }
    let newest = sets.last().ok_or(NotSealed::OtherChain)?;
    let mut before = SealedSets::new();
    for field in sets.iter().flat_map(|set| [&set.results, &set.message, &set.seal]) {
        before.add(field.raw);
    }
    Ok((newest.instance.next().ok_or(NotSealed::Full)?, before))
}
