//! Any bytes, and chains that were damaged in any way: no panic, the same for every cut, and never a pass that nobody made.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use arc::{Chain, Check, Outcome, TrustedSealers, consider};
use dkim::BodyHasher;
use dns::{Data, Name, Zone};
use mail::{Domain, Explain, Splitter, UnixTime};
use proptest::prelude::*;
use testkit::sealer::Sealer;
use testkit::signer::TestKey;

const NOW: UnixTime = UnixTime(1_780_272_000);
const MESSAGE: &[u8] =
    b"From: <a@victim.example>\r\nTo: <b@example.test>\r\nSubject: hello\r\n\r\nbody \r\n\r\n";

fn zone() -> Zone {
    let mut zone = Zone::new();
    let name = Name::from_dotted("arc._domainkey.sealer.example").unwrap();
    zone.add(name, 300, Data::txt(TestKey::ed25519(7).record()));
    zone
}

fn check(message: &[u8], chunk: usize) -> Check {
    let mut splitter = Splitter::default();
    let mut rest = message.chunks(chunk.max(1));
    let mut body = Vec::new();
    while !splitter.in_body() {
        let Some(chunk) = rest.next() else { break };
        body = splitter.push(chunk).to_vec();
    }
    let header = splitter.into_header();
    let chain = Chain::read(&header, &dkim::Policy::default(), NOW);
    let mut hasher = BodyHasher::new(chain.forms());
    hasher.update(&body);
    rest.for_each(|chunk| hasher.update(chunk));
    let keys = pollster::block_on(chain.keys(&zone(), None));
    let check = chain.check(&header, &keys, &hasher.finish());
    for step in check.steps() {
        assert!(!step.to_string().chars().any(char::is_control));
        assert!(!step.section().0.is_empty());
        step.quote();
    }
    let trusted: TrustedSealers = [Domain::parse("sealer.example").unwrap()].into_iter().collect();
    consider(&check, mail::author(&header).ok().as_ref().map(mail::Author::domain), &trusted);
    check
}

fn sealed(sets: u32) -> Vec<u8> {
    (1..=sets).fold(MESSAGE.to_vec(), |message, number| {
        Sealer::new(number, "sealer.example", "arc", &TestKey::ed25519(7))
            .results(" mx.example; dmarc=pass header.from=victim.example")
            .seal(&message)
    })
}

fn fragment() -> impl Strategy<Value = Vec<u8>> {
    let words = [
        "ARC-Seal: ",
        "ARC-Message-Signature: ",
        "ARC-Authentication-Results: ",
        "i=1; ",
        "i=2; ",
        "i=51;",
        "cv=none; ",
        "cv=pass; ",
        "cv=fail; ",
        "a=ed25519-sha256; ",
        "d=sealer.example; ",
        "s=arc; ",
        "h=from; ",
        "bh=QUJD; ",
        "b=QUJD",
        "; ",
        "\r\n",
        "\r\n ",
        "(",
        ")",
        "\\",
        "=",
        " mx.example; dmarc=pass header.from=victim.example",
        "From: <a@victim.example>\r\n",
        "\r\n\r\n",
    ];
    prop_oneof![
        8 => proptest::sample::select(words.to_vec()).prop_map(|word| word.as_bytes().to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 0..4),
    ]
}

proptest! {
    #[test]
    fn arc_16_fragments_of_chains(parts in proptest::collection::vec(fragment(), 0..60), chunk in 1_usize..40) {
        let message = parts.concat();
        let whole = check(&message, message.len());
        prop_assert_ne!(whole.outcome(), Outcome::Pass);
        prop_assert_eq!(whole, check(&message, chunk));
    }

    #[test]
    fn arc_16_damaged_chains(sets in 1_u32..4, at in any::<prop::sample::Index>(), with in proptest::collection::vec(any::<u8>(), 0..3), cut in 0_usize..3, chunk in 1_usize..90) {
        let message = sealed(sets);
        let at = at.index(message.len());
        let end = (at + cut).min(message.len());
        let damaged = [&message[..at], &with, &message[end..]].concat();
        let whole = check(&damaged, damaged.len());
        prop_assert_eq!(&whole, &check(&damaged, chunk));
        if whole.outcome() == Outcome::Pass {
            // What nobody notices: white space and case of names, an end of the body without text, the padding of the
            // newest b=. Nothing that a reader sees.
            let lines = |m: &[u8]| String::from_utf8_lossy(m).to_ascii_lowercase().replace('=', "").split_whitespace().collect::<String>();
            prop_assert_eq!(lines(&damaged), lines(&message));
        }
    }
}

#[test]
fn the_chains_of_these_tests_are_good() {
    for sets in 1..4 {
        assert_eq!(check(&sealed(sets), 7).outcome(), Outcome::Pass);
    }
}
