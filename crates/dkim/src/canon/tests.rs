//! The canonical forms against RFC 6376 §3.4.5 and against known inputs; against naive ones in `tests/canon.rs`.

use testkit::oracle::canon as oracle;

use super::squeeze::BLOCK;
use super::*;

/// The naive second implementation.
fn naive(canon: Canon, body: &[u8]) -> Vec<u8> {
    oracle::to_bytes(&oracle::body(canon == Canon::Relaxed, &oracle::to_text(body)))
}

fn body(canon: Canon, body: &[u8], chunk: usize) -> Vec<u8> {
    let mut out = Vec::new();
    let mut put = |bytes: &[u8]| out.extend_from_slice(bytes);
    let mut state = BodyCanon::new(canon);
    for chunk in body.chunks(chunk.max(1)) {
        state.update(chunk, &mut put);
    }
    state.finish(&mut put);
    out
}

/// Both canonical forms of a body.
fn check(input: &str, simple: &str, relaxed: &str) {
    for (canon, want) in [(Canon::Simple, simple), (Canon::Relaxed, relaxed)] {
        for size in 1..=input.len().max(1) {
            let got = body(canon, input.as_bytes(), size);
            assert_eq!(mail::printable(got), mail::printable(want), "{canon}, chunks of {size}: {input:?}");
        }
    }
}

fn check_field(input: &str, relaxed: &str) {
    for (canon, want) in [(Canon::Simple, input), (Canon::Relaxed, relaxed)] {
        let mut out = Vec::new();
        put_field(canon, input.as_bytes(), &mut out);
        assert_eq!(mail::printable(out), mail::printable(want), "{canon}");
    }
}

#[test]
fn rfc_6376_3_4_5_examples() {
    check_field("A: X", "a:X");
    check_field("B : Y\t\r\n\tZ  ", "b:Y Z");
    check(" C \r\nD \t E\r\n\r\n\r\n", " C \r\nD \t E\r\n", " C\r\nD E\r\n");
}

#[test]
fn dks_30_fields() {
    check_field("Subject:", "subject:");
    check_field("Subject: \t ", "subject:");
    check_field("SUBJect \t: AbC", "subject:AbC");
    check_field("Subject: a\r\n \r\n\t\r\n b", "subject:a b");
    check_field("List-Unsubscribe:\r\n   =?us-ascii?q?x?=", "list-unsubscribe:=?us-ascii?q?x?=");
    check_field("X:a:b :c", "x:a:b :c");
    check_field("X: caf\u{e9}  \u{e9}", "x:caf\u{e9} \u{e9}");
}

#[test]
fn dks_31_bodies() {
    check("", "\r\n", "");
    check("\r\n", "\r\n", "");
    check("\r\n\r\n", "\r\n", "");
    check(" \r\n", " \r\n", "");
    check(" ", " \r\n", "");
    check("x\r\n \t\r\n\r\n", "x\r\n \t\r\n", "x\r\n");
    check("x", "x\r\n", "x\r\n");
    check("x \t", "x \t\r\n", "x\r\n");
    check("\r\n\r\nx", "\r\n\r\nx\r\n", "\r\n\r\nx\r\n");
    check("a\t\tb  c\r\n", "a\t\tb  c\r\n", "a b c\r\n");
}

#[test]
fn hdr_04_cr_and_lf_alone_are_bytes() {
    check("a\nb\r\n", "a\nb\r\n", "a\nb\r\n");
    check("a\rb\r\n", "a\rb\r\n", "a\rb\r\n");
    check("\r", "\r\r\n", "\r\r\n");
    check("\n", "\n\r\n", "\n\r\n");
    check("\r\r\n", "\r\r\n", "\r\r\n");
    check("a \n", "a \n\r\n", "a \n\r\n");
    check("a \r", "a \r\r\n", "a \r\r\n");
}

#[test]
fn held_back_line_ends_come_back_in_any_number() {
    for lines in [63, 64, 65, 1000] {
        let text = format!("a{}b", "\r\n".repeat(lines));
        for canon in [Canon::Simple, Canon::Relaxed] {
            assert_eq!(body(canon, text.as_bytes(), 7), format!("{text}\r\n").as_bytes(), "{canon}, {lines}");
        }
    }
}

#[test]
fn hdr_04_work_at_every_place_of_a_block() {
    const ALPHABET: &[u8] = b"\r\n \ta";
    let specials = (0..=3_u32).flat_map(|len| {
        let digit = |number: usize, i: u32| ALPHABET[number / ALPHABET.len().pow(i) % ALPHABET.len()];
        (0..ALPHABET.len().pow(len))
            .map(move |number| (0..len).map(|i| digit(number, i)).collect::<Vec<u8>>())
    });
    let fillers: [&[u8]; 2] = [b"words of one space, ", b"a\r\n\r\nb c\r\n"];
    for special in specials {
        for before in 0..2 * BLOCK + 2 {
            let filler = fillers[before % fillers.len()];
            let fill = |len: usize| filler.iter().copied().cycle().take(len);
            let text: Vec<u8> = fill(before).chain(special.iter().copied()).chain(fill(BLOCK + 3)).collect();
            for canon in [Canon::Simple, Canon::Relaxed] {
                let want = naive(canon, &text);
                for size in [text.len(), before, before + 1, before + 2, BLOCK] {
                    let got = body(canon, &text, size);
                    assert_eq!(got, want, "{canon}, chunks of {size}: {}", mail::printable(&text));
                }
            }
        }
    }
}

#[test]
fn hdr_04_runs_across_borders() {
    for unit in [" ", "\t", "\r\n", " \r\n", "\r", "\t ", "a ", "a\t", "a  ", " \r", "\t\r\r\n", "a\t \rb"] {
        for before in [0, 1, BLOCK - 1, BLOCK] {
            for after in ["", "b", "\r\n", "\r\nb"] {
                let text = "a".repeat(before) + &unit.repeat(40) + after;
                for canon in [Canon::Simple, Canon::Relaxed] {
                    let want = naive(canon, text.as_bytes());
                    for size in 1..text.len() + 2 {
                        assert_eq!(
                            body(canon, text.as_bytes(), size),
                            want,
                            "{canon}, chunks of {size}: {text:?}"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn hdr_04_an_empty_chunk_changes_nothing() {
    for text in ["a \r", "a \r\n", "a ", "\r", "\r\nb"] {
        for canon in [Canon::Simple, Canon::Relaxed] {
            let mut out = Vec::new();
            let mut put = |bytes: &[u8]| out.extend_from_slice(bytes);
            let mut state = BodyCanon::new(canon);
            for piece in ["", text, "", "", "\n", "", "c", ""] {
                state.update(piece.as_bytes(), &mut put);
            }
            state.finish(&mut put);
            assert_eq!(out, naive(canon, format!("{text}\nc").as_bytes()), "{canon}, {text:?}");
        }
    }
}
