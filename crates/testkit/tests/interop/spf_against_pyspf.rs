//! SPF in worlds made at random, judged here, by pyspf and by the oracle: what differs is known by name.

use std::collections::BTreeMap;
use std::sync::Mutex;

use dns::{Answer, Data, Dns, Name, Question, Reply, Zone};
use mail::{Helo, ReversePath, UnixTime};
use serde_json::Value;
use testkit::how_many;
use testkit::oracle::spf::{self as oracle, Asked, Said};

use crate::differences::{Tally, check_page};
use crate::peers::pyspf;
use crate::random::Random;
use crate::spf_worlds::{Client, World};

const WORLDS: usize = 10_000;
const RECEIVER: &str = "mx.receiver.test";
/// What pyspf says of a fail for which the owner has no words.
const UNEXPLAINED: &str = "SPF fail - not authorized";

fn ours(dns: &impl Dns, client: &Client) -> spf::Check {
    let helo = Helo::parse(client.helo.as_bytes());
    let ip = client.ip.parse().unwrap();
    let asker = spf::Client { ip, helo: &helo, receiver: RECEIVER, now: UnixTime(1_700_000_000) };
    let limits = spf::Limits::default();
    if client.sender.is_empty() {
        return pollster::block_on(spf::check_helo(dns, &asker, &limits, None));
    }
    let path = ReversePath::parse(client.sender.as_bytes(), false);
    pollster::block_on(spf::check_mail_from(dns, &asker, &path, &limits, None))
}

/// Why pyspf comes to something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Pyspf {
    /// pyspf counts every question that comes back empty, RFC 7208 §4.6.4 the terms: an `mx` whose hosts have no address of
    /// the client's family is one, and so is a `ptr`.
    VoidQuestions,
    /// RFC 7208 §5.5: a failure of the look-ups of `ptr` is no match, and one for `%{p}` makes it `unknown` (§7.3); pyspf
    /// makes a temperror of it, even for terms behind the one that matches, and leaves an explanation with `%{p}` out.
    FailureBehindPtr,
    /// pyspf refuses an include of the record's own domain when it reads the record; RFC 7208 has no such rule, so terms
    /// before it may match, and only where it is reached does the limit of look-ups end the check.
    IncludeOfItself,
    /// RFC 7208 §7.3: zero parts of a macro are a syntax error; pyspf keeps all but the first.
    ZeroParts,
    /// RFC 7208 §6 forbids only `redirect` and `exp` to appear twice; pyspf every modifier.
    RepeatedModifier,
    /// pyspf counts a `redirect` as a look-up when it reads the record, RFC 7208 §4.6.4 when it is followed: one behind a
    /// match, or beside `all`, is not.
    UnusedRedirect,
    /// RFC 7208 §6.2: an explanation with an error in its macros is none; pyspf takes a macro without its `}` for text.
    OpenMacro,
    /// RFC 7208 §4.6.4 counts `%{p}` like the terms that look something up, each time; pyspf finds the name once and counts
    /// nothing but its void look-ups.
    UncountedName,
}

const PYSPF: &[Pyspf] = &[
    Pyspf::VoidQuestions,
    Pyspf::FailureBehindPtr,
    Pyspf::IncludeOfItself,
    Pyspf::ZeroParts,
    Pyspf::RepeatedModifier,
    Pyspf::UnusedRedirect,
    Pyspf::OpenMacro,
    Pyspf::UncountedName,
];

fn class(world: &World, ours: &spf::Check, theirs: &str, text: &str) -> Option<Pyspf> {
    let error = ours.outcome() == spf::Outcome::PermError;
    let asks_ptr = |text: &str| text.contains("ptr") || text.contains("%{p");
    if matches!(ours.reason(), spf::Reason::Syntax { error, .. } if error.message.contains("zero parts")) {
        return Some(Pyspf::ZeroParts);
    }
    let skipped = |step: &spf::Step| matches!(step, spf::Step::Unanswered(_, _, false));
    let too_much =
        |step: &spf::Step| matches!(step, spf::Step::NotExplained(_, spf::NoExplanation::Limit(_)));
    let uses_name = || records(ours).any(|text| text.contains("%{p"));
    match theirs {
        "permerror" if error => None,
        _ if matches!(ours.reason(), spf::Reason::Limit { .. }) && uses_name() => Some(Pyspf::UncountedName),
        "fail"
            if text == UNEXPLAINED
                && explanation_source(world, ours).is_some_and(|text| text.contains("%{p")) =>
        {
            let failed = ours.steps().iter().any(skipped);
            Some(if failed { Pyspf::FailureBehindPtr } else { Pyspf::VoidQuestions })
        }
        "permerror"
            if text.contains("Too many DNS lookups")
                && records(ours).any(|text| text.contains("redirect=")) =>
        {
            Some(Pyspf::UnusedRedirect)
        }
        "fail" if uses_name() && ours.steps().iter().any(too_much) => Some(Pyspf::UncountedName),
        "fail" => match explanation_error(ours)? {
            spf::MacroErrorKind::Open | spf::MacroErrorKind::Transformer => Some(Pyspf::OpenMacro),
            spf::MacroErrorKind::ZeroParts => Some(Pyspf::ZeroParts),
            _ => None,
        },
        "permerror" if text.contains("Void lookup limit") => Some(Pyspf::VoidQuestions),
        "permerror" if text.contains("trivial recursion") => Some(Pyspf::IncludeOfItself),
        "permerror"
            if ["x-mod=", "unknown=", "moo.1="]
                .iter()
                .any(|name| text.contains(&format!("{name} MUST appear at most once"))) =>
        {
            Some(Pyspf::RepeatedModifier)
        }
        "temperror" if text.contains("SERVFAIL") && records(ours).any(|text| asks_ptr(&text)) => {
            Some(Pyspf::FailureBehindPtr)
        }
        _ => None,
    }
}

/// The records that a check has read.
fn records(check: &spf::Check) -> impl Iterator<Item = String> {
    check.steps().iter().filter_map(|step| match step {
        spf::Step::Record(record) | spf::Step::Invalid(spf::Place { record, .. }) => {
            Some(String::from_utf8_lossy(&record.text).into_owned())
        }
        _ => None,
    })
}

/// What a domain's owner says to a fail, as pyspf has it.
fn explanation(check: &spf::Check) -> &str {
    let text = check.explanation().map_or(UNEXPLAINED, spf::Explanation::text);
    if check.outcome() == spf::Outcome::Fail { text } else { "" }
}

/// The text that an explanation was made from.
fn explanation_source(world: &World, check: &spf::Check) -> Option<String> {
    let name = check.steps().iter().find_map(|step| match step {
        spf::Step::Explained(_, name) => Some(dotted(name)),
        _ => None,
    })?;
    match answer(&world.zone, "TXT", &name) {
        Said::Records(texts) => texts.into_iter().next(),
        Said::Nothing | Said::Trouble => None,
    }
}

/// What is wrong with the text that an explanation would have been made from.
fn explanation_error(check: &spf::Check) -> Option<spf::MacroErrorKind> {
    check.steps().iter().find_map(|step| match step {
        spf::Step::NotExplained(_, spf::NoExplanation::Syntax(error)) => Some(error.kind),
        _ => None,
    })
}

fn told(world: &World, client: &Client, check: &spf::Check, theirs: &str) -> String {
    let (word, reason) = (check.outcome().as_str(), check.reason());
    let said = explanation(check);
    let Client { ip, sender, helo } = client;
    format!("{ip} <{sender}> {helo}: here {word} ({reason}) {said:?}, there {theirs}\n{}", world.text)
}

#[test]
fn spf_as_pyspf_has_it() {
    let mut random = Random::new(99);
    let count = how_many(WORLDS);
    let worlds: Vec<World> = (0..count).map(|_| World::new(&mut random)).collect();
    let json: Vec<Value> = worlds.iter().map(World::to_json).collect();
    let Some(said) = pyspf(&json) else { return };
    let cases = worlds.iter().flat_map(|world| world.clients.iter().map(move |client| (world, client)));
    let mut words: BTreeMap<&str, usize> = BTreeMap::new();
    let mut explained = 0;
    let mut tally = Tally::new();
    for ((world, client), (theirs, text)) in cases.zip(&said) {
        let check = ours(&world.zone, client);
        let word = check.outcome().as_str();
        *words.entry(word).or_default() += 1;
        explained += usize::from(check.explanation().is_some());
        let same_words = theirs != "fail" || text == explanation(&check);
        if word != theirs || !same_words {
            let told = || told(world, client, &check, &format!("{theirs} {text:?}"));
            tally.count(class(world, &check, theirs, text), told);
        }
    }
    println!("{count} worlds, {} checks, here: {words:?}, {explained} explained", said.len());
    assert!(words.len() == 7 && words.values().all(|some| *some > said.len() / 100), "{words:?}");
    assert!(words["permerror"] * 5 <= said.len(), "too many worlds end in an error: {words:?}");
    assert!(explained > said.len() / 100, "explanations hardly come up: {explained}");
    tally.check("pyspf", PYSPF, count >= WORLDS);
}

#[test]
fn the_page_names_what_differs_from_pyspf_and_the_oracle() {
    check_page("pyspf", PYSPF);
    check_page("The oracle", ORACLE);
}

/// What the zone says to the oracle.
fn answer(zone: &Zone, rtype: &str, name: &str) -> Said {
    let Ok(name) = Name::from_dotted(name) else { return Said::Nothing };
    match zone.answer(&Question::new(name, rtype.parse().unwrap())).reply {
        Reply::Records(records) => Said::Records(records.iter().map(text).collect()),
        Reply::NoData | Reply::NoSuchName => Said::Nothing,
        Reply::ServerFailure | Reply::TimeOut | Reply::Bogus => Said::Trouble,
    }
}

/// A name with nothing escaped.
fn dotted(name: &Name) -> String {
    testkit::oracle::canon::to_text(&name.labels().collect::<Vec<_>>().join(&b'.'))
}

fn text(data: &Data) -> String {
    match data {
        Data::A(ip) => ip.to_string(),
        Data::Aaaa(ip) => ip.to_string(),
        Data::Mx { exchange, .. } => dotted(exchange),
        Data::Ptr(name) => dotted(name),
        Data::Txt(strings) => testkit::oracle::canon::to_text(&strings.concat()),
        other => panic!("{other:?} is not asked for"),
    }
}

/// A zone that remembers what it was asked.
struct Watched<'a>(&'a Zone, Mutex<Vec<String>>);

impl Dns for Watched<'_> {
    async fn ask(&self, question: &Question) -> Answer {
        self.1.lock().unwrap().push(format!("{} {}", question.rtype, dotted(&question.name)));
        self.0.answer(question)
    }
}

/// Why the oracle comes to something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Oracle {
    /// RFC 7208 §5.5 validates all names of the client and then looks which of them fit. We do not ask for names that do not
    /// fit, so such a name can't be the one void look-up too many.
    VoidNameNotAsked,
}

const ORACLE: &[Oracle] = &[Oracle::VoidNameNotAsked];

#[test]
fn spf_as_the_oracle_has_it() {
    let mut random = Random::new(7208);
    let count = how_many(WORLDS);
    let mut tally = Tally::new();
    for world in (0..count).map(|_| World::new(&mut random)) {
        for client in
            world.clients.iter().filter(|client| Helo::parse(client.helo.as_bytes()).name().is_some())
        {
            let sender = match client.sender.as_str() {
                "" => format!("postmaster@{}", client.helo),
                sender => sender.to_owned(),
            };
            let ip = client.ip.parse().unwrap();
            let asker = oracle::Client { ip, sender, helo: client.helo.into(), receiver: RECEIVER.into() };
            let theirs = oracle::check(&asker, |rtype, name| answer(&world.zone, rtype, name));
            let dns = Watched(&world.zone, Mutex::default());
            let check = ours(&dns, client);
            let asked = dns.1.into_inner().unwrap();
            let told = || told(&world, client, &check, &format!("{theirs:?}, asked here: {asked:?}"));
            let same = check.outcome().as_str() == theirs.word
                && check.explanation().map(spf::Explanation::text) == theirs.explanation.as_deref()
                && u32::from(check.lookups()) == theirs.lookups;
            if !(same && fits(&asked, &theirs.asked)) {
                let class = theirs.too_many_voids && parts_at_client_names(&asked, &theirs.asked);
                tally.count(class.then_some(Oracle::VoidNameNotAsked), told);
            }
        }
    }
    tally.check("The oracle", ORACLE, count >= WORLDS);
}

/// Whether questions are the same, but for the names of the client, some of which are asked for in any order.
fn fits(ours: &[String], theirs: &[Asked]) -> bool {
    let name = |asked: &Asked| match asked {
        Asked::IsClient(name) => Some(name.clone()),
        Asked::Question(_) => None,
    };
    match theirs {
        [] => ours.is_empty(),
        [Asked::Question(question), theirs @ ..] => {
            ours.split_first().is_some_and(|(first, ours)| first == question && fits(ours, theirs))
        }
        _ => {
            let names: Vec<String> = theirs.iter().map_while(name).collect();
            let known = |ours: &[String]| ours.iter().all(|question| names.contains(question));
            let mut counts = 0..=names.len().min(ours.len());
            counts.any(|count| known(&ours[..count]) && fits(&ours[count..], &theirs[names.len()..]))
        }
    }
}

/// Whether all questions are the same up to the first name of the client.
fn parts_at_client_names(ours: &[String], theirs: &[Asked]) -> bool {
    let is = |ours: &String, theirs: &Asked| matches!(theirs, Asked::Question(question) if question == ours);
    let same = ours.iter().zip(theirs).take_while(|(ours, theirs)| is(ours, theirs)).count();
    matches!(theirs.get(same), Some(Asked::IsClient(_)))
}
