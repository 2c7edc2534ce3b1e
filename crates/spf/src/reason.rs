//! Why a check ended as it did, and the one place where a reason becomes an outcome.

use std::fmt;
use std::sync::Arc;

use dns::{Failure, Name, Question};
use mail::{Finding, Span};

use crate::limits::Limit;
use crate::macros::NoTarget;
use crate::outcome::Outcome;
use crate::record::Qualifier;
use crate::select::{Absence, Published};

/// How much of a term a message repeats, in bytes.
const MAX_TERM: usize = 200;

/// A term in a record that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The record.
    pub record: Arc<Published>,
    /// The term's bytes in the record's text.
    pub span: Span,
}

impl Place {
    /// The term as it is written, printable; cut off after 200 bytes, as a term can be as long as a record.
    pub fn text(&self) -> String {
        mail::shortened(self.record.text.get(self.span.range()).unwrap_or_default(), MAX_TERM)
    }
}

/// `include:b.example in the record of a.example`
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\" in the record of {}", self.text(), self.record.domain)
    }
}

/// How many clients the matching network takes in: what a pass is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Everybody: `all`.
    Everybody,
    /// An IPv4 network with this prefix length.
    Ip4(u8),
    /// An IPv6 network with this prefix length.
    Ip6(u8),
    /// A name: `exists` or `ptr`, which know no networks.
    Name,
}

impl Scope {
    /// The prefix length of the network; 0 for everybody, `None` where there is no network.
    pub const fn bits(self) -> Option<u8> {
        match self {
            Self::Everybody => Some(0),
            Self::Ip4(bits) | Self::Ip6(bits) => Some(bits),
            Self::Name => None,
        }
    }
}

/// A directive that matched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matched {
    /// Where it stands: in the record of the domain judged, or of one that this record redirects to.
    pub place: Place,
    /// What its match means.
    pub qualifier: Qualifier,
    /// Whom it takes in; for an `include`, whom the directive takes in that matched in the end.
    pub scope: Scope,
}

/// Why there is no domain to check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NoDomain {
    /// The sender's domain is an address in brackets.
    Literal,
    /// The sender's domain has labels or a length that no name has.
    Malformed,
    /// The name is not fully qualified.
    NotQualified,
    /// What the client said in HELO is no domain name.
    Helo,
}

impl fmt::Display for NoDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Literal => "the sender's domain is an address literal",
            Self::Malformed => "the sender's domain is no name that the DNS could have",
            Self::NotQualified => "the name is not fully qualified",
            Self::Helo => "what the client said in HELO is no domain name",
        })
    }
}

/// Why there is no record behind a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Missing {
    /// The DNS has none.
    Absent(Absence),
    /// The macros of the term give no name.
    NoTarget(NoTarget),
    /// The name is a single label.
    SingleLabel,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent(absence) => absence.fmt(f),
            Self::NoTarget(why) => why.fmt(f),
            Self::SingleLabel => f.write_str("the name is not fully qualified"),
        }
    }
}

/// Why a check ended as it did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// A directive matched.
    Matched(Matched),
    /// No directive of the record did, and it redirects nowhere.
    NoMatch {
        /// The record that was the last one looked at.
        record: Arc<Published>,
    },
    /// The domain has no record.
    NoRecord {
        /// The domain judged.
        domain: Name,
        /// Why there is none.
        missing: Missing,
    },
    /// There is no domain to check; nothing was asked.
    NoDomain(NoDomain),
    /// The reverse path is none by the rules of RFC 5321; nothing was asked.
    InvalidPath,
    /// A domain has more than one record.
    SeveralRecords {
        /// Whose records these are.
        domain: Name,
        /// How many.
        count: usize,
    },
    /// A record has an error.
    Syntax {
        /// The record.
        record: Arc<Published>,
        /// The first error in it.
        error: Finding,
    },
    /// More work than a check may cause.
    Limit {
        /// The limit.
        limit: Limit,
        /// The term that would have gone beyond it; `None` if that was the first question of all.
        place: Option<Place>,
    },
    /// The DNS did not say.
    Dns {
        /// What was asked.
        question: Question,
        /// What happened.
        failure: Failure,
    },
    /// An `include` of a domain that has no record.
    IncludeWithoutRecord {
        /// The include.
        place: Place,
        /// Why there is none.
        missing: Missing,
    },
    /// A `redirect` to a domain that has no record.
    RedirectWithoutRecord {
        /// The redirect.
        place: Place,
        /// Why there is none.
        missing: Missing,
    },
}

impl Reason {
    /// The word for it.
    pub const fn outcome(&self) -> Outcome {
        match self {
            Self::Matched(matched) => matched.qualifier.outcome(),
            // RFC 7208 §4.7: as if "?all" stood at the end.
            Self::NoMatch { .. } => Outcome::Neutral,
            // RFC 7208 §4.3, §4.5.
            Self::NoRecord { .. } | Self::NoDomain(_) => Outcome::None,
            // RFC 7208 §8.7: input of an unexpected format may be a permerror. A path that can't be read is never
            // taken for the null sender, nor for "nothing published".
            Self::InvalidPath => Outcome::PermError,
            // RFC 7208 §4.5, §4.6, §5.2, §6.1.
            Self::SeveralRecords { .. }
            | Self::Syntax { .. }
            | Self::IncludeWithoutRecord { .. }
            | Self::RedirectWithoutRecord { .. } => Outcome::PermError,
            // RFC 7208 §4.6.4.
            Self::Limit { limit, .. } => match limit {
                Limit::Lookups(_) | Limit::Voids(_) | Limit::Mx(_) => Outcome::PermError,
                Limit::Time(_) => Outcome::TempError,
            },
            // RFC 7208 §4.4, §5.
            Self::Dns { .. } => Outcome::TempError,
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lookups(max) => write!(f, "more than {max} terms look something up in the DNS"),
            Self::Voids(max) => write!(f, "for more than {max} terms the DNS has nothing"),
            Self::Mx(max) => write!(f, "the name has more than {max} MX records"),
            Self::Time(max) => write!(f, "the answers took longer than {} s", max.as_secs()),
        }
    }
}

impl fmt::Display for Matched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let says = match self.qualifier {
            Qualifier::Pass => "allows this client",
            Qualifier::Fail => "forbids this client",
            Qualifier::SoftFail => {
                "says that this client is probably not allowed, without insisting on it (softfail)"
            }
            Qualifier::Neutral => "says nothing for or against this client (neutral)",
        };
        write!(f, "{} {says}", self.place)
    }
}

/// A clause, without a full stop.
impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Matched(matched) => matched.fmt(f),
            Self::NoMatch { record } => {
                write!(f, "nothing in the record of {} matches this client (neutral)", record.domain)
            }
            Self::NoRecord { domain, missing } => write!(f, "{domain} has no SPF record: {missing}"),
            Self::NoDomain(why) => why.fmt(f),
            Self::InvalidPath => f.write_str("the sender's address can't be read"),
            Self::SeveralRecords { domain, count } => {
                write!(f, "{domain} has {count} SPF records, so none of them counts")
            }
            Self::Syntax { record, error } => {
                write!(f, "the record of {} has an error: {}", record.domain, error.message)
            }
            Self::Limit { limit, place: Some(place) } => write!(f, "too much work at {place}: {limit}"),
            Self::Limit { limit, place: None } => write!(f, "too much work: {limit}"),
            Self::Dns { question, failure } => write!(f, "the DNS did not answer \"{question}\": {failure}"),
            Self::IncludeWithoutRecord { place, missing }
            | Self::RedirectWithoutRecord { place, missing } => {
                write!(f, "{place} leads to no SPF record: {missing}")
            }
        }
    }
}
