//! A look at a domain's MX hosts, from here: what each of them has, and what would become of mail to it if the domain's policy
//! were enforced, or if its TLSA records were obeyed. No mail is sent, and nothing that was seen counts as a session.

use std::fmt;
use std::time::Duration;

use courier::{Probed, Prober, RootsError};
use dane::{Destination, Host, Tlsa, Usage};
use dns::{Dns, Name};
use futures_util::stream::{self, StreamExt};
use mail::{Domain, UnixTime};
use mta_sts::Policy;

use super::next_hop::NextHop;
use crate::config;
use crate::serve::site::host_name;

/// Most MX hosts that are looked at, the best ones.
pub const MAX_HOSTS: usize = 8;
/// How many of them at once.
pub const AT_ONCE: usize = 4;
/// How long each may take.
pub const WITHIN: Duration = Duration::from_secs(20);

/// All that was seen.
pub struct Probe {
    /// The hosts, best first.
    pub hosts: Vec<Seen>,
    /// How many more there are.
    pub left: usize,
}

/// An MX host.
pub struct Seen {
    /// Its name in the MX record.
    pub name: Name,
    /// What was seen of it, or why nothing was.
    pub found: Result<Probed, String>,
    /// How its certificate stands to its TLSA records.
    pub tlsa: Fit,
    /// Whether the policy allows it; `None` without a policy that names hosts.
    pub allowed: Option<bool>,
}

/// How a certificate stands to TLSA records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fit {
    /// There are none that count.
    NoRecords,
    /// One of this usage speaks of it.
    Yes(Usage),
    /// None does, or none can be used, or nobody knows; why.
    No(String),
}

/// What would become of mail to a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// There is nothing to enforce.
    NotAsked,
    /// It would be taken there.
    Mail,
    /// It would not, for this reason.
    NoMail(String),
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAsked => f.write_str("nothing is asked for"),
            Self::Mail => f.write_str("mail"),
            Self::NoMail(why) => write!(f, "no mail: {why}"),
        }
    }
}

impl Seen {
    /// If the domain's policy were in mode `enforce` (RFC 8461 §4.1, §4.2).
    pub fn under_enforce(&self) -> Fate {
        match (self.allowed, &self.found) {
            (None, _) => Fate::NotAsked,
            (Some(false), _) => Fate::NoMail("the policy does not allow it".to_owned()),
            (Some(true), Err(why)) => Fate::NoMail(why.clone()),
            (Some(true), Ok(Probed { web: Err(why), .. })) => {
                Fate::NoMail(format!("its certificate is {why}"))
            }
            (Some(true), Ok(Probed { web: Ok(()), .. })) => Fate::Mail,
        }
    }

    /// If only certificates of TLSA records counted (RFC 7672 §2.2).
    pub fn under_dane_only(&self) -> Fate {
        match (&self.tlsa, &self.found) {
            (Fit::NoRecords, _) => Fate::NotAsked,
            (_, Err(why)) => Fate::NoMail(why.clone()),
            (Fit::No(why), Ok(_)) => Fate::NoMail(why.clone()),
            (Fit::Yes(_), Ok(_)) => Fate::Mail,
        }
    }
}

/// One that goes out as this host, to where the configuration allows.
pub fn prober(config: &config::TlsPolicy) -> Result<Prober, RootsError> {
    let helo = Domain::parse(host_name().as_str())
        .map_err(|_| RootsError::Tls("this host's name is no name for EHLO".to_owned()))?;
    Prober::new(config.roots.read()?, &config.allowed, helo)
}

/// Looks at the MX hosts of a next hop, whose policy is this.
pub async fn probe<D: Dns>(
    prober: &Prober,
    dns: &D,
    hop: &NextHop,
    destination: &Destination,
    policy: Option<&Policy>,
    now: UnixTime,
) -> Probe {
    let names = destination.mx.names();
    let next_hop = dane::next_hop_names(dns, &destination.mx, &Name::from(&hop.domain)).await;
    let begin = |name| {
        let dane = destination.hosts.iter().find(|(host, _)| host == name).map(|(_, host)| host);
        look(prober, dns, (name, hop.port), &next_hop, dane, policy, now)
    };
    let looks: Vec<_> = names.iter().take(MAX_HOSTS).map(begin).collect();
    let hosts = stream::iter(looks).buffered(AT_ONCE).collect().await;
    Probe { hosts, left: names.len().saturating_sub(MAX_HOSTS) }
}

async fn look<D: Dns>(
    prober: &Prober,
    dns: &D,
    (name, port): (&Name, u16),
    next_hop: &[Name],
    dane: Option<&Host>,
    policy: Option<&Policy>,
    now: UnixTime,
) -> Seen {
    let host = name.to_domain();
    // RFC 7672 §8.1: the server is asked for the certificate of the TLSA base domain.
    let base = dane.and_then(base);
    let found = match &host {
        // DNS-01: what is no host name is not looked up.
        None => Err("its name is no host name".to_owned()),
        Some(host) => {
            let asked = base.and_then(Name::to_domain).unwrap_or_else(|| host.clone());
            let found = prober.probe(dns, host, &asked, port, WITHIN).await;
            found.map_err(|error| error.to_string())
        }
    };
    // RFC 7672 §3.2.2: names of an authority's certificate may be the base domain or the next hop.
    let names: Vec<Name> = base.into_iter().chain(next_hop).cloned().collect();
    let chain = found.as_ref().map_or(&[][..], |probed: &Probed| probed.chain.as_slice());
    let tlsa = fit(dane, chain, &names, now);
    let allowed = policy.filter(|policy| !policy.mx().is_empty()).map(|policy| allows(policy, host.as_ref()));
    Seen { name: name.clone(), found, tlsa, allowed }
}

fn allows(policy: &Policy, host: Option<&Domain>) -> bool {
    host.is_some_and(|host| policy.allows(host))
}

fn base(host: &Host) -> Option<&Name> {
    match host {
        Host::Usable { base, .. } | Host::Unusable { base, .. } => Some(base),
        Host::NotApplicable(_) | Host::Unknown(_) => None,
    }
}

fn fit(host: Option<&Host>, chain: &[Vec<u8>], names: &[Name], now: UnixTime) -> Fit {
    let held = |records: &[Tlsa]| {
        let chain: Vec<&[u8]> = chain.iter().map(Vec::as_slice).collect();
        dane::certificate(records, &chain, names, now)
    };
    match host {
        None | Some(Host::NotApplicable(_)) => Fit::NoRecords,
        Some(Host::Unusable { reasons, .. }) => Fit::No(match reasons.first() {
            Some(reason) => format!("no TLSA record can be used: {reason}"),
            None => "no TLSA record can be used".to_owned(),
        }),
        Some(Host::Unknown(_)) => Fit::No("its TLSA records are not known now".to_owned()),
        Some(Host::Usable { records, .. }) => match held(records) {
            Ok(usage) => Fit::Yes(usage),
            Err(why) => Fit::No(why.to_string()),
        },
    }
}

#[cfg(test)]
mod tests {
    use courier::Certificate;
    use dns::Zone;
    use testkit::https::Authority;

    use super::*;
    use crate::tls::answer::with_dane;

    /// A server with TLS, by what the authorities of the web say; and one without.
    fn server(web: Result<(), Certificate>) -> Result<Probed, String> {
        let address = "192.0.2.1:25".parse().unwrap();
        Ok(Probed { address, version: "TLS 1.3", chain: vec![vec![1]], web })
    }

    fn check(
        found: &Result<Probed, String>,
        tlsa: Fit,
        allowed: Option<bool>,
        enforce: &str,
        dane_only: &str,
    ) {
        let name = Name::from_dotted("mx.v.example").unwrap();
        let seen = Seen { name, found: found.clone(), tlsa, allowed };
        let said = |fate| match fate {
            Fate::NotAsked => String::new(),
            Fate::Mail => "mail".to_owned(),
            Fate::NoMail(why) => why,
        };
        assert_eq!([said(seen.under_enforce()), said(seen.under_dane_only())], [enforce, dane_only]);
    }

    #[test]
    fn what_would_become_of_mail() {
        let (good, bad, none) = (server(Ok(())), server(Err(Certificate::Name)), Err("no TLS".to_owned()));
        let wrong = "its certificate is for another name";
        let stranger = "the policy does not allow it";
        // The policy and the authorities of the web.
        for (found, allowed, expected) in [
            (&good, Some(true), "mail"),
            (&good, Some(false), stranger),
            (&good, None, ""),
            (&bad, Some(true), wrong),
            (&bad, Some(false), stranger),
            (&bad, None, ""),
            (&none, Some(true), "no TLS"),
            (&none, Some(false), stranger),
            (&none, None, ""),
        ] {
            check(found, Fit::NoRecords, allowed, expected, "");
        }
        // TLSA records, whatever the web says.
        for found in [&good, &bad] {
            check(found, Fit::Yes(Usage::EndEntity), None, "", "mail");
            check(found, Fit::Yes(Usage::TrustAnchor), None, "", "mail");
            check(found, Fit::No("other key".to_owned()), None, "", "other key");
        }
        check(&none, Fit::No("no certificate".to_owned()), None, "", "no TLS");
        // Each for itself.
        check(&bad, Fit::Yes(Usage::EndEntity), Some(true), wrong, "mail");
        check(&good, Fit::No("other key".to_owned()), Some(true), "mail", "other key");
    }

    /// How many hosts of so many are looked at, and how many are left.
    async fn looked_at(count: usize) -> (usize, usize) {
        let mut zone = String::new();
        for number in 0..count {
            zone.push_str(&format!(
                "v.example. MX {number} m{number}.v.example.\nm{number}.v.example. A 192.0.2.1\n"
            ));
        }
        let zone = Zone::parse(zone).unwrap();
        let hop = NextHop::parse(b"v.example").unwrap();
        let prober = Prober::new(Authority::new().roots(), &[], hop.domain.clone()).unwrap();
        let destination = with_dane(&zone, &hop).await;
        let found = probe(&prober, &zone, &hop, &destination, None, UnixTime(0)).await;
        for (seen, number) in found.hosts.iter().zip(0..) {
            assert_eq!(seen.name.to_string(), format!("m{number}.v.example"));
            let why = seen.found.as_ref().unwrap_err();
            assert_eq!(why, "only addresses that are not public, such as 192.0.2.1 (reserved)");
        }
        (found.hosts.len(), found.left)
    }

    #[tokio::test]
    async fn limits_on_both_sides() {
        assert_eq!(looked_at(1).await, (1, 0));
        assert_eq!(looked_at(MAX_HOSTS).await, (MAX_HOSTS, 0));
        assert_eq!(looked_at(MAX_HOSTS + 1).await, (MAX_HOSTS, 1));
    }
}
