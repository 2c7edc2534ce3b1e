//! The message of a vector: escapes undone, signed, then changed.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use crate::sealer::Sealer;
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
    /// b= has a fold after so many characters; 64 where nothing is said.
    pub fold: Option<usize>,
    /// Made without the private key, [`TestKey::forge`].
    #[serde(default)]
    pub forged: bool,
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
        if let Some(every) = self.fold {
            signer = signer.fold(every);
        }
        if self.forged {
            let field = signer.signature_by(message, |key, sha256| key.forge(sha256));
            return [&field[..], message].concat();
        }
        signer.sign(message)
    }
}

/// An ARC set to be added.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Sealing {
    /// Its number.
    pub instance: u32,
    /// i= as it is written, in place of the number.
    pub written: Option<String>,
    /// d=
    pub domain: String,
    /// d= of the ARC-Message-Signature, if it is another one.
    pub signer: Option<String>,
    /// s=
    #[serde(default = "selector")]
    pub selector: String,
    /// Which of the [`key`]s.
    #[serde(default = "sealing_key")]
    pub key: String,
    /// cv=, if it is not as it must be.
    pub cv: Option<String>,
    /// What stands behind the instance in the ARC-Authentication-Results, with escapes.
    pub results: Option<String>,
    /// h= of the ARC-Message-Signature.
    pub h: Option<String>,
    /// More tags of the ARC-Message-Signature, each with its semicolon.
    #[serde(default)]
    pub message: String,
    /// More tags of the ARC-Seal, each with its semicolon.
    #[serde(default)]
    pub seal: String,
    /// What the handler does to the message before.
    #[serde(default)]
    pub edit: Vec<Edit>,
}

fn selector() -> String {
    "arc".to_owned()
}

fn sealing_key() -> String {
    "ed25519-7".to_owned()
}

impl Sealing {
    /// The message with the set on top.
    pub fn seal(&self, message: &[u8]) -> Vec<u8> {
        let mut sealer = Sealer::new(self.instance, &self.domain, &self.selector, &key(&self.key))
            .more(&self.message, &self.seal);
        if let Some(text) = &self.written {
            sealer = sealer.instance(text);
        }
        if let Some(status) = &self.cv {
            sealer = sealer.status(status);
        }
        if let Some(results) = &self.results {
            sealer = sealer.results(&String::from_utf8_lossy(&unescape(results)));
        }
        if let Some(names) = &self.h {
            sealer = sealer.signed(names);
        }
        if let Some(domain) = &self.signer {
            sealer = sealer.signer(domain);
        }
        sealer.seal(&self.edit.iter().fold(message.to_vec(), |m, edit| edit.apply(m)))
    }
}

/// A test key: `victim`, `victim-ed25519`, `attacker`, or by its kind, `rsa-512` to `rsa-8192`, `rsa-16384`, `rsa-32768`,
/// `rsa-e1`, `rsa-e-huge`, `rsa-even`, `ed25519-N`.
///
/// # Panics
/// If there is none of this name.
pub fn key(name: &str) -> TestKey {
    match (name, name.split_once('-')) {
        ("victim", _) => TestKey::rsa(2048),
        ("victim-ed25519", _) => TestKey::ed25519(1),
        ("attacker", _) => TestKey::rsa_exponent_3(),
        ("rsa-16384", _) => TestKey::rsa_power(2),
        ("rsa-32768", _) => TestKey::rsa_power(4),
        ("rsa-e1", _) => TestKey::rsa_exponent_1(),
        ("rsa-e-huge", _) => TestKey::rsa_exponent_huge(),
        ("rsa-even", _) => TestKey::rsa_even(),
        (_, Some(("rsa", bits))) => TestKey::rsa(bits.parse().unwrap_or_else(|_| panic!("no key {name}"))),
        (_, Some(("ed25519", number))) => {
            TestKey::ed25519(number.parse().unwrap_or_else(|_| panic!("no key {name}")))
        }
        _ => panic!("there is no test key {name}"),
    }
}

/// Puts key records in the place of `{key:NAME}`, and what p= holds in that of `{p:NAME}` or `{p:NAME:FORM}`; all as
/// strings of at most 255 bytes. Forms: `other`, the form in which it is not expected but allowed; `trailing`, with a byte
/// after it; `indefinite`, as BER with an indefinite length.
///
/// # Panics
/// On a name that no [`key`] has, and on another form.
pub fn with_keys(zone: &str) -> String {
    let records = fill(zone, "{key:", |name| key(name).record());
    fill(&records, "{p:", |what| STANDARD.encode(public(what)))
}

fn fill(text: &str, open: &str, make: impl Fn(&str) -> String) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((front, tail)) = rest.split_once(open) {
        let (what, tail) = tail.split_once('}').unwrap_or_else(|| panic!("{open}… wants a closing brace"));
        out.push_str(front);
        for part in make(what).as_bytes().chunks(255) {
            out.push_str(&format!("\"{}\" ", String::from_utf8_lossy(part)));
        }
        rest = tail;
    }
    out + rest
}

fn public(what: &str) -> Vec<u8> {
    match what.split_once(':') {
        None => key(what).public(),
        Some((name, "other")) => key(name).public_pkcs1(),
        Some((name, "trailing")) => [key(name).public(), vec![0]].concat(),
        Some((name, "indefinite")) => {
            let der = key(name).public_pkcs1();
            let content = der.strip_prefix(&[0x30, 0x82]).and_then(|rest| rest.get(2..));
            [&[0x30, 0x80][..], content.unwrap_or_else(|| panic!("{name} is not RSA")), &[0, 0]].concat()
        }
        Some((_, form)) => panic!("a key has no form {form}"),
    }
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
