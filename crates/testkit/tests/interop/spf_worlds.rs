//! Little worlds of SPF records, made at random: every mechanism and modifier, includes, redirects, macros, names that
//! do not exist, servers that fail, and syntax that is wrong.

use std::fmt::Write;

use dns::{Data, Failure, Name, Zone};
use serde_json::{Map, Value, json};

use crate::random::Random;

/// A client and what it says.
pub(crate) struct Client {
    pub(crate) ip: &'static str,
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
const V4: &[&str] = &["203.0.113.66", "203.0.113.67", "192.0.2.1", "192.0.2.130", "198.51.100.7"];
const V6: &[&str] = &["2001:db8::66", "2001:db8::67", "2001:db8:1::1"];
const LOCALS: &[&str] = &["user", "a-b.c", "first+tag", "UPPER", "x_y"];
const WRONG_CIDRS: &[&str] = &["/33", "//129", "/024", "/", "/24/24", "/-1"];
const CIDRS: &[&str] = &["", "", "", "/24", "/32", "/0", "//64", "/25//127", "//0"];

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
        for domain in DOMAINS {
            if random.one_in(10) && *domain != "a.example" {
                continue;
            }
            let record = record(random);
            world.txt(domain, &record);
            if random.one_in(15) {
                world.txt(domain, random.pick(&["v=spf1 -all", "v=spf10 +all", "other", "V=SPF1 ?all"]));
            }
            if random.one_in(3) {
                let host = random.pick(HOSTS);
                world.mx(domain, host);
            }
            if random.one_in(3) {
                world.addresses(domain, random);
            }
        }
        for host in &HOSTS[..3] {
            world.addresses(host, random);
            if random.one_in(3) {
                let exchange = random.pick(HOSTS);
                world.mx(host, exchange);
            }
        }
        if random.one_in(6) {
            for number in 0..9 + random.below(4) {
                world.mx("many.example", &format!("m{number}.example"));
            }
        }
        world.alias("alias.example", random.pick(&["h1.example", "nx.example", "a.example", "bad.example"]));
        if random.one_in(2) {
            world.fail("bad.example");
        }
        for (ip, reverse) in [
            ("203.0.113.66", "66.113.0.203.in-addr.arpa"),
            ("192.0.2.1", "1.2.0.192.in-addr.arpa"),
            ("2001:db8::66", "6.6.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"),
        ] {
            for _ in 0..random.below(3) {
                let host = random.pick(HOSTS);
                world.ptr(reverse, host);
            }
            if random.one_in(5) && !ip.contains(':') {
                // What `exists:%{i}.%{d}` asks for.
                world.address(&format!("{ip}.a.example"), "127.0.0.2");
            }
        }
        for local in LOCALS {
            if random.one_in(4) {
                world.address(&format!("{}._l.example", local.to_lowercase()), "127.0.0.2");
            }
        }
        for _ in 0..3 {
            let sender = format!("{}@{}", random.pick(LOCALS), random.pick(&DOMAINS[..3]));
            let helo = random.pick(&["h1.example", "mail.a.example", "b.example"]);
            world.clients.push(Client { ip: random.pick(IPS), sender, helo });
        }
        world
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
        if random.one_in(2) {
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

/// A name to look up; mostly one of the world.
fn target(random: &mut Random) -> String {
    match random.below(36) {
        0..=14 => random.pick(HOSTS).to_owned(),
        15..=25 => random.pick(DOMAINS).to_owned(),
        26..=28 => "many.example".to_owned(),
        29..=32 => random
            .pick(&[
                "%{i}.%{d}",
                "%{l}._l.example",
                "%{l1r+}._l.example",
                "%{o}",
                "%{h}",
                "h1.%{d1}",
                "%{ir}.%{v}.arpa",
                "%{d2}",
            ])
            .to_owned(),
        33..=34 => random
            .pick(&["%{p}", "%{p2}", "%{s}", "%{L}._l.example", "%{d}.", "a%%b.example", "%{dr}.example"])
            .to_owned(),
        _ => random
            .pick(&[
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
            ])
            .to_owned(),
    }
}

fn term(random: &mut Random) -> String {
    let qualifier = random.pick(&["", "", "", "-", "~", "?", "+"]);
    let cidr = if random.one_in(40) { random.pick(WRONG_CIDRS) } else { random.pick(CIDRS) };
    let v4 = random.pick(V4);
    let v6 = random.pick(V6);
    let name = target(random);
    match random.below(70) {
        0..=12 => format!("{qualifier}include:{name}"),
        13..=15 => format!("{qualifier}a{cidr}"),
        16..=25 => format!("{qualifier}a:{name}{cidr}"),
        26..=28 => format!("{qualifier}mx{cidr}"),
        29..=36 => format!("{qualifier}mx:{name}{cidr}"),
        37..=39 => format!("{qualifier}ptr"),
        40..=42 => format!("{qualifier}ptr:{name}"),
        43..=48 => format!("{qualifier}exists:{name}"),
        49..=54 => format!("{qualifier}ip4:{v4}{}", if random.one_in(2) { "/24" } else { cidr }),
        55..=57 => {
            format!("{qualifier}ip6:{v6}{}", random.pick(&["", "/64", "/128", "/0", "/0", "/48", "/129"]))
        }
        58..=62 => format!("redirect={name}"),
        63..=64 => format!("exp={name}"),
        65..=66 => random.pick(&["x-mod=%{d}", "unknown=", "x=%{z}", "moo.1=a"]).to_owned(),
        67..=68 => format!("{qualifier}all"),
        _ => random
            .pick(&[
                "ip4:1.2.3",
                "ip4:01.2.3.4",
                "bogus",
                "all:x",
                "include:",
                "a:",
                "exists",
                "ip6:::g",
                "A:H1.EXAMPLE",
                "-ALL",
                "redirect=",
                "all.",
                "a,",
                "ip4",
                "1.2.3.4",
                "=x",
                "mx:/24",
                "ptr/24",
                "+-all",
            ])
            .to_owned(),
    }
}

fn record(random: &mut Random) -> String {
    let mut record = random.pick(&["v=spf1", "v=spf1", "v=spf1", "v=spf1", "V=SPF1", "v=spf1 "]).to_owned();
    for _ in 0..random.below(6) {
        record += " ";
        record += &term(random);
    }
    match random.below(4) {
        0 => {}
        1 => record += " -all",
        2 => record += " ~all",
        _ => record += " ?all",
    }
    record
}
