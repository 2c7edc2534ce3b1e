//! When a local policy may override: every condition alone missing, and none.
#![allow(clippy::unwrap_used)]

use arc::{Chain, Check, Decision, TrustedSealers, consider};
use dkim::{BodyHasher, Policy};
use dns::{Data, Name, Zone};
use mail::{Domain, UnixTime};
use testkit::sealer::Sealer;
use testkit::signer::TestKey;

const NOW: UnixTime = UnixTime(1_780_272_000);
const MESSAGE: &str = "From: <a@victim.example>\r\nSubject: hello\r\n\r\nbody\r\n";
const PASS: &str = " mx.example; dmarc=pass header.from=victim.example";

fn set(number: u32, domain: &str, results: &str) -> Sealer {
    Sealer::new(number, domain, "arc", &TestKey::ed25519(7)).results(results)
}

fn check_chain(message: &[u8]) -> Check {
    let mut zone = Zone::new();
    for domain in ["forwarder.example", "list.example", "attacker.example"] {
        let name = Name::from_dotted(format!("arc._domainkey.{domain}")).unwrap();
        zone.add(name, 300, Data::txt(TestKey::ed25519(7).record()));
    }
    let (header, body) = mail::header::split(message);
    let chain = Chain::read(&header, &Policy::default(), NOW);
    let mut hasher = BodyHasher::new(chain.forms());
    hasher.update(body);
    let keys = pollster::block_on(chain.keys(&zone, None));
    chain.check(&header, &keys, &hasher.finish())
}

fn decide(message: &[u8], author: Option<&str>, trusted: &[&str]) -> String {
    let trusted: TrustedSealers = trusted.iter().map(|name| Domain::parse(name).unwrap()).collect();
    let author = author.map(|name| Domain::parse(name).unwrap());
    match consider(&check_chain(message), author.as_ref(), &trusted) {
        Decision::Override(grounds) => {
            format!("{} {} {}", grounds.instance(), grounds.sealer(), grounds.author())
        }
        Decision::Keep(refusal) => refusal.code().to_owned(),
    }
}

#[track_caller]
fn check(sets: &[Sealer], want: &str) {
    let message = sets.iter().fold(MESSAGE.as_bytes().to_vec(), |message, set| set.seal(&message));
    let trusted = ["forwarder.example", "list.example"];
    assert_eq!(decide(&message, Some("victim.example"), &trusted), want);
}

#[test]
fn arc_09_who_sealed_and_who_signed() {
    check(&[set(1, "forwarder.example", PASS)], "1 forwarder.example victim.example");
    check(&[set(1, "attacker.example", PASS)], "not-trusted");
    check(&[set(1, "attacker.example", PASS).signer("forwarder.example")], "not-trusted");
    check(&[set(1, "forwarder.example", PASS).signer("attacker.example")], "not-trusted");
    let sealed = set(1, "forwarder.example", PASS).seal(MESSAGE.as_bytes());
    assert_eq!(decide(&sealed, Some("victim.example"), &[]), "nobody-trusted");
    assert_eq!(decide(&sealed, None, &["forwarder.example"]), "no-author");
    assert_eq!(decide(MESSAGE.as_bytes(), Some("victim.example"), &["forwarder.example"]), "no-valid-chain");
    let broken = [sealed.as_slice(), b"more\r\n"].concat();
    assert_eq!(decide(&broken, Some("victim.example"), &["forwarder.example"]), "no-valid-chain");
}

#[test]
fn arc_10_that_domain_and_no_other() {
    let sealed = set(1, "forwarder.example", PASS).seal(MESSAGE.as_bytes());
    for other in
        ["a.forwarder.example", "example", "xforwarder.example", "forwarder.example.attacker.example"]
    {
        assert_eq!(decide(&sealed, Some("victim.example"), &[other]), "not-trusted", "{other}");
    }
    assert_eq!(
        decide(&sealed, Some("victim.example"), &["FORWARDER.example."]),
        "1 forwarder.example victim.example"
    );
}

#[test]
fn arc_11_the_hop_that_decides() {
    let fail = " mx.example; dmarc=fail header.from=victim.example";
    check(
        &[set(1, "forwarder.example", PASS), set(2, "list.example", fail)],
        "1 forwarder.example victim.example",
    );
    check(
        &[set(1, "forwarder.example", PASS), set(2, "list.example", PASS)],
        "2 list.example victim.example",
    );
    check(&[set(1, "forwarder.example", PASS), set(2, "attacker.example", PASS)], "not-trusted");
    check(&[set(1, "attacker.example", PASS), set(2, "list.example", fail)], "not-trusted");
    check(&[set(1, "attacker.example", PASS), set(2, "list.example", PASS)], "2 list.example victim.example");
    check(&[set(1, "forwarder.example", fail)], "nobody-saw-it-pass");
    for results in [
        " mx.example; dmarc=fail header.from=victim.example; dmarc=pass header.from=victim.example",
        " mx.example; dmarc=pass header.from=victim.example; dmarc=fail header.from=victim.example",
        " mx.example; dmarc=pass header.from=victim.example header.from=attacker.example",
        " mx.example; dmarc=pass",
        " mx.example; dkim=pass header.from=victim.example",
        " mx.example; dmarc=none header.from=victim.example",
        " (null)=pass; (null)=pass",
    ] {
        check(&[set(1, "forwarder.example", results)], "nobody-saw-it-pass");
    }
    check(&[set(1, "forwarder.example", PASS).signed("subject")], "from-not-signed");
    check(
        &[set(1, "forwarder.example", PASS).signed("subject"), set(2, "list.example", fail)],
        "from-not-signed",
    );
    // Somebody trusted added a line to the body.
    let first = set(1, "forwarder.example", PASS).seal(MESSAGE.as_bytes());
    let changed = set(2, "list.example", fail).seal(&[first.as_slice(), b"footer\r\n"].concat());
    assert_eq!(decide(&changed, Some("victim.example"), &["forwarder.example", "list.example"]), "changed");
    assert_eq!(check_chain(&changed).oldest_pass(), Some(2));
    // Somebody else added a Subject.
    let first = [b"Subject: evil\r\n", first.as_slice()].concat();
    assert_eq!(decide(&first, Some("victim.example"), &["forwarder.example"]), "unsigned-duplicate");
}

#[test]
fn arc_12_the_author_of_now() {
    for (author, want) in [
        ("victim.example", "1 forwarder.example victim.example"),
        ("mail.victim.example", "author-changed"),
        ("example", "author-changed"),
        ("attacker.example", "author-changed"),
    ] {
        let sealed = set(1, "forwarder.example", PASS).seal(MESSAGE.as_bytes());
        assert_eq!(decide(&sealed, Some(author), &["forwarder.example"]), want);
    }
    check(
        &[set(1, "forwarder.example", " mx.example; dmarc=pass header.from=a.victim.example")],
        "author-changed",
    );
}
