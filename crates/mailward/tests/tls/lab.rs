//! Everything but Postfix and the program: names, policy hosts, mail servers.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::sync::{Arc, Condvar, Mutex};

use aws_lc_rs::digest::{SHA256, digest};
use testkit::https::{Authority, Certified, Flaw, Host, end, ok};
use testkit::real::mx::Mx;
use testkit::real::unbound::{Unbound, unbound};
use testkit::real::{DEADLINE, Knot, signed_knot};

/// The world. Its zone is signed; what is not said to be signed below is insecure to the resolvers.
pub(crate) struct Lab {
    pub(crate) policies: Policies,
    /// Mail servers by name.
    pub(crate) servers: BTreeMap<String, Mx>,
    pub(crate) resolver: Unbound,
    pub(crate) authority: Authority,
    pub(crate) host: Host,
    pub(crate) gate: Arc<Gate>,
    /// What unbound has to know of trust.
    trust: String,
    knot: Knot,
}

/// The policies that are served, by domain; without one the host answers 404.
pub(crate) type Policies = Arc<Mutex<BTreeMap<String, String>>>;

/// Holds answers of the policy host back.
#[derive(Default)]
pub(crate) struct Gate {
    held: Mutex<Held>,
    changed: Condvar,
}

#[derive(Default)]
struct Held {
    domains: BTreeSet<String>,
    /// Those that were asked for and not answered.
    asked: BTreeSet<String>,
}

/// Domains: the policy (mode and patterns; `-` for none) and the MX hosts, best first: a name in front of the domain or one that
/// ends with `.test`; behind it the certificate of the server that is started for it (see [`Server`]).
const DOMAINS: &[(&str, &str, &str)] = &[
    ("plain.test", "-", "mx:good"),
    ("plain-no-tls.test", "-", "mx:clear"),
    ("plain-expired.test", "-", "mx:expired"),
    ("sts-good.test", "enforce mx.sts-good.test", "mx:good"),
    ("sts-second.test", "enforce mx1.sts-second.test mx2.sts-second.test", "mx1:expired mx2:good"),
    ("sts-wrong-mx.test", "enforce mx.other.test", "mx:good"),
    ("sts-other-name.test", "enforce mx.sts-other-name.test", "mx:other-name"),
    ("sts-expired.test", "enforce mx.sts-expired.test", "mx:expired"),
    ("sts-unknown.test", "enforce mx.sts-unknown.test", "mx:stranger"),
    ("sts-self-signed.test", "enforce mx.sts-self-signed.test", "mx:self-signed"),
    ("sts-no-tls.test", "enforce mx.sts-no-tls.test", "mx:clear"),
    // A wildcard stands for one label.
    ("sts-wild.test", "enforce *.sts-wild.test", "mx:good"),
    ("sts-deep.test", "enforce *.sts-deep.test", "mx.two:good"),
    ("sts-deep-first.test", "enforce *.sts-deep-first.test", "mx.two:good mx:good"),
    ("sts-same.test", "enforce *.sts-same.test", "sts-same.test:good"),
    ("sts-testing.test", "testing mx.other.test", "mx:good"),
    ("sts-testing-other-name.test", "testing mx.sts-testing-other-name.test", "mx:other-name"),
    ("sts-testing-expired.test", "testing mx.sts-testing-expired.test", "mx:expired"),
    ("sts-testing-no-tls.test", "testing mx.sts-testing-no-tls.test", "mx:clear"),
    ("sts-none.test", "none", "mx:good"),
    ("sts-none-no-tls.test", "none", "mx:clear"),
    ("sts-unfetchable.test", "-", "mx:good"),
    // Its policy is no policy: its host says nonsense.
    ("sts-broken.test", "enforced mx.sts-broken.test", "mx:good"),
    ("xn--bcher-kva.test", "enforce mx.xn--bcher-kva.test", "mx:good"),
    ("xn--mller-kva.test", "enforce mx.other.test", "mx:good"),
    ("sub.sts-wrong-mx.test", "-", "mx.plain.test"),
    ("dane-good.test", "-", "mx:good+tlsa"),
    ("dane-authority.test", "-", "mx:stranger+tlsa2"),
    ("dane-bad.test", "-", "mx:self-signed+wrong-tlsa"),
    ("dane-bogus.test", "-", "mx:self-signed+tlsa"),
    ("dane-no-tls.test", "-", "mx:clear+wrong-tlsa"),
    ("dane-unusable.test", "-", "mx:self-signed+tlsa1"),
    ("dane-unusable-no-tls.test", "-", "mx:clear+tlsa1"),
    ("dane-second.test", "-", "mx1:good+tlsa mx2:self-signed+tlsa"),
    ("dane-mixed.test", "-", "mx1:self-signed+wrong-tlsa mx2:clear"),
    ("bogus-mx.test", "-", "mx.plain.test"),
    ("bogus-address.test", "-", "mx2.three.test"),
    ("sts-bogus-mx.test", "enforce mx.plain.test", "mx.plain.test"),
    ("sts-dane.test", "enforce mx.other.test", "mx:self-signed+tlsa"),
    ("sts-dane-bad.test", "enforce mx.sts-dane-bad.test", "mx:self-signed+wrong-tlsa"),
    ("sts-dane-bogus.test", "enforce mx.sts-dane-bogus.test", "mx:good+tlsa"),
    ("sts-dane-unusable.test", "enforce mx.sts-dane-unusable.test", "mx:good+tlsa1"),
    ("sts-dane-unusable-bad.test", "enforce mx.sts-dane-unusable-bad.test", "mx:self-signed+tlsa1"),
    // Its MX records are not authentic; its host has TLSA records.
    ("unsigned.test", "enforce mx.dane-good.test", "mx.dane-good.test"),
    ("unsigned-bad.test", "enforce mx.dane-bad.test", "mx.dane-bad.test"),
    ("unsigned-wrong.test", "enforce mx.sts-good.test", "mx.dane-good.test"),
    // Three MX hosts, one of which the DNS does not know.
    ("three.test", "enforce *.three.test", "mx2:nowhere mx1:good mx3:good"),
    ("three-plain.test", "-", "mx2.three.test mx1.three.test mx3.three.test"),
    // Smart hosts, with policies of their own names.
    ("mx.smart.test", "enforce mx.smart.test", ""),
    ("mx.smart-bad.test", "enforce mx.smart-bad.test", ""),
    ("relay.test", "enforce mx.relay.test", "mx:relay"),
    ("smart.test", "enforce mx.other.test", "mx.plain.test"),
];

/// Mail servers that are no MX hosts, at port 2525.
const SMART: &[(&str, Server)] = &[
    ("mx.smart.test", Server::Good),
    ("mx.smart-bad.test", Server::Expired),
    ("mx.relay.test", Server::Good),
];

/// What the resolvers take to be signed, beside what begins with `dane-` or `sts-dane`.
const SIGNED: &[&str] = &["three.test", "three-plain.test", "bogus-mx.test", "bogus-address.test"];

/// What nobody can prove: anchors that fit no key.
const BOGUS: &[&str] = &[
    "_tcp.mx.dane-bogus.test",
    "_tcp.mx1.dane-second.test",
    "_tcp.mx.sts-dane-bogus.test",
    "mx2.three.test",
    "bogus-mx.test",
    "sts-bogus-mx.test",
];

/// Below what is bogus, what is not: the policy can be had, the MX records can't.
const INSECURE: &[&str] =
    &["_mta-sts.sts-bogus-mx.test", "mta-sts.sts-bogus-mx.test", "mass.test", "mta-sts.test"];

/// What a mail server has.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Server {
    Good,
    OtherName,
    Expired,
    /// Signed by an authority that nobody believes, whose certificate is sent too.
    Stranger,
    SelfSigned,
    /// It does not offer STARTTLS.
    Clear,
    /// There is none, but there is an address.
    Nowhere,
    /// It is one of [`SMART`].
    Relay,
}

impl Server {
    fn parse(text: &str) -> Self {
        match text {
            "good" => Self::Good,
            "other-name" => Self::OtherName,
            "expired" => Self::Expired,
            "stranger" => Self::Stranger,
            "self-signed" => Self::SelfSigned,
            "clear" => Self::Clear,
            "nowhere" => Self::Nowhere,
            "relay" => Self::Relay,
            _ => panic!("{text}"),
        }
    }

    fn certificate(self, authority: &Authority, name: &str) -> Option<Certified> {
        Some(match self {
            Self::Good => authority.certificate(&[name], Flaw::None),
            Self::OtherName => authority.certificate(&["mx.else.test"], Flaw::None),
            Self::Expired => authority.certificate(&[name], Flaw::Expired),
            Self::Stranger => {
                let stranger = Authority::new();
                let mut certified = stranger.certificate(&[name], Flaw::None);
                certified.chain.push(stranger.own());
                certified
            }
            Self::SelfSigned => authority.certificate(&[name], Flaw::SelfSigned),
            Self::Clear | Self::Nowhere | Self::Relay => return None,
        })
    }
}

/// The servers, and the zone as far as it is made with them.
struct Making {
    authority: Authority,
    servers: BTreeMap<String, Mx>,
    zone: String,
}

impl Making {
    fn start(&mut self, port: u16, name: &str, server: Server, tlsa: &str) {
        if server == Server::Relay {
            return;
        }
        let certified = server.certificate(&self.authority, name);
        let hash = |certified: Option<&Certified>| match certified {
            Some(certified) => {
                let hash = digest(&SHA256, certified.chain.last().unwrap());
                hash.as_ref().iter().map(|octet| format!("{octet:02x}")).collect()
            }
            None => "00".repeat(32),
        };
        let record = match tlsa {
            "" => None,
            "tlsa" => Some(format!("3 0 1 {}", hash(certified.as_ref()))),
            "tlsa1" => Some(format!("1 0 1 {}", hash(certified.as_ref()))),
            "tlsa2" => Some(format!("2 0 1 {}", hash(certified.as_ref()))),
            "wrong-tlsa" => Some(format!("3 0 1 {}", hash(None))),
            _ => panic!("{tlsa}"),
        };
        if let Some(record) = record {
            self.zone.push_str(&format!("_25._tcp.{name}. 300 TLSA {record}\n"));
        }
        if server == Server::Nowhere {
            self.zone.push_str(&format!("{name}. 300 A 127.0.0.9\n"));
            return;
        }
        let mx = Mx::start_at(port, certified);
        self.zone.push_str(&format!("{name}. 300 A {}\n", mx.addr.ip()));
        self.servers.insert(name.to_owned(), mx);
    }

    fn domain(&mut self, domain: &str, hosts: &str) {
        for (preference, host) in (10..).zip(hosts.split_whitespace()) {
            let (name, server) = host.split_once(':').unwrap_or((host, ""));
            let name = if name.ends_with(".test") { name.to_owned() } else { format!("{name}.{domain}") };
            self.zone.push_str(&format!("{domain}. 300 MX {preference} {name}.\n"));
            if !server.is_empty() {
                let (server, tlsa) = server.split_once('+').unwrap_or((server, ""));
                self.start(25, &name, Server::parse(server), tlsa);
            }
        }
    }
}

impl Lab {
    /// `None` where a program is not there.
    pub(crate) fn start() -> Option<Self> {
        let zone = String::from(". 300 SOA . . 1 1 1 1 300\n. 300 NS .\n");
        let mut making = Making { authority: Authority::new(), servers: BTreeMap::new(), zone };
        for (name, server) in SMART {
            making.start(2525, name, *server, "");
        }
        let policies: Policies = Arc::default();
        let mut names = Vec::new();
        for (domain, policy, hosts) in DOMAINS {
            making.domain(domain, hosts);
            if *policy != "-" {
                policies.lock().unwrap().insert((*domain).to_owned(), self::policy(policy));
            }
            if *policy != "-" || *domain == "sts-unfetchable.test" {
                names.push(format!("mta-sts.{domain}"));
                making.zone.push_str(&format!(
                    "_mta-sts.{domain}. 30 TXT \"v=STSv1; id=1;\"\nmta-sts.{domain}. 300 A 127.0.0.1\n"
                ));
            }
            making
                .zone
                .push_str(&format!("_smtp._tls.{domain}. 300 TXT \"v=TLSRPTv1; rua=mailto:tls@{domain}\"\n"));
        }
        making
            .zone
            .push_str("*.mass.test. 300 TXT \"v=STSv1; id=1;\"\n*.mass.test. 300 MX 10 mx.plain.test.\n");
        let Making { authority, servers, zone } = making;
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let gate: Arc<Gate> = Arc::default();
        let host = policy_host(authority.certificate(&names, Flaw::None), &policies, &gate);
        let (knot, anchor) = signed_knot(&zone)?;
        let trust = trust(&anchor);
        let resolver = unbound(knot.addr, &trust, "")?;
        Some(Self { policies, servers, resolver, authority, host, gate, trust, knot })
    }

    /// One more resolver, for which these records (`name. TTL TYPE data`) are other ones.
    pub(crate) fn resolver(&self, records: &[&str]) -> Unbound {
        let mut server = self.trust.clone();
        for record in records {
            let name = record.split(' ').next().unwrap();
            server.push_str(&format!("    local-zone: \"{name}\" redirect\n    local-data: '{record}'\n"));
        }
        unbound(self.knot.addr, &server, "").unwrap()
    }

    /// Which servers got a message to this address, and whether over TLS.
    pub(crate) fn arrived(&self, address: &str) -> Vec<(&str, bool)> {
        let address = format!("<{address}>").to_lowercase();
        let of = |(name, mx): (&'_ String, &Mx)| {
            let taken = mx.arrived().into_iter();
            let ours = taken.filter(|taken| taken.recipient.to_lowercase().contains(&address));
            ours.map(|taken| (name.clone(), taken.tls)).collect::<Vec<_>>()
        };
        let all = self.servers.iter().flat_map(of);
        all.map(|(name, tls)| (self.servers.get_key_value(&name).unwrap().0.as_str(), tls)).collect()
    }
}

impl Gate {
    /// From now on what asks for the policy of this domain waits.
    pub(crate) fn close(&self, domain: &str) {
        self.held.lock().unwrap().domains.insert(domain.to_owned());
    }

    /// Waits until somebody has asked for the policy.
    pub(crate) fn wait_for(&self, domain: &str) {
        let held = self.held.lock().unwrap();
        let (held, _) =
            self.changed.wait_timeout_while(held, DEADLINE, |held| !held.asked.contains(domain)).unwrap();
        assert!(held.asked.contains(domain), "nobody asks for the policy of {domain}");
    }

    /// Everybody gets an answer again.
    pub(crate) fn open(&self) {
        *self.held.lock().unwrap() = Held::default();
        self.changed.notify_all();
    }

    fn pass(&self, domain: &str) {
        let mut held = self.held.lock().unwrap();
        if held.domains.contains(domain) {
            held.asked.insert(domain.to_owned());
            self.changed.notify_all();
            drop(self.changed.wait_timeout_while(held, DEADLINE, |held| held.domains.contains(domain)));
        }
    }
}

/// A policy: its mode and what it allows.
pub(crate) fn policy(text: &str) -> String {
    let mut words = text.split(' ');
    let mode = words.next().unwrap();
    let mx: String = words.map(|mx| format!("mx: {mx}\n")).collect();
    format!("version: STSv1\nmode: {mode}\n{mx}max_age: 604800\n")
}

fn policy_host(certified: Certified, policies: &Policies, gate: &Arc<Gate>) -> Host {
    let (policies, gate) = (Arc::clone(policies), Arc::clone(gate));
    Host::tls("127.0.0.1:0", certified, move |tls| {
        let name = tls.conn.server_name().unwrap_or_default();
        let domain = name.strip_prefix("mta-sts.").unwrap_or_default().to_owned();
        gate.pass(&domain);
        let answer = match policies.lock().unwrap().get(&domain) {
            Some(policy) => ok(policy),
            None => b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_vec(),
        };
        let _ = tls.write_all(&answer);
        end(tls);
    })
}

fn trust(anchor: &str) -> String {
    let mut server = String::from("    module-config: \"validator iterator\"\n");
    server.push_str(&format!("    trust-anchor: \"{anchor}\"\n"));
    let signed = |domain: &str| {
        domain.starts_with("dane-") || domain.starts_with("sts-dane") || SIGNED.contains(&domain)
    };
    let insecure = DOMAINS.iter().map(|(domain, ..)| *domain).filter(|domain| !signed(domain));
    for domain in insecure.filter(|domain| !BOGUS.contains(domain)).chain(INSECURE.iter().copied()) {
        server.push_str(&format!("    domain-insecure: \"{domain}\"\n"));
    }
    for name in BOGUS {
        server.push_str(&format!("    trust-anchor: \"{name}. DS 1 13 2 {}\"\n", "ab".repeat(32)));
    }
    server
}
