//! What a domain has of SPF and DMARC, and what it could publish where it has nothing.

use dns::{Dns, Name};
use futures_util::future::join_all;
use mail::Domain;

use crate::keys::record::zone_line;

/// A record that a domain should have beside its keys.
pub(super) struct Wanted {
    /// Where it stands.
    pub(super) name: String,
    pub(super) state: State,
    /// What could be published.
    suggestion: String,
}

/// What is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    There,
    Missing,
    Several,
    Unknown,
}

impl State {
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::There => "published; `mailward spf check` and `mailward dmarc show` look at it",
            Self::Missing => "nothing is published. To begin with:",
            Self::Several => "several records, so none of them counts: leave one",
            Self::Unknown => {
                "the DNS did not answer, so what is there is not known. If it is nothing, to begin with:"
            }
        }
    }

    /// The word for programs.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::There => "published",
            Self::Missing => "missing",
            Self::Several => "several",
            Self::Unknown => "unknown",
        }
    }
}

impl Wanted {
    /// What to publish, where that may be needed.
    pub(super) fn suggestion(&self) -> Option<&str> {
        matches!(self.state, State::Missing | State::Unknown).then_some(&*self.suggestion)
    }

    /// The same as a line of a zone.
    pub(super) fn zone_line(&self) -> Option<String> {
        self.suggestion().map(|value| zone_line(&self.name, value))
    }
}

/// Looks at each domain.
pub(super) async fn wanted<D: Dns>(dns: &D, domains: &[Domain]) -> Vec<Wanted> {
    let both = domains.iter().map(async |domain| {
        let name = Name::from(domain);
        let (spf, dmarc) = futures_util::join!(spf::lookup(dns, &name), dmarc::lookup(dns, domain, None));
        [of_spf(domain, &spf), of_dmarc(domain, &dmarc)]
    });
    join_all(both).await.into_iter().flatten().collect()
}

fn of_spf(domain: &Domain, found: &spf::Lookup) -> Wanted {
    let state = match found {
        spf::Lookup::Found(_) => State::There,
        spf::Lookup::Absent(_) => State::Missing,
        spf::Lookup::Several(_) => State::Several,
        spf::Lookup::Failed(_) => State::Unknown,
    };
    // Whoever sends for the domain beside its mail servers is not known here, so nothing is failed for good.
    Wanted { name: domain.to_string(), state, suggestion: "v=spf1 mx ~all".to_owned() }
}

fn of_dmarc(domain: &Domain, found: &dmarc::Found) -> Wanted {
    let state = match found {
        dmarc::Found::Record(_) => State::There,
        dmarc::Found::Nothing => State::Missing,
        dmarc::Found::Several(_) => State::Several,
        dmarc::Found::Unknown(_) => State::Unknown,
    };
    let suggestion = format!("v=DMARC1; p=none; rua=mailto:postmaster@{domain}");
    Wanted { name: format!("_dmarc.{domain}"), state, suggestion }
}
