//! Where mail to a domain goes, and what DANE says of each of those hosts (RFC 7672 §2.2.1, RFC 5321 §5.1).

use std::collections::HashSet;

use dns::{Answer, Data, Dns, Failure, Name, Question, RecordType, Reply};
use futures_util::future::join_all;

use crate::host::{Host, NotApplicable, Trouble, expanded, host};

/// Most MX hosts of a domain that are looked up; of the rest nobody knows what DANE says.
pub const MAX_HOSTS: usize = 32;

/// The hosts that take mail for a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mx {
    /// These, best first; at least one.
    Hosts {
        /// Whether the list is authentic.
        authenticated: bool,
        /// Their names, as the MX records have them.
        names: Vec<Name>,
    },
    /// This host: the domain itself, which has no MX records, or one that is named in place of a domain.
    Itself(Name),
    /// None.
    None(NoHosts),
    /// Nobody knows.
    Unknown(Failure),
}

/// Why a domain has no hosts that take mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NoHosts {
    /// It does not exist.
    NoSuchName,
    /// It takes no mail, and says so (RFC 7505).
    NullMx,
}

/// What was found out about a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// Its hosts.
    pub mx: Mx,
    /// What DANE says of each, in the same order; empty where there are none.
    pub hosts: Vec<(Name, Host)>,
}

impl Mx {
    /// The names of the hosts, best first.
    pub fn names(&self) -> &[Name] {
        match self {
            Self::Hosts { names, .. } => names,
            Self::Itself(name) => std::slice::from_ref(name),
            Self::None(_) | Self::Unknown(_) => &[],
        }
    }

    /// Reads the answer to the question for a domain's MX records.
    pub fn from_answer(domain: &Name, answer: &Answer) -> Self {
        if let Some(failure) = answer.reply.failure() {
            return Self::Unknown(failure);
        }
        let mut found: Vec<(u16, &Name)> = answer.records().iter().filter_map(exchange).collect();
        if found.is_empty() {
            return match answer.reply {
                Reply::NoSuchName => Self::None(NoHosts::NoSuchName),
                // RFC 5321 §5.1: without MX records the domain is its own host. RFC 7672 §2.2.2: then only its addresses say
                // whether DANE applies.
                _ => Self::Itself(domain.clone()),
            };
        }
        // RFC 7672 §2.2.1: preference comes before security.
        found.sort_by_key(|(preference, _)| *preference);
        let mut seen = HashSet::new();
        // RFC 7505 §3: "." is no host.
        let hosts = found.into_iter().map(|(_, name)| name).filter(|name| **name != Name::root());
        let names: Vec<Name> = hosts.filter(|name| seen.insert(*name)).cloned().collect();
        match names.is_empty() {
            true => Self::None(NoHosts::NullMx),
            false => Self::Hosts { authenticated: answer.authenticated, names },
        }
    }
}

fn exchange(data: &Data) -> Option<(u16, &Name)> {
    match data {
        Data::Mx { preference, exchange } => Some((*preference, exchange)),
        _ => None,
    }
}

/// Asks which hosts take mail for a domain.
pub async fn mx<D: Dns>(dns: &D, domain: &Name) -> Mx {
    Mx::from_answer(domain, &dns.ask(&Question::new(domain.clone(), RecordType::Mx)).await)
}

/// The names of a next-hop domain that a certificate of an authority may be for, beside the TLSA base domain.
pub async fn next_hop_names<D: Dns>(dns: &D, mx: &Mx, domain: &Name) -> Vec<Name> {
    let mut names = vec![domain.clone()];
    // RFC 7672 §3.2.2: what it is an alias of is a name of it, where its MX records and with them the aliases are authentic.
    if matches!(mx, Mx::Hosts { authenticated: true, .. })
        && let Ok(end) = expanded(dns, domain.clone()).await
        && end != *domain
    {
        names.push(end);
    }
    names
}

/// Asks which hosts take mail for a domain, and what DANE says of each at `port`, all side by side.
pub async fn lookup<D: Dns>(dns: &D, domain: &Name, port: u16) -> Destination {
    let mx = mx(dns, domain).await;
    let hosts = match &mx {
        // RFC 7672 §2.2.1: a forged MX could lead to any host with TLSA records, so those say nothing.
        Mx::Hosts { authenticated: false, names } => {
            names.iter().map(|name| (name.clone(), Host::NotApplicable(NotApplicable::InsecureMx))).collect()
        }
        Mx::Hosts { .. } | Mx::Itself(_) | Mx::None(_) | Mx::Unknown(_) => {
            let names = mx.names();
            let asked = join_all(names.iter().take(MAX_HOSTS).map(|name| host(dns, name, port))).await;
            let rest = std::iter::repeat(Host::Unknown(Trouble::NotAsked));
            names.iter().cloned().zip(asked.into_iter().chain(rest)).collect()
        }
    };
    Destination { mx, hosts }
}
