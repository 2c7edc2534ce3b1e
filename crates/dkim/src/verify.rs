//! The verifier (RFC 6376 §6.1): which signatures are tried, what has to be asked and hashed for them, and what comes
//! of each.
//!
//! A header with any [`mail::Defect`] could be read in two ways, so none of its signatures counts (RFC 6376 §3.8).

use std::cmp::Reverse;
use std::future::Future;
use std::sync::Arc;

use dns::{Dns, Name};
use futures_util::future::join_all;
use mail::{Domain, Field, Header, Span, SuffixList, SuffixSection, UnixTime};

use crate::body::{BodyHasher, BodyHashes};
use crate::cache::KeyCache;
use crate::canon::Canon;
use crate::check::{Check, Flags};
use crate::examine::{Message, Objection, Story, about};
use crate::fields::FieldIndex;
use crate::lookup::{KeyAnswer, ask};
use crate::policy::{BodyLength, MAX_SIGNATURES, Policy};
use crate::reason::Reason;
use crate::signature::{Algorithm, Malformed, Signature, SignedNames};

/// The name of the field.
pub const FIELD: &str = "DKIM-Signature";

/// How many steps there is room for at first: as many as a signature that passes has.
const STEPS: usize = 6;

/// The answers for a message's keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keys(pub(crate) Vec<(Name, KeyAnswer)>);

impl Keys {
    /// The answer for a name, if it was asked for.
    pub fn get(&self, name: &Name) -> Option<&KeyAnswer> {
        self.0.iter().find(|(asked, _)| asked == name).map(|(_, answer)| answer)
    }

    /// Asks for the keys at these names, all at once.
    pub async fn look_up<D: Dns>(dns: &D, mut names: Vec<Name>, cache: Option<&KeyCache>) -> Self {
        names.sort_unstable();
        names.dedup();
        let answers = join_all(names.iter().map(|name| ask(dns, name.clone(), cache))).await;
        Self(names.into_iter().zip(answers).collect())
    }

    /// The answers, by the name that was asked for.
    pub fn iter(&self) -> impl Iterator<Item = (&Name, &KeyAnswer)> {
        self.0.iter().map(|(name, answer)| (name, answer))
    }
}

/// The signatures of one message, from its header to their checks.
#[derive(Clone, Debug)]
pub struct Verifier {
    policy: Policy,
    entries: Vec<Entry>,
}

/// One DKIM-Signature field.
#[derive(Clone, Debug)]
struct Entry {
    index: usize,
    field: Arc<[u8]>,
    signature: Result<Box<Signature>, Box<Malformed>>,
    /// Why it can't pass whatever the answers are; the first is the reason of the check.
    objections: Vec<Objection>,
}

impl Verifier {
    /// Reads the signatures of a header and decides which are tried: at most [`MAX_SIGNATURES`], those first whose domain
    /// has more labels in common with the author's, from the right, then from the top. `now` is when the message came
    /// in; `suffixes` is a public suffix list, if there is one.
    pub fn new(
        header: &Header,
        author: Option<&Domain>,
        policy: &Policy,
        now: UnixTime,
        suffixes: Option<&dyn SuffixList>,
    ) -> Self {
        let setting = Setting { author, policy, now, suffixes };
        let entries = header.named(FIELD).map(|field| Entry::read(&field, header, &setting)).collect();
        let mut verifier = Self { policy: policy.clone(), entries };
        verifier.pass_over_the_rest(author);
        verifier
    }

    /// RFC 6376 §6.1: signatures may be tried in any order, and not all of them.
    fn pass_over_the_rest(&mut self, author: Option<&Domain>) {
        // What may be aligned goes first: also a sibling shares the organizational domain, which nobody knows yet.
        let shared_labels = |entry: &Entry| match (&entry.signature, author) {
            (Ok(s), Some(author)) => s
                .domain
                .labels()
                .rev()
                .zip(author.labels().rev())
                .take_while(|(one, other)| one == other)
                .count(),
            _ => 0,
        };
        let mut open: Vec<&mut Entry> = self.entries.iter_mut().filter(|e| e.objections.is_empty()).collect();
        open.sort_by_key(|entry| Reverse(shared_labels(entry)));
        for entry in open.into_iter().skip(self.policy.max_signatures.min(MAX_SIGNATURES)) {
            entry.objections.push(about(Reason::TooMany, None));
        }
    }

    /// The signatures whose fate is open.
    fn open(&self) -> impl Iterator<Item = &Signature> {
        self.entries.iter().filter(|e| e.objections.is_empty()).filter_map(|e| e.signature.as_deref().ok())
    }

    /// Asks for the keys that are needed, all at once. The future does not hold on to the verifier. A cache makes it
    /// cheaper and changes nothing else.
    pub fn keys<'d, D: Dns>(
        &self,
        dns: &'d D,
        cache: Option<&'d KeyCache>,
    ) -> impl Future<Output = Keys> + Send + use<'d, D> {
        let names = self
            .open()
            .filter(|s| s.body_length.is_none() || self.policy.body_length == BodyLength::Exact)
            .map(|s| s.key_name.clone())
            .collect();
        Keys::look_up(dns, names, cache)
    }

    /// The signing domains of the signatures that may still pass.
    pub fn domains(&self) -> impl Iterator<Item = &Domain> {
        self.open().map(|signature| &signature.domain)
    }

    /// The canonical forms of the body that are needed.
    pub fn forms(&self) -> impl Iterator<Item = Canon> {
        self.open().map(|signature| signature.body_canon)
    }

    /// A hasher for the body, for the canonical forms that are needed. It does not hold on to the verifier.
    pub fn body(&self) -> BodyHasher {
        BodyHasher::new(self.forms())
    }

    /// One check for each DKIM-Signature field, from the top down. `header` is the one that the verifier was made from.
    pub fn finish(&self, header: &Header, keys: &Keys, body: &BodyHashes) -> Vec<Check> {
        if self.entries.is_empty() {
            return Vec::new();
        }
        let message =
            Message { header: FieldIndex::new(header, self.entries.len()), keys, body, policy: &self.policy };
        self.entries.iter().map(|entry| entry.check(&message)).collect()
    }
}

impl Entry {
    fn read(field: &Field<'_>, header: &Header, setting: &Setting<'_>) -> Self {
        let signature = Signature::parse(field).map(Box::new);
        let mut objections = Vec::new();
        if let Some((defect, _)) = header.defects().first() {
            objections.push(about(Reason::MalformedHeader(*defect), None));
        }
        match &signature {
            Err(malformed) => {
                objections.extend(malformed.errors().map(|e| about(Reason::Malformed(e.kind), Some(e.span))));
                let expires = malformed.claims().expires_at;
                objections.extend(setting.expired(expires, malformed.expires_span()));
            }
            Ok(s) => objections.extend(setting.hopeless(s)),
        }
        Self { index: field.index, field: field.raw.into(), signature, objections }
    }

    fn check(&self, message: &Message<'_>) -> Check {
        let (claims, signed) = match &self.signature {
            Ok(signature) => (signature.claims(), signature.signed.clone()),
            Err(malformed) => (malformed.claims().clone(), SignedNames::default()),
        };
        let mut story =
            Story { field: &self.field, steps: Vec::with_capacity(STEPS), flags: Flags::default() };
        let reason = match (self.objections.first(), &self.signature) {
            (Some(first), _) => {
                for objection in &self.objections {
                    story.decide(objection.reason.clone(), objection.span);
                }
                first.reason.clone()
            }
            (None, Ok(signature)) => match message.examine(signature, self.index, &mut story) {
                Ok(()) => story.decide(Reason::Pass, None),
                Err(objection) => story.decide(objection.reason, objection.span),
            },
            // A malformed field always has an objection.
            (None, Err(malformed)) => story.decide(Reason::Malformed(malformed.first().kind), None),
        };
        Check { claims, signed, reason, steps: story.steps, flags: story.flags }
    }
}

/// What a signature is looked at with before anything is asked or hashed for it.
struct Setting<'a> {
    author: Option<&'a Domain>,
    policy: &'a Policy,
    now: UnixTime,
    suffixes: Option<&'a dyn SuffixList>,
}

impl Setting<'_> {
    /// All that speaks against a signature already.
    fn hopeless(&self, s: &Signature) -> impl Iterator<Item = Objection> + use<> {
        // RFC 8301 §3.1: rsa-sha1 must not be used for verifying.
        let sha1 = (s.algorithm == Algorithm::RsaSha1).then(|| about(Reason::Sha1, s.span("a")));
        let expired = self.expired(s.expires_at, s.span("x"));
        // RFC 6376 §3.5 t=: signatures from the future may be ignored.
        let latest = self.now.0.saturating_add(self.policy.skew);
        let is_future = s.signed_at.is_some_and(|signed| signed > latest);
        let future = is_future.then(|| about(Reason::FutureSigned, s.span("t")));
        let suffix = self.is_suffix(&s.domain).then(|| about(Reason::PublicSuffix, s.span("d")));
        [sha1, expired, future, suffix].into_iter().flatten()
    }

    /// RFC 6376 §3.5 x=: past its expiry a signature may be taken as invalid, with some allowance for clocks.
    fn expired(&self, expires: Option<u64>, span: Option<Span>) -> Option<Objection> {
        expires
            .filter(|expires| self.now.0 > expires.saturating_add(self.policy.skew))
            .map(|_| about(Reason::Expired, span))
    }

    /// RFC 6376 §6.1.1: signatures of domains such as co.uk may be ignored. Whoever owns a private suffix, such as
    /// github.io, may sign for itself, but not for those below, who are others.
    fn is_suffix(&self, domain: &Domain) -> bool {
        let Some(suffix) = self.suffixes.map(|list| list.suffix(domain)) else { return false };
        let is_itself = suffix.labels >= domain.label_count();
        match suffix.section {
            Some(SuffixSection::Icann) => is_itself,
            Some(SuffixSection::Private) => is_itself && self.author != Some(domain),
            None => false,
        }
    }
}
