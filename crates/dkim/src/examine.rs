//! One signature against key, body and header (RFC 6376 §6.1.2, §6.1.3), a function for each step.

use std::cmp::Ordering;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use dns::{Failure, Name};
use mail::{Finding, Severity, Span};

use crate::body::BodyHashes;
use crate::check::Flags;
use crate::fields::{Covered, FieldIndex};
use crate::key::{KeyType, MIN_RSA_BITS, PublicKey};
use crate::lookup::{FoundKey, KeyAnswer};
use crate::policy::{BodyLength, Policy};
use crate::reason::Reason;
use crate::signature::Signature;
use crate::step::{Cited, Step};
use crate::verify::Keys;

/// The fields that a good signature covers where they are there, in lower case (RFC 6376 §5.4.1).
pub const WELL_SIGNED: &[&str] = &["subject", "date", "to", "content-type"];

/// A reason not to pass, and the part of the field that it is about.
#[derive(Clone, Debug)]
pub(crate) struct Objection {
    pub(crate) reason: Reason,
    pub(crate) span: Option<Span>,
}

/// The steps of one check as they are taken.
pub(crate) struct Story<'a> {
    pub(crate) field: &'a Arc<[u8]>,
    pub(crate) steps: Vec<Step>,
    pub(crate) flags: Flags,
}

impl Story<'_> {
    /// A part of the signature's field, or all of it.
    fn field(&self, span: Option<Span>) -> Cited {
        Cited::field(self.field, span)
    }

    /// Notes a reason, and gives it back.
    pub(crate) fn decide(&mut self, reason: Reason, span: Option<Span>) -> Reason {
        let cited = span.map(|span| self.field(Some(span)));
        self.steps.push(Step::Decided { reason: reason.clone(), cited });
        reason
    }
}

/// All that is known of a message once its body and the answers are in.
pub(crate) struct Message<'a> {
    pub(crate) header: FieldIndex<'a>,
    pub(crate) keys: &'a Keys,
    pub(crate) body: &'a BodyHashes,
    pub(crate) policy: &'a Policy,
}

impl Message<'_> {
    /// RFC 6376 §6.1.2 and §6.1.3, for a signature that nothing spoke against so far.
    pub(crate) fn examine(&self, s: &Signature, own: usize, story: &mut Story<'_>) -> Result<(), Objection> {
        story.steps.push(Step::Read {
            domain: s.domain.clone(),
            selector: s.selector.clone(),
            algorithm: s.algorithm,
            cited: story.field(None),
        });
        self.check_length(s)?;
        let key = self.find_key(s, story)?;
        check_key(s, key, self.policy)?;
        self.check_body(s, story)?;
        let covered = self.check_header(s, &key.record.key, own, story)?;
        self.check_acceptable(s, &covered, story)
    }

    /// RFC 6376 §8.2: what l= leaves out anybody can add.
    fn check_length(&self, s: &Signature) -> Result<(), Objection> {
        let (Some(signed), Some(hash)) = (s.body_length, self.body.get(s.body_canon)) else { return Ok(()) };
        let reason = match signed.cmp(&hash.length) {
            // RFC 6376 §3.5 l=: it must not be larger than the canonical body.
            Ordering::Greater => Reason::LengthBeyondBody,
            Ordering::Less => Reason::BodyUnsigned,
            Ordering::Equal if self.policy.body_length == BodyLength::Never => Reason::LengthTag,
            Ordering::Equal => return Ok(()),
        };
        Err(about(reason, s.span("l")))
    }

    fn find_key(&self, s: &Signature, story: &mut Story<'_>) -> Result<&FoundKey, Objection> {
        story.steps.push(Step::Asked { name: s.key_name.clone() });
        let objection = match self.keys.get(&s.key_name) {
            Some(KeyAnswer::Found(found)) => {
                tell_of_key(s, found, story);
                return Ok(found);
            }
            Some(KeyAnswer::NotAKey { text, findings }) => {
                tell_findings(&s.key_name, text, findings, story);
                Reason::NotAKey
            }
            Some(KeyAnswer::NoKey) => Reason::NoKey,
            Some(KeyAnswer::Several) => Reason::SeveralKeys,
            Some(KeyAnswer::Failed(Failure::Bogus)) => Reason::KeyBogus,
            Some(KeyAnswer::Failed(Failure::TimeOut)) | None => Reason::KeyTimeOut,
            Some(KeyAnswer::Failed(Failure::ServerFailure)) => Reason::KeyServerFailure,
        };
        Err(about(objection, s.span("s")))
    }

    fn check_body(&self, s: &Signature, story: &mut Story<'_>) -> Result<(), Objection> {
        // RFC 6376 §6.1.3 step 3: the hash of the body is the one in bh=.
        match self.body.get(s.body_canon) {
            Some(hash) if *s.body_hash == hash.sha256 => {
                let cited = story.field(s.span("bh"));
                story.steps.push(Step::Body { canon: s.body_canon, length: hash.length, cited });
                Ok(())
            }
            _ => Err(about(Reason::BodyChanged, s.span("bh"))),
        }
    }

    fn check_header(
        &self,
        s: &Signature,
        key: &PublicKey,
        own: usize,
        story: &mut Story<'_>,
    ) -> Result<Covered, Objection> {
        let covered = self.header.covered(s.signed.iter(), own);
        let bytes = self.header.hashed_bytes(&covered, s, story.field);
        // RFC 6376 §6.1.3 step 4: the signature in b= fits the hash of the header and the key.
        if !key.verifies(&digest(&SHA256, &bytes), &s.signature) {
            return Err(about(Reason::SignatureMismatch, s.span("b")));
        }
        let cited = story.field(s.span("h"));
        story.steps.push(Step::Header { canon: s.header_canon, fields: covered.fields.len(), cited });
        story.flags.oversigned = covered.oversigned;
        story.flags.unsigned_duplicate = covered.unsigned_duplicate.clone();
        story.flags.unsigned =
            WELL_SIGNED.iter().copied().filter(|name| self.header.is_unsigned(name, &covered)).collect();
        if !story.flags.unsigned.is_empty() {
            let cited = story.field(s.span("h"));
            story.steps.push(Step::Unsigned { names: story.flags.unsigned.clone(), cited });
        }
        Ok(covered)
    }

    /// What the receiver wants of a signature that is right.
    fn check_acceptable(&self, s: &Signature, covered: &Covered, story: &Story<'_>) -> Result<(), Objection> {
        // RFC 6376 §8.15: an added field that h= has no place for is not noticed by the signature, but by the reader.
        if let Some(name) = &story.flags.unsigned_duplicate
            && !self.policy.accept_unsigned_duplicates
        {
            return Err(about(Reason::UnsignedDuplicate(name.clone()), s.span("h")));
        }
        match self.policy.must_sign.iter().find(|name| self.header.is_unsigned(name, covered)) {
            Some(name) => Err(about(Reason::Unsigned(name.clone()), s.span("h"))),
            None => Ok(()),
        }
    }
}

/// An objection.
pub(crate) fn about(reason: Reason, span: Option<Span>) -> Objection {
    Objection { reason, span }
}

fn tell_of_key(s: &Signature, found: &FoundKey, story: &mut Story<'_>) {
    story.steps.push(Step::Key {
        key: found.record.key.clone(),
        authenticated: found.authenticated,
        cited: Cited::record(&s.key_name, &found.text, None),
    });
    tell_findings(&s.key_name, &found.text, &found.findings, story);
    // DEVIATION: RFC 6376 §3.6.1 t=y says to treat the message as unsigned. A signature that verifies proves the same
    // whether the domain is testing or not; it passes, is marked, and counts for DMARC.
    story.flags.testing = found.record.is_testing();
    story.flags.weak_key = found.record.is_weak();
}

fn tell_findings(name: &Name, text: &Arc<[u8]>, findings: &[Finding], story: &mut Story<'_>) {
    for finding in findings.iter().filter(|f| f.severity > Severity::Note) {
        let cited = Cited::record(name, text, Some(finding.span));
        story.steps.push(Step::KeyFinding { finding: finding.clone(), cited });
    }
}

/// RFC 6376 §6.1.2 steps 6 to 8, and the tags of the record that limit what it is for.
fn check_key(s: &Signature, found: &FoundKey, policy: &Policy) -> Result<(), Objection> {
    let record = &found.record;
    if !record.allows_hash(s.algorithm.hash()) {
        return Err(about(Reason::KeyHash, s.span("a")));
    }
    if !record.allows_service(policy.service.as_str()) {
        return Err(about(Reason::KeyService, None));
    }
    // RFC 6376 §3.6.1 t=s: i= must have the signing domain itself.
    if record.is_strict() && *s.identity.domain() != s.domain {
        return Err(about(Reason::KeyStrict, s.span("i")));
    }
    match &record.key {
        PublicKey::Revoked(_) => Err(about(Reason::KeyRevoked, s.span("s"))),
        key if key.key_type() != KeyType::of(s.algorithm) => Err(about(Reason::KeyType, s.span("a"))),
        PublicKey::Rsa(key) if key.bits() < MIN_RSA_BITS => {
            Err(about(Reason::KeyShort(key.bits()), s.span("s")))
        }
        PublicKey::Rsa(key) if key.bits() < policy.min_rsa_bits => {
            Err(about(Reason::KeyBelowPolicy(key.bits()), s.span("s")))
        }
        PublicKey::Rsa(_) | PublicKey::Ed25519(_) => Ok(()),
    }
}
