//! What is written, that it is read back as it was, and that nothing gets out of its place.

use proptest::prelude::*;

use crate::authres::*;

fn field(results: Vec<MethodResult>) -> AuthenticationResults {
    AuthenticationResults { id: AuthservId::parse("mx.receiver.test").unwrap(), results }
}

/// Checks what holds for every field, whatever is in it; gives it back.
fn safe(results: &AuthenticationResults) -> String {
    let text = results.field();
    let body = text.strip_suffix("\r\n").unwrap();
    assert!(body.starts_with("Authentication-Results: mx.receiver.test"));
    assert!(text.len() <= MAX_WRITTEN, "{} bytes", text.len());
    let lines: Vec<_> = body.split("\r\n").collect();
    for (number, line) in lines.iter().enumerate() {
        assert!(line.bytes().all(|b| matches!(b, b' '..=b'~')), "{line:?}");
        assert!(line.len() <= 998, "{} bytes", line.len());
        assert!(number == 0 || (line.starts_with(' ') && !line.trim().is_empty()), "{line:?}");
        let words = line.trim_start().strip_prefix("Authentication-Results: ").unwrap_or(line.trim_start());
        assert!(line.len() <= 78 || !words.contains(' ') || words.contains('"'), "{line:?}");
    }
    text
}

fn read(text: &str) -> AuthenticationResults {
    let value = text.strip_prefix("Authentication-Results:").unwrap().strip_suffix("\r\n").unwrap();
    AuthenticationResults::parse(value.as_bytes()).unwrap()
}

#[track_caller]
fn check(result: MethodResult, want: &str) {
    let field = field(vec![result]);
    let text = safe(&field);
    assert_eq!(text, format!("Authentication-Results: mx.receiver.test;\r\n {want}\r\n"));
}

#[test]
fn every_registered_property() {
    use RegisteredProperty as P;
    check(
        MethodResult::dkim(DkimWord::Pass)
            .with(P::HeaderD, "a.example")
            .with(P::HeaderI, "x@a.example")
            .with(P::HeaderA, "rsa-sha256")
            .with(P::HeaderS, "sel._x")
            .with(P::HeaderB, "ab/d+f=="),
        "dkim=pass header.d=a.example header.i=x@a.example header.a=rsa-sha256\r\n \
         header.s=sel._x header.b=\"ab/d+f==\"",
    );
    check(
        MethodResult::spf(SpfWord::SoftFail).with(P::SmtpMailfrom, "a.example"),
        "spf=softfail smtp.mailfrom=a.example",
    );
    check(
        MethodResult::spf(SpfWord::None).with(P::SmtpHelo, "[192.0.2.1]"),
        "spf=none smtp.helo=\"[192.0.2.1]\"",
    );
    check(
        MethodResult::dmarc(DmarcWord::Fail)
            .with(P::HeaderFrom, "a.example")
            .with(P::PolicyDmarc, "quarantine"),
        "dmarc=fail header.from=a.example policy.dmarc=quarantine",
    );
    check(
        MethodResult::arc(ArcWord::Pass).with(P::HeaderOldestPass, "0").with(P::SmtpRemoteIp, "2001:db8::1"),
        "arc=pass header.oldest-pass=0 smtp.remote-ip=\"2001:db8::1\"",
    );
    check(
        MethodResult::auth(AuthWord::Pass).with_comment("cram-md5").with(P::SmtpAuth, "a@b.example"),
        "auth=pass (cram-md5) smtp.auth=a@b.example",
    );
    assert_eq!(safe(&field(vec![])), "Authentication-Results: mx.receiver.test; none\r\n");
}

#[test]
fn ar_09_ipv6_and_odd_values_are_quoted() {
    let value = |v: &str| MethodResult::iprev(IprevWord::Pass).with(RegisteredProperty::PolicyIprev, v);
    check(value("192.0.2.1"), "iprev=pass policy.iprev=192.0.2.1");
    check(value("2001:db8::1"), "iprev=pass policy.iprev=\"2001:db8::1\"");
    check(value(""), "iprev=pass policy.iprev=\"\"");
    check(value(r#"a b"\c"#), r#"iprev=pass policy.iprev="a b\"\\c""#);
    check(value("@a.example"), "iprev=pass policy.iprev=@a.example");
    check(value("@a"), "iprev=pass policy.iprev=\"@a\"");
    check(value("v=e+r@a.example"), "iprev=pass policy.iprev=v=e+r@a.example");
    check(value(r#""a \"b"@a.example"#), r#"iprev=pass policy.iprev="a \"b"@a.example"#);
    check(value(r#""a"b"@a.example"#), r#"iprev=pass policy.iprev="\"a\"b\"@a.example""#);
    check(value("a@b@c.example;x"), "iprev=pass policy.iprev=\"a@b@c.example;x\"");
}

#[test]
fn ar_08_identifiers_stay_in_their_place() {
    let with = |v: &[u8]| MethodResult::dkim(DkimWord::Fail).with(RegisteredProperty::HeaderI, v);
    check(with(b"a;dmarc=pass"), "dkim=fail header.i=\"a;dmarc=pass\"");
    check(with(b"a(b"), "dkim=fail header.i=\"a(b\"");
    check(with(b"a\" header.d=b"), "dkim=fail header.i=\"a\\\" header.d=b\"");
    let left_out: [&[u8]; 7] =
        [b"a\rb", b"a\nb", b"a\r\n b", b"a\0b", "a\u{2028}b".as_bytes(), "ü@a.example".as_bytes(), b"\xff"];
    for value in left_out {
        check(with(value), "dkim=fail");
    }
    check(with(&[b'a'; MAX_VALUE]), &format!("dkim=fail\r\n header.i={}", "a".repeat(MAX_VALUE)));
    check(with(&[b'a'; MAX_VALUE + 1]), "dkim=fail");
    check(with(&[b'a'; 1 << 20]), "dkim=fail");
    check(with(&[b'"'; MAX_VALUE]), &format!("dkim=fail\r\n header.i=\"{}\"", "\\\"".repeat(MAX_VALUE)));
}

#[test]
fn smug_03_reasons_and_comments_stay_in_their_place() {
    let result = MethodResult::dkim(DkimWord::PermError);
    check(
        result.clone().with_comment("a) ; dmarc=pass (b\r\nX: y\0"),
        "dkim=permerror (a\\) ; dmarc=pass \\(b X: y?)",
    );
    check(
        result.clone().with_reason("a\" ;\\\r\n.\r\n\u{2028}"),
        "dkim=permerror reason=\"a\\\" ;\\\\ . ?\"",
    );
    check(result.clone().with_comment("\r\n"), "dkim=permerror");
    let long =
        safe(&field(vec![result.with_comment("((\\ ".repeat(1 << 18)).with_reason(vec![b'"'; 1 << 20])]));
    assert!(long.len() < 2_000);
}

#[test]
fn long_texts_are_folded_at_spaces_and_read_back() {
    let result = MethodResult::dkim(DkimWord::Fail)
        .with_comment("the body hash did not verify because something on the way changed the body of it")
        .with_reason("the signature is good but for the body, and that is what somebody must have changed");
    let field = field(vec![result.clone()]);
    assert_eq!(read(&safe(&field)), field);
    check(
        result,
        "dkim=fail (the body hash did not verify because something on the way changed\r\n \
         the body of it) reason=\"the signature is good but for the body, and that is\r\n \
         what somebody must have changed\"",
    );
}

#[test]
fn ar_08_no_more_than_8_kib_and_it_says_so() {
    let big = MethodResult::dkim(DkimWord::Pass).with(RegisteredProperty::HeaderI, vec![b'"'; MAX_VALUE]);
    let all = field(vec![big; 2_000]);
    let text = safe(&all);
    let read = read(&text);
    assert!(text.len() > MAX_WRITTEN - 100);
    let whole = read.results.iter().take_while(|r| !r.properties.is_empty()).count();
    assert!((9..20).contains(&whole), "{whole}");
    assert!(
        text.ends_with(&format!("\r\n ({} more results left out)\r\n", 2_000 - read.results.len())),
        "{text}"
    );
}

#[test]
fn ar_08_signatures_leave_room_for_the_other_results() {
    let junk = MethodResult::dkim(DkimWord::Policy).with_reason("x".repeat(MAX_TEXT));
    let good = MethodResult::dkim(DkimWord::Pass).with(RegisteredProperty::HeaderD, "a.example");
    let spf = MethodResult::spf(SpfWord::Fail).with(RegisteredProperty::SmtpMailfrom, "b.example");
    let dmarc = MethodResult::dmarc(DmarcWord::Fail).with(RegisteredProperty::HeaderFrom, "c.example");
    let mut results = vec![junk; 1_000];
    results.extend([good, spf, dmarc]);
    let read = read(&safe(&field(results.clone())));
    assert_eq!(read.results.last_chunk::<3>(), results.last_chunk::<3>());
    assert!(read.results.len() > 20, "{}", read.results.len());
}

#[test]
fn ar_08_no_more_results_than_are_read() {
    for count in [MAX_RESULTS, MAX_RESULTS + 1] {
        let text = safe(&field(vec![MethodResult::dkim(DkimWord::Fail); count]));
        assert_eq!(read(&text).results.len(), MAX_RESULTS);
        assert_eq!(text.contains("(1 more results left out)"), count > MAX_RESULTS, "{text}");
    }
}

fn keyword() -> impl Strategy<Value = Keyword> {
    "[a-zA-Z0-9-]{0,8}[a-z0-9]".prop_map(|s| Keyword::parse(s.as_bytes()).unwrap())
}

/// Values as they come, with a good many of those that have a meaning in the grammar.
fn value(of: &'static str) -> impl Strategy<Value = Value> {
    prop_oneof![
        of.prop_map(|s| Value::new(s).unwrap()),
        "[ab.\"\\\\ =;()@-]{0,12}(@[a-c.-]{1,5})?".prop_map(|s| Value::new(s).unwrap()),
        Just(Value::new("\"a b\"@c.example").unwrap()),
    ]
}

fn text() -> impl Strategy<Value = Option<Text>> {
    prop_oneof!["\\PC{0,100}", "[ab()\"\\\\; ]{0,120}", ".{0,400}"].prop_map(Text::new)
}

fn result(of: &'static str) -> impl Strategy<Value = MethodResult> {
    let property = (keyword(), keyword(), value(of)).prop_map(|(ptype, property, value)| Property {
        ptype,
        property,
        value,
    });
    let method = prop_oneof![keyword(), Just(Keyword::parse(b"dkim").unwrap())].prop_map(Method::read);
    let word = prop_oneof![keyword(), Just(Keyword::parse(b"pass").unwrap())].prop_map(Word::read);
    (method, word, text(), text(), prop::collection::vec(property, 0..5)).prop_map(
        |(method, result, comment, reason, properties)| MethodResult {
            method,
            result,
            comment,
            reason,
            properties,
        },
    )
}

proptest! {
    #[test]
    fn ar_08_what_is_written_is_read_back(results in prop::collection::vec(result("[ -~]{0,40}"), 0..6)) {
        let field = field(results);
        prop_assert_eq!(read(&safe(&field)), field);
    }

    #[test]
    fn smug_03_any_field_is_safe(results in prop::collection::vec(result("\\PC{0,500}"), 0..40)) {
        let field = field(results);
        let read = read(&safe(&field));
        prop_assert!(read.results.len() <= field.results.len());
        prop_assert_eq!(read.results.is_empty(), field.results.is_empty());
    }

    #[test]
    fn smug_03_any_bytes_are_safe(bytes: Vec<u8>, more in "[\r\n\0;()\"\\\\ a]{0,30}") {
        for input in [&bytes[..], more.as_bytes()] {
            let result = MethodResult::dkim(DkimWord::Pass)
                .with(RegisteredProperty::HeaderI, input)
                .with_comment(input)
                .with_reason(input);
            let field = field(vec![result.clone(), MethodResult::spf(SpfWord::None)]);
            let read = read(&safe(&field));
            prop_assert_eq!(read.results.len(), 2);
            prop_assert_eq!(&read.results[0].comment, &result.comment);
            prop_assert_eq!(&read.results[0].reason, &result.reason);
        }
    }
}
