//! Encoded words (RFC 2047), undone only to learn what a reader's program may show: never to find an address in.

use crate::finding::Span;

/// A text with its encoded words decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// UTF-8 where the charset is UTF-8, US-ASCII or ISO-8859-1, the bare bytes elsewhere.
    pub bytes: Vec<u8>,
    /// Whether every word was in one of those charsets. In others the bytes may mean anything: UTF-7 writes `+AEA-` for
    /// `@`.
    pub is_known: bool,
}

/// Decodes what encoded words `text` holds; `None` if it holds none. More lenient than RFC 2047 §2, as readers'
/// programs are: words may be longer than 75 bytes, hold spaces and question marks, stand inside quotes, and touch other
/// text. Linear in the text's length.
pub fn decode_words(text: &[u8]) -> Option<Decoded> {
    // Past the last `?=` no word ends, so looking for one there would only cost time.
    let last_end = text.windows(2).rposition(|w| w == b"?=")?;
    let mut decoded = Decoded { bytes: Vec::with_capacity(text.len()), is_known: true };
    let mut rest = text;
    // Where the output ended after the last encoded word, as long as only white space followed it.
    let mut word_end = None;
    let mut found = false;
    while let Some((&byte, tail)) = rest.split_first() {
        let may_begin = text.len() - rest.len() < last_end;
        if let Some((word, after)) = may_begin.then(|| read_word(rest)).flatten() {
            // RFC 2047 §6.2: white space between two encoded words is not shown.
            decoded.bytes.truncate(word_end.unwrap_or(decoded.bytes.len()));
            decoded.bytes.extend(word.bytes);
            decoded.is_known &= word.is_known;
            word_end = Some(decoded.bytes.len());
            found = true;
            rest = after;
            continue;
        }
        if !matches!(byte, b' ' | b'\t' | b'\r' | b'\n') {
            word_end = None;
        }
        decoded.bytes.push(byte);
        rest = tail;
    }
    found.then_some(decoded)
}

/// `=?charset?encoding?text?=` at the start of `text`: what it says, and what follows it.
fn read_word(text: &[u8]) -> Option<(Decoded, &[u8])> {
    let (charset, rest) = until_question_mark(text.strip_prefix(b"=?")?)?;
    let (encoding, rest) = until_question_mark(rest)?;
    let decode = match encoding {
        b"B" | b"b" => decode_base64,
        b"Q" | b"q" => decode_q,
        _ => return None,
    };
    let end = rest.windows(2).position(|w| w == b"?=")?;
    let bytes = decode(rest.get(..end)?);
    let rest = rest.get(end + 2..)?;
    // RFC 2231 §5: a language may follow the charset after an asterisk.
    let charset = charset.split(|&b| b == b'*').next().unwrap_or_default().to_ascii_lowercase();
    let word = match &*charset {
        b"iso-8859-1" => {
            let text: String = bytes.into_iter().map(char::from).collect();
            Decoded { bytes: text.into_bytes(), is_known: true }
        }
        b"utf-8" | b"us-ascii" => Decoded { bytes, is_known: true },
        _ => Decoded { bytes, is_known: false },
    };
    Some((word, rest))
}

/// Where a reader could find encoded words that starts to look anywhere and heeds neither quotes nor comments nor
/// addresses: each beginning, with the `?=` that would end it. They may overlap. Linear in the text's length.
pub fn possible_words(text: &[u8]) -> Vec<Span> {
    let marks: Vec<usize> = memchr::memchr_iter(b'?', text).collect();
    let mut words = Vec::new();
    let mut end = None;
    // `=?charset?encoding?text?=` holds four marks or more. From the right, so that the nearest end is known.
    for window in marks.windows(4).rev() {
        let &[first, second, third, fourth] = window else { continue };
        if text.get(fourth + 1) == Some(&b'=') {
            end = Some(fourth + 2);
        }
        let begins = first > 0 && text.get(first - 1) == Some(&b'=');
        let encoding = text.get(second + 1..third).unwrap_or_default();
        if let (true, b"B" | b"b" | b"Q" | b"q", Some(end)) = (begins, encoding, end) {
            words.push(Span::new(first - 1, end));
        }
    }
    words
}

fn until_question_mark(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = memchr::memchr(b'?', text)?;
    Some((text.get(..end)?, text.get(end + 1..)?))
}

/// RFC 2047 §4.2.
fn decode_q(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        match (byte, tail) {
            (b'_', _) => out.push(b' '),
            (b'=', [high, low, after @ ..]) => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => {
                    out.push(high << 4 | low);
                    rest = after;
                }
                _ => out.push(byte),
            },
            _ => out.push(byte),
        }
    }
    out
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|d| u8::try_from(d).ok())
}

/// RFC 2047 §4.1; bytes that base64 does not have are skipped, as RFC 2045 §6.8 asks.
fn decode_base64(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let (mut bits, mut count) = (0_u32, 0);
    for six in text.iter().filter_map(|&b| sextet(b)) {
        bits = (bits << 6 | u32::from(six)) & 0xffff;
        count += 6;
        if count >= 8 {
            count -= 8;
            out.extend(u8::try_from(bits >> count & 0xff));
        }
    }
    out
}

fn sextet(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, want: Option<&str>) {
        let got = decode_words(text.as_bytes()).map(|d| String::from_utf8_lossy(&d.bytes).into_owned());
        assert_eq!(got.as_deref(), want, "{text}");
    }

    #[test]
    fn words_of_rfc_2047_section_8() {
        check("=?US-ASCII?Q?Keith_Moore?=", Some("Keith Moore"));
        check("=?ISO-8859-1?Q?Patrik_F=E4ltstr=F6m?=", Some("Patrik Fältström"));
        check("=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?=", Some("If you can read this yo"));
        check("(=?ISO-8859-1?Q?a?= b)", Some("(a b)"));
        check("=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=", Some("ab"));
        check("=?ISO-8859-1?Q?a?=\r\n =?ISO-8859-1?Q?b?=", Some("ab"));
        check("=?ISO-8859-1?Q?a_b?=", Some("a b"));
        check("=?utf-8?q?=C3=A4?= x =?utf-8*de?b?w6Q=?=", Some("ä x ä"));
    }

    #[test]
    fn what_is_no_encoded_word_stays() {
        check("plain", None);
        check("=?utf-8?x?abc?=", None);
        check("=?utf-8?q?abc", None);
        check("=?utf-8?q?abc?", None);
        check("=?=?=?", None);
        check("=?utf-8?q?=4?=", Some("=4"));
        check("=?utf-8?q?=zz=40?=", Some("=zz@"));
        check("=?utf-8?b??=", Some(""));
        check("=?utf-8?b?Y!W?=", Some("a"));
        check("=?koi8-r?q?a=40b?=", Some("a@b"));
        check("=?utf-8?q?a?b =40?=", Some("a?b @"));
        assert!(!decode_words(b"=?utf-8?q?a?= =?utf-7?q?b+AEA-?=").unwrap().is_known);
        assert!(decode_words(b"=?UTF-8*en?q?a?= =?us-ascii?b??=").unwrap().is_known);
        check("=?utf-8?q?", None);
        check("=?utf-8?q?=", None);
    }

    #[test]
    fn words_that_begin_anywhere() {
        let words = |text: &'static str| {
            let words = possible_words(text.as_bytes()).into_iter();
            words.map(|word| text.get(word.range()).unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(words("a =?utf-8?q?=C3=A4?= <b@c>"), ["=?utf-8?q?=C3=A4?="]);
        assert_eq!(words("=?utf-8?b?w6Q=?= a, =?utf-8?b?w6Q=?= b"), ["=?utf-8?b?w6Q=?=", "=?utf-8?b?w6Q=?="]);
        assert_eq!(words("\"=?a?q?\" <=?b?q?x?=@c>"), ["=?b?q?x?=", "=?a?q?\" <=?b?q?x?="]);
        assert_eq!(words("=?a?b??="), ["=?a?b??="]);
        assert!(words("?= =?a?x?b?= a?b?q?c?= =?a?q?b").is_empty());
    }

    #[test]
    fn time_is_linear() {
        // Looking for the end of each word that has none would take hours.
        for unit in ["=?a?q?x", "=?a?q?", "=?a?", "=?", "?=", "=?a?q?=?a?b?"] {
            let text = ["?=", &unit.repeat(1 << 20)].concat();
            let _ = (decode_words(text.as_bytes()), possible_words(text.as_bytes()));
        }
    }
}
