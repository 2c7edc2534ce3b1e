//! Mail by real Postfix, of two versions: the table of docs/tls-policy.md.

use testkit::real::Root;
use testkit::real::postfix::{Postfix, version};
use verdict::tls::postfix::Version;

use super::lab::Lab;
use super::mail::{End, ends, start, submit};
use super::program::Program;

const NONE_ALLOWED: &str = "told: the MTA-STS policy in force allows none of the MX hosts";

/// Where mail to a domain goes: a server, over TLS unless it says otherwise; or a part of why it waits; or what
/// Postfix is told, so that it waits.
const CASES: &[(&str, &str)] = &[
    ("plain.test", "mx.plain.test"),
    ("plain-no-tls.test", "mx.plain-no-tls.test in clear"),
    ("plain-expired.test", "mx.plain-expired.test"),
    ("sts-good.test", "mx.sts-good.test"),
    ("sts-second.test", "mx2.sts-second.test"),
    ("sts-wrong-mx.test", NONE_ALLOWED),
    ("STS-Wrong-MX.TEST", NONE_ALLOWED),
    ("sts-other-name.test", "waits: Server certificate not"),
    ("sts-expired.test", "waits: Server certificate not"),
    ("sts-unknown.test", "waits: Server certificate not"),
    ("sts-self-signed.test", "waits: Server certificate not"),
    ("sts-no-tls.test", "waits: TLS is required, but was not offered"),
    ("sts-wild.test", "mx.sts-wild.test"),
    ("sts-deep.test", NONE_ALLOWED),
    ("sts-deep-first.test", "mx.sts-deep-first.test"),
    ("sts-same.test", NONE_ALLOWED),
    ("sts-testing.test", "mx.sts-testing.test"),
    ("sts-testing-other-name.test", "mx.sts-testing-other-name.test"),
    ("sts-testing-expired.test", "mx.sts-testing-expired.test"),
    ("sts-testing-no-tls.test", "mx.sts-testing-no-tls.test in clear"),
    ("sts-none.test", "mx.sts-none.test"),
    ("sts-none-no-tls.test", "mx.sts-none-no-tls.test in clear"),
    ("sts-unfetchable.test", "mx.sts-unfetchable.test"),
    ("sts-broken.test", "mx.sts-broken.test"),
    ("b\u{fc}cher.test", "mx.xn--bcher-kva.test"),
    ("xn--bcher-kva.test", "mx.xn--bcher-kva.test"),
    ("m\u{fc}ller.test", NONE_ALLOWED),
    ("sub.sts-wrong-mx.test", "mx.plain.test"),
    ("dane-good.test", "mx.dane-good.test"),
    ("dane-authority.test", "mx.dane-authority.test"),
    ("dane-bad.test", "waits: Server certificate not"),
    ("dane-bogus.test", "waits: TLSA lookup error"),
    ("dane-no-tls.test", "waits: TLS is required, but was not offered"),
    ("dane-unusable.test", "mx.dane-unusable.test"),
    ("dane-unusable-no-tls.test", "waits: TLS is required, but was not offered"),
    ("dane-second.test", "mx2.dane-second.test"),
    ("dane-mixed.test", "mx2.dane-mixed.test in clear"),
    ("bogus-mx.test", "waits: name=bogus-mx.test type=MX: Host not found, try again"),
    ("bogus-address.test", "waits: name=mx2.three.test type=A: Host not found, try again"),
    ("sts-bogus-mx.test", "waits: name=sts-bogus-mx.test type=MX: Host not found, try again"),
    ("sts-dane.test", "mx.sts-dane.test"),
    ("sts-dane-bad.test", "waits: Server certificate not"),
    (
        "sts-dane-bogus.test",
        "told: the TLSA records of all MX hosts that the MTA-STS policy allows can't be looked up",
    ),
    ("sts-dane-unusable.test", "mx.sts-dane-unusable.test"),
    ("sts-dane-unusable-bad.test", "waits: Server certificate not"),
    ("unsigned.test", "mx.dane-good.test"),
    ("unsigned-bad.test", "waits: Server certificate not"),
    ("unsigned-wrong.test", NONE_ALLOWED),
    ("three.test", "mx1.three.test"),
    ("three-plain.test", "mx1.three.test"),
    // Smart hosts: their own policies count, and those of the addresses do not.
    ("smart.test", "mx.smart.test"),
    ("smart-bad.test", "waits: Server certificate not"),
    ("relayed.test", "mx.relay.test"),
];

/// What Postfix warns of, where all is as it should be. Above all nothing about attributes of an answer.
const WARNINGS: &[&str] = &[
    "overriding earlier entry: relay_",
    "overriding earlier entry: smtp_tls_",
    // The root of these tests is its own name server.
    "valid_hostname: empty hostname",
    "malformed domain name in resource data of NS record for : ",
    // We say TEMP.
    "socketmap server temporary error: ",
    ":tls-policy lookup error for ",
    ": policy table lookup error",
    ": client TLS configuration problem",
    // What DANE says of a host.
    "DANE TLSA lookup problem: ",
    ": TLSA lookup error for ",
    "unsupported TLSA certificate usage: 1 0 1 ",
    "no MX host for bogus-address.test has a valid address record",
    // By mx_host_pattern.
    "MX name 'mx.two.sts-deep-first.test' does not match STS MX pattern for 'sts-deep-first.test'",
];

fn check(lab: &Lab, program: &Program, postfix: &Postfix, cases: &[(&str, &str)]) {
    let domains: Vec<&str> = cases.iter().map(|(domain, _)| *domain).collect();
    let found = ends(lab, postfix, &submit(postfix, &domains), 1);
    let log = postfix.log();
    let mut wrong = Vec::new();
    for ((domain, expected), end) in cases.iter().zip(found) {
        let is_right = match (&end, expected.split_once(": "), expected.strip_suffix(" in clear")) {
            (End::Deferred(found), Some(("waits", why)), _) => found.contains(why),
            (End::Deferred(found), Some(("told", why)), _) => {
                let told = format!("socketmap server temporary error: {why}\n");
                found.contains("client TLS configuration problem")
                    && log.contains(&told)
                    && program.ask(domain) == format!("TEMP {why}")
            }
            (End::Clear(server), None, Some(host)) => server == host,
            (End::Tls(server), None, None) => server == expected,
            _ => false,
        };
        if !is_right {
            wrong.push(format!("{domain}: {expected}: {end:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}\n{}\n{log}", wrong.join("\n"), program.log());
    let warned = |line: &&str| {
        let words = ["warning:", "error:", "fatal:", "panic:"];
        line.contains("postfix/smtp[") && words.iter().any(|word| line.contains(word))
    };
    let odd = log.lines().filter(warned).find(|line| !WARNINGS.iter().any(|known| line.contains(known)));
    assert_eq!(odd, None);
}

#[test]
fn sts_and_dane_by_two_versions_of_postfix() {
    let Some(lab) = Lab::start() else { return };
    let policies = lab.policies.lock().unwrap().clone();
    for root in Root::all(&["postfix"]) {
        *lab.policies.lock().unwrap() = policies.clone();
        let mut program = Program::start(&lab, &version(&root));
        let postfix = start(&root, &lab, &format!("inet:{}", program.addr), "");
        check(&lab, &program, &postfix, CASES);
        // Whatever was known is known after a kill, though the policies can't be had any more.
        lab.policies.lock().unwrap().clear();
        program.kill_and_start();
        check(&lab, &program, &postfix, CASES);
    }
}

/// A Postfix that knows the attributes for reports, and does not hold names against patterns.
#[test]
fn where_names_are_not_held_against_patterns() {
    let Some(lab) = Lab::start() else { return };
    for root in Root::all(&["postfix"]) {
        if Version::parse(&version(&root)).unwrap() < Version::PATTERNS {
            continue;
        }
        let program = Program::start(&lab, "3.10.4");
        let settings = "smtp_tls_enforce_sts_mx_patterns = no\n";
        let postfix = start(&root, &lab, &format!("inet:{}", program.addr), settings);
        check(&lab, &program, &postfix, CASES);
    }
}

#[test]
fn over_a_unix_socket_in_the_queue_directory() {
    let Some(lab) = Lab::start() else { return };
    for root in Root::all(&["postfix"]) {
        // As the lines say that init prints: from the queue directory, which is right in a chroot too.
        let postfix = start(&root, &lab, "unix:tls-policy.sock", "");
        let socket = postfix.folder().join("queue/tls-policy.sock");
        // Over TCP nobody listens.
        let place = format!("'{}'\nsocket_mode = '666'", socket.display());
        let program = Program::start_at(&lab, &version(&root), &place, ([127, 0, 0, 1], 0).into());
        let cases: Vec<_> = CASES.iter().copied().filter(|(_, ends)| !ends.starts_with("told")).collect();
        check(&lab, &program, &postfix, &cases);
    }
}

#[test]
fn sts_21_a_table_of_the_site_that_stands_before_ours() {
    let Some(lab) = Lab::start() else { return };
    for root in Root::all(&["postfix"]) {
        let program = Program::start(&lab, &version(&root));
        let own = "inline:{ { sts-wrong-mx.test = may }, { sts-other-name.test = encrypt } }";
        let ours = format!("inet:{}", program.addr);
        let both = format!("smtp_tls_policy_maps = {own}, socketmap:{ours}:tls-policy\n");
        let postfix = start(&root, &lab, &ours, &both);
        let cases = CASES.iter().map(|(domain, ends)| match *domain {
            "sts-wrong-mx.test" => (*domain, "mx.sts-wrong-mx.test"),
            "sts-other-name.test" => (*domain, "mx.sts-other-name.test"),
            _ => (*domain, *ends),
        });
        // A name in capitals is no other name.
        let cases: Vec<_> = cases.filter(|(domain, _)| *domain != "STS-Wrong-MX.TEST").collect();
        check(&lab, &program, &postfix, &cases);
    }
}

/// What docs/tls-policy.md and `doctor` say of a stricter level: it holds, but for hosts without TLSA records beside one with them.
#[test]
fn a_stricter_level_of_the_site() {
    let Some(lab) = Lab::start() else { return };
    for root in Root::all(&["postfix"]) {
        let program = Program::start(&lab, &version(&root));
        let level = "smtp_tls_security_level = encrypt\n";
        let postfix = start(&root, &lab, &format!("inet:{}", program.addr), level);
        let cases = [
            ("plain.test", "mx.plain.test"),
            ("plain-no-tls.test", "waits: TLS is required, but was not offered"),
            ("sts-testing-no-tls.test", "waits: TLS is required, but was not offered"),
            ("dane-mixed.test", "mx2.dane-mixed.test in clear"),
        ];
        check(&lab, &program, &postfix, &cases);
    }
}
