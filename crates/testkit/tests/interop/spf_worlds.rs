//! Little worlds of SPF records, made at random: every mechanism and modifier, includes, redirects, macros, explanations,
//! names that do not exist, servers that fail, and in every fourth world syntax that is wrong.

use std::fmt::Write;

use dns::{Data, Failure, Name, Zone};
use serde_json::{Map, Value, json};

use crate::random::Random;

/// A client and what it says.
pub(crate) struct Client {
    pub(crate) ip: &'static str,
    /// Empty where the name in HELO is to be checked.
    pub(crate) sender: String,
    pub(crate) helo: &'static str,
}

/// A world, in both forms.
pub(crate) struct World {
    pub(crate) zone: Zone,
    /// For pyspf: types and values by name.
    nodes: Map<String, Value>,
    pub(crate) clients: Vec<Client>,
    /// For people.
    pub(crate) text: String,
}

const IPS: &[&str] = &["203.0.113.66", "192.0.2.1", "198.51.100.7", "2001:db8::66", "::ffff:192.0.2.1"];
const DOMAINS: &[&str] = &["a.example", "b.example", "c.example", "d.example", "e.example", "sub.a.example"];
const HOSTS: &[&str] =
    &["h1.example", "h2.example", "h3.a.example", "nx.example", "bad.example", "alias.example"];
const HELOS: &[&str] = &[
    "a.example",
    "b.example",
    "e.example",
    "sub.a.example",
    "h1.example",
    "mail.a.example",
    "bad.example",
    "localhost",
    "[192.0.2.1]",
];
const V4: &[&str] = &["203.0.113.66", "203.0.113.67", "192.0.2.1", "192.0.2.130", "198.51.100.7"];
const V6: &[&str] = &["2001:db8::66", "2001:db8::67", "2001:db8:1::1"];
const LOCALS: &[&str] = &["user", "a-b.c", "first+tag", "UPPER", "x_y"];
const WRONG_CIDRS: &[&str] = &["/33", "//129", "/024", "/", "/24/24", "/-1"];
const CIDRS: &[&str] = &["", "", "", "/24", "/32", "/0", "//64", "/25//127", "//0"];
/// Explanations. `%{t}` is left out: pyspf asks its clock.
const WORDS: &[&str] = &[
    "%{i} may not send as %{d}",
    "see http://why.example/?s=%{S}&i=%{I}&h=%{H}&r=%{R}",
    "%{c} told %{r} that it is %{h}, for %{o}",
    "%{l1r-} %{v}%_%%%-. %{ir} %{s}",
    "%{p} is not ours",
    "no %{x} of ours",
    "100%",
    "no end of %{d",
    "",
];

impl World {
    pub(crate) fn to_json(&self) -> Value {
        let clients: Vec<Value> =
            self.clients.iter().map(|c| json!({ "ip": c.ip, "sender": c.sender, "helo": c.helo })).collect();
        json!({ "zone": self.nodes, "clients": clients })
    }

    /// A world of a few domains and hosts, and a few clients.
    pub(crate) fn new(random: &mut Random) -> Self {
        let mut world =
            Self { zone: Zone::new(), nodes: Map::new(), clients: Vec::new(), text: String::new() };
        world.domains(random);
        world.hosts(random);
        for at in 0..4 {
            let sender = match at {
                0 => String::new(),
                _ => format!("{}@{}", random.pick(LOCALS), random.pick(&DOMAINS[..3])),
            };
            world.clients.push(Client { ip: random.pick(IPS), sender, helo: random.pick(HELOS) });
        }
        world
    }

    fn domains(&mut self, random: &mut Random) {
        let sound = !random.one_in(4);
        for (at, domain) in DOMAINS.iter().enumerate() {
            if random.one_in(16) && at > 0 {
                continue;
            }
            let record = Records { sound, own: at }.record(random);
            self.txt(domain, &record);
            if random.one_in(20) {
                self.txt(
                    domain,
                    random.pick(&["v=spf1 -all", "v=spf10 +all", "other", "other", "V=SPF1 ?all"]),
                );
            }
            if random.one_in(2) {
                let host = random.pick(HOSTS);
                self.mx(domain, host);
            }
            if random.one_in(2) {
                self.addresses(domain, random);
            }
        }
        for _ in 0..[0, 1, 1, 1, 1, 2][random.below(6)] {
            self.txt("why.example", random.pick(WORDS));
        }
        self.txt("a.example.why.example", WORDS[0]);
    }

    fn hosts(&mut self, random: &mut Random) {
        for host in &HOSTS[..3] {
            self.addresses(host, random);
            if random.one_in(2) {
                let exchange = random.pick(HOSTS);
                self.mx(host, exchange);
            }
        }
        if random.one_in(6) {
            for number in 0..9 + random.below(4) {
                self.mx("many.example", &format!("m{number}.example"));
            }
        }
        self.alias("alias.example", random.pick(&["h1.example", "nx.example", "a.example", "bad.example"]));
        if random.one_in(2) {
            self.fail("bad.example");
        }
        for (ip, reverse) in [
            ("203.0.113.66", "66.113.0.203.in-addr.arpa"),
            ("192.0.2.1", "1.2.0.192.in-addr.arpa"),
            ("2001:db8::66", "6.6.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"),
        ] {
            for _ in 0..random.below(4) {
                let names = if random.one_in(3) { DOMAINS } else { HOSTS };
                let host = random.pick(names);
                self.ptr(reverse, host);
                // Mostly a true name.
                if !random.one_in(3) && !["nx.example", "bad.example", "alias.example"].contains(&host) {
                    self.address(host, ip);
                }
            }
            if random.one_in(3) && !ip.contains(':') {
                // What `exists:%{i}.%{d}` asks for.
                self.address(&format!("{ip}.a.example"), "127.0.0.2");
            }
        }
        for local in LOCALS {
            if random.one_in(3) {
                self.address(&format!("{}._l.example", local.to_lowercase()), "127.0.0.2");
            }
        }
    }

    fn node(&mut self, name: &str) -> &mut Map<String, Value> {
        self.nodes.entry(name).or_insert_with(|| json!({})).as_object_mut().unwrap()
    }

    fn add(&mut self, name: &str, data: Data, value: Value) {
        let rtype = data.record_type().as_str();
        writeln!(self.text, "{name} {rtype} {data}").unwrap();
        self.zone.add(Name::from_dotted(name).unwrap(), 60, data);
        let values = self.node(name).entry(rtype).or_insert_with(|| json!([])).as_array_mut().unwrap();
        if !values.contains(&value) {
            values.push(value);
        }
    }

    fn txt(&mut self, name: &str, text: &str) {
        let data = Data::txt(text);
        self.add(name, data, json!([text]));
    }

    fn mx(&mut self, name: &str, exchange: &str) {
        let data = Data::Mx { preference: 10, exchange: Name::from_dotted(exchange).unwrap() };
        self.add(name, data, json!([10, exchange]));
    }

    fn ptr(&mut self, name: &str, target: &str) {
        self.add(name, Data::Ptr(Name::from_dotted(target).unwrap()), json!(target));
    }

    fn address(&mut self, name: &str, ip: &str) {
        let data = match ip.parse().unwrap() {
            std::net::IpAddr::V4(ip) => Data::A(ip),
            std::net::IpAddr::V6(ip) => Data::Aaaa(ip),
        };
        self.add(name, data, json!(ip));
    }

    fn addresses(&mut self, name: &str, random: &mut Random) {
        for _ in 0..random.below(3) {
            let ip = random.pick(V4);
            self.address(name, ip);
        }
        if !random.one_in(3) {
            let ip = random.pick(V6);
            self.address(name, ip);
        }
    }

    fn alias(&mut self, name: &str, target: &str) {
        writeln!(self.text, "{name} CNAME {target}").unwrap();
        self.zone.alias(Name::from_dotted(name).unwrap(), 60, Name::from_dotted(target).unwrap());
        self.node(name).insert("CNAME".to_owned(), json!([target]));
    }

    fn fail(&mut self, name: &str) {
        writeln!(self.text, ";! servfail {name}").unwrap();
        self.zone.fail(Name::from_dotted(name).unwrap(), None, Failure::ServerFailure);
        self.node(name).insert("fault".to_owned(), json!("SERVFAIL"));
    }
}

/// What the records of a world are like.
struct Records {
    /// Without an error.
    sound: bool,
    /// Whose record it is, as an index of [`DOMAINS`].
    own: usize,
}

impl Records {
    fn wrong(&self, random: &mut Random, times: usize) -> bool {
        !self.sound && random.one_in(times)
    }

    /// A name to look up; mostly one of the world.
    fn target(&self, random: &mut Random) -> String {
        if self.wrong(random, 30) {
            let wrong: &[&str] = &[
                "example",
                "%{x}.example",
                "%{d",
                "a..example",
                "%",
                "h1.example.",
                "%{d0}",
                "%{c}.example",
                "-.1",
                "a.example/24",
            ];
            return random.pick(wrong).to_owned();
        }
        match random.below(36) {
            0..=11 => random.pick(&HOSTS[..3]).to_owned(),
            12..=14 => random.pick(HOSTS).to_owned(),
            15..=27 => random.pick(DOMAINS).to_owned(),
            28 => "many.example".to_owned(),
            29..=33 => random
                .pick(&[
                    "%{i}.%{d}",
                    "%{l}._l.example",
                    "%{l1r+}._l.example",
                    "%{o}",
                    "%{h}",
                    "h1.%{d1}",
                    "%{ir}.%{v}.arpa",
                    "%{d2}",
                    "%{d1}",
                ])
                .to_owned(),
            _ => random
                .pick(&["%{p}", "%{p2}", "%{s}", "%{L}._l.example", "%{d}.", "a%%b.example", "%{dr}.example"])
                .to_owned(),
        }
    }

    /// A domain that has a record, mostly one whose record does not lead back here.
    fn domain(&self, random: &mut Random) -> String {
        let later = &DOMAINS[self.own + 1..];
        if later.is_empty() || random.one_in(12) {
            self.target(random)
        } else {
            random.pick(later).to_owned()
        }
    }

    fn term(&self, random: &mut Random) -> String {
        let qualifier = random.pick(&["", "", "", "-", "~", "?", "+"]);
        let cidr = if self.wrong(random, 40) { random.pick(WRONG_CIDRS) } else { random.pick(CIDRS) };
        let v4 = random.pick(V4);
        let v6 = random.pick(V6);
        let name = self.target(random);
        if self.wrong(random, 40) {
            return self.wrong_term(random);
        }
        match random.below(66) {
            0..=12 => format!("{qualifier}include:{}", self.domain(random)),
            13..=15 => format!("{qualifier}a{cidr}"),
            16..=24 => format!("{qualifier}a:{name}{cidr}"),
            25..=27 => format!("{qualifier}mx{cidr}"),
            28..=34 => format!("{qualifier}mx:{name}{cidr}"),
            35..=37 => format!("{qualifier}ptr"),
            38..=40 => format!("{qualifier}ptr:{name}"),
            41..=46 => format!("{qualifier}exists:{name}"),
            47..=53 => format!("{qualifier}ip4:{v4}{}", if random.one_in(2) { "/24" } else { cidr }),
            54..=56 => format!("{qualifier}ip6:{v6}{}", random.pick(&["", "/64", "/128", "/0", "/0", "/48"])),
            57..=61 => format!("redirect={}", self.domain(random)),
            62 => format!("exp={}", self.target(random)),
            63 => random.pick(&["x-mod=%{d}", "unknown=", "moo.1=a"]).to_owned(),
            _ => format!("{qualifier}all"),
        }
    }

    fn wrong_term(&self, random: &mut Random) -> String {
        random
            .pick(&[
                "ip4:1.2.3",
                "ip4:01.2.3.4",
                "ip6:2001:db8::1/129",
                "bogus",
                "all:x",
                "include:",
                "a:",
                "exists",
                "ip6:::g",
                "A:H1.EXAMPLE",
                "-ALL",
                "redirect=",
                "exp=%{z}.example",
                "all.",
                "a,",
                "ip4",
                "1.2.3.4",
                "=x",
                "x=%{z}",
                "x-mod=1 x-mod=2",
                "mx:/24",
                "ptr/24",
                "+-all",
            ])
            .to_owned()
    }

    fn record(&self, random: &mut Random) -> String {
        let mut record =
            random.pick(&["v=spf1", "v=spf1", "v=spf1", "v=spf1", "V=SPF1", "v=spf1 "]).to_owned();
        let mut terms: Vec<String> = Vec::new();
        for _ in 0..random.below(5) {
            let term = self.term(random);
            // A modifier twice is an error.
            let modifier = term.split_once('=').map(|(name, _)| format!("{name}="));
            let twice = |name: String| terms.iter().any(|term| term.starts_with(&name));
            if !(self.sound && modifier.is_some_and(twice)) {
                terms.push(term);
            }
        }
        if random.one_in(60) {
            // The name of the client, again and again.
            terms.resize_with(6, || format!("?exists:{}.%{{p}}", random.pick(&["x", "y"])));
        }
        if random.one_in(3) && !terms.iter().any(|term| term.starts_with("exp=")) {
            terms.push(format!(
                "exp={}",
                random.pick(&["why.example", "why.example", "%{d}.why.example", "nx.example"])
            ));
        }
        for term in terms {
            record += " ";
            record += &term;
        }
        match random.below(4) {
            0 => {}
            1 | 2 => record += " -all",
            _ => record += random.pick(&[" ~all", " ?all"]),
        }
        record
    }
}
