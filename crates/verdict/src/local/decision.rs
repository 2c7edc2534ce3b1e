//! What is done with a message, why, and what every mode would have done.

use std::fmt;

use arc::Grounds;

use super::mode::{Ceiling, Mode};
use super::policy::{Case, Listed, LocalPolicy};
use super::refusal::{Obstacle, Refusal};
use super::reply::{Reply, Values};
use super::rule::{Action, Rule};
use super::step::Step;
use super::weigh::{Weighed, weigh};

/// What is done with a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// It goes on.
    Accept,
    /// It goes on, marked as noteworthy.
    Mark,
    /// It goes on, marked as suspicious.
    Quarantine {
        /// Whether it is held in the MTA's queue.
        hold: bool,
    },
    /// The client is asked to try again later.
    Defer(Reply),
    /// It is refused.
    Refuse(Reply),
}

impl Disposition {
    /// The same in a word.
    pub const fn action(&self) -> Action {
        match self {
            Self::Accept => Action::Accept,
            Self::Mark => Action::Mark,
            Self::Quarantine { .. } => Action::Quarantine,
            Self::Defer(_) => Action::Defer,
            Self::Refuse(_) => Action::Refuse,
        }
    }
}

/// A rule that holds, and what comes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Held {
    /// The rule.
    pub rule: Rule,
    /// What is done for it.
    pub action: Action,
}

/// Why less is done with a message than its checks ask for, be the mode what it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exemption<'a> {
    /// The site allows its author, or a domain that vouches for it.
    Allowed,
    /// A trusted sealer saw DMARC pass.
    TrustedSealer(&'a Grounds),
    /// A failure under p=reject is not refused because of this.
    Obstacle(&'a Obstacle),
}

impl Exemption<'_> {
    /// The word for it in header fields and rows.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::TrustedSealer(_) => "trusted-sealer",
            Self::Obstacle(obstacle) => obstacle.as_str(),
        }
    }
}

/// A decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    disposition: Disposition,
    rule: Option<Rule>,
    ceiling: Ceiling,
    held: Vec<Held>,
    refusal: Option<Refusal>,
    sealed: Option<Grounds>,
    steps: Vec<Step>,
}

impl LocalPolicy {
    /// Decides what is done with a message.
    pub fn decide(&self, case: &Case<'_>) -> Decision {
        let Weighed { held, refusal, sealed, mut steps } = weigh(self, case);
        let author = case.verdict.dmarc().author_domain();
        let ceiling = self.modes.ceiling(case.listener, author, case.recipients);
        steps.push(Step::Mode(ceiling));
        let decided = under(ceiling, &held);
        steps.push(Step::Decided(decided));
        let disposition = match decided {
            None => Disposition::Accept,
            Some(Held { rule, action }) => match action {
                Action::Accept => Disposition::Accept,
                Action::Mark => Disposition::Mark,
                Action::Quarantine => Disposition::Quarantine { hold: self.hold },
                Action::Defer => Disposition::Defer(self.reply(case, rule)),
                Action::Refuse => Disposition::Refuse(self.reply(case, rule)),
            },
        };
        let rule = decided.map(|decided| decided.rule);
        Decision { disposition, rule, ceiling, held, refusal, sealed, steps }
    }

    fn reply(&self, case: &Case<'_>, rule: Rule) -> Reply {
        let dmarc = case.verdict.dmarc();
        self.rules.reply(rule).expand(&Values {
            author: dmarc.author_domain(),
            policy_domain: dmarc.applied().map(|applied| &applied.domain),
            sender: case.verdict.spf().mail_from.as_ref().and_then(spf::Check::domain),
            client: case.envelope.client,
            receiver: case.verdict.authentication_results().id.as_str(),
            rule: rule.as_str(),
            queue: case.queue,
        })
    }
}

/// The rule that decides, and what is done for it; `None` where nothing is done.
fn under(ceiling: Ceiling, held: &[Held]) -> Option<Held> {
    let limited = held.iter().map(|held| Held { action: limit(ceiling, held.action), ..*held });
    let done = limited.filter(|held| held.action > Action::Accept);
    // Of rules that want the same the first counts.
    done.reduce(|first, next| if next.action > first.action { next } else { first })
}

/// How much of what a rule wants is done.
fn limit(ceiling: Ceiling, wants: Action) -> Action {
    let mode = match ceiling {
        Ceiling::Exempt => Mode::Observe,
        Ceiling::All(mode) => mode,
        // A refusal would hit also those who did not ask for it.
        Ceiling::Mixed { strictest } => strictest.min(Mode::Quarantine),
    };
    match (mode, wants) {
        (Mode::Observe, _) => Action::Accept,
        (Mode::Quarantine, Action::Refuse) => Action::Quarantine,
        // A missing answer says nothing against a message.
        (Mode::Quarantine, Action::Defer) => Action::Mark,
        (Mode::Quarantine | Mode::Enforce, wants) => wants,
    }
}

impl Decision {
    /// What is done.
    pub fn disposition(&self) -> &Disposition {
        &self.disposition
    }

    /// The rule that wants it; `None` where the message is accepted.
    pub fn rule(&self) -> Option<Rule> {
        self.rule
    }

    /// How far local policy was allowed to go.
    pub fn ceiling(&self) -> Ceiling {
        self.ceiling
    }

    /// Every rule that holds, and what it wants: what would be done under `enforce` if it were the only one.
    pub fn held(&self) -> &[Held] {
        &self.held
    }

    /// The conditions for a refusal, where the message fails and its domain asks to refuse it.
    pub fn refusal(&self) -> Option<&Refusal> {
        self.refusal.as_ref()
    }

    /// Why a failure under p=reject would be let in by `enforce`, where that is so.
    pub fn obstacle(&self) -> Option<&Obstacle> {
        let refuses = Held { rule: Rule::DmarcReject, action: Action::Refuse };
        self.refusal.as_ref().filter(|_| !self.held.contains(&refuses)).and_then(Refusal::obstacle)
    }

    /// Why less is done than the checks ask for, where that is not for the mode alone.
    pub fn exemption(&self) -> Option<Exemption<'_>> {
        let allows = |step: &Step| match step {
            Step::Listed { listed, .. } => *listed == Listed::Allow,
            step => matches!(step, Step::Vouched(_)),
        };
        let allowed = || self.steps.iter().any(allows).then_some(Exemption::Allowed);
        let sealed = self.sealed.as_ref().map(Exemption::TrustedSealer);
        sealed.or_else(|| self.obstacle().map(Exemption::Obstacle)).or_else(allowed)
    }

    /// What would have been done if this mode were that of every recipient, and by which rule, to count what a change
    /// would bring; `None` where nothing.
    pub fn under(&self, mode: Mode) -> Option<Held> {
        match self.ceiling {
            Ceiling::Exempt => under(Ceiling::Exempt, &self.held),
            Ceiling::All(_) | Ceiling::Mixed { .. } => under(Ceiling::All(mode), &self.held),
        }
    }

    /// What `enforce` would have done, where that is more than what was done.
    pub fn enforced(&self) -> Option<Held> {
        self.under(Mode::Enforce).filter(|held| held.action > self.disposition.action())
    }

    /// The steps that led here.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }
}

/// The reason in one line, for a log: `quarantine by dmarc-reject: DMARC fails, ...; mode enforce; not refused: ...`.
/// Nothing unprintable in it.
impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.disposition.action().fmt(f)?;
        if let Some(rule) = self.rule {
            write!(f, " by {rule}: {}", rule.clause())?;
        }
        for step in &self.steps {
            if let Step::Listed { .. }
            | Step::Vouched(_)
            | Step::VoucherUnknown(_)
            | Step::Replayed(_)
            | Step::Sealed(_)
            | Step::SealUnknown(_)
            | Step::CouldBeRefused { .. } = step
            {
                write!(f, "; {step}")?;
            }
        }
        write!(f, "; mode {}", self.ceiling)?;
        if let Some(obstacle) = self.obstacle() {
            write!(f, "; not to be refused: {obstacle}")?;
        }
        if let Some(Held { rule, action }) = self.enforced() {
            write!(f, "; enforce would {action} by {rule}")?;
        }
        Ok(())
    }
}
