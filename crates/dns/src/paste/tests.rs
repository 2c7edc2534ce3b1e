//! Pasted texts, what was meant, and what is said of each.

use proptest::prelude::*;

use super::*;

/// The findings as `code` and the text that each points at.
#[track_caller]
fn check(paste: &str, meant: &str, findings: &[(&str, &str)]) -> Pasted {
    let pasted = read(paste);
    assert_eq!(String::from_utf8_lossy(&pasted.meant), meant);
    let got: Vec<_> = pasted.findings.iter().map(|f| (f.code, paste.get(f.span.range()).unwrap())).collect();
    assert_eq!(got, findings, "{paste}");
    for finding in &pasted.findings {
        assert!(
            finding.help.is_some()
                && finding.message.bytes().all(|b| b.is_ascii_graphic() || b == b' ' || b >= 0x80)
        );
    }
    pasted
}

#[track_caller]
fn check_line(pasted: &Pasted, owner: Option<&str>, text: &str) {
    let line = pasted.line.as_ref().unwrap();
    assert_eq!(line.owner.as_ref().map(ToString::to_string).as_deref(), owner);
    assert_eq!(line.rtype, RecordType::Txt);
    assert_eq!(String::from_utf8_lossy(&pasted.text), text);
}

#[test]
fn curly_quotes_and_an_en_dash() {
    let paste = "example.com IN TXT “v=spf1 +mx +a:cole.xample.com/28 –all”";
    let meant = "v=spf1 +mx +a:cole.xample.com/28 -all";
    let findings = [("paste-curly-quote", "“"), ("paste-dash", "–"), ("paste-curly-quote", "”")];
    let pasted = check(paste, meant, &findings);
    check_line(&pasted, Some("example.com"), "“v=spf1+mx+a:cole.xample.com/28–all”");
    let at = meant.find("-all").unwrap();
    let span = pasted.span_in_paste(Span::new(at, at + 4));
    assert_eq!(paste.get(span.range()), Some("–all"));
    assert!(pasted.findings[1].message.contains("U+2013"), "{}", pasted.findings[1].message);
}

#[test]
fn straight_quotes_of_which_one_is_closed() {
    let meant = "v=spf1 +mx +a:cole.xample.com/28 -all";
    let pasted = check(
        "example.com IN TXT \"v=spf1 +mx +a:cole.xample.com/28 -all",
        meant,
        &[("paste-unclosed-quote", "\"")],
    );
    check_line(&pasted, Some("example.com"), meant);
    let pasted = check(
        "example.com IN TXT v=spf1 +mx +a:cole.xample.com/28 -all\"",
        meant,
        &[("paste-unquoted", "v=spf1 +mx +a:cole.xample.com/28 -all\""), ("paste-unclosed-quote", "\"")],
    );
    check_line(&pasted, Some("example.com"), "v=spf1+mx+a:cole.xample.com/28-all");
    check(
        "example.com IN TXT \"v=spf1 +mx +a:cole.xample.com/28 –all",
        meant,
        &[("paste-unclosed-quote", "\""), ("paste-dash", "–")],
    );
    check("\"v=spf1 -all”", "v=spf1 -all", &[("paste-curly-quote", "”")]);
    check("“v=spf1 -all\"", "v=spf1 -all", &[("paste-curly-quote", "“")]);
    check("“v=spf1 -all", "v=spf1 -all", &[("paste-curly-quote", "“"), ("paste-unclosed-quote", "“")]);
    check("v=spf1 -all”", "v=spf1 -all", &[("paste-curly-quote", "”"), ("paste-unclosed-quote", "”")]);
    check("v=spf1 -all\"", "v=spf1 -all", &[("paste-unclosed-quote", "\"")]);
}

#[test]
fn an_mta_sts_line() {
    let pasted = check(
        "_mta-sts.example.org.  IN TXT “v=STSv1; id=202104012135;”",
        "v=STSv1; id=202104012135;",
        &[("paste-curly-quote", "“"), ("paste-curly-quote", "”")],
    );
    check_line(&pasted, Some("_mta-sts.example.org"), "“v=STSv1");
}

#[test]
fn values_alone() {
    for value in [
        "v=DMARC1;p=none;sp=quarantine;pct=100;rua=mailto:dmarcreports@example.com;",
        "v=spf1 a mx -all",
        "v=spf1 txt 1 in txt",
        "spf1 a mx -all",
        "k=rsa; p=MIGfMA0…",
        "",
        "a",
        "@",
    ] {
        let pasted = check(value, value, &[]);
        assert_eq!((pasted.line, pasted.text), (None, value.as_bytes().to_vec()));
    }
    check("  v=spf1 -all\r\n", "v=spf1 -all", &[]);
    check("\"v=spf1 \" \"-all\"", "v=spf1 -all", &[]);
    check("( \"v=spf1 \"\n\"-all\" ) ; a comment", "v=spf1 -all", &[]);
}

#[test]
fn zone_lines() {
    for line in [
        "example.com. 300 IN TXT \"v=spf1 -all\"",
        "example.com. IN 300 TXT \"v=spf1 \" \"-all\"",
        "example.com.\t\t300\tIN\tTXT\t( \"v=spf1 \"\n  \"-all\" )\n",
        ";; ANSWER SECTION:\nexample.com. 300 IN TXT \"v=spf1 -all\"\n\n",
        "example.com txt \"v=spf1\\032-all\" ; the old one",
        "EXAMPLE.com. IN TXT\n  \"v=spf1 -all\"",
    ] {
        check_line(&check(line, "v=spf1 -all", &[]), Some("example.com"), "v=spf1 -all");
    }
    check_line(&check("@ IN TXT \"a=b\"", "a=b", &[]), None, "a=b");
    check_line(&check("IN TXT \"a=b\"", "a=b", &[]), None, "a=b");
    check_line(&check("3600 IN TXT \"a=b\"", "a=b", &[]), None, "a=b");
    check_line(&check("TXT a=b", "a=b", &[]), None, "a=b");
    check_line(&check("x. TXT \"a\\\"b\\;c\\\\d\"", "a\"b;c\\d", &[]), Some("x"), "a\"b;c\\d");
    let mx = read("example.com. IN MX 10 mail.example.com.");
    assert_eq!((mx.line.unwrap().rtype, mx.meant), (RecordType::Mx, b"10 mail.example.com.".to_vec()));
}

#[test]
fn words_without_quotes() {
    let pasted =
        check("x.example. TXT v=spf1 a -all", "v=spf1 a -all", &[("paste-unquoted", "v=spf1 a -all")]);
    check_line(&pasted, Some("x.example"), "v=spf1a-all");
    let line = "_dmarc.x.example. TXT v=DMARC1; p=none";
    let pasted = check(
        line,
        "v=DMARC1; p=none",
        &[("paste-unquoted", "v=DMARC1; p=none"), ("paste-unquoted-semicolon", "; p=none")],
    );
    check_line(&pasted, Some("_dmarc.x.example"), "v=DMARC1");
    let line = "_dmarc.x.example. TXT v=DMARC1\\; p=none";
    let pasted = check(line, "v=DMARC1; p=none", &[("paste-unquoted", "v=DMARC1\\; p=none")]);
    check_line(&pasted, Some("_dmarc.x.example"), "v=DMARC1;p=none");
}

#[test]
fn what_programs_do_to_text() {
    check(
        "v=DMARC1\\; p=none\\;",
        "v=DMARC1; p=none;",
        &[("paste-escaped-semicolon", "\\;"), ("paste-escaped-semicolon", "\\;")],
    );
    check("v=spf1\u{a0}-all", "v=spf1 -all", &[("paste-space", "\u{a0}")]);
    check("v=spf1 -\u{200b}all", "v=spf1 -all", &[("paste-invisible", "\u{200b}")]);
    check("v=spf1 ——all", "v=spf1 --all", &[("paste-dash", "——")]);
    check("n=it’s", "n=it's", &[("paste-apostrophe", "’")]);
    check("'v=spf1 -all'", "v=spf1 -all", &[("paste-single-quote", "'"), ("paste-single-quote", "'")]);
    check("‘v=spf1 -all’", "v=spf1 -all", &[("paste-curly-quote", "‘"), ("paste-curly-quote", "’")]);
    check("v=spf1 a\r\n   mx", "v=spf1 a    mx", &[("paste-line-break", "\r\n")]);
    check("x. TXT \"a=b;\nc=d\"", "a=b; c=d", &[("paste-line-break", "\n")]);
    check("x. TXT \"a\"\n\"b\"", "ab", &[("paste-line-break", "\n")]);
    check("x. TXT \"a\"\ny. TXT \"b\"\n", "a", &[("paste-more-lines", "y. TXT \"b\"\n")]);
    check("x. SPF \"v=spf1\"", "v=spf1", &[("paste-type-spf", "SPF")]);
    check("p=é", "p=é", &[]);
}

#[test]
fn places_in_the_pasted_text() {
    let paste = "x. TXT \"a\\032b\" \"—c\"";
    let pasted = read(paste);
    assert_eq!(pasted.meant, b"a b-c");
    let place = |start, end| paste.get(pasted.span_in_paste(Span::new(start, end)).range()).unwrap();
    assert_eq!(place(0, 1), "a");
    assert_eq!(place(1, 2), "\\032");
    assert_eq!(place(2, 4), "b\" \"—");
    assert_eq!(place(4, 5), "c");
    assert_eq!(place(5, 5), "");
    assert_eq!(pasted.span_in_paste(Span::new(5, 9)), pasted.span_in_paste(Span::new(5, 5)));
}

#[test]
fn limits_on_both_sides() {
    let text = |n: usize| format!("v={}", "x".repeat(n - 2));
    assert_eq!(read(text(MAX_PASTE)).findings, []);
    let long = read(text(MAX_PASTE + 1));
    assert_eq!((long.meant.len(), long.findings[0].code), (MAX_PASTE, "paste-too-long"));
    assert_eq!(read("v=– ".repeat(MAX_FINDINGS)).findings.len(), MAX_FINDINGS);
    assert_eq!(read("v=– ".repeat(MAX_FINDINGS + 1)).findings.len(), MAX_FINDINGS);
}

proptest! {
    #[test]
    fn dns_16_bytes_that_nobody_touches_survive(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
        let mut text = b"v=".to_vec();
        text.extend(bytes.iter().filter(|b| b.is_ascii_graphic() && !b"\"\\".contains(b) || **b >= 0xf8));
        prop_assert_eq!(read(&text).meant, text);
    }

    #[test]
    fn dns_16_any_text_ends_well(pieces in proptest::collection::vec(proptest::sample::select(vec![
        "x.", " ", "\n", "TXT", "\"", "“", "”", "'", "’", "\\", "\\;", ";", "(", ")", "–", "\u{a0}", "IN", "60", "v=a", "\\12", "\u{200b}",
    ]), 0..30)) {
        let paste = pieces.concat();
        let pasted = read(&paste);
        for start in 0..=pasted.meant.len() {
            for end in start..=pasted.meant.len() {
                let span = pasted.span_in_paste(Span::new(start, end));
                prop_assert!(span.start <= span.end && span.end <= paste.len());
            }
        }
        for finding in &pasted.findings {
            prop_assert!(paste.get(finding.span.range()).is_some(), "{finding:?}");
        }
    }

    #[test]
    fn dns_16_any_bytes_end_well(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(bytes);
    }
}
