//! The canonical forms against the naive ones: every short text in every cut, and longer ones cut at random.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use dkim::canon::{BodyCanon, Canon, put_field};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use testkit::oracle::canon::{body, field, to_bytes, to_text};

const ALPHABET: &[u8] = b"\r\n \ta";
const FORMS: [Canon; 2] = [Canon::Simple, Canon::Relaxed];

/// Every text of that length over the alphabet.
fn texts(length: u32) -> impl Iterator<Item = Vec<u8>> {
    let letters = ALPHABET.len();
    (0..letters.pow(length))
        .map(move |number| (0..length).map(|at| ALPHABET[number / letters.pow(at) % letters]).collect())
}

/// The canonical body, from pieces as they come.
fn in_pieces<'a>(canon: Canon, pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut out = Vec::new();
    let mut put = |bytes: &[u8]| out.extend_from_slice(bytes);
    let mut state = BodyCanon::new(canon);
    for piece in pieces {
        state.update(piece, &mut put);
    }
    state.finish(&mut put);
    out
}

/// The text cut behind each byte whose bit is set in `cuts`.
fn cut(text: &[u8], cuts: usize) -> Vec<&[u8]> {
    let ends = (1..text.len()).filter(|at| cuts >> (at - 1) & 1 == 1).chain([text.len()]);
    let mut from = 0;
    ends.map(|end| &text[std::mem::replace(&mut from, end)..end]).collect()
}

#[test]
fn hdr_04_every_short_body_in_every_cut() {
    for text in (0..=6).flat_map(texts) {
        for canon in FORMS {
            let want = to_bytes(&body(canon == Canon::Relaxed, &to_text(&text)));
            for cuts in 0..1_usize << text.len().saturating_sub(1) {
                let got = in_pieces(canon, cut(&text, cuts));
                assert_eq!(got, want, "{canon}, {} cut as {cuts:b}", text.escape_ascii());
            }
        }
    }
}

#[test]
fn hdr_04_every_short_field() {
    // What a field can hold: a line end only where the next line begins with white space.
    let is_field = |value: &Vec<u8>| {
        (0..value.len())
            .all(|at| !value[at..].starts_with(b"\r\n") || matches!(value.get(at + 2), Some(b' ' | b'\t')))
    };
    for value in (0..=6).flat_map(texts).filter(is_field) {
        for name in ["A:", "bC \t:"] {
            let text = [name.as_bytes(), &value].concat();
            for canon in FORMS {
                let mut got = Vec::new();
                put_field(canon, &text, &mut got);
                let want = to_bytes(&field(canon == Canon::Relaxed, &to_text(&text)));
                assert_eq!(got, want, "{canon}, {}", text.escape_ascii());
            }
        }
    }
}

/// Pieces of bodies: what the canonical forms care about, and long stretches of what they do not.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let near = select(vec!["\r\n", "\r\n", "\r", "\n", " ", "\t", "  ", "a", "\u{e9}", ".", "\0", " \r\n"]);
    let far = (select(vec!["word", "a b ", "\r\n", " ", "\t", "\r", "line\r\n"]), 0..200_usize);
    prop_oneof![
        near.prop_map(|text| text.as_bytes().to_vec()),
        far.prop_map(|(text, n)| text.repeat(n).into())
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn long_bodies_in_random_pieces(pieces in vec(piece(), 0..40), again in vec(0..600_usize, 0..30)) {
        let text = pieces.concat();
        // Cut in another way than it was put together.
        let mut rest = &text[..];
        let mut cut = Vec::new();
        for length in again {
            let (piece, tail) = rest.split_at(length.min(rest.len()));
            cut.push(piece);
            rest = tail;
        }
        cut.push(rest);
        for canon in FORMS {
            let want = to_bytes(&body(canon == Canon::Relaxed, &to_text(&text)));
            prop_assert!(in_pieces(canon, pieces.iter().map(Vec::as_slice)) == want, "{canon}: {}", text.escape_ascii());
            prop_assert!(in_pieces(canon, cut.iter().copied()) == want, "{canon}: {}", text.escape_ascii());
        }
    }
}
