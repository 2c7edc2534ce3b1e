//! A chain as a header has it (RFC 8617 §5.2 steps 1 to 3), and what has to be asked and hashed for it.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;

use dkim::{Algorithm, BodyLength, Canon, KeyCache, Keys, Policy};
use dns::{Dns, Name};
use mail::authres::AuthenticationResults;
use mail::{Field, Header, UnixTime};

use crate::field::{FieldError, Kind, SignedBy};
use crate::instance::Instance;
use crate::message::MessageSignature;
use crate::reason::Reason;
use crate::results::{self, Results};
use crate::scan::{Whole, collect, whole_sets};
use crate::seal::{Seal, Status};

/// Most keys that are asked for: those of ten sets whose signature and seal have different ones. More sets share theirs, or
/// are none that handlers made.
///
/// DEVIATION: RFC 8617 §9.2 reckons with two for each of fifty sets, and with whoever makes up a chain to have a hundred
/// questions put to others for one message. A chain with more keys fails, and nobody is asked.
pub const MAX_KEYS: usize = 20;

/// The chain of one message, from its header to its check.
#[derive(Clone, Debug)]
pub struct Chain {
    pub(crate) policy: Policy,
    /// In the order of their instances; or why the chain fails whatever the answers are.
    pub(crate) sets: Result<Vec<Set>, Reason>,
}

/// A field's bytes and its place in the header.
#[derive(Clone, Debug)]
pub(crate) struct Text {
    pub(crate) index: usize,
    pub(crate) raw: Arc<[u8]>,
}

/// One set in its right form.
#[derive(Clone, Debug)]
pub(crate) struct Set {
    pub(crate) instance: Instance,
    pub(crate) results_field: Text,
    pub(crate) results: Results,
    pub(crate) message_field: Text,
    /// Or why it does not hold whatever the answers are; that of the newest set is never an error.
    pub(crate) message: Result<MessageSignature, Hopeless>,
    pub(crate) seal_field: Text,
    pub(crate) seal: Seal,
}

/// Why a message signature can't hold.
#[derive(Clone, Debug)]
pub(crate) enum Hopeless {
    Malformed(FieldError),
    Broken(dkim::Reason),
}

impl Hopeless {
    /// As the reason of a whole chain.
    pub(crate) fn reason(&self, kind: Kind, instance: Instance) -> Reason {
        match self {
            Self::Malformed(error) => Reason::Malformed { kind, instance, error: error.kind },
            Self::Broken(why) => Reason::Broken { kind, instance, why: why.clone() },
        }
    }
}

impl Chain {
    /// Reads the chain of a header. `policy` is that for DKIM: its clock skew, its shortest RSA key, its l=, the service
    /// that keys have to be for. `now` is when the message came in.
    pub fn read(header: &Header, policy: &Policy, now: UnixTime) -> Self {
        let sets = collect(header).and_then(|groups| match header.defects().first() {
            Some((defect, _)) if !groups.is_empty() => Err(Reason::MalformedHeader(*defect)),
            _ => Setting { policy, now }.sets(whole_sets(&groups)?).and_then(with_few_keys),
        });
        Self { policy: policy.clone(), sets }
    }

    /// The sets that may form a valid chain.
    fn open(&self) -> &[Set] {
        self.sets.as_deref().unwrap_or_default()
    }

    /// Whether the message has no field of a chain.
    pub fn is_empty(&self) -> bool {
        self.sets.as_ref().is_ok_and(Vec::is_empty)
    }

    /// The canonical forms of the body that are needed.
    pub fn forms(&self) -> impl Iterator<Item = Canon> {
        messages(self.open()).map(|message| message.body_canon)
    }

    /// Asks for the keys that are needed, all at once: at most [`MAX_KEYS`], and none for a chain that is not whole. The
    /// future does not hold on to the chain.
    pub fn keys<'d, D: Dns>(
        &self,
        dns: &'d D,
        cache: Option<&'d KeyCache>,
    ) -> impl Future<Output = Keys> + Send + use<'d, D> {
        Keys::look_up(dns, key_names(self.open()).cloned().collect(), cache)
    }
}

/// The message signatures that may hold.
fn messages(sets: &[Set]) -> impl Iterator<Item = &MessageSignature> {
    sets.iter().filter_map(|set| set.message.as_ref().ok())
}

/// Where the keys are published, each as often as it is used.
fn key_names(sets: &[Set]) -> impl Iterator<Item = &Name> {
    let seals = sets.iter().map(|set| &set.seal.by.key_name);
    messages(sets).map(|message| &message.by.key_name).chain(seals)
}

fn with_few_keys(sets: Vec<Set>) -> Result<Vec<Set>, Reason> {
    let keys = key_names(&sets).collect::<BTreeSet<_>>().len();
    if keys > MAX_KEYS { Err(Reason::ManyKeys) } else { Ok(sets) }
}

/// What a chain is looked at with before anything is asked or hashed for it.
pub(crate) struct Setting<'a> {
    pub(crate) policy: &'a Policy,
    pub(crate) now: UnixTime,
}

impl Setting<'_> {
    /// RFC 8617 §5.2 step 3.C, and all that speaks already against a signature that has to hold.
    fn sets(&self, whole: Vec<Whole<'_>>) -> Result<Vec<Set>, Reason> {
        let newest = whole.last().map(|set| set.instance);
        let sets = whole.into_iter().map(|whole| {
            let set = self.set(whole)?;
            // RFC 8617 §5.2 step 3.C: cv= is none in the first set and pass in all others.
            let must = if set.instance == Instance::FIRST { Status::None } else { Status::Pass };
            if set.seal.status != must {
                return Err(Reason::Status { instance: set.instance, status: set.seal.status });
            }
            match &set.message {
                Err(hopeless) if Some(set.instance) == newest => {
                    Err(hopeless.reason(Kind::Message, set.instance))
                }
                _ => Ok(set),
            }
        });
        sets.collect()
    }

    /// One set, whatever its seal says of the chain.
    pub(crate) fn set(&self, whole: Whole<'_>) -> Result<Set, Reason> {
        let instance = whole.instance;
        let seal = self.seal(&whole.seal).map_err(|hopeless| hopeless.reason(Kind::Seal, instance))?;
        let payload = results::cut(whole.results.value).map(|(_, payload)| payload).unwrap_or_default();
        Ok(Set {
            instance,
            results_field: text(&whole.results),
            results: AuthenticationResults::parse(payload),
            message_field: text(&whole.message),
            message: self.message(&whole.message),
            seal_field: text(&whole.seal),
            seal,
        })
    }

    fn seal(&self, field: &Field<'_>) -> Result<Seal, Hopeless> {
        let seal = Seal::parse(field).map_err(Hopeless::Malformed)?;
        self.check_time_and_hash(&seal.by).map_err(Hopeless::Broken)?;
        Ok(seal)
    }

    fn message(&self, field: &Field<'_>) -> Result<MessageSignature, Hopeless> {
        let message = MessageSignature::parse(field).map_err(Hopeless::Malformed)?;
        self.check_time_and_hash(&message.by).map_err(Hopeless::Broken)?;
        // RFC 6376 §8.2: what l= leaves out anybody can add.
        if message.body_length.is_some() && self.policy.body_length == BodyLength::Never {
            return Err(Hopeless::Broken(dkim::Reason::LengthTag));
        }
        Ok(message)
    }

    fn check_time_and_hash(&self, by: &SignedBy) -> Result<(), dkim::Reason> {
        let skew = self.policy.skew;
        // RFC 8301 §3.1: rsa-sha1 must not be used for verifying.
        if by.algorithm == Algorithm::RsaSha1 {
            return Err(dkim::Reason::Sha1);
        }
        // RFC 6376 §3.5 x=, t=: what is past its expiry may be taken as invalid, what is from the future may be ignored.
        if by.expires_at.is_some_and(|expires| self.now.0 > expires.saturating_add(skew)) {
            return Err(dkim::Reason::Expired);
        }
        if by.signed_at.is_some_and(|signed| signed > self.now.0.saturating_add(skew)) {
            return Err(dkim::Reason::FutureSigned);
        }
        Ok(())
    }
}

fn text(field: &Field<'_>) -> Text {
    Text { index: field.index, raw: field.raw.into() }
}
