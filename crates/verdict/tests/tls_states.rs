//! What is decided for each state of the DNS and of a domain's policy, held against RFC 7672 and RFC 8461 as the oracle has them,
//! through what each version of Postfix is told.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::collections::BTreeMap;

use dane::Destination;
use dns::{Name, Zone};
use mail::Domain;
use testkit::oracle::tls as oracle;
use testkit::oracle::tls::postfix::{Postfix as Reader, Told};
use testkit::oracle::tls::{Address, Connection, Host, Mx, Policy, Tlsa};
use verdict::tls::postfix::{Postfix, Version};
use verdict::tls::{Facts, Sts, UseDane, decide};

/// How the policy speaks of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Named {
    /// By its name.
    Exactly,
    /// By a wildcard.
    Wildly,
    /// Not, though a wildcard stands two labels above it.
    TooDeep,
    /// Not.
    Not,
}

const ALL_NAMED: [Named; 4] = [Named::Exactly, Named::Wildly, Named::TooDeep, Named::Not];

type Kind = (Address, Tlsa, Named);

/// Of every policy that names hosts. A host of the kind `Exactly` is e0, e1, e2 or the domain itself.
const MX: [&str; 5] = ["e0.d.example", "e1.d.example", "e2.d.example", "*.w.d.example", "d.example"];

fn host(index: usize, (address, tlsa, named): Kind, mx: Mx) -> Host {
    let name = match (mx, named) {
        (Mx::Itself, _) => "d.example".to_owned(),
        (_, Named::Exactly) => format!("e{index}.d.example"),
        (_, Named::Wildly) => format!("h{index}.w.d.example"),
        (_, Named::TooDeep) => format!("h{index}.h.w.d.example"),
        (_, Named::Not) => format!("h{index}.o.example"),
    };
    Host { name, address, tlsa, named: matches!(named, Named::Exactly | Named::Wildly) }
}

fn zone(mx: Mx, hosts: &[Host]) -> Zone {
    const HASH: &str = "0102030405060708091011121314151617181920212223242526272829303132";
    let mut zone = match mx {
        Mx::Secure => ";! authenticated d.example. MX\n",
        Mx::Failed => ";! servfail d.example. MX\n",
        Mx::Insecure | Mx::Itself => "",
    }
    .to_owned();
    for (Host { name, address, tlsa, .. }, preference) in hosts.iter().zip(1..) {
        if matches!(mx, Mx::Secure | Mx::Insecure) {
            zone.push_str(&format!("d.example. MX {preference} {name}.\n"));
        }
        let (v4, v6) = (format!("{name}. A 192.0.2.1\n"), format!("{name}. AAAA 2001:db8::1\n"));
        zone.push_str(&match address {
            Address::Secure => format!(";! authenticated {name}. A\n;! authenticated {name}. AAAA\n{v4}{v6}"),
            Address::Half => format!(";! authenticated {name}. A\n;! servfail {name}. AAAA\n{v4}"),
            Address::Insecure => format!("{v4}{v6}"),
            Address::None => {
                format!(";! authenticated {name}. A\n;! authenticated {name}. AAAA\n{name}. TXT x\n")
            }
            Address::Failed => format!(";! bogus {name}. A\n;! timeout {name}. AAAA\n"),
        });
        let at = format!("_25._tcp.{name}.");
        zone.push_str(&match tlsa {
            Tlsa::Usable => {
                format!(";! authenticated {at}\n{at} TLSA 3 1 1 {HASH}\n{at} TLSA 0 0 1 {HASH}\n")
            }
            Tlsa::Unusable => format!(";! authenticated {at}\n{at} TLSA 1 1 1 {HASH}\n{at} TLSA 3 1 1 00\n"),
            Tlsa::Absent => format!(";! authenticated {at}\n"),
            Tlsa::Insecure => format!("{at} TLSA 3 1 1 {HASH}\n"),
            Tlsa::Bogus => format!(";! bogus {at}\n"),
            Tlsa::Unknown => format!(";! timeout {at}\n"),
        });
    }
    Zone::parse(zone).unwrap()
}

fn sts(policy: Policy, mx: &[&str]) -> Sts {
    let of = |mode: &str, mx: &[&str]| {
        let mx: String = mx.iter().map(|mx| format!("mx: {mx}\n")).collect();
        let body = format!("version: STSv1\nmode: {mode}\n{mx}max_age: 86400\n");
        Sts::Policy(mta_sts::Policy::parse(body.as_bytes()).value.unwrap())
    };
    match policy {
        Policy::Enforce => of("enforce", mx),
        Policy::Testing => of("testing", mx),
        Policy::None => of("none", &[]),
        Policy::Absent => Sts::Absent,
        Policy::Stale => Sts::Stale,
        Policy::Unfetchable => Sts::Unfetchable,
        Policy::Unknown => Sts::Unknown,
    }
}

/// Each version that is told something else than the one before, and one whose administrator has turned the patterns off.
fn versions() -> Vec<(Postfix, Reader)> {
    let of = |text: &str, enforces_patterns: bool| {
        let version = Version::parse(text).unwrap();
        let postfix = Postfix::new(version);
        let postfix = if enforces_patterns { postfix } else { postfix.without_patterns() };
        let version = (version.major, version.minor, version.patch);
        (postfix, Reader { version, enforces_patterns })
    };
    let mut all: Vec<_> = ["3.3.22", "3.4.0", "3.9.9", "3.10.0", "3.10.4", "3.10.5", "3.11.7"]
        .map(|version| of(version, true))
        .into();
    all.push(of("3.11.7", false));
    all
}

struct Held {
    versions: Vec<(Postfix, Reader)>,
    /// How often what was told.
    told: BTreeMap<String, usize>,
}

impl Held {
    /// Holds the decision on one state, as all versions are told it, against both RFCs.
    fn state(
        &mut self,
        dane: bool,
        policy: Policy,
        mx: Mx,
        hosts: &[Host],
        destination: &Destination,
        sts: &Sts,
    ) {
        let domain = Domain::parse("d.example").unwrap();
        let use_dane = if dane { UseDane::Yes } else { UseDane::No };
        let decision = decide(Facts { domain: &domain, sts, destination, dane: use_dane });
        for (postfix, reader) in &self.versions {
            let answer = postfix.answer(&decision).to_string();
            let state =
                || format!("{:?}, dane {dane}, {policy:?}, {mx:?}, {hosts:?}: {answer}", postfix.version);
            let told = reader.read(&answer).unwrap_or_else(|why| panic!("{}: {why}", state()));
            let word = format!("{told:?}").split(['(', ' ']).next().unwrap().to_owned();
            *self.told.entry(word).or_default() += 1;

            // Never weaker than either standard, host by host.
            for host in hosts {
                let done = oracle::is_done(&told, mx, host);
                let by_dane = oracle::dane_asks(dane, mx, host);
                let by_sts = oracle::sts_asks(policy, host);
                assert!(oracle::is_enough(done, by_dane), "{} does {done:?} for {by_dane:?}", state());
                // The one departure: what DANE proves is not held against the names in a policy.
                let proven = done == Connection::ByTlsa && policy == Policy::Enforce;
                assert!(
                    proven || oracle::is_enough(done, by_sts),
                    "{} does {done:?} for {by_sts:?}",
                    state()
                );
            }
            // One that can't obey DANE is never told to.
            assert!(dane || !matches!(told, Told::Dane | Told::DaneOnly), "{}", state());

            // Mail stops only where no host is open to it; and not at all by trouble of the DNS without a policy.
            let open = |host: &Host| oracle::is_open(dane, mx, policy, host);
            let without_policy = !matches!(policy, Policy::Enforce | Policy::Unknown);
            // An older version knows no wildcard of one label, so while nobody knows the hosts there are no names for it.
            let patterns = reader.version >= (3, 10, 5) && reader.enforces_patterns;
            let speechless_of =
                |host: &Host| mx == Mx::Failed && !patterns && !MX.contains(&host.name.as_str());
            if told == Told::Later {
                assert!(!without_policy, "{}", state());
                assert!(!hosts.iter().any(|host| open(host) && !speechless_of(host)), "{}", state());
            }
            if let Told::Secure(names) = &told {
                let knows = |host: &Host| !speechless_of(host);
                let left_out = |host: &&Host| open(host) && knows(host) && !names.take(&host.name);
                assert_eq!(hosts.iter().find(left_out), None, "{}", state());
            }
            // Something is said exactly where something is asked.
            let asked = |host: &Host| {
                oracle::dane_asks(dane, mx, host) != Connection::Any
                    || oracle::sts_asks(policy, host) != Connection::Any
            };
            assert_eq!(told != Told::Nothing, hosts.iter().any(asked), "{}", state());
        }
    }

    fn hosts(&mut self, kinds: &[Kind]) {
        for mx in [Mx::Secure, Mx::Insecure, Mx::Failed, Mx::Itself] {
            if mx == Mx::Itself
                && (kinds.len() > 1 || matches!(kinds, [(_, _, Named::Wildly | Named::TooDeep)]))
            {
                continue;
            }
            let hosts: Vec<Host> =
                kinds.iter().enumerate().map(|(index, kind)| host(index, *kind, mx)).collect();
            let zone = zone(mx, &hosts);
            let name = Name::from_dotted("d.example").unwrap();
            let destination = pollster::block_on(dane::lookup(&zone, &name, 25));
            assert_eq!(destination.mx == dane::Mx::Itself(name), mx == Mx::Itself);
            for policy in Policy::ALL {
                let not_itself = kinds.iter().any(|(.., named)| *named == Named::Not);
                let sts = sts(policy, if not_itself { &MX[..4] } else { &MX });
                for dane in [true, false] {
                    self.state(dane, policy, mx, &hosts, &destination, &sts);
                }
            }
        }
    }
}

#[test]
fn no_state_is_weaker_than_either_standard() {
    let mut held = Held { versions: versions(), told: BTreeMap::new() };
    // One host of every kind.
    let addresses = || Address::ALL.into_iter().flat_map(|address| Tlsa::ALL.map(|tlsa| (address, tlsa)));
    let mut states = 0;
    for (address, tlsa) in addresses() {
        for named in ALL_NAMED {
            held.hosts(&[(address, tlsa, named)]);
            states += 1;
        }
    }
    assert_eq!(states, 5 * 6 * 4);
    // Two, of all kinds of which one could change what becomes of the other.
    let plain = [Tlsa::Usable, Tlsa::Unusable, Tlsa::Absent, Tlsa::Bogus].map(|tlsa| (Address::Secure, tlsa));
    let odd = [Address::Insecure, Address::None, Address::Failed].map(|address| (address, Tlsa::Usable));
    let kinds: Vec<Kind> = plain
        .into_iter()
        .chain(odd)
        .flat_map(|(address, tlsa)| {
            [Named::Exactly, Named::Wildly, Named::Not].map(|named| (address, tlsa, named))
        })
        .collect();
    for one in &kinds {
        for other in &kinds {
            held.hosts(&[*one, *other]);
        }
    }
    // Three: one dead of three, and all mixtures.
    let few: Vec<Kind> = plain
        .into_iter()
        .flat_map(|(address, tlsa)| [Named::Wildly, Named::Not].map(|named| (address, tlsa, named)))
        .collect();
    for one in &few {
        for two in &few {
            for three in &few {
                held.hosts(&[*one, *two, *three]);
            }
        }
    }
    let told: Vec<&str> = held.told.keys().map(String::as_str).collect();
    assert_eq!(told, ["Dane", "DaneOnly", "Later", "Nothing", "Secure"], "{:?}", held.told);
}
