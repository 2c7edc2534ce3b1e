//! The answer for a next hop: what was found out, and what is decided on it.

use dane::{Destination, Mx};
use dns::{Dns, Failure, Name};
use mta_sts::Mode;
use verdict::tls::{Decision, Facts, Sts, UseDane, decide};

use super::next_hop::NextHop;

/// Decides about a next hop whose policy is known.
pub async fn decision<D: Dns>(dns: &D, hop: &NextHop, sts: &Sts, dane: UseDane) -> Decision {
    let destination = destination(dns, hop, sts, dane).await;
    decide(Facts { domain: &hop.domain, sts, destination: &destination, dane })
}

async fn destination<D: Dns>(dns: &D, hop: &NextHop, sts: &Sts, dane: UseDane) -> Destination {
    let name = Name::from(&hop.domain);
    match (dane, hop.is_host) {
        (UseDane::Yes, _) => with_dane(dns, hop).await,
        (UseDane::No, true) => Destination { mx: Mx::Itself(name), hosts: Vec::new() },
        (UseDane::No, false) if is_enforced(sts) => {
            Destination { mx: dane::mx(dns, &name).await, hosts: Vec::new() }
        }
        // Nothing hangs on it.
        (UseDane::No, false) => Destination { mx: Mx::Unknown(Failure::TimeOut), hosts: Vec::new() },
    }
}

/// Where mail goes, and what DANE says of each host.
pub async fn with_dane<D: Dns>(dns: &D, hop: &NextHop) -> Destination {
    let name = Name::from(&hop.domain);
    if !hop.is_host {
        return dane::lookup(dns, &name, hop.port).await;
    }
    // RFC 7672 §2.2.2: a host that was named is taken as it is; its name is as good as an authentic one.
    let found = dane::host(dns, &name, hop.port).await;
    Destination { mx: Mx::Itself(name.clone()), hosts: vec![(name, found)] }
}

fn is_enforced(sts: &Sts) -> bool {
    matches!(sts, Sts::Policy(policy) if policy.mode() == Mode::Enforce)
}
