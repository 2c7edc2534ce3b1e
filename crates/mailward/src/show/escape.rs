//! Text of strangers, made printable without losing track of where its bytes went.

use std::ops::Range;

use mail::Span;

/// Characters outside ASCII that are shown as they are: the sign for sections, which messages have, and what word
/// processors put in place of quotes, hyphens and dots. People paste those and have to see them; they neither move the cursor nor turn the direction of writing.
const SHOWN: [char; 8] = ['§', '–', '—', '‘', '’', '“', '”', '…'];

/// A text in printable form, and where each of its bytes went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Escaped {
    /// The printable text. Lines end with `\n`; every character is one column wide.
    pub text: String,
    /// For each byte of the source the piece of `text` that stands for it.
    pieces: Vec<Range<usize>>,
}

impl Escaped {
    /// Where a stretch of the source stands in [`Escaped::text`]. Beyond the end means the end.
    pub fn range(&self, span: Span) -> Range<usize> {
        let start = self.pieces.get(span.start).map_or(self.text.len(), |piece| piece.start);
        let last = span.end.min(self.pieces.len()).checked_sub(1).filter(|last| *last >= span.start);
        let end = last.and_then(|last| self.pieces.get(last)).map_or(start, |piece| piece.end);
        start..end
    }
}

/// Printable ASCII and line ends stay; so do curly quotes, dashes and the ellipsis. A tab becomes a space, and every
/// other byte `\xNN`. A backslash is not doubled, so that what is shown is what was written.
pub fn escape_with_map(bytes: &[u8]) -> Escaped {
    let mut text = String::with_capacity(bytes.len());
    let mut pieces = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while !rest.is_empty() {
        let start = text.len();
        let taken = push_next(rest, &mut text);
        pieces.extend(std::iter::repeat_n(start..text.len(), taken));
        rest = rest.get(taken..).unwrap_or_default();
    }
    Escaped { text, pieces }
}

/// The printable form alone.
pub fn escape(bytes: impl AsRef<[u8]>) -> String {
    escape_with_map(bytes.as_ref()).text
}

/// Writes what stands at the start of `rest`; gives how many bytes that was.
fn push_next(rest: &[u8], text: &mut String) -> usize {
    match rest {
        [b'\r', b'\n', ..] => {
            text.push('\n');
            2
        }
        [byte @ (b' '..=b'~' | b'\n'), ..] => {
            text.push(char::from(*byte));
            1
        }
        [b'\t', ..] => {
            text.push(' ');
            1
        }
        _ => {
            if let Some(shown) =
                SHOWN.iter().find(|c| rest.starts_with(c.encode_utf8(&mut [0; 4]).as_bytes()))
            {
                text.push(*shown);
                return shown.len_utf8();
            }
            text.push_str(&mail::printable(rest.get(..1).unwrap_or_default()));
            1
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(source: impl AsRef<[u8]>, span: (usize, usize), text: &str, marked: &str) {
        let escaped = escape_with_map(source.as_ref());
        assert_eq!(escaped.text, text);
        assert_eq!(escaped.text.get(escaped.range(Span::new(span.0, span.1))), Some(marked), "{text}");
    }

    #[test]
    fn web_05_spans_stay_right_among_escapes() {
        check("plain", (1, 3), "plain", "la");
        check(b"a\x1b[31mb", (1, 2), r"a\x1b[31mb", r"\x1b");
        check(b"a\x1b[31mb", (6, 7), r"a\x1b[31mb", "b");
        check("“a”", (0, 3), "“a”", "“");
        check("“a”", (3, 4), "“a”", "a");
        check("“a”", (1, 2), "“a”", "“");
        check("ü\u{202e}", (2, 5), r"\xc3\xbc\xe2\x80\xae", r"\xe2\x80\xae");
        check("a\r\n\tb\rc", (4, 5), "a\n b\\x0dc", "b");
        check(b"\xe2\x80", (0, 9), r"\xe2\x80", r"\xe2\x80");
        check("a\\b", (1, 2), "a\\b", "\\");
        check("ab", (2, 2), "ab", "");
        check("ab", (7, 9), "ab", "");
        check("", (0, 0), "", "");
    }

    proptest! {
        #[test]
        fn nothing_comes_out_that_moves_a_cursor(source: Vec<u8>, start in 0usize..40, length in 0usize..40) {
            let escaped = escape_with_map(&source);
            prop_assert!(escaped.text.chars().all(|c| matches!(c, ' '..='~' | '\n') || SHOWN.contains(&c)));
            let range = escaped.range(Span::new(start, start + length));
            prop_assert!(escaped.text.get(range).is_some(), "a range is on borders of characters");
        }
    }
}
