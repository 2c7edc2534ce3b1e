//! `mailward arc` as its users run it: seal, verify, and seal again; what is not sealed comes out as it came in.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::disallowed_methods)]

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;
use testkit::signer::TestKey;

const MESSAGE: &str = "From: <a@victim.example>\r\nTo: <b@example.test>\r\nSubject: hello\r\n\r\nbody\r\n";

/// Of a message that is far larger than the program.
const MEBIBYTES: usize = 128;

/// A folder with a key and the zone that publishes it.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(TempDir::new().unwrap());
        let key = TestKey::rsa(2048);
        place.key("key.pem", &key.private_pem(), 0o600);
        place.key("ed.pem", &TestKey::ed25519(1).private_pem(), 0o600);
        let strings: Vec<String> = key
            .record()
            .as_bytes()
            .chunks(250)
            .map(|part| format!("\"{}\"", String::from_utf8_lossy(part)))
            .collect();
        let zone = format!(
            "$ORIGIN .\n$TTL 60\narc._domainkey.sealer.example. TXT {}\n\
             victim.example. TXT \"v=spf1 ip4:192.0.2.10 -all\"\n\
             _dmarc.victim.example. TXT \"v=DMARC1; p=reject\"\n",
            strings.join(" ")
        );
        fs::write(place.path("zone"), zone).unwrap();
        place
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    fn key(&self, name: &str, content: &str, mode: u32) {
        fs::write(self.path(name), content).unwrap();
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(mode)).unwrap();
    }

    fn mailward(&self, arguments: &[&str], stdin: &[u8]) -> Output {
        let mut child = Command::new(env!("CARGO_BIN_EXE_mailward"))
            .args(arguments)
            .current_dir(self.0.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (mut pipe, stdin) = (child.stdin.take().unwrap(), stdin.to_vec());
        // The program may have ended without reading.
        let writer = std::thread::spawn(move || drop(pipe.write_all(&stdin)));
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        output
    }

    fn seal(&self, more: &[&str], message: &[u8]) -> Output {
        let common = [
            "arc",
            "seal",
            "--domain",
            "sealer.example",
            "--selector",
            "arc",
            "--key",
            "key.pem",
            "--authserv-id",
            "mx.sealer.example",
            "--dns",
            "zone",
            "--now",
            "1780272000",
            "--ip",
            "192.0.2.10",
            "--mail-from",
            "<a@victim.example>",
            "--helo",
            "mail.victim.example",
        ];
        self.mailward(&[&common[..], more].concat(), message)
    }

    fn verify(&self, more: &[&str], message: &[u8]) -> Output {
        let common = ["arc", "verify", "--dns", "zone", "--now", "1780272000"];
        self.mailward(&[&common[..], more].concat(), message)
    }
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn seal_verify_and_seal_again() {
    let place = Place::new();
    let mut message = MESSAGE.as_bytes().to_vec();
    for sets in 1..=3 {
        let sealed = place.seal(&[], &message);
        assert_eq!((code(&sealed), text(&sealed.stderr)), (0, String::new()));
        assert!(sealed.stdout.ends_with(&message));
        message = sealed.stdout;
        let verified = place.verify(&["--json"], &message);
        let json: Value = serde_json::from_slice(&verified.stdout).unwrap();
        assert_eq!((code(&verified), &json["result"], &json["oldest_pass"]), (0, &"pass".into(), &0.into()));
        assert_eq!(json["sets"].as_array().unwrap().len(), sets);
        assert_eq!(json["sets"][0]["sealer"], "sealer.example");
        let saw = json["sets"][0]["results"].as_str().unwrap();
        assert!(saw.contains("dmarc=pass header.from=victim.example"), "{saw}");
    }
    let story = text(&place.verify(&["-"], &message).stdout);
    assert!(story.starts_with("-: arc=pass: "), "{story}");
    assert!(story.contains("arc=pass header.oldest-pass=0 smtp.remote-ip=192.0.2.10"), "{story}");
}

#[test]
fn line_ends_stay_as_they_are() {
    let place = Place::new();
    let crlf = text(&place.seal(&[], MESSAGE.as_bytes()).stdout);
    assert!(!crlf.replace("\r\n", "").contains(['\r', '\n']));
    let sealed = place.seal(&[], MESSAGE.replace("\r\n", "\n").as_bytes()).stdout;
    assert!(!sealed.contains(&b'\r'));
    assert_eq!(code(&place.verify(&[], &sealed)), 0);
    assert_eq!(code(&place.verify(&[], text(&sealed).replace('\n', "\r\n").as_bytes())), 0);
}

#[test]
fn arc_17_what_is_not_sealed_comes_out_as_it_came_in() {
    let place = Place::new();
    let sealed = place.seal(&[], MESSAGE.as_bytes()).stdout;
    let broken = [sealed.as_slice(), b"more\r\n"].concat();
    let output = place.seal(&["--json"], &broken);
    let json: Value = serde_json::from_slice(&output.stderr).unwrap();
    assert_eq!((code(&output), output.stdout == broken, &json["sealed"]), (1, true, &false.into()));
    assert_eq!(code(&place.verify(&[], &broken)), 1);
    let marked = place.seal(&["--mark-failed"], &broken);
    assert_eq!(code(&marked), 0);
    assert!(text(&marked.stdout).starts_with("ARC-Seal: i=2; a=rsa-sha256; cv=fail;"));
    let again = place.seal(&["--mark-failed"], &marked.stdout);
    assert_eq!((code(&again), again.stdout == marked.stdout), (1, true));
    let two_authors = [b"From: <x@x.example>\r\n", MESSAGE.as_bytes()].concat();
    let output = place.seal(&[], &two_authors);
    assert_eq!((code(&output), output.stdout), (1, two_authors));
    assert!(text(&output.stderr).contains("2 From fields"));
}

#[test]
fn dos_12_a_large_message_is_sealed_as_it_streams_by() {
    let place = Place::new();
    let body = "0123456789abcdef0123456789abcdef\r\n".repeat(1 << 20);
    for (from, wanted) in [("a@victim.example", 0), ("a@victim.example>, <b@victim.example", 0)] {
        let message = format!("From: <{from}>\r\n\r\n{body}");
        let sealed = place.seal(&[], message.as_bytes());
        assert_eq!((code(&sealed), text(&sealed.stderr)), (wanted, String::new()));
        assert!(sealed.stdout.ends_with(message.as_bytes()));
        assert_eq!(code(&place.verify(&[], &sealed.stdout)), 0);
    }
}

#[test]
fn dos_12_a_large_message_is_not_held_in_memory() {
    let place = Place::new();
    let mut child = Command::new(env!("CARGO_BIN_EXE_mailward"))
        .args("arc seal --domain sealer.example --selector arc --key key.pem".split(' '))
        .args("--authserv-id mx.sealer.example --dns zone --now 1780272000".split(' '))
        .current_dir(place.0.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut pipe = child.stdin.take().unwrap();
    pipe.write_all(MESSAGE.as_bytes()).unwrap();
    let part = [b'x'; 1 << 20];
    for _ in 0..MEBIBYTES {
        pipe.write_all(&part).unwrap();
    }
    // All but what still stands in the pipe has been read.
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    drop(pipe);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let most: usize = most.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(most < MEBIBYTES * 1024 / 2, "{most} KiB");
}

#[test]
fn keys_that_cannot_seal() {
    let place = Place::new();
    place.key("none.pem", "no key", 0o600);
    let rsa = |bits| TestKey::rsa(bits).private_pem();
    place.key("open.pem", &rsa(2048), 0o644);
    place.key("short.pem", &rsa(1024), 0o600);
    place.key("cut.pem", rsa(2048).get(..400).unwrap(), 0o600);
    fs::create_dir(place.path("folder")).unwrap();
    for (file, says) in [
        ("ed.pem", "Ed25519"),
        ("none.pem", "key.pem: not a private key"),
        ("open.pem", "key.pem: everybody on this machine may read it, by its mode 0644: chmod 600"),
        ("short.pem", "mailward keys new sealer.example --rsa 2048"),
        ("cut.pem", "key.pem: the key is cut off"),
        ("absent.pem", "key.pem: no such file"),
    ] {
        fs::remove_file(place.path("key.pem")).unwrap_or_default();
        fs::copy(place.path(file), place.path("key.pem")).unwrap_or_default();
        let output = place.seal(&[], MESSAGE.as_bytes());
        assert_eq!(code(&output), 2, "{file}");
        assert!(output.stdout.is_empty());
        assert!(text(&output.stderr).contains(says), "{file}: {}", text(&output.stderr));
    }
    let output = place.seal(&["--key", "folder"], MESSAGE.as_bytes());
    assert_eq!((code(&output), output.stdout.len()), (2, 0));
}

#[test]
fn a_trusted_sealer_is_a_reason_and_no_result() {
    let place = Place::new();
    let sealed = place.seal(&[], MESSAGE.as_bytes()).stdout;
    let verify = |more: &[&str]| -> Value {
        let common = [
            "verify",
            "--dns",
            "zone",
            "--now",
            "1780272000",
            "--ip",
            "203.0.113.66",
            "--mail-from",
            "<l@list.example>",
            "--json",
            "-",
        ];
        serde_json::from_slice(&place.mailward(&[&common[..], more].concat(), &sealed).stdout).unwrap()
    };
    for (more, allowed, code) in [
        (&["--trusted-sealer", "sealer.example"][..], true, "trusted-sealer"),
        (&["--trusted-sealer", "a.sealer.example"][..], false, "not-trusted"),
        (&[][..], false, "nobody-trusted"),
    ] {
        let json = verify(more);
        assert_eq!((&json["dmarc"]["result"], &json["arc"]["result"]), (&"fail".into(), &"pass".into()));
        let decision = &json["arc"]["local_override"];
        assert_eq!((&decision["allowed"], &decision["code"]), (&allowed.into(), &code.into()));
    }
}
