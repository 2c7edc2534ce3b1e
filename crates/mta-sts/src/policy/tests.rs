//! Policy files, good and bad, in one line each.

use proptest::prelude::*;

use super::*;

/// The policy in one line, then the codes of all findings.
fn check(body: impl AsRef<[u8]>, expected: &str) {
    let body = body.as_ref();
    let parsed = Policy::parse(body);
    let mut line = parsed.value.as_ref().map_or("-".to_owned(), |policy| {
        let mx: Vec<String> = policy.mx().iter().map(ToString::to_string).collect();
        format!("{} {} [{}]", policy.mode(), policy.max_age(), mx.join(" "))
    });
    for finding in &parsed.findings {
        assert!(finding.span.end <= body.len());
        line = format!("{line} {}", finding.code.trim_start_matches("sts-policy-"));
    }
    assert_eq!(line, expected, "{}", shortened(body, 200));
    assert_eq!(parsed.value.is_some(), parsed.first_error().is_none());
    if let Some(policy) = parsed.value {
        assert_eq!(Policy::parse(policy.to_string().as_bytes()).value, Some(policy));
    }
}

const GOOD: &str = "version: STSv1\nmode: enforce\nmx: a.example\nmax_age: 86400\n";

#[test]
fn policies() {
    check(GOOD, "enforce 86400 [a.example]");
    check(GOOD.replace('\n', "\r\n"), "enforce 86400 [a.example]");
    check(GOOD.trim_end(), "enforce 86400 [a.example]");
    check(
        "mx:*.b.example\nmx:\ta.example \nmax_age:1\nmode:testing\nversion:STSv1",
        "testing 1 [*.b.example a.example]",
    );
    check("version: STSv1\nmode: none\nmax_age: 0", "none 0 []");
    check("version: STSv1\nmode: none\nmx: a.example\nmax_age: 0", "none 0 [a.example]");
    check(GOOD.replace("a.example", "*.example"), "enforce 86400 [*.example] wide-mx");
}

#[test]
fn sts_06_tolerated() {
    check(format!("\n\r\n{}\n \t\n", GOOD.replace('\n', "\n\n")), "enforce 86400 [a.example]");
    check(GOOD.replace('\n', "  \r\n"), "enforce 86400 [a.example]");
    check(format!("{GOOD}x.y-z_1: grüße {{}} :\n"), "enforce 86400 [a.example] unknown-field");
    check(
        format!("{GOOD}nmx: b.example\nMode: none\n"),
        "enforce 86400 [a.example] unknown-field unknown-field",
    );
    check(format!("{GOOD}extension:\n"), "enforce 86400 [a.example] unknown-field");
}

#[test]
fn sts_06_the_first_of_duplicates_counts() {
    check(
        format!("{GOOD}mode: none\nmax_age: 5\nversion: STSv2\n"),
        "enforce 86400 [a.example] duplicate duplicate duplicate",
    );
    check(format!("mode: none\n{GOOD}"), "none 86400 [a.example] duplicate");
    check(format!("mode: nothing\n{GOOD}"), "- bad-value duplicate");
    check(format!("max_age: 1e9\n{GOOD}"), "- bad-value duplicate");
}

#[test]
fn sts_06_refused() {
    check("", "- missing missing missing missing");
    check("\u{feff}".to_owned() + GOOD, "- bad-line");
    for line in ["version: STSv1\n", "mode: enforce\n", "max_age: 86400\n", "mx: a.example\n"] {
        check(GOOD.replace(line, ""), "- missing");
    }
    for version in ["STSv2", "stsv1", "", "STSv1;"] {
        check(GOOD.replace("STSv1", version), "- bad-value");
    }
    for mode in ["ENFORCE", "Enforce", "report", "", "enforce x"] {
        check(GOOD.replace("enforce", mode), "- bad-value");
    }
    for line in
        ["junk", ": x", "a b: c", " mode: enforce", "mode : enforce", "x: a\rb", "x: a\0", "é: x", "<html>"]
    {
        check(format!("{GOOD}{line}\n"), "- bad-line");
    }
    check([GOOD.as_bytes(), b"x: \xff\n"].concat(), "- bad-line");
    check(GOOD.replace("a.example", "nmx a.example } b"), "- bad-mx");
    check(GOOD.replace("a.example", "hostname"), "- bad-mx");
    check(format!("{GOOD}mx:\n"), "- bad-mx");
}

/// What other programs get wrong in policies, each with the program.
#[test]
fn sts_06_defects_of_others() {
    // postfix-tlspol: a blank line costs the whole policy.
    check(GOOD.replacen('\n', "\n\n", 1), "enforce 86400 [a.example]");
    // Stalwart: mode none without mx is "no mx entries".
    check("version: STSv1\r\nmode: none\r\nmax_age: 86400\r\n", "none 86400 []");
    // Stalwart: a max_age below an hour, or of a year, counts as a day.
    check(GOOD.replace("86400", "3599"), "enforce 3599 [a.example]");
    check(GOOD.replace("86400", "31557600"), "enforce 31557600 [a.example]");
    // postfix-mta-sts-resolver: of duplicates the last counts; KumoMTA: they cost the whole policy.
    check(format!("{GOOD}mode: none\n"), "enforce 86400 [a.example] duplicate");
    check(format!("{GOOD}max_age: 1\n"), "enforce 86400 [a.example] duplicate");
    // postfix-mta-sts-resolver: unknown fields are an error; in some MTAs an mx by another name counts.
    check(
        format!("{GOOD}MX: b.example\nmx1: c.example\n"),
        "enforce 86400 [a.example] unknown-field unknown-field",
    );
    // postfix-tlspol #95: without a single "mx" (here "nmx") the answer is an empty match=.
    check(GOOD.replace("mx: ", "nmx: "), "- unknown-field missing");
    // postfix-mta-sts-resolver: spaces and braces go on to Postfix, which refuses the whole answer.
    for mx in [
        "a.example b.example",
        "a.example}",
        "{a.example",
        "a.example,b",
        "a.example policy_type=none",
        "a:b",
    ] {
        check(GOOD.replace("a.example", mx), "- bad-mx");
    }
    // PS.MTA-STS #33: "*.example" does not go two labels deep.
    let policy = Policy::parse(GOOD.replace("a.example", "*.mx.example").as_bytes()).value.unwrap();
    let allows = |host: &str| policy.allows(&Domain::parse(host).unwrap());
    assert!(allows("a.mx.example") && !allows("a.b.mx.example") && !allows("mx.example"));
    // One of several is enough.
    let policy = Policy::parse(format!("{GOOD}mx: *.b.example\n").as_bytes()).value.unwrap();
    let allows = |host: &str| policy.allows(&Domain::parse(host).unwrap());
    assert!(allows("a.example") && allows("x.b.example") && !allows("b.example"));
}

#[test]
fn sts_06_line_ends_and_blanks() {
    let mixed = "version: STSv1\r\nmode: enforce\nmx:a.example\t \r\nmax_age:\t86400 \t\n\n\r\n";
    check(mixed, "enforce 86400 [a.example]");
    // CR alone ends no line, whatever it stands between.
    check(GOOD.replace('\n', "\r"), "- bad-line");
    check(GOOD.replace("enforce", "enforce\r"), "enforce 86400 [a.example]");
    check(GOOD.replace("enforce", "enforce\r\r"), "- bad-line");
    for odd in ["\u{b}", "\u{c}", "\u{1b}", "\u{7f}", "\0"] {
        check(GOOD.replace("enforce", &format!("enforce{odd}")), "- bad-line");
        check(format!("{GOOD}x: a{odd}b\n"), "- bad-line");
        check(format!("{GOOD}{odd}\n"), "- bad-line");
    }
    // No white space of other scripts, no look-alikes.
    for odd in ["\u{a0}", "\u{2028}", "\u{85}", "\u{200b}", "\u{feff}"] {
        check(GOOD.replace("enforce", &format!("enforce{odd}")), "- bad-value");
        check(format!("{GOOD}x: a{odd}b\n"), "enforce 86400 [a.example] unknown-field");
        check(format!("{GOOD}{odd}x: a\n"), "- bad-line");
    }
    // Of UTF-8, only what is.
    for bytes in [&b"\xc3"[..], b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xff\xfe"] {
        check([GOOD.as_bytes(), b"x: ", bytes, b"\n"].concat(), "- bad-line");
    }
}

#[test]
fn sts_08_names_of_mx_hosts() {
    let found = |mx: &str, expected: &str| check(GOOD.replace("a.example", mx), expected);
    found("A.EXAMPLE", "enforce 86400 [a.example]");
    found("*.XN--BCHER-KVA.example", "enforce 86400 [*.xn--bcher-kva.example]");
    found("_a.b_c.example", "enforce 86400 [_a.b_c.example]");
    found("1.2.example", "enforce 86400 [1.2.example]");
    for mx in
        ["a.example.", "*.a.example.", "bücher.example", "xn--.example", "192.0.2.1", "[192.0.2.1]", "a"]
    {
        found(mx, "- bad-mx");
    }
    // One that can't be read may be the host that mail goes to, so the others don't count either.
    check(format!("{GOOD}mx: bücher.example\n"), "- bad-mx");
    let mut policy = format!("{GOOD}mx: {}.example\n", "b".repeat(63));
    assert!(Policy::parse(policy.as_bytes()).value.is_some());
    policy = policy.replace("bb.", "bbb.");
    assert!(Policy::parse(policy.as_bytes()).value.is_none());
}

#[test]
fn sts_07_max_age() {
    for (age, expected) in [
        ("0", "0"),
        ("0000000001", "1"),
        ("31557600", "31557600"),
        ("31557601", "31557600 +"),
        ("4294967296", "31557600 +"),
        ("9999999999", "31557600 +"),
        ("99999999999", ""),
        ("99999999999999999999", ""),
        ("-1", ""),
        ("+1", ""),
        ("1e9", ""),
        ("604800.0", ""),
        ("", ""),
        ("6 4", ""),
        ("١", ""),
    ] {
        let expected = match expected.split_once(' ') {
            _ if expected.is_empty() => "- bad-value".to_owned(),
            Some((age, _)) => format!("enforce {age} [a.example] max-age"),
            None => format!("enforce {expected} [a.example]"),
        };
        check(GOOD.replace("86400", age), &expected);
    }
}

#[test]
fn sts_02_limits_on_both_sides() {
    let sized = |size: usize| format!("{GOOD}{}", "\n".repeat(size - GOOD.len()));
    check(sized(MAX_POLICY), "enforce 86400 [a.example]");
    check(sized(MAX_POLICY + 1), "- too-long");
    let many = |count: usize| GOOD.to_owned() + &"mx: b.example\n".repeat(count - 1);
    assert_eq!(Policy::parse(many(MAX_MX).as_bytes()).value.unwrap().mx().len(), MAX_MX);
    check(many(MAX_MX + 1), "- too-many-mx");
    check(many(4_000), "- too-many-mx");
    assert!(Policy::parse("x\n".repeat(30_000).as_bytes()).findings.len() <= MAX_FINDINGS);
    let notes = Policy::parse((GOOD.to_owned() + &"x: y\n".repeat(1_000)).as_bytes());
    assert!(notes.value.is_some() && notes.findings.len() == MAX_FINDINGS);
    // Enough to note, and yet the error is told.
    let late = "x: y\n".repeat(1_000) + "junk\n";
    assert!(Policy::parse(late.as_bytes()).first_error().is_some());
    let name = |n: usize| format!("{GOOD}{}: x\n", "a".repeat(n));
    check(name(32), "enforce 86400 [a.example] unknown-field");
    check(name(33), "- bad-line");
}

proptest! {
    #[test]
    fn anything_parses_and_prints(lines in prop::collection::vec(prop::sample::select(vec![
        "version: STSv1", "mode: enforce", "mode: testing", "mode: none", "max_age: 99", "max_age: x", "mx: a.example",
        "mx: *.b.example", "mx: *", "x: y", "", " ", "\u{feff}", "\r", "junk", "mx: é"]), 0..9), end in "\r?\n") {
        let body = lines.join(&end);
        let parsed = Policy::parse(body.as_bytes());
        prop_assert_eq!(parsed.value.is_some(), parsed.first_error().is_none());
        if let Some(policy) = parsed.value {
            prop_assert_eq!(Policy::parse(policy.to_string().as_bytes()).value, Some(policy));
        }
    }
}
