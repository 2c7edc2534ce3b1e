//! From fields made at random out of what attackers mix, read by us and by naive readers: whatever domain a naive reader
//! shows, outside quotes and comments, must be the one that we judged.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::panic
)]

use std::cell::Cell;

use mail::{Domain, Header, author};
use proptest::collection::vec;
use proptest::prelude::{Strategy, any};
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};

/// The domains that are told apart; others are made of pieces by chance.
const DOMAINS: [&str; 2] = ["victim.example", "attacker.example"];

/// Pieces of which a From field is put together.
const PIECES: &[&str] = &[
    "admin@victim.example",
    "x@attacker.example",
    "admin",
    "x",
    "@",
    "victim.example",
    "attacker.example",
    "victim",
    "example",
    "<admin@victim.example>",
    "<x@attacker.example>",
    "<",
    ">",
    ",",
    ";",
    ":",
    ".",
    "(",
    ")",
    "\"",
    "\\",
    "[",
    "]",
    " ",
    "\r\n ",
    "\t",
    "(c)",
    "(admin@victim.example)",
    "(\\))",
    "\"q\"",
    "\"admin@victim.example\"",
    "\"a\\\"b\"",
    "=?utf-8?q?admin=40victim.example?=",
    "=?utf-8?b?PGFkbWluQHZpY3RpbS5leGFtcGxlPg==?=",
    "Group:",
    ":;",
    "@victim.example",
    "@attacker.example",
    "@attacker.example:",
    "Name",
    "\u{e4}",
    "\u{3002}",
    "\u{200b}",
    "a.b",
    "..",
    "[192.0.2.1]",
];

/// Whole addresses, in forms that are valid by themselves.
const ADDRESSES: &[&str] = &[
    "x@attacker.example",
    "<x@attacker.example>",
    "Name <x@attacker.example>",
    "\"admin@victim.example\" <x@attacker.example>",
    "x@attacker(victim).example",
    "x (admin) @attacker.example",
    "\"a@victim.example\"@attacker.example",
    "G:x@attacker.example;",
    "x@attacker.example <y@attacker.example>",
    "(c),<x@Attacker.example>",
    "admin@victim.example",
    "Admin <admin@victim.example>",
    "\"x@attacker.example\"@victim.example",
];

/// Pieces in any order, or addresses with a few pieces thrown in between.
fn from_value() -> impl Strategy<Value = String> {
    let pieces = vec(select(PIECES), 0..12).prop_map(|p| p.concat());
    let mixed = (
        vec(select(ADDRESSES), 1..4),
        select(&[", ", ",", " ", ""][..]),
        vec((any::<u8>(), select(PIECES)), 0..3),
    );
    let mixed = mixed.prop_map(|(addresses, comma, insertions)| {
        let mut text = addresses.join(comma);
        for (at, piece) in insertions {
            let at = text.floor_char_boundary(usize::from(at) % (text.len() + 1));
            text.insert_str(at, piece);
        }
        text
    });
    proptest::prop_oneof![pieces, mixed]
}

/// For each byte, whether RFC 5322 §3.2 puts it inside a quoted string or a comment. Written apart from the parser.
fn hidden(text: &str) -> Vec<bool> {
    let (mut quoted, mut depth, mut escaped) = (false, 0_usize, false);
    let mut mask = Vec::new();
    for byte in text.bytes() {
        let inside = quoted || depth > 0;
        let plain = !std::mem::take(&mut escaped);
        match byte {
            b'\\' if inside && plain => escaped = true,
            b'"' if plain && depth == 0 => quoted = !quoted,
            b'(' if plain && !quoted => depth += 1,
            b')' if plain && depth > 0 => depth -= 1,
            _ => {}
        }
        mask.push(inside || quoted || depth > 0);
    }
    mask
}

/// The domain that begins at `start`, as a reader finds it that knows neither folds nor comments.
fn naive_domain(text: &str, start: usize) -> Option<Domain> {
    let rest = &text[start..];
    let end = rest
        .find(|c: char| c.is_ascii() && !c.is_ascii_alphanumeric() && !"-_.".contains(c))
        .unwrap_or(rest.len());
    Domain::parse(&rest[..end]).ok().filter(Domain::is_fqdn)
}

/// What naive readers show: the domain behind every `@`, and those in the first and the last angle brackets; each with
/// where its `@` stands.
fn shown(text: &str) -> Vec<(usize, Domain)> {
    let behind_at = |at: usize| naive_domain(text, at + 1).map(|d| (at, d));
    let every = text.match_indices('@').filter_map(|(at, _)| behind_at(at));
    let angles = [text.find('<'), text.rfind('<')].into_iter().flatten().filter_map(|open| {
        let close = open + text[open..].find('>')?;
        behind_at(open + text[open..close].rfind('@')?)
    });
    every.chain(angles).collect()
}

#[test]
fn i_1_what_naive_readers_show_is_what_was_judged() {
    let accepted = Cell::new(0);
    let noted = Cell::new(0);
    let mut runner = TestRunner::new_with_rng(
        Config { cases: 60_000, failure_persistence: None, ..Config::default() },
        TestRunner::deterministic().new_rng(),
    );
    let result = runner.run(&from_value(), |value| {
        let header = Header::parse(format!("From: {value}\r\nTo: b@b.example\r\n"));
        let Ok(author) = author(&header) else { return Ok(()) };
        accepted.set(accepted.get() + 1);
        let mask = hidden(&value);
        for (at, domain) in shown(&value) {
            if domain == *author.domain() {
                continue;
            }
            assert!(mask[at], "{value:?}: judged {}, shown {domain}", author.domain());
            if !DOMAINS.contains(&domain.as_str()) {
                continue;
            }
            let covers = |n: &mail::author::Note| n.span.range().contains(&(at + "From: ".len()));
            assert!(author.notes().iter().any(covers), "{value:?}: {domain} without a note");
            noted.set(noted.get() + 1);
        }
        let named = header.raw().get(author.span().range()).unwrap();
        let is_edge = |b: Option<&u8>| b.is_none_or(|b| b"@<>,;:()\" ".contains(b));
        assert!(!is_edge(named.first()) && !is_edge(named.last()), "{value:?}");
        Ok(())
    });
    result.expect("no reader sees another domain");
    assert!(
        accepted.get() > 5_000 && noted.get() > 500,
        "{} accepted, {} noted",
        accepted.get(),
        noted.get()
    );
}

#[test]
fn i_7_any_bytes_have_an_author_or_an_error() {
    let mut runner = TestRunner::new_with_rng(
        Config { cases: 20_000, failure_persistence: None, ..Config::default() },
        TestRunner::deterministic().new_rng(),
    );
    let result = runner.run(&vec(any::<u8>(), 0..60), |bytes| {
        let header = Header::parse([b"From:", &bytes[..], b"@x.example\r\n"].concat());
        match author(&header) {
            Ok(author) => assert!(author.domain().is_fqdn()),
            Err(error) => assert!(error.to_string().bytes().all(|b| matches!(b, b' '..=b'~'))),
        }
        let _ = (mail::ReversePath::parse(&bytes, true).to_string(), mail::Helo::parse(&bytes).to_string());
        Ok(())
    });
    result.expect("no panic");
}
