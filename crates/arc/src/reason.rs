//! Why a chain is valid or not, and the RFC 8601 word for it.

use std::fmt;

use mail::{Defect, Section};

use crate::chain::MAX_KEYS;
use crate::field::{FieldErrorKind, Kind};
use crate::instance::{Instance, MAX_SETS};
use crate::seal::Status;

/// The status of a chain, in the words of RFC 8617 §4.4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The message has no chain.
    None,
    /// The chain is valid.
    Pass,
    /// The chain is not valid, which is as good as no chain (RFC 8617 §5.2).
    Fail,
}

impl Outcome {
    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Pass => "pass",
            Self::Fail => "fail",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a chain has its outcome.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// No field of a chain is there.
    NoSets,
    /// Everything fits.
    Pass,
    /// Two programs could read two different headers out of these bytes.
    MalformedHeader(Defect),
    /// A field does not say which set it belongs to, or that it belongs to one beyond [`MAX_SETS`].
    NoInstance {
        /// The field.
        kind: Kind,
    },
    /// A set has a field twice.
    Duplicate {
        /// The field.
        kind: Kind,
        /// The set.
        instance: Instance,
    },
    /// A set lacks a field.
    Missing {
        /// The field.
        kind: Kind,
        /// The set.
        instance: Instance,
    },
    /// A set is not there, but later ones are.
    Gap(Instance),
    /// The newest seal says that the chain had failed before.
    SaysFailed(Instance),
    /// A seal says of the chain before it what can't be.
    Status {
        /// The set.
        instance: Instance,
        /// What it says.
        status: Status,
    },
    /// A field can't be read.
    Malformed {
        /// The field.
        kind: Kind,
        /// The set.
        instance: Instance,
        /// What is wrong with it.
        error: FieldErrorKind,
    },
    /// The signatures have more than [`MAX_KEYS`] different keys.
    ManyKeys,
    /// The newest message signature or a seal does not hold.
    Broken {
        /// The field.
        kind: Kind,
        /// The set.
        instance: Instance,
        /// Why; never a pass.
        why: dkim::Reason,
    },
}

impl Reason {
    /// The RFC 8601 word.
    ///
    /// RFC 8617 §5.2.1: all errors are failures, those of the DNS too. [`Reason::is_temporary`] tells them apart.
    pub const fn outcome(&self) -> Outcome {
        match self {
            Self::NoSets => Outcome::None,
            Self::Pass => Outcome::Pass,
            Self::MalformedHeader(_)
            | Self::NoInstance { .. }
            | Self::Duplicate { .. }
            | Self::Missing { .. }
            | Self::Gap(_)
            | Self::SaysFailed(_)
            | Self::Status { .. }
            | Self::Malformed { .. }
            | Self::ManyKeys
            | Self::Broken { .. } => Outcome::Fail,
        }
    }

    /// Whether an answer is missing that may come later, and nothing else speaks against the chain.
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::Broken { why, .. } if why.outcome() == dkim::Outcome::TempError)
    }

    /// A stable, kebab-case name for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoSets => "no-sets",
            Self::Pass => "pass",
            Self::MalformedHeader(_) => "malformed-header",
            Self::NoInstance { .. } => "no-instance",
            Self::Duplicate { .. } => "duplicate-field",
            Self::Missing { .. } => "missing-field",
            Self::Gap(_) => "missing-set",
            Self::SaysFailed(_) => "says-failed",
            Self::Status { .. } => "wrong-status",
            Self::Malformed { .. } => "malformed-field",
            Self::ManyKeys => "too-many-keys",
            Self::Broken { why, .. } => why.code(),
        }
    }

    /// The rule that was obeyed.
    pub const fn section(&self) -> Section {
        Section(match self {
            Self::NoSets | Self::Pass => "RFC 8617 §5.2",
            Self::MalformedHeader(_) => "RFC 6376 §3.8",
            Self::NoInstance { .. } => "RFC 8617 §4.2.1",
            Self::Duplicate { .. } | Self::Missing { .. } => "RFC 8617 §4.2.1",
            Self::Gap(_) | Self::SaysFailed(_) | Self::Status { .. } => "RFC 8617 §5.2",
            Self::Malformed { kind, .. } => match kind {
                Kind::Results => "RFC 8617 §4.1.1",
                Kind::Message => "RFC 8617 §4.1.2",
                Kind::Seal => "RFC 8617 §4.1.3",
            },
            Self::ManyKeys => "RFC 8617 §9.2",
            Self::Broken { why, .. } => return why.section(),
        })
    }
}

/// A clause, without a full stop.
impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSets => f.write_str("the message has no ARC chain"),
            Self::Pass => {
                f.write_str("all seals are right, and the message is as the last sealer passed it on")
            }
            Self::MalformedHeader(defect) => {
                write!(f, "the header is malformed ({defect}), so programs may disagree on what it says")
            }
            Self::NoInstance { kind } => {
                write!(f, "a field {kind} does not say which set it belongs to (i= from 1 to {MAX_SETS})")
            }
            Self::Duplicate { kind, instance } => write!(f, "set {instance} has two fields {kind}"),
            Self::Missing { kind, instance } => write!(f, "set {instance} has no field {kind}"),
            Self::Gap(instance) => write!(f, "set {instance} is missing, but a later one is there"),
            Self::SaysFailed(instance) => {
                write!(f, "the sealer of set {instance} says that the chain had already failed (cv=fail)")
            }
            Self::Status { instance, status } => {
                let must = if *instance == Instance::FIRST { Status::None } else { Status::Pass };
                write!(f, "the seal of set {instance} says cv={status} where only cv={must} can be")
            }
            Self::Malformed { kind, instance, error } => {
                write!(f, "the field {kind} of set {instance} is not valid: {error}")
            }
            Self::ManyKeys => {
                write!(f, "its signatures have more than {MAX_KEYS} different keys, which are not asked for")
            }
            Self::Broken { kind, instance, why } => {
                write!(f, "the field {kind} of set {instance} does not hold: {why}")
            }
        }
    }
}
