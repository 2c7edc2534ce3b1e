//! The 22 attacks of the espoofer suite against whole verdicts: `legitimate.com` is careful, `attack.com` sends mail of its
//! own in perfect order, and `example.com` is the provider at which an attacker has an account.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::expect_used)]
#![allow(clippy::disallowed_methods, reason = "the suite lies in files, and its place is in the environment")]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use common::{NOW, check_field, settings, tell};
use dns::Zone;
use mail::authres::Method;
use serde_json::Value;
use testkit::real::not_run;
use testkit::signer::Signer;
use testkit::vector::{key, with_keys};
use verdict::suffix::BuiltIn;
use verdict::{Envelope, Verdict, judge};

/// The attacker's names are all below attack.com, where a wildcard authorises whatever stands left of it.
const ZONE: &str = "\
legitimate.com.   TXT \"v=spf1 ip4:192.0.2.10 -all\"
_dmarc.legitimate.com. TXT \"v=DMARC1; p=reject\"
selector._domainkey.legitimate.com. TXT {key:victim}
attack.com.       TXT \"v=spf1 ip4:203.0.113.66 -all\"
*.attack.com.     TXT \"v=spf1 ip4:203.0.113.66 -all\"
helo.attack.com.  TXT \"v=spf1 ip4:203.0.113.66 -all\"
any.com.          TXT \"v=spf1 ip4:203.0.113.66 -all\"
selector._domainkey.attack.com. TXT {key:attacker}
selector._domainkey.attack.com.\\000.any._domainkey.legitimate.com. TXT {key:attacker}
selector._domainkey.legitimate.com'a.attack.com. TXT {key:attacker}
legitimate.com'a.attack.com. TXT \"v=spf1 ip4:203.0.113.66 -all\"
example.com.      TXT \"v=spf1 ip4:198.51.100.25 -all\"
_dmarc.example.com. TXT \"v=DMARC1; p=reject\"
";

/// What comes of each case: SPF of MAIL FROM, SPF of HELO, DKIM, DMARC, the author domain.
#[rustfmt::skip]
const CASES: &[(&str, [&str; 5])] = &[
    // The mailbox and its domain belong to the provider, whose own server vouches for them: DMARC speaks of no users.
    ("client_a1", ["pass", "none", "", "permerror", ""]),
    ("client_a2", ["pass", "none", "", "pass", "example.com"]),
    ("client_a3", ["pass", "none", "", "pass", "example.com"]),
    // A subdomain that does not exist has no SPF record, and passes nothing.
    ("server_a1", ["none", "pass", "", "fail", "legitimate.com"]),
    // No path: the local part has a parenthesis. It is not taken for the null sender, for which HELO would pass.
    ("server_a2", ["permerror", "pass", "", "fail", "legitimate.com"]),
    // A selector with a NUL is none, and no question is asked for it; a header with a NUL may be read in two ways.
    ("server_a3", ["pass", "pass", "permerror", "permerror", ""]),
    // A domain with a quote is none.
    ("server_a4", ["pass", "pass", "permerror", "fail", "legitimate.com"]),
    // No paths: a parenthesis in the domain, two at signs.
    ("server_a5", ["permerror", "pass", "", "fail", "legitimate.com"]),
    ("server_a6", ["permerror", "pass", "", "fail", "legitimate.com"]),
    // A source route is left out (RFC 5321 §4.1.1.3): what remains is the attacker's own mailbox.
    ("server_a7", ["pass", "pass", "", "fail", "legitimate.com"]),
    // Two From fields, or a header in which others may see two.
    ("server_a8", ["pass", "pass", "", "permerror", ""]),
    ("server_a9", ["pass", "pass", "", "permerror", ""]),
    ("server_a10", ["pass", "pass", "", "permerror", ""]),
    ("server_a11", ["pass", "pass", "", "permerror", ""]),
    ("server_a12", ["pass", "pass", "", "permerror", ""]),
    ("server_a13", ["pass", "pass", "", "permerror", ""]),
    // Authors of two domains.
    ("server_a14", ["pass", "pass", "", "permerror", ""]),
    // No addresses: an encoded word, a route, a quoted comma, text behind the address.
    ("server_a15", ["pass", "pass", "", "permerror", ""]),
    ("server_a16", ["pass", "pass", "", "permerror", ""]),
    ("server_a17", ["pass", "pass", "", "permerror", ""]),
    ("server_a18", ["pass", "pass", "", "permerror", ""]),
    ("server_a19", ["pass", "pass", "", "permerror", ""]),
];

fn suite() -> Option<PathBuf> {
    let default = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/suites");
    let folder =
        std::env::var_os("MAILWARD_SUITES").map_or_else(default, PathBuf::from).join("spoof-espoofer");
    if folder.join("testcases.json").is_file() {
        return Some(folder);
    }
    not_run("the espoofer suite", &format!("{} does not hold it", folder.display()));
    None
}

fn judged(case: &Value, message: &[u8], client: &str) -> Verdict {
    let text = |name: &str| case[name].as_str().unwrap().as_bytes().to_vec();
    let envelope = Envelope {
        client: Some(client.parse().unwrap()),
        helo: Some(text("helo")),
        mail_from: Some(text("mailfrom")),
        rcpt_to: vec![text("rcptto")],
        smtputf8: false,
    };
    let message = match &case["dkim_para"] {
        Value::Null => message.to_vec(),
        dkim => {
            let tag = |name: &str| dkim[name].as_str().unwrap();
            Signer::new(tag("d"), tag("s"), &key("attacker")).tag("h", "from").sign(message)
        }
    };
    let zone = Zone::parse(format!("$TTL 60\n{}", with_keys(ZONE))).unwrap();
    pollster::block_on(judge(&zone, &envelope, &message, NOW, &settings(), &BuiltIn))
}

fn summary(verdict: &Verdict) -> [String; 5] {
    let spf =
        |check: &Option<spf::Check>| check.as_ref().map_or("", |check| check.outcome().as_str()).to_owned();
    let dkim: Vec<_> = verdict.dkim().iter().map(|check| check.outcome().as_str()).collect();
    [
        spf(&verdict.spf().mail_from),
        spf(&verdict.spf().helo),
        dkim.join(" "),
        verdict.dmarc().outcome().as_str().to_owned(),
        verdict.author().map_or(String::new(), |author| author.domain().to_string()),
    ]
}

/// The field has our results alone, and nothing in it passes in the victim's name.
fn check_nothing_injected(name: &str, verdict: &Verdict) {
    check_field(verdict);
    let results = &verdict.authentication_results().results;
    let count = |method: Method| results.iter().filter(|result| result.method == method).count();
    let counts = [count(Method::Dkim), count(Method::Spf), count(Method::Dmarc)];
    assert_eq!(counts, [verdict.dkim().len().max(1), 2, 1], "{name}");
    assert_eq!(results.len(), counts.iter().sum::<usize>(), "{name}");
    for part in verdict.authentication_results().field().split(';').filter(|part| part.contains("=pass")) {
        assert!(!part.contains("legitimate.com"), "{name}: {part}");
    }
}

#[test]
fn every_attack_of_the_suite() {
    let Some(folder) = suite() else { return };
    let cases: BTreeMap<String, Value> =
        serde_json::from_slice(&std::fs::read(folder.join("testcases.json")).unwrap()).unwrap();
    assert!(cases.keys().eq(CASES.iter().map(|(name, _)| *name).collect::<BTreeSet<_>>()));
    let mut wrong = Vec::new();
    for (name, expected) in CASES {
        let message = std::fs::read(folder.join(format!("eml/{name}.eml"))).unwrap();
        let client = if name.starts_with("client") { "198.51.100.25" } else { "203.0.113.66" };
        let verdict = judged(&cases[*name], &message, client);
        let dmarc = verdict.dmarc();
        let passed = dmarc.outcome() == dmarc::Outcome::Pass;
        assert!(!passed || dmarc.author_domain().is_none_or(|d| d.as_str() != "legitimate.com"), "{name}");
        check_nothing_injected(name, &verdict);
        let got = summary(&verdict);
        if got != *expected {
            wrong.push(format!("{name}: {got:?}, not {expected:?}\n{}", tell(&verdict)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// The same two signed cases pass where nothing is odd in them: the zone and the signer can make a pass.
#[test]
fn the_attackers_own_mail_passes() {
    let case = serde_json::json!({
        "helo": "attack.com", "mailfrom": "<any@attack.com>", "rcptto": "<victim@victim.com>",
        "dkim_para": { "d": "attack.com", "s": "selector" },
    });
    let verdict = judged(&case, b"From: <any@attack.com>\r\nSubject: own\r\n\r\nbody\r\n", "203.0.113.66");
    assert_eq!(summary(&verdict), ["pass", "pass", "pass", "none", "attack.com"], "{}", tell(&verdict));
}
