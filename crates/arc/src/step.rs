//! The steps that led to a check's reason, as typed data that can be told to a person.

use std::fmt;
use std::sync::Arc;

use dkim::{Algorithm, Selector};
use mail::authres::AuthResError;
use mail::{Domain, Explain, Quote, Section};

use crate::chain::Text;
use crate::field::Kind;
use crate::instance::Instance;
use crate::reason::Reason;

/// A field that a step is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cited {
    kind: Kind,
    text: Arc<[u8]>,
}

impl Cited {
    pub(crate) fn field(kind: Kind, field: &Text) -> Self {
        Self { kind, text: Arc::clone(&field.raw) }
    }

    fn quote(&self) -> Quote {
        Quote::whole(format!("header field {}", self.kind), &*self.text)
    }
}

/// One step of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The chain is whole.
    Found {
        /// How many sets it has.
        sets: usize,
    },
    /// A seal fits.
    Sealed {
        /// The set.
        instance: Instance,
        /// d=.
        domain: Domain,
        /// s=.
        selector: Selector,
        /// a=.
        algorithm: Algorithm,
        /// The field.
        cited: Cited,
    },
    /// A message signature holds.
    Message {
        /// The set.
        instance: Instance,
        /// d=.
        domain: Domain,
        /// The field.
        cited: Cited,
    },
    /// A message signature that need not hold does not.
    Changed {
        /// Why.
        reason: Reason,
        /// The field.
        cited: Cited,
    },
    /// Since which set the message was not changed.
    OldestPass {
        /// The set, or 0 for all.
        instance: u8,
    },
    /// What a handler says that it saw can't be read; the chain is none the worse for it.
    Unreadable {
        /// The set.
        instance: Instance,
        /// What is wrong, in bytes from behind the instance's semicolon.
        error: AuthResError,
        /// The field.
        cited: Cited,
    },
    /// The reason of the check.
    Decided {
        /// Why.
        reason: Reason,
        /// The field that decided, if it was one.
        cited: Option<Cited>,
    },
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Found { sets: 1 } => f.write_str("the message has an ARC chain of one set"),
            Self::Found { sets } => write!(f, "the message has an ARC chain of {sets} sets"),
            Self::Sealed { instance, domain, selector, algorithm, .. } => {
                write!(f, "{domain} sealed set {instance} with its key {selector} ({algorithm})")
            }
            Self::Message { instance, domain, .. } => {
                write!(f, "the message is as {domain} passed it on (set {instance})")
            }
            Self::Changed { reason, .. } => write!(f, "the message was changed on the way: {reason}"),
            Self::OldestPass { instance: 0 } => f.write_str("all message signatures of the chain hold"),
            Self::OldestPass { instance } => {
                write!(f, "the message was not changed since set {instance} was added")
            }
            Self::Unreadable { instance, error, .. } => {
                write!(f, "what the handler of set {instance} saw can't be read: {error}")
            }
            Self::Decided { reason, .. } => reason.fmt(f),
        }
    }
}

impl Explain for Step {
    fn section(&self) -> Section {
        match self {
            Self::Found { .. }
            | Self::Sealed { .. }
            | Self::Message { .. }
            | Self::Changed { .. }
            | Self::OldestPass { .. } => Section("RFC 8617 §5.2"),
            Self::Unreadable { .. } => Section("RFC 8617 §3.4"),
            Self::Decided { reason, .. } => reason.section(),
        }
    }

    fn quote(&self) -> Option<Quote> {
        match self {
            Self::Found { .. } | Self::OldestPass { .. } => None,
            Self::Sealed { cited, .. }
            | Self::Message { cited, .. }
            | Self::Changed { cited, .. }
            | Self::Unreadable { cited, .. } => Some(cited.quote()),
            Self::Decided { cited, .. } => cited.as_ref().map(Cited::quote),
        }
    }
}
