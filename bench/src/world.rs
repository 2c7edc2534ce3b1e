//! The senders of the workload: 50 domains with SPF records of all shapes, their keys and their policies.

use std::fmt::Write as _;

use testkit::signer::TestKey;

/// How many senders there are.
pub const DOMAINS: usize = 50;

/// One sender.
pub struct Sender {
    /// Its domain.
    pub domain: String,
    /// A client that its SPF record allows, where it has a usable one.
    pub client: String,
    /// What SPF says of that client, and of any other.
    pub spf: [&'static str; 2],
    /// Whether it publishes a DMARC policy.
    pub dmarc: bool,
    /// Whether that wants strict alignment.
    pub strict: bool,
}

/// The keys that sign, RSA of 2048 and 1024 bits; Ed25519 has one per sender.
pub struct Keys {
    rsa_2048: TestKey,
    rsa_1024: TestKey,
}

/// The algorithms, by their selector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// RSA of 2048 bits.
    Rsa2048,
    /// RSA of 1024 bits.
    Rsa1024,
    /// Ed25519.
    Ed25519,
}

impl Algorithm {
    /// The name of the selector.
    pub fn selector(self) -> &'static str {
        match self {
            Self::Rsa2048 => "s2048",
            Self::Rsa1024 => "s1024",
            Self::Ed25519 => "ed",
        }
    }
}

impl Keys {
    /// The same in every run.
    pub fn new() -> Self {
        Self { rsa_2048: TestKey::rsa(2048), rsa_1024: TestKey::rsa(1024) }
    }

    /// The key of the sender with this number.
    pub fn of(&self, sender: usize, algorithm: Algorithm) -> TestKey {
        match algorithm {
            Algorithm::Rsa2048 => self.rsa_2048.clone(),
            Algorithm::Rsa1024 => self.rsa_1024.clone(),
            Algorithm::Ed25519 => TestKey::ed25519(sender as u8 + 1),
        }
    }
}

/// All senders, and the zone that they publish.
pub fn senders(keys: &Keys) -> (Vec<Sender>, String) {
    let mut zone = Text(String::from(
        "$TTL 86400\nexample. SOA ns.example. hostmaster.example. 1 7200 3600 1209600 86400\n",
    ));
    let senders = (0..DOMAINS).map(|number| sender(number, keys, &mut zone)).collect();
    (senders, zone.0)
}

struct Text(String);

impl Text {
    fn add(&mut self, name: &str, data: &str) {
        let _ = writeln!(self.0, "{name}. {data}");
    }

    /// In strings that fit.
    fn txt(&mut self, name: &str, text: &str) {
        let strings: Vec<String> = text
            .as_bytes()
            .chunks(200)
            .map(|chunk| format!("\"{}\"", String::from_utf8_lossy(chunk)))
            .collect();
        self.add(name, &format!("TXT {}", strings.join(" ")));
    }

    /// A record of networks, none of them the client's.
    fn networks(&mut self, name: &str, seed: usize, count: usize, last: &str) {
        let networks: Vec<String> =
            (0..count).map(|n| format!("ip4:100.{}.{}.0/24", 64 + seed % 64, n)).collect();
        self.txt(name, &format!("v=spf1 {} {last}", networks.join(" ")));
    }
}

fn sender(number: usize, keys: &Keys, zone: &mut Text) -> Sender {
    let domain = format!("sender{number:02}.example");
    let d = domain.as_str();
    let client = format!("198.51.{}.25", 100 + number);
    let spf = publish_spf(number, d, &client, zone);
    for algorithm in [Algorithm::Rsa2048, Algorithm::Rsa1024, Algorithm::Ed25519] {
        let name = format!("{}._domainkey.{d}", algorithm.selector());
        zone.txt(&name, &keys.of(number, algorithm).record());
    }
    zone.txt(&format!("mta.{d}"), "v=spf1 a -all");
    zone.add(&format!("mta.{d}"), &format!("A {client}"));
    zone.txt(&format!("news.{d}"), &format!("v=spf1 ip4:{client} -all"));
    let strict = number % 12 == 5;
    let dmarc = number != 49;
    if dmarc {
        let policy = ["none", "quarantine", "reject"][number % 3];
        let alignment = if strict { "; adkim=s; aspf=s" } else { "" };
        zone.txt(
            &format!("_dmarc.{d}"),
            &format!("v=DMARC1; p={policy}{alignment}; rua=mailto:dmarc@{d}; fo=1"),
        );
    }
    Sender { domain, client, spf, dmarc, strict }
}

/// Publishes a record of the shape with this number; gives what it says of the client and of others.
fn publish_spf(number: usize, d: &str, client: &str, zone: &mut Text) -> [&'static str; 2] {
    let own = format!("ip4:{client} ip6:2001:db8:{number:x}::/48");
    match number {
        46 => {
            for n in 0..11 {
                zone.networks(&format!("i{n}.{d}"), n, 2, "-all");
            }
            let includes: Vec<String> = (0..11).map(|n| format!("include:i{n}.{d}")).collect();
            zone.txt(d, &format!("v=spf1 {} -all", includes.join(" ")));
            return ["permerror", "permerror"];
        }
        47 => {
            zone.txt(d, &format!("v=spf1 ipv4:{client} -all"));
            return ["permerror", "permerror"];
        }
        48 => {
            zone.txt(d, "some-verification=0123456789abcdef");
            return ["none", "none"];
        }
        _ => {}
    }
    match number % 10 {
        0 => {
            zone.networks(d, number, 12, &format!("{own} -all"));
            zone.txt(d, "site-verification=0123456789abcdef0123456789abcdef");
            ["pass", "fail"]
        }
        1 => {
            zone.txt(d, &format!("v=spf1 include:_spf.{d} ~all"));
            zone.txt(&format!("_spf.{d}"), &format!("v=spf1 include:_a.{d} include:_b.{d} ?all"));
            zone.networks(&format!("_a.{d}"), number, 14, "~all");
            zone.networks(&format!("_b.{d}"), number + 1, 14, &format!("{own} ~all"));
            ["pass", "softfail"]
        }
        2 => {
            zone.txt(d, &format!("v=spf1 redirect=_spf.{d}"));
            zone.networks(&format!("_spf.{d}"), number, 10, &format!("{own} -all"));
            ["pass", "fail"]
        }
        3 => {
            zone.txt(d, &format!("v=spf1 a:out.{d} a -all"));
            zone.add(&format!("out.{d}"), "A 192.0.2.1");
            zone.add(d, &format!("A {client}"));
            ["pass", "fail"]
        }
        4 => {
            zone.txt(d, "v=spf1 mx -all");
            zone.add(d, &format!("MX 10 mx1.{d}."));
            zone.add(d, &format!("MX 20 mx2.{d}."));
            zone.add(&format!("mx1.{d}"), "A 192.0.2.3");
            zone.add(&format!("mx2.{d}"), &format!("A {client}"));
            ["pass", "fail"]
        }
        5 => {
            zone.txt(d, &format!("v=spf1 ip4:192.0.2.128/25 exists:%{{ir}}.%{{v}}._allow.{d} ~all"));
            let mut octets: Vec<&str> = client.split('.').collect();
            octets.reverse();
            zone.add(&format!("{}.in-addr._allow.{d}", octets.join(".")), "A 127.0.0.2");
            ["pass", "softfail"]
        }
        6 => {
            zone.txt(d, &format!("v=spf1 exists:%{{l}}.%{{i}}._users.{d} -all"));
            for user in 0..crate::workload::USERS {
                zone.add(&format!("bounce-{user}.{client}._users.{d}"), "A 127.0.0.2");
            }
            ["pass", "fail"]
        }
        7 => {
            zone.txt(d, &format!("v=spf1 include:_spf.{d} -all"));
            zone.txt(&format!("_spf.{d}"), &format!("v=spf1 include:_l1.{d} -all"));
            zone.txt(&format!("_l1.{d}"), &format!("v=spf1 include:_l2.{d} -all"));
            zone.txt(&format!("_l2.{d}"), &format!("v=spf1 include:_l3.{d} -all"));
            zone.networks(&format!("_l3.{d}"), number, 8, &format!("{own} -all"));
            ["pass", "fail"]
        }
        8 => {
            zone.txt(d, &format!("v=spf1 mx a include:_one.{d} include:_two.{d} -all"));
            zone.add(d, &format!("MX 10 mx1.{d}."));
            zone.add(d, &format!("MX 20 mx2.{d}."));
            zone.add(&format!("mx1.{d}"), "A 192.0.2.4");
            zone.add(&format!("mx2.{d}"), "A 192.0.2.5");
            zone.add(d, "A 192.0.2.6");
            zone.txt(&format!("_one.{d}"), &format!("v=spf1 a:one.{d} include:_three.{d} -all"));
            zone.add(&format!("one.{d}"), "A 192.0.2.7");
            zone.networks(&format!("_three.{d}"), number, 5, "-all");
            zone.txt(&format!("_two.{d}"), &format!("v=spf1 mx:two.{d} -all"));
            zone.add(&format!("two.{d}"), &format!("MX 10 mx3.{d}."));
            zone.add(&format!("mx3.{d}"), &format!("A {client}"));
            ["pass", "fail"]
        }
        _ => {
            zone.txt(d, &format!("v=spf1 ip6:2001:db8:{number:x}::/48 {own} ?all"));
            ["pass", "neutral"]
        }
    }
}
