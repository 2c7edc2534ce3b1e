//! The same result, the naive one, by every level of processors that this one can stand for.

use testkit::oracle::canon as oracle;

use super::*;

fn levels() -> Vec<Level> {
    let best = Level::new();
    #[cfg(target_arch = "x86_64")]
    let lower =
        [best.as_sse2().map(Simd::level), best.as_sse4_2().map(Simd::level), best.as_avx2().map(Simd::level)];
    #[cfg(not(target_arch = "x86_64"))]
    let lower = [None];
    lower.into_iter().flatten().chain([best]).collect()
}

/// The text ends in data.
fn check(text: &[u8]) {
    let mut want = oracle::to_bytes(&oracle::body(true, &oracle::to_text(text)));
    want.truncate(want.len() - 2);
    for level in levels() {
        let mut got = Vec::new();
        squeeze_at(level, text, &mut |bytes| got.extend_from_slice(bytes));
        assert!(got == want, "{level:?}: {}", text.escape_ascii());
    }
}

/// Letters that tell where they stood.
fn letters(count: usize) -> Vec<u8> {
    (b'A'..=b'z').cycle().take(count).collect()
}

#[test]
fn hdr_04_every_pattern_of_eight_bytes_at_every_place() {
    for pattern in 0..1_usize << 9 {
        for at in (0..BLOCK).step_by(8) {
            let mut text = letters(2 * BLOCK);
            let spaces = (0..9).filter(|bit| pattern >> bit & 1 == 1);
            spaces.for_each(|bit| text[at + bit] = [b' ', b'\t'][bit % 2]);
            check(&text);
        }
    }
}

#[test]
fn hdr_04_line_ends_at_every_place() {
    for end in ["\r\n", "\r", "\n", " \r\n", "\t \r\n", " \r", " \n", " \r\r\n", "\r\n ", " \r\n\t"] {
        for at in 0..2 * WINDOW {
            let mut text = letters(3 * WINDOW);
            text.splice(at..at, end.bytes());
            check(&text);
        }
    }
}

#[test]
fn hdr_04_every_length_and_more_than_is_gathered() {
    for unit in ["a", "a ", "a  ", "ab \r\n", "  ", "\t", "\r\n"] {
        for length in (0..3 * WINDOW).chain(GATHERED - 3..GATHERED + 3).chain([3 * GATHERED]) {
            let text: Vec<u8> = unit.bytes().cycle().take(length).chain(*b"z").collect();
            check(&text);
        }
    }
}
