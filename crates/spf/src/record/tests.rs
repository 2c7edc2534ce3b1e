//! Tables of records: what they mean, and what is said about them.

use mail::Severity;
use proptest::prelude::*;

use super::{MAX_RECORD, Record, Term};

/// The findings of a record as `error code "text it points at"`; a record without an error is printed in front.
fn show(text: impl AsRef<[u8]>) -> Vec<String> {
    let text = text.as_ref();
    let parsed = Record::parse(text);
    let mut lines: Vec<String> = parsed.value.iter().map(ToString::to_string).collect();
    assert_eq!(parsed.value.is_none(), parsed.first_error().is_some());
    assert_eq!(Record::parse_strict(text).ok(), parsed.value, "both ways of reading agree");
    for finding in &parsed.findings {
        let at = String::from_utf8_lossy(text.get(finding.span.range()).unwrap()).into_owned();
        let word = match finding.severity {
            Severity::Error => "error ",
            Severity::Warning | Severity::Note => "",
        };
        lines.push(format!("{word}{} \"{at}\"", finding.code));
    }
    lines
}

fn check(text: &str, want: &[&str]) {
    assert_eq!(show(text), want, "{text}");
}

/// The first error, and what it says and advises.
fn advice(text: &str) -> String {
    let parsed = Record::parse(text.as_bytes());
    let error = parsed.first_error().unwrap_or_else(|| panic!("{text} has no error"));
    format!("{}; {}", error.message, error.help.as_deref().unwrap_or("-"))
}

#[test]
fn good_records() {
    for text in [
        "v=spf1 +mx a:colo.example.com/28 -all",
        "V=SPF1 A:Colo.Example.COM/28 MX//64 -ALL",
        "v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 ~all",
        "v=spf1 a/24//64 mx:foo:bar/baz.example.com exists:%{ir}.%{l1r+-}._spf.%{d} -all exp=e.%{d2}.example",
        "v=spf1 redirect=_spf.example.com.",
        "v=spf1  -all  ",
        "v=spf1 moo.cow-far_out=man:dog/cat -all",
    ] {
        assert!(Record::parse(text.as_bytes()).value.is_some(), "{text}: {}", advice(text));
    }
}

#[test]
fn spf_10_version_only() {
    check("v=spf1", &["v=spf1", "spf-no-all \"\""]);
    check("v=spf1 ", &["v=spf1", "spf-no-all \"\""]);
    check("spf2.0/pra -all", &["error spf-no-version \"spf2.0/pra\""]);
    check("spf2.", &["error spf-no-version \"spf2.\""]);
    check("", &["error spf-no-version \"\""]);
    check("v", &["error spf-no-version \"v\""]);
    assert!(advice("example.com IN TXT v=spf1 -all").contains("begins further on"));
    assert!(advice("spf2.0/pra").contains("Sender ID"));
    assert!(advice("v = spf1 -all").contains("exactly"));
    check("v=spf10 -all", &["error spf-version \"0\""]);
    check("v=spf1mx", &["error spf-version \"mx\""]);
    check("v=spf1\t-all", &["error spf-version \"\t-all\""]);
}

#[test]
fn spf_24_prefix_lengths() {
    let bad = |text: &str, at: &str| check(text, &[&format!("error spf-cidr \"{at}\"")]);
    check(
        "v=spf1 ip4:192.0.2.0/0 -all",
        &["v=spf1 ip4:192.0.2.0/0 -all", "spf-whole-internet \"ip4:192.0.2.0/0\""],
    );
    check("v=spf1 ip4:192.0.2.1/32 -all", &["v=spf1 ip4:192.0.2.1/32 -all"]);
    bad("v=spf1 ip4:192.0.2.1/33 -all", "33");
    bad("v=spf1 ip4:192.0.2.1/032 -all", "032");
    bad("v=spf1 ip4:192.0.2.1/ -all", "");
    bad("v=spf1 ip4:192.0.2.1/x -all", "x");
    bad("v=spf1 ip4:192.0.2.1//32 -all", "/32");
    check("v=spf1 a//128 -all", &["v=spf1 a//128 -all"]);
    bad("v=spf1 a//129 -all", "129");
    check("v=spf1 a/8//64 -all", &["v=spf1 a/8//64 -all"]);
    bad("v=spf1 a/8/64 -all", "64");
    bad("v=spf1 a/8/16 -all", "/8/16");
    bad("v=spf1 a/999 -all", "999");
    bad("v=spf1 mx:example.com/ -all", "");
    check("v=spf1 a/0 -all", &["v=spf1 a/0 -all", "spf-whole-internet \"a/0\""]);
    check("v=spf1 ip6:2001:db8::/00 -all", &["error spf-cidr \"00\""]);
    bad("v=spf1 ptr/0 -all", "/0");
}

#[test]
fn spf_25_addresses() {
    let bad = |text: &str, at: &str| check(text, &[&format!("error spf-address \"{at}\"")]);
    bad("v=spf1 ip4:1.2.3 -all", "1.2.3");
    bad("v=spf1 ip4:1.2.3.4:8080 -all", "1.2.3.4:8080");
    bad("v=spf1 ip4:01.2.3.4 -all", "01.2.3.4");
    bad("v=spf1 ip6:fe80::1%eth0 -all", "fe80::1%eth0");
    bad("v=spf1 ip6::CAFE::BABE -all", ":CAFE::BABE");
    bad("v=spf1 ip4:256.1.1.1 -all", "256.1.1.1");
    check("v=spf1 ip4 -all", &["error spf-missing-address \"ip4\""]);
    // The catalogue's row has `ip6:::1.1.1.1` as an error. RFC 4291 §2.2 allows the form, and the suite wants it.
    check("v=spf1 ip6:::1.1.1.1 -all", &["v=spf1 ip6:::101:101 -all"]);
    assert_eq!(
        advice("v=spf1 ip4:1.2.3.4:8080"),
        "\"1.2.3.4:8080\" is no IPv4 address; a port can't be given"
    );
    assert!(advice("v=spf1 ip4:1.2.3/24").ends_with("for a network too: \"192.0.2.0/24\""));
    assert!(advice("v=spf1 ip4:01.2.3.4").ends_with("no zero in front"));
    assert!(advice("v=spf1 ip4:2001:db8::1").ends_with("\"ip6:2001:db8::1\""));
    assert!(advice("v=spf1 ip6:192.0.2.1").ends_with("\"ip4:192.0.2.1\""));
    assert!(advice("v=spf1 ip4:mail.example.com").ends_with("\"a:mail.example.com\""));
}

#[test]
fn spf_26_all_errors_are_found() {
    check(
        "v=spf1 ip4:203.0.113.66 bogus include -all: a:",
        &[
            "error spf-unknown-mechanism \"bogus\"",
            "error spf-missing-domain \"include\"",
            "error spf-all-argument \":\"",
            "error spf-missing-domain \"\"",
        ],
    );
}

#[test]
fn spf_27_modifiers() {
    check(
        "v=spf1 foo=bar foo=bar -all",
        &[
            "v=spf1 foo=bar foo=bar -all",
            "spf-unknown-modifier \"foo=bar\"",
            "spf-unknown-modifier \"foo=bar\"",
        ],
    );
    check(
        "v=spf1 redirect=a.example redirect=b.example",
        &["error spf-duplicate-modifier \"redirect=b.example\""],
    );
    check("v=spf1 exp=a.example EXP=b.example -all", &["error spf-duplicate-modifier \"EXP=b.example\""]);
    check("v=spf1 =x -all", &["error spf-modifier-name \"\""]);
    check("v=spf1 1up=x -all", &["error spf-modifier-name \"1up\""]);
    check(
        "v=spf1 default=pass",
        &["v=spf1 default=pass", "spf-unknown-modifier \"default=pass\"", "spf-no-all \"\""],
    );
    check("v=spf1 exp= -all", &["error spf-missing-domain \"\""]);
    check("v=spf1 redirect:a.example", &["error spf-unknown-mechanism \"redirect\""]);
    assert!(advice("v=spf1 redirect:a.example").ends_with("is a modifier: \"redirect=a.example\""));
    assert!(advice("v=spf1 ~redirect=a.example").ends_with("no qualifier in front"));
}

#[test]
fn modifiers_that_count() {
    let record = |text: &str| Record::parse(text.as_bytes()).value.unwrap();
    let redirect = |text| record(text).redirect().map(|(spec, _)| spec.to_string());
    assert_eq!(redirect("v=spf1 REDIRECT=a.example exp=b.example").as_deref(), Some("a.example"));
    assert_eq!(redirect("v=spf1 redirect=a.example ?all"), None);
    assert_eq!(redirect("v=spf1 mx"), None);
    assert_eq!(record("v=spf1 -all Exp=b.example").exp().unwrap().0.to_string(), "b.example");
    assert_eq!(record("v=spf1 ra=postmaster rp=100 rr=e -all").terms().len(), 4);
    let codes = Record::parse(b"v=spf1 ra=postmaster -all").findings;
    assert_eq!(codes[0].code, "spf-report-modifier");
}

#[test]
fn spf_28_bytes_that_records_cant_hold() {
    assert_eq!(show(b"v=spf1 a:\x80 -all"), ["error spf-bad-byte \"\u{fffd}\""]);
    check("v=spf1 \u{1}", &["error spf-bad-byte \"\u{1}\""]);
    check("v=spf1 a:b\u{fc}cher.example -all", &["error spf-bad-byte \"\u{fc}\""]);
    check("v=spf1 mx\u{a0}-all", &["error spf-bad-byte \"\u{a0}\""]);
    assert!(advice("v=spf1 mx\u{a0}-all").ends_with("plain spaces stands between terms"));
    assert!(advice("v=spf1 a:b\u{fc}cher.example").contains("A-labels"));
    check("v=spf1 ip4:192.0.2.5\ninclude:x.example ~all", &["error spf-bad-byte \"\n\""]);
}

#[test]
fn spf_29_lints() {
    check("v=spf1 +all", &["v=spf1 all", "spf-pass-all \"+all\""]);
    check("v=spf1 ?all", &["v=spf1 ?all", "spf-neutral-all \"?all\""]);
    check("v=spf1 mx", &["v=spf1 mx", "spf-no-all \"\""]);
    check("v=spf1 -all mx", &["v=spf1 -all mx", "spf-after-all \"mx\""]);
    check(
        "v=spf1 all -all",
        &["v=spf1 all -all", "spf-pass-all \"all\"", "spf-after-all \"-all\"", "spf-duplicate \"-all\""],
    );
    check(
        "v=spf1 redirect=a.example -all",
        &["v=spf1 redirect=a.example -all", "spf-redirect-ignored \"redirect=a.example\""],
    );
    check("v=spf1 ptr -all", &["v=spf1 ptr -all", "spf-ptr \"ptr\""]);
    check(
        "v=spf1 exists:%{p}.example -all",
        &["v=spf1 exists:%{p}.example -all", "spf-p-macro \"exists:%{p}.example\""],
    );
    check("v=spf1 mx MX -all", &["v=spf1 mx mx -all", "spf-duplicate \"MX\""]);
    check(
        "v=spf1 ip4:192.0.2.5/24 -all",
        &["v=spf1 ip4:192.0.2.5/24 -all", "spf-host-bits \"ip4:192.0.2.5/24\""],
    );
    check(
        "v=spf1 ip6:::ffff:192.0.2.0/120 -all",
        &["v=spf1 ip6:::ffff:192.0.2.0/120 -all", "spf-mapped-address \"ip6:::ffff:192.0.2.0/120\""],
    );
}

#[test]
fn spf_02_more_than_ten_terms_that_look_up() {
    let record = |n: usize, tail: &str| {
        let terms: String = (0..n).map(|i| format!(" a:h{i}.example")).collect();
        Record::parse(format!("v=spf1{terms}{tail}").as_bytes()).findings
    };
    assert!(record(10, " -all").is_empty());
    assert!(record(10, " -all redirect=x.example").iter().all(|f| f.code != "spf-too-many-lookups"));
    for (n, tail) in [(11, " -all"), (10, " redirect=x.example"), (9, " include:%{p}.example -all")] {
        assert!(record(n, tail).iter().any(|f| f.code == "spf-too-many-lookups"), "{n}{tail}");
    }
}

#[test]
fn spf_15_macro_syntax() {
    let bad = |spec: &str, at: &str| {
        check(&format!("v=spf1 exists:{spec} -all"), &[&format!("error spf-macro \"{at}\"")]);
    };
    bad("%{d0}.x", "0");
    bad("%{d00}.x", "00");
    bad("%{dR2-}.x", "2");
    bad("%{d!}.x", "!");
    bad("%{", "%{");
    bad("%{d", "%{d");
    bad("%{}", "}");
    bad("%x.y", "%");
    bad("%{z}.x", "z");
    bad("%(ir).x", "%");
    bad("x.y%", "%");
    let good = |spec: &str, printed: &str| {
        check(&format!("v=spf1 exists:{spec} -all"), &[&format!("v=spf1 exists:{printed} -all")]);
    };
    good("%{d1000}.x", "%{d1000}.x");
    good("%{d99999999999}.x", "%{d4294967295}.x");
    good("%{dr}", "%{dr}");
    good("%{DR}.x", "%{Dr}.x");
    good("%{l32r-.+,/_=}", "%{l32r-.+,/_=}");
    good("%%%_%-", "%%%_%-");
}

#[test]
fn spf_20_letters_of_explanations() {
    for letter in ["c", "r", "t", "C"] {
        let text = format!("v=spf1 include:%{{{letter}}}.x -all");
        check(&text, &[&format!("error spf-macro \"{letter}\"")]);
        let text = format!("v=spf1 -all exp=%{{{letter}}}.x");
        check(&text, &[&format!("error spf-macro \"{letter}\"")]);
    }
}

#[test]
fn domain_specs() {
    let bad = |spec: &str, at: &str| {
        check(&format!("v=spf1 a:{spec} -all"), &[&format!("error spf-domain \"{at}\"")]);
    };
    bad("museum", "museum");
    bad("museum.", "museum.");
    bad("abc.123", "123");
    bad("111.222.33.44", "44");
    bad("example.-com", "-com");
    bad("example.com-", "com-");
    bad("example.c_m", "c_m");
    bad("example.com:8080", "com:8080");
    bad("foo..", ".");
    bad("%{d}com", "com");
    bad("%{d}.", ".");
    for good in ["foo.example.xn--zckzah", ".com", "example.1-2", "_spf.example.com.", "%{d}", "a.b%-"] {
        assert!(Record::parse(format!("v=spf1 a:{good} -all").as_bytes()).value.is_some(), "{good}");
    }
    assert!(advice("v=spf1 a:111.222.33.44").ends_with("\"ip4:111.222.33.44\""));
    assert!(advice("v=spf1 a:example.com:8080").ends_with("a port can't be given"));
    assert!(advice("v=spf1 include:example.com/24").ends_with("a prefix length can't be given here"));
    assert!(advice("v=spf1 include:localhost").ends_with("the full name of a domain is needed"));
}

#[test]
fn what_was_meant() {
    let meant = |text: &str, want: &str| {
        let got = advice(&format!("v=spf1 {text}"));
        assert!(got.ends_with(want), "{text}: {got}");
    };
    meant("ipv4:192.0.2.1", "\"ip4:192.0.2.1\" was probably meant");
    meant("ipv6:2001:db8::1", "\"ip6:2001:db8::1\" was probably meant");
    meant("inlcude:a.example", "\"include:a.example\" was probably meant");
    meant("incude:a.example", "\"include:a.example\" was probably meant");
    meant("exist:a.example", "\"exists:a.example\" was probably meant");
    meant("-al", "\"all\" was probably meant");
    meant("- all", "no space stands between a qualifier and its mechanism");
    meant("mx; -all", "terms are separated by spaces alone: \"mx\"");
    meant("192.0.2.1", "an address is written \"ip4:192.0.2.1\"");
    meant("2001:db8::1", "an address is written \"ip6:2001:db8::1\"");
    meant("mail.example.com", "write \"a:mail.example.com\" or \"include:mail.example.com\"");
    meant("include.example.com", "write \"a:include.example.com\" or \"include:include.example.com\"");
    let warned = |text: &str, want: &str| {
        let findings = Record::parse(format!("v=spf1 {text} -all").as_bytes()).findings;
        assert_eq!(findings[0].help.as_deref(), Some(want), "{text}");
    };
    warned("include=a.example", "\"include:\" was probably meant; a mechanism has a colon, not \"=\"");
    warned("ip4=192.0.2.1", "\"ip4:\" was probably meant; a mechanism has a colon, not \"=\"");
    warned("redirct=a.example", "\"redirect=\" was probably meant");
}

#[test]
fn a_record_with_curly_quotes_and_a_dash() {
    let text = "\u{201c}v=spf1 +mx +a:cole.xample.com/28 \u{2013}all\u{201d}";
    check(
        text,
        &["error spf-quote \"\u{201c}\"", "error spf-dash \"\u{2013}\"", "error spf-quote \"\u{201d}\""],
    );
    let dash = Record::parse(text.as_bytes()).findings.swap_remove(1);
    assert_eq!(dash.help.as_deref(), Some("a hyphen was meant: \"-all\""));
    check("v=spf1 +mx +a:cole.xample.com/28 -all", &["v=spf1 mx a:cole.xample.com/28 -all"]);
    check("\"v=spf1 +mx +a:cole.xample.com/28 -all", &["error spf-quote \"\"\""]);
}

#[test]
fn a_record_of_an_administrator() {
    let text = "v=spf1 include:_spf.google.com ip4:222.111.222.214 ip4:222.110.222.103 ip4:222.110.222.248 \
                ip4:222.110.222.104 ip4:222.110.222.105 ~all";
    check(text, &[text]);
}

#[test]
fn spf_22_sizes() {
    let record = |len: usize| {
        let head = "v=spf1 -all x=";
        format!("{head}{}", "y".repeat(len - head.len()))
    };
    let codes =
        |len| Record::parse(record(len).as_bytes()).findings.iter().map(|f| f.code).collect::<Vec<_>>();
    assert_eq!(codes(255), ["spf-unknown-modifier"]);
    assert_eq!(codes(256), ["spf-unknown-modifier", "spf-long-string"]);
    assert_eq!(codes(512), ["spf-unknown-modifier", "spf-long-string"]);
    assert_eq!(codes(513), ["spf-unknown-modifier", "spf-large"]);
    assert_eq!(codes(MAX_RECORD), ["spf-unknown-modifier", "spf-large"]);
    assert_eq!(codes(MAX_RECORD + 1), ["spf-too-long"]);
}

/// Records of the largest size that would be slow to read if anything took more than linear time.
#[test]
fn the_largest_records_take_linear_time() {
    for piece in
        ["x=y ", "a ", "a: ", "%", "a:%{d}", "/1", "ip4:", "a/1/1", "\u{2013}", "redirect=", "zzz:", "a:a.b "]
    {
        let time = |bytes: usize| {
            let text = format!("v=spf1 {}", piece.repeat(bytes / piece.len()));
            (0..3).map(|_| work(&text)).min().unwrap()
        };
        let (half, whole) = (time(MAX_RECORD / 2 - 10), time(MAX_RECORD - 10));
        // Quadratic work on 32 KiB more would take seconds.
        assert!(whole < half * 4 + 200, "{piece}: {half} ms, {whole} ms");
    }
}

#[allow(clippy::disallowed_methods)]
fn work(text: &str) -> u128 {
    let start = std::time::Instant::now();
    let parsed = Record::parse(text.as_bytes());
    assert!(parsed.findings.len() <= text.len());
    start.elapsed().as_millis()
}

fn without_spans(record: &Record) -> Vec<Term> {
    let mut terms = record.terms().to_vec();
    for term in &mut terms {
        match term {
            Term::Directive(directive) => directive.span = mail::Span::new(0, 0),
            Term::Modifier(modifier) => modifier.span = mail::Span::new(0, 0),
        }
    }
    terms
}

fn spec() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[!-$&-~]{1,8}",
        "%\\{[slodipvhSLODIPVH]([1-9][0-9]?)?[rR]?[-.+,/_=]{0,3}\\}",
        Just("%%".to_owned()),
        Just("%_".to_owned()),
        Just("%-".to_owned()),
    ];
    (proptest::collection::vec(piece, 0..4), prop_oneof!["\\.[a-z]{2,5}\\.?", "%\\{d2?\\}"])
        .prop_map(|(front, end)| front.concat() + &end)
}

fn term() -> impl Strategy<Value = String> {
    let cidr = prop_oneof![Just(String::new()), "/[1-9]", "//[1-9][0-9]", "/3[0-2]//12[0-8]"];
    let ip6 = (any::<u128>(), 0..=128u8)
        .prop_map(|(ip, n)| format!("ip6:{}/{n}", std::net::Ipv6Addr::from_bits(ip)));
    let ip4 =
        (any::<u32>(), 0..=32u8).prop_map(|(ip, n)| format!("ip4:{}/{n}", std::net::Ipv4Addr::from_bits(ip)));
    let mechanism = prop_oneof![
        "(?i:all|a|mx|ptr)",
        (prop_oneof![Just("a"), Just("mx")], spec(), cidr)
            .prop_map(|(name, spec, cidr)| format!("{name}:{spec}{cidr}")),
        (prop_oneof![Just("include"), Just("exists"), Just("ptr")], spec())
            .prop_map(|(name, spec)| format!("{name}:{spec}")),
        ip4,
        ip6,
    ];
    prop_oneof![
        ("[-+~?]?", mechanism).prop_map(|(q, m)| q + &m),
        (prop_oneof![Just("redirect"), Just("exp"), Just("x.y-z")], spec())
            .prop_map(|(name, spec)| format!("{name}={spec}")),
    ]
}

proptest! {
    #[test]
    fn printing_and_parsing_gives_the_same(terms in proptest::collection::vec(term(), 0..8)) {
        let text = format!("v=spf1 {}", terms.join("  "));
        if let Some(record) = Record::parse(text.as_bytes()).value {
            let again = Record::parse(record.to_string().as_bytes()).value.expect("what is printed can be read");
            prop_assert_eq!(without_spans(&record), without_spans(&again));
        }
    }

    #[test]
    fn most_generated_terms_are_good(term in term()) {
        // Or else the test above would test nothing.
        let parsed = Record::parse(format!("v=spf1 {term}").as_bytes());
        prop_assert!(parsed.value.is_some(), "{}: {:?}", term, parsed.findings);
    }

    #[test]
    fn any_bytes(tail in proptest::collection::vec(any::<u8>(), 0..200), version in any::<bool>()) {
        let mut text = if version { b"v=spf1 ".to_vec() } else { Vec::new() };
        text.extend(tail);
        show(&text);
    }

    #[test]
    fn bytes_that_records_are_made_of(tail in "[-+~?a-z0-9:/.= %{}\u{201c}\u{2013}]{0,60}") {
        show(format!("v=spf1 {tail}"));
    }
}
