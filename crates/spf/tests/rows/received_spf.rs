//! The Received-SPF field, with what clients say to spoil it.

use mail::Helo;
use proptest::prelude::*;
use spf::{Check, received_spf};

use crate::FIXTURE;
use crate::world::{World, world};

fn field(w: &World, path: &str, check: &Check, helo: &[u8]) -> String {
    let helo = Helo::parse(helo);
    let field = received_spf(check, &w.client(&helo), &w.path(path));
    for line in field.split("\r\n").skip(1) {
        assert!(line.starts_with(' ') && line.len() < 998, "{line}");
    }
    let unfolded = field.replace("\r\n ", " ");
    assert!(unfolded.bytes().all(|b| (b' '..=b'~').contains(&b)), "{unfolded}");
    unfolded
}

#[test]
fn a_pass() {
    let w = world(FIXTURE);
    let check = w.mail_from("<a@attacker.example>");
    assert_eq!(
        field(&w, "<a@attacker.example>", &check, b"mail.example.net"),
        "Received-SPF: pass (mx.receiver.test: \"ip4:203.0.113.66\" in the record of attacker.example allows this \
         client) receiver=\"mx.receiver.test\"; identity=\"mailfrom\"; client-ip=\"203.0.113.66\"; \
         envelope-from=\"a@attacker.example\"; helo=\"mail.example.net\"; mechanism=\"ip4:203.0.113.66\""
    );
}

#[test]
fn a_problem_and_a_default() {
    let w = world("a.example. TXT \"v=spf1 bogus\"\nb.example. TXT \"v=spf1\"");
    let text = field(&w, "<x@a.example>", &w.mail_from("<x@a.example>"), b"h.example");
    let problem = "; problem=\"the record of a.example has an error: \\\"bogus\\\" is no mechanism\"";
    assert!(text.ends_with(problem), "{text}");
    let text = field(&w, "<x@b.example>", &w.mail_from("<x@b.example>"), b"h.example");
    assert!(text.ends_with("; mechanism=\"default\""), "{text}");
}

/// The keys of a field's list, by the rules for quoted strings; whatever else stands there is an error.
fn keys(field: &str) -> Vec<&str> {
    let mut rest = field.split_once(") ").unwrap().1;
    let mut keys = Vec::new();
    while let Some((key, value)) = rest.split_once("=\"") {
        keys.push(key.trim_start_matches("; "));
        let mut escaped = false;
        let end = value.find(|c| {
            let closes = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            closes
        });
        rest = value.get(end.unwrap() + 1..).unwrap();
    }
    assert_eq!(rest, "");
    keys
}

#[test]
fn spf_36_nothing_is_injected() {
    for helo in [
        &b"invalid; othervariable=injected"[..],
        b"a\r\nX-Spam: no",
        b"a\" ; identity=\"helo",
        b"a) (b\\",
        b"\x1b[31m\xff",
        &[b'h'; 5000],
        &[b'"'; 5000],
    ] {
        let w = world(FIXTURE).helo(helo);
        for (path, mechanism) in [
            ("<a@attacker.example>", "mechanism"),
            ("<a b@x>\r\nX: y", "problem"),
            (r#"<"; helo=x \"y\""@attacker.example>"#, "mechanism"),
        ] {
            let text = field(&w, path, &w.mail_from(path), helo);
            let want = ["receiver", "identity", "client-ip", "envelope-from", "helo", mechanism];
            assert_eq!(keys(&text), want, "{text}");
        }
        let text = field(&w, "<>", &w.check_helo(), helo);
        assert_eq!(keys(&text), ["receiver", "identity", "client-ip", "helo"], "{text}");
    }
}

/// What an attacker chooses: whatever ends a line, a string or a comment, and what is no ASCII.
fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let bytes = b"\r\n\0\t \"();\\<>@=.a\x7f\x80\xe9\xff";
    prop::collection::vec(prop::sample::select(&bytes[..]), 0..600)
}

proptest! {
    #[test]
    fn smug_03_whatever_the_client_says(helo in hostile(), path in hostile(), local in hostile()) {
        let w = world(FIXTURE).helo(&helo);
        let addressed = [&b"<"[..], &local, b"@attacker.example>"].concat();
        for path in [path, addressed] {
            let (said, parsed) = (Helo::parse(&helo), w.path(&path));
            let text = received_spf(&w.mail_from(&path), &w.client(&said), &parsed);
            let mut lines = text.split("\r\n");
            prop_assert!(lines.next().is_some_and(|line| line.starts_with("Received-SPF: ")));
            for line in lines {
                prop_assert!(line.starts_with(' ') && line.len() < 998 && !line.trim().is_empty(), "{:?}", line);
            }
            prop_assert!(text.replace("\r\n ", " ").bytes().all(|b| matches!(b, b' '..=b'~')), "{:?}", text);
        }
    }
}
