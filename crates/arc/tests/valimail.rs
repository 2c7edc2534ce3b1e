//! ValiMail's ARC suite. A test whose result is another one here has its reason in an exceptions file; one that is excepted
//! and has the suite's result all the same fails the run.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods
)]

mod suite;

use std::collections::BTreeMap;

use arc::{Chain, Check, NewSet, NotSealed, OnFailure, Outcome, Sealer, Sealing};
use aws_lc_rs::digest::{SHA256, digest};
use dkim::{BodyHasher, BodyHashes, Canon, FieldList, KeyRecord, Selector, SigningKey};
use dns::Data;
use mail::authres::AuthenticationResults;
use mail::{Domain, Header, UnixTime, split_tags};
use testkit::oracle::canon;
use testkit::signer::TestKey;

use suite::{Exceptions, Scenario, Test};

/// The tests of the file: 171, and four once more under the same names.
const VALIDATIONS: usize = 175;
const SIGNINGS: usize = 17;

fn check(scenario: &Scenario, message: &[u8]) -> (Header, BodyHashes, Check) {
    let (header, body) = mail::header::split(message);
    // Its signatures were made at 12345, in seconds since 1970, and so on; its other messages in 2017.
    let chain = Chain::read(&header, &dkim::Policy::default(), UnixTime(1_500_000_000));
    let mut hasher = BodyHasher::new([Canon::Relaxed, Canon::Simple]);
    hasher.update(body);
    let body = hasher.finish();
    let keys = pollster::block_on(chain.keys(&scenario.zone, None));
    let check = chain.check(&header, &keys, &body);
    assert_eq!(check.oldest_pass().is_some(), check.outcome() == Outcome::Pass);
    (header, body, check)
}

#[test]
fn arc_01_validation() {
    let Some(scenarios) = suite::load("arc-draft-validation-tests.yml") else { return };
    let mut exceptions = Exceptions::load("validation.toml");
    let (mut count, mut wrong) = (0, Vec::new());
    for scenario in &scenarios {
        for test in &scenario.tests {
            count += 1;
            let expected = match test.text("cv").as_str() {
                "None" => Outcome::None,
                "Pass" => Outcome::Pass,
                "Fail" => Outcome::Fail,
                // The suite leaves these three open, as their newest seal says cv=fail. RFC 8617 §5.2 step 2: fail.
                "" => Outcome::Fail,
                other => panic!("{other}"),
            };
            let outcome = check(scenario, &test.message).2.outcome();
            if let Some(problem) = exceptions.hold(&test.name, outcome.as_str(), expected.as_str()) {
                wrong.push(problem);
            }
        }
    }
    assert_eq!(count, VALIDATIONS);
    wrong.extend(exceptions.unused());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The suite's signatures are those of a key of 1024 bits, with which nothing signs here. So what is compared is what the
/// signature says, but for its order and folds; that ours verifies; and that the suite's verifies too, which it does only if
/// the same bytes are hashed.
#[test]
fn arc_01_signing() {
    let Some(scenarios) = suite::load("arc-draft-sign-tests.yml") else { return };
    let mut exceptions = Exceptions::load("signing.toml");
    let (mut count, mut wrong) = (0, Vec::new());
    for scenario in &scenarios {
        for test in &scenario.tests {
            count += 1;
            let result = sealed_as_expected(scenario, test).err().unwrap_or("ok".to_owned());
            wrong.extend(exceptions.hold(&test.name, &result, "ok"));
        }
    }
    assert_eq!(count, SIGNINGS);
    wrong.extend(exceptions.unused());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn sealed_as_expected(scenario: &Scenario, test: &Test) -> Result<(), String> {
    let (header, body, check) = check(scenario, &test.message);
    let results = own_results(&header, &test.text("srv-id"));
    let now = UnixTime(test.text("t").parse().unwrap());
    let domain = scenario.text("domain");
    let sealer = Sealer::new(
        Domain::parse(&domain).unwrap(),
        Selector::parse(scenario.text("sel")).unwrap(),
        SigningKey::parse(&key().private_pkcs8()).unwrap(),
        FieldList::default(),
    );
    let sealing = Sealing::new(&header, &check, &results, &sealer.unwrap(), OnFailure::Mark, now);
    if test.text("AS").is_empty() {
        return match sealing {
            Err(NotSealed::SaysFailed) => Ok(()),
            other => Err(format!("{:?}, not NotSealed::SaysFailed", other.err())),
        };
    }
    let set = sealing.map_err(|e| format!("not sealed: {e}"))?.finish(&header, &body).unwrap();
    let expected = expected(test);
    for (name, tags) in [("ARC-Seal", "a cv d i s t"), ("ARC-Message-Signature", "a bh c d i s t")] {
        let (ours, theirs) = (tags_of(&set, name), tags_of_text(&expected[name]));
        for tag in tags.split(' ') {
            if ours.get(tag) != theirs.get(tag) {
                return Err(format!("{name}: {tag}= is {:?}, not {:?}", ours.get(tag), theirs.get(tag)));
            }
        }
    }
    let ours = value(&set, "ARC-Authentication-Results");
    let theirs = &expected["ARC-Authentication-Results"];
    if payload(ours) != payload(theirs) {
        return Err(format!("{ours}, not {theirs}"));
    }
    verify(&scenario_key(scenario), &domain, &expected_text(&expected), test, check.outcome())
        .map_err(|e| format!("the suite's: {e}"))?;
    verify(
        &KeyRecord::parse(key().record().as_bytes()).value.unwrap(),
        &domain,
        &set.to_string(),
        test,
        check.outcome(),
    )
}

fn key() -> TestKey {
    TestKey::rsa(2048)
}

/// The results of our name in the header, all in one.
fn own_results(header: &Header, id: &str) -> AuthenticationResults {
    let all = header.named("Authentication-Results").map(|f| AuthenticationResults::parse(f.value).unwrap());
    let own: Vec<_> = all.filter(|read| read.id.as_str() == id).collect();
    let id = mail::authres::AuthservId::parse(id).unwrap();
    AuthenticationResults { id, results: own.into_iter().flat_map(|read| read.results).collect() }
}

fn scenario_key(scenario: &Scenario) -> KeyRecord {
    let name = format!("{}._domainkey.{}", scenario.text("sel"), scenario.text("domain"));
    let question = dns::Question::new(dns::Name::from_dotted(&name).unwrap(), dns::RecordType::Txt);
    let answer = scenario.zone.answer(&question);
    KeyRecord::parse(&answer.records().first().and_then(Data::text).unwrap()).value.unwrap()
}

/// The fields that the suite expects, as they were sealed: its signer had no folds, nor spaces within values.
fn expected(test: &Test) -> BTreeMap<&'static str, String> {
    let unfolded = |key: &str| {
        let tags = tags_of_text(&test.text(key).trim().replace('\n', "\r\n "));
        tags.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    };
    let results = test.text("AAR").trim().replace('\n', "\r\n ");
    BTreeMap::from([
        ("ARC-Authentication-Results", results),
        ("ARC-Message-Signature", unfolded("AMS")),
        ("ARC-Seal", unfolded("AS")),
    ])
}

/// The seal on top.
fn expected_text(fields: &BTreeMap<&str, String>) -> String {
    fields.iter().rev().map(|(name, value)| format!("{name}: {value}\r\n")).collect()
}

fn value<'a>(set: &'a NewSet, name: &str) -> &'a str {
    set.fields().find(|(of, _)| *of == name).unwrap().1
}

fn tags_of(set: &NewSet, name: &str) -> BTreeMap<String, String> {
    tags_of_text(value(set, name))
}

fn tags_of_text(value: &str) -> BTreeMap<String, String> {
    let text = |value: &[u8]| String::from_utf8_lossy(value).replace("\r\n", "").replace(' ', "");
    split_tags(value.as_bytes())
        .map(|tag| tag.unwrap())
        .map(|tag| (tag.name.to_owned(), text(tag.value)))
        .collect()
}

/// The instance, and what stands behind it.
fn payload(value: &str) -> (String, AuthenticationResults) {
    let (instance, payload) = value.split_once(';').unwrap();
    (instance.to_owned(), AuthenticationResults::parse(payload.as_bytes()).unwrap())
}

/// Whether the newest of a set's signatures are right: by our own check of the whole chain where the seal covers it all, and
/// for one that covers its own set alone (RFC 8617 §5.1.2) step by step.
fn verify(key: &KeyRecord, domain: &str, set: &str, test: &Test, before: Outcome) -> Result<(), String> {
    let message = [set.as_bytes(), &test.message].concat();
    if before != Outcome::Fail {
        let mut zone = dns::Zone::new();
        zone.add(
            dns::Name::from_dotted(format!("dummy._domainkey.{domain}")).unwrap(),
            300,
            Data::txt(key.to_string()),
        );
        return check_newest(&zone, &message);
    }
    let (header, _) = mail::header::split(&message);
    let first = |name: &'static str| header.named(name).next().unwrap();
    let seal = arc::Seal::parse(&first("ARC-Seal")).unwrap();
    let mut hashed = String::new();
    for name in ["ARC-Authentication-Results", "ARC-Message-Signature"] {
        let field = canon::to_text(first(name).raw);
        hashed += &(canon::field(true, field.trim_end_matches("\r\n")) + "\r\n");
    }
    let field = canon::to_text(first("ARC-Seal").raw);
    let (front, rest) = field.split_once("b=").unwrap();
    let back = rest.split_once(';').map_or(String::new(), |(_, back)| format!(";{back}"));
    hashed += &canon::field(true, &format!("{front}b={back}"));
    let hashed = hashed.trim_end_matches("\r\n");
    let hash = digest(&SHA256, &canon::to_bytes(hashed));
    if key.key.verifies(&hash, &seal.by.signature) { Ok(()) } else { Err("the seal does not fit".to_owned()) }
}

/// Whether the newest set fits. The older ones were made with the suite's key, which may be another one than that of `zone`.
fn check_newest(zone: &dns::Zone, message: &[u8]) -> Result<(), String> {
    let (header, body) = mail::header::split(message);
    let chain = Chain::read(&header, &dkim::Policy::default(), UnixTime(1_500_000_000));
    let mut hasher = BodyHasher::new(chain.forms());
    hasher.update(body);
    let keys = pollster::block_on(chain.keys(zone, None));
    let check = chain.check(&header, &keys, &hasher.finish());
    let newest = check.hops().last().map(|hop| hop.instance);
    let sealed =
        |step: &arc::Step| matches!(step, arc::Step::Sealed { instance, .. } if Some(*instance) == newest);
    match check.hops().last().map(|hop| &hop.holds) {
        Some(arc::Holds::Yes { .. }) if check.steps().iter().any(sealed) => Ok(()),
        other => Err(format!("{other:?}, {}", check.reason())),
    }
}
