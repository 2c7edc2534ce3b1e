//! What came of a chain (RFC 8617 §5.2 steps 4 to 7).

use dkim::fields::FieldIndex;
use dkim::{BodyHashes, Keys};
use mail::{Domain, Header};

use crate::chain::{Chain, Set};
use crate::examine::Message;
use crate::field::{Kind, SignedBy};
use crate::instance::Instance;
use crate::message::MessageSignature;
use crate::reason::{Outcome, Reason};
use crate::results::Results;
use crate::step::{Cited, Step};

/// Whether the message signature of a set holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holds {
    /// The message is as this handler passed it on.
    Yes {
        /// A field that should be there once and is signed is there once more, unsigned; its name, in lower case.
        unsigned_duplicate: Option<Box<str>>,
    },
    /// It is not, or the field can't be read; why.
    No(Reason),
    /// Nobody looked: the chain fails, or a newer one does not hold.
    NotChecked,
}

/// One set of a chain whose form is right. Who the handlers are is proved only if the chain passes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hop {
    /// Its number; 1 is the oldest.
    pub instance: Instance,
    /// Who sealed it.
    pub sealer: SignedBy,
    /// Its message signature, if that can be read.
    pub message: Option<MessageSignature>,
    /// Whether that holds.
    pub holds: Holds,
    /// What the handler says that it saw.
    pub results: Results,
}

/// The chain of one message, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    reason: Reason,
    steps: Vec<Step>,
    hops: Vec<Hop>,
    oldest_pass: Option<u8>,
}

impl Check {
    /// Why the chain is valid or is not.
    pub fn reason(&self) -> &Reason {
        &self.reason
    }

    /// The RFC 8601 word.
    pub fn outcome(&self) -> Outcome {
        self.reason.outcome()
    }

    /// What led there.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The sets, the oldest first; empty where their form is not right.
    pub fn hops(&self) -> &[Hop] {
        &self.hops
    }

    /// RFC 8617 §5.2 step 5: the number of the oldest set whose message signature holds, and all newer ones; 0 if all do.
    /// Only of a chain that passes.
    pub fn oldest_pass(&self) -> Option<u8> {
        self.oldest_pass
    }

    /// The domains that sealed the message, the oldest first; only of a chain that passes.
    pub fn sealers(&self) -> impl Iterator<Item = &Domain> {
        let passed = self.outcome() == Outcome::Pass;
        self.hops.iter().filter(move |_| passed).map(|hop| &hop.sealer.domain)
    }
}

impl Chain {
    /// Checks the chain. `header` is the one that it was read from; `body` has the [`Chain::forms`].
    pub fn check(&self, header: &Header, keys: &Keys, body: &BodyHashes) -> Check {
        let sets = match &self.sets {
            Ok(sets) => sets.as_slice(),
            Err(reason) => return decided(reason.clone()),
        };
        let Some(newest) = sets.last() else { return decided(Reason::NoSets) };
        let message = Message { header: FieldIndex::new(header, 1), keys, body, policy: &self.policy };
        let mut hops: Vec<Hop> = sets.iter().map(hop).collect();
        let mut steps = vec![Step::Found { sets: sets.len() }];
        let held = check_message(&message, newest);
        // RFC 8617 §5.2 step 4: the algorithm stops here; but what is only missing an answer may be wrong for good below.
        let stops = held.as_ref().is_err_and(|reason| !reason.is_temporary());
        let seals = if stops { Vec::new() } else { message.check_seals(sets) };
        tell_of_seals(sets, &seals, &mut steps);
        let reason = reason(&held, sets, &seals);
        if let Some(hop) = hops.last_mut() {
            hop.holds = held.into();
        }
        let mut oldest_pass = None;
        if reason == Reason::Pass {
            // RFC 8617 §5.2 puts this step before the seals; a chain that fails has no use for it.
            let oldest = find_oldest_pass(&message, sets, &mut hops);
            steps.extend(sets.iter().zip(&hops).rev().filter_map(|(set, hop)| tell_of_message(set, hop)));
            steps.push(Step::OldestPass { instance: oldest });
            oldest_pass = Some(oldest);
        }
        steps.extend(sets.iter().filter_map(|set| {
            let error = *set.results.as_ref().err()?;
            let cited = Cited::field(Kind::Results, &set.results_field);
            Some(Step::Unreadable { instance: set.instance, error, cited })
        }));
        let cited = cite(&reason, sets);
        steps.push(Step::Decided { reason: reason.clone(), cited });
        Check { reason, steps, hops, oldest_pass }
    }
}

/// A chain that was decided by its form alone.
fn decided(reason: Reason) -> Check {
    let steps = vec![Step::Decided { reason: reason.clone(), cited: None }];
    Check { reason, steps, hops: Vec::new(), oldest_pass: None }
}

fn hop(set: &Set) -> Hop {
    Hop {
        instance: set.instance,
        sealer: set.seal.by.clone(),
        message: set.message.as_ref().ok().cloned(),
        holds: Holds::NotChecked,
        results: set.results.clone(),
    }
}

/// RFC 8617 §5.2 steps 4 and 5, for one set: what is covered once and there twice, or why the signature does not hold.
fn check_message(message: &Message<'_>, set: &Set) -> Result<Option<Box<str>>, Reason> {
    let instance = set.instance;
    let signature = set.message.as_ref().map_err(|hopeless| hopeless.reason(Kind::Message, instance))?;
    let covered = message.check_message(signature, &set.message_field).map_err(|why| Reason::Broken {
        kind: Kind::Message,
        instance,
        why,
    })?;
    Ok(covered.unsigned_duplicate)
}

impl From<Result<Option<Box<str>>, Reason>> for Holds {
    fn from(held: Result<Option<Box<str>>, Reason>) -> Self {
        match held {
            Ok(unsigned_duplicate) => Self::Yes { unsigned_duplicate },
            Err(reason) => Self::No(reason),
        }
    }
}

/// RFC 8617 §5.2 steps 4, 6 and 7: the newest message signature and all seals must hold. Of several reasons one that will
/// not go away comes first.
fn reason(
    newest: &Result<Option<Box<str>>, Reason>,
    sets: &[Set],
    seals: &[Result<(), dkim::Reason>],
) -> Reason {
    let broken = sets.iter().zip(seals).rev().filter_map(|(set, seal)| {
        let why = seal.as_ref().err()?.clone();
        Some(Reason::Broken { kind: Kind::Seal, instance: set.instance, why })
    });
    let reasons: Vec<Reason> = newest.as_ref().err().cloned().into_iter().chain(broken).collect();
    let lasting = reasons.iter().find(|reason| !reason.is_temporary());
    lasting.or(reasons.first()).cloned().unwrap_or(Reason::Pass)
}

/// RFC 8617 §5.2 step 5: from the newest, which holds, down until one does not.
fn find_oldest_pass(message: &Message<'_>, sets: &[Set], hops: &mut [Hop]) -> u8 {
    let mut oldest = sets.last().map_or(0, |set| set.instance.number());
    for (set, hop) in sets.iter().zip(hops).rev().skip(1) {
        hop.holds = check_message(message, set).into();
        if !matches!(hop.holds, Holds::Yes { .. }) {
            return oldest;
        }
        oldest = set.instance.number();
    }
    0
}

fn tell_of_seals(sets: &[Set], seals: &[Result<(), dkim::Reason>], steps: &mut Vec<Step>) {
    for (set, _) in sets.iter().zip(seals).rev().filter(|(_, seal)| seal.is_ok()) {
        steps.push(Step::Sealed {
            instance: set.instance,
            domain: set.seal.by.domain.clone(),
            selector: set.seal.by.selector.clone(),
            algorithm: set.seal.by.algorithm,
            cited: Cited::field(Kind::Seal, &set.seal_field),
        });
    }
}

fn tell_of_message(set: &Set, hop: &Hop) -> Option<Step> {
    let cited = Cited::field(Kind::Message, &set.message_field);
    let instance = set.instance;
    match (&hop.holds, &hop.message) {
        (Holds::Yes { .. }, Some(message)) => {
            Some(Step::Message { instance, domain: message.by.domain.clone(), cited })
        }
        (Holds::No(reason), _) => Some(Step::Changed { reason: reason.clone(), cited }),
        _ => None,
    }
}

/// The field that a reason is about.
fn cite(reason: &Reason, sets: &[Set]) -> Option<Cited> {
    let Reason::Broken { kind, instance, .. } = reason else { return None };
    let set = sets.iter().find(|set| set.instance == *instance)?;
    Some(match kind {
        Kind::Results => Cited::field(*kind, &set.results_field),
        Kind::Message => Cited::field(*kind, &set.message_field),
        Kind::Seal => Cited::field(*kind, &set.seal_field),
    })
}
