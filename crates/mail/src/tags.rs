//! The tag list of RFC 6376 §3.2, `name = value; name = value`, cut into tags with spans. DKIM, DMARC, MTA-STS and
//! TLSRPT records are all written in it; each says for itself what an error in one element means for the whole.

use std::fmt;

use memchr::memchr;

use crate::finding::Span;

/// One element of a tag list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tag<'a> {
    /// The name as written: a letter, then letters, digits and underscores. Case matters or not as the protocol says.
    pub name: &'a str,
    /// Where the name stands.
    pub name_span: Span,
    /// The value without white space around it; white space and folds inside are kept.
    pub value: &'a [u8],
    /// Where the value stands.
    pub value_span: Span,
}

impl Tag<'_> {
    /// The whole element, name to value.
    pub fn span(&self) -> Span {
        Span::new(self.name_span.start, self.value_span.end)
    }
}

/// What is wrong with one element.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TagErrorKind {
    /// Nothing between two semicolons, or before the first.
    Empty,
    /// No `=`.
    NoEquals,
    /// The name is not a letter followed by letters, digits or underscores.
    BadName,
    /// The value holds a byte that tag values don't have: a control character, or a CR or LF that is no fold.
    BadValue,
}

/// An element that is no tag, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TagError {
    /// What is wrong.
    pub kind: TagErrorKind,
    /// The element, or the byte that is wrong in it.
    pub span: Span,
}

impl fmt::Display for TagError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            TagErrorKind::Empty => "nothing stands between two semicolons",
            TagErrorKind::NoEquals => "no \"=\" between a tag's name and its value",
            TagErrorKind::BadName => "not a tag name (a letter, then letters, digits, underscores)",
            TagErrorKind::BadValue => "a byte that tag values can't hold",
        })
    }
}

impl std::error::Error for TagError {}

/// Cuts `text` at its semicolons, each element read on its own. One semicolon may stand at the end (RFC 6376 §3.2).
/// Bytes of 0x80 and above are let through in values (RFC 8616 §5: values may be UTF-8).
pub fn split_tags(text: &[u8]) -> impl Iterator<Item = Result<Tag<'_>, TagError>> {
    let end = text.iter().rposition(|b| !is_wsp_or_eol(*b)).map_or(0, |at| at + 1);
    let last_is_semicolon = end > 0 && text.get(end - 1) == Some(&b';');
    let list = text.get(..if last_is_semicolon { end - 1 } else { text.len() }).unwrap_or_default();
    let (mut left, mut at) = (Some(list), 0);
    std::iter::from_fn(move || {
        let rest = left?;
        let semicolon = memchr(b';', rest);
        let element = rest.get(..semicolon.unwrap_or(rest.len())).unwrap_or_default();
        left = semicolon.and_then(|semicolon| rest.get(semicolon + 1..));
        let start = at;
        at += element.len() + 1;
        Some(read_tag(element, start))
    })
}

fn read_tag(element: &[u8], start: usize) -> Result<Tag<'_>, TagError> {
    let whole = Span::new(start, start + element.len());
    let fail = |kind, span| Err(TagError { kind, span });
    let (trimmed, span) = trim(element, start);
    if trimmed.is_empty() {
        return fail(TagErrorKind::Empty, whole);
    }
    let Some(equals) = trimmed.iter().position(|&b| b == b'=') else {
        return fail(TagErrorKind::NoEquals, span);
    };
    let (before, after) = trimmed.split_at(equals);
    let (name, name_span) = trim(before, span.start);
    let (value, value_span) = trim(after.get(1..).unwrap_or_default(), span.start + equals + 1);
    let name = match std::str::from_utf8(name) {
        Ok(name) if is_tag_name(name) => name,
        _ => return fail(TagErrorKind::BadName, name_span),
    };
    if let Some(bad) = bad_value_byte(value) {
        return fail(TagErrorKind::BadValue, Span::new(bad, bad + 1).shifted(value_span.start));
    }
    Ok(Tag { name, name_span, value, value_span })
}

fn is_tag_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphabetic())
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// The first byte that is neither a visible character nor part of folding white space (RFC 6376 §3.2 tval, FWS).
fn bad_value_byte(value: &[u8]) -> Option<usize> {
    let mut at = skip_text(value);
    while let Some(&byte) = value.get(at) {
        match byte {
            b'\r' => match (value.get(at + 1), value.get(at + 2)) {
                (Some(b'\n'), Some(b' ' | b'\t')) => {
                    at += 3 + skip_text(value.get(at + 3..).unwrap_or_default())
                }
                _ => return Some(at),
            },
            _ if is_text(byte) => at += 1,
            _ => return Some(at),
        }
    }
    None
}

fn is_text(byte: u8) -> bool {
    // Without a branch, so that many bytes are looked at together.
    (byte >= b' ') & (byte != 0x7f) | (byte == b'\t')
}

/// How many bytes at the front are text, as far as whole blocks tell without a branch for each byte.
fn skip_text(value: &[u8]) -> usize {
    let (blocks, _) = value.as_chunks::<32>();
    let whole = |block: &&[u8; 32]| !block.iter().fold(false, |found, byte| found | !is_text(*byte));
    blocks.iter().take_while(whole).count() * 32
}

fn is_wsp_or_eol(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// `text`, which begins at `start`, without the white space around it.
fn trim(text: &[u8], start: usize) -> (&[u8], Span) {
    let front = text.iter().take_while(|b| is_wsp_or_eol(**b)).count();
    let rest = text.get(front..).unwrap_or_default();
    let back = rest.iter().rev().take_while(|b| is_wsp_or_eol(**b)).count();
    let inner = rest.get(..rest.len() - back).unwrap_or_default();
    (inner, Span::new(start + front, start + front + inner.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(text: &str) -> Vec<String> {
        split_tags(text.as_bytes())
            .map(|t| match t {
                Ok(t) => {
                    assert_eq!(text.get(t.name_span.range()), Some(t.name));
                    assert_eq!(&text.as_bytes()[t.value_span.range()], t.value);
                    format!("{}={}", t.name, crate::printable(t.value))
                }
                Err(e) => format!("{:?}@{}..{}", e.kind, e.span.start, e.span.end),
            })
            .collect()
    }

    #[test]
    fn lists() {
        assert_eq!(show("v=DKIM1; k = rsa ;p="), ["v=DKIM1", "k=rsa", "p="]);
        assert_eq!(show("a=1;"), ["a=1"]);
        assert_eq!(show("a=1; \r\n "), ["a=1"]);
        assert_eq!(show("a=1;;"), ["a=1", "Empty@4..4"]);
        assert_eq!(show(";a=1"), ["Empty@0..0", "a=1"]);
        assert_eq!(show(""), ["Empty@0..0"]);
        assert_eq!(show("a=1=2"), ["a=1=2"]);
        assert_eq!(show("a 1"), ["NoEquals@0..3"]);
        assert_eq!(show("=x"), ["BadName@0..0"]);
        assert_eq!(show("1a=x; _a=y"), ["BadName@0..2", "BadName@6..8"]);
        assert_eq!(show("a=x\r\n y"), [r"a=x\x0d\x0a y"]);
    }

    #[test]
    fn dks_03_a_line_end_that_is_no_fold_is_no_value() {
        assert_eq!(show("i=a\r\nReply-To: x"), ["BadValue@3..4"]);
        assert_eq!(show("i=a\nb"), ["BadValue@3..4"]);
        assert_eq!(show("s=a\0b"), ["BadValue@3..4"]);
    }
}
