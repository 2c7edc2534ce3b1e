//! The steps of a check, as data: what was looked at, and what came of it.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use dns::{Failure, Name, Question};
use mail::{Explain, Quote, Section, Span};

use crate::limits::Limit;
use crate::macros::{MacroError, NoTarget};
use crate::outcome::Outcome;
use crate::reason::{Missing, NoDomain, Place};
use crate::select::{Absence, Published};

/// Most addresses or names that a sentence lists.
const MAX_LISTED: usize = 8;

/// What a term saw in the DNS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Nothing: it is `all`.
    Everybody,
    /// Nothing: it is a network.
    Network,
    /// Its macros give no name, so it can't match.
    NoTarget(NoTarget),
    /// The addresses of a name.
    Addresses(Name, Vec<IpAddr>),
    /// Those of a name's mail exchangers.
    Exchangers(Vec<(Name, Vec<IpAddr>)>),
    /// This name, which has an address or has none.
    Exists(Name, bool),
    /// Names of the client's address; the first is the validated one if the term matched.
    ClientNames(Vec<Name>),
}

/// Why there is no explanation of a fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoExplanation {
    /// The macros of `exp=` give no name.
    Target(NoTarget),
    /// The DNS did not say.
    Dns(Failure),
    /// There is no text.
    Absent,
    /// There is more than one text.
    Several,
    /// The text is no explain-string.
    Syntax(MacroError),
    /// The work of a check was used up.
    Limit(Limit),
}

/// One step of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// There is no domain to check.
    NoDomain(NoDomain),
    /// The reverse path can't be read; its bytes.
    InvalidPath(Vec<u8>),
    /// A record was found, and has no errors.
    Record(Arc<Published>),
    /// A domain has no record.
    NoRecord(Name, Absence),
    /// A domain has several; their texts.
    SeveralRecords(Name, Vec<Box<[u8]>>),
    /// A record has an error: its first, at this span.
    Invalid(Place),
    /// This many `ip4` and `ip6` terms, side by side, did not match.
    NetworksMissed(Place, usize),
    /// A term was tested.
    Tested {
        /// The term.
        place: Place,
        /// Whether it matched.
        matched: bool,
        /// What it saw.
        seen: Seen,
    },
    /// The record behind an `include` is looked at.
    IncludeEntered(Place, Name),
    /// It was, with this result; a pass makes the `include` match, fail, softfail and neutral don't.
    IncludeLeft(Place, Name, Outcome),
    /// The record behind a `redirect` takes over.
    Redirected(Place, Name),
    /// An `include` or `redirect` leads to no record.
    LeadsNowhere(Place, Missing),
    /// Nothing in this record matched.
    NoMatch(Arc<Published>),
    /// A question was not answered; whether the check ends there.
    Unanswered(Question, Failure, bool),
    /// A limit was reached, at this term.
    LimitReached(Limit, Option<Place>),
    /// The owner's explanation of a fail was fetched from this name.
    Explained(Place, Name),
    /// It could not be had.
    NotExplained(Place, NoExplanation),
}

fn quote_text(domain: &Name, text: &[u8], span: Span) -> Quote {
    Quote { source: format!("TXT {domain}"), text: text.to_vec(), span }
}

fn quote(place: &Place) -> Quote {
    quote_text(&place.record.domain, &place.record.text, place.span)
}

impl Explain for Step {
    fn section(&self) -> Section {
        Section(match self {
            Self::NoDomain(_) => "RFC 7208 §4.3",
            Self::InvalidPath(_) => "RFC 5321 §4.1.2",
            Self::Record(_) | Self::NoRecord(..) | Self::SeveralRecords(..) => "RFC 7208 §4.5",
            Self::Invalid(_) => "RFC 7208 §4.6",
            Self::NetworksMissed(..) => "RFC 7208 §5.6",
            Self::Tested { seen, .. } => match seen {
                Seen::Everybody => "RFC 7208 §5.1",
                Seen::Network => "RFC 7208 §5.6",
                Seen::NoTarget(NoTarget::NonAsciiLocal) => "RFC 8616 §4",
                Seen::NoTarget(_) => "RFC 7208 §4.8",
                Seen::Addresses(..) => "RFC 7208 §5.3",
                Seen::Exchangers(_) => "RFC 7208 §5.4",
                Seen::Exists(..) => "RFC 7208 §5.7",
                Seen::ClientNames(_) => "RFC 7208 §5.5",
            },
            Self::IncludeEntered(..) | Self::IncludeLeft(..) => "RFC 7208 §5.2",
            Self::Redirected(..) => "RFC 7208 §6.1",
            Self::LeadsNowhere(..) => "RFC 7208 §5.2, §6.1",
            Self::NoMatch(_) => "RFC 7208 §4.7",
            Self::Unanswered(..) => "RFC 7208 §4.4, §5",
            Self::LimitReached(..) => "RFC 7208 §4.6.4",
            Self::Explained(..) | Self::NotExplained(..) => "RFC 7208 §6.2",
        })
    }

    fn quote(&self) -> Option<Quote> {
        match self {
            Self::InvalidPath(path) => Some(Quote::whole("MAIL FROM", path.clone())),
            Self::Record(record) | Self::NoMatch(record) => {
                Some(quote_text(&record.domain, &record.text, Span::new(0, record.text.len())))
            }
            Self::SeveralRecords(domain, texts) => {
                texts.first().map(|text| quote_text(domain, text, Span::new(0, text.len())))
            }
            Self::Invalid(place)
            | Self::NetworksMissed(place, _)
            | Self::Tested { place, .. }
            | Self::IncludeEntered(place, _)
            | Self::IncludeLeft(place, ..)
            | Self::Redirected(place, _)
            | Self::LeadsNowhere(place, _)
            | Self::LimitReached(_, Some(place))
            | Self::Explained(place, _)
            | Self::NotExplained(place, _) => Some(quote(place)),
            Self::NoDomain(_) | Self::NoRecord(..) | Self::Unanswered(..) | Self::LimitReached(_, None) => {
                None
            }
        }
    }
}

/// Things in a row, cut off where the row gets long.
struct List<'a, T>(&'a [T]);

impl<T: fmt::Display> fmt::Display for List<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, item) in self.0.iter().take(MAX_LISTED).enumerate() {
            write!(f, "{}{item}", if index == 0 { "" } else { ", " })?;
        }
        match self.0.len().checked_sub(MAX_LISTED) {
            Some(more @ 1..) => write!(f, " and {more} more"),
            _ => Ok(()),
        }
    }
}

/// A host and where it is.
struct Host<'a>(&'a Name, &'a [IpAddr]);

impl fmt::Display for Host<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.1 {
            [] => write!(f, "{} has no address of the client's kind", self.0),
            addresses => write!(f, "{} is at {}", self.0, List(addresses)),
        }
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everybody => f.write_str(": it stands for everybody"),
            Self::Network => f.write_str(": the client's address is in this network"),
            Self::NoTarget(why) => write!(f, ": {why}"),
            Self::Addresses(name, addresses) => write!(f, ": {}", Host(name, addresses)),
            Self::Exchangers(hosts) if hosts.is_empty() => f.write_str(": no host takes mail for the name"),
            Self::Exchangers(hosts) => hosts.iter().enumerate().try_for_each(|(index, (name, addresses))| {
                write!(f, "{} {}", if index == 0 { ":" } else { ";" }, Host(name, addresses))
            }),
            Self::Exists(name, true) => write!(f, ": {name} has an address"),
            Self::Exists(name, false) => write!(f, ": {name} has no address"),
            Self::ClientNames(names) if names.is_empty() => f.write_str(": the client's address has no name"),
            Self::ClientNames(names) => write!(f, ": the client's address is named {}", List(names)),
        }
    }
}

impl fmt::Display for NoExplanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Target(why) => why.fmt(f),
            Self::Dns(failure) => failure.fmt(f),
            Self::Absent => f.write_str("there is no text"),
            Self::Several => f.write_str("there is more than one text"),
            Self::Syntax(error) => error.fmt(f),
            Self::Limit(limit) => limit.fmt(f),
        }
    }
}

/// A clause, without a full stop.
impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoDomain(why) => write!(f, "there is no domain to check: {why}"),
            Self::InvalidPath(_) => {
                f.write_str("the sender's address can't be read, so nothing is looked up for it")
            }
            Self::Record(record) => write!(f, "the record of {} was found", record.domain),
            Self::NoRecord(domain, absence) => write!(f, "{domain} has no SPF record: {absence}"),
            Self::SeveralRecords(domain, texts) => {
                write!(f, "{domain} has {} SPF records, so none of them counts", texts.len())
            }
            Self::Invalid(place) => match &place.record.record {
                Err(error) => {
                    write!(f, "the record of {} has an error: {}", place.record.domain, error.message)
                }
                Ok(_) => write!(f, "the record of {} has an error", place.record.domain),
            },
            Self::NetworksMissed(place, 1) => write!(f, "\"{}\" does not match", place.text()),
            Self::NetworksMissed(_, count) => {
                write!(f, "none of {count} networks holds the client's address")
            }
            Self::Tested { place, matched, seen } => {
                let verb = if *matched { "matches" } else { "does not match" };
                write!(f, "\"{}\" {verb}{seen}", place.text())
            }
            Self::IncludeEntered(place, name) => write!(f, "\"{}\" asks the record of {name}", place.text()),
            Self::IncludeLeft(place, name, outcome) => {
                let verb = if *outcome == Outcome::Pass { "matches" } else { "does not match" };
                write!(f, "\"{}\" {verb}: the record of {name} says {outcome}", place.text())
            }
            Self::Redirected(place, name) => {
                write!(f, "nothing matched; \"{}\" goes on with the record of {name}", place.text())
            }
            Self::LeadsNowhere(place, missing) => {
                write!(f, "\"{}\" leads to no SPF record: {missing}", place.text())
            }
            Self::NoMatch(record) => {
                write!(f, "nothing in the record of {} matches, which is neutral", record.domain)
            }
            Self::Unanswered(question, failure, true) => {
                write!(f, "\"{question}\" was not answered ({failure}), so there is no result for now")
            }
            Self::Unanswered(question, failure, false) => {
                write!(f, "\"{question}\" was not answered ({failure}); it is passed over")
            }
            Self::LimitReached(limit, Some(place)) => {
                write!(f, "the check ends at \"{}\": {limit}", place.text())
            }
            Self::LimitReached(limit, None) => write!(f, "the check ends: {limit}"),
            Self::Explained(_, name) => write!(f, "the owner's explanation was found at {name}"),
            Self::NotExplained(place, why) => write!(f, "\"{}\" gives no explanation: {why}", place.text()),
        }
    }
}
