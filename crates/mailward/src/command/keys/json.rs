//! The JSON forms of keys.

use std::time::{SystemTime, UNIX_EPOCH};

use dkim::SigningKey;
use serde::Serialize;

use super::published::{Seen, State};
use crate::input::InputError;
use crate::input::error::shown;
use crate::keys::make::NewKey;
use crate::keys::record;
use crate::keys::ring::{Ring, SiteKey};

/// The record to publish.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::command) struct RecordJson {
    /// Where it stands.
    name: String,
    /// Its text.
    value: String,
    /// The line of a zone file, for BIND, knot and others.
    zone: String,
}

/// A key on the disk.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::command) struct KeyJson {
    /// The signing domain.
    domain: String,
    /// The selector.
    selector: String,
    /// Where the key is; bytes that are not printable ASCII are escaped.
    file: String,
    /// `rsa` or `ed25519`; null if the file holds no key.
    r#type: Option<&'static str>,
    /// The length of an RSA key; null for others.
    bits: Option<usize>,
    /// The permissions of the file, such as `0600`; null if it can't be looked at.
    mode: Option<String>,
    /// When the file was written, in seconds since 1970; null if that is not known.
    modified: Option<u64>,
    /// Why the key can't be used; null if it can.
    fault: Option<String>,
    /// What to do about it; null if there is nothing to say.
    help: Option<String>,
    /// The record to publish; null if the file holds no key.
    record: Option<RecordJson>,
}

/// Something that is wrong beside the keys.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::command) struct FaultJson {
    /// The file or directory.
    file: String,
    /// What is wrong, in a sentence.
    message: String,
    /// What to do about it; null if there is nothing to say.
    help: Option<String>,
}

/// `mailward keys new`.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::command) struct NewJson {
    /// The keys that were made.
    made: Vec<KeyJson>,
}

/// `mailward keys list`.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::command) struct ListJson {
    /// The keys.
    keys: Vec<KeyJson>,
    /// What was left out, and why.
    faults: Vec<FaultJson>,
}

/// `mailward keys check`.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::command) struct CheckJson {
    /// The keys, each with what is published.
    checked: Vec<CheckedJson>,
    /// What was left out, and why.
    faults: Vec<FaultJson>,
}

/// A key and what is published of it.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::command) struct CheckedJson {
    key: KeyJson,
    /// What each server says.
    servers: Vec<ServerJson>,
    /// Why no server could be asked; null if some were.
    error: Option<String>,
}

/// What one server says.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::command) struct ServerJson {
    /// The server, or the file, that was asked.
    server: String,
    /// `same`, `missing`, `other-key`, `revoked`, `not-a-key`, `several` or `no-answer`.
    published: &'static str,
    /// Whether signatures with the key on the disk can pass by what the server says.
    good: bool,
    /// What else there is to say, in sentences.
    notes: Vec<String>,
    /// The record that is there; null if there is none, or none that can be read. Bytes that are not printable ASCII are
    /// escaped.
    record: Option<String>,
}

impl RecordJson {
    fn new(name: String, key: &SigningKey) -> Self {
        let value = key.key_record();
        Self { zone: record::zone_line(&name, &value), name, value }
    }
}

/// Since 1970, in seconds.
fn seconds(time: SystemTime) -> Option<u64> {
    time.duration_since(UNIX_EPOCH).ok().map(|since| since.as_secs())
}

impl From<&SiteKey> for KeyJson {
    fn from(site: &SiteKey) -> Self {
        let key = site.file.key.as_ref().ok();
        let name = || record::name(&site.selector, &site.domain);
        Self {
            domain: site.domain.to_string(),
            selector: site.selector.to_string(),
            file: shown(&site.file.path),
            r#type: key.map(|key| key.public_key().key_type().as_str()),
            bits: key.and_then(bits),
            mode: site.file.mode.map(|mode| format!("{mode:04o}")),
            modified: site.file.modified.and_then(seconds),
            fault: site.file.fault.as_ref().map(ToString::to_string),
            help: site.help(),
            record: key.map(|key| RecordJson::new(name(), key)),
        }
    }
}

fn bits(key: &SigningKey) -> Option<usize> {
    match key.public_key() {
        dkim::PublicKey::Rsa(key) => Some(key.bits()),
        dkim::PublicKey::Ed25519(_) | dkim::PublicKey::Revoked(_) => None,
    }
}

impl From<&InputError> for FaultJson {
    fn from(error: &InputError) -> Self {
        Self { file: error.file.clone(), message: error.message.clone(), help: error.help.clone() }
    }
}

impl NewJson {
    pub(super) fn new(domain: &mail::Domain, keys: &[NewKey]) -> Self {
        let site = |key: &NewKey| SiteKey {
            domain: domain.clone(),
            selector: key.selector.clone(),
            file: crate::keys::file::KeyFile::read(&key.path),
        };
        Self { made: keys.iter().map(|key| KeyJson::from(&site(key))).collect() }
    }
}

impl ListJson {
    pub(super) fn new(ring: &Ring) -> Self {
        Self {
            keys: ring.keys.iter().map(Into::into).collect(),
            faults: ring.errors.iter().map(Into::into).collect(),
        }
    }
}

impl CheckJson {
    pub(super) fn new(checked: &[super::check::Checked<'_>], errors: &[InputError]) -> Self {
        let checked = checked.iter().map(|checked| {
            let (servers, error) = match &checked.seen {
                Ok(seen) => (seen.iter().map(ServerJson::from).collect(), None),
                Err(error) => (Vec::new(), Some(error.message.clone())),
            };
            CheckedJson { key: checked.key.into(), servers, error }
        });
        Self { checked: checked.collect(), faults: errors.iter().map(Into::into).collect() }
    }
}

impl From<&Seen> for ServerJson {
    fn from(seen: &Seen) -> Self {
        Self {
            server: seen.server.clone(),
            published: match seen.state {
                State::Same => "same",
                State::Missing => "missing",
                State::OtherKey => "other-key",
                State::Revoked => "revoked",
                State::NotAKey => "not-a-key",
                State::Several => "several",
                State::NoAnswer(_) => "no-answer",
            },
            good: seen.is_good(),
            notes: seen.notes.clone(),
            record: seen.record.as_ref().map(mail::printable),
        }
    }
}
