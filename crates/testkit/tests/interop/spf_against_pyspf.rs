//! SPF in worlds made at random, judged here and by pyspf: what differs is known by name.

use std::collections::BTreeMap;

use mail::{Helo, ReversePath, UnixTime};
use serde_json::Value;

use crate::peers::pyspf;
use crate::random::Random;
use crate::spf_worlds::{Client, World};

const WORLDS: usize = 400;

fn ours(world: &World, client: &Client) -> spf::Check {
    let helo = Helo::parse(client.helo.as_bytes());
    let path = ReversePath::parse(client.sender.as_bytes(), false);
    let ip = client.ip.parse().unwrap();
    let client = spf::Client { ip, helo: &helo, receiver: "mx.receiver.test", now: UnixTime(1_700_000_000) };
    pollster::block_on(spf::check_mail_from(&world.zone, &client, &path, &spf::Limits::default()))
}

/// Why pyspf comes to something else, by its word and complaint and by our check.
fn class(_ours: &spf::Check, _theirs: &str, _complaint: &str) -> Option<&'static str> {
    None
}

#[test]
fn spf_as_pyspf_has_it() {
    let mut random = Random::new(7208);
    let worlds: Vec<World> = (0..WORLDS).map(|_| World::new(&mut random)).collect();
    let json = Value::Array(worlds.iter().map(World::to_json).collect());
    let Some(said) = pyspf(&json) else { return };
    let cases = worlds.iter().flat_map(|world| world.clients.iter().map(move |client| (world, client)));
    let mut words: BTreeMap<&str, u32> = BTreeMap::new();
    let mut classes: BTreeMap<&str, u32> = BTreeMap::new();
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
    assert!(unknown.is_empty(), "{} unknown differences:\n{}", unknown.len(), unknown.join("\n"));
}
