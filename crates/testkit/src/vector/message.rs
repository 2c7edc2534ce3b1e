//! The message of a vector: escapes undone, signed, then changed.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::signer::{Signer, TestKey};

/// A signature to be made.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Signing {
    /// d=
    pub domain: String,
    /// s=
    pub selector: String,
    /// Which of the [`key`]s.
    pub key: String,
    /// Tags that are not the signer's own, or in place of those; `{bh}` and `{b}` stand for what is computed, an empty
    /// text takes the tag away.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// The whole field, with `{bh}` and `{b}`, in place of the tags.
    pub field: Option<String>,
}

impl Signing {
    /// The message with the signature on top.
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        let mut signer = Signer::new(&self.domain, &self.selector, &key(&self.key));
        for (name, value) in &self.tags {
            let value = String::from_utf8_lossy(&unescape(value)).into_owned();
            signer = if value.is_empty() { signer.without(name) } else { signer.tag(name, &value) };
        }
        if let Some(field) = &self.field {
            signer = signer.field(&String::from_utf8_lossy(&unescape(field)));
        }
        signer.sign(message)
    }
}

/// A test key: `victim`, `victim-ed25519`, `attacker`, or by its kind, `rsa-512` to `rsa-8192`, `ed25519-N`.
///
/// # Panics
/// If there is none of this name.
pub fn key(name: &str) -> TestKey {
    match (name, name.split_once('-')) {
        ("victim", _) => TestKey::rsa(2048),
        ("victim-ed25519", _) => TestKey::ed25519(1),
        ("attacker", _) => TestKey::rsa_exponent_3(),
        (_, Some(("rsa", bits))) => TestKey::rsa(bits.parse().unwrap_or_else(|_| panic!("no key {name}"))),
        (_, Some(("ed25519", number))) => {
            TestKey::ed25519(number.parse().unwrap_or_else(|_| panic!("no key {name}")))
        }
        _ => panic!("there is no test key {name}"),
    }
}

/// Puts key records in the place of `{key:NAME}`, as strings of at most 255 bytes.
///
/// # Panics
/// On a name that no [`key`] has.
pub fn with_keys(zone: &str) -> String {
    let mut out = String::new();
    let mut rest = zone;
    while let Some((front, tail)) = rest.split_once("{key:") {
        let (name, tail) =
            tail.split_once('}').unwrap_or_else(|| panic!("{{key:NAME}} wants a closing brace"));
        out.push_str(front);
        for part in key(name).record().as_bytes().chunks(255) {
            out.push_str(&format!("\"{}\" ", String::from_utf8_lossy(part)));
        }
        rest = tail;
    }
    out + rest
}

/// A change to the message after it was signed. Texts have escapes; `TOP` and `END` stand for the ends.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum Edit {
    /// Put in front of the message.
    Prepend(String),
    /// Put behind the message.
    Append(String),
    /// The first place where the first text stands gets the second.
    Replace(String, String),
}

impl Edit {
    /// The message with the change made.
    ///
    /// # Panics
    /// If the text to be replaced is not there.
    pub fn apply(&self, message: Vec<u8>) -> Vec<u8> {
        match self {
            Self::Prepend(text) => [unescape(text), message].concat(),
            Self::Append(text) => [message, unescape(text)].concat(),
            Self::Replace(old, new) => {
                let (old, new) = (unescape(old), unescape(new));
                let at = message.windows(old.len()).position(|w| w == old);
                let at = at.unwrap_or_else(|| panic!("{old:?} does not stand in the message"));
                let (front, rest) = message.split_at(at);
                [front, &new, rest.get(old.len()..).unwrap_or_default()].concat()
            }
        }
    }
}

/// Undoes `\r \n \t \0 \\ \xNN` and `{big:N:TEXT}` with its `%n`; a line end of the text itself becomes CRLF.
///
/// # Panics
/// On an escape that is none of these.
pub fn unescape(text: &str) -> Vec<u8> {
    let text = grow(text);
    let mut out = Vec::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\n' => out.extend_from_slice(b"\r\n"),
            '\\' => out.push(match chars.next() {
                Some('r') => b'\r',
                Some('n') => b'\n',
                Some('t') => b'\t',
                Some('0') => 0,
                Some('\\') => b'\\',
                Some('x') => {
                    let hex: String = chars.by_ref().take(2).collect();
                    u8::from_str_radix(&hex, 16).unwrap_or_else(|_| panic!("\\x{hex} is no escape"))
                }
                other => panic!("\\{other:?} is no escape"),
            }),
            _ => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    out
}

pub(super) fn grow(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((front, tail)) = rest.split_once("{big:") {
        let (count, tail) = tail.split_once(':').unwrap_or_else(|| panic!("{{big:N:TEXT}} wants a count"));
        let (unit, tail) = braced(tail);
        let count: usize = count.parse().unwrap_or_else(|_| panic!("{count:?} is no count"));
        out.push_str(front);
        for number in 0..count {
            out.push_str(&unit.replace("%n", &number.to_string()));
        }
        rest = tail;
    }
    out + rest
}

/// What stands before the brace that closes, with braces of its own, and what stands behind it.
fn braced(text: &str) -> (&str, &str) {
    let mut depth = 0;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 0 => return (&text[..at], &text[at + 1..]),
            b'}' => depth -= 1,
            _ => {}
        }
    }
    panic!("{{big:N:TEXT}} wants a closing brace")
}
