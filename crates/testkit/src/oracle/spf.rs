//! `check_host` as RFC 7208 tells it: text in, text out, one question after the other, nothing remembered or saved.

mod macros;
mod record;

use std::net::IpAddr;

use macros::{Piece, expand, pieces};
use record::{Mechanism, Record};

/// What the DNS says to a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// Records: addresses and names as text, the hosts of MX without their preference, texts put together.
    Records(Vec<String>),
    /// No such name, or nothing of that type there.
    Nothing,
    /// No answer that could be used.
    Trouble,
}

/// Who asks for what.
#[derive(Clone, Debug)]
pub struct Client {
    /// Its address; IPv4-mapped ones are IPv4.
    pub ip: IpAddr,
    /// `local@domain`: MAIL FROM, or postmaster at the name in HELO.
    pub sender: String,
    /// The name in HELO.
    pub helo: String,
    /// For `%{r}`.
    pub receiver: String,
}

/// A question as `TYPE name`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// One that the check can't do without.
    Question(String),
    /// Whether a name of the client leads back to it.
    IsClient(String),
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// The result's word.
    pub word: &'static str,
    /// What the domain's owner says to a fail.
    pub explanation: Option<String>,
    /// All questions, in order.
    pub asked: Vec<Asked>,
    /// Terms that looked something up before there was a result.
    pub lookups: u32,
    /// Whether the check, or the search for its explanation, ended for too many look-ups that gave nothing.
    pub too_many_voids: bool,
}

/// Checks the sender's domain. `dns` gets the type and the name, in lower case and without a dot at the end.
pub fn check(client: &Client, dns: impl Fn(&str, &str) -> Said) -> Checked {
    let (local, domain) = client.sender.rsplit_once('@').unwrap_or(("", &client.sender));
    let local = if local.is_empty() { "postmaster" } else { local };
    let ip = client.ip.to_canonical();
    let mut check = Check {
        client,
        ip,
        local,
        domain,
        dns: &dns,
        asked: Vec::new(),
        lookups: 0,
        voids: 0,
        too_many_voids: false,
    };
    let ended = check.check_host(domain);
    let lookups = check.lookups;
    let (word, explanation) = match ended {
        Err(word) => (word, None),
        Ok(Ended { word: "fail", exp: Some(exp), domain }) => ("fail", check.explanation(&exp, &domain)),
        Ok(Ended { word, .. }) => (word, None),
    };
    Checked { word, explanation, asked: check.asked, lookups, too_many_voids: check.too_many_voids }
}

/// How a record ended: the word, and where the explanation of that record stands.
struct Ended {
    word: &'static str,
    exp: Option<String>,
    domain: String,
}

/// The word of an error that ends it all.
type Stop = &'static str;

struct Check<'a> {
    client: &'a Client,
    ip: IpAddr,
    local: &'a str,
    domain: &'a str,
    dns: &'a dyn Fn(&str, &str) -> Said,
    asked: Vec<Asked>,
    lookups: u32,
    voids: u32,
    too_many_voids: bool,
}

impl Check<'_> {
    fn check_host(&mut self, domain: &str) -> Result<Ended, Stop> {
        let ended = |word| Ended { word, exp: None, domain: domain.to_owned() };
        // §4.3: a malformed domain, or one of a single label.
        if !is_name(domain) || !domain.contains('.') {
            return Ok(ended("none"));
        }
        // §4.4, §4.5.
        let texts = match self.ask("TXT", domain) {
            Said::Trouble => return Err("temperror"),
            Said::Nothing => return Ok(ended("none")),
            Said::Records(texts) => texts,
        };
        let texts: Vec<String> = texts.into_iter().filter(|text| record::is_record(text)).collect();
        let record = match &texts[..] {
            [] => return Ok(ended("none")),
            [text] => record::parse(text).ok_or("permerror")?,
            _ => return Err("permerror"),
        };
        // §4.6.2.
        for mechanism in &record.mechanisms {
            if self.matches(mechanism, domain)? {
                let word = match mechanism.qualifier {
                    '-' => "fail",
                    '~' => "softfail",
                    '?' => "neutral",
                    _ => "pass",
                };
                return Ok(Ended { exp: record.exp, ..ended(word) });
            }
        }
        self.redirect(&record, domain)
    }

    /// §6.1, and §4.7 where there is no redirect.
    fn redirect(&mut self, record: &Record, domain: &str) -> Result<Ended, Stop> {
        let has_all = record.mechanisms.iter().any(|mechanism| mechanism.name == "all");
        let Some(spec) = record.redirect.as_ref().filter(|_| !has_all) else {
            return Ok(Ended { word: "neutral", exp: None, domain: domain.to_owned() });
        };
        self.count()?;
        let target = self.target(spec, domain, &mut false)?.ok_or("permerror")?;
        match self.check_host(&target)? {
            Ended { word: "none", .. } => Err("permerror"),
            ended => Ok(ended),
        }
    }

    fn matches(&mut self, mechanism: &Mechanism, domain: &str) -> Result<bool, Stop> {
        let Mechanism { name, value, .. } = mechanism;
        match name.as_str() {
            "all" => return Ok(true),
            "ip4" | "ip6" => return Ok(self.is_in(value, mechanism)),
            _ => self.count()?,
        }
        // §4.6.4 counts terms that find nothing: each once, whatever number of questions it asks.
        let mut void = false;
        let target = match value.as_str() {
            "" => Some(domain.to_owned()),
            spec => self.target(spec, domain, &mut void)?,
        };
        match (name.as_str(), target) {
            // §5.2: an include of no record is an error; §4.8: a name that can't be asked for has nothing.
            ("include", None) => Err("permerror"),
            (_, None) => Ok(false),
            ("include", Some(target)) => match self.check_host(&target)?.word {
                "pass" => Ok(true),
                "none" => Err("permerror"),
                _ => Ok(false),
            },
            ("a", Some(target)) => self.is_at(&target, mechanism, &mut void),
            ("mx", Some(target)) => self.mx(&target, mechanism, &mut void),
            ("exists", Some(target)) => Ok(!self.look_up("A", &target, &mut void)?.is_empty()),
            (_, Some(target)) => {
                let names = self.validated_names(&mut void)?;
                Ok(names.iter().any(|name| is_below(name, &target)))
            }
        }
    }

    /// §5.4.
    fn mx(&mut self, target: &str, mechanism: &Mechanism, void: &mut bool) -> Result<bool, Stop> {
        let hosts = self.look_up("MX", target, void)?;
        if hosts.len() > 10 {
            return Err("permerror");
        }
        for host in hosts {
            // RFC 7505: "." is no host.
            if !host.is_empty() && self.is_at(&host, mechanism, void)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn is_at(&mut self, name: &str, mechanism: &Mechanism, void: &mut bool) -> Result<bool, Stop> {
        let addresses = self.look_up(self.address_type(), name, void)?;
        Ok(addresses.iter().any(|address| self.is_in(address, mechanism)))
    }

    /// §5.6: whether so many of the first bits are the same.
    fn is_in(&self, network: &str, mechanism: &Mechanism) -> bool {
        match (self.ip, network.parse()) {
            (IpAddr::V4(ip), Ok(IpAddr::V4(network))) => {
                let bits = |ip: std::net::Ipv4Addr| format!("{:032b}", ip.to_bits());
                bits(ip)[..mechanism.prefix4] == bits(network)[..mechanism.prefix4]
            }
            (IpAddr::V6(ip), Ok(IpAddr::V6(network))) => {
                let bits = |ip: std::net::Ipv6Addr| format!("{:0128b}", ip.to_bits());
                bits(ip)[..mechanism.prefix6] == bits(network)[..mechanism.prefix6]
            }
            _ => false,
        }
    }

    /// §5.5: all the names of the client that lead back to it; after an error none, or not that one.
    fn validated_names(&mut self, void: &mut bool) -> Result<Vec<String>, Stop> {
        let name = match self.ip {
            IpAddr::V4(_) => format!("{}.in-addr.arpa", reversed(&self.dotted_ip())),
            IpAddr::V6(_) => format!("{}.ip6.arpa", reversed(&self.dotted_ip())),
        };
        let names = match self.ask_and_count("PTR", &name, void)? {
            Said::Records(names) => names,
            Said::Nothing | Said::Trouble => Vec::new(),
        };
        let mut validated = Vec::new();
        for name in names.into_iter().take(10) {
            let said = self.ask_and_count(self.address_type(), &name, void);
            if let Some(Asked::Question(last)) = self.asked.pop() {
                self.asked.push(Asked::IsClient(last));
            }
            match said? {
                Said::Records(addresses)
                    if addresses.iter().any(|address| address.parse() == Ok(self.ip)) =>
                {
                    validated.push(name);
                }
                Said::Records(_) | Said::Nothing | Said::Trouble => {}
            }
        }
        Ok(validated)
    }

    /// §6.2: whatever goes wrong, there is no explanation.
    fn explanation(&mut self, exp: &str, domain: &str) -> Option<String> {
        let target = self.target(exp, domain, &mut false).ok()??;
        let Said::Records(texts) = self.ask("TXT", &target) else { return None };
        let [text] = &texts[..] else { return None };
        let pieces = pieces(text, true)?;
        let text = self.expand(&pieces, domain, &mut false).ok()?;
        let printable = |c: char| if (' '..='~').contains(&c) { c } else { '?' };
        // At most 512 characters are kept; an empty text is none.
        Some(text.chars().take(512).map(printable).collect::<String>()).filter(|text| !text.is_empty())
    }

    /// §4.8, §7.3: the name to ask for, where there is one.
    fn target(&mut self, spec: &str, domain: &str, void: &mut bool) -> Result<Option<String>, Stop> {
        let Some(pieces) = pieces(spec, false) else { return Ok(None) };
        let text = self.expand(&pieces, domain, void)?;
        let mut name = text.strip_suffix('.').unwrap_or(&text);
        while let Some((_, rest)) = name.split_once('.').filter(|_| name.len() > 253) {
            name = rest;
        }
        Ok(is_name(name).then(|| name.to_lowercase()))
    }

    fn expand(&mut self, pieces: &[Piece], domain: &str, void: &mut bool) -> Result<String, Stop> {
        let mut validated = String::new();
        // §4.6.4: the p macro is a term of its own.
        if pieces.iter().any(|piece| matches!(piece, Piece::Macro { letter: 'p' | 'P', .. })) {
            self.count()?;
            let names = self.validated_names(void)?;
            let own = names.iter().find(|name| *name == domain);
            let below = names.iter().find(|name| is_below(name, domain));
            validated = own.or(below).or(names.first()).map_or("unknown", String::as_str).to_owned();
        }
        let Client { helo, receiver, .. } = self.client;
        Ok(expand(pieces, |letter| match letter {
            's' => format!("{}@{}", self.local, self.domain),
            'l' => self.local.to_owned(),
            'o' => self.domain.to_owned(),
            'd' => domain.to_owned(),
            'i' => self.dotted_ip(),
            'p' => validated.clone(),
            'v' => if self.ip.is_ipv4() { "in-addr" } else { "ip6" }.to_owned(),
            'h' => helo.clone(),
            'c' => self.ip.to_string(),
            'r' => receiver.clone(),
            other => panic!("%{{{other}}} is not for these worlds"),
        }))
    }

    /// §7.3: dotted numbers, or dotted nibbles.
    fn dotted_ip(&self) -> String {
        match self.ip {
            IpAddr::V4(ip) => ip.to_string(),
            IpAddr::V6(ip) => {
                let digits = format!("{:032X}", ip.to_bits());
                digits.chars().map(String::from).collect::<Vec<_>>().join(".")
            }
        }
    }

    fn address_type(&self) -> &'static str {
        if self.ip.is_ipv4() { "A" } else { "AAAA" }
    }

    /// §4.6.4: ten terms.
    fn count(&mut self) -> Result<(), Stop> {
        if self.lookups == 10 {
            return Err("permerror");
        }
        self.lookups += 1;
        Ok(())
    }

    fn ask(&mut self, rtype: &str, name: &str) -> Said {
        let name = name.to_lowercase();
        self.asked.push(Asked::Question(format!("{rtype} {name}")));
        (self.dns)(rtype, &name)
    }

    /// §4.6.4: two terms that find nothing.
    fn ask_and_count(&mut self, rtype: &str, name: &str, void: &mut bool) -> Result<Said, Stop> {
        let said = self.ask(rtype, name);
        if said == Said::Nothing && !std::mem::replace(void, true) {
            self.voids += 1;
            if self.voids > 2 {
                self.too_many_voids = true;
                return Err("permerror");
            }
        }
        Ok(said)
    }

    /// §5: trouble is a temperror.
    fn look_up(&mut self, rtype: &str, name: &str, void: &mut bool) -> Result<Vec<String>, Stop> {
        match self.ask_and_count(rtype, name, void)? {
            Said::Records(records) => Ok(records),
            Said::Nothing => Ok(Vec::new()),
            Said::Trouble => Err("temperror"),
        }
    }
}

/// RFC 1035 §2.3.4, in printable characters.
fn is_name(name: &str) -> bool {
    let is_label = |label: &str| (1..=63).contains(&label.len());
    name.len() <= 253 && name.split('.').all(is_label) && name.chars().all(|c| (' '..='~').contains(&c))
}

fn is_below(name: &str, domain: &str) -> bool {
    name == domain || name.ends_with(&format!(".{domain}"))
}

fn reversed(dotted: &str) -> String {
    dotted.rsplit('.').collect::<Vec<_>>().join(".")
}
