//! The limits, on both sides, and what the worst chain within them costs.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::disallowed_methods)]

use std::time::{Duration, Instant};

use arc::{Chain, Check, MAX_KEYS, MAX_SETS, Outcome, Reason};
use dkim::{BodyHasher, Keys, Policy};
use dns::{Data, Name, Zone};
use mail::UnixTime;
use testkit::sealer::Sealer;
use testkit::signer::TestKey;

const NOW: UnixTime = UnixTime(1_780_272_000);
const MESSAGE: &[u8] = b"From: <a@victim.example>\r\nSubject: hello\r\n\r\nbody\r\n";

/// A chain whose signatures take turns with so many keys, as long h= as they say, and the zone of its keys.
fn chain(sets: u8, keys: u32, names: usize) -> (Vec<u8>, Zone) {
    let mut zone = Zone::new();
    let mut message = MESSAGE.to_vec();
    for number in 1..=u32::from(sets) {
        let [sealer, signer] = [0, 1].map(|other| format!("s{}.example", (2 * number + other) % keys));
        for domain in [&sealer, &signer] {
            let name = Name::from_dotted(format!("arc._domainkey.{domain}")).unwrap();
            zone.add(name, 300, Data::txt(TestKey::ed25519(7).record()));
        }
        let seal = Sealer::new(number, &sealer, "arc", &TestKey::ed25519(7)).signer(&signer);
        message = seal.signed(&vec!["from"; names].join(":")).seal(&message);
    }
    (message, zone)
}

fn check(message: &[u8], zone: &Zone) -> (Keys, Check) {
    let (header, body) = mail::header::split(message);
    let chain = Chain::read(&header, &Policy::default(), NOW);
    let mut hasher = BodyHasher::new(chain.forms());
    hasher.update(body);
    let keys = pollster::block_on(chain.keys(zone, None));
    let check = chain.check(&header, &keys, &hasher.finish());
    (keys, check)
}

#[test]
fn arc_03_fifty_sets_and_twenty_keys() {
    let most = u32::try_from(MAX_KEYS).unwrap();
    let (message, zone) = chain(MAX_SETS, most, 2);
    let (keys, found) = check(&message, &zone);
    assert_eq!(
        (keys.iter().count(), found.outcome(), found.oldest_pass()),
        (MAX_KEYS, Outcome::Pass, Some(0))
    );
    // A key more, and nobody is asked.
    let (many, all) = chain(MAX_SETS, most + 1, 2);
    let (keys, found) = check(&many, &all);
    assert_eq!((keys.iter().count(), found.outcome(), found.reason()), (0, Outcome::Fail, &Reason::ManyKeys));
    // One set more: the test sealer writes i=51.
    let more = Sealer::new(51, "s1.example", "arc", &TestKey::ed25519(7)).seal(&message);
    let (keys, found) = check(&more, &zone);
    assert_eq!((keys.iter().count(), found.outcome()), (0, Outcome::Fail));
    // There are no more than fifty numbers, so one more field of a kind has one that is taken.
    let text = [b"ARC-Seal: i=1; cv=none\r\n".as_slice(), &message].concat();
    let (keys, found) = check(&text, &zone);
    assert_eq!(keys.iter().count(), 0);
    assert!(matches!(found.reason(), Reason::Duplicate { .. }), "{}", found.reason());
}

#[test]
fn arc_03_the_worst_chain_takes_no_long_time() {
    let (message, zone) = chain(MAX_SETS, 20, 800);
    let start = Instant::now();
    let (_, found) = check(&message, &zone);
    assert_eq!(found.outcome(), Outcome::Pass, "{}", found.reason());
    // A tenth of this in a build for use.
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}

#[test]
fn nothing_is_asked_for_a_message_without_a_chain() {
    let (keys, found) = check(MESSAGE, &Zone::new());
    assert_eq!((keys.iter().count(), found.outcome(), found.steps().len()), (0, Outcome::None, 1));
    assert!(found.hops().is_empty() && found.oldest_pass().is_none() && found.sealers().next().is_none());
}
