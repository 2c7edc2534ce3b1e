//! Chains that dkimpy seals are verified here, and it verifies those sealed here; also those that both had a hand in.

use arc::{Chain, Check, OnFailure, Outcome, Sealer, Sealing};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use dkim::{BodyHasher, FieldList, Policy, Selector, SigningKey};
use dns::{Data, Name, Zone};
use mail::authres::{AuthenticationResults, AuthservId};
use mail::{Domain, UnixTime};
use serde_json::{Value, json};
use testkit::real::{not_run, python};
use testkit::signer::TestKey;

use crate::messages::{Shape, bodies, headers};
use crate::served::SIGNED;

const OURS: &str = "ours.example";
const THEIRS: &str = "theirs.example";

/// Runs dkimpy: what is to be sealed, and what to be verified.
fn dkimpy(seal: &[Vec<u8>], verify: &[Vec<u8>]) -> Option<(Vec<Vec<u8>>, Vec<String>)> {
    let base64 = |all: &[Vec<u8>]| all.iter().map(|message| STANDARD.encode(message)).collect::<Vec<_>>();
    let key = TestKey::rsa(2048);
    let work = json!({
        "time": SIGNED, "id": "mx.theirs.example", "domain": THEIRS, "selector": "arc", "pem": key.private_pem(),
        "keys": { format!("arc._domainkey.{OURS}"): key.record(), format!("arc._domainkey.{THEIRS}"): key.record() },
        "seal": base64(seal), "verify": base64(verify),
    });
    let Some(said) = python(include_str!("peers/dkimpy_arc.py"), work.to_string().as_bytes()) else {
        not_run("the comparison with dkimpy's ARC", "there is no Python");
        return None;
    };
    let said: Value = serde_json::from_slice(&said).unwrap();
    let texts = |key: &str| {
        said[key].as_array().unwrap().iter().map(|t| t.as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    Some((texts("sealed").iter().map(|text| STANDARD.decode(text).unwrap()).collect(), texts("verified")))
}

fn check(message: &[u8]) -> Check {
    let mut zone = Zone::new();
    for domain in [OURS, THEIRS] {
        let name = Name::from_dotted(format!("arc._domainkey.{domain}")).unwrap();
        zone.add(name, 300, Data::txt(TestKey::rsa(2048).record()));
    }
    let (header, body) = mail::header::split(message);
    let chain = Chain::read(&header, &Policy::default(), UnixTime(SIGNED));
    let mut hasher = BodyHasher::new(chain.forms());
    hasher.update(body);
    let keys = pollster::block_on(chain.keys(&zone, None));
    chain.check(&header, &keys, &hasher.finish())
}

fn seal(message: &[u8]) -> Vec<u8> {
    let key = SigningKey::parse(&TestKey::rsa(2048).private_pkcs8()).unwrap();
    let selector = Selector::parse("arc").unwrap();
    let sealer = Sealer::new(Domain::parse(OURS).unwrap(), selector, key, FieldList::default()).unwrap();
    let id = AuthservId::parse("mx.ours.example").unwrap();
    let results = AuthenticationResults { id, results: Vec::new() };
    let (header, body) = mail::header::split(message);
    let now = UnixTime(SIGNED);
    let sealing =
        Sealing::new(&header, &check(message), &results, &sealer, OnFailure::LeaveAlone, now).unwrap();
    let mut hasher = sealing.body();
    hasher.update(body);
    let set = sealing.finish(&header, &hasher.finish()).unwrap();
    [set.to_string().as_bytes(), message].concat()
}

fn messages() -> Vec<Vec<u8>> {
    let shapes: Vec<Shape> = headers().into_iter().chain(bodies()).collect();
    // dkimpy writes its own fields only where it can read those that are there as text.
    shapes
        .into_iter()
        .filter(|s| !["control characters", "bytes that are no UTF-8"].contains(&s.name))
        .map(|s| s.message)
        .collect()
}

/// Both say that all of these pass, and neither says so of them with a letter changed.
fn both_agree(messages: &[Vec<u8>]) {
    let damaged: Vec<Vec<u8>> = messages.iter().flat_map(|message| damage(message)).collect();
    let all = [messages, &damaged].concat();
    let Some((_, said)) = dkimpy(&[], &all) else { return };
    for (at, (message, said)) in all.iter().zip(&said).enumerate() {
        let check = check(message);
        let expected = if at < messages.len() { Outcome::Pass } else { Outcome::Fail };
        let told = || format!("{}\n{}", check.reason(), String::from_utf8_lossy(message));
        assert_eq!(check.outcome(), expected, "{}", told());
        assert_eq!(said, expected.as_str(), "dkimpy; we say {}", told());
    }
    println!("dkimpy: {} chains pass, {} damaged ones do not", messages.len(), damaged.len());
}

/// One letter of each kind of field that the newest set covers, changed.
fn damage(message: &[u8]) -> Vec<Vec<u8>> {
    let changes = [
        ("author@", "buthor@"),
        ("arc=", "arx="),
        ("bh=", "bh=A"),
        ("cv=", "cv=x"),
        ("mx.", "mz."),
        ("\r\n\r\n", "\r\n\r\nx"),
    ];
    changes
        .iter()
        .filter_map(|(old, new)| {
            let at = message.windows(old.len()).position(|w| w == old.as_bytes())?;
            Some([&message[..at], new.as_bytes(), &message[at + old.len()..]].concat())
        })
        .collect()
}

#[test]
fn dkimpys_chains_pass_and_ours_pass_there() {
    let messages = messages();
    let Some((theirs, _)) = dkimpy(&messages, &[]) else { return };
    both_agree(&theirs);
    let ours: Vec<Vec<u8>> = messages.iter().map(|message| seal(message)).collect();
    both_agree(&ours);
}

#[test]
fn chains_that_both_had_a_hand_in() {
    let mut chains = messages();
    for round in 0..5 {
        chains = if round % 2 == 0 {
            chains.iter().map(|chain| seal(chain)).collect()
        } else {
            let Some((sealed, _)) = dkimpy(&chains, &[]) else { return };
            sealed
        };
        for chain in &chains {
            assert_eq!(check(chain).hops().len(), round + 1);
        }
    }
    both_agree(&chains);
}
