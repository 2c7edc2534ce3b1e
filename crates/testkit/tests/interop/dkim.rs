//! Signatures of OpenDKIM and dkimpy are verified here, with keys out of a real name server; and theirs verify ours.

use testkit::real::{Root, output};
use testkit::signer::{Signer, TestKey};
use verdict::{Envelope, Verdict};

use crate::messages::{Shape, bodies, headers, headers_for_opendkim};
use crate::peers::{DOMAIN, Job, Key, Peer, keys};
use crate::served::{APEX, Served, question};

const FORMS: [&str; 4] = ["simple/simple", "simple/relaxed", "relaxed/simple", "relaxed/relaxed"];

/// The key records of [`keys`], in master-file form.
pub(crate) fn key_lines() -> String {
    let line = |key: &Key| {
        format!("{}._domainkey.{DOMAIN}. TXT {}\n", key.selector, strings(&key.key.record(), 255))
    };
    keys().iter().map(line).collect()
}

/// A text as strings of at most `size` bytes.
fn strings(text: &str, size: usize) -> String {
    let chunks = text.as_bytes().chunks(size);
    chunks.map(|chunk| format!("\"{}\" ", std::str::from_utf8(chunk).unwrap())).collect()
}

/// The words for a message's signatures.
pub(crate) fn words(verdict: &Verdict) -> Vec<&'static str> {
    verdict.dkim().iter().map(|check| check.outcome().as_str()).collect()
}

/// Every other letter or digit, at about `count` places that a signature covers: all but b= and the shape's line ends.
fn damaged(message: &[u8], count: usize) -> Vec<(usize, Vec<u8>)> {
    let b = message.windows(3).position(|w| w == b" b=" || w == b"\tb=").unwrap();
    let b_end =
        b + message[b..].windows(3).position(|w| w[..2] == *b"\r\n" && !b" \t".contains(&w[2])).unwrap();
    let places: Vec<usize> = (0..message.len())
        .filter(|at| message[*at].is_ascii_alphanumeric() && !(b..b_end).contains(at))
        .collect();
    let every = (places.len() / count).max(1);
    let change = |at: &usize| {
        let mut other = message.to_vec();
        // Another letter, not the same one in the other case: that may be nothing to relaxed.
        other[*at] = if message[*at].eq_ignore_ascii_case(&b'q') { b'z' } else { b'q' };
        (*at, other)
    };
    places.iter().skip(every / 2).step_by(every).map(change).collect()
}

fn jobs<'a>(shapes: &'a [Shape], keys: &'a [Key]) -> Vec<(&'a str, Job<'a>)> {
    let mut jobs = Vec::new();
    for shape in shapes {
        for key in keys {
            for form in FORMS {
                jobs.push((shape.name, Job { message: &shape.message, key, form }));
            }
        }
    }
    jobs
}

fn shapes(peer: Peer) -> Vec<Shape> {
    let mut shapes = headers();
    shapes.extend(bodies());
    if peer == Peer::OpenDkim {
        shapes.extend(headers_for_opendkim());
    }
    shapes
}

/// All that `peer` signs passes; with one byte changed it does not.
fn signed_by(peer: Peer) {
    let Some(served) = Served::new(&format!("{APEX}{}", key_lines())) else { return };
    let (shapes, keys) = (shapes(peer), keys());
    let jobs = jobs(&shapes, &keys);
    let (names, jobs): (Vec<_>, Vec<_>) = jobs.into_iter().unzip();
    let Some(signed) = peer.sign(&jobs) else { return };
    let broken = broken(peer, &jobs, &signed);
    let mut changes = 0;
    for ((name, job), message) in names.iter().zip(&jobs).zip(&signed) {
        let told = || {
            format!(
                "{peer:?}, {name}, {}, {}\n{}",
                job.form,
                job.key.selector,
                String::from_utf8_lossy(message)
            )
        };
        let verdict = served.judge(&Envelope::unknown(), message);
        if broken.contains(&message) {
            assert_eq!(words(&verdict), ["fail"], "{}", told());
            continue;
        }
        assert_eq!(words(&verdict), ["pass"], "{}\n{:?}", told(), verdict.dkim());
        assert_eq!(verdict.dkim()[0].domain().unwrap().as_str(), DOMAIN);
        for (at, other) in damaged(message, 6) {
            let verdict = served.judge(&Envelope::unknown(), &other);
            assert!(verdict.dkim().iter().all(|check| check.pass().is_none()), "byte {at}: {}", told());
            changes += 1;
        }
    }
    let passed = signed.len() - broken.len();
    println!(
        "{peer:?}: {passed} signatures pass, {changes} damaged ones do not, {} were never right",
        broken.len()
    );
}

/// OpenDKIM 2.11.0 signs another field than it writes where the header is simple and the key Ed25519: nobody verifies these,
/// itself included.
fn broken<'m>(peer: Peer, jobs: &[Job<'_>], signed: &'m [Vec<u8>]) -> Vec<&'m Vec<u8>> {
    let is_broken =
        |job: &Job<'_>| peer == Peer::OpenDkim && job.key.selector == "ed" && job.form.starts_with("simple/");
    let broken: Vec<&Vec<u8>> =
        jobs.iter().zip(signed).filter(|(job, _)| is_broken(job)).map(|(_, message)| message).collect();
    let messages: Vec<Vec<u8>> = broken.iter().map(|message| message.to_vec()).collect();
    for judge in Peer::ALL {
        let said = judge.verify(&messages).unwrap_or_default();
        assert!(
            said.iter().all(|word| word != "pass"),
            "{judge:?} verifies what OpenDKIM is known to sign wrongly"
        );
    }
    broken
}

#[test]
fn opendkims_signatures_pass() {
    signed_by(Peer::OpenDkim);
}

#[test]
fn dkimpys_signatures_pass() {
    signed_by(Peer::Dkimpy);
}

/// The test signer is the oracle of other tests: here is one for it.
#[test]
fn the_test_signers_signatures_pass_elsewhere() {
    for peer in Peer::ALL {
        let (shapes, keys) = (shapes(peer), keys());
        let mut messages = Vec::new();
        let mut names = Vec::new();
        for (name, job) in jobs(&shapes, &keys) {
            let message = ours(&job);
            names.push(format!("{name}, {}, {}", job.form, job.key.selector));
            let (_, other) = damaged(&message, 1).remove(0);
            messages.extend([message, other]);
        }
        let Some(said) = peer.verify(&messages) else { continue };
        for (name, pair) in names.iter().zip(said.chunks(2)) {
            assert_eq!(pair[0], "pass", "{peer:?}, {name}");
            assert_ne!(pair[1], "pass", "{peer:?}, {name}, damaged");
        }
        println!("{peer:?}: {} of our signatures pass", names.len());
    }
}

/// A signature by the test signer over every field of the message, and one From more.
pub(crate) fn ours(job: &Job<'_>) -> Vec<u8> {
    let (header, _) = mail::header::split(job.message);
    let mut names: Vec<String> =
        header.fields().map(|field| String::from_utf8_lossy(field.name).to_lowercase()).collect();
    names.push("from".to_owned());
    Signer::new(DOMAIN, job.key.selector, &job.key.key)
        .tag("c", job.form)
        .tag("t", &crate::served::SIGNED.to_string())
        .tag("h", &names.join(":"))
        .sign(job.message)
}

/// Records that come in many strings, or only over TCP, are keys like others.
#[test]
fn odd_key_records() {
    let key = TestKey::rsa(2048);
    let record = key.record();
    let long = key.record_with(&format!("n={}; ", "long".repeat(1000)), &key.public());
    let zone = format!(
        "{APEX}split._domainkey.{DOMAIN}. TXT {}\nempty._domainkey.{DOMAIN}. TXT \"\" {} \"\"\nlong._domainkey.{DOMAIN}. TXT {}\n\
         alias._domainkey.{DOMAIN}. CNAME key.elsewhere.example.\nkey.elsewhere.example. TXT {}\n\
         two._domainkey.{DOMAIN}. TXT {}\ntwo._domainkey.{DOMAIN}. TXT \"v=DKIM1; p=\"\n",
        strings(&record, 7),
        strings(&record, 100),
        strings(&long, 255),
        strings(&record, 255),
        strings(&record, 255),
    );
    let (Some(root), Some(served)) = (Root::find(&["kdig"]), Served::new(&zone)) else { return };
    let mut kdig = root.command("kdig");
    kdig.arg(format!("@{}", served.addr.ip())).args([
        "-p",
        &served.addr.port().to_string(),
        "+ignore",
        "+bufsize=4096",
    ]);
    kdig.args([&format!("long._domainkey.{DOMAIN}"), "TXT"]);
    assert!(String::from_utf8(output(kdig, b"")).unwrap().contains(" tc"), "the long record fits into UDP");
    let shape = headers().remove(0);
    for (selector, word) in [
        ("split", "pass"),
        ("empty", "pass"),
        ("long", "pass"),
        ("alias", "pass"),
        ("two", "permerror"),
        ("none", "permerror"),
    ] {
        let message = Signer::new(DOMAIN, selector, &key).sign(&shape.message);
        let verdict = served.judge(&Envelope::unknown(), &message);
        assert_eq!(words(&verdict), [word], "{selector}");
    }
    let strings = served.ask(&question(&format!("TXT split._domainkey.{DOMAIN}")));
    assert_eq!(strings.records()[0].text().unwrap(), record.as_bytes());
}
