//! Keys, times and lengths: what each comes to, in the seal and in the message signature.
#![allow(clippy::unwrap_used)]

use arc::{Chain, Check};
use dkim::{BodyHasher, BodyLength, Policy};
use dns::{Answer, Data, Dns, Name, Question, Reply, Zone};
use mail::UnixTime;
use testkit::sealer::Sealer;
use testkit::signer::TestKey;

const NOW: UnixTime = UnixTime(1_780_272_000);
const MESSAGE: &[u8] = b"From: <a@victim.example>\r\nSubject: hello\r\n\r\nbody\r\n";

fn check_chain(message: &[u8], dns: &impl Dns, policy: &Policy) -> Check {
    let (header, body) = mail::header::split(message);
    let chain = Chain::read(&header, policy, NOW);
    let mut hasher = BodyHasher::new(chain.forms());
    hasher.update(body);
    let keys = pollster::block_on(chain.keys(dns, None));
    chain.check(&header, &keys, &hasher.finish())
}

fn zone(record: &str) -> Zone {
    let mut zone = Zone::new();
    zone.add(Name::from_dotted("arc._domainkey.sealer.example").unwrap(), 300, Data::txt(record));
    zone
}

fn sealer(key: &TestKey) -> Sealer {
    Sealer::new(1, "sealer.example", "arc", key)
}

#[track_caller]
fn check_key(key: &TestKey, record: &str, policy: &Policy, want: &str) {
    let check = check_chain(&sealer(key).seal(MESSAGE), &zone(record), policy);
    assert_eq!(check.reason().code(), want, "{}", check.reason());
}

#[test]
fn arc_15_keys() {
    let policy = Policy::default();
    let (rsa, ed) = (TestKey::rsa(2048), TestKey::ed25519(7));
    check_key(&rsa, &rsa.record(), &policy, "pass");
    check_key(&ed, &ed.record(), &policy, "pass");
    check_key(&TestKey::rsa(1024), &TestKey::rsa(1024).record(), &policy, "pass");
    for bits in [512, 1023] {
        check_key(&TestKey::rsa(bits), &TestKey::rsa(bits).record(), &policy, "key-short");
    }
    let strict = Policy { min_rsa_bits: 2048, ..Policy::default() };
    check_key(&TestKey::rsa(1024), &TestKey::rsa(1024).record(), &strict, "key-below-policy");
    check_key(&rsa, &rsa.record(), &strict, "pass");
    check_key(&rsa, &rsa.record_with("h=sha1; ", &rsa.public()), &policy, "key-hash");
    check_key(&rsa, &rsa.record_with("s=tlsrpt; ", &rsa.public()), &policy, "key-service");
    check_key(&rsa, &rsa.record_with("t=s:y; ", &rsa.public()), &policy, "pass");
    check_key(&rsa, "v=DKIM1; p=", &policy, "key-revoked");
    check_key(&rsa, &ed.record(), &policy, "key-type");
    check_key(&ed, &TestKey::ed25519(8).record(), &policy, "signature-mismatch");
    check_key(&rsa, "v=spf1 -all", &policy, "not-a-key");
}

#[track_caller]
fn check_tags(message: &str, seal: &str, policy: &Policy, want: &str) {
    let key = TestKey::ed25519(7);
    let sealed = sealer(&key).more(message, seal).seal(MESSAGE);
    let check = check_chain(&sealed, &zone(&key.record()), policy);
    assert_eq!(check.reason().code(), want, "{}", check.reason());
}

#[test]
fn arc_15_times() {
    let policy = Policy::default();
    let at = |tag: &str, seconds: u64| format!("{tag}={seconds};");
    for (tag, last, first_bad, code) in [
        ("x", NOW.0 - policy.skew, NOW.0 - policy.skew - 1, "expired"),
        ("t", NOW.0 + policy.skew, NOW.0 + policy.skew + 1, "future-signed"),
    ] {
        check_tags(&at(tag, last), "", &policy, "pass");
        check_tags("", &at(tag, last), &policy, "pass");
        check_tags(&at(tag, first_bad), "", &policy, code);
        check_tags("", &at(tag, first_bad), &policy, code);
    }
    check_tags("t=2; x=2;", "", &policy, "malformed-field");
    check_tags("", "t=2; x=1;", &policy, "malformed-field");
}

#[test]
fn arc_14_lengths() {
    let exact = Policy { body_length: BodyLength::Exact, ..Policy::default() };
    check_tags("l=6;", "", &exact, "pass");
    check_tags("l=5;", "", &exact, "body-unsigned");
    check_tags("l=7;", "", &exact, "length-beyond-body");
    check_tags("l=6;", "", &Policy::default(), "length-tag");
    check_tags("l=x;", "", &exact, "malformed-field");
}

/// Answers for one domain's key; for every other there is none in time.
struct HalfSilent(Zone);

impl Dns for HalfSilent {
    async fn ask(&self, question: &Question) -> Answer {
        let answer = self.0.answer(question);
        if answer.records().is_empty() { Answer::new(Reply::TimeOut) } else { answer }
    }
}

#[test]
fn a_reason_that_lasts_comes_before_one_that_does_not() {
    let key = TestKey::ed25519(7);
    let dns = HalfSilent(zone(&key.record()));
    let first = sealer(&key).seal(MESSAGE);
    let second = Sealer::new(2, "silent.example", "arc", &key).seal(&first);
    let check = check_chain(&second, &dns, &Policy::default());
    assert_eq!((check.reason().code(), check.reason().is_temporary()), ("key-time-out", true));
    let text =
        String::from_utf8(second).unwrap().replace("i=1; sealer.example; none", "i=1; sealer.example; nope");
    let check = check_chain(text.as_bytes(), &dns, &Policy::default());
    assert_eq!((check.reason().code(), check.reason().is_temporary()), ("signature-mismatch", false));
}
