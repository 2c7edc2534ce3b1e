//! The decision, over what was found out before.

use std::collections::HashMap;

use dane::{Destination, Host, Mx};
use mail::Domain;
use mta_sts::{Mode, Policy};

use super::step::{Asked, Step};

/// Whether the MTA can obey DANE: it looks up TLSA records itself, through a resolver that validates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UseDane {
    /// It can; and our own resolver validates too.
    Yes,
    /// It can't, or nobody said that it can.
    No,
}

/// What is known of a domain's MTA-STS policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sts {
    /// One is in force: kept and not past its `max_age`, or fetched now.
    Policy(Policy),
    /// There is no record that announces one, or the DNS did not say, and none is kept.
    Absent,
    /// The last one is past its `max_age`, and no newer one could be had.
    Stale,
    /// One is announced, could not be fetched or does not count, and none is kept.
    Unfetchable,
    /// One may be kept, but what is kept can't be read now, nor was there one to fetch in time.
    Unknown,
}

/// What the decision rests on.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The next-hop domain: of the addresses, or of the smart host (RFC 8461 §3.4).
    pub domain: &'a Domain,
    /// Its MTA-STS policy.
    pub sts: &'a Sts,
    /// Its MX hosts, and what DANE says of each.
    pub destination: &'a Destination,
    /// Whether what DANE says counts.
    pub dane: UseDane,
}

/// What the MTA has to do. Whoever compares: each is about all of the domain's mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Level {
    /// Nothing is asked for: whatever the site does for all domains.
    Nothing,
    /// Each host by its own TLSA records; those without as the MTA likes, those with DNS trouble not at all.
    Dane,
    /// Only hosts whose certificate fits TLSA records that can be used.
    DaneOnly,
    /// Only hosts that the policy allows, with a certificate of the web's authorities in their name.
    Secure(Secure),
    /// No mail now.
    Defer(Why),
}

/// Which hosts may get mail under an `enforce` policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secure {
    /// The policy domain.
    pub domain: Domain,
    /// The policy.
    pub policy: Policy,
    /// The MX hosts that it allows and that DANE does not forbid, at least one; `None` where nobody knows the MX hosts.
    pub hosts: Option<Vec<Domain>>,
    /// Whether a host that the policy allows is left out because of DANE, so that the policy's patterns would be too wide.
    pub left_out: bool,
}

/// Why there can be no mail now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Why {
    /// There may be a policy, and it can't be read now.
    PolicyUnknown,
    /// A policy is in force, and the MX records can't be looked up, which DANE may secure.
    MxUnknown,
    /// A policy is in force, and the domain has no host that takes mail.
    NoHosts,
    /// A policy is in force, and allows none of the MX hosts.
    NoneAllowed,
    /// A policy is in force, and of the MX hosts that it allows, nobody knows what DANE says.
    DaneUnknown,
}

/// What was decided, and the steps that led to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// What the MTA has to do.
    pub level: Level,
    /// How it came to that.
    pub steps: Vec<Step>,
}

/// Decides how mail to a domain must be encrypted.
pub fn decide(facts: Facts<'_>) -> Decision {
    let mut steps = vec![Step::Sts(facts.sts.clone())];
    let hosts = hosts(facts);
    steps.push(match facts.dane {
        UseDane::Yes => Step::Mx(facts.destination.mx.clone()),
        UseDane::No => Step::NoDane,
    });
    steps.extend(hosts.iter().map(|host| Step::Host {
        name: host.name.clone(),
        asked: host.asked.clone(),
        allowed: host.allowed,
    }));
    let level = match facts.sts {
        Sts::Policy(policy) if policy.mode() == Mode::Enforce => enforced(facts, policy, &hosts),
        // RFC 8461 §5: testing and none change nothing, nor does what can't be had (§3.3) without a policy that is kept.
        Sts::Policy(_) | Sts::Absent | Sts::Stale | Sts::Unfetchable => opportunistic(facts, &hosts),
        // Nothing may be sent as if there were no policy while one may be in force.
        Sts::Unknown => Level::Defer(Why::PolicyUnknown),
    };
    steps.push(Step::Concluded(level.clone()));
    Decision { level, steps }
}

/// A host, and what both standards say of it.
struct Candidate {
    name: dns::Name,
    asked: Asked,
    /// Whether the policy in force allows it; `None` without one.
    allowed: Option<bool>,
}

fn hosts(facts: Facts<'_>) -> Vec<Candidate> {
    let policy = match facts.sts {
        Sts::Policy(policy) if policy.mode() == Mode::Enforce => Some(policy),
        _ => None,
    };
    let found: HashMap<_, _> = facts.destination.hosts.iter().map(|(name, host)| (name, host)).collect();
    let candidate = |name: &dns::Name| Candidate {
        name: name.clone(),
        asked: asked(facts, found.get(name).copied()),
        // DNS-01: a name that is no host name is none that a policy could allow.
        allowed: policy.map(|policy| name.to_domain().is_some_and(|host| policy.allows(&host))),
    };
    facts.destination.mx.names().iter().map(candidate).collect()
}

/// What DANE asks of a host; nothing, where it does not count.
fn asked(facts: Facts<'_>, found: Option<&Host>) -> Asked {
    // RFC 7672 §2.2.1: only hosts of authentic MX records, or (§2.2.2) that need none.
    let secure = matches!(facts.destination.mx, Mx::Hosts { authenticated: true, .. } | Mx::Itself(_));
    if facts.dane == UseDane::No || !secure {
        return Asked::Nothing;
    }
    match found {
        Some(Host::Usable { .. }) => Asked::Certificate,
        Some(Host::Unusable { .. }) => Asked::Encryption,
        Some(Host::NotApplicable(_)) => Asked::Nothing,
        Some(Host::Unknown(trouble)) => Asked::Unknown(Some(trouble.clone())),
        None => Asked::Unknown(None),
    }
}

/// Without an `enforce` policy.
fn opportunistic(facts: Facts<'_>, hosts: &[Candidate]) -> Level {
    // RFC 7672 §2.1.2: while the MX records are unknown they may be authentic; the MTA, which asks too, decides on what it gets.
    let unknown = matches!(facts.destination.mx, Mx::Unknown(_)) && facts.dane == UseDane::Yes;
    // RFC 7672 §2.2: each host for itself. A host with trouble is passed over by the MTA, and stops no other.
    if unknown || hosts.iter().any(|host| host.asked != Asked::Nothing) {
        Level::Dane
    } else {
        Level::Nothing
    }
}

fn enforced(facts: Facts<'_>, policy: &Policy, hosts: &[Candidate]) -> Level {
    // DEVIATION: RFC 8461 §4.1: where DANE proves both the MX records and the certificate, the names of the MX hosts are
    // not held against the policy: the MTA can't do both, and DANE must not be overridden (RFC 8461 §2).
    if hosts.iter().any(|host| host.asked == Asked::Certificate) {
        return Level::DaneOnly;
    }
    let secure = |hosts, left_out| {
        Level::Secure(Secure { domain: facts.domain.clone(), policy: policy.clone(), hosts, left_out })
    };
    match (&facts.destination.mx, facts.dane) {
        // RFC 7672 §2.1.2: it may be DANE that secures the hosts, so nobody can be sent there now.
        (Mx::Unknown(_), UseDane::Yes) => return Level::Defer(Why::MxUnknown),
        (Mx::Unknown(_), UseDane::No) => return secure(None, false),
        (Mx::None(_), _) => return Level::Defer(Why::NoHosts),
        (Mx::Hosts { .. } | Mx::Itself(_), _) => {}
    }
    let allowed: Vec<&Candidate> = hosts.iter().filter(|host| host.allowed == Some(true)).collect();
    // RFC 7672 §2.2: a host whose TLSA records can't be looked up is as good as down.
    let left: Vec<Domain> = allowed
        .iter()
        .filter(|host| !matches!(host.asked, Asked::Unknown(_)))
        .filter_map(|host| host.name.to_domain())
        .collect();
    match (allowed.len(), left.len()) {
        (0, _) => Level::Defer(Why::NoneAllowed),
        (_, 0) => Level::Defer(Why::DaneUnknown),
        (all, some) => secure(Some(left), some < all),
    }
}

#[cfg(test)]
mod tests;
