//! Mail of the site's users.

use std::os::unix::fs::PermissionsExt;

use tempfile::TempDir;
use testkit::real::python;
use testkit::real::smtp::Conversation;
use testkit::signer::TestKey;

use super::world::World;

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

fn signing(folder: &TempDir, more: &str) -> String {
    format!("[signing]\nkey_directory = '{}'\n{more}", folder.path().display())
}

/// What dkimpy says of the signature with this index, from the top.
fn dkimpy(message: &str, records: &str, index: usize) -> Option<bool> {
    let script = format!(
        "import sys, dkim\nrecords = {{}}\nfor line in '''{records}'''.splitlines():\n    \
         name, text = line.split(' TXT ')\n    records[name] = text.replace('\"', '').replace(' ', '')\n\
         find = lambda name, timeout=5: records.get(name.decode() if isinstance(name, bytes) else name)\n\
         print(dkim.DKIM(sys.stdin.buffer.read()).verify(idx={index}, dnsfunc=find))\n"
    );
    let said = python(&script, message.as_bytes())?;
    Some(String::from_utf8_lossy(&said).trim() == "True")
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

fn submit(world: &World, name: &str, message: &[u8]) -> String {
    let mut client = user(world, name);
    let reply = client.message("alice@sender.test", &["bob@receiver.test"], message);
    client.say("QUIT");
    reply
}

#[test]
fn authenticated_mail_leaves_signed_and_verifies_elsewhere_whatever_the_form() {
    let (folder, records) = keys();
    for form in ["relaxed/relaxed", "simple/simple", "simple/relaxed"] {
        let more = format!("canonicalization = '{form}'\nself_check_every = 1\n");
        let Some(world) = World::start(&signing(&folder, &more), &records) else { return };
        let delivered = world.delivered(|world| submit(world, "alice", MESSAGE));
        assert!(delivered.starts_with("DKIM-Signature: "), "{delivered}\n{}", world.log());
        assert_eq!(delivered.matches("DKIM-Signature: ").count(), 2, "{delivered}");
        assert!(!delivered.contains("Authentication-Results"), "{delivered}");
        for index in [0, 1] {
            if let Some(passes) = dkimpy(&delivered, &records, index) {
                assert!(passes, "{form}: signature {index}\n{delivered}");
            }
            let changed = delivered.replace("and a fold", "and a told");
            assert_ne!(dkimpy(&changed, &records, index), Some(true));
        }
        assert!(world.log().contains("\"signed\":2"), "{}", world.log());
        assert!(world.log().contains("the client has authenticated itself"), "{}", world.log());
    }
}

#[test]
fn mail_of_this_host_and_bounces_are_signed_as_well() {
    let (folder, records) = keys();
    let Some(world) = World::start(&signing(&folder, ""), &records) else { return };
    world.postfix.sendmail(b"From: alice@sender.test\nTo: bob@receiver.test\nSubject: local\n\nbody\n");
    let arrived = world.postfix.sink.wait_for(1);
    let content = String::from_utf8_lossy(&arrived[0].content).into_owned();
    assert_eq!(content.matches("DKIM-Signature: ").count(), 2, "{content}\n{}", world.log());
    assert_ne!(dkimpy(&content, &records, 0), Some(false), "{content}");
    assert!(world.log().contains("handed over on this host without SMTP"), "{}", world.log());
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
    let forged = [b"Authentication-Results: mx.receiver.test; dmarc=pass\r\n", MESSAGE].concat();
    let delivered = world.delivered(|world| submit(world, "alice", &forged));
    assert!(delivered.contains("DKIM-Signature: ") && !delivered.contains("dmarc=pass"), "{delivered}");
    assert_ne!(dkimpy(&delivered, &records, 0), Some(false), "{delivered}");
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
    world.shared.take_over(site, None);
    let own = [b"Authentication-Results: mx.receiver.test; dmarc=pass\r\n", MESSAGE].concat();
    let delivered = world.delivered(|world| submit(world, "alice", &own));
    assert!(delivered.ends_with(str::from_utf8(&own).unwrap()), "{delivered}");
    assert!(!delivered.contains("DKIM-Signature"), "{delivered}");
    assert!(world.log().contains("\"direction\":\"neither\""), "{}", world.log());
}
