//! The JSON form of a DKIM key record.

use dkim::key::{KeyRecord, PublicKey};
use mail::printable;
use serde::Serialize;

use super::Look;
use crate::command::record::RecordJson;

/// `mailward dkim key`.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::command) struct KeyJson<'a> {
    #[serde(flatten)]
    record: RecordJson<'a>,
    /// The selector; null where nobody said.
    selector: Option<String>,
    /// The key; null if the record can't be read.
    key: Option<Key>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Key {
    /// `rsa` or `ed25519`.
    r#type: &'static str,
    /// The length of an RSA key; null for others.
    bits: Option<usize>,
    /// Whether it is RSA of less than 2048 bits.
    weak: bool,
    /// Whether the key was taken back: p= is empty.
    revoked: bool,
    /// h=; null for all.
    hashes: Option<Vec<String>>,
    /// s=; null for all.
    services: Option<Vec<String>>,
    /// t=
    flags: Vec<String>,
    /// n=, printable.
    notes: Option<String>,
}

impl<'a> KeyJson<'a> {
    pub(super) fn new(look: &'a Look) -> Self {
        Self {
            record: RecordJson::new(look.domain.as_ref(), look.text.as_ref(), look.missing.as_deref()),
            selector: look.selector.as_ref().map(ToString::to_string),
            key: look.record.as_ref().map(Key::new),
        }
    }
}

impl Key {
    fn new(record: &KeyRecord) -> Self {
        let words = |words: &Vec<Box<str>>| words.iter().map(ToString::to_string).collect();
        Self {
            r#type: record.key.key_type().as_str(),
            bits: match &record.key {
                PublicKey::Rsa(key) => Some(key.bits()),
                PublicKey::Ed25519(_) | PublicKey::Revoked(_) => None,
            },
            weak: record.is_weak(),
            revoked: matches!(record.key, PublicKey::Revoked(_)),
            hashes: record.hashes.as_ref().map(words),
            services: record.services.as_ref().map(words),
            flags: words(&record.flags),
            notes: record.notes.as_ref().map(|notes| printable(notes.as_bytes())),
        }
    }
}
