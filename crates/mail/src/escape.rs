//! The encoder for bytes from outside that a person will read: on a terminal, in a log line, in a JSON text.

/// Printable ASCII as it is, a backslash doubled, every other byte as `\xNN`. Nothing that comes out can move a
/// cursor, end a line or change the direction of writing.
pub fn printable(bytes: impl AsRef<[u8]>) -> String {
    let bytes = bytes.as_ref();
    let mut out = String::with_capacity(bytes.len());
    for &byte in bytes {
        match byte {
            b'\\' => out.push_str("\\\\"),
            b' '..=b'~' => out.push(char::from(byte)),
            _ => {
                out.push_str("\\x");
                for nibble in [byte >> 4, byte & 15] {
                    out.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
                }
            }
        }
    }
    out
}

/// The printable form of the first `max` bytes, with `...` behind it where there are more: for messages about texts of
/// any length.
pub fn shortened(bytes: impl AsRef<[u8]>, max: usize) -> String {
    let bytes = bytes.as_ref();
    match bytes.get(..max) {
        Some(front) if front.len() < bytes.len() => printable(front) + "...",
        _ => printable(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::{printable, shortened};

    #[test]
    fn long_texts_are_cut() {
        assert_eq!(shortened("", 0), "");
        assert_eq!(shortened("abc", 3), "abc");
        assert_eq!(shortened("ab\\c", 3), r"ab\\...");
    }

    #[test]
    fn web_05_control_bytes_are_escaped() {
        assert_eq!(printable(b"\x1b]0;x\r\n\x00\xff\\"), r"\x1b]0;x\x0d\x0a\x00\xff\\");
        assert_eq!(printable("plain text, 100 %"), "plain text, 100 %");
        assert_eq!(printable("\u{202e}"), r"\xe2\x80\xae");
    }
}
