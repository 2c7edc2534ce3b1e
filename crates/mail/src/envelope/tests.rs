//! Paths and greetings, each with what must come of it.

use super::*;

/// `local|domain`, `null` or `invalid`.
fn shape(raw: impl AsRef<[u8]>, smtputf8: bool) -> String {
    match ReversePath::parse(raw.as_ref(), smtputf8) {
        ReversePath::Null => "null".to_owned(),
        ReversePath::Mailbox { local, domain } => {
            let domain = match domain {
                PathDomain::Name(name) => name.to_string(),
                PathDomain::Literal => "literal".to_owned(),
                PathDomain::Malformed => "malformed".to_owned(),
            };
            format!("{}|{domain}", printable(local))
        }
        ReversePath::Invalid(kept) => {
            assert!(raw.as_ref().starts_with(&kept));
            "invalid".to_owned()
        }
    }
}

fn check(raw: impl AsRef<[u8]>, want: &str) {
    assert_eq!(shape(&raw, false), want, "{}", printable(&raw));
}

fn check_utf8(raw: impl AsRef<[u8]>, want: &str) {
    assert_eq!(shape(&raw, true), want, "{}", printable(&raw));
}

#[test]
fn plain_paths_with_and_without_brackets() {
    check("<a@victim.example>", "a|victim.example");
    check("a@victim.example", "a|victim.example");
    check("<a@localhost>", "a|localhost");
    check("<a.b+c=d!e%f/g@x.example>", "a.b+c=d!e%f/g|x.example");
    check("<a..b.@x.example>", "a..b.|x.example");
    check("<a@_x.example>", "a|_x.example");
    check("<a@x.example", "invalid");
    check("a@x.example>", "invalid");
    check("<<a@x.example>>", "invalid");
    check("<a@x.example> SIZE=1", "invalid");
    check("<postmaster>", "invalid");
    check("<", "invalid");
}

#[test]
fn what_the_suite_of_rfc_7208_sends() {
    check("@example.net", "|example.net");
    check("Macro Error@e8.example.com", "Macro Error|e8.example.com");
    check("~jack&jill=up-a_b3.c@e8.example.com", "~jack&jill=up-a_b3.c|e8.example.com");
    check("foo@[1.2.3.5]", "foo|literal");
    check("", "null");
}

#[test]
fn env_01_a_name_that_may_not_exist() {
    check("<any@mailfrom.notexist.victim.example>", "any|mailfrom.notexist.victim.example");
}

#[test]
fn env_02_unclosed_comment_is_no_null_sender() {
    check("<(any@victim.example>", "invalid");
    check("<any(@victim.example>", "invalid");
    check("(any@victim.example)", "invalid");
}

#[test]
fn env_03_parenthesis_in_the_domain() {
    check("<any@victim.example(a.attacker.example>", "invalid");
    check("<any@victim.example;a.attacker.example>", "invalid");
    check("<any@victim.example a.attacker.example>", "invalid");
}

#[test]
fn env_04_two_unquoted_at_signs() {
    check("<any@victim.example'@any.attacker.example>", "invalid");
    check("<'any@victim.example'@attacker.example>", "invalid");
    check("<a@@victim.example>", "invalid");
}

#[test]
fn env_05_source_route_is_stripped() {
    check("<@victim.example,@any.com:'any@attacker.example>", "'any|attacker.example");
    check("<@victim.example:a@attacker.example>", "a|attacker.example");
    check("<@victim.example,:a@attacker.example>", "invalid");
    check("<@victim.example,b.example:a@attacker.example>", "invalid");
    check("<@victim.example:>", "invalid");
    check("<@a.example:@b.example:a@attacker.example>", "invalid");
    check("<@(x):a@attacker.example>", "invalid");
}

#[test]
fn env_06_null_sender() {
    check("<>", "null");
    check("< >", "invalid");
    check("<\"\">", "invalid");
}

#[test]
fn env_07_the_greeting_says_nothing_of_the_path() {
    check("<a@attacker.example>", "a|attacker.example");
}

fn check_helo(raw: impl AsRef<[u8]>, want: Option<&str>) {
    let helo = Helo::parse(raw.as_ref());
    assert_eq!(helo.name().map(Domain::as_str), want, "{}", printable(&raw));
    assert!(helo.to_string().bytes().all(|b| matches!(b, b' '..=b'~')));
}

#[test]
fn env_08_greetings_of_every_kind() {
    check_helo("Mail.Victim.example.", Some("mail.victim.example"));
    check_helo("localhost", Some("localhost"));
    check_helo("[203.0.113.66]", None);
    check_helo("", None);
    check_helo(".", None);
    check_helo("a".repeat(300), None);
    check_helo(b"\xff\xfe", None);
    check_helo("bücher.example", None);
    check_helo("xn--bcher-kva.example", Some("xn--bcher-kva.example"));
    check_helo("JUMPIN' JUPITER", None);
    check_helo("%%%%%%%%%%%%%%%%%%%%%%", None);
    check_helo("a\0.example", None);
    check_helo("invalid; othervariable=injected", None);
    assert_eq!(Helo::parse(b"[1.2.3.4]"), Helo::Other(b"[1.2.3.4]".to_vec()));
    assert_eq!(Helo::parse(&[b'a'; 5000]), Helo::Other(vec![b'a'; MAX_KEPT]));
}

#[test]
fn env_11_bytes_beyond_ascii() {
    check("<a@bücher.example>", "invalid");
    check("<ä@x.example>", "invalid");
    check_utf8("<a@bücher.example>", "a|xn--bcher-kva.example");
    check_utf8("<a@XN--BCHER-KVA.example>", "a|xn--bcher-kva.example");
    check("<a@xn--bcher-kva.example>", "a|xn--bcher-kva.example");
    check_utf8("<ä@x.example>", r"\xc3\xa4|x.example");
    check_utf8("<a@ｖictim．example>", "a|victim.example");
    check_utf8(b"<a@b\xfccher.example>", "invalid");
    check_utf8("<a@victim.example\u{2000}>", "invalid");
    check_utf8("<a@victim.example\u{202e}>", "invalid");
}

#[test]
fn env_12_control_bytes() {
    for byte in (0..0x20).chain([0x7f]) {
        let with = |before: &str, after: &str| [before.as_bytes(), &[byte], after.as_bytes()].concat();
        check(with("<a", "@victim.example>"), "invalid");
        check(with("<a@victim.example", ".attacker.example>"), "invalid");
        check_utf8(with("<\"a", "\"@victim.example>"), "invalid");
        check(with("<a@victim.example>", ""), "invalid");
        check(with("", ""), "invalid");
    }
}

#[test]
fn env_13_address_literal() {
    check("<a@[192.0.2.10]>", "a|literal");
    check("<a@[IPv6:2001:db8::1]>", "a|literal");
    check("<@[IPv6:2001:db8::1]>", "|literal");
    check("<a@[]>", "invalid");
    check("<a@[1.2.3.4>", "invalid");
    check("<a@[1.2.3.4].victim.example>", "invalid");
    check("<a@[1.2[3.4]>", "invalid");
    check("<a@[1.2 3.4]>", "invalid");
}

#[test]
fn env_14_quoted_local_part() {
    check("<\"x@victim.example\"@attacker.example>", "x@victim.example|attacker.example");
    check("<\"a b\\\"c\"@attacker.example>", "a b\"c|attacker.example");
    check("<\"\"@attacker.example>", "|attacker.example");
    check("<\"a\"b@attacker.example>", "invalid");
    check("<a\"b\"@attacker.example>", "invalid");
    check("<\"a@attacker.example>", "invalid");
    check("<\"a\\>", "invalid");
    check("<a\\@b@attacker.example>", "invalid");
}

#[test]
fn env_15_case_and_dots() {
    check("<a@VICTIM.Example.>", "a|victim.example");
    check("<a@.>", "invalid");
    check("<a@>", "invalid");
    check("<a@..>", "a|malformed");
}

#[test]
fn env_16_too_long_or_empty_labels() {
    let name = |n: usize| format!("{}{}", "a.".repeat(120), "b".repeat(n));
    check(format!("<a@{}.example>", "a".repeat(64)), "a|malformed");
    check(format!("<a@{}.example>", "a".repeat(63)), &format!("a|{}.example", "a".repeat(63)));
    check(format!("<a@{}>", name(14)), "a|malformed");
    check(format!("<a@{}>", name(13)), &format!("a|{}", name(13)));
    check(format!("<a@{}example>", "a.".repeat(300)), "a|malformed");
    check("lyme.eater@A...example.com", "lyme.eater|malformed");
    check("<a@xn--victim-.example>", "a|malformed");
}

#[test]
fn limits_on_both_sides() {
    let path = |n: usize| format!("<{}@x.example>", "a".repeat(n - 12));
    check(path(MAX_PATH), &format!("{}|x.example", "a".repeat(MAX_PATH - 12)));
    check(path(MAX_PATH + 1), "invalid");
    assert_eq!(ReversePath::parse(&[b'a'; 5000], false), ReversePath::Invalid(vec![b'a'; MAX_KEPT]));
}

#[test]
fn what_people_see_is_printable() {
    let show = |raw: &str| ReversePath::parse(raw.as_bytes(), true).to_string();
    assert_eq!(show(""), "<>");
    assert_eq!(show("A.b@X.example."), "<A.b@x.example>");
    assert_eq!(show(r#"<"a b\"\\c"@x.example>"#), r#"<"a b\"\\c"@x.example>"#);
    assert_eq!(show("<ä@x.example>"), r"<\xc3\xa4@x.example>");
    assert_eq!(show("<a@[1.2.3.4]>"), "<a@[address literal]>");
    assert_eq!(show("<a@b..c>"), "<a@(malformed domain)>");
    assert_eq!(show("<a\u{1b}]0;x@x>"), r"<a\x1b]0;x@x>");
    assert_eq!(ReversePath::parse(b"<a@b.example>", false).local(), Some(&b"a"[..]));
    assert_eq!(ReversePath::Null.domain(), None);
}

#[test]
fn any_short_path_is_read_without_panic() {
    // Every text of up to five bytes out of those that steer the reader.
    let alphabet = b"<>@\"\\:,[].a\xc3";
    let mut texts: Vec<Vec<u8>> = vec![Vec::new()];
    for _ in 0..5 {
        texts = texts.iter().flat_map(|t| alphabet.iter().map(move |&b| [&t[..], &[b]].concat())).collect();
        for text in &texts {
            for smtputf8 in [false, true] {
                let path = ReversePath::parse(text, smtputf8);
                assert!(path.to_string().bytes().all(|b| matches!(b, b' '..=b'~')));
                if let ReversePath::Mailbox { .. } = path {
                    assert!(text.contains(&b'@'));
                }
            }
        }
    }
}
