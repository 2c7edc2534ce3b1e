//! The kinds of value that tags hold (RFC 6376 §2.8-§2.11): base64 with folds, numbers, names between colons,
//! quoted-printable. ARC's fields hold the same kinds.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// RFC 6376 §2.10: the padding of a base64string is optional.
pub(crate) const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Why a value is not base64.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Base64Error {
    /// More characters than allowed, white space not counted.
    Long,
    /// A byte that base64 has not, and where it stands in the value.
    Byte(usize),
    /// The right bytes in a number or an order that gives no whole octets.
    Form,
}

/// Whether the byte can be part of folding white space.
pub fn is_fws(byte: u8) -> bool {
    // Hardly any byte gets past the first comparison.
    byte <= b' ' && matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// The value without its white space (RFC 6376 §3.5 b=, bh=: "whitespace is ignored in this value").
pub(crate) fn without_fws(value: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(value.len());
    value.split(|b| is_fws(*b)).for_each(|part| out.extend_from_slice(part));
    out
}

/// Decodes base64 of at most `max` characters; the length is looked at before anything is decoded.
pub fn base64(value: &[u8], max: usize) -> Result<Vec<u8>, Base64Error> {
    if value.len() > max && value.iter().filter(|b| !is_fws(**b)).count() > max {
        return Err(Base64Error::Long);
    }
    BASE64.decode(without_fws(value)).map_err(|_| {
        let known = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=') || is_fws(b);
        match value.iter().position(|b| !known(*b)) {
            Some(at) => Base64Error::Byte(at),
            None => Base64Error::Form,
        }
    })
}

/// Encodes without folds.
pub fn to_base64(bytes: &[u8]) -> String {
    BASE64.encode(bytes)
}

/// A decimal number, [`u64::MAX`] where it is larger than that; `None` for all else.
pub fn saturating_number(value: &[u8]) -> Option<u64> {
    let digits = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    digits.then(|| value.iter().fold(0_u64, |n, d| n.saturating_mul(10).saturating_add(u64::from(d - b'0'))))
}

/// The parts between colons, each without the white space around it.
pub fn colon_list(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|&b| b == b':').map(trim)
}

/// The text without the folding white space around it.
pub(crate) fn trim(mut text: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = text
        && is_fws(*first)
    {
        text = rest;
    }
    while let [rest @ .., last] = text
        && is_fws(*last)
    {
        text = rest;
    }
    text
}

/// RFC 6376 §2.10 hyphenated-word: a letter first, letters, digits and hyphens, no hyphen at the end.
pub(crate) fn is_hyphenated_word(word: &[u8]) -> bool {
    word.first().is_some_and(u8::is_ascii_alphabetic)
        && word.last().is_some_and(u8::is_ascii_alphanumeric)
        && word.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'-')
}

/// RFC 6376 §2.11: decodes DKIM-Quoted-Printable; `None` where an `=` is not followed by two upper-case hex digits.
pub(crate) fn quoted_printable(value: &[u8]) -> Option<Vec<u8>> {
    let text = without_fws(value);
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_slice();
    while let [first, tail @ ..] = rest {
        rest = match (first, tail) {
            (b'=', [high, low, tail @ ..]) => {
                out.push(hex(*high)? << 4 | hex(*low)?);
                tail
            }
            (b'=', _) => return None,
            _ => {
                out.push(*first);
                tail
            }
        };
    }
    Some(out)
}

fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_with_folds() {
        assert_eq!(base64(b"QU\r\n JD", 9), Ok(b"ABC".to_vec()));
        assert_eq!(base64(b"QUI=", 4), Ok(b"AB".to_vec()));
        assert_eq!(base64(b"QUI", 4), Ok(b"AB".to_vec()));
        assert_eq!(base64(b"QU I = ", 4), Ok(b"AB".to_vec()));
        assert_eq!(base64(b"QUJD", 3), Err(Base64Error::Long));
        assert_eq!(base64(b"QU\xe2\x80\xa6", 99), Err(Base64Error::Byte(2)));
        for bad in ["Q", "QUI==", "=QUI", "Q=UI", "====", "QUJ=", "="] {
            assert_eq!(base64(bad.as_bytes(), 99), Err(Base64Error::Form), "{bad}");
        }
    }

    #[test]
    fn numbers() {
        assert_eq!(saturating_number(b"007"), Some(7));
        assert_eq!(saturating_number(b"18446744073709551615"), Some(u64::MAX));
        assert_eq!(saturating_number(b"18446744073709551616"), Some(u64::MAX));
        for bad in ["", "-1", "+1", "1e3", " 1", "1 2", "0x1"] {
            assert_eq!(saturating_number(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn dks_17_quoted_printable() {
        assert_eq!(quoted_printable(b"=6Ao=3De\r\n @x"), Some(b"jo=e@x".to_vec()));
        assert_eq!(quoted_printable(b"=ZZ"), None);
        assert_eq!(quoted_printable(b"=3d"), None);
        assert_eq!(quoted_printable(b"a=3"), None);
    }
}
