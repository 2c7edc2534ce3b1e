//! What the tests of this crate share: a small suffix list, a world in memory, results in one line.

use std::collections::BTreeMap;
use std::future::{Future, ready};
use std::sync::Mutex;

use dns::{Answer, Data, Dns, Name, Question, RecordType, Reply, Zone};
use mail::{Domain, Suffix, SuffixList, SuffixSection};

use crate::evaluate::{Check, Evidence, weigh};
use crate::reason::Mechanism;
use crate::{Method, Options, discover};

pub(crate) fn domain(text: &str) -> Domain {
    Domain::parse(text).unwrap()
}

pub(crate) fn domains(text: &str) -> Vec<Domain> {
    text.split_whitespace().map(domain).collect()
}

/// A list in the syntax of publicsuffix.org, with `(private)` behind rules of the second section.
#[derive(Debug)]
pub(crate) struct List(pub(crate) Vec<&'static str>);

impl List {
    pub(crate) fn usual() -> Self {
        Self(vec![
            "com",
            "uk",
            "co.uk",
            "gov.uk",
            "jp",
            "*.kawasaki.jp",
            "!city.kawasaki.jp",
            "io",
            "github.io (private)",
        ])
    }
}

impl SuffixList for List {
    fn suffix(&self, domain: &Domain) -> Suffix {
        let labels: Vec<_> = domain.labels().rev().collect();
        let mut best = Suffix { labels: 1, section: None };
        for rule in &self.0 {
            let (rule, section) = match rule.strip_suffix(" (private)") {
                Some(rule) => (rule, SuffixSection::Private),
                None => (*rule, SuffixSection::Icann),
            };
            let exception = rule.starts_with('!');
            let wanted: Vec<_> = rule.trim_start_matches('!').split('.').rev().collect();
            let fits = wanted.len() <= labels.len()
                && wanted.iter().zip(&labels).all(|(want, label)| *want == "*" || want == label);
            if fits && exception {
                return Suffix { labels: wanted.len() - 1, section: Some(section) };
            }
            if fits && (best.section.is_none() || wanted.len() > best.labels) {
                best = Suffix { labels: wanted.len(), section: Some(section) };
            }
        }
        best
    }
}

/// Remembers what it was asked.
pub(crate) struct Watched<D> {
    dns: D,
    asked: Mutex<Vec<String>>,
}

impl<D: Dns> Watched<D> {
    pub(crate) fn new(dns: D) -> Self {
        Self { dns, asked: Mutex::default() }
    }

    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

impl<D: Dns> Dns for Watched<D> {
    fn ask(&self, question: &Question) -> impl Future<Output = Answer> + Send {
        self.asked.lock().unwrap().push(question.to_string());
        self.dns.ask(question)
    }
}

/// Replies by question; whatever is not there does not exist.
#[derive(Clone, Debug, Default)]
pub(crate) struct World(pub(crate) BTreeMap<Question, Reply>);

impl World {
    pub(crate) fn set(&mut self, at: &Domain, reply: Reply) {
        self.0.insert(Question::new(Name::from(at), RecordType::Txt), reply);
    }

    pub(crate) fn get(&self, question: &Question) -> Reply {
        self.0.get(question).cloned().unwrap_or(Reply::NoSuchName)
    }
}

impl Dns for World {
    fn ask(&self, question: &Question) -> impl Future<Output = Answer> + Send {
        ready(Answer::new(self.get(question)))
    }
}

pub(crate) fn texts(texts: &[&str]) -> Reply {
    Reply::from_records(texts.iter().map(Data::txt).collect::<Vec<_>>())
}

/// A zone whose lines may be indented.
pub(crate) fn zone(text: &str) -> Zone {
    Zone::parse(text.lines().map(str::trim_start).collect::<Vec<_>>().join("\n")).unwrap()
}

/// Evidence as `spf=a.example dkim=b.example dkim?=c.example`; with `?` a DNS error kept the result.
pub(crate) fn evidence(text: &str) -> Vec<(Mechanism, Domain, bool)> {
    let read = |word: &str| {
        let (name, at) = word.split_once('=').unwrap();
        let mechanism = if name.starts_with("spf") { Mechanism::Spf } else { Mechanism::Dkim };
        (mechanism, domain(at), !name.ends_with('?'))
    };
    text.split_whitespace().map(read).collect()
}

pub(crate) fn run_with<D: Dns>(
    dns: &D,
    author: &str,
    pieces: &[(Mechanism, Domain, bool)],
    suffixes: &dyn SuffixList,
    method: Method,
) -> Check {
    let identifiers: Vec<_> = pieces.iter().map(|(_, domain, _)| domain.clone()).collect();
    let options = Options { suffixes, method, memo: None };
    let discovery = pollster::block_on(discover(dns, &domain(author), &identifiers, &options));
    let pieces = pieces.iter().map(|(mechanism, domain, passed)| Evidence {
        mechanism: *mechanism,
        domain,
        passed: *passed,
    });
    weigh(&discovery, pieces)
}

pub(crate) fn run<D: Dns>(dns: &D, author: &str, pieces: &str) -> Check {
    run_with(dns, author, &evidence(pieces), &List::usual(), Method::TreeWalk)
}

/// `pass by dkim`, `fail example.com sp=reject, asks quarantine`, `temperror`.
pub(crate) fn show(check: &Check) -> String {
    let mut out = check.outcome().to_string();
    if let Some(by) = check.aligned_by() {
        out += &format!(" by {}", by.as_str());
    }
    if check.outcome().as_str() == "fail" {
        let applied = check.applied().unwrap();
        let (policy, tag) = applied.policy.unwrap();
        out += &format!(" {} {}={policy}", applied.domain, tag.map_or("-", |tag| tag.as_str()));
        if check.disposition() != policy {
            out += &format!(", asks {}", check.disposition());
        }
    }
    out
}
