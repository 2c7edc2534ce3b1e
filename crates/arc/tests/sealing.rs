//! Sealing: what is sealed here verifies here, whatever was on the message; a chain that fails is never extended.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::fmt::Write as _;

use arc::{Chain, Check, NotSealed, OnFailure, Outcome, Sealer, SealerFault, Sealing};
use dkim::sign_fields::OVERSIGNED;
use dkim::signature::MAX_SIGNED_NAMES;
use dkim::{BodyHasher, FieldList, Selector, SigningKey};
use dns::{Data, Name, Zone};
use mail::authres::{AuthenticationResults, AuthservId, DmarcWord, MethodResult, RegisteredProperty};
use mail::header::{MAX_FIELDS, MAX_HEADER};
use mail::{Domain, UnixTime};
use proptest::prelude::*;
use testkit::sealer::Sealer as Naive;
use testkit::signer::TestKey;

const NOW: UnixTime = UnixTime(1_780_272_000);
const MESSAGE: &str = "From: <a@victim.example>\r\nTo: <b@example.test>\r\nSubject: hello\r\n\
    Date: Mon, 1 Jun 2026 00:00:00 +0000\r\n\r\nbody\r\n";

fn zone() -> Zone {
    let mut zone = Zone::new();
    for (domain, key) in [("sealer.example", TestKey::rsa(2048)), ("other.example", TestKey::ed25519(7))] {
        let name = Name::from_dotted(format!("arc._domainkey.{domain}")).unwrap();
        zone.add(name, 300, Data::txt(key.record()));
    }
    zone
}

fn check(zone: &impl dns::Dns, message: &[u8]) -> Check {
    let (header, body) = mail::header::split(message);
    let chain = Chain::read(&header, &dkim::Policy::default(), NOW);
    let mut hasher = BodyHasher::new(chain.forms());
    hasher.update(body);
    let keys = pollster::block_on(chain.keys(zone, None));
    chain.check(&header, &keys, &hasher.finish())
}

fn sealer() -> Sealer {
    let key = SigningKey::parse(&TestKey::rsa(2048).private_pkcs8()).unwrap();
    let domain = Domain::parse("sealer.example").unwrap();
    Sealer::new(domain, Selector::parse("arc").unwrap(), key, FieldList::default()).unwrap()
}

fn results() -> AuthenticationResults {
    let dmarc = MethodResult::dmarc(DmarcWord::Pass).with(RegisteredProperty::HeaderFrom, "victim.example");
    AuthenticationResults { id: AuthservId::parse("mx.sealer.example").unwrap(), results: vec![dmarc] }
}

fn seal(check: &Check, message: &[u8], on_failure: OnFailure) -> Result<Vec<u8>, NotSealed> {
    let (header, body) = mail::header::split(message);
    let sealing = Sealing::new(&header, check, &results(), &sealer(), on_failure, NOW)?;
    let mut hasher = sealing.body();
    hasher.update(body);
    let body = hasher.finish();
    let set = sealing.finish(&header, &body).unwrap();
    assert_eq!(sealing.check_own(&header, &body, &set), Ok(()));
    let mut on_top = String::new();
    for (name, value) in set.fields() {
        on_top = format!("{name}: {value}\r\n{on_top}");
    }
    assert_eq!(on_top, set.to_string());
    assert!(on_top.is_ascii() && on_top.lines().all(|line| line.len() <= 78), "{on_top}");
    Ok([on_top.as_bytes(), message].concat())
}

fn seal_checked(message: &[u8]) -> Result<Vec<u8>, NotSealed> {
    seal(&check(&zone(), message), message, OnFailure::LeaveAlone)
}

#[track_caller]
fn refused(message: &[u8], on_failure: OnFailure, why: NotSealed) {
    assert_eq!(seal(&check(&zone(), message), message, on_failure), Err(why));
}

#[test]
fn one_set_after_the_other_up_to_fifty() {
    let mut message = MESSAGE.as_bytes().to_vec();
    for number in 1..=50_u8 {
        message = if number % 7 == 3 {
            Naive::new(number.into(), "other.example", "arc", &TestKey::ed25519(7)).seal(&message)
        } else {
            seal_checked(&message).unwrap()
        };
        let check = check(&zone(), &message);
        assert_eq!((check.outcome(), check.oldest_pass()), (Outcome::Pass, Some(0)), "{}", check.reason());
        assert_eq!(check.hops().len(), number.into());
        assert_eq!(check.sealers().count(), number.into());
    }
    assert_eq!(seal_checked(&message), Err(NotSealed::Full));
    refused(&message, OnFailure::Mark, NotSealed::Full);
}

#[test]
fn what_is_sealed_can_be_read_and_overridden_by() {
    let message = seal_checked(MESSAGE.as_bytes()).unwrap();
    let check = check(&zone(), &message);
    assert_eq!(check.hops()[0].results, Ok(results()));
    let trusted = [Domain::parse("sealer.example").unwrap()].into_iter().collect();
    let author = Domain::parse("victim.example").unwrap();
    assert!(matches!(arc::consider(&check, Some(&author), &trusted), arc::Decision::Override(_)));
}

/// Every byte of a sealed message's signed part, changed: never a pass.
#[test]
fn arc_08_one_byte_changed_and_nothing_passes() {
    let first = Naive::new(1, "other.example", "arc", &TestKey::ed25519(7)).seal(MESSAGE.as_bytes());
    let message = seal_checked(&first).unwrap();
    let text = String::from_utf8(message.clone()).unwrap();
    for at in 0..message.len() {
        let mut changed = message.clone();
        changed[at] = if changed[at].is_ascii_alphabetic() { changed[at] ^ 1 } else { b'~' };
        let check = check(&zone(), &changed);
        assert_ne!(check.outcome(), Outcome::Pass, "{at}: {:?}", text.get(at..text.len().min(at + 20)));
    }
}

#[test]
fn added_fields_are_noticed() {
    let message = seal_checked(MESSAGE.as_bytes()).unwrap();
    for field in
        ["From: <x@attacker.example>", "Subject: evil", "Reply-To: <x@attacker.example>", "Cc: x@x.example"]
    {
        let changed = [format!("{field}\r\n").as_bytes(), &message].concat();
        assert_eq!(check(&zone(), &changed).outcome(), Outcome::Fail, "{field}");
    }
    let received =
        [b"Received: from x by y; Mon, 1 Jun 2026 00:00:00 +0000\r\n", message.as_slice()].concat();
    assert_eq!(check(&zone(), &received).outcome(), Outcome::Pass);
}

#[test]
fn dkim_signatures_are_covered() {
    let signed =
        testkit::signer::Signer::new("victim.example", "s1", &TestKey::ed25519(1)).sign(MESSAGE.as_bytes());
    let message = String::from_utf8(seal_checked(&signed).unwrap()).unwrap();
    assert_eq!(check(&zone(), message.as_bytes()).outcome(), Outcome::Pass);
    let changed = message.replacen("DKIM-Signature: v=1", "DKIM-Signature: v=2", 1);
    assert_eq!(check(&zone(), changed.as_bytes()).outcome(), Outcome::Fail);
}

#[test]
fn arc_17_a_chain_that_fails_is_left_alone() {
    let naive = |number| Naive::new(number, "other.example", "arc", &TestKey::ed25519(7));
    let good = naive(1).seal(MESSAGE.as_bytes());
    let broken = [good.as_slice(), b"more\r\n"].concat();
    refused(&broken, OnFailure::LeaveAlone, NotSealed::Failed);
    let says_failed = naive(2).status("fail").alone().seal(&broken);
    refused(&says_failed, OnFailure::LeaveAlone, NotSealed::SaysFailed);
    refused(&says_failed, OnFailure::Mark, NotSealed::SaysFailed);
    // Nobody can number what comes after a set without a number.
    refused(&naive(1).instance("x").seal(MESSAGE.as_bytes()), OnFailure::Mark, NotSealed::Failed);
}

#[test]
fn arc_17_a_mark_covers_itself_alone_and_ends_the_chain() {
    let good = Naive::new(1, "other.example", "arc", &TestKey::ed25519(7)).seal(MESSAGE.as_bytes());
    let broken = [good.as_slice(), b"more\r\n"].concat();
    let marked = seal(&check(&zone(), &broken), &broken, OnFailure::Mark).unwrap();
    let text = String::from_utf8(marked.clone()).unwrap();
    assert!(text.starts_with("ARC-Seal: i=2; a=rsa-sha256; cv=fail;"), "{text}");
    let found = check(&zone(), &marked);
    assert!(matches!(found.reason(), arc::Reason::SaysFailed(_)), "{}", found.reason());
    refused(&marked, OnFailure::Mark, NotSealed::SaysFailed);
    // RFC 8617 §5.1.2: as if it was the only set, so whatever the others are, it is the same.
    let other = Naive::new(1, "other.example", "x", &TestKey::ed25519(9)).seal(MESSAGE.as_bytes());
    let other = [other.as_slice(), b"more\r\n"].concat();
    let marked_too = seal(&check(&zone(), &other), &other, OnFailure::Mark).unwrap();
    assert_eq!(marked[..marked.len() - broken.len()], marked_too[..marked_too.len() - other.len()]);
}

#[test]
fn what_is_not_known_is_not_made_to_last() {
    struct Silent;
    impl dns::Dns for Silent {
        async fn ask(&self, _: &dns::Question) -> dns::Answer {
            dns::Answer::new(dns::Reply::TimeOut)
        }
    }
    let sealed = seal_checked(MESSAGE.as_bytes()).unwrap();
    let unknown = check(&Silent, &sealed);
    assert_eq!(unknown.outcome(), Outcome::Fail);
    assert!(unknown.reason().is_temporary());
    for on_failure in [OnFailure::LeaveAlone, OnFailure::Mark] {
        assert_eq!(seal(&unknown, &sealed, on_failure), Err(NotSealed::Unknown));
    }
    // What is wrong for good says so, whatever else is missing.
    let broken = [sealed.as_slice(), b"more\r\n"].concat();
    let key_is_there = check(&zone(), &broken);
    assert!(!key_is_there.reason().is_temporary());
}

#[test]
fn a_check_of_another_chain_is_not_taken() {
    let (plain, one) = (MESSAGE.as_bytes(), seal_checked(MESSAGE.as_bytes()).unwrap());
    let two = seal_checked(&one).unwrap();
    let other = Naive::new(1, "other.example", "arc", &TestKey::ed25519(7)).seal(plain);
    let pairs: [(&[u8], &[u8]); 6] =
        [(plain, &one), (&one, plain), (&one, &two), (&two, &one), (&other, &one), (&one, &other)];
    for (checked, sealed) in pairs {
        let outcome = seal(&check(&zone(), checked), sealed, OnFailure::Mark);
        assert_eq!(outcome, Err(NotSealed::OtherChain));
    }
}

#[test]
fn messages_that_nobody_should_sign() {
    for (front, why) in [
        ("From: <x@x.example>\r\n", dkim::Refusal::SeveralFrom(2)),
        ("X: a\0b\r\n", dkim::Refusal::MalformedHeader(mail::Defect::Nul)),
    ] {
        let message = [front.as_bytes(), MESSAGE.as_bytes()].concat();
        refused(&message, OnFailure::LeaveAlone, NotSealed::Message(why));
    }
    refused(b"Subject: x\r\n\r\n", OnFailure::LeaveAlone, NotSealed::Message(dkim::Refusal::NoFrom));
    // 15 bytes of h= each, and some 160 for the rest of the list.
    let signatures =
        |count: usize| ["DKIM-Signature: x\r\n".repeat(count).as_bytes(), MESSAGE.as_bytes()].concat();
    assert!(seal_checked(&signatures(250)).is_ok());
    refused(&signatures(265), OnFailure::LeaveAlone, NotSealed::Message(dkim::Refusal::ManyFields));
    // Short names: there are too many before they are too long.
    let recipients = |count: usize| ["To: x\r\n".repeat(count).as_bytes(), MESSAGE.as_bytes()].concat();
    let most = MAX_SIGNED_NAMES - OVERSIGNED.len() - "from subject date to".split(' ').count();
    let sealed = seal_checked(&recipients(most)).unwrap();
    assert_eq!(check(&zone(), &sealed).outcome(), Outcome::Pass);
    refused(&recipients(most + 1), OnFailure::LeaveAlone, NotSealed::Message(dkim::Refusal::ManyFields));
}

#[test]
fn what_is_sealed_is_within_the_limits_with_its_set() {
    let fields = |count: usize| ["X: y\r\n".repeat(count - 4).as_bytes(), MESSAGE.as_bytes()].concat();
    let sealed = seal_checked(&fields(MAX_FIELDS - 3)).unwrap();
    assert_eq!(check(&zone(), &sealed).outcome(), Outcome::Pass);
    refused(&fields(MAX_FIELDS - 2), OnFailure::LeaveAlone, NotSealed::Message(dkim::Refusal::NoRoom));
    let front = format!("X: {}\r\n", "x".repeat(995)).repeat(MAX_HEADER / 1000 - 4);
    let large = [front.as_bytes(), MESSAGE.as_bytes()].concat();
    refused(&large, OnFailure::LeaveAlone, NotSealed::Message(dkim::Refusal::NoRoom));
}

/// The self-check sees what a receiver would see: another header, body or chain, another time or verdict of the chain.
#[test]
fn the_self_check_notices_what_does_not_verify() {
    let first = seal_checked(MESSAGE.as_bytes()).unwrap();
    let broken = [first.as_slice(), b"more\r\n"].concat();
    for (message, on_failure) in [
        (MESSAGE.as_bytes(), OnFailure::LeaveAlone),
        (&first, OnFailure::LeaveAlone),
        (&broken, OnFailure::Mark),
    ] {
        let make = |message: &[u8], now| {
            let (header, body) = mail::header::split(message);
            let sealing =
                Sealing::new(&header, &check(&zone(), message), &results(), &sealer(), on_failure, now)
                    .unwrap();
            let mut hasher = sealing.body();
            hasher.update(body);
            let body = hasher.finish();
            let set = sealing.finish(&header, &body).unwrap();
            (header, body, sealing, set)
        };
        let (header, body, sealing, set) = make(message, NOW);
        assert_eq!(sealing.check_own(&header, &body, &set), Ok(()));
        let mut hasher = sealing.body();
        hasher.update(b"other body");
        let fault = sealing.check_own(&header, &hasher.finish(), &set).unwrap_err().to_string();
        assert!(fault.contains("the set just sealed does not verify"), "{fault}");
        let text = String::from_utf8_lossy(header.raw()).into_owned();
        for (from, to) in [("Subject: hello", "Subject: hullo"), ("From: ", "From: b@x.example\r\nFrom: ")] {
            let other = mail::Header::parse(text.replacen(from, to, 1));
            assert!(sealing.check_own(&other, &body, &set).is_err(), "{from}");
        }
        // The set of an other sealing: made later, or after another chain.
        let (_, _, _, later) = make(message, UnixTime(NOW.0 + 1000));
        assert!(sealing.check_own(&header, &body, &later).is_err());
        assert!(sealing.check_own(&header, &BodyHasher::new([]).finish(), &set).is_err());
    }
    // The seal covers the sets below, of whose keys nobody asks.
    let (header, body) = mail::header::split(&first);
    let sealing =
        Sealing::new(&header, &check(&zone(), &first), &results(), &sealer(), OnFailure::LeaveAlone, NOW)
            .unwrap();
    let mut hasher = sealing.body();
    hasher.update(body);
    let body = hasher.finish();
    let set = sealing.finish(&header, &body).unwrap();
    let text = String::from_utf8_lossy(header.raw()).replace("dmarc=pass", "dmarc=fail");
    let fault = sealing.check_own(&mail::Header::parse(text), &body, &set).unwrap_err();
    assert!(matches!(fault.0, arc::Reason::Broken { kind: arc::Kind::Seal, .. }), "{fault}");
}

#[test]
fn sealers_that_cannot_be() {
    let new = |domain: &str, key: TestKey| {
        let key = SigningKey::parse(&key.private_pkcs8()).unwrap();
        let domain = Domain::parse(domain).unwrap();
        Sealer::new(domain, Selector::parse("arc").unwrap(), key, FieldList::default()).err()
    };
    assert_eq!(new("sealer.example", TestKey::rsa(2048)), None);
    assert_eq!(new("sealer.example", TestKey::ed25519(1)), Some(SealerFault::Ed25519));
    assert!(matches!(new("localhost", TestKey::rsa(2048)), Some(SealerFault::Name(_))));
    let mut said = String::new();
    write!(said, "{}", SealerFault::Ed25519).unwrap();
    assert!(said.contains("RSA"));
}

/// What an attacker chooses: whatever ends a line, a string or a comment, and what is no ASCII.
fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let bytes = b"\r\n\0\t \"();\\<@=.ai\x7f\x80\xe9\xff";
    prop::collection::vec(prop::sample::select(&bytes[..]), 0..200)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn smug_03_any_results_are_sealed_safely(texts in prop::collection::vec(hostile(), 3), count in 1_usize..4) {
        let result = |texts: &[Vec<u8>]| {
            MethodResult::dmarc(DmarcWord::Fail)
                .with(RegisteredProperty::HeaderFrom, &texts[0])
                .with_comment(&texts[1])
                .with_reason(&texts[2])
        };
        let id = AuthservId::parse("mx.sealer.example").unwrap();
        let results = AuthenticationResults { id, results: vec![result(&texts); count] };
        let (header, body) = mail::header::split(MESSAGE.as_bytes());
        let check = check(&zone(), MESSAGE.as_bytes());
        let sealing = Sealing::new(&header, &check, &results, &sealer(), OnFailure::LeaveAlone, NOW).unwrap();
        let mut hasher = sealing.body();
        hasher.update(body);
        let body = hasher.finish();
        let set = sealing.finish(&header, &body).unwrap();
        prop_assert_eq!(sealing.check_own(&header, &body, &set), Ok(()));
        let text = set.to_string();
        let lines: Vec<&str> = text.strip_suffix("\r\n").unwrap().split("\r\n").collect();
        for line in &lines {
            prop_assert!(line.bytes().all(|b| matches!(b, b' '..=b'~' | b'\t')), "{:?}", line);
            prop_assert!(!line.trim().is_empty() && line.len() <= 998, "{:?}", line);
        }
        let starts = lines.iter().filter(|line| !line.starts_with([' ', '\t'])).count();
        prop_assert_eq!(starts, 3, "a fold begins with white space, and nothing else does not");
        let read = mail::Header::parse(text.as_str());
        prop_assert!(read.defects().is_empty() && read.fields().count() == 3);
    }
}
