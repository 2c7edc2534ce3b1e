//! `mailward verify` as its users run it: the samples, every way to name messages and envelopes, recordings, exit codes.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::disallowed_methods)]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::UdpSocket;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread;

use serde_json::Value;
use tempfile::TempDir;

const SAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../samples");

/// Runs the program in `samples/`.
fn mailward(arguments: &[&str]) -> Output {
    with_stdin(arguments, b"")
}

fn with_stdin(arguments: &[&str], stdin: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_mailward"))
        .args(arguments)
        .current_dir(SAMPLES)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The program may have ended without reading.
    let _ = child.stdin.take().unwrap().write_all(stdin);
    child.wait_with_output().unwrap()
}

fn json(output: &Output) -> Vec<Value> {
    stdout(output).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

/// `file: spf helo dkim dmarc`, a line a message.
fn words(output: &Output) -> Vec<String> {
    let word = |v: &Value| v["result"].as_str().unwrap().to_owned();
    json(output)
        .iter()
        .map(|m| {
            let dkim: Vec<_> = m["dkim"].as_array().unwrap().iter().map(word).collect();
            let (spf, helo) = (word(&m["spf"]["mailfrom"]), word(&m["spf"]["helo"]));
            format!(
                "{}: {spf} {helo} [{}] {}",
                m["file"].as_str().unwrap(),
                dkim.join(" "),
                word(&m["dmarc"])
            )
        })
        .collect()
}

const ALL: [&str; 4] = [
    "./changed-body.eml: fail pass [fail] fail",
    "./dkim-deception.eml: pass pass [pass] fail",
    "./good.eml: pass pass [pass] pass",
    "./spf-deception.eml: pass pass [] fail",
];

#[test]
fn the_samples_as_json() {
    let output = mailward(&["verify", "--dns", "world.zone", "--json", "."]);
    assert_eq!(words(&output), ALL);
    assert_eq!(code(&output), 1);
    let messages = json(&output);
    let dmarc = &messages[1]["dmarc"];
    assert_eq!(dmarc["author_domain"], "trust.example");
    assert_eq!((&dmarc["policy_domain"], &dmarc["policy"]), (&"trust.example".into(), &"reject".into()));
    assert_eq!((&dmarc["disposition"], &dmarc["aligned_by"]), (&"reject".into(), &Value::Null));
    assert_eq!(messages[1]["spf"]["mailfrom"]["domain"], "spoofing.example");
    assert_eq!(messages[1]["dkim"][0]["selector"], "k1");
    assert_eq!(messages[1]["dkim"][0]["algorithm"], "rsa-sha256");
    assert_eq!(messages[2]["dmarc"]["aligned_by"], "both");
    assert!(messages[2].get("steps").is_none());
    assert!(stderr(&output).contains("world.zone: skipped"), "{}", stderr(&output));
    assert!(!stderr(&output).contains("envelope.toml"));
}

#[test]
fn a_newcomer_understands_the_deceptions() {
    for (file, why) in [
        ("spf-deception.eml", "SPF vouches for spoofing.example only, and there is no DKIM signature"),
        (
            "dkim-deception.eml",
            "SPF vouches for spoofing.example only, and DKIM vouches for spoofing.example only",
        ),
    ] {
        let output = mailward(&["verify", "--dns", "world.zone", file]);
        let story = stdout(&output);
        assert!(story.starts_with(&format!("{file}: dmarc=fail\n")), "{story}");
        assert!(story.contains("nothing proves that trust.example sent this"), "{story}");
        assert!(story.contains(why), "{story}");
        assert!(story.contains("asks to refuse such mail (reject)"), "{story}");
        assert!(story.contains("[RFC 7208 §5.6]") && story.contains("[RFC 9989 §4.10.2]"), "{story}");
        assert!(story.contains("^^^^^^^^^^^^^^^^"), "the guilty span is marked: {story}");
        assert_eq!(code(&output), 1);
    }
}

#[test]
fn exit_codes() {
    let zone = ["--dns", "world.zone"];
    let run = |rest: &[&str]| code(&mailward(&[&["verify"], &zone[..], rest].concat()));
    assert_eq!(run(&["good.eml"]), 0);
    assert_eq!(run(&["good.eml", "spf-deception.eml"]), 1);
    assert_eq!(run(&["good.eml", "absent.eml"]), 2);
    assert_eq!(run(&["--unknown"]), 2);
    assert_eq!(run(&[]), 2);
}

#[test]
fn a_recording_replays_to_the_same_bytes() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("all.recording");
    let file = file.to_str().unwrap();
    let live = mailward(&["verify", "--dns", "world.zone", "--record", file, "--json", "--explain", "."]);
    assert_eq!(words(&live), ALL);
    for files in [&["."][..], &[]] {
        let replayed = mailward(&[&["verify", "--dns", file, "--json", "--explain"], files].concat());
        assert_eq!(stdout(&replayed), stdout(&live));
        assert_eq!(code(&replayed), 1);
    }
    // One message of it, whose answers are its own.
    let one = mailward(&["verify", "--dns", file, "--json", "good.eml"]);
    assert_eq!(words(&one), ["good.eml: pass pass [pass] pass"]);
    // Another message needs what the recording lacks, and that is said.
    let other = with_stdin(&["verify", "--dns", file, "--json", "-"], b"From: a@elsewhere.example\r\n\r\n");
    assert_eq!(words(&other), ["-: none none [] temperror"]);
    assert!(stderr(&other).contains("no answer to TXT _dmarc.elsewhere.example"), "{}", stderr(&other));
    assert_eq!(code(&other), 2);
}

#[test]
fn envelopes_from_options_tables_and_traces() {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    fs::copy(Path::new(SAMPLES).join("good.eml"), at("good.eml")).unwrap();
    let run =
        |rest: &[&str]| words(&mailward(&[&["verify", "--dns", "world.zone", "--json"], rest].concat()));
    let good = at("good.eml");
    let want = |result: &str| vec![format!("{good}: {result}")];
    assert_eq!(run(&[&good]), want("none none [pass] pass"));
    let mail_from = ["--ip", "192.0.2.10", "--mail-from", "<bob@trust.example>", &good];
    assert_eq!(run(&mail_from), want("pass none [pass] pass"));
    let helo = ["--ip", "192.0.2.10", "--helo", "mail.trust.example", "--mail-from", "<>", &good];
    assert_eq!(run(&helo), want("pass pass [pass] pass"));
    let table = "file,ip,helo,mail_from,rcpt\ngood.eml,203.0.113.1,x.example,bob@trust.example,\n";
    fs::write(at("t.csv"), table).unwrap();
    assert_eq!(run(&["--envelopes", &at("t.csv"), &good]), want("fail none [pass] pass"));
    let message = fs::read_to_string(&good).unwrap();
    let trace = "Return-Path: <bob@trust.example>\n\
        Received: from mail.trust.example (mail.trust.example [192.0.2.10])\n\
        \tby mx.receiver.example (Postfix) with ESMTPS id 4; Fri, 20 Nov 2026 10:00:05 +0000\n";
    fs::write(&good, trace.to_owned() + &message).unwrap();
    assert_eq!(run(&[&good]), want("none none [pass] pass"), "trace fields count only if asked for");
    assert_eq!(run(&["--trace", &good]), want("pass pass [pass] pass"));
}

#[test]
fn mboxes_maildirs_and_standard_input() {
    let folder = TempDir::new().unwrap();
    let good = fs::read_to_string(Path::new(SAMPLES).join("good.eml")).unwrap();
    let spoof = fs::read_to_string(Path::new(SAMPLES).join("spf-deception.eml")).unwrap();
    let from_line = "From bob Fri Nov 20 10:00:00 2026\n";
    let mbox = [from_line, &good, "\n", from_line, &spoof, "\n"].concat();
    fs::write(folder.path().join("box.mbox"), &mbox).unwrap();
    for (file, text) in [("cur/1:2,S", &good), ("new/2", &spoof), ("tmp/3", &good)] {
        let path = folder.path().join("Maildir").join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let path = folder.path().to_str().unwrap();
    let output = mailward(&["verify", "--dns", "world.zone", "--json", path]);
    assert_eq!(
        words(&output),
        [
            format!("{path}/Maildir/cur/1:2,S: none none [pass] pass"),
            format!("{path}/Maildir/new/2: none none [] fail"),
            format!("{path}/box.mbox:1: none none [pass] pass"),
            format!("{path}/box.mbox:2: none none [] fail"),
        ]
    );
    assert!(stderr(&output).contains("tmp of a Maildir"));
    let stdin =
        |text: &str| words(&with_stdin(&["verify", "--dns", "world.zone", "--json", "-"], text.as_bytes()));
    assert_eq!(stdin(&good), ["-: none none [pass] pass"]);
    assert_eq!(stdin(&good.replace('\n', "\r\n")), ["-: none none [pass] pass"]);
    assert_eq!(stdin(&mbox), ["-:1: none none [pass] pass", "-:2: none none [] fail"]);
}

#[test]
fn an_overlay_shows_what_a_record_would_do() {
    let folder = TempDir::new().unwrap();
    let zone = folder.path().join("proposed.zone");
    fs::write(&zone, "trust.example. 60 TXT \"v=spf1 ip4:198.51.100.25 -all\"\n").unwrap();
    let overlay = ["--overlay", zone.to_str().unwrap()];
    let run =
        |rest: &[&str]| words(&mailward(&[&["verify", "--dns", "world.zone", "--json"], rest].concat()));
    assert_eq!(run(&["changed-body.eml"]), ["changed-body.eml: fail pass [fail] fail"]);
    let laid = [&overlay[..], &["changed-body.eml"]].concat();
    assert_eq!(run(&laid), ["changed-body.eml: pass pass [fail] pass"]);
}

#[test]
fn a_table_for_people_and_no_colour_in_a_pipe() {
    let output = mailward(&["verify", "--dns", "world.zone", "."]);
    let table = stdout(&output);
    assert_eq!(table.lines().count(), 5, "{table}");
    assert!(table.lines().next().unwrap().starts_with("message"));
    assert!(!table.contains('\u{1b}') && !stderr(&output).contains('\u{1b}'));
}

#[test]
fn mistakes_say_what_where_and_what_to_do() {
    let check = |arguments: &[&str], wants: &[&str]| {
        let output = mailward(&[&["verify"], arguments].concat());
        let said = stderr(&output);
        for want in wants {
            assert!(said.contains(want), "{arguments:?} does not say {want:?}:\n{said}");
        }
        assert_eq!(code(&output), 2, "{arguments:?}");
        assert!(!said.contains("panicked"));
    };
    check(&[], &["no message is named", "help:"]);
    check(&["--dns", "world.zone", "absent.eml"], &["absent.eml", "no such file"]);
    check(&["--dns", "wrold.zone", "good.eml"], &["wrold.zone", "there is no file", "help:"]);
    check(&["--dns", "good.eml", "good.eml"], &["good.eml:1:"]);
    check(&["--ip", "192.0.2", "good.eml"], &["192.0.2", "--ip"]);
    check(&["--now", "yesterday", "good.eml"], &["yesterday", "--now"]);
    check(&["--envelopes", "absent.csv", "good.eml", "--dns", "world.zone"], &["absent.csv"]);
    check(&["--jsno", "good.eml"], &["--jsno", "--json"]);
    check(&["--dns", "world.zone", "--record", "/nowhere/r", "good.eml"], &["/nowhere/r"]);
    let folder = TempDir::new().unwrap();
    let broken = folder.path().join("broken.recording");
    fs::write(&broken, "{\"mailward-recording\": 1,\n \"settings\": }").unwrap();
    check(&["--dns", broken.to_str().unwrap()], &["broken.recording", "line 2"]);
}

/// A name server that knows no name, and answers questions about `slow.example` only when one about `last.example` has
/// come. Gives its address.
fn server_of_two_minds() -> String {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap().to_string();
    thread::spawn(move || {
        let (mut waiting, mut last_came) = (Vec::new(), false);
        let mut buffer = [0; 1500];
        while let Ok((length, client)) = socket.recv_from(&mut buffer) {
            let mut packet = buffer[..length].to_vec();
            let about = |name: &[u8]| packet.windows(name.len()).any(|w| w.eq_ignore_ascii_case(name));
            let slow = about(b"\x04slow\x07example");
            last_came |= about(b"\x04last\x07example");
            // A response, recursion available, no such name.
            packet[2] |= 0x80;
            packet[3] = 0x83;
            waiting.push((slow, packet, client));
            waiting.retain(|(slow, packet, client)| {
                let held = *slow && !last_came;
                if !held {
                    let _ = socket.send_to(packet, client);
                }
                held
            });
        }
    });
    address
}

#[test]
fn a_message_that_waits_for_the_dns_stops_no_other_and_keeps_its_place() {
    let server = server_of_two_minds();
    let from = |domain| format!("From x Mon Jan  1 00:00:00 2024\nFrom: a@{domain}\nSubject: x\n\nbody\n\n");
    let mbox = ["slow.example", "b.example", "c.example", "last.example", "e.example"].map(from).concat();
    let output = with_stdin(&["verify", "--dns", &server, "--json", "-"], mbox.as_bytes());
    let want = ["-:1", "-:2", "-:3", "-:4", "-:5"].map(|name| format!("{name}: none none [] none"));
    assert_eq!(words(&output), want);
}

#[test]
fn what_is_printed_in_a_pipe_does_not_wait_for_more() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_mailward"))
        .args(["verify", "--dns", "world.zone", "--json", "-"])
        .current_dir(SAMPLES)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let from = "From x Mon Jan  1 00:00:00 2024\n";
    // More than what is read at first, to see what it is.
    let body = "body\n".repeat(20_000);
    stdin.write_all(format!("{from}From: a@b.example\n\n{body}\n{from}From: ").as_bytes()).unwrap();
    // Only then comes the rest of the second message.
    let mut first = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut first).unwrap();
    assert!(first.starts_with("{\"file\":\"-:1\""), "{first}");
    stdin.write_all(b"a@b.example\n\nbody\n").unwrap();
    drop(stdin);
    let mut second = String::new();
    stdout.read_line(&mut second).unwrap();
    assert!(second.starts_with("{\"file\":\"-:2\""), "{second}");
    assert_eq!(child.wait().unwrap().code(), Some(1));
}

/// Where nothing can be written.
fn full() -> Stdio {
    fs::OpenOptions::new().write(true).open("/dev/full").unwrap().into()
}

#[test]
fn a_full_standard_error_loses_no_verdict_and_stops_nobody() {
    let files: Vec<String> = (0..300).map(|number| format!("absent{number}.eml")).collect();
    let output = Command::new(env!("CARGO_BIN_EXE_mailward"))
        .args(["verify", "--dns", "world.zone", "--json"])
        .args(files)
        .args(["good.eml", "good.eml"])
        .current_dir(SAMPLES)
        .stdin(Stdio::null())
        .stderr(full())
        .output()
        .unwrap();
    assert_eq!((json(&output).len(), code(&output)), (2, 2));
}

#[test]
fn verdicts_that_could_not_be_written_are_an_error() {
    let output = Command::new(env!("CARGO_BIN_EXE_mailward"))
        .args(["verify", "--dns", "world.zone", "--json", "good.eml"])
        .current_dir(SAMPLES)
        .stdin(Stdio::null())
        .stdout(full())
        .output()
        .unwrap();
    assert!(
        stderr(&output).starts_with("mailward: standard output: can't be written: "),
        "{}",
        stderr(&output)
    );
    assert_eq!(code(&output), 2);
}
