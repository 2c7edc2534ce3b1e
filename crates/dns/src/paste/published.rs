//! What a name server would make of the content as it was pasted.

use crate::name::unescape;

/// The strings of a zone line's content put together; unquoted words are strings too, and a semicolon outside quotes
/// begins a comment (RFC 1035 §5.1).
pub(super) fn from_zone_line(content: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut bytes = content.iter().copied().peekable();
    let mut quoted = false;
    let mut open = false;
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => quoted = !quoted,
            b'\\' => {
                let mut ahead = bytes.clone();
                match unescape(&mut ahead) {
                    Ok(value) => {
                        out.push(value);
                        bytes = ahead;
                    }
                    Err(_) => out.push(byte),
                }
            }
            b'\n' if !open && !out.is_empty() => break,
            _ if quoted => out.push(byte),
            b'(' => open = true,
            b')' => open = false,
            b';' => while bytes.next_if(|&b| b != b'\n').is_some() {},
            b' ' | b'\t' | b'\r' | b'\n' => {}
            _ => out.push(byte),
        }
    }
    out
}

/// A value as a form takes it: as it is, but for white space around it and straight quotes that some forms ask for.
pub(super) fn from_form(content: &[u8]) -> Vec<u8> {
    let trimmed = content.trim_ascii();
    if trimmed.first() == Some(&b'"') { from_zone_line(trimmed) } else { trimmed.to_vec() }
}
