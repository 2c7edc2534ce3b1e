//! DMARC on real proofs: a pass of SPF goes in as a real check made it, and nothing else can.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use dmarc::{Method, Options, Outcome, SpfEvidence, discover, evaluate};
use dns::Zone;
use mail::{Domain, Helo, PathDomain, ReversePath, Suffix, SuffixList, UnixTime};
use spf::{Client, Limits, check_helo, check_mail_from};

const ZONE: &str = r#"
trust.example.           TXT "v=spf1 ip4:192.0.2.10 -all"
_dmarc.trust.example.    TXT "v=DMARC1; p=reject"
spoofing.example.        TXT "v=spf1 ip4:203.0.113.66 -all"
helo.spoofing.example.   TXT "v=spf1 ip4:203.0.113.66 -all"
down.trust.example.      TXT "v=spf1 -all"
;! servfail down.trust.example. TXT
;! servfail down.spoofing.example. TXT
"#;

/// A list without rules: every top-level domain is a suffix.
struct Bare;

impl SuffixList for Bare {
    fn suffix(&self, _: &Domain) -> Suffix {
        Suffix { labels: 1, section: None }
    }
}

fn domain(text: &str) -> Domain {
    Domain::parse(text).unwrap()
}

/// SPF for a client at `ip` that says MAIL FROM `sender` (empty for the null sender), DMARC for From `author`.
fn check(ip: &str, helo: &str, sender: &str, author: &str, want: Outcome) {
    let zone = Zone::parse(ZONE).unwrap();
    let helo = Helo::Name(domain(helo));
    let client = Client { ip: ip.parse().unwrap(), helo: &helo, receiver: "unknown", now: UnixTime(0) };
    let path = match sender {
        "" => ReversePath::Null,
        _ => ReversePath::Mailbox { local: b"bob".to_vec(), domain: PathDomain::Name(domain(sender)) },
    };
    let spf = pollster::block_on(check_mail_from(&zone, &client, &path, &Limits::default(), None));
    let identifiers: Vec<_> = spf.domain().cloned().into_iter().collect();
    let options = Options { suffixes: &Bare, method: Method::TreeWalk, memo: None };
    let discovery = pollster::block_on(discover(&zone, &domain(author), &identifiers, &options));
    let check = evaluate(&discovery, &SpfEvidence::from(&spf), &[]);
    assert_eq!(check.outcome(), want, "{ip} {sender:?} {author}: {}", check.reason());
}

#[test]
fn env_06_null_sender() {
    check("192.0.2.10", "trust.example", "", "trust.example", Outcome::Pass);
    check("203.0.113.66", "trust.example", "", "trust.example", Outcome::Fail);
}

#[test]
fn dma_25_the_classic_deception() {
    check("192.0.2.10", "mx.trust.example", "trust.example", "trust.example", Outcome::Pass);
    check("203.0.113.66", "mx.trust.example", "spoofing.example", "trust.example", Outcome::Fail);
    check("203.0.113.66", "mx.trust.example", "trust.example", "trust.example", Outcome::Fail);
}

#[test]
fn dma_26_dns_errors_of_spf() {
    check("192.0.2.10", "mx.trust.example", "down.trust.example", "trust.example", Outcome::TempError);
    check("192.0.2.10", "mx.trust.example", "down.spoofing.example", "trust.example", Outcome::Fail);
}

#[test]
fn env_07_helo_is_no_evidence() {
    let zone = Zone::parse(ZONE).unwrap();
    for helo in ["helo.spoofing.example", "down.trust.example"] {
        let helo = Helo::Name(domain(helo));
        let ip = "203.0.113.66".parse().unwrap();
        let client = Client { ip, helo: &helo, receiver: "unknown", now: UnixTime(0) };
        let spf = pollster::block_on(check_helo(&zone, &client, &Limits::default(), None));
        assert!(matches!(SpfEvidence::from(&spf), SpfEvidence::Other), "{helo:?}");
    }
}
