//! `mailward sign` as people use it: what it signs verifies, what it doesn't sign goes out as it came, and it says why.

use std::fs::File;
use std::process::Command;

use crate::place::{Place, Run};
use serde_json::Value;

const MESSAGE: &str =
    "From: Alice <alice@example.com>\r\nTo: bob@example.net\r\nSubject: Hello\r\n\r\nHello,\r\nBob.\r\n";

/// A place with keys of example.com, a zone that publishes them, and a configuration that names the keys.
fn site() -> Place {
    let place = Place::new();
    place.run("keys new example.com --out keys --selector 2026-%k").check(0, &[]);
    let listed = place.run("keys list --keys keys --json").json();
    let zone: String = listed["keys"]
        .as_array()
        .unwrap()
        .iter()
        .map(|key| key["record"]["zone"].as_str().unwrap())
        .collect();
    place.write("world.zone", zone + "_dmarc.example.com. IN TXT \"v=DMARC1; p=reject\"\n");
    place.write("c.toml", "[signing]\nkey_directory = \"keys\"\n");
    place
}

/// The DKIM results of a message, and DMARC's.
fn verify(place: &Place, message: &[u8]) -> (Vec<String>, String) {
    let run = place.pipe("verify --dns world.zone --json -", message);
    let json: Value = serde_json::from_slice(&run.out).unwrap_or_else(|e| panic!("{e}: {}", run.err));
    let word = |value: &Value| value["result"].as_str().unwrap().to_owned();
    (json["dkim"].as_array().unwrap().iter().map(word).collect(), word(&json["dmarc"]))
}

#[track_caller]
fn passes(place: &Place, run: &Run, signatures: usize) {
    run.check(0, &[]);
    let (dkim, dmarc) = verify(place, &run.out);
    assert_eq!((dkim, dmarc.as_str()), (vec!["pass".to_owned(); signatures], "pass"), "{}", run.text());
}

#[test]
fn what_is_signed_verifies() {
    let place = site();
    let run = place.pipe("sign --config c.toml", MESSAGE.as_bytes());
    assert_eq!(run.err, "");
    passes(&place, &run, 2);
    assert!(run.out.ends_with(MESSAGE.as_bytes()), "the message itself is as it came");
    // Whoever knows RSA alone finds it first.
    assert!(run.text().starts_with("DKIM-Signature: v=1; a=rsa-sha256;"));
    let changed = run.text().replace("Hello,\r\nBob.", "Hello,\r\nEve.");
    assert_eq!(verify(&place, changed.as_bytes()).0, ["fail", "fail"]);
}

#[test]
fn dks_12_dkp_04_nothing_can_be_added_to_what_a_user_had_signed() {
    let place = site();
    let signed = place.pipe("sign --config c.toml", MESSAGE.as_bytes()).text();
    for name in
        "From Subject To Cc Date Reply-To Message-ID Content-Type MIME-Version Content-Transfer-Encoding"
            .split(' ')
    {
        let added = format!("{name}: admin@example.com\r\n{signed}");
        let (dkim, dmarc) = verify(&place, added.as_bytes());
        assert!(!dkim.contains(&"pass".to_owned()) && dmarc != "pass", "{name}: {dkim:?} {dmarc}");
    }
}

#[test]
fn what_nobody_can_be_told_changes_nothing() {
    let place = site();
    place.write("other", "From: a@other.example\r\n\r\n");
    let output = Command::new(env!("CARGO_BIN_EXE_mailward"))
        .args(["sign", "--config", "c.toml", "--explain"])
        .current_dir(place.path(""))
        .stdin(File::open(place.path("other")).unwrap())
        .stderr(File::options().write(true).open("/dev/full").unwrap())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(output.stdout, b"From: a@other.example\r\n\r\n");
}

#[test]
fn files_pipes_and_line_ends() {
    let place = site();
    let lf = MESSAGE.replace("\r\n", "\n");
    for (name, text) in
        [("crlf", MESSAGE), ("lf", lf.as_str()), ("none", "From: a@example.com\n\nno line end")]
    {
        place.write(name, text);
        for run in [
            place.redirect("sign --config c.toml", name),
            place.pipe("sign --config c.toml", text.as_bytes()),
        ] {
            passes(&place, &run, 2);
            assert!(run.out.ends_with(text.as_bytes()));
            let crs = run.out.iter().filter(|b| **b == b'\r').count();
            let lfs = run.out.iter().filter(|b| **b == b'\n').count();
            assert_eq!(crs, if name == "crlf" { lfs } else { 0 }, "line ends are not mixed");
            // As it arrives: sendmail makes CRLF of each line end.
            let sent = run.text().replace("\r\n", "\n").replace('\n', "\r\n");
            assert_eq!(verify(&place, sent.as_bytes()).0, ["pass", "pass"]);
        }
    }
}

#[test]
fn smug_03_no_bare_cr_or_lf_is_added() {
    let place = site();
    let long = format!("List-Id: {}\r\n{MESSAGE}", "x".repeat(900));
    let hostile = "From: \"a\rb\" <alice@example.com>\r\nSubject: x\r\n\r\nbody\r\n";
    for (message, config) in
        [(long.as_str(), "copy_fields = true"), (hostile, ""), (MESSAGE, "copy_fields = true")]
    {
        place.write("c.toml", format!("[signing]\nkey_directory = \"keys\"\n{config}\n"));
        let run = place.pipe("sign --config c.toml", message.as_bytes());
        let added = &run.out[..run.out.len() - message.len()];
        let text = String::from_utf8(added.to_vec()).unwrap();
        assert!(!text.replace("\r\n", "").contains(['\r', '\n']), "{text:?}");
        assert_eq!(run.code, i32::from(message == hostile), "{}", run.err);
    }
}

#[test]
fn keys_named_one_by_one() {
    let place = site();
    let rsa = "--key keys/example.com/2026-rsa.pem --selector 2026-rsa";
    let ed = "--key keys/example.com/2026-ed25519.pem --selector 2026-ed25519";
    let sign = |args: &str| place.pipe(&format!("sign {args}"), MESSAGE.as_bytes());
    passes(&place, &sign(&format!("{rsa} --domain example.com")), 1);
    passes(&place, &sign(&format!("{rsa} {ed} --domain example.com")), 2);
    let run = sign(&format!("{ed} --domain example.com --canonicalization simple --expires-after 2d"));
    passes(&place, &run, 1);
    assert!(run.text().contains("c=simple/simple") && run.text().contains(" x="));
    assert!(!run.text().contains(" z="));
    let run = sign(&format!("{rsa} --domain example.com --copy-fields"));
    passes(&place, &run, 1);
    assert!(run.text().contains(" z=From:"), "{}", run.text());
    sign(rsa).check(2, &["--domain"]);
    sign(&format!("{rsa} --key x --domain example.com")).check(2, &["not as many selectors as keys"]);
    sign("--key nowhere --domain example.com --selector s").check(2, &["nowhere: no such file"]);
    sign(&format!("{rsa} --domain example")).check(2, &["two labels"]);
    let run = sign(&format!("{rsa} --domain example.com --user alice"));
    run.check(2, &["cannot be used with"]);
    assert!(run.out.is_empty());
}

#[test]
fn what_is_not_signed_goes_out_as_it_came_and_says_why() {
    let place = site();
    for (message, why) in [
        ("From: a@example.org\r\n\r\nx", "not signed: there is no key of example.org"),
        ("From: a@example.com\r\nFrom: b@example.com\r\n\r\nx", "not signed: there is no one author"),
        ("From: a@example.com, b@example.com\r\n\r\nx", "not signed: From holds 2 addresses"),
        ("From: a@example.com\r\nno field\r\n\r\nx", "not signed: there is no one author"),
        ("", "not signed: there is no one author"),
        ("\0\u{1b}[2J", "not signed: there is no one author"),
    ] {
        let run = place.pipe("sign --config c.toml", message.as_bytes());
        run.check(1, &[why]);
        assert_eq!(run.text(), message);
        let run = place.pipe("sign --config c.toml --json", message.as_bytes());
        let json: Value = serde_json::from_str(&run.err).unwrap();
        assert_eq!((json["signatures"].as_array().unwrap().len(), &json["error"]), (0, &Value::Null));
        assert!(json["not_signed"][0].as_str().unwrap().contains(&why["not signed: ".len()..]));
    }
}

#[test]
fn dos_12_a_message_longer_than_a_chunk_goes_through_whole() {
    let place = site();
    let body = "0123456789abcdef0123456789abcdef\r\n".repeat(20_000);
    for (from, code) in [("a@example.com", 0), ("a@example.org", 1), ("a@example.com, b@example.com", 1)] {
        let message = format!("From: {from}\r\n\r\n{body}");
        let run = place.pipe("sign --config c.toml", message.as_bytes());
        run.check(code, &[]);
        assert!(run.out.ends_with(message.as_bytes()), "{from}: {} bytes", run.out.len());
        assert_eq!(verify(&place, &run.out).0.len(), if code == 0 { 2 } else { 0 });
    }
}

#[test]
fn the_table_decides_and_explains() {
    let place = site();
    place.write(
        "c.toml",
        "[signing]\nkey_directory = \"keys\"\n\
         [[signing.rule]]\nfrom = [\"example.com\", \".example.com\"]\ndomain = \"example.com\"\n\
         selectors = [\"2026-rsa\"]\nnetworks = [\"192.0.2.0/24\"]\n\
         [[signing.rule]]\nfrom = \"example.com\"\nlisteners = \"submission\"\n",
    );
    let sign = |args: &str| place.pipe(&format!("sign --config c.toml --explain {args}"), MESSAGE.as_bytes());
    let run = sign("--client 192.0.2.9");
    run.check(
        0,
        &[
            "the author is alice@example.com [RFC 5322 §3.6.2]",
            "From: Alice <alice@example.com>",
            "rule 1 signs for example.com [RFC 6376 §5.1]",
            "the key 2026-rsa of example.com signs (RSA, 2048 bits)",
            "rule 2 does not sign: it is for some listeners only, and nobody said which one this is",
            "signed by example.com, selector 2026-rsa, with rsa-sha256",
        ],
    );
    passes(&place, &run, 1);
    passes(&place, &sign("--listener submission --client 2001:db8::1"), 2);
    let run = sign("");
    run.check(1, &["rule 1 does not sign: it is for some clients only", "not signed: no rule is for it"]);
    assert_eq!(run.text(), MESSAGE);
    let sub = MESSAGE.replace("alice@", "alice@news.");
    let run = place.pipe("sign --config c.toml --client 192.0.2.1", sub.as_bytes());
    assert_eq!(verify(&place, &run.out).0, ["pass"]);
}

#[test]
fn env_09_from_must_belong_to_the_user() {
    let place = site();
    place.write(
        "c.toml",
        "[signing]\nkey_directory = \"keys\"\n[signing.users]\n\"attacker@example.com\" = \"{user}\"\n",
    );
    let sign = |from: &str, user: &str| {
        let message = format!("{from}\r\nSubject: x\r\n\r\nbody\r\n");
        let run = place.pipe(&format!("sign --config c.toml {user}"), message.as_bytes());
        assert!(run.out.ends_with(message.as_bytes()));
        run
    };
    let attacker = "--user attacker@example.com";
    passes(&place, &sign("From: attacker@example.com", attacker), 2);
    for (from, user, why) in [
        (
            "From: attacker@example.com\r\nFrom: admin@example.com",
            attacker,
            "not signed: there is no one author",
        ),
        ("From: <attacker@example.com>, <admin@example.com>", attacker, "not signed: From holds 2 addresses"),
        ("From: <admin@example.com>", attacker, "attacker@example.com may not write as admin@example.com"),
        ("From: <admin@example.com>", "--user stranger", "the user stranger is not in the map of users"),
    ] {
        let run = sign(from, user);
        run.check(1, &[why]);
        assert!(!run.text().contains("DKIM-Signature"));
    }
}

#[test]
fn a_bad_key_stops_no_other_and_a_message_that_only_it_could_sign() {
    let place = site();
    place.write("keys/example.org/s.pem", "not a key");
    place.mode("keys/example.com/2026-rsa.pem", 0o644);
    let run = place.pipe("sign --config c.toml", MESSAGE.as_bytes());
    run.check(0, &["2026-rsa.pem: everybody on this machine may read it", "s.pem: not a private key"]);
    assert_eq!(verify(&place, &run.out).0, ["pass"]);
    let run = place.pipe("sign --config c.toml", MESSAGE.replace("example.com", "example.org").as_bytes());
    run.check(
        2,
        &["s.pem: not a private key", "it should be signed, and none of the keys for it can be used"],
    );
    assert!(run.out.is_empty(), "nothing leaves unsigned that should be signed");
}

#[test]
fn a_bad_configuration_signs_nothing() {
    let place = site();
    place.write("c.toml", "[signing]\nkey_directory = \"keys\"\nkey_dir = 1\n[[signing.rule]]\n");
    let run = place.pipe("sign --config c.toml", MESSAGE.as_bytes());
    run.check(
        2,
        &["c.toml:3:1: no such key [signing]: key_dir", "mailward config check shows it and 1 more"],
    );
    assert!(run.out.is_empty());
    place.write("c.toml", "[signing]\nkey_directory = \"elsewhere\"\n");
    let run = place.pipe("sign --config c.toml", MESSAGE.as_bytes());
    run.check(2, &["elsewhere: no such file", "nobody knows what should be signed"]);
    assert!(run.out.is_empty());
    place.pipe("sign --config nowhere.toml", MESSAGE.as_bytes()).check(2, &["nowhere.toml: no such file"]);
}

#[test]
fn what_will_break_is_said_before() {
    let place = site();
    let long = format!("{MESSAGE}{}\r\nbare\nLF\r\n", "x".repeat(999));
    let run = place.pipe("sign --config c.toml", long.as_bytes());
    run.check(
        0,
        &[
            "this will break the signatures: line 3 of the body is longer than 998 bytes",
            "line 4 of the body ends with a line feed alone",
        ],
    );
    passes(&place, &run, 2);
    let refolded = format!("References: {}\r\n{MESSAGE}", "<a@b.example> ".repeat(80));
    let h = |text: &str| text.replace("\r\n ", "").contains(":references");
    assert!(h(&place.pipe("sign --config c.toml", refolded.as_bytes()).text()));
    place.write(
        "c.toml",
        "[signing]\nkey_directory = \"keys\"\nfragile_mail = \"adapt\"\ncanonicalization = \"simple\"\nrelays_take_8bit = false\n",
    );
    let run = place.pipe("sign --config c.toml", format!("{refolded}\u{e9}\r\n").as_bytes());
    run.check(0, &["the field references has a line of", "bytes beyond ASCII"]);
    passes(&place, &run, 2);
    assert!(!h(&run.text()) && run.text().contains("c=relaxed/simple"), "{}", run.text());
    // The command line says it for one message, whatever the configuration says.
    let sign = |args: &str| place.pipe(&format!("sign {args}"), format!("{refolded}\u{e9}\r\n").as_bytes());
    let run = sign("--config c.toml --fragile-mail warn --relays-take-8bit true");
    assert!(h(&run.text()) && run.text().contains("c=simple/simple"), "{}", run.text());
    assert!(run.err.contains("the field references") && !run.err.contains("beyond ASCII"), "{}", run.err);
    let key = "--key keys/example.com/2026-rsa.pem --selector 2026-rsa --domain example.com";
    assert!(h(&sign(key).text()));
    let run = sign(&format!("{key} --fragile-mail adapt --relays-take-8bit false"));
    run.check(0, &["the field references has a line of", "bytes beyond ASCII"]);
    passes(&place, &run, 1);
    assert!(!h(&run.text()));
    sign("--config c.toml --fragile-mail never").check(2, &["\"warn\" or \"adapt\" was expected"]);
}
