//! The commands on records as people use them: what they paste, what they mistype, and what the documentation shows.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::string_slice, clippy::disallowed_methods)]

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::Value;

const ZONE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/records.zone");
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

struct Run {
    out: String,
    err: String,
    code: i32,
}

fn run(args: &[&str]) -> Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mailward"));
    let output = command.args(args).current_dir(ROOT).stdin(Stdio::null()).output().unwrap();
    Run {
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
        code: output.status.code().unwrap(),
    }
}

/// The command in the test's world, for people and as JSON, which end alike.
#[track_caller]
fn both(args: &[&str]) -> (String, Value, i32) {
    let args: Vec<&str> = args.iter().copied().chain(["--dns", ZONE]).collect();
    let people = run(&args);
    let programs = run(&args.into_iter().chain(["--json"]).collect::<Vec<_>>());
    assert_eq!((people.code, &people.err), (programs.code, &programs.err));
    assert!(!people.out.contains('\x1b'), "no colours where there is no terminal");
    (people.out, serde_json::from_str(&programs.out).unwrap(), people.code)
}

/// The findings as `code` and the piece of `text` that each points at; `words` stand in the text for people.
#[track_caller]
fn check(args: &[&str], text: &str, code: i32, findings: &[(&str, &str)], words: &[&str]) -> (String, Value) {
    let (out, json, ended) = both(&[args, &[text]].concat());
    let found = json["findings"].as_array().unwrap();
    let place = |finding: &Value, key: &str| usize::try_from(finding[key].as_u64().unwrap()).unwrap();
    let got: Vec<(&str, &str)> = found
        .iter()
        .map(|f| (f["code"].as_str().unwrap(), &text[place(f, "start")..place(f, "end")]))
        .collect();
    assert_eq!(got, findings, "{out}");
    for finding in findings {
        assert!(out.contains(&format!("[{}]", finding.0)), "{out}");
    }
    for word in words {
        assert!(out.contains(word), "{word:?} is not in\n{out}");
    }
    assert_eq!(ended, code, "{out}");
    (out, json)
}

const GOOGLE: &str = "v=spf1 include:_spf.google.com ip4:222.111.222.214 ip4:222.110.222.103 \
                      ip4:222.110.222.248 ip4:222.110.222.104 ip4:222.110.222.105 ~all";
const WEAK: &str = "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDDmzRmJRQxLEuyYiyMg4suA2SyMwR5MGHpP9diNT1hRiwUd/mZp1ro7kIDTKS8ttkI6z6eTRW9e9dDOxzSxNuXmume60Cjbu08gOyhPG3GfWdg7QkdN6kR4V75MFlw624VY35DaXBvnlTJTgRg/EW72O1DiYVThkyCgpSYS8nmEQIDAQAB";

#[test]
fn a_zone_line_with_curly_quotes_and_an_en_dash() {
    let (_, json) = check(
        &["spf", "show"],
        "example.com IN TXT “v=spf1 +mx +a:cole.xample.com/28 –all”",
        1,
        &[("paste-curly-quote", "“"), ("paste-dash", "–"), ("paste-curly-quote", "”")],
        &[
            "as it was probably meant:\n\n  v=spf1 +mx +a:cole.xample.com/28 -all\n",
            "write the straight quote \"",
            "write -",
            "SPF record of example.com",
            "publish the record as it was meant",
        ],
    );
    assert_eq!(json["domain"], "example.com");
    assert_eq!(json["meant"], "v=spf1 +mx +a:cole.xample.com/28 -all");
    assert_eq!(json["valid"], false);
    assert_eq!(json["terms"][2]["term"], "-all");
}

#[test]
fn a_zone_line_with_one_quote_open() {
    check(
        &["spf", "show"],
        "example.com IN TXT \"v=spf1 +mx +a:cole.xample.com/28 –all",
        1,
        &[("paste-unclosed-quote", "\""), ("paste-dash", "–")],
        &["  v=spf1 +mx +a:cole.xample.com/28 -all\n", "this quote has no partner"],
    );
    check(
        &["spf", "show"],
        "example.com IN TXT v=spf1 +mx +a:cole.xample.com/28 -all\"",
        1,
        &[("paste-unquoted", "v=spf1 +mx +a:cole.xample.com/28 -all\""), ("paste-unclosed-quote", "\"")],
        &["  v=spf1 +mx +a:cole.xample.com/28 -all\n"],
    );
}

#[test]
fn the_record_with_google_in_words() {
    let (out, json) = check(&["spf", "show"], GOOGLE, 0, &[], &["The record has no error."]);
    for (term, means) in [
        ("include:_spf.google.com", "whom the record of _spf.google.com lets pass: pass"),
        ("  ip4:64.233.160.0/19", "the 8192 addresses of 64.233.160.0/19: pass"),
        ("ip4:222.110.222.248", "the address 222.110.222.248: pass"),
        ("~all", "everybody else: softfail, probably not allowed"),
    ] {
        let is_row = |line: &str| line.starts_with(&format!("  {term} ")) && line.contains(means);
        assert!(out.lines().any(is_row), "{term}: {out}");
    }
    assert!(out.contains("DNS look-ups: 1 of 10."), "{out}");
    assert_eq!(json["lookups"], serde_json::json!({ "count": 1, "max": 10, "at_least": false }));
    assert_eq!(json["terms"].as_array().unwrap().len(), 7);
    assert_eq!(json["terms"][0]["terms"][1]["term"], "ip6:2001:4860:4000::/36");
}

#[test]
fn who_passes_the_record_with_google() {
    let client = |ip: &str, result: &str, term: &str, words: &str| {
        let (out, json, code) = both(&["spf", "check", GOOGLE, "--ip", ip]);
        assert_eq!(json["check"]["result"], result, "{out}");
        assert_eq!(json["check"]["matched_term"], term, "{out}");
        assert!(out.contains(words), "{out}");
        assert_eq!(code, i32::from(result != "pass"));
        let marks = "^".repeat(term.len());
        assert!(out.lines().any(|line| line.trim_end().ends_with(&format!(" {marks}"))), "{out}");
    };
    for ip in ["222.111.222.214", "222.110.222.103", "222.110.222.248", "222.110.222.104", "222.110.222.105"]
    {
        client(ip, "pass", &format!("ip4:{ip}"), "allows this client");
    }
    client("64.233.160.5", "pass", "include:_spf.google.com", "the record of _spf.google.com says pass");
    client("2001:4860:4000::5", "pass", "include:_spf.google.com", "allows this client");
    let words = "says that this client is probably not allowed, without insisting on it (softfail)";
    client("222.110.222.106", "softfail", "~all", words);
    client("2001:db8::1", "softfail", "~all", words);
}

#[test]
fn keys_that_people_paste() {
    let key = ["dkim", "key"];
    let words = ["an ellipsis is not base64", "copy the whole key"];
    check(&key, "v=DKIM1;k=rsa;p=MIGfMA0…", 1, &[("dkim-key-ellipsis", "…")], &words);

    let weak = format!("v=DKIM1;k=rsa;p={WEAK}");
    let words = ["RSA, 1024 bits", "2048 bits are advised", "valid but weak"];
    let (_, json) = check(&key, &weak, 0, &[("dkim-key-weak", &format!("p={WEAK}"))], &words);
    assert_eq!(json["valid"], true);
    assert_eq!((&json["key"]["bits"], &json["key"]["weak"]), (&1024.into(), &true.into()));

    let wrong = format!("v=DKIM1;r=rsa;p={WEAK}");
    let found = [("dkim-key-unknown-tag", "r"), ("dkim-key-weak", &format!("p={WEAK}"))];
    check(&key, &wrong, 0, &found, &["`k` was meant"]);
}

#[test]
fn a_signature_that_people_paste() {
    let text = "v=1; a=rsa-sha256; d=spoofing.com; s=brisbane; c=simple; q=dns/txt; i=@eng.example.net; \
        t=1117574938; x=1118006938; h=from:to:subject:date; bh=…; b=…";
    let findings = [
        ("record-other-kind", text),
        ("dkim-signature", "i=@eng.example.net"),
        ("dkim-signature", "x=1118006938"),
        ("dkim-signature", "bh=…"),
        ("dkim-signature", "b=…"),
    ];
    let words = ["a DKIM-Signature, not a key record", "outside of the signing domain", "has expired"];
    check(&["dkim", "key"], text, 1, &findings, &words);
}

#[test]
fn keys_that_are_published() {
    let (out, json, code) = both(&["dkim", "key", "weak", "example.com"]);
    assert_eq!((&json["key"]["bits"], code), (&1024.into(), 0));
    assert!(
        out.contains("DKIM key weak of example.com") && out.contains("--> TXT weak._domainkey.example.com")
    );
    let (out, json, code) = both(&["dkim", "key", "revoked", "example.com"]);
    assert_eq!((&json["key"]["revoked"], code), (&true.into(), 1));
    assert!(out.contains("The key is revoked"), "{out}");
    let (out, json, code) = both(&["dkim", "key", "none", "example.com"]);
    assert_eq!((&json["key"], &json["valid"], code), (&Value::Null, &false.into(), 1));
    assert!(out.contains("nothing is published at none._domainkey.example.com"), "{out}");
    let (out, _, code) = both(&["dkim", "key", "ed", "example.com"]);
    assert!(code == 0 && out.contains("Ed25519") && out.contains("no sub-domain"), "{out}");
}

const DMARC: &str = "v=DMARC1;p=none;sp=quarantine;pct=100;rua=mailto:dmarcreports@example.com;";

#[test]
fn a_dmarc_record_at_the_right_and_at_the_wrong_name() {
    let notes = [("dmarc-sp-stricter", "sp=quarantine"), ("dmarc-historic-tag", "pct=100")];
    let words = [
        "pct is historic",
        "unusual",
        "p=none",
        "treat as suspicious what fails",
        "The record has no error.",
    ];
    check(&["dmarc", "show"], DMARC, 0, &notes, &words);
    check(&["dmarc", "show"], &format!("_dmarc.example.com. TXT \"{DMARC}\""), 0, &notes, &words);
    let wrong = [&[("dmarc-wrong-name", "example.com.")], &notes[..]].concat();
    let words = ["at the wrong name", "publish it at _dmarc.example.com"];
    let (_, json) = check(&["dmarc", "show"], &format!("example.com. TXT \"{DMARC}\""), 1, &wrong, &words);
    assert_eq!((&json["domain"], &json["valid"]), (&"example.com".into(), &false.into()));
}

#[test]
fn ptc_was_meant_to_be_pct() {
    let found = [("dmarc-sp-stricter", "sp=quarantine"), ("dmarc-unknown-tag", "ptc")];
    let words = ["pct (which is historic) was probably meant"];
    check(&["dmarc", "show"], &DMARC.replace("pct", "ptc"), 0, &found, &words);
}

#[test]
fn records_of_other_kinds_are_understood_as_such() {
    let line = "_mta-sts.example.org.  IN TXT “v=STSv1; id=202104012135;”";
    for command in [["spf", "show"], ["dkim", "key"], ["dmarc", "show"]] {
        let found =
            [("paste-curly-quote", "“"), ("record-other-kind", "v=STSv1"), ("paste-curly-quote", "”")];
        let words = ["a zone line that holds an MTA-STS record (RFC 8461)", "This is no "];
        let (_, json) = check(&command, line, 1, &found, &words);
        assert_eq!((&json["valid"], &json["meant"]), (&false.into(), &"v=STSv1; id=202104012135;".into()));
    }
    let words = ["this is a DMARC record", "mailward dmarc show"];
    check(&["spf", "show"], "v=DMARC1; p=none", 1, &[("record-other-kind", "v=DMARC1")], &words);
    let mx = "example.com. IN MX 10 mail.example.com.";
    check(
        &["spf", "show"],
        mx,
        1,
        &[("record-not-txt", "10 mail.example.com.")],
        &["of type MX", "SPF, DKIM key and DMARC records are TXT"],
    );
}

/// What is published, and what is said of it.
#[track_caller]
fn published(args: &[&str], code: i32, words: &[&str]) -> Value {
    let (out, json, ended) = both(args);
    for word in words {
        assert!(out.contains(word), "{word:?} is not in\n{out}");
    }
    assert_eq!((ended, &json["valid"]), (code, &(code == 0).into()), "{out}");
    json
}

#[test]
fn what_is_wrong_in_the_dns() {
    published(&["spf", "show", "example.com"], 0, &["DNS look-ups: 2 of 10.", "mx "]);
    published(&["spf", "show", "two.example"], 1, &["2 SPF records, so none of them counts"]);
    published(&["spf", "show", "quoted.example"], 1, &["a quotation mark is no part of a record"]);
    published(&["spf", "show", "loop.example"], 1, &["a loop"]);
    published(&["spf", "check", "many.example"], 1, &["11 of 10", "more than 10"]);
    published(&["spf", "check", "lost.example"], 1, &["nothing.example has no SPF record"]);
    published(&["spf", "check", "nothing.example"], 1, &["the domain does not exist"]);
    published(&["dmarc", "show", "misplaced.example"], 1, &["publish it at _dmarc.misplaced.example"]);
    published(&["dmarc", "show", "two.example"], 1, &["2 DMARC records"]);
    let json = published(&["dmarc", "show", "nope.example.com"], 0, &["does not exist", "refuse what fails"]);
    assert_eq!((&json["relation"], &json["policy_domain"]), (&"nonexistent".into(), &"example.com".into()));
    let json =
        published(&["dmarc", "show", "sub.example.com"], 0, &["For sub.example.com that is: treat as"]);
    assert_eq!(
        (&json["relation"], &json["organizational_domain"]),
        (&"subdomain".into(), &"example.com".into())
    );
}

#[test]
fn names_that_are_no_plain_names_are_asked_for_all_the_same() {
    published(&["spf", "show", "EXAMPLE.com."], 0, &["SPF record of example.com"]);
    published(&["spf", "show", "bücher.example"], 1, &["No SPF record of xn--bcher-kva.example"]);
}

#[test]
fn a_record_in_a_file_and_a_proposed_one() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("record.txt");
    std::fs::write(&file, "example.com. TXT \"v=spf1 -all\"\n").unwrap();
    let (out, json, code) = both(&["spf", "show", file.to_str().unwrap()]);
    assert_eq!((&json["domain"], code), (&"example.com".into(), 0), "{out}");
    let (_, json, _) = both(&["spf", "show", "example.com", "--overlay", file.to_str().unwrap()]);
    assert_eq!(json["record"], "v=spf1 -all");
}

#[test]
fn a_record_from_standard_input_is_checked_for_the_domain_of_the_sender() {
    let args = ["spf", "check", "-", "--dns", ZONE, "--ip", "192.0.2.10", "--mail-from", "bob@example.com"];
    let mut command = Command::new(env!("CARGO_BIN_EXE_mailward"));
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"v=spf1 mx -all\n").unwrap();
    let output = child.wait_with_output().unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    assert!(out.contains("as if it were the record of example.com"), "{out}");
    assert!(out.contains("192.0.2.10 as <bob@example.com>: pass: \"mx\""), "{out}");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn what_depends_on_a_domain_that_nobody_named_is_said() {
    let (out, json, code) = both(&["spf", "check", "v=spf1 mx -all", "--ip", "192.0.2.10"]);
    assert!(out.contains("name a sender with --mail-from, or paste the whole zone line"), "{out}");
    assert_eq!((&json["check"]["result"], &json["domain"], code), (&"fail".into(), &Value::Null, 1));
    let (out, ..) = both(&["spf", "show", "v=spf1 mx -all"]);
    assert!(out.contains("the servers that take mail for the domain itself: pass"), "{out}");
}

/// A mistake: nothing on standard output, exit code 2, and a message that says all of `words`.
#[track_caller]
fn mistake(args: &[&str], words: &[&str]) {
    let run = run(args);
    assert_eq!((run.code, run.out.as_str()), (2, ""), "{}", run.err);
    for word in words {
        assert!(run.err.contains(word), "{word:?} is not in\n{}", run.err);
    }
}

#[test]
fn mistakes_on_the_command_line() {
    let zone = |args: &[&'static str]| [args, &["--dns", ZONE]].concat();
    mistake(&["spf", "show", "--domain", "example.com"], &["unexpected argument '--domain'"]);
    mistake(&["spf", "shw", "example.com"], &["unrecognized subcommand 'shw'", "'show'"]);
    mistake(&["spf", "show", "./none.txt"], &["./none.txt: no such file", "help:"]);
    mistake(&["spf", "show", "none"], &["no file of that name", "example.com"]);
    mistake(
        &["spf", "show", "v=spf1", "mx", "~all"],
        &["v=spf1 mx ~all: several arguments", "single quotes"],
    );
    mistake(
        &zone(&["dkim", "key", "example.com"]),
        &["names no key", "mailward dkim key SELECTOR example.com"],
    );
    mistake(&zone(&["dkim", "key", "s._domainkey.example.com"]), &["mailward dkim key s example.com"]);
    mistake(
        &zone(&["dkim", "key", "example.com", "s1"]),
        &["the selector comes first", "dkim key s1 example.com"],
    );
    mistake(&zone(&["dkim", "key", "s1", "v=DKIM1; p="]), &["this is a record", "without a selector"]);
    mistake(&zone(&["dkim", "key", "s1._domainkey", "example.com"]), &["the selector alone is needed"]);
    mistake(&zone(&["spf", "show", "exmaple..com"]), &["exmaple..com", "empty label"]);
    mistake(&zone(&["spf", "show", "https://example.com/?a=b"]), &["this is a URL", "meant: example.com"]);
    mistake(&zone(&["dmarc", "show", "bob@example.com"]), &["an e-mail address", "meant: example.com"]);
    mistake(&zone(&["dmarc", "show", "_dmarc.example.com"]), &["mailward dmarc show example.com"]);
    mistake(&zone(&["spf", "check", "example.com", "--ip", "192.0.2.0/24"]), &["one address is needed"]);
    let other = ["spf", "check", "example.com", "--ip", "192.0.2.1", "--mail-from", "bob@example.org"];
    mistake(&zone(&other), &["--mail-from: bob@example.org is not of example.com"]);
    mistake(&["spf", "show", "example.com", "--dns", "no.zone"], &["there is no file \"no.zone\"", "help:"]);
}

#[test]
fn nobody_answers() {
    // Nobody listens on that port.
    let nobody = ["spf", "check", "example.com", "--dns", "127.0.0.1:9"];
    mistake(&nobody, &["TXT example.com: not known now", "name another server"]);
    mistake(&["dmarc", "show", "unanswered.example", "--dns", ZONE], &["TXT _dmarc.unanswered.example"]);
    let silent = run(&["spf", "check", "silent.example", "--dns", ZONE]);
    assert_eq!(silent.code, 2);
    assert!(silent.out.contains("not all that it refers to could be looked at"), "{}", silent.out);
    assert!(silent.err.contains("TXT unanswered.example: not known now"), "{}", silent.err);
}

#[test]
fn a_recording_answers_what_it_was_asked() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("recording.json");
    let file = file.to_str().unwrap();
    assert_eq!(run(&["verify", "--dns", "samples/world.zone", "--record", file, "samples/good.eml"]).code, 0);
    let shown = run(&["dmarc", "show", "trust.example", "--dns", file]);
    assert!(shown.code == 0 && shown.out.contains("p=reject"), "{}{}", shown.out, shown.err);
    mistake(&["spf", "show", "a.example", "--dns", file], &["TXT a.example: the recording has no answer"]);
}

#[test]
fn a_bad_zone_file_is_told_by_line_and_column() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bad.zone");
    std::fs::write(&file, "a.example. TXT \"x\"\nb.example. A 1.2.3\n").unwrap();
    mistake(
        &["spf", "show", "a.example", "--dns", file.to_str().unwrap()],
        &["bad.zone:2:14: not a zone: \"1.2.3\""],
    );
    mistake(&["dmarc", "show", "v=DMARC1", "--dns", file.to_str().unwrap()], &["bad.zone:2:14:"]);
}

#[test]
fn web_05_bytes_of_strangers_reach_no_terminal() {
    let (out, json, _) = both(&["spf", "show", "v=spf1 \u{1b}[2J\u{202e}=x -all"]);
    assert!(!out.contains(['\u{1b}', '\u{202e}']) && out.contains("\\x1b[2J"), "{out}");
    assert_eq!(json["record"], "v=spf1 \\x1b[2J\\xe2\\x80\\xae=x -all");
}

#[test]
fn the_documentation_shows_what_is_printed() {
    check_page("docs/records.md", 5);
    check_page("docs/verify.md", 2);
}

/// Every block of the page that begins with `$ mailward` shows what the program prints, and there are so many at least.
/// With `UPDATE_DOCS=1` the page is rewritten.
fn check_page(name: &str, blocks: usize) {
    let path = format!("{ROOT}/{name}");
    let page = std::fs::read_to_string(&path).unwrap();
    let parts: Vec<String> = page
        .split("```")
        .map(|part| match part.strip_prefix("console\n$ mailward ") {
            Some(block) => {
                let command = block.lines().next().unwrap();
                let run = run(&words(command).iter().map(String::as_str).collect::<Vec<_>>());
                let printed: String =
                    (run.out + &run.err).lines().map(|line| format!("{}\n", line.trim_end())).collect();
                format!("console\n$ mailward {command}\n{printed}")
            }
            None => part.to_owned(),
        })
        .collect();
    let made = parts.join("```");
    assert!(made.matches("\n$ mailward ").count() >= blocks, "the page shows the commands");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &made).unwrap();
        return;
    }
    assert!(made == page, "{name} is not up to date: run the tests with UPDATE_DOCS=1");
}

/// A command line as a shell cuts it: words, or what stands between single quotes.
fn words(line: &str) -> Vec<String> {
    let pieces = line.split('\'').enumerate();
    pieces
        .flat_map(|(index, piece)| match index % 2 {
            0 => piece.split_whitespace().map(str::to_owned).collect::<Vec<_>>(),
            _ => vec![piece.to_owned()],
        })
        .collect()
}
