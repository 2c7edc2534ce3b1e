//! Records: read, printed, and what is noticed in them.

use proptest::prelude::*;

use super::*;

/// The record printed (`-` if there is none), then the findings as `code@text`.
fn show(text: impl AsRef<[u8]>) -> String {
    let text = text.as_ref();
    let parsed = Record::parse(text);
    let mut out = parsed.value.map_or("-".to_owned(), |record| record.to_string());
    for finding in parsed.findings {
        let at = mail::printable(&text[finding.span.range()]);
        let at = if at.len() > 40 { "…".to_owned() } else { at };
        out += &format!(" | {}@{at}", finding.code.trim_start_matches("dmarc-"));
    }
    out
}

fn check(text: &str, want: &str) {
    assert_eq!(show(text), want, "{text}");
}

fn policies(text: &str) -> Policies {
    Record::parse(text.as_bytes()).value.unwrap().policies()
}

const RUA: &str = "rua=mailto:r@x.example";

#[test]
fn appendix_b_2_records() {
    check(
        "v=DMARC1; p=none; rua=mailto:dmarc-feedback@example.com",
        "v=DMARC1; p=none; rua=mailto:dmarc-feedback@example.com",
    );
    check(
        "v=DMARC1; p=none; rua=mailto:dmarc-feedback@example.com; ruf=mailto:auth-reports@thirdparty.example.net",
        "v=DMARC1; p=none; rua=mailto:dmarc-feedback@example.com; ruf=mailto:auth-reports@thirdparty.example.net",
    );
    check(
        "v=DMARC1; p=quarantine; rua=mailto:dmarc-feedback@example.com,mailto:tld-test@thirdparty.example.net; t=y",
        "v=DMARC1; p=quarantine; t=y; rua=mailto:dmarc-feedback@example.com,mailto:tld-test@thirdparty.example.net",
    );
    check("v=DMARC1;", "v=DMARC1 | unusable@v=DMARC1");
}

#[test]
fn word_for_word_from_users() {
    check(
        "v=DMARC1;p=none;sp=quarantine;pct=100;rua=mailto:dmarcreports@example.com;",
        "v=DMARC1; p=none; sp=quarantine; rua=mailto:dmarcreports@example.com \
         | sp-stricter@sp=quarantine | historic-tag@pct=100",
    );
    check(
        "v=DMARC1; p=none; ptc=100; rua=mailto:r@x.example",
        "v=DMARC1; p=none; rua=mailto:r@x.example | unknown-tag@ptc",
    );
    let parsed = Record::parse(b"v=DMARC1; p=none; ptc=100; rua=mailto:r@x.example");
    assert_eq!(parsed.findings[0].help.as_deref(), Some("pct (which is historic) was probably meant"));
}

#[test]
fn wrong_place() {
    let at = |owner: &str| {
        let finding = crate::misplaced(&mail::Domain::parse(owner).unwrap(), 8)?;
        Some((finding.code, finding.help.unwrap()))
    };
    assert_eq!(at("example.com"), Some(("dmarc-wrong-name", "publish it at _dmarc.example.com".to_owned())));
    assert_eq!(at("_dmarc.example.com"), None);
    assert_eq!(at("example.com._report._dmarc.example.net"), None);
}

#[test]
fn dma_04_version() {
    let is = |text: &str| Record::is_record(text.as_bytes());
    for record in
        ["v=DMARC1", "v=DMARC1;", "V=DMARC1", "v = DMARC1; p=reject", "v\t=\tDMARC1\t;p=none", "v=DMARC1 ;"]
    {
        assert!(is(record), "{record}");
    }
    for other in [
        "",
        "v=dmarc1",
        "v=DMARC1x",
        "v=DMARC12; p=none",
        " v=DMARC1",
        "p=reject; v=DMARC1",
        "v=DMARC1 p=none",
        "v=DMARC 1",
        "v=",
        ";v=DMARC1",
        "v=spf1 -all",
        "v=DMARC1\0",
        "vv=DMARC1",
    ] {
        assert!(!is(other), "{other}");
        assert_eq!(Record::parse(other.as_bytes()).value, None, "{other}");
    }
    check(" v=DMARC1; p=none", "- | no-record@ v=DMARC1; p=none");
}

#[test]
fn dma_05_duplicate_tags() {
    check("v=DMARC1; p=none; p=reject", "v=DMARC1 | unusable@v=DMARC1 | duplicate-tag@p=reject");
    assert_eq!(policies("v=DMARC1; p=none; p=reject"), Policies::Unusable);
    assert_eq!(policies(&format!("v=DMARC1; p=none; P=reject; {RUA}")), Policies::MonitoringOnly);
    assert_eq!(policies(&format!("v=DMARC1; p=reject; adkim=s; adkim=r; {RUA}")), Policies::MonitoringOnly);
    assert_eq!(policies(&format!("v=DMARC1; p=reject; {RUA}; {RUA}")), Policies::Unusable);
    // What is ignored once is ignored twice.
    assert_ne!(policies("v=DMARC1; p=reject; x=1; x=2; pct=1; pct=2"), Policies::Unusable);
}

#[test]
fn dma_06_invalid_policies() {
    for bad in ["", "p=rejct;", "p=reject; sp=bogus;", "p=reject; np=;", "p=reject; np=x;", "sp=reject;"] {
        assert_eq!(policies(&format!("v=DMARC1; {bad} {RUA}")), Policies::MonitoringOnly, "{bad}");
        assert_eq!(policies(&format!("v=DMARC1; {bad} rua=bogus")), Policies::Unusable, "{bad}");
        assert_eq!(policies(&format!("v=DMARC1; {bad}")), Policies::Unusable, "{bad}");
    }
    // A valid URI of another scheme is a valid URI.
    assert_eq!(policies("v=DMARC1; rua=https://x.example/r"), Policies::MonitoringOnly);
    check(
        "v=DMARC1; p=rejct; rua=mailto:r@x.example",
        "v=DMARC1; rua=mailto:r@x.example | counts-as-none@p=rejct | bad-value@rejct",
    );
}

#[test]
fn dma_07_case_and_white_space_of_values() {
    check(
        "v=DMARC1; P=Reject; ADKIM=S; aspf = s ; t\t= Y; psd=N;rua=mailto:r@x.example",
        "v=DMARC1; p=reject; psd=n; t=y; adkim=s; aspf=s; rua=mailto:r@x.example",
    );
    check("v=DMARC1; p = reject ;", "v=DMARC1; p=reject | no-reports@p = reject");
}

#[test]
fn dma_15_pct_is_read_and_ignored() {
    for pct in ["0", "50", "-1", "999", "", "x"] {
        check(
            &format!("v=DMARC1; p=reject; pct={pct}; {RUA}"),
            &format!("v=DMARC1; p=reject; {RUA} | historic-tag@pct={pct}"),
        );
    }
    check(
        &format!("v=DMARC1; p=reject; rf=afrf; ri=86400; {RUA}"),
        &format!("v=DMARC1; p=reject; {RUA} | historic-tag@rf=afrf | historic-tag@ri=86400"),
    );
}

#[test]
fn dma_18_huge_and_malformed() {
    let record = |len: usize| format!("v=DMARC1; p=none; x={}", "a".repeat(len - 20));
    assert!(Record::parse(record(MAX_RECORD).as_bytes()).value.is_some());
    assert_eq!(Record::parse(record(MAX_RECORD + 1).as_bytes()).findings[0].code, "dmarc-too-long");
    let tags = format!("v=DMARC1{}; p=none", "; x=1".repeat(10_000));
    let parsed = Record::parse(tags.as_bytes());
    assert!(parsed.value.is_some() && parsed.findings.len() <= MAX_TAG_FINDINGS_IN_TEST);
    let uris = |n: usize| format!("v=DMARC1; p=none; rua={}", vec!["mailto:r@x.example"; n].join(","));
    for (n, findings) in [(MAX_REPORT_URIS, 0), (MAX_REPORT_URIS + 1, 1), (3_000, 1)] {
        let parsed = Record::parse(uris(n).as_bytes());
        assert_eq!((parsed.value.unwrap().rua().len(), parsed.findings.len()), (MAX_REPORT_URIS, findings));
    }
    check(
        "v=DMARC1; p=none\0; rua=mailto:r@x.example",
        "v=DMARC1; rua=mailto:r@x.example | counts-as-none@v=DMARC1 | syntax@\\x00",
    );
    assert_eq!(
        show(b"v=DMARC1; p=\xff; rua=mailto:r@x.example"),
        "v=DMARC1; rua=mailto:r@x.example | counts-as-none@p=\\xff | bad-value@\\xff"
    );
}

const MAX_TAG_FINDINGS_IN_TEST: usize = crate::MAX_TAG_FINDINGS + 4;

#[test]
fn dma_19_uri_lists() {
    check(
        "v=DMARC1; p=none; rua=mailto:a@b.example!10m , https://x.example/,mailto:c@d.example?cc=e@f.example,",
        "v=DMARC1; p=none; rua=mailto:a@b.example,https://x.example/ | obsolete-size@mailto:a@b.example!10m \
         | uri-scheme@https://x.example/ | bad-uri@mailto:c@d.example?cc=e@f.example | bad-uri@",
    );
    check(
        "v=DMARC1; p=none; rua=mailto:a@bücher.example",
        "v=DMARC1; p=none; rua=mailto:a@xn--bcher-kva.example",
    );
}

#[test]
fn failure_options() {
    let fo = |value: &str| Record::parse(format!("v=DMARC1; p=none; fo={value}").as_bytes()).value.unwrap();
    for good in ["0", "1", "d", "s", "0:d:s", "1:d", "d:s", "s:d:1", "d : 1"] {
        let record = fo(good);
        assert_eq!(FailureOptions::read(good.as_bytes()), Some(record.failure_options()), "{good}");
    }
    for bad in ["", "2", "0:1", "d:d", "0:", ":0", "0d"] {
        assert_eq!(fo(bad).failure_options(), FailureOptions::default(), "{bad}");
    }
    let both = fo("d:1").failure_options();
    assert_eq!(
        (both.trigger(), both.dkim(), both.spf()),
        (Some(crate::FailureTrigger::AnyFails), true, false)
    );
}

#[test]
fn lints() {
    check("v=DMARC1; p=none", "v=DMARC1; p=none | no-reports@p=none");
    check(
        "v=DMARC1; p=reject; sp=none; rua=mailto:r@x.example",
        "v=DMARC1; p=reject; sp=none; rua=mailto:r@x.example | sp-weaker@sp=none",
    );
    check(
        "v=DMARC1; p=reject; np=none; rua=mailto:r@x.example",
        "v=DMARC1; p=reject; np=none; rua=mailto:r@x.example | np-weaker@np=none",
    );
    check(
        "v=DMARC1; p=none; t=y; rua=mailto:r@x.example",
        "v=DMARC1; p=none; t=y; rua=mailto:r@x.example | test-of-none@t=y",
    );
    check(
        "v=DMARC1; p=none; fo=1; rua=mailto:r@x.example",
        "v=DMARC1; p=none; fo=1; rua=mailto:r@x.example | fo-without-ruf@fo=1",
    );
    check(
        "v=DMARC1;; p=none; x; rua=mailto:r@x.example",
        "v=DMARC1; p=none; rua=mailto:r@x.example | empty-tag@ | syntax@x",
    );
    check(
        "v=DMARC1; p=none; v=DMARC1; rua=mailto:r@x.example",
        "v=DMARC1; p=none; rua=mailto:r@x.example | duplicate-tag@v=DMARC1",
    );
}

#[test]
fn dma_13_which_policy() {
    let pick = |text: &str| {
        let record = Record::parse(text.as_bytes()).value.unwrap();
        [Relation::Same, Relation::Subdomain, Relation::NonExistent].map(|relation| {
            let (policy, tag) = record.policy_for(relation).unwrap();
            format!("{}={policy}", tag.unwrap().as_str())
        })
    };
    assert_eq!(pick("v=DMARC1; p=none"), ["p=none", "p=none", "p=none"]);
    assert_eq!(pick("v=DMARC1; p=none; sp=reject"), ["p=none", "sp=reject", "sp=reject"]);
    assert_eq!(pick("v=DMARC1; p=none; np=reject"), ["p=none", "p=none", "np=reject"]);
    assert_eq!(pick("v=DMARC1; p=none; sp=quarantine; np=reject"), ["p=none", "sp=quarantine", "np=reject"]);
}

#[test]
fn spans_of_tags() {
    let text = b"v=DMARC1; p=none; SP = reject ;np=x";
    let at = |tag| tag_span(text, tag).map(|span| &text[span.range()]);
    assert_eq!(at(PolicyTag::P), Some(&b"p=none"[..]));
    assert_eq!(at(PolicyTag::Sp), Some(&b"SP = reject"[..]));
    assert_eq!(tag_span(b"v=DMARC1", PolicyTag::P), None);
}

fn tag() -> impl Strategy<Value = String> {
    let policy = "(p|sp|np|P) ?= ?(none|quarantine|reject|Reject|x)?";
    let flags = "(psd|t|adkim|aspf|fo)=(y|n|u|r|s|0|1|d|1:d:s|x)";
    let uris = concat!(
        "(rua|ruf)=(mailto:[a-z!%?@]{0,4}[a-z]@[a-z]{1,3}\\.example(!1m)?|https://x/[a-z%!]{0,3}|[ -~]{0,9}",
        "|mailto:[a-z%21+]{1,5}@é.example|,){1,3}"
    );
    prop_oneof![
        3 => policy.prop_map(String::from),
        3 => flags.prop_map(String::from),
        3 => uris.prop_map(String::from),
        1 => "[ -~]{0,12}".prop_map(String::from),
    ]
}

proptest! {
    #[test]
    fn print_and_parse_is_the_identity(tags in prop::collection::vec(tag(), 0..9)) {
        let text = format!("v=DMARC1; {}", tags.join(" ; "));
        let record = Record::parse(text.as_bytes()).value.unwrap();
        let printed = record.to_string();
        let again = Record::parse(printed.as_bytes());
        prop_assert_eq!(again.value, Some(record), "{} -> {}", text, printed);
        prop_assert!(!printed.bytes().any(|b| !(b' '..=b'~').contains(&b)));
    }

    #[test]
    fn any_bytes(mut text: Vec<u8>, record: bool) {
        if record {
            text.splice(0..0, *b"v=DMARC1;");
        }
        let parsed = Record::parse(&text);
        prop_assert_eq!(parsed.value.is_some(), Record::is_record(&text));
        for finding in parsed.findings {
            prop_assert!(text.get(finding.span.range()).is_some());
            prop_assert!(finding.message.bytes().all(|b| (b' '..=b'~').contains(&b)));
        }
    }
}
