//! Mail of the site's users.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use dns::Zone;
use mailward::serve::site::Site;
use tempfile::TempDir;
use testkit::real::opendkim::{OpenDkim, opendkim};
use testkit::real::postfix::Postfix;
use testkit::real::smtp::Conversation;
use testkit::real::{Root, python, sasl};
use testkit::signer::TestKey;
use tokio::runtime::Runtime;

use super::mta::{Shown, show};
use super::world::{NO_PORT, NOW, Names, World, config};

/// A folder of keys with two of `sender.test`, and the lines of their records.
pub fn keys() -> (TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("sender.test");
    std::fs::create_dir(&home).unwrap();
    let mut lines = String::new();
    for (selector, key) in [("r1", TestKey::rsa(2048)), ("e1", TestKey::ed25519(3))] {
        let file = home.join(format!("{selector}.pem"));
        std::fs::write(&file, key.private_pem()).unwrap();
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
        let record = key.record();
        let strings: Vec<String> =
            record.as_bytes().chunks(255).map(|s| format!("\"{}\"", str::from_utf8(s).unwrap())).collect();
        lines.push_str(&format!("{selector}._domainkey.sender.test. TXT {}\n", strings.join(" ")));
    }
    (folder, lines)
}

pub fn signing(folder: &TempDir, more: &str) -> String {
    format!("[signing]\nkey_directory = '{}'\n{more}", folder.path().display())
}

/// What dkimpy says of the two topmost signatures of each message; nothing where it is not there.
fn dkimpy(messages: &[&str], records: &str) -> Option<Vec<[bool; 2]>> {
    let script = format!(
        "import sys, json, dkim\nrecords = {{}}\nfor line in '''{records}'''.splitlines():\n    \
         name, text = line.split(' TXT ')\n    records[name] = text.replace('\"', '').replace(' ', '')\n\
         find = lambda name, timeout=5: records.get(name.decode() if isinstance(name, bytes) else name)\n\
         said = lambda text: [bool(dkim.DKIM(text.encode()).verify(idx=i, dnsfunc=find)) for i in (0, 1)]\n\
         print(json.dumps([said(text) for text in json.load(sys.stdin)]))\n"
    );
    let said = python(&script, &serde_json::to_vec(messages).unwrap())?;
    Some(serde_json::from_slice(&said).unwrap())
}

/// Both signatures verify with dkimpy.
#[track_caller]
pub fn check_verifies(message: &str, records: &str) {
    assert_eq!(message.matches("DKIM-Signature: ").count(), 2, "{message}");
    if let Some(said) = dkimpy(&[message], records) {
        assert_eq!(said, [[true; 2]], "{message}");
    }
}

const MESSAGE: &[u8] = b"From: Alice  <alice@sender.test>\r\nTo: bob@receiver.test\r\nSubject:  two  spaces\r\n\tand a fold\r\n\
    Date: Fri, 20 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@sender.test>\r\n\r\n.dot\r\n..\r\nend \r\n\r\n\r\n";

/// A user who has authenticated, from outside.
fn user(world: &World, name: &str) -> Conversation {
    let mut client = world.postfix.converse();
    client.say("EHLO xclient.test");
    let reply = client.say(&format!("XCLIENT NAME=home.test ADDR=203.0.113.99 LOGIN={name}"));
    assert!(reply.starts_with("220"), "{reply}");
    client.say("EHLO home.test");
    client
}

pub fn submit(world: &World, name: &str, message: &[u8]) -> String {
    let mut client = user(world, name);
    let reply = client.message("alice@sender.test", &["bob@receiver.test"], message);
    client.say("QUIT");
    reply
}

/// The other side: a Postfix whose OpenDKIM looks at what comes in.
fn other_side(root: &Root, names: &Names) -> Option<(OpenDkim, Postfix)> {
    let opendkim = opendkim(names.resolver.addr)?;
    let postfix =
        Postfix::start(root, &format!("myhostname = other.test\nsmtpd_milters = inet:{}\n", opendkim.addr));
    Some((opendkim, postfix))
}

#[test]
fn mail_of_a_user_who_logged_in_leaves_signed_and_verifies_at_the_other_side_whatever_the_form() {
    let (folder, records) = keys();
    for root in Root::all(&["postfix"]) {
        let Some(names) = Names::start(&records) else { return };
        let Some((_opendkim, other)) = other_side(&root, &names) else { return };
        let to = format!("relay_transport = smtp:[{}]:{}\n", other.addr.ip(), other.addr.port());
        let form = |form| signing(&folder, &format!("canonicalization = '{form}'\nself_check_every = 1\n"));
        let main_cf = sasl::settings(sasl::serve()) + &to;
        let world = World::with(&root, names, &form("relaxed/relaxed"), &main_cf);
        world.set_clock_right();
        // From loopback, where nobody is trusted for his address.
        let mut client = world.postfix.converse();
        let hello = client.say("EHLO home.test");
        assert!(hello.contains("AUTH PLAIN"), "{hello}");
        let refused = client.say(&sasl::plain("alice", "guessed"));
        assert!(refused.starts_with("535"), "{refused}");
        let reply = client.say(&sasl::plain("alice", sasl::PASSWORD));
        assert!(reply.starts_with("235"), "{reply}\n{}", world.postfix.log());
        for (count, c) in (1..).zip(["relaxed/relaxed", "simple/simple", "simple/relaxed"]) {
            world.reconfigure(&form(c));
            let reply = client.message("alice@sender.test", &["bob@receiver.test"], MESSAGE);
            assert!(reply.starts_with("250 2.0.0"), "{reply}\n{}", world.log());
            let arrived = other.sink.wait_for(count);
            let arrived = String::from_utf8_lossy(&arrived[count - 1].content).into_owned();
            let (verified, sent) = arrived.split_once("DKIM-Signature: ").unwrap();
            assert!(verified.contains("Authentication-Results: verifier.test;"), "{arrived}");
            assert_eq!(said_of(verified, "r1"), "pass", "{c}: {arrived}");
            // OpenDKIM 2.11 verifies no Ed25519 signature of a simple header, not even its own.
            if c.starts_with("relaxed/") {
                assert_eq!(said_of(verified, "e1"), "pass", "{c}: {arrived}");
            }
            let sent = format!("DKIM-Signature: {sent}");
            check_signed(&sent, c, &records);
        }
        assert!(world.log().contains("\"user\":\"alice\""), "{}", world.log());
        assert!(world.log().contains("the client has authenticated itself"), "{}", world.log());
        // Who is not logged in is checked and not signed.
        let delivered = world.send_outside("203.0.113.66", "home.test", "alice@sender.test", MESSAGE);
        assert!(delivered.starts_with("250"), "{delivered}");
        let arrived = String::from_utf8_lossy(&other.sink.wait_for(4)[3].content).into_owned();
        assert!(!arrived.contains("DKIM-Signature"), "{arrived}");
        assert!(arrived.contains("Authentication-Results: mx.receiver.test;\r\n"), "{arrived}");
    }
}

/// What a field says of the signature with this selector.
fn said_of<'a>(results: &'a str, selector: &str) -> &'a str {
    let selector = format!("header.s={selector}");
    let result = results.split("dkim=").find(|result| result.contains(&selector)).unwrap_or_default();
    result.split_whitespace().next().unwrap_or_default()
}

/// Two signatures of this form, which dkimpy verifies as long as nobody changes what they cover.
fn check_signed(sent: &str, form: &str, records: &str) {
    assert_eq!(sent.matches("DKIM-Signature: ").count(), 2, "{sent}");
    assert_eq!(sent.matches(&format!("c={form};")).count(), 2, "{sent}");
    assert!(!sent.contains("Authentication-Results"), "{sent}");
    let changed = sent.replace("and a fold", "and a told");
    assert_ne!(*sent, changed);
    if let Some(said) = dkimpy(&[sent, &changed], records) {
        assert_eq!(said, [[true; 2], [false; 2]], "{form}: {sent}");
    }
}

#[test]
fn mail_of_this_host_and_bounces_are_signed_as_well() {
    let (folder, records) = keys();
    for root in Root::all(&["postfix"]) {
        let Some(names) = Names::start(&records) else { return };
        let main_cf =
            "myorigin = sender.test\ntransport_maps = inline:{{full.receiver.test = error:5.2.2 full}}\n";
        let world = World::with(&root, names, &signing(&folder, ""), main_cf);
        world.set_clock_right();
        world.postfix.sendmail(b"From: alice@sender.test\nTo: bob@receiver.test\nSubject: local\n\nbody\n");
        let arrived = world.postfix.sink.wait_for(1);
        check_verifies(&String::from_utf8_lossy(&arrived[0].content), &records);
        assert!(world.log().contains("handed over on this host without SMTP"), "{}", world.log());
        world.postfix.sendmail(b"From: alice@sender.test\nTo: bob@full.receiver.test\n\nbody\n");
        let arrived = world.postfix.sink.wait_for(2);
        assert_eq!(arrived[1].envelope[0].split(' ').nth(1), Some("FROM:<>"), "{:?}", arrived[1].envelope);
        let bounce = String::from_utf8_lossy(&arrived[1].content).into_owned();
        let header = bounce.split("\r\n\r\n").next().unwrap();
        assert!(header.contains("MAILER-DAEMON@sender.test"), "{bounce}");
        assert_eq!(header.matches("DKIM-Signature: ").count(), 2, "{bounce}");
        if let Some(said) = dkimpy(&[&bounce], &records) {
            assert_eq!(said, [[true; 2]], "{bounce}");
        }
    }
}

#[test]
fn what_should_be_signed_and_can_not_be_stays_here_unless_the_site_says_otherwise() {
    let (folder, records) = keys();
    for selector in ["r1", "e1"] {
        let file = folder.path().join(format!("sender.test/{selector}.pem"));
        std::fs::set_permissions(file, PermissionsExt::from_mode(0o644)).unwrap();
    }
    for (more, reply) in [("", "451 4.3.0"), ("without_key = 'unsigned'\n", "250 2.0.0")] {
        let Some(world) = World::start(&signing(&folder, more), &records) else { return };
        let got = submit(&world, "alice", MESSAGE);
        assert!(got.starts_with(reply), "{got}\n{}", world.log());
    }
}

#[test]
fn users_write_as_themselves_and_forged_results_are_removed() {
    let (folder, records) = keys();
    let users = "[signing.users]\nalice = 'alice@sender.test'\n'*' = 'nobody@sender.test'\n";
    let Some(world) = World::start(&signing(&folder, users), &records) else { return };
    world.set_clock_right();
    let forged = [b"Authentication-Results: mx.receiver.test; dmarc=pass\r\n", MESSAGE].concat();
    let delivered = world.delivered(|world| submit(world, "alice", &forged));
    assert!(delivered.contains("DKIM-Signature: ") && !delivered.contains("dmarc=pass"), "{delivered}");
    check_verifies(&delivered, &records);
    let delivered = world.delivered(|world| submit(world, "mallory", &forged));
    assert!(!delivered.contains("DKIM-Signature: ") && !delivered.contains("dmarc=pass"), "{delivered}");
}

#[test]
fn re_injected_mail_is_left_alone() {
    let (folder, records) = keys();
    let text = signing(&folder, "");
    let Some(world) = World::start(&text, &records) else { return };
    let text = format!(
        "{}for = 'reinjected'\n[receiving]\nauthserv_id = 'mx.receiver.test'\n{text}",
        super::world::NO_PORT
    );
    let (site, _) = mailward::serve::site::Site::new(super::world::config(&text)).unwrap();
    world.shared.take_over(site);
    let own = [b"Authentication-Results: mx.receiver.test; dmarc=pass\r\n", MESSAGE].concat();
    let delivered = world.delivered(|world| submit(world, "alice", &own));
    assert!(delivered.ends_with(str::from_utf8(&own).unwrap()), "{delivered}");
    assert!(!delivered.contains("DKIM-Signature"), "{delivered}");
    assert!(world.log().contains("\"direction\":\"neither\""), "{}", world.log());
}

#[test]
fn what_came_from_outside_unproven_is_not_signed_when_this_host_hands_it_on() {
    let (folder, _) = keys();
    let text = format!("{NO_PORT}[receiving]\nauthserv_id = 'mx.receiver.test'\n{}", signing(&folder, ""));
    for (seen, signatures) in [
        ("mx.receiver.test; dmarc=fail header.from=sender.test", 0),
        ("MX.receiver.test; spf=pass; dmarc=none header.from=Sender.Test", 0),
        ("mx.receiver.test; dmarc=temperror reason=\"the check has failed\"", 0),
        ("mx.receiver.test; dmarc=pass header.from=sender.test", 2),
        // A list that has put its own domain into From.
        ("mx.receiver.test; dmarc=fail header.from=other.test", 2),
        ("other.test; dmarc=fail header.from=sender.test", 2),
    ] {
        let (site, _) = Site::new(config(&text)).unwrap();
        let shown = Shown {
            ip: Some("127.0.0.1"),
            helo: b"localhost",
            mail: vec![b"<list@sender.test>"],
            header: vec![(b"Authentication-Results", seen.as_bytes()), (b"From", b" alice@sender.test")],
            body: b"body\r\n",
            slow: Duration::ZERO,
        };
        let said = Runtime::new().unwrap().block_on(show(site, Zone::new(), NOW, &shown));
        assert_eq!((said.last.as_str(), said.inserted.len()), ("Accept", signatures), "{seen}: {said:?}");
    }
}
