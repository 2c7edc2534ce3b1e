//! The Received-SPF field (RFC 7208 §9.1). It is written for people and logs; nothing here ever reads one.

use mail::{Helo, ReversePath, printable};

use crate::check::{Check, Client, Identity};
use crate::outcome::Outcome;
use crate::reason::Reason;

/// Longest value of a key, in bytes as written; what is more is cut off. Keeps every line far below 998 (RFC 5322 §2.1.1).
const MAX_VALUE: usize = 400;
/// Longest comment, in bytes.
const MAX_COMMENT: usize = 700;

/// Writes the field for a check: name, value, folds; no line end at its end. `path` is the one that was checked.
///
/// All of it is printable ASCII: whatever came from the client is escaped, quoted and cut to length.
pub fn received_spf(check: &Check, client: &Client<'_>, path: &ReversePath) -> String {
    let comment = comment(&format!("{}: {}", client.receiver, check.reason()));
    let mut field = format!("Received-SPF: {}\r\n ({comment})", check.outcome());
    for (index, (key, value)) in pairs(check, client, path).into_iter().enumerate() {
        let separator = if index == 0 { "" } else { ";" };
        field.push_str(&format!("{separator}\r\n {key}={}", quoted(&value)));
    }
    field
}

fn pairs(check: &Check, client: &Client<'_>, path: &ReversePath) -> Vec<(&'static str, String)> {
    let mut pairs = vec![
        ("receiver", client.receiver.to_owned()),
        ("identity", check.identity().as_str().to_owned()),
        ("client-ip", client.ip.to_canonical().to_string()),
    ];
    if check.identity() == Identity::MailFrom {
        pairs.push(("envelope-from", envelope_from(path)));
    }
    pairs.push(("helo", helo(client.helo)));
    if let Some(mechanism) = mechanism(check) {
        pairs.push(("mechanism", mechanism));
    }
    if let Outcome::TempError | Outcome::PermError = check.outcome() {
        pairs.push(("problem", check.reason().to_string()));
    }
    pairs
}

fn envelope_from(path: &ReversePath) -> String {
    let text = path.to_string();
    let inner = text.strip_prefix('<').and_then(|rest| rest.strip_suffix('>'));
    inner.map_or_else(|| text.clone(), str::to_owned)
}

fn helo(helo: &Helo) -> String {
    match helo {
        Helo::Name(name) => name.to_string(),
        Helo::Other(bytes) => printable(bytes),
    }
}

/// RFC 7208 §9.1: the mechanism that matched, or the word "default".
fn mechanism(check: &Check) -> Option<String> {
    match (check.matched(), check.reason()) {
        (Some(matched), _) => Some(matched.place.text()),
        (None, Reason::NoMatch { .. }) => Some("default".to_owned()),
        (None, _) => None,
    }
}

/// Printable ASCII, at most `max` bytes; any other character is a question mark.
fn clean(text: &str, max: usize) -> impl Iterator<Item = char> {
    text.chars().map(|c| if (' '..='~').contains(&c) { c } else { '?' }).take(max)
}

/// A quoted-string (RFC 5322 §3.2.4). Quoted in any case: what needs no quotes today may be something else tomorrow.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in clean(text, MAX_VALUE) {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
    out
}

/// The inside of a comment (RFC 5322 §3.2.2), without parentheses and backslashes that would need a reader's care.
fn comment(text: &str) -> String {
    clean(text, MAX_COMMENT).map(|c| if matches!(c, '(' | ')' | '\\') { '?' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoting() {
        assert_eq!(quoted("a\"b\\c\r\n\u{e9}"), r#""a\"b\\c???""#);
        assert_eq!(comment("a) (b\\\r\nX: y"), "a? ?b???X: y");
        assert_eq!(quoted(&"\"".repeat(1000)).len(), 2 * MAX_VALUE + 2);
    }
}
