//! The openspf.org suites and pyspf's extras, as they come with pyspf. Each test that is not run has its reason in an
//! exceptions file; a test that is excepted and would pass fails the run.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods
)]

mod ahead;

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use dns::{Answer, Data, Dns, Failure, Name, Question, RecordType, Reply, Zone};
use mail::{Domain, Helo, PathDomain, ReversePath, UnixTime};
use spf::{Check, Client, Limits, check_mail_from};
use yaml_rust2::{Yaml, YamlLoader};

/// The zone of a scenario. A record that stands there twice is two records here, which no real zone has.
struct World {
    zone: Zone,
    repeated: HashMap<Question, Vec<Data>>,
}

impl Dns for World {
    async fn ask(&self, question: &Question) -> Answer {
        match self.repeated.get(question) {
            Some(records) => Answer::new(Reply::from_records(records.clone())),
            None => self.zone.answer(question),
        }
    }
}

fn suite(file: &str) -> Option<Vec<Yaml>> {
    let default = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/suites");
    let folder = std::env::var_os("MAILWARD_SUITES").map_or_else(default, PathBuf::from);
    let path = folder.join("spf-rfc7208").join(file);
    match std::fs::read_to_string(&path) {
        Ok(text) => Some(YamlLoader::load_from_str(&text).unwrap()),
        Err(error) => {
            eprintln!("THE SUITE {file} DID NOT RUN: {}: {error}", path.display());
            assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "the suite has to run here");
            None
        }
    }
}

/// The suites write bytes as `"\x80"`, which YAML reads as the character of that number.
fn bytes(text: &str) -> Vec<u8> {
    text.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or_else(|_| panic!("{c:?} is no byte"))).collect()
}

fn name(text: &str) -> Name {
    Name::from_dotted(bytes(text)).unwrap()
}

fn scalar(yaml: &Yaml) -> String {
    match yaml {
        Yaml::String(text) => text.clone(),
        Yaml::Integer(number) => number.to_string(),
        Yaml::Real(number) => number.clone(),
        other => panic!("{other:?} is no scalar"),
    }
}

/// The strings of a text.
fn text(yaml: &Yaml) -> Data {
    let strings: Vec<Box<[u8]>> = match yaml {
        Yaml::Array(strings) => strings.iter().map(|s| bytes(&scalar(s)).into_boxed_slice()).collect(),
        one => vec![bytes(&scalar(one)).into_boxed_slice()],
    };
    Data::Txt(strings.into())
}

fn world(zonedata: &Yaml) -> World {
    let mut world = World { zone: Zone::new(), repeated: HashMap::new() };
    for (owner, items) in zonedata.as_hash().unwrap() {
        let owner = name(&scalar(owner));
        let mut sets: BTreeMap<RecordType, Vec<Data>> = BTreeMap::new();
        let (mut spf_type, mut has_txt, mut time_out) = (Vec::new(), false, false);
        for item in items.as_vec().unwrap() {
            if let Yaml::String(word) = item {
                assert_eq!(word, "TIMEOUT");
                time_out = true;
                continue;
            }
            let (kind, value) = item.as_hash().unwrap().front().unwrap();
            match kind.as_str().unwrap() {
                "SPF" => spf_type.push(text(value)),
                "TXT" => {
                    has_txt = true;
                    // `TXT: NONE`: there is none, and none is to be made out of the SPF records.
                    if value.as_str() != Some("NONE") {
                        sets.entry(RecordType::Txt).or_default().push(text(value));
                    }
                }
                "A" => sets
                    .entry(RecordType::A)
                    .or_default()
                    .push(Data::A(value.as_str().unwrap().parse().unwrap())),
                "AAAA" => sets
                    .entry(RecordType::Aaaa)
                    .or_default()
                    .push(Data::Aaaa(value.as_str().unwrap().parse().unwrap())),
                "MX" => {
                    let preference = u16::try_from(value[0].as_i64().unwrap()).unwrap();
                    let exchange = name(&scalar(&value[1]));
                    sets.entry(RecordType::Mx).or_default().push(Data::Mx { preference, exchange });
                }
                "PTR" => {
                    sets.entry(RecordType::Ptr).or_default().push(Data::Ptr(name(value.as_str().unwrap())))
                }
                "CNAME" => {
                    world.zone.alias(owner.clone(), 60, name(value.as_str().unwrap()));
                }
                other => panic!("{other}"),
            }
        }
        // The head of the suite: SPF records stand for TXT records, unless the name has some of its own.
        if !has_txt && !spf_type.is_empty() {
            sets.insert(RecordType::Txt, spf_type);
        }
        if time_out {
            for rtype in RecordType::ALL.into_iter().filter(|t| !sets.contains_key(t)) {
                world.zone.fail(owner.clone(), rtype, Failure::TimeOut);
            }
        }
        for (rtype, set) in sets {
            for data in &set {
                world.zone.add(owner.clone(), 60, data.clone());
            }
            if (1..set.len()).any(|i| set[..i].contains(&set[i])) {
                world.repeated.insert(Question::new(owner.clone(), rtype), set);
            }
        }
    }
    world
}

/// The suites give the <sender> of RFC 7208 §4.1, which is past the syntax of SMTP: `Macro Error@…` has no quotes.
fn sender(text: &str) -> ReversePath {
    let Some((local, domain)) = text.rsplit_once('@') else {
        assert_eq!(text, "");
        return ReversePath::Null;
    };
    let domain = match Domain::parse(domain) {
        _ if domain.starts_with('[') => PathDomain::Literal,
        Ok(name) => PathDomain::Name(name),
        Err(_) => PathDomain::Malformed,
    };
    ReversePath::Mailbox { local: bytes(local), domain }
}

fn run(world: &World, test: &Yaml) -> Check {
    let helo = Helo::parse(&bytes(&scalar(&test["helo"])));
    let client = Client {
        ip: scalar(&test["host"]).parse().unwrap(),
        helo: &helo,
        receiver: test["receiver"].as_str().unwrap_or("unknown"),
        now: UnixTime(1_700_000_000),
    };
    let path = sender(&scalar(&test["mailfrom"]));
    let limits = Limits::default();
    let check = pollster::block_on(check_mail_from(world, &client, &path, &limits, None));
    ahead::same(&check, world, &client, &path, &limits);
    check
}

/// The outcome that the suite wants: the first where it allows several.
fn wanted(test: &Yaml) -> String {
    match &test["result"] {
        Yaml::Array(results) => scalar(&results[0]),
        one => scalar(one),
    }
}

/// What is wrong with the result of a test.
fn complaint(check: &Check, want: &str, test: &Yaml) -> Option<String> {
    let got = check.outcome().as_str();
    if want != got {
        return Some(format!("{got}, not {want}: {}", check.reason()));
    }
    let explanation = check.explanation().map_or("DEFAULT", |e| e.text());
    match test["explanation"].as_str() {
        Some(want) if want != explanation => Some(format!("explains {explanation:?}, not {want:?}")),
        _ => None,
    }
}

/// Runs a suite; the number of its tests. An exception is a table named like the test, with the `result` that is right
/// here and the `reason`.
fn check(file: &str, exceptions: &str) -> Option<usize> {
    let exceptions: toml::Table = exceptions.parse().unwrap();
    let (mut count, mut used, mut complaints) = (0, 0, Vec::new());
    for scenario in suite(file)? {
        let world = world(&scenario["zonedata"]);
        for (id, test) in scenario["tests"].as_hash().unwrap() {
            let id = id.as_str().unwrap();
            count += 1;
            let (result, want) = (run(&world, test), wanted(test));
            let complaint = match exceptions.get(id) {
                None => complaint(&result, &want, test),
                Some(exception) => {
                    used += 1;
                    assert!(exception["reason"].as_str().unwrap().starts_with("RFC 7208 §"), "{id}");
                    let ours = exception["result"].as_str().unwrap();
                    let stale = || format!("excepted, but the result is {want}");
                    complaint(&result, ours, test).or_else(|| (ours == want).then(stale))
                }
            };
            complaints.extend(complaint.map(|c| format!("{id}: {c}")));
        }
    }
    assert!(complaints.is_empty(), "{file}:\n{}", complaints.join("\n"));
    assert_eq!(used, exceptions.len(), "an exception names a test that there is not");
    Some(count)
}

#[test]
fn spf_01_rfc7208_suite() {
    assert!(check("rfc7208-tests.yml", "").is_none_or(|count| count == 203));
}

#[test]
fn rfc4408_suite_with_exceptions() {
    let exceptions = include_str!("exceptions/rfc4408.toml");
    assert!(check("rfc4408-tests.yml", exceptions).is_none_or(|count| count == 191));
}

#[test]
fn pyspf_extras() {
    let exceptions = include_str!("exceptions/pyspf.toml");
    assert!(check("test.yml", exceptions).is_none_or(|count| count == 16));
}
