//! What real Postfix, the oldest and the newest that is supported, makes of the policies that it is told: it takes each of
//! them, and obeys it. The mail servers here have no TLS, so no mail goes where a policy is obeyed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests"
)]

use std::fs;

use dns::{Name, Zone};
use mail::Domain;
use mta_sts::Policy;
use testkit::real::postfix::{Postfix, version};
use testkit::real::smtp::Sink;
use testkit::real::{Root, knot, wait_until};
use verdict::tls::postfix::{self, Version};
use verdict::tls::{Facts, Sts, UseDane, decide};

/// A domain: its name, the `mx` fields of its policy, its MX hosts, and what Postfix says of the mail.
struct Case {
    domain: String,
    mx: Vec<String>,
    hosts: Vec<String>,
    why: &'static str,
}

const OBEYED: &str = "TLS is required, but was not offered";
const WAITS: &str = "client TLS configuration problem";

fn cases() -> Vec<Case> {
    let case = |domain: &str, mx: &str, hosts: &str, why| Case {
        domain: domain.to_owned(),
        mx: mx.split_whitespace().map(str::to_owned).collect(),
        hosts: hosts.split_whitespace().map(str::to_owned).collect(),
        why,
    };
    // So many names of 70 bytes.
    let many = |count: usize| -> String {
        (0..count).map(|n| format!("n{n:03}.{}.test ", "a".repeat(60))).collect()
    };
    vec![
        case("one.test", "mx.one.test", "mx.one.test", OBEYED),
        case("wild.test", "*.wild.test", "mx.wild.test", OBEYED),
        case("both.test", "*.both.test mx.else.test", "mx.else.test b.both.test", OBEYED),
        case("_x.a_b.test", "mx_1.a_b.test *.c_d.test", "mx_1.a_b.test", OBEYED),
        case("xn--bcher-kva.test", "*.xn--bcher-kva.test", "mx.xn--bcher-kva.test", OBEYED),
        case("1.2.test", "*.2.test", "1.2.test", OBEYED),
        case("odd.test", "*.odd.test", "mx.odd.test -bad.odd.test", OBEYED),
        // Of dead.left.test nobody knows what DANE says, so it is left out.
        case("left.test", "*.left.test", "mx.left.test -bad.left.test dead.left.test", OBEYED),
        case("stranger.test", "mx.stranger.test", "mx.else.test", WAITS),
        case("long.test", &format!("{}mx.long.test", many(500)), "mx.long.test", OBEYED),
        case("longer.test", &format!("{}mx.longer.test", many(850)), "mx.longer.test", OBEYED),
    ]
}

/// Where mail to all of them goes, and that all of them want reports.
fn zone(cases: &[Case], sink: &Sink) -> String {
    let mut zone =
        ". 300 SOA . . 1 1 1 1 300\n. 300 NS .\n;! authenticated\n;! servfail dead.left.test. A\n".to_owned();
    for Case { domain, hosts, .. } in cases {
        for host in hosts {
            zone.push_str(&format!("{domain}. 300 MX 10 {host}.\n{host}. 300 A {}\n", sink.addr.ip()));
        }
        zone.push_str(&format!("_smtp._tls.{domain}. 300 TXT \"v=TLSRPTv1; rua=mailto:r@{domain}\"\n"));
    }
    zone
}

/// A line of Postfix's table for a domain: what it is told.
fn line(case: &Case, zone: &Zone, postfix: &postfix::Postfix) -> String {
    let mx: String = case.mx.iter().map(|mx| format!("mx: {mx}\n")).collect();
    let body = format!("version: STSv1\nmode: enforce\n{mx}max_age: 86400\n");
    let sts = Sts::Policy(Policy::parse(body.as_bytes()).value.unwrap());
    let domain = Domain::parse(&case.domain).unwrap();
    let destination = pollster::block_on(dane::lookup(zone, &Name::from(&domain), 25));
    let facts = Facts { domain: &domain, sts: &sts, destination: &destination, dane: UseDane::Yes };
    match postfix.answer(&decide(facts)) {
        postfix::Answer::Ok(policy) => format!("{domain} {policy}\n"),
        // A table of this kind knows no "later"; what is no policy has the same end.
        postfix::Answer::Temp(_) => format!("{domain} later\n"),
        postfix::Answer::NotFound => panic!("{domain}: nothing is said"),
    }
}

fn end(postfix: &Postfix, domain: &str) -> String {
    let before = postfix.log().matches(" dsn=").count();
    let mut client = postfix.converse();
    client.say("EHLO client.example");
    let reply = client.message("", &[&format!("b@{domain}")], b"Subject: x\r\n\r\nbody\r\n");
    assert!(reply.starts_with("250 2.0.0"), "{domain}: {reply}");
    assert!(wait_until(|| postfix.log().matches(" dsn=").count() > before), "{}", postfix.log());
    let log = postfix.log();
    log.lines().rfind(|line| line.contains(" dsn=")).unwrap().to_owned()
}

#[test]
fn what_each_version_makes_of_what_it_is_told() {
    for root in Root::all(&["postfix"]) {
        let (cases, sink) = (cases(), Sink::start_as_mx());
        let text = zone(&cases, &sink);
        let Some(dns) = knot(&text) else { return };
        let settings = "relay_domains = test\nrelay_transport = smtp\nsmtp_tls_security_level = may\n\
            smtp_tls_policy_maps = texthash:$config_directory/policies\nsmtp_tlsrpt_enable = yes\n\
            smtp_tlsrpt_socket_name = tlsrpt\n";
        let postfix = Postfix::start_with_dns(&root, settings, "", dns.addr);
        let told = postfix::Postfix::new(Version::parse(&version(&root)).unwrap());
        let zone = Zone::parse(&text).unwrap();
        let table: String = cases.iter().map(|case| line(case, &zone, &told)).collect();
        fs::write(postfix.folder().join("policies"), table).unwrap();
        for case in &cases {
            let found = end(&postfix, &case.domain);
            assert!(
                found.contains("status=deferred") && found.contains(case.why),
                "{found}\n{}",
                postfix.log()
            );
        }
        let log = postfix.log();
        for word in [
            "killed by signal",
            "panic:",
            "fatal:",
            "invalid attribute",
            "malformed attribute",
            "malformed value",
        ] {
            assert!(!log.contains(word), "{word}: {log}");
        }
        assert_eq!(sink.count(), 0);
    }
}
