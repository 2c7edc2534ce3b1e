//! The steps of a decision, as typed data that can tell itself.

use std::fmt;

use mail::{Domain, Explain, Section};

use super::decision::Held;
use super::history::{Deferral, MAX_DEFERRAL};
use super::mode::{Ceiling, Mode};
use super::policy::Listed;
use super::refusal::{Finding, Ground};
use super::replay::Replayed;
use super::rule::Rule;

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The author domain is on the allow or the deny list.
    Listed {
        /// The entry of the list.
        entry: Domain,
        /// What it says.
        listed: Listed,
    },
    /// A domain of the allow list vouches for the message.
    Vouched(Domain),
    /// One may, and a DNS error keeps whether it does.
    VoucherUnknown(Domain),
    /// A trusted sealer saw DMARC pass.
    Sealed(arc::Grounds),
    /// One may have, and a DNS error keeps whether.
    SealUnknown(arc::Refusal),
    /// It is taken for a replay.
    Replayed(Replayed),
    /// Why failures of the author domain mean something.
    Ground(Ground),
    /// A condition for a refusal was looked at.
    Condition(Finding),
    /// Missing answers could lead to a refusal.
    CouldBeRefused {
        /// By this rule.
        rule: Rule,
        /// What is known of such messages.
        deferral: Deferral,
        /// Whether one more may be deferred.
        may: bool,
    },
    /// They could not.
    CouldNotBeRefused,
    /// A rule holds, and wants this.
    Held(Held),
    /// The mode was looked up.
    Mode(Ceiling),
    /// The end: what is done, by which rule; `None` where nothing.
    Decided(Option<Held>),
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listed { entry, listed: Listed::Allow } => {
                write!(f, "the allow list has {entry}: nothing else counts")
            }
            Self::Listed { entry, listed: Listed::Deny } => write!(f, "the deny list has {entry}"),
            Self::Vouched(domain) => {
                write!(f, "{domain} vouches for it, which is allowed: nothing else counts")
            }
            Self::VoucherUnknown(domain) => {
                write!(f, "a DNS error keeps whether {domain} vouches for it, which is allowed")
            }
            Self::Sealed(grounds) => grounds.fmt(f),
            Self::SealUnknown(why) => why.fmt(f),
            Self::Replayed(Replayed::Copies(copies)) => {
                write!(f, "{copies} messages with this signature have come by now")
            }
            Self::Replayed(Replayed::Old(seconds)) => {
                write!(f, "it was signed {} hours ago", seconds / 3600)
            }
            Self::Ground(ground) => ground.fmt(f),
            Self::Condition(finding) => finding.fmt(f),
            Self::CouldBeRefused { rule, deferral, may } => {
                write!(f, "the missing answers could lead to a refusal by {rule}; ")?;
                match (deferral, may) {
                    (Deferral::Unknown, _) => {
                        f.write_str("how long such mail has been deferred is not known")
                    }
                    (Deferral::Never, _) => f.write_str("no such mail was deferred before"),
                    (_, true) => f.write_str("such mail has been deferred before, and not for long"),
                    (_, false) => {
                        write!(
                            f,
                            "such mail has been deferred for {} hours, which is enough",
                            MAX_DEFERRAL / 3600
                        )
                    }
                }
            }
            Self::CouldNotBeRefused => {
                f.write_str("whatever the missing answers are, it would not be refused")
            }
            Self::Held(Held { rule, action }) => write!(f, "rule {rule}: {}: {action}", rule.clause()),
            Self::Mode(Ceiling::All(mode)) => write!(f, "the mode is {mode}"),
            Self::Mode(Ceiling::Mixed { strictest }) => write!(
                f,
                "the recipients have several modes, the strictest {strictest}, so it is not refused or deferred"
            ),
            Self::Mode(Ceiling::Exempt) => f.write_str("it is for postmaster or abuse alone"),
            Self::Decided(Some(Held { rule, action })) => write!(f, "{action}, by rule {rule}"),
            Self::Decided(None) => f.write_str("accept"),
        }
    }
}

impl Explain for Step {
    fn section(&self) -> Section {
        match self {
            Self::Condition(finding) => finding.section(),
            Self::Held(held) | Self::Decided(Some(held)) => held.rule.section(),
            Self::Ground(Ground::DoesNotExist) => Section("RFC 9989 §3.2.13"),
            Self::Ground(_) => Section("RFC 9989 §7.4"),
            Self::Replayed(_) => Section("RFC 6376 §8.6"),
            Self::Sealed(_) | Self::SealUnknown(_) => Section("RFC 8617 §7.2.1"),
            Self::CouldBeRefused { .. } | Self::CouldNotBeRefused => Section("RFC 9989 §5.3.6"),
            Self::Mode(Ceiling::All(Mode::Enforce)) => Section("RFC 9989 §7.2"),
            Self::Mode(Ceiling::Exempt) => Section("RFC 5321 §4.5.1"),
            Self::Listed { .. }
            | Self::Vouched(_)
            | Self::VoucherUnknown(_)
            | Self::Mode(_)
            | Self::Decided(None) => Section("RFC 9989 §5.4"),
        }
    }
}
