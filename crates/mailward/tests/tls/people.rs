//! `mailward tls-policy` as somebody uses it whose mail waits: what is wrong with the domain, with the question, or here.

use std::fs::{Permissions, set_permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use super::lab::{Lab, policy};
use super::program::Program;

/// What people read, by what they ask: the exit status, and parts of the text.
fn reads(program: &Program, args: &[&str], code: i32, parts: &[&str]) {
    let (found, text) = program.tell(args);
    assert_eq!(found, code, "{args:?}\n{text}");
    parts.iter().for_each(|part| assert!(text.contains(part), "{args:?}: {part}\n{text}"));
    assert!(!text.contains('\u{1b}'), "no colours in a pipe: {text}");
}

#[test]
fn mail_that_waits_without_our_saying_so() {
    let Some(lab) = Lab::start() else { return };
    let program = Program::start(&lab, "3.10.13");
    for (domain, why) in [
        ("bogus-mx.test", "No mail now: the MX records can't be looked up."),
        (
            "dane-bogus.test",
            "No mail now: of each MX host, the address or the TLSA records can't be looked up.",
        ),
    ] {
        reads(&program, &[domain], 1, &["Postfix 3.10.13 is told: OK dane\n", why]);
    }
    reads(&program, &["dane-second.test"], 0, &["Each host by its own TLSA records."]);
}

#[test]
fn what_the_owner_of_a_domain_should_look_at() {
    let Some(lab) = Lab::start() else { return };
    let program = Program::start(&lab, "3.10.13");
    let odd =
        "version: STSv1\nmode: enforce\nmx: mx.sts-good.test\ncolour: red\nmax_age: 604800\nmax_age: 1\n";
    for (policy, parts) in [
        (odd, ["unknown field \"colour\", ignored", "a second \"max_age\", ignored: the first counts"]),
        (
            "version: STSv1\nmode: enforce\nmax_age: 604800\n",
            ["fetched now     no: ", "the policy has no \"mx\""],
        ),
        (
            "version: STSv1\nmode: enforce\nmx: *.*.v.example\nmax_age: 9\n",
            ["mx \"*.*.v.example\": ", "left-most label"],
        ),
        ("<html>", ["\"<html>\" is no field", "an MTA-STS policy is announced but can't be had"]),
    ] {
        lab.policies.lock().unwrap().insert("sts-good.test".to_owned(), policy.to_owned());
        reads(&program, &["sts-good.test", "--explain"], 0, &parts);
    }
    lab.policies.lock().unwrap().insert("sts-good.test".to_owned(), odd.to_owned());
    let (_, text) = program.tell(&["sts-good.test", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json["odd"].as_array().unwrap().len(), 2, "{text}");
    let zone = program.config().with_file_name("records.zone");
    let records = "_mta-sts.plain.test. 60 TXT \"v=STSv1; id=;\"\n\
        _mta-sts.three.test. 60 TXT \"v=STSv1; id=1;\"\n_mta-sts.three.test. 60 TXT \"v=STSv1; id=2;\"\n";
    std::fs::write(&zone, records).unwrap();
    let overlay = ["--overlay", zone.to_str().unwrap()];
    let why = "one that does not count: v=STSv1; id=; (\"\" is no id: 1 to 32 ASCII letters and digits)";
    reads(&program, &["plain.test", overlay[0], overlay[1]], 0, &[why]);
    reads(&program, &["three.test", overlay[0], overlay[1]], 0, &["2 of them, so none counts"]);
}

#[test]
fn what_is_fetched_is_not_yet_what_counts() {
    let Some(lab) = Lab::start() else { return };
    let program = Program::start(&lab, "3.10.13");
    program.ask("sts-wrong-mx.test");
    reads(&program, &["sts-wrong-mx.test", "--fetch"], 1, &["fetched now     yes\n"]);
    lab.policies
        .lock()
        .unwrap()
        .insert("sts-wrong-mx.test".to_owned(), policy("enforce mx.sts-wrong-mx.test"));
    let another = "another one than is kept, by which serve goes until it fetches it too";
    reads(&program, &["sts-wrong-mx.test", "--fetch"], 0, &[another]);
    reads(&program, &["sts-wrong-mx.test"], 1, &["id 1, mode enforce, fetched "]);
}

#[test]
fn wrong_questions() {
    let Some(lab) = Lab::start() else { return };
    let program = Program::start(&lab, "3.10.13");
    let none = "is no domain that has a policy of its own";
    for (args, part) in [
        (&["b@sts-good.test"][..], "name the domain of the address: sts-good.test"),
        (&["https://sts-good.test/"], none),
        (&["test"], none),
        (&["a..test"], none),
        (&["[127.0.0.1]"], none),
        (&["sts-good.test", "plain.test"], "unexpected argument 'plain.test'"),
        (&["sts-good.test", "--at", "tuesday"], "not a time"),
        (&["sts-good.test", "--at", "2026-11-17"], "the zone is missing"),
        (&["sts-good.test", "--at", "1", "--fetch"], "cannot be used with"),
    ] {
        reads(&program, args, 2, &[part]);
    }
    for (name, domain) in [
        ("STS-Good.TEST", "sts-good.test"),
        ("sts-good.test.", "sts-good.test"),
        ("b\u{fc}cher.test", "xn--bcher-kva.test"),
        ("[mx.smart.test]:2525", "mx.smart.test"),
    ] {
        let title = format!("TLS for mail to {domain}\n");
        reads(&program, &[name], 0, &[&title, "Only hosts that the policy allows"]);
    }
    reads(&program, &["nowhere.test", "--explain"], 0, &["the domain does not exist"]);
}

#[test]
fn where_nobody_asks_and_where_the_database_is_not_ours() {
    let Some(lab) = Lab::start() else { return };
    let program = Program::start(&lab, "3.10.13");
    program.ask("sts-wrong-mx.test");
    let folder = program.config().parent().unwrap().to_owned();
    // Everybody may read the configuration; the database only who serves.
    set_permissions(&folder, Permissions::from_mode(0o755)).unwrap();
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--clear-groups", env!("CARGO_BIN_EXE_mailward"), "tls-policy"]);
    command.args(["sts-wrong-mx.test", "--config"]).arg(program.config()).current_dir(&folder);
    let barred = command.output().unwrap();
    let text = String::from_utf8(barred.stdout).unwrap();
    assert_eq!(barred.status.code(), Some(2), "{text}");
    assert!(text.contains("kept policy     can't be read: ") && text.contains("Permission denied"), "{text}");
    command.args(["--at", "1"]);
    let barred = command.output().unwrap();
    let text = String::from_utf8(barred.stderr).unwrap();
    assert!(barred.status.code() == Some(2) && text.contains("Permission denied"), "{text}");
    let config = std::fs::read_to_string(program.config()).unwrap();
    let nobody: String =
        config.lines().filter(|line| !line.contains("_version")).map(|line| format!("{line}\n")).collect();
    let nobody = nobody.replace(&format!("address = '{}'\n", program.addr), "");
    std::fs::write(program.config(), nobody.replace("path = 'data'", "path = 'elsewhere'")).unwrap();
    let would = "No Postfix asks ([tls_policy] has no address). 3.7.0 would be told: ";
    reads(&program, &["plain.test"], 0, &[would, "kept policy     none\n"]);
    reads(&program, &["plain.test", "--at", "1"], 2, &["there is no database"]);
}
