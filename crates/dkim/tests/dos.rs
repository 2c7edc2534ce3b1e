//! What costs too much: hostile headers, bodies, records. Work is counted where it can be; time is compared with time,
//! twice the input with once, and only where it is long enough to tell. `MAILWARD_LONG=1` takes bodies of 50 MiB.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests, and these look at the clock"
)]

mod common;

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use common::{MESSAGE, World};
use dkim::canon::BodyCanon;
use dkim::fields::FieldIndex;
use dkim::policy::MAX_SIGNATURES;
use dkim::{BodyHasher, Canon, KeyRecord, Outcome, Signature, Verifier};
use dns::{Answer, Dns, Question, Reply};
use mail::authres::AuthenticationResults;
use mail::header::{MAX_FIELD, MAX_FIELDS, MAX_HEADER};
use mail::{Defect, Header, Splitter};
use testkit::signer::{Signer, TestKey};

fn is_long() -> bool {
    std::env::var_os("MAILWARD_LONG").is_some()
}

/// Bytes of a large body.
fn large() -> usize {
    if is_long() { 50 << 20 } else { 256 << 10 }
}

/// The processor time of this thread, which a busy machine does not make longer by much.
fn spent() -> Duration {
    rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime).try_into().unwrap()
}

/// The shortest of a few runs, which is the one least disturbed.
fn time(mut act: impl FnMut()) -> Duration {
    let one = |_| {
        let start = spent();
        act();
        spent() - start
    };
    (0..5).map(one).min().unwrap()
}

/// Asserts that eight times the input takes no more than eight times the time, with much room for a busy machine: the
/// square would be 64 times.
fn linear(what: &str, size: usize, mut act: impl FnMut(usize)) {
    let (small, large) = (time(|| act(size / 8)), time(|| act(size)));
    let most = if is_long() { 2.2_f64.powi(3) } else { 24.0 };
    let times = large.as_secs_f64() / small.as_secs_f64().max(1e-9);
    println!("{what}: {size} bytes in {large:?}, {times:.1} times an eighth");
    assert!(large < Duration::from_millis(20) || times <= most, "{what}: {small:?}, {large:?}");
}

/// Whole units only: half a line end behind many empty lines would make them count, at one size and not at the other.
fn repeat(unit: &[u8], size: usize) -> Vec<u8> {
    unit.repeat(size / unit.len())
}

fn with_from(fields: &[u8]) -> Vec<u8> {
    [fields, MESSAGE.as_bytes()].concat()
}

fn signer() -> Signer {
    Signer::new("victim.example", "ed", &TestKey::ed25519(1))
}

#[test]
fn dos_01_header_count() {
    for count in [100_000, 1_000_000] {
        let message =
            with_from(&[&signer().signature(MESSAGE.as_bytes())[..], &b"X: y\r\n".repeat(count)].concat());
        let mut splitter = Splitter::default();
        for chunk in message.chunks(64 * 1024) {
            splitter.push(chunk);
        }
        let header = splitter.into_header();
        assert!(header.raw().len() <= MAX_HEADER && header.fields().len() <= MAX_FIELDS);
        let defects: Vec<_> = header.defects().iter().map(|(defect, _)| *defect).collect();
        assert!(defects.contains(&Defect::LongHeader) && defects.contains(&Defect::ManyFields));
        let world = World::new();
        let verifier = Verifier::new(&header, None, &world.policy, world.now, None);
        let keys = pollster::block_on(verifier.keys(&world.zone, None));
        assert_eq!(keys.iter().count(), 0);
        let checks = verifier.finish(&header, &keys, &verifier.body().finish());
        assert_eq!(checks[0].outcome(), Outcome::PermError);
    }
    linear("fields", 8 << 20, |size| drop(mail::header::split(&b"X: y\r\n".repeat(size / 6)).0));
}

/// The worst of bodies, by their repeated parts.
const BODIES: &[&[u8]] = &[
    b" ",
    b"\t",
    b" \t",
    b"a ",
    b"a  ",
    b"a\t",
    b"a",
    b"\r\n",
    b"a\r\n",
    b"a \r\n",
    b" \r\n",
    b"\r",
    b"\n",
    b"\r\n\r\na",
    b" \r",
    b"a\r\n ",
    b"\t\r\n\r\r\n",
];

#[test]
fn dos_03_worst_bodies() {
    for unit in BODIES {
        for canon in [Canon::Simple, Canon::Relaxed] {
            let what = format!("{canon}, {}", mail::printable(unit));
            let body = repeat(unit, large());
            linear(&what, body.len(), |size| {
                let mut hasher = BodyHasher::new([canon]);
                body[..size].chunks(64 * 1024).for_each(|chunk| hasher.update(chunk));
                hasher.finish();
            });
            // No body gets longer but by what its end lacks, nor is it cut in more pieces than it has bytes.
            let (mut pieces, mut bytes) = (0, 0);
            let mut put = |piece: &[u8]| (pieces, bytes) = (pieces + 1, bytes + piece.len());
            let mut state = BodyCanon::new(canon);
            body.chunks(64 * 1024).for_each(|chunk| state.update(chunk, &mut put));
            state.finish(&mut put);
            assert!(pieces <= body.len() + 1 && bytes <= body.len() + 2, "{what}: {pieces}, {bytes}");
        }
    }
}

#[test]
fn dos_03_bodies_are_handed_on_in_large_pieces() {
    for unit in BODIES {
        let body = [repeat(unit, 64 * 1024), b"end".to_vec()].concat();
        for (canon, most) in [(Canon::Simple, 1), (Canon::Relaxed, body.len() / 512 + 1)] {
            let mut pieces = 0;
            BodyCanon::new(canon).update(&body, &mut |_| pieces += 1);
            assert!(pieces <= most, "{canon}, {}: {pieces}", mail::printable(unit));
        }
    }
}

#[test]
fn dos_02_names_by_instances() {
    linear("names and fields", 1_600, |size| {
        let header = Header::parse(b"To: x\r\n".repeat(size));
        let index = FieldIndex::new(&header, 60);
        // As many as a message has signatures of its own and of its handlers.
        for _ in 0..60 {
            let covered = index.covered(std::iter::repeat_n("to", size / 2), usize::MAX);
            assert_eq!((covered.fields.len(), covered.oversigned), (size / 2, false));
        }
    });
}

#[test]
fn dos_04_many_signatures_one_pass() {
    let body = "a body \t of some words \r\n\r\n".repeat(4_000);
    let message = format!("From: ann@victim.example\r\n\r\n{body}").into_bytes();
    let mut signed = message.clone();
    for (number, c) in ["simple", "relaxed"].into_iter().cycle().take(MAX_SIGNATURES).enumerate() {
        let signer = signer().tag("c", &format!("relaxed/{c}"));
        let length =
            if c == "simple" { body.len() - 2 } else { 4_000 * "a body of some words\r\n\r\n".len() - 2 };
        let signer = if number % 3 == 0 { signer.tag("l", &length.to_string()) } else { signer };
        signed = [signer.signature(&message), signed].concat();
    }
    let world = World::new();
    let checks = world.verify_cut(&signed, 64 * 1024);
    assert_eq!(checks.len(), MAX_SIGNATURES);
    let passes = checks.iter().filter(|check| check.pass().is_some()).count();
    assert_eq!(passes, MAX_SIGNATURES - MAX_SIGNATURES.div_ceil(3), "those with l= don't pass");
}

/// Parts of which parsers are afraid.
const UNITS: &[&str] = &[
    ";",
    "a=;",
    "=",
    "v=1;",
    " ",
    "\t",
    "\r\n ",
    "a",
    "0",
    ":",
    "(",
    ")",
    "((",
    "\"",
    "\\",
    "<",
    ">",
    "@",
    "a@b.example,",
    ",",
    "=?a?q?",
    "?=",
    "=?a?q?x?= ",
    "[",
    ".",
    "a.",
    "\u{fc}.",
    "xn--a.",
    "%{",
    "=3D",
    "/",
    "A==",
];

#[test]
fn dos_05_06_08_16_parsers_take_linear_time() {
    for unit in UNITS {
        linear(unit, 256 * 1024, |size| {
            let text = repeat(unit.as_bytes(), size);
            let tags = mail::split_tags(&text).count();
            assert!(tags <= size + 1);
            let parsed = KeyRecord::parse(&text);
            assert!(parsed.findings.len() <= dkim::key::MAX_FINDINGS);
            let _ = (AuthenticationResults::parse(&text), mail::address::AddressList::parse(&text));
            let _ = (mail::Domain::parse(&text), dkim::Identity::parse(&text), dkim::Selector::parse(&text));
            let lines: Vec<u8> = text.chunks(900).collect::<Vec<_>>().join(&b"\r\n "[..]);
            for name in ["From", "DKIM-Signature", "To"] {
                let header = Header::parse([name.as_bytes(), b": ", &lines, b"\r\n"].concat());
                let _ = mail::author(&header);
                assert!(
                    header
                        .named(name)
                        .filter_map(|field| Signature::parse(&field).err())
                        .all(|e| e.errors().count() <= 8)
                );
            }
        });
    }
}

#[test]
fn dos_06_long_numbers_saturate() {
    let world = World::new();
    let digits = "9".repeat(50_000);
    world.check(signer().tag("t", "1").tag("x", &digits).sign(MESSAGE.as_bytes()), "pass pass");
    world.check(signer().tag("l", &digits).sign(MESSAGE.as_bytes()), "permerror malformed-signature");
}

#[test]
fn dos_07_long_base64() {
    let world = World::new();
    for tag in ["b", "bh"] {
        // Within the limit of a field, and beyond it.
        for (size, want) in [(60_000, "permerror malformed-signature"), (1 << 20, "")] {
            let field = format!(
                "DKIM-Signature: v=1; a=ed25519-sha256; d=victim.example; s=ed; h=from; b=AAAA; bh=; {tag}={}\r\n",
                "A".repeat(size)
            );
            let message = with_from(field.as_bytes());
            let want: &[&str] = if want.is_empty() { &[] } else { &[want] };
            assert_eq!(world.results(&message), want, "{tag}, {size}");
            assert_eq!(mail::header::split(&message).0.defects().is_empty(), size < MAX_FIELD);
        }
    }
    let key = KeyRecord::parse(format!("v=DKIM1; p={}", "A".repeat(1 << 20)).as_bytes());
    assert_eq!((key.value, key.findings[0].code), (None, "dkim-key-long-record"));
    let key = KeyRecord::parse(format!("v=DKIM1; p={}", "A".repeat(8_000)).as_bytes());
    assert_eq!((key.value, key.findings[0].code), (None, "dkim-key-long"));
}

#[test]
fn dos_08_nested_comments() {
    let nested = format!("From: {}a@victim.example{}\r\n", "(".repeat(30_000), ")".repeat(30_000));
    assert!(mail::author(&Header::parse(nested)).is_err());
    let unclosed = format!("From: \"{}\r\n", "a\r\n ".repeat(10_000));
    assert!(mail::author(&Header::parse(unclosed)).is_err());
}

#[test]
fn dos_09_mime_is_not_looked_at() {
    let parts: String = (0..10_000)
        .map(|n| format!("Content-Type: multipart/mixed; boundary={n}\r\n\r\n--{n}\r\n"))
        .collect();
    let message = format!("From: ann@victim.example\r\n{parts}");
    let signed = signer().sign(message.as_bytes());
    assert!(World::new().verify_cut(&signed, 64 * 1024)[0].pass().is_some());
}

/// A DNS that lets every question wait once; how many waited at the same time at most, and how many were asked.
#[derive(Default)]
struct Waiting(std::sync::Mutex<(usize, usize, usize)>);

impl Dns for Waiting {
    async fn ask(&self, _: &Question) -> Answer {
        let mut asked = false;
        poll_fn(|context| {
            let mut counts = self.0.lock().unwrap();
            let (now, most, all) = *counts;
            if std::mem::replace(&mut asked, true) {
                *counts = (now - 1, most, all);
                return Poll::Ready(());
            }
            *counts = (now + 1, most.max(now + 1), all + 1);
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
        Answer::new(Reply::TimeOut)
    }
}

#[test]
fn dos_10_slow_keys_are_waited_for_together() {
    let mut message = MESSAGE.as_bytes().to_vec();
    for number in 0..30 {
        let signer = Signer::new("victim.example", &format!("s{number}"), &TestKey::ed25519(1));
        message = [signer.signature(MESSAGE.as_bytes()), message].concat();
    }
    let (header, body) = mail::header::split(&message);
    let world = World::new();
    let verifier = Verifier::new(&header, None, &world.policy, world.now, None);
    let dns = Waiting::default();
    let keys = pollster::block_on(verifier.keys(&dns, None));
    assert_eq!(*dns.0.lock().unwrap(), (0, MAX_SIGNATURES, MAX_SIGNATURES));
    let mut hasher = verifier.body();
    hasher.update(body);
    let checks = verifier.finish(&header, &keys, &hasher.finish());
    assert_eq!(checks.iter().filter(|check| check.outcome() == Outcome::TempError).count(), MAX_SIGNATURES);
}

#[test]
fn dos_11_costly_keys() {
    let mut world = World::new();
    let key = TestKey::rsa(8192);
    world.publish("big._domainkey.victim.example", &key.record());
    let field = Signer::new("victim.example", "big", &key).signature(MESSAGE.as_bytes());
    let message = with_from(&field.repeat(30));
    let checks = world.verify_cut(&message, message.len());
    assert_eq!(checks.iter().filter(|check| check.pass().is_some()).count(), MAX_SIGNATURES);
    // A few milliseconds, but for slow machines and builds.
    let took = time(|| drop(world.verify_cut(&message, message.len())));
    assert!(took < Duration::from_millis(250), "{took:?}");
}

#[test]
fn dos_15_names_made_to_collide() {
    // Names are kept in order, never in tables of hashes: the worst are long ones that differ at their end.
    let world = World::new();
    let same = "x".repeat(100);
    let fields: String = (0..1_900).map(|n| format!("{same}{n:04}: y\r\n")).collect();
    let names: Vec<String> = (0..999).map(|n| format!("{same}{n:04}")).collect();
    let h = format!("from:{}", names.join(":"));
    let message = with_from(fields.as_bytes());
    let signed = signer().tag("h", &h).sign(&message);
    let (header, _) = mail::header::split(&signed);
    assert!(header.raw().len() < MAX_HEADER + 1);
    let took = time(|| drop(world.verify_cut(&signed, signed.len())));
    assert!(took < Duration::from_millis(500), "{took:?}");
}
