//! Real fields, wrong fields, every truncation.

use super::*;
use crate::authres::RegisteredProperty;

/// `id | method=word (comment) "reason" ptype.property=value, ...`, or the error with the bytes that it points at.
fn show(value: &[u8]) -> String {
    match AuthenticationResults::parse(value) {
        Ok(field) => {
            let results: Vec<_> = field.results.iter().map(show_result).collect();
            format!("{} | {}", field.id, results.join(", "))
        }
        Err(AuthResError { kind, span }) => {
            format!("{kind:?} at {:?}", String::from_utf8_lossy(&value[span.range()]))
        }
    }
}

fn show_result(result: &MethodResult) -> String {
    let mut out = format!("{}={}", result.method, result.result);
    out.extend(result.comment.iter().map(|t| format!(" ({})", t.as_str())));
    out.extend(result.reason.iter().map(|t| format!(" \"{}\"", t.as_str())));
    for Property { ptype, property, value } in &result.properties {
        out.push_str(&format!(" {}.{}={}", ptype.as_str(), property.as_str(), value.as_str()));
    }
    out
}

#[track_caller]
fn check(value: &str, want: &str) {
    assert_eq!(show(value.as_bytes()), want, "{value}");
}

#[test]
fn rfc_8601_appendix_b() {
    check(" example.org 1; none", "example.org | ");
    check(
        " example.com;\r\n          spf=pass smtp.mailfrom=example.net",
        "example.com | spf=pass smtp.mailfrom=example.net",
    );
    check(
        " example.com;\r\n  auth=pass (cram-md5) smtp.auth=sender@example.net;\r\n  spf=pass smtp.mailfrom=example.net",
        "example.com | auth=pass (cram-md5) smtp.auth=sender@example.net, spf=pass smtp.mailfrom=example.net",
    );
    check(
        " example.com; iprev=pass\r\n          policy.iprev=192.0.2.200",
        "example.com | iprev=pass policy.iprev=192.0.2.200",
    );
    check(
        " example.com;\r\n          dkim=pass (good signature) header.d=example.com",
        "example.com | dkim=pass (good signature) header.d=example.com",
    );
    check(
        " example.com;\r\n\tauth=pass (cram-md5) smtp.auth=sender@example.com;\r\n\tspf=fail smtp.mailfrom=example.com",
        "example.com | auth=pass (cram-md5) smtp.auth=sender@example.com, spf=fail smtp.mailfrom=example.com",
    );
    check(
        " example.com;\r\n dkim=pass reason=\"good signature\"\r\n   header.i=@mail-router.example.net;\r\n \
         dkim=fail reason=\"bad signature\"\r\n   header.i=@newyork.example.com",
        "example.com | dkim=pass \"good signature\" header.i=@mail-router.example.net, \
         dkim=fail \"bad signature\" header.i=@newyork.example.com",
    );
    check(
        " example.net;\r\n      dkim=pass (good signature) header.i=@newyork.example.com",
        "example.net | dkim=pass (good signature) header.i=@newyork.example.com",
    );
    check(
        " foo.example.net (foobar) 1 (baz);\r\n dkim (Because I like it) / 1 (One yay) = (wait for it) fail\r\n \
         policy (A dot can go here) . (like that) expired\r\n (this surprised me) = (as I wasn't expecting it) 1362471462",
        "foo.example.net | dkim=fail policy.expired=1362471462",
    );
}

#[test]
fn rfc_7208_and_8617_examples() {
    check(
        " myhost.example.org; spf=pass\r\n  reason=\"client-ip=192.0.2.1; smtp.helo=foo.example.com\"\r\n  \
         smtp.mailfrom=user@example.net",
        "myhost.example.org | spf=pass \"client-ip=192.0.2.1; smtp.helo=foo.example.com\" \
         smtp.mailfrom=user@example.net",
    );
    check(
        " clochette.example.org; spf=fail\r\n    smtp.from=jqd@d1.example; dkim=fail (512-bit key)\r\n    \
         header.i=@d1.example; dmarc=fail; arc=pass (as.2.gmail.example=pass,\r\n    \
         ams.1.lists.example.org=fail (message has been altered))",
        "clochette.example.org | spf=fail smtp.from=jqd@d1.example, dkim=fail (512-bit key) header.i=@d1.example, \
         dmarc=fail, arc=pass (as.2.gmail.example=pass, ams.1.lists.example.org=fail (message has been altered))",
    );
}

#[test]
fn what_real_senders_write() {
    check(
        " mx.google.com;\r\n       dkim=pass header.i=@example.com header.s=s1 header.b=a/b+c=;\r\n       \
         spf=pass (google.com: domain of x@example.com designates 192.0.2.1 as permitted sender) \
         smtp.mailfrom=\"b=1=x@example.com\";\r\n       dmarc=pass (p=NONE sp=NONE dis=NONE) header.from=example.com;\r\n       \
         dara=pass header.i=@gmail.com",
        "mx.google.com | dkim=pass header.i=@example.com header.s=s1 header.b=a/b+c=, \
         spf=pass (google.com: domain of x@example.com designates 192.0.2.1 as permitted sender) \
         smtp.mailfrom=b=1=x@example.com, dmarc=pass (p=NONE sp=NONE dis=NONE) header.from=example.com, \
         dara=pass header.i=@gmail.com",
    );
    check(
        "mx.microsoft.com 1; spf=pass (sender ip is 192.0.2.1) smtp.rcpttodomain=a.example smtp.mailfrom=;\
         dmarc=pass action=none header.from=b.example;compauth=pass reason=100;",
        "mx.microsoft.com | spf=pass (sender ip is 192.0.2.1) smtp.rcpttodomain=a.example smtp.mailfrom=, \
         dmarc=pass header.from=b.example, compauth=pass \"100\"",
    );
    check(
        "spf=pass (sender IP is 192.0.2.1)\n smtp.mailfrom=a.example; dkim=none (message not signed)",
        "NoId at \"spf\"",
    );
    check(
        "mx.example; dkim=Pass(2048-bit key) header.d=A.example",
        "mx.example | dkim=pass (2048-bit key) header.d=A.example",
    );
    check("mx.example; x-tls=pass smtp.bits=256/256 x-bits=2", "mx.example | x-tls=pass smtp.bits=256/256");
    check("mx.example; spf=none smtp.mailfrom=<>", "mx.example | spf=none smtp.mailfrom=<>");
    check(
        "mx.example; spf=pass smtp.mailfrom=a+b=c.example@d.example",
        "mx.example | spf=pass smtp.mailfrom=a+b=c.example@d.example",
    );
    check(
        r#"mx.example; auth=pass smtp.auth="a \b"@c.example"#,
        r#"mx.example | auth=pass smtp.auth="a b"@c.example"#,
    );
    check(
        "bücher.example; spf=pass smtp.mailfrom=ü@ä.example",
        "xn--bcher-kva.example | spf=pass smtp.mailfrom=ü@ä.example",
    );
    check("mx.example; dkim/2=pass; spf=pass", "mx.example | spf=pass");
}

#[test]
fn ar_09_ipv6_with_quotes_and_without() {
    check(
        "mx.example; iprev=pass policy.iprev=2001:db8::1",
        "mx.example | iprev=pass policy.iprev=2001:db8::1",
    );
    check(
        "mx.example; iprev=pass policy.iprev=\"2001:db8::1\"",
        "mx.example | iprev=pass policy.iprev=2001:db8::1",
    );
}

#[test]
fn ar_10_none_stands_alone() {
    check("mx.example; none", "mx.example | ");
    check("mx.example;none (nothing done) ;", "mx.example | ");
    check("mx.example; none; spf=pass", "NoneBesideResults at \"; none; spf=pass\"");
    check("mx.example; spf=pass; none", "NoneBesideResults at \"; spf=pass; none\"");
    check("mx.example", "NoResults at \"mx.example\"");
    check("mx.example;", "NoResults at \";\"");
    check("mx.example; none=pass", "mx.example | none=pass");
}

#[test]
fn ar_10_a_property_is_exactly_ptype_and_property() {
    check("mx.example; dkim=pass header.i.x=1", "Equals at \".\"");
    check("mx.example; dkim=pass value.x=1", "mx.example | dkim=pass value.x=1");
    check("mx.example; dkim=pass __proto__.x=1", "Property at \"_\"");
    check("mx.example; dkim=pass .x=1", "Property at \".\"");
    check("mx.example; dkim=pass header.=1", "Property at \"=\"");
    check("mx.example; dkim=pass header.d", "Equals at \"\"");
    check("mx.example; dkim=pass header.d=\"a", "UnclosedQuote at \"\\\"a\"");
    check("mx.example; dkim=pass header.d=\"a\0\"", "Byte(0) at \"\\0\"");
    let proto = AuthenticationResults::parse(b"mx.example; dkim=pass value.x=1 header.d=a.example").unwrap();
    let signing_domain = proto.results[0].property(RegisteredProperty::HeaderD).map(Value::as_str);
    assert_eq!(signing_domain, Some("a.example"));
}

#[test]
fn ar_10_a_reason_may_stand_anywhere_behind_the_result() {
    check(
        "mx.example; dkim=fail header.d=a.example reason=\"bad; (key)\" header.s=b",
        "mx.example | dkim=fail \"bad; (key)\" header.d=a.example header.s=b",
    );
    check("mx.example; reason=x dkim=fail", "mx.example | reason=x");
    check("mx.example; dkim=fail reason=bad key", "Equals at \"\"");
}

#[test]
fn ar_10_wrong_fields() {
    check("", "NoId at \"\"");
    check(" (c) ", "NoId at \"\"");
    check("; spf=pass", "NoId at \";\"");
    check("mx.example; (null)=pass", "Method at \"=\"");
    check("mx.example; dkim=(x); spf=pass", "Word at \";\"");
    check("mx.example; dkim", "Equals at \"\"");
    check("mx.example (a (b) ; spf=pass", "UnclosedComment at \"(a (b) ; spf=pass\"");
    check("mx.example ) ; spf=pass", "Semicolon at \")\"");
    check("mx.example 2; spf=pass", "Version at \" 2\"");
    check("mx.example/1; spf=pass", "Semicolon at \"/\"");
    check("=?utf-8?q?mx?=; spf=pass", "NoId at \"=\"");
    check("mx!.example; spf=pass", "BadId(Byte(33)) at \"mx!.example\"");
    check("mx.example; spf=pass\nX: y", "Property at \"\\n\"");
    check("mx.example; spf=pass (a\r\nb)", "Byte(13) at \"\\r\"");
    assert_eq!(show(b"mx.example; spf=pass smtp.helo=\xff"), "Value at \"\u{fffd}\"");
}

#[test]
fn ar_10_limits_on_both_sides() {
    let results = |n| format!("mx.example{}", "; spf=pass".repeat(n));
    assert_eq!(
        AuthenticationResults::parse(results(MAX_RESULTS).as_bytes()).unwrap().results.len(),
        MAX_RESULTS
    );
    let error = AuthenticationResults::parse(results(MAX_RESULTS + 1).as_bytes()).unwrap_err();
    assert_eq!(error.kind, AuthResErrorKind::ManyResults);
    let deep = |n: usize| {
        let half = (n - "mx.example ; none".len()) / 2;
        let text = format!("mx.example {}{}; none", "(".repeat(half), ")".repeat(half));
        let padded = format!("{}{text}", " ".repeat(n - text.len()));
        AuthenticationResults::parse(padded.as_bytes()).map(|f| f.results.len()).map_err(|e| e.kind)
    };
    assert_eq!(deep(MAX_FIELD), Ok(0));
    assert_eq!(deep(MAX_FIELD + 1), Err(AuthResErrorKind::Long));
    assert_eq!(deep(1 << 20), Err(AuthResErrorKind::Long));
}

const FULL: &str = " (c\\)(d)) \"mx.example\" 1 ; dkim/1=pass (good \\( \"x) reason=\"a;\\\"b\" header.d=\"a b\" \
     header.i=\"x y\"@ä.example;\r\n\tspf=fail smtp.mailfrom=; none=none;;";

#[test]
fn ar_10_truncated_at_every_byte() {
    assert!(AuthenticationResults::parse(FULL.as_bytes()).is_ok());
    for end in 0..FULL.len() {
        if let Err(error) = AuthenticationResults::parse(&FULL.as_bytes()[..end]) {
            assert!(error.span.start <= error.span.end && error.span.end <= end, "{error:?} at {end}");
        }
    }
}

proptest::proptest! {
    #[test]
    fn ar_10_any_bytes(bytes: Vec<u8>) {
        show(&bytes);
    }

    #[test]
    fn ar_10_any_change_of_one_byte(at in 0..FULL.len(), byte: u8) {
        let mut value = FULL.as_bytes().to_vec();
        value[at] = byte;
        show(&value);
    }

    #[test]
    fn ar_10_any_text_of_the_grammars_bytes(value in "[ab1;=.@/()\"\\\\ \r\n\t]{0,40}") {
        show(format!("mx.example; a=b {value}").as_bytes());
    }
}
