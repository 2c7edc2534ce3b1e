//! Evaluation: evidence weighed against the record that applies (RFC 9989 §5.3.4 to §5.3.6). No look-ups any more.

use std::sync::Arc;

use dns::Failure;
use mail::{AuthorError, Domain};

use crate::align::{Alignment, Organization};
use crate::discover::{Applies, Discovery, Method, PolicyRecord};
use crate::reason::{AlignedBy, Mechanism, Outcome, Reason};
use crate::record::{PolicyTag, Record};
use crate::step::Step;
use crate::values::{Mode, Policy, Testing};
use crate::walk::Published;

/// Most author domains of one message that are evaluated, where a receiver evaluates several at all.
pub const MAX_AUTHOR_DOMAINS: usize = 4;

/// One piece of evidence that could make a message pass.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Evidence<'a> {
    pub(crate) mechanism: Mechanism,
    pub(crate) domain: &'a Domain,
    /// Whether it passed; otherwise nobody knows.
    pub(crate) passed: bool,
}

/// An identifier and how it stands to the author domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identifier {
    /// What vouches for it.
    pub mechanism: Mechanism,
    /// The domain.
    pub domain: Domain,
    /// Whether the mechanism passed; otherwise a DNS error kept its result.
    pub passed: bool,
    /// What the record asks for.
    pub mode: Mode,
    /// Whether it is aligned in that mode.
    pub alignment: Alignment,
}

/// The policy that applies to a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// Where the record was found.
    pub domain: Domain,
    /// The record.
    pub published: Arc<Published>,
    /// The policy for the author domain, before `t`, and the tag that states it (none where the record only counts as
    /// `p=none`). `None` where the record can't be used, or nobody knows which of its policies is meant.
    pub policy: Option<(Policy, Option<PolicyTag>)>,
}

/// What DMARC says of a message, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    reason: Reason,
    author: Option<(Domain, Method)>,
    organization: Option<Organization>,
    applied: Option<Applied>,
    identifiers: Vec<Identifier>,
    disposition: Policy,
    steps: Vec<Step>,
}

impl Check {
    /// A message without one author domain (RFC 9989 §5.3.1).
    pub fn no_author(error: AuthorError) -> Self {
        let reason = Reason::Author(error);
        Self {
            steps: vec![Step::Concluded(reason.clone())],
            reason,
            author: None,
            organization: None,
            applied: None,
            identifiers: Vec::new(),
            disposition: Policy::None,
        }
    }

    /// The same, for a receiver that evaluates each of several author domains: the result stays what it is, and the
    /// strictest disposition asked for by those of the first [`MAX_AUTHOR_DOMAINS`] checks that fail is asked for.
    pub fn several_authors(error: AuthorError, checks: &[Self]) -> Self {
        // RFC 9989 §11.5: the most strict policy among the checks that fail; a number that the receiver limits.
        let checks = checks.iter().take(MAX_AUTHOR_DOMAINS);
        let mut this = Self::no_author(error);
        this.disposition = checks.clone().map(|check| check.disposition).max().unwrap_or(Policy::None);
        this.steps = checks.flat_map(|check| check.steps.clone()).chain(this.steps).collect();
        this
    }

    /// What the result rests on.
    pub fn reason(&self) -> &Reason {
        &self.reason
    }

    /// The result.
    pub fn outcome(&self) -> Outcome {
        self.reason.outcome()
    }

    /// The author domain; `None` where the message has no one author domain.
    pub fn author_domain(&self) -> Option<&Domain> {
        self.author.as_ref().map(|(domain, _)| domain)
    }

    /// How the record and the organizational domains were found; `None` where nothing was asked.
    pub fn method(&self) -> Option<Method> {
        self.author.as_ref().map(|(_, method)| *method)
    }

    /// The organizational domain of the author domain, where it is known.
    pub fn organization(&self) -> Option<&Organization> {
        self.organization.as_ref()
    }

    /// The record that applies, and what it says of this author domain.
    pub fn applied(&self) -> Option<&Applied> {
        self.applied.as_ref()
    }

    /// The mechanisms that made the message pass.
    pub fn aligned_by(&self) -> Option<AlignedBy> {
        match self.reason {
            Reason::Aligned(by) => Some(by),
            _ => None,
        }
    }

    /// Every identifier that passed or might have, with its alignment. Empty where no record applies.
    pub fn identifiers(&self) -> &[Identifier] {
        &self.identifiers
    }

    /// What the domain owner asks to be done with this message, `t` taken into account; `None` unless it fails.
    pub fn disposition(&self) -> Policy {
        self.disposition
    }

    /// The steps that led here.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }
}

pub(crate) fn weigh<'a>(discovery: &Discovery, evidence: impl Iterator<Item = Evidence<'a>>) -> Check {
    let mut check = Check {
        reason: Reason::NoRecord,
        author: Some((discovery.author().clone(), discovery.method())),
        organization: discovery.organization(discovery.author()),
        applied: None,
        identifiers: Vec::new(),
        disposition: Policy::None,
        steps: discovery.places().iter().cloned().map(Step::Asked).collect(),
    };
    match discovery.policy() {
        PolicyRecord::None => {}
        PolicyRecord::Unknown(_, trouble) => check.reason = Reason::RecordUnknown(*trouble),
        PolicyRecord::Applies(applies) => check.apply(discovery, applies, evidence),
    }
    check.steps.push(Step::Concluded(check.reason.clone()));
    check
}

impl Check {
    fn apply<'a>(
        &mut self,
        discovery: &Discovery,
        applies: &Applies,
        evidence: impl Iterator<Item = Evidence<'a>>,
    ) {
        let record = &applies.published.record;
        let policy = applies.relation.ok().and_then(|relation| record.policy_for(relation));
        self.applied = Some(Applied {
            domain: applies.domain.clone(),
            published: Arc::clone(&applies.published),
            policy,
        });
        self.steps.push(Step::Selected { author: discovery.author().clone(), applies: applies.clone() });
        match (applies.relation, policy) {
            // RFC 9989 §4.10.1: neither a usable policy nor reports wanted, no DMARC processing.
            (Ok(_), None) => self.reason = Reason::UnusableRecord,
            (relation, policy) => {
                let evidence: Vec<_> = evidence.collect();
                self.compare(discovery, record, &evidence);
                self.reason = conclude(&self.identifiers, relation.err());
                if let (Reason::NotAligned, Some((policy, _))) = (&self.reason, policy) {
                    self.ask(record, policy);
                }
            }
        }
    }

    fn compare(&mut self, discovery: &Discovery, record: &Record, evidence: &[Evidence<'_>]) {
        let author = discovery.author();
        let mut told = Vec::new();
        for piece in evidence {
            let identifier = identify(discovery, record, piece);
            if identifier.mode == Mode::Relaxed && identifier.domain != *author {
                for domain in [author, &identifier.domain] {
                    if !told.contains(domain) && discovery.has_ground(domain) {
                        let organization = discovery.organization(domain);
                        self.steps.push(Step::Organized { domain: domain.clone(), organization });
                        told.push(domain.clone());
                    }
                }
            }
            self.steps.push(Step::Compared { author: author.clone(), identifier: identifier.clone() });
            self.identifiers.push(identifier);
        }
    }

    fn ask(&mut self, record: &Record, policy: Policy) {
        self.disposition = match record.testing() {
            Testing::Off => policy,
            Testing::On => {
                self.steps.push(Step::Tested { policy });
                policy.while_testing()
            }
        };
    }
}

fn identify(discovery: &Discovery, record: &Record, evidence: &Evidence<'_>) -> Identifier {
    let author = discovery.author();
    let mode = match evidence.mechanism {
        Mechanism::Spf => record.aspf(),
        Mechanism::Dkim => record.adkim(),
    };
    // RFC 9989 §3.2.10: strict is identical, relaxed is having the same organizational domain.
    let alignment = match mode {
        Mode::Strict if evidence.domain == author => Alignment::Aligned,
        Mode::Strict => Alignment::Unaligned,
        Mode::Relaxed => discovery.relaxed(evidence.domain),
    };
    Identifier {
        mechanism: evidence.mechanism,
        domain: evidence.domain.clone(),
        passed: evidence.passed,
        mode,
        alignment,
    }
}

fn conclude(identifiers: &[Identifier], existence: Option<Failure>) -> Reason {
    let has = |mechanism| {
        let good = |i: &Identifier| i.passed && i.alignment == Alignment::Aligned;
        identifiers.iter().any(|i| i.mechanism == mechanism && good(i))
    };
    // RFC 9989 §5.3.5: one aligned identifier that passed is enough, whatever became of the others.
    match (has(Mechanism::Spf), has(Mechanism::Dkim)) {
        (true, true) => return Reason::Aligned(AlignedBy::Both),
        (true, false) => return Reason::Aligned(AlignedBy::Spf),
        (false, true) => return Reason::Aligned(AlignedBy::Dkim),
        (false, false) => {}
    }
    // RFC 9989 §5.3.6: without the answers that it needs, a message neither passes nor fails. What can't be aligned
    // needs none.
    let open = |i: &&Identifier| i.alignment != Alignment::Unaligned;
    if let Some(identifier) = identifiers.iter().filter(open).find(|i| i.passed) {
        return Reason::AlignmentUnknown(identifier.mechanism);
    }
    if let Some(identifier) = identifiers.iter().find(open) {
        return Reason::EvidenceUnknown(identifier.mechanism);
    }
    existence.map_or(Reason::NotAligned, Reason::ExistenceUnknown)
}

#[cfg(test)]
mod tests;
