//! Address lists as text, and any bytes at all.

#![allow(clippy::disallowed_methods, reason = "a test of speed reads the clock")]

use std::time::{Duration, Instant};

use super::*;
use AddressErrorKind as Kind;

/// `"display" local|domain` for each mailbox, `#group`, `(comment)`; or the error with the bytes that are to blame.
fn check(value: &str, want: &str) {
    let got = match AddressList::parse(value.as_bytes()) {
        Err(error) => format!("{:?} {:?}", error.kind, value.get(error.span.range()).unwrap()),
        Ok(list) => {
            let text = |t: &Text| String::from_utf8_lossy(&t.bytes).into_owned();
            let mailboxes = list.mailboxes.iter().map(|m| {
                let display = m.display.as_ref().map_or(String::new(), |d| format!("{:?} ", text(d)));
                let displayed = if m.displayed.is_some() { "displayed " } else { "" };
                let domain = match &m.domain {
                    AddressDomain::Name(name) => name.to_string(),
                    other => format!("{other:?}"),
                };
                assert!(
                    value.get(m.span.range()).unwrap().ends_with(value.get(m.domain_span.range()).unwrap())
                );
                format!("{displayed}{display}{}|{domain}", String::from_utf8_lossy(&m.local))
            });
            let groups = list.groups.iter().map(|g| format!("#{}", text(g)));
            let comments = list.comments.iter().map(|c| format!("({})", text(c)));
            mailboxes.chain(groups).chain(comments).collect::<Vec<_>>().join(" ; ")
        }
    };
    assert_eq!(got, want, "{value}");
}

#[test]
fn mailboxes() {
    check("a@b.example", "a|b.example");
    check("<a@b.example>", "a|b.example");
    check(" John  Doe\t<a@b.example> ", "\"John Doe\" a|b.example");
    check("J. \"Q, R\"\r\n S. <a@b.example>", "\"J. Q, R S.\" a|b.example");
    check("\"\" <a@b.example>", "\"\" a|b.example");
    check("\"a \\\" b\\\\\"@b.example", "a \" b\\|b.example");
    check("\"a\". b . \"c d\"@b.example", "a.b.c d|b.example");
    check("a@[1.2.3.4]", "a|Literal");
    check("a@b!c", "a|Invalid(Byte(33))");
    check("a@x.example <b@y.example>", "displayed \"a@x.example\" b|y.example");
    check("a.b.c <x@y.example>", "\"a.b.c\" x|y.example");
}

#[test]
fn lists_groups_and_comments() {
    check("", "");
    check("a@b.example,c@d.example", "a|b.example ; c|d.example");
    check(", a@b.example,,", "a|b.example");
    check("A Group(x):Chris <c@a.test>,joe@b.test;", "\"Chris\" c|a.test ; joe|b.test ; #A Group ; (x)");
    check("(a (b\\)) c) a(d)@(e)b.example( )", "a|b.example ; (a (b)) c) ; (d) ; (e)");
    check("(=?us-ascii?q?x?=) a@b", "a|b ; (=?us-ascii?q?x?=)");
}

#[test]
fn errors_point_at_the_bytes_to_blame() {
    check("a@b.example (c", "OpenComment \"(\"");
    check("\"a <b@c.example>", "OpenQuote \"\\\"\"");
    check("a <b@c.example", "OpenAngle \"<\"");
    check("a <b@c.example, d@e.example>", "Stray(44) \",\"");
    check("<<a@b.example>>", "Stray(60) \"<\"");
    check("<mailto:a@b.example>", "Stray(58) \":\"");
    check("a@[1.2", "OpenLiteral \"[\"");
    check("a@[1[2]", "Stray(91) \"[\"");
    check("[List] a <b@c.example>", "Stray(91) \"[List]\"");
    check("friends: a@b.example", "OpenGroup \"friends\"");
    check("John", "NoDomain \"John\"");
    check("John <a>", "NoDomain \"a\"");
    check("a <>", "EmptyAngle \"<>\"");
    check("a@b.example c", "TextAfter \"c\"");
    check("a b@c.example", "WordsBeforeAt \"a b@\"");
    check("@b.example", "NoLocal \"@\"");
    check("a@", "NoDomain \"@\"");
    check("a@, b@c.example", "NoDomain \"@\"");
    check("<@a,@b:c@d>", "Route \"@\"");
    check("a@b.example.c.(x)d", "SplitDomain \"b.example.c.(x)d\"");
    check("a\r\nb@c.example", "Control(13) \"\\r\"");
    check("\"a\nb\"@c.example", "Control(10) \"\\n\"");
}

#[test]
fn limits_on_both_sides() {
    let kind =
        |text: &str| AddressList::parse(text.as_bytes()).map(|l| l.mailboxes.len()).map_err(|e| e.kind);
    let spaces = |n: usize| format!("a@b{}", " ".repeat(n - 3));
    assert_eq!(kind(&spaces(MAX_FIELD)), Ok(1));
    assert_eq!(kind(&spaces(MAX_FIELD + 1)), Err(Kind::LongField));
    let boxes = |n: usize| "a@b,".repeat(n);
    assert_eq!(kind(&boxes(MAX_MAILBOXES)), Ok(MAX_MAILBOXES));
    assert_eq!(kind(&boxes(MAX_MAILBOXES + 1)), Err(Kind::ManyMailboxes));
    let nested = |n: usize| format!("{}{}a@b", "(".repeat(n), ")".repeat(n));
    assert_eq!(kind(&nested(MAX_COMMENT_DEPTH)), Ok(1));
    assert_eq!(kind(&nested(MAX_COMMENT_DEPTH + 1)), Err(Kind::DeepComment));
}

#[test]
fn any_short_text_is_read_without_panic() {
    // Every text of up to five bytes out of those that steer the reader.
    let alphabet = b"<>@\"\\:;,().[ax\xc3";
    let mut texts: Vec<Vec<u8>> = vec![Vec::new()];
    for _ in 0..5 {
        texts = texts.iter().flat_map(|t| alphabet.iter().map(move |&b| [&t[..], &[b]].concat())).collect();
        for text in &texts {
            match AddressList::parse(text) {
                Err(error) => assert!(text.get(error.span.range()).is_some()),
                Ok(list) => assert!(list.mailboxes.is_empty() || text.contains(&b'@')),
            }
        }
    }
}

#[test]
fn from_40_time_is_linear() {
    // A reader that looks twice at a byte for each byte would take minutes here.
    let units = [
        "(",
        "()",
        "(a)",
        "\"",
        "\"\"",
        "\"a\" ",
        ",",
        "<",
        "<>",
        "a ",
        "a.",
        "a . ",
        ".",
        "a@",
        "a:",
        "a:;",
        "a:;,",
        "a:,",
        "=?a?q?",
        "=?a?q?x",
        "=?utf-8?q?=40?= ",
        "\r\n ",
        "\\",
        "\"\\\"",
        "(\\(",
        "\u{456}",
        "[",
        "[]",
    ];
    let heads = ["", "\"", "(", "a@", "?="];
    let tails = ["", " <x@y.example>", "x@y.example", "@y.example", "\" <x@y.example>", ") x@y.example"];
    let start = Instant::now();
    for unit in units {
        for (head, tail) in heads.iter().flat_map(|head| tails.iter().map(move |tail| (head, tail))) {
            let middle = unit.repeat((MAX_FIELD - 64) / unit.len());
            let value = format!("{head}{middle}{tail}");
            let _ = AddressList::parse(value.as_bytes());
            let _ = crate::author(&crate::Header::parse(format!("From: {value}\r\n")));
        }
        for tail in ["", "a@b.example"] {
            let long = unit.repeat((1 << 20) / unit.len()) + tail;
            let kind = AddressList::parse(long.as_bytes()).map_err(|e| e.kind);
            assert_eq!(kind, Err(Kind::LongField));
        }
    }
    let took = start.elapsed();
    assert!(took < Duration::from_secs(60), "{took:?}");
}
