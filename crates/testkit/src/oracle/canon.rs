//! The canonical forms of RFC 6376 §3.4, on the whole text, one rule after the other.

/// Each byte as the character of its number, so that text functions work on any bytes.
#[must_use]
pub fn to_text(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

/// The bytes behind [`to_text`].
#[must_use]
pub fn to_bytes(text: &str) -> Vec<u8> {
    text.chars().map(|c| c as u8).collect()
}

/// A field, `Name: value` without the CRLF at its end, in its relaxed form (RFC 6376 §3.4.2) or its simple one (§3.4.1).
#[must_use]
pub fn field(relaxed: bool, field: &str) -> String {
    if !relaxed {
        return field.to_owned();
    }
    let (name, value) = field.split_once(':').unwrap_or((field, ""));
    let value = squeeze(&value.replace("\r\n", ""));
    format!("{}:{}", name.trim_end_matches([' ', '\t']).to_ascii_lowercase(), value.trim_matches(' '))
}

/// A body in its relaxed form (RFC 6376 §3.4.4) or its simple one (§3.4.3).
#[must_use]
pub fn body(relaxed: bool, body: &str) -> String {
    let mut lines: Vec<String> = body.split("\r\n").map(str::to_owned).collect();
    if relaxed {
        lines = lines.iter().map(|line| squeeze(line).trim_end_matches(' ').to_owned()).collect();
    }
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    if lines.is_empty() && !relaxed {
        lines.push(String::new());
    }
    lines.iter().map(|line| format!("{line}\r\n")).collect()
}

/// Each run of white space as one space.
fn squeeze(text: &str) -> String {
    let mut out = text.replace('\t', " ");
    while out.contains("  ") {
        out = out.replace("  ", " ");
    }
    out
}
