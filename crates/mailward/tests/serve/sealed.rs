//! Mail from outside that leaves again: sealed on its way through a real Postfix, and what its seals are worth elsewhere.

use std::io::Write;
use std::process::{Command, Stdio};

use testkit::real::python;

use super::outbound::keys;
use super::world::{NOW, World, sample, zone};

const TRUST: (&str, &str, &str) = ("192.0.2.10", "mail.trust.example", "bob@trust.example");
const FORWARDER: (&str, &str, &str) = ("198.51.100.25", "mail.forward.example", "x@forward.example");
const UNSIGNED: &[u8] =
    b"From: Bob <bob@trust.example>\r\nTo: alice@receiver.test\r\nSubject:  two  spaces\r\n\tand a fold\r\n\
    Date: Fri, 20 Nov 2026 10:00:00 +0000\r\nMessage-ID: <2@trust.example>\r\n\r\n.dot\r\nend \r\n\r\n\r\n";

fn send(world: &World, (ip, helo, from): (&str, &str, &str), content: &[u8]) -> String {
    world.delivered(|world| world.send_outside(ip, helo, from, content))
}

/// What `mailward arc verify` says of a message.
fn verify(message: &str, records: &str) -> serde_json::Value {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), zone(records)).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_mailward"));
    command.args(["arc", "verify", "--json", "--now", &NOW.to_string(), "--dns"]).arg(file.path());
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(message.as_bytes()).unwrap();
    serde_json::from_slice(&child.wait_with_output().unwrap().stdout).unwrap()
}

/// What dkimpy says of the chain.
fn dkimpy(message: &str, records: &str) -> Option<String> {
    let script = format!(
        "import sys, dkim\nrecords = {{}}\nfor line in '''{records}'''.splitlines():\n    \
         name, text = line.split(' TXT ')\n    records[name] = text.replace('\"', '').replace(' ', '').encode()\n\
         find = lambda name, timeout=5: records.get(name.decode() if isinstance(name, bytes) else name)\n\
         cv, results, why = dkim.ARC(sys.stdin.buffer.read()).verify(dnsfunc=find)\n\
         print(cv.decode() if cv else why)\n"
    );
    Some(String::from_utf8_lossy(&python(&script, message.as_bytes())?).trim().to_owned())
}

#[track_caller]
fn check_valid(message: &str, records: &str, sets: usize) {
    let said = verify(message, records);
    assert_eq!((&said["result"], &said["oldest_pass"]), (&"pass".into(), &0.into()), "{said}\n{message}");
    assert_eq!(said["sets"].as_array().unwrap().len(), sets, "{said}");
    if let Some(said) = dkimpy(message, records) {
        assert_eq!(said, "pass", "{message}");
    }
}

#[test]
fn arc_17_mail_that_leaves_again_is_sealed_and_a_failed_chain_is_left_alone() {
    let (folder, records) = keys();
    let text = format!(
        "[signing]\nkey_directory = '{}'\n[sealing]\ndomain = 'sender.test'\nrecipients = 'alice@receiver.test'\n",
        folder.path().display()
    );
    World::each(&text, &records, |world| sealed_twice_and_not_thrice(world, &records));
}

fn sealed_twice_and_not_thrice(world: &World, records: &str) {
    let forged = b"Authentication-Results: mx.receiver.test; dmarc=pass header.from=other.example\r\n";
    for original in [&sample("good.eml"), UNSIGNED] {
        let first = send(world, TRUST, &[forged, original].concat());
        let names: Vec<&str> = first.lines().take_while(|line| !line.starts_with("Received")).collect();
        let names = names.iter().filter_map(|line| line.split_once(": ")).map(|(name, _)| name);
        let names: Vec<&str> = names.filter(|name| !name.starts_with([' ', '\t'])).collect();
        let top =
            ["ARC-Seal", "ARC-Message-Signature", "ARC-Authentication-Results", "Authentication-Results"];
        assert_eq!(names[..4], top, "{first}\n{}", world.log());
        assert!(first.ends_with(str::from_utf8(original).unwrap()), "{first}");
        assert!(first.contains("ARC-Authentication-Results: i=1; mx.receiver.test;"), "{first}");
        assert!(first.contains("dmarc=pass") && !first.contains("other.example"), "{first}");
        check_valid(&first, records, 1);
        let second = send(world, FORWARDER, first.as_bytes());
        assert!(second.starts_with("ARC-Seal: i=2; a=rsa-sha256; cv=pass;"), "{second}\n{}", world.log());
        check_valid(&second, records, 2);
        let changed = second.replace("and a fold", "and a told").replace("the contract", "a contract");
        let third = send(world, FORWARDER, changed.as_bytes());
        assert!(third.starts_with("Authentication-Results: "), "{third}");
        assert!(third.contains("arc=fail") && !third.contains("i=3"), "{third}");
        assert!(dkimpy(&third, records).is_none_or(|said| said != "pass"));
    }
    let log = world.log();
    assert_eq!(log.matches("\"sealed\":\"yes\"").count(), 4, "{log}");
    let why = "\"sealed\":\"no\",\"unsealed\":\"the message has an ARC chain that is not valid\"";
    assert_eq!(log.matches(why).count(), 2, "{log}");
}

#[test]
fn mail_that_stays_or_is_refused_is_not_sealed() {
    let (folder, records) = keys();
    let text = |who: &str| {
        format!(
            "[policy]\nmode = 'enforce'\n[signing]\nkey_directory = '{}'\n[sealing]\ndomain = 'sender.test'\n{who}\n",
            folder.path().display()
        )
    };
    let Some(world) = World::start(&text("recipients = 'other.test'"), &records) else { return };
    let stays = send(&world, TRUST, &sample("good.eml"));
    assert!(stays.starts_with("Authentication-Results: ") && !stays.contains("ARC-"), "{stays}");
    assert!(!world.log().contains("sealed"), "{}", world.log());
    let all = format!(
        "{}[receiving]\nauthserv_id = 'mx.receiver.test'\n{}",
        super::world::NO_PORT,
        text("listeners = 'milter'")
    );
    let (site, _) = mailward::serve::site::Site::new(super::world::config(&all)).unwrap();
    world.shared.take_over(site);
    let leaves = send(&world, TRUST, &sample("good.eml"));
    check_valid(&leaves, &records, 1);
    let reply =
        world.send_outside(FORWARDER.0, FORWARDER.1, FORWARDER.2, b"Subject: no author\r\n\r\nbody\r\n");
    assert!(reply.starts_with("550"), "{reply}");
    assert_eq!(world.log().matches("sealed").count(), 1, "{}", world.log());
}

#[test]
fn arc_09_what_a_trusted_sealer_saw_pass_is_let_through_and_what_others_saw_is_not() {
    let (folder, records) = keys();
    let sealing = format!(
        "[signing]\nkey_directory = '{}'\n[sealing]\ndomain = 'sender.test'\nlisteners = 'milter'\n",
        folder.path().display()
    );
    let Some(world) = World::start(&sealing, &records) else { return };
    let sealed = send(&world, TRUST, UNSIGNED);
    assert!(sealed.contains("dmarc=pass"), "{sealed}");
    for (trusted, mark) in [
        (
            "trusted_sealers = 'sender.test'\n",
            "X-Mailward: mark; mode=enforce; rule=dmarc-reject; dmarc=fail; author=trust.example; kept=trusted-sealer\r\n",
        ),
        (
            "trusted_sealers = 'test'\n",
            "X-Mailward: quarantine; mode=enforce; rule=dmarc-reject; dmarc=fail; author=trust.example; kept=",
        ),
        (
            "",
            "X-Mailward: quarantine; mode=enforce; rule=dmarc-reject; dmarc=fail; author=trust.example; kept=",
        ),
    ] {
        let text = format!(
            "{}[receiving]\nauthserv_id = 'mx.receiver.test'\n{trusted}[policy]\nmode = 'enforce'\n",
            super::world::NO_PORT
        );
        let (site, _) = mailward::serve::site::Site::new(super::world::config(&text)).unwrap();
        world.shared.take_over(site);
        let delivered = send(&world, FORWARDER, sealed.as_bytes());
        assert!(delivered.contains("dmarc=fail") && delivered.contains("arc=pass"), "{delivered}");
        assert!(delivered.contains(mark), "{trusted}: {delivered}\n{}", world.log());
    }
    let why = "sender.test, which is trusted here, saw DMARC pass for trust.example (ARC set 1)";
    assert_eq!(world.log().matches(why).count(), 1, "{}", world.log());
}

#[test]
fn only_an_rsa_key_seals_and_without_one_nothing_is_sealed() {
    let (folder, _) = keys();
    let text = |who: &str| {
        format!(
            "[signing]\nkey_directory = '{}'\n[sealing]\nlisteners = 'milter'\n{who}\n",
            folder.path().display()
        )
    };
    let site = |who: &str| {
        let (site, faults) = mailward::serve::site::Site::new(super::world::config(&text(who))).unwrap();
        (site.sealing.is_some(), faults.0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    };
    assert_eq!(site("domain = 'sender.test'"), (true, String::new()));
    assert_eq!(site("domain = 'sender.test'\nselector = 'r1'"), (true, String::new()));
    for (who, why) in [
        ("domain = 'sender.test'\nselector = 'e1'", "an Ed25519 key can't seal"),
        ("domain = 'sender.test'\nselector = 'r2'", "there is no key r2 of sender.test to seal with"),
        ("domain = 'other.test'", "there is no key of other.test to seal with"),
    ] {
        let (sealed, faults) = site(who);
        assert!(!sealed && faults.contains(why), "{who}: {faults}");
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text(who)).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_mailward"));
        let checked = command.args(["config", "check", "--config"]).arg(file.path()).output().unwrap();
        let said = String::from_utf8_lossy(&checked.stdout).into_owned();
        assert!(checked.status.code() == Some(1) && said.contains("config-no-key"), "{said}");
    }
}
