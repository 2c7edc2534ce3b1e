//! SPF in worlds made at random, judged here and by pyspf: what differs is known by name.

use std::collections::BTreeMap;

use mail::{Helo, ReversePath, UnixTime};
use serde_json::Value;

use crate::peers::pyspf;
use crate::random::Random;
use crate::spf_worlds::{Client, World};

const WORLDS: usize = 2000;

fn ours(world: &World, client: &Client) -> spf::Check {
    let helo = Helo::parse(client.helo.as_bytes());
    let path = ReversePath::parse(client.sender.as_bytes(), false);
    let ip = client.ip.parse().unwrap();
    let client = spf::Client { ip, helo: &helo, receiver: "mx.receiver.test", now: UnixTime(1_700_000_000) };
    pollster::block_on(spf::check_mail_from(&world.zone, &client, &path, &spf::Limits::default()))
}

/// Why pyspf comes to something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Difference {
    /// pyspf counts every question that comes back empty, RFC 7208 §4.6.4 the terms: an `mx` whose hosts have no address of
    /// the client's family is one, and so is a `ptr`.
    VoidQuestions,
    /// RFC 7208 §5.5: a failure of the look-ups of `ptr` is no match, and one for `%{p}` makes it `unknown` (§7.3); pyspf
    /// makes a temperror of it, even for terms behind the one that matches.
    FailureBehindPtr,
    /// pyspf refuses an include of the record's own domain when it reads the record; RFC 7208 has no such rule, so terms
    /// before it may match, and only where it is reached does the limit of look-ups end the check.
    IncludeOfItself,
    /// RFC 7208 §7.3: zero parts of a macro are a syntax error; pyspf keeps all of them.
    ZeroParts,
    /// RFC 7208 §6 forbids only `redirect` and `exp` to appear twice; pyspf every modifier.
    RepeatedModifier,
}

const DIFFERENCES: [Difference; 5] = [
    Difference::VoidQuestions,
    Difference::FailureBehindPtr,
    Difference::IncludeOfItself,
    Difference::ZeroParts,
    Difference::RepeatedModifier,
];

fn class(ours: &spf::Check, theirs: &str, complaint: &str) -> Option<Difference> {
    let error = ours.outcome() == spf::Outcome::PermError;
    let asks_ptr = |text: &str| text.contains("ptr") || text.contains("%{p");
    if matches!(ours.reason(), spf::Reason::Syntax { error, .. } if error.message.contains("zero parts")) {
        return Some(Difference::ZeroParts);
    }
    match theirs {
        "permerror" if error => None,
        "permerror" if complaint.contains("Void lookup limit") => Some(Difference::VoidQuestions),
        "permerror" if complaint.contains("trivial recursion") => Some(Difference::IncludeOfItself),
        "permerror" if complaint.contains("x-mod= MUST appear at most once") => {
            Some(Difference::RepeatedModifier)
        }
        "temperror" if complaint.contains("SERVFAIL") && records(ours).any(|text| asks_ptr(&text)) => {
            Some(Difference::FailureBehindPtr)
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

#[test]
fn spf_as_pyspf_has_it() {
    let mut random = Random::new(99);
    let worlds: Vec<World> = (0..WORLDS).map(|_| World::new(&mut random)).collect();
    let json = Value::Array(worlds.iter().map(World::to_json).collect());
    let Some(said) = pyspf(&json) else { return };
    let cases = worlds.iter().flat_map(|world| world.clients.iter().map(move |client| (world, client)));
    let mut words: BTreeMap<&str, u32> = BTreeMap::new();
    let mut classes: BTreeMap<Difference, u32> = BTreeMap::new();
    let mut unknown = Vec::new();
    for ((world, client), (theirs, complaint)) in cases.zip(&said) {
        let check = ours(world, client);
        let word = check.outcome().as_str();
        *words.entry(word).or_default() += 1;
        if word == theirs {
            continue;
        }
        match class(&check, theirs, complaint) {
            Some(class) => *classes.entry(class).or_default() += 1,
            None => unknown.push(format!(
                "{} {}: we say {word} ({}), pyspf {theirs} ({complaint})\n{}",
                client.ip,
                client.sender,
                check.reason(),
                world.text
            )),
        }
    }
    println!("{} evaluations, here: {words:?}; known differences: {classes:?}", said.len());
    assert!(words.len() >= 6 && words.values().all(|count| *count > 10), "every word comes up: {words:?}");
    let stale = DIFFERENCES.iter().find(|class| !classes.contains_key(class));
    assert_eq!(stale, None, "a difference that does not come up");
    assert!(unknown.is_empty(), "{} unknown differences:\n{}", unknown.len(), unknown.join("\n"));
}
