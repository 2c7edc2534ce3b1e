//! `mailward tls-policy` beside `serve`, and what is answered without a Postfix.

use std::net::TcpListener;

use sqlx::{Connection, Executor, SqliteConnection};
use testkit::real::wait_until;

use super::lab::Lab;
use super::program::Program;

#[test]
fn answers_and_what_people_are_told_of_them() {
    let Some(lab) = Lab::start() else { return };
    let mut program = Program::start(&lab, "3.10.5");
    let ask = |program: &Program| {
        let good = "OK secure match=mx.sts-good.test servername=hostname policy_type=sts policy_domain=sts-good.test \
            mx_host_pattern=mx.sts-good.test { policy_string = version: STSv1 } { policy_string = mode: enforce } \
            { policy_string = mx: mx.sts-good.test } { policy_string = max_age: 604800 }";
        for (key, expected) in [
            ("sts-good.test", good),
            ("STS-Good.test", good),
            (".sts-good.test", "NOTFOUND "),
            ("[mx.sts-good.test]", "NOTFOUND "),
            ("sts-testing.test", "NOTFOUND "),
            ("sts-none.test", "NOTFOUND "),
            ("plain.test", "NOTFOUND "),
            ("nowhere.test", "NOTFOUND "),
            ("dane-good.test", "OK dane"),
            ("[mx.dane-good.test]", "OK dane"),
            ("[mx.dane-good.test]:587", "NOTFOUND "),
            ("dane-bogus.test", "OK dane"),
            ("sts-dane.test", "OK dane-only"),
            ("sts-wrong-mx.test", "TEMP the MTA-STS policy in force allows none of the MX hosts"),
            ("unsigned-wrong.test", "TEMP the MTA-STS policy in force allows none of the MX hosts"),
        ] {
            assert_eq!(program.ask(key), expected, "{key}\n{}", program.log());
        }
        // One dead MX host of three: the others are named, and it is not.
        let three = program.ask("three.test");
        assert!(
            three.starts_with("OK secure match=mx1.three.test:mx3.three.test servername=hostname "),
            "{three}"
        );
        let unsigned = program.ask("unsigned.test");
        assert!(unsigned.starts_with("OK secure match=mx.dane-good.test servername=hostname "), "{unsigned}");
    };
    ask(&program);
    // What was fetched needs nobody any more.
    lab.policies.lock().unwrap().clear();
    program.kill_and_start();
    ask(&program);
    people(&program);
}

/// It gives up more rights, and needs none of them for what it does.
#[test]
fn net_14_the_part_alone_finds_policies_and_keeps_them() {
    let Some(lab) = Lab::start() else { return };
    let mut program = Program::start_part(&lab, "3.7");
    let good = "OK secure match=mx.sts-good.test servername=hostname";
    assert_eq!(program.ask("sts-good.test"), good, "{}", program.log());
    assert_eq!(program.ask("dane-good.test"), "OK dane");
    lab.policies.lock().unwrap().clear();
    program.kill_and_start();
    assert_eq!(program.ask("sts-good.test"), good, "{}", program.log());
    assert!(!program.log().contains("listener=milter"), "{}", program.log());
    let (code, text) = program.tell(&["sts-good.test"]);
    assert_eq!(code, 0, "{text}");
}

fn people(program: &Program) {
    let (code, text) = program.tell(&["sts-good.test", "--explain"]);
    assert_eq!(code, 0, "{text}");
    for part in [
        "TLS for mail to sts-good.test",
        "mx.sts-good.test  allowed",
        "an MTA-STS policy in mode enforce is in force [RFC 8461 §5]",
        "Postfix 3.10.5 is told: OK secure match=mx.sts-good.test",
        "Only hosts that the policy allows, with a valid certificate.",
    ] {
        assert!(text.contains(part), "{part}:\n{text}");
    }
    let (code, text) = program.tell(&["sts-wrong-mx.test"]);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("mx.sts-wrong-mx.test  not allowed        no"), "{text}");
    let (code, text) = program.tell(&["three.test", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((code, json["level"].as_str().unwrap()), (0, "secure"), "{text}");
    let hosts: Vec<_> = json["hosts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|h| (h["name"].as_str().unwrap(), h["used"].as_bool().unwrap()))
        .collect();
    assert_eq!(hosts, [("mx2.three.test", false), ("mx1.three.test", true), ("mx3.three.test", true)]);
    let (code, text) = program.tell(&["not a domain"]);
    assert_eq!(code, 2, "{text}");
}

#[test]
fn why_was_this_deferred() {
    let Some(lab) = Lab::start() else { return };
    let program = Program::start(&lab, "3.7");
    assert!(program.ask("sts-wrong-mx.test").starts_with("TEMP "));
    let soon = (mailward::input::now().0 + 60).to_string();
    let mut last = (0, String::new());
    let told = wait_until(|| {
        last = program.tell(&["sts-wrong-mx.test", "--at", &soon]);
        last.0 == 1
    });
    assert!(told, "{}", last.1);
    for part in [
        "TEMP the MTA-STS policy in force allows none of the MX hosts",
        "an MTA-STS policy in mode enforce is in force",
        "fetched",
        "answered",
    ] {
        assert!(last.1.contains(part), "{part}:\n{}", last.1);
    }
    let (code, text) = program.tell(&["sts-wrong-mx.test", "--at", "2001-01-01T00:00:00Z"]);
    assert_eq!(code, 0);
    assert!(text.contains("Nothing is known"), "{text}");
    let (_, text) = program.tell(&["sts-wrong-mx.test", "--json", "--at", &soon]);
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json["answered"]["what"], "answered", "{text}");
}

#[test]
fn what_is_seen_of_mx_hosts() {
    let Some(lab) = Lab::start() else { return };
    let program = Program::start(&lab, "3.10.5");
    let no_record = "no TLSA record speaks of the server's certificates";
    let unknown = "its TLSA records are not known now";
    let stranger = "not signed by an authority that is known here";
    let refused = format!("its certificate is {stranger}");
    let other = "the policy does not allow it";
    for (domain, web, tlsa, enforce, dane_only) in [
        ("plain.test", "good", "", "", ""),
        ("plain-no-tls.test", "", "", "", ""),
        ("sts-good.test", "good", "", "mail", ""),
        ("sts-wild.test", "good", "", "mail", ""),
        ("sts-testing.test", "good", "", other, ""),
        ("sts-none.test", "good", "", "", ""),
        ("sts-other-name.test", "for another name", "", "its certificate is for another name", ""),
        ("sts-expired.test", "expired", "", "its certificate is expired", ""),
        ("sts-unknown.test", stranger, "", refused.as_str(), ""),
        ("sts-no-tls.test", "", "", "STARTTLS is not offered", ""),
        ("dane-good.test", "good", "DANE-EE", "", "mail"),
        ("[mx.dane-good.test]", "good", "DANE-EE", "", "mail"),
        ("dane-bad.test", stranger, no_record, "", no_record),
        ("dane-bogus.test", stranger, unknown, "", unknown),
        ("sts-dane.test", stranger, "DANE-EE", other, "mail"),
        // Its MX records are not authentic, so TLSA records say nothing.
        ("unsigned.test", "good", "", "mail", ""),
    ] {
        let (_, text) = program.tell(&[domain, "--probe", "--json"]);
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        let host = &json["probe"]["hosts"][0];
        let text_of = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let fate = |value: &serde_json::Value| match value["mail"].as_bool() {
            Some(true) => "mail".to_owned(),
            Some(false) => text_of(&value["why"]),
            None => String::new(),
        };
        let found =
            [text_of(&host["web"]), text_of(&host["tlsa"]), fate(&host["enforce"]), fate(&host["dane_only"])];
        assert_eq!(found, [web, tlsa, enforce, dane_only], "{domain}\n{text}");
    }
    // Nothing is said of servers that nobody asked to see, and a look is no mail.
    let (_, text) = program.tell(&["sts-good.test", "--json"]);
    assert!(text.contains("\"probe\":null"), "{text}");
    assert!(lab.servers.values().all(|mx| mx.arrived().is_empty()));
    let (code, text) = program.tell(&["sts-testing.test", "--probe"]);
    assert_eq!(code, 0, "{text}");
    for part in
        ["  mx.sts-testing.test\n", "TLS 1.3 at 127.", "if enforced", "no mail: the policy does not allow it"]
    {
        assert!(text.contains(part), "{part}:\n{text}");
    }
    // One without an address of three.
    let (_, text) = program.tell(&["three.test", "--probe", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    let hosts = json["probe"]["hosts"].as_array().unwrap();
    let taken: Vec<_> = hosts.iter().map(|host| host["enforce"]["mail"].as_bool().unwrap()).collect();
    assert_eq!(taken, [false, true, true], "{text}");
}

#[test]
fn domains_that_test_their_policies_are_looked_at_where_that_is_wanted() {
    let Some(lab) = Lab::start() else { return };
    let addr = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let program = Program::start_at(&lab, "3.10.5", &format!("'{addr}'\nprobe_testing = true"), addr);
    for key in ["sts-good.test", "plain.test", "sts-testing.test"] {
        program.ask(key);
    }
    program.says("what=unready", 1);
    let lost = "mx.sts-testing.test: if enforced: no mail: the policy does not allow it";
    let soon = (mailward::input::now().0 + 60).to_string();
    let mut last = String::new();
    let told = wait_until(|| {
        last = program.tell(&["sts-testing.test", "--at", &soon]).1;
        last.contains(lost)
    });
    assert!(told, "{last}");
    // Of the others nothing was seen, though they came first.
    let log = program.log();
    assert_eq!(log.matches("what=probed").count() + log.matches("what=unready").count(), 1, "{log}");
    assert!(lab.servers.values().all(|mx| mx.arrived().is_empty()));
}

#[test]
fn sts_21_a_policy_is_forgotten_while_serve_runs() {
    let Some(lab) = Lab::start() else { return };
    let mut program = Program::start(&lab, "3.10.5");
    let domain = "sts-wrong-mx.test";
    assert!(program.ask(domain).starts_with("TEMP "));
    // The planted policy is gone from its host. Its id is the same, so nobody would see that before a day is over.
    let right = format!("version: STSv1\nmode: enforce\nmx: mx.{domain}\nmax_age: 604800\n");
    lab.policies.lock().unwrap().insert(domain.to_owned(), right);
    assert!(program.ask(domain).starts_with("TEMP "));
    let (code, text) = program.tell(&[domain, "--forget"]);
    assert_eq!(code, 0, "{text}");
    for part in ["The policy of sts-wrong-mx.test is forgotten.", "mx: mx.other.test", "in force until"] {
        assert!(text.contains(part), "{part}:\n{text}");
    }
    program.says("what=forgotten", 1);
    let good = "OK secure match=mx.sts-wrong-mx.test ";
    assert!(program.ask(domain).starts_with(good), "{}", program.log());
    program.kill_and_start();
    assert!(program.ask(domain).starts_with(good), "{}", program.log());
    let soon = (mailward::input::now().0 + 60).to_string();
    let (_, text) = program.tell(&[domain, "--at", &soon]);
    assert!(text.contains("forgotten"), "{text}");
    // Nothing was kept of this one, and again.
    for json in [false, true] {
        let args = ["plain.test", "--forget", "--json"];
        let (code, text) = program.tell(if json { &args } else { &args[..2] });
        assert_eq!(code, 1, "{text}");
        let said = if json { "\"forgotten\":null" } else { "No policy of plain.test was kept." };
        assert!(text.contains(said), "{text}");
    }
    let (code, text) = program.tell(&[domain, "--forget", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((code, json["policy"][2].as_str().unwrap()), (0, "mx: mx.sts-wrong-mx.test"), "{text}");
    let (code, _) = program.tell(&[domain, "--forget", "--fetch"]);
    assert_eq!(code, 2);
}

#[test]
fn sts_21_a_policy_that_was_corrected_without_a_new_id() {
    let Some(lab) = Lab::start() else { return };
    let mut program = Program::start(&lab, "3.10.5");
    let domain = "sts-wrong-mx.test";
    assert!(program.ask(domain).starts_with("TEMP "));
    let right = format!("version: STSv1\nmode: enforce\nmx: mx.{domain}\nmax_age: 604800\n");
    lab.policies.lock().unwrap().insert(domain.to_owned(), right);
    program.kill_and_start();
    assert!(program.ask(domain).starts_with("TEMP "));
    // Five minutes later.
    program.kill_and_start();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut database = SqliteConnection::connect(program.database().to_str().unwrap()).await.unwrap();
        database.execute("UPDATE tls_policies SET fetched_at = fetched_at - 300").await.unwrap();
    });
    // Who asks first is told to wait, and does not wait himself.
    assert!(program.ask(domain).starts_with("TEMP "));
    assert!(
        wait_until(|| program.ask(domain).starts_with("OK secure match=mx.sts-wrong-mx.test ")),
        "{}",
        program.log()
    );
}
