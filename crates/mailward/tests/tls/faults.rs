//! What goes wrong in the middle: the program killed, the DNS and the database away, policies that change.

use std::thread::scope;
use std::time::Duration;

use nix::sys::signal::Signal;
use testkit::real::postfix::version;
use testkit::real::postgres::Postgres;
use testkit::real::{Root, wait_until};
use verdict::tls::postfix::Version;

use super::lab::{Lab, policy};
use super::mail::{End, ends, flush, send, start, start_with, submit};
use super::program::{Program, config};

const NONE_ALLOWED: &str = "TEMP the MTA-STS policy in force allows none of the MX hosts";

fn over_tls(server: &str) -> End {
    End::Tls(server.to_owned())
}

/// Waits, because of what Postfix was told.
fn is_told_to_wait(end: &End) -> bool {
    matches!(end, End::Deferred(why) if why.contains("client TLS configuration problem"))
}

/// The record of a domain's policy, with another id.
fn record(domain: &str, id: u32) -> String {
    format!("_mta-sts.{domain}. 30 TXT \"v=STSv1; id={id};\"")
}

#[test]
fn killed_while_postfix_waits_for_an_answer() {
    let Some(lab) = Lab::start() else { return };
    for root in Root::all(&["postfix"]) {
        // The socket is systemd's, and outlives the program: Postfix asks once more and sees nothing of it.
        let mut program = Program::start_given(&lab, &version(&root));
        let postfix = start(&root, &lab, &format!("inet:{}", program.addr), "");
        for (domain, goes) in [("sts-good.test", true), ("sts-wrong-mx.test", false)] {
            // Between the look at the record and the policy.
            lab.gate.close(domain);
            let addresses = submit(&postfix, &[domain]);
            lab.gate.wait_for(domain);
            program.kill();
            lab.gate.open();
            program.start_again();
            let end = ends(&lab, &postfix, &addresses, 1).remove(0);
            if goes {
                assert_eq!(end, over_tls("mx.sts-good.test"))
            } else {
                assert!(is_told_to_wait(&end), "{end:?}")
            }
            assert!(postfix.log().matches(&addresses[0]).count() == 1, "{}", postfix.log());
        }
        // Told to end, it answers first.
        lab.gate.close("sts-wild.test");
        let addresses = submit(&postfix, &["sts-wild.test"]);
        lab.gate.wait_for("sts-wild.test");
        program.signal(Signal::SIGTERM);
        lab.gate.open();
        assert_eq!(ends(&lab, &postfix, &addresses, 1), [over_tls("mx.sts-wild.test")]);
        program.ended();
        program.start_again();
        assert_eq!(send(&lab, &postfix, "sts-wild.test"), over_tls("mx.sts-wild.test"));
    }
}

#[test]
fn killed_where_the_socket_goes_too() {
    let Some(lab) = Lab::start() else { return };
    for root in Root::all(&["postfix"]) {
        let mut program = Program::start(&lab, &version(&root));
        let postfix = start(&root, &lab, &format!("inet:{}", program.addr), "");
        lab.gate.close("sts-good.test");
        let addresses = submit(&postfix, &["sts-good.test"]);
        lab.gate.wait_for("sts-good.test");
        program.kill();
        lab.gate.open();
        // Nobody to ask: nothing goes out, of whatever domain.
        let plain = submit(&postfix, &["plain.test"]);
        for end in ends(&lab, &postfix, &[&addresses[..], &plain].concat(), 1) {
            assert!(is_told_to_wait(&end), "{end:?}");
        }
        program.start_again();
        flush(&postfix);
        let found = ends(&lab, &postfix, &[&addresses[..], &plain].concat(), 2);
        assert_eq!(found, [over_tls("mx.sts-good.test"), over_tls("mx.plain.test")]);
    }
}

/// Old or new, whenever it dies; never none.
#[test]
fn sts_22_killed_around_the_write_of_a_policy() {
    const DOMAIN: &str = "sts-wrong-mx.test";
    let Some(lab) = Lab::start() else { return };
    let old = lab.policies.lock().unwrap().get(DOMAIN).cloned().unwrap();
    let changed = lab.resolver(&[&record(DOMAIN, 2)]);
    let (mut olds, mut news) = (0, 0);
    for number in 0..20u64 {
        lab.policies.lock().unwrap().insert(DOMAIN.to_owned(), old.clone());
        let mut program = Program::start(&lab, "3.10.13");
        assert_eq!(program.ask(DOMAIN), NONE_ALLOWED);
        program.reconfigure(&lab.resolver.addr.to_string(), &changed.addr.to_string());
        lab.policies.lock().unwrap().insert(DOMAIN.to_owned(), policy("enforce mx.sts-wrong-mx.test"));
        lab.gate.close(DOMAIN);
        scope(|scope| {
            // Nobody is there to answer it.
            let asked = scope.spawn(|| std::panic::catch_unwind(|| program.ask(DOMAIN)));
            lab.gate.wait_for(DOMAIN);
            lab.gate.open();
            // Each time a little later.
            std::thread::sleep(Duration::from_micros(200 * number));
            program.signal(Signal::SIGKILL);
            drop(asked.join());
        });
        lab.policies.lock().unwrap().remove(DOMAIN);
        program.kill();
        program.start_again();
        let answer = program.ask(DOMAIN);
        match answer.starts_with("OK secure match=mx.sts-wrong-mx.test ") {
            true => news += 1,
            false => {
                assert_eq!(answer, NONE_ALLOWED, "{number}");
                olds += 1;
            }
        }
    }
    println!("{olds} times the old one, {news} times the new one");
}

#[test]
fn a_policy_that_is_replaced_or_over_lets_waiting_mail_go() {
    let Some(lab) = Lab::start() else { return };
    let Some(root) = Root::find(&["postfix"]) else { return };
    let short = policy("enforce mx.other.test").replace("604800", "1");
    lab.policies.lock().unwrap().insert("sts-good.test".to_owned(), short);
    let mut program = Program::start(&lab, &version(&root));
    let postfix = start(&root, &lab, &format!("inet:{}", program.addr), "");
    let addresses = submit(&postfix, &["sts-wrong-mx.test", "sts-good.test"]);
    assert!(ends(&lab, &postfix, &addresses, 1).iter().all(is_told_to_wait));
    // Its owner mends the policy and changes the id.
    let changed = lab.resolver(&[&record("sts-wrong-mx.test", 2)]);
    lab.policies
        .lock()
        .unwrap()
        .insert("sts-wrong-mx.test".to_owned(), policy("enforce mx.sts-wrong-mx.test"));
    program.reconfigure(&lab.resolver.addr.to_string(), &changed.addr.to_string());
    // The policy of the other one ends, and its host is gone.
    lab.policies.lock().unwrap().remove("sts-good.test");
    assert!(wait_until(|| program.ask("sts-good.test") == "NOTFOUND "), "{}", program.log());
    flush(&postfix);
    let found = ends(&lab, &postfix, &addresses, 2);
    assert_eq!(found, [over_tls("mx.sts-wrong-mx.test"), over_tls("mx.sts-good.test")]);
}

/// Postfix keeps connections open and uses them again, maybe without a question: they are as good as when they were made.
#[test]
fn connections_that_postfix_keeps() {
    const SETTINGS: &str = "smtp_connection_cache_destinations = sts-good.test\n\
        smtp_connection_cache_time_limit = 10s\nsmtp_tls_connection_reuse = yes\n";
    const SERVICES: &str = "scache unix - - n - 1 scache\ntlsproxy unix - - n - 0 tlsproxy\n";
    let Some(lab) = Lab::start() else { return };
    for root in Root::all(&["postfix"]) {
        let program = Program::start(&lab, &version(&root));
        let postfix = start_with(&root, &lab, &format!("inet:{}", program.addr), SETTINGS, SERVICES);
        let is_reused = wait_until(|| {
            assert_eq!(send(&lab, &postfix, "sts-good.test"), over_tls("mx.sts-good.test"));
            postfix.log().contains("Verified TLS connection reused to mx.sts-good.test")
        });
        assert!(is_reused, "{}", postfix.log());
    }
}

/// Our resolver is gone, that of Postfix is not.
#[test]
fn sts_10_no_dns_at_all() {
    let Some(lab) = Lab::start() else { return };
    let roots = Root::all(&["postfix"]);
    scope(|scope| {
        for (root, dane) in roots.iter().flat_map(|root| [(root, true), (root, false)]) {
            let lab = &lab;
            scope.spawn(move || without_dns(lab, root, dane));
        }
    });
}

fn without_dns(lab: &Lab, root: &Root, dane: bool) {
    let version = version(root);
    let by_pattern = Version::parse(&version).unwrap() >= Version::PATTERNS;
    let resolver = lab.resolver(&[]);
    let mut program = Program::start_by(lab, |place| {
        let config = config(lab, &version, place);
        let config = config.replace(&lab.resolver.addr.to_string(), &resolver.addr.to_string());
        config.replace("postfix_dane = true", &format!("postfix_dane = {dane}"))
    });
    // With DANE, nobody knows whether that secures the hosts; without it, the policy says enough.
    let cases = [
        ("sts-good.test", !dane),
        ("sts-wild.test", !dane && by_pattern),
        ("sts-wrong-mx.test", false),
        ("sts-testing.test", true),
        ("plain.test", true),
    ];
    let domains = cases.map(|(domain, _)| domain);
    domains.iter().for_each(|domain| drop(program.ask(domain)));
    drop(resolver);
    program.kill_and_start();
    let postfix = start(root, lab, &format!("inet:{}", program.addr), "");
    let found = ends(lab, &postfix, &submit(&postfix, &domains), 1);
    for ((domain, goes), end) in cases.iter().zip(found) {
        let context = format!("{version} {dane} {domain} {end:?}\n{}", program.log());
        match goes {
            true => assert_eq!(end, over_tls(&format!("mx.{domain}")), "{context}"),
            false => assert!(matches!(end, End::Deferred(_)), "{context}"),
        }
    }
}

#[test]
fn no_database_for_a_while() {
    let (Some(lab), Some(mut postgres)) = (Lab::start(), Postgres::start()) else { return };
    let url = format!("url = '{}'", postgres.url());
    let mut program =
        Program::start_by(&lab, |place| config(&lab, "3.10.13", place).replace("path = 'data'", &url));
    const GOOD: &str = "OK secure match=mx.sts-good.test ";
    // What is in memory; what is fetched afresh; what may be enforced, and what may not.
    let away = |program: &Program| {
        scope(|scope| {
            for (domain, expected) in [
                ("sts-good.test", GOOD),
                ("sts-wrong-mx.test", NONE_ALLOWED),
                ("sts-unfetchable.test", "TEMP whether an MTA-STS policy is in force is not known now"),
                ("sts-testing.test", "NOTFOUND "),
                ("plain.test", "NOTFOUND "),
                ("dane-good.test", "OK dane"),
            ] {
                scope.spawn(move || {
                    let answer = program.ask(domain);
                    assert!(answer.starts_with(expected), "{domain}: {answer}\n{}", program.log());
                });
            }
        });
    };
    assert!(program.ask("sts-good.test").starts_with(GOOD), "{}", program.log());
    postgres.stop();
    away(&program);
    // Killed in the meantime: nothing is in memory.
    program.kill_and_start();
    away(&program);
    postgres.run();
    let is_known = wait_until(|| program.ask("sts-unfetchable.test") == "NOTFOUND ");
    assert!(is_known, "{}", program.log());
    // What was fetched in the meantime is written down.
    let is_written = wait_until(|| program.tell(&["sts-wrong-mx.test", "--json"]).1.contains("\"kept\":{"));
    assert!(is_written, "{}", program.log());
    lab.policies.lock().unwrap().clear();
    program.kill_and_start();
    assert_eq!(program.ask("sts-wrong-mx.test"), NONE_ALLOWED, "{}", program.log());
}
