//! Mail by real Postfix, of two versions.

use std::fs;

use testkit::real::postfix::{Postfix, version};
use testkit::real::{Root, wait_until};

use super::lab::{Lab, Program};

const SENT: &str = "status=sent";
const DEFERRED: &str = "status=deferred";

/// Each case of the table: how mail to the domain ends, and a part of what Postfix says.
const CASES: &[(&str, &str, &str)] = &[
    ("plain.test", SENT, ""),
    ("plain-no-tls.test", SENT, ""),
    ("sts-good.test", SENT, ""),
    ("sts-wild.test", SENT, ""),
    ("sts-testing.test", SENT, ""),
    ("sts-none.test", SENT, ""),
    ("sts-wrong-mx.test", DEFERRED, "4.7.5"),
    ("sts-other-name.test", DEFERRED, "Server certificate not"),
    ("sts-expired.test", DEFERRED, "Server certificate not"),
    ("sts-unknown.test", DEFERRED, "Server certificate not"),
    ("sts-no-tls.test", DEFERRED, "TLS is required, but was not offered"),
    ("dane-good.test", SENT, ""),
    ("dane-bad.test", DEFERRED, "Server certificate not"),
    ("dane-bogus.test", DEFERRED, "TLSA lookup error"),
    ("sts-dane.test", SENT, ""),
    ("sts-dane-bad.test", DEFERRED, "Server certificate not"),
    ("unsigned.test", SENT, ""),
    ("unsigned-wrong.test", DEFERRED, "4.7.5"),
    ("three.test", SENT, ""),
];

/// Without TLS: what nobody asked to be encrypted.
const CLEAR: &[&str] = &["plain-no-tls.test"];

fn start(root: &Root, lab: &Lab, place: &str) -> Postfix {
    start_with(root, lab, &format!("socketmap:{place}:tls-policy"))
}

fn start_with(root: &Root, lab: &Lab, maps: &str) -> Postfix {
    let settings = format!(
        "relay_domains = test\nrelay_transport = smtp\nsmtp_tls_security_level = may\nsmtp_dns_support_level = dnssec\n\
         smtp_tls_policy_maps = {maps}\nsmtp_tls_CAfile = $config_directory/ca.pem\n\
         smtp_tls_loglevel = 1\n"
    );
    let postfix = Postfix::start_with_dns(root, &settings, lab.resolver.addr);
    fs::write(postfix.folder().join("ca.pem"), lab.authority.pem()).unwrap();
    postfix
}

/// Sends to a domain, and waits until Postfix has an end for it: what its log says.
fn send(postfix: &Postfix, domain: &str) -> String {
    let before = postfix.log().matches(" status=").count();
    let mut client = postfix.converse();
    client.say("EHLO client.example");
    let reply = client.message("", &[&format!("b@{domain}")], b"Subject: x\r\n\r\nbody\r\n");
    assert!(reply.starts_with("250 2.0.0"), "{reply}");
    assert!(wait_until(|| postfix.log().matches(" status=").count() > before), "{}", postfix.log());
    let log = postfix.log();
    let line = log.lines().rfind(|line| line.contains(" status=")).unwrap();
    line.split_once("dsn=").unwrap().1.to_owned()
}

fn check(lab: &Lab, program: &Program, postfix: &Postfix, (domain, ended, why): (&str, &str, &str)) {
    let (before, before_tls) = lab.arrived(domain);
    let found = send(postfix, domain);
    let context = || format!("{domain}: {found}\n{}", program.log());
    assert!(found.contains(ended) && found.contains(why), "{}", context());
    let (all, tls) = lab.arrived(domain);
    assert_eq!(all - before, usize::from(ended == SENT), "{}", context());
    if !CLEAR.contains(&domain) {
        assert_eq!(tls - before_tls, all - before, "{}", context());
    }
}

#[test]
fn sts_and_dane_by_two_versions_of_postfix() {
    for root in Root::all(&["postfix"]) {
        let Some(lab) = Lab::start() else { return };
        let mut program = Program::start(&lab, &version(&root));
        let postfix = start(&root, &lab, &format!("inet:{}", program.addr));
        for case in CASES {
            check(&lab, &program, &postfix, *case);
        }
        // Whatever was known is known after a kill, though the policies can't be had any more.
        lab.policies.lock().unwrap().clear();
        program.kill_and_start();
        for case in CASES {
            check(&lab, &program, &postfix, *case);
        }
    }
}

#[test]
fn killed_between_any_two_steps() {
    let Some(root) = Root::find(&["postfix"]) else { return };
    let Some(lab) = Lab::start() else { return };
    let mut program = Program::start(&lab, &version(&root));
    let postfix = start(&root, &lab, &format!("inet:{}", program.addr));
    for case in CASES.iter().filter(|(domain, ..)| domain.starts_with("sts-")) {
        program.kill_and_start();
        check(&lab, &program, &postfix, *case);
        program.kill_and_start();
        check(&lab, &program, &postfix, *case);
    }
}

#[test]
fn over_a_unix_socket_in_the_queue_directory() {
    for root in Root::all(&["postfix"]) {
        let Some(lab) = Lab::start() else { return };
        // As the lines say that init prints: from the queue directory, which is right in a chroot too.
        let postfix = start(&root, &lab, "unix:tls-policy.sock");
        let socket = postfix.folder().join("queue/tls-policy.sock");
        let place = format!("'{}'\nsocket_mode = '666'", socket.display());
        let program = Program::start_at(&lab, &version(&root), &place, ([127, 0, 0, 1], 0).into());
        for case in CASES {
            check(&lab, &program, &postfix, *case);
        }
    }
}

#[test]
fn sts_21_a_table_of_the_site_that_stands_before_ours() {
    for root in Root::all(&["postfix"]) {
        let Some(lab) = Lab::start() else { return };
        let program = Program::start(&lab, &version(&root));
        let own = "inline:{ { sts-wrong-mx.test = may }, { sts-other-name.test = encrypt } }";
        let postfix = start_with(&root, &lab, &format!("{own}, socketmap:inet:{}:tls-policy", program.addr));
        for (domain, ended, why) in CASES {
            let ended = match *domain {
                "sts-wrong-mx.test" | "sts-other-name.test" => SENT,
                _ => ended,
            };
            check(&lab, &program, &postfix, (domain, ended, if ended == SENT { "" } else { why }));
        }
    }
}
