//! What a server says of a key, held against the key on the disk.

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use dkim::key::KeyRecord;
use dkim::{KeyAnswer, PublicKey, SigningKey};
use dns::Failure;
use mail::Severity;

/// What is published where the key should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// The public half of the key.
    Same,
    /// Nothing.
    Missing,
    /// Another key.
    OtherKey,
    /// A record that takes the key back.
    Revoked,
    /// Texts of which none is a key record.
    NotAKey,
    /// More than one key record.
    Several,
    /// Nobody knows.
    NoAnswer(Failure),
}

/// What a server said.
#[derive(Clone, Debug)]
pub(in crate::command) struct Seen {
    /// Who was asked; printable.
    pub(in crate::command) server: String,
    pub(super) state: State,
    /// What else is to be said of it, in clauses.
    pub(super) notes: Vec<String>,
    /// The record, where there is one.
    pub(super) record: Option<Vec<u8>>,
    /// Whether a tag of the record stands against the signatures that are made here.
    limited: bool,
}

impl Seen {
    pub(super) fn new(server: String, answer: &KeyAnswer, key: &SigningKey) -> Self {
        let mut seen =
            Self { server, state: State::Missing, notes: Vec::new(), record: None, limited: false };
        match answer {
            KeyAnswer::NoKey => {}
            KeyAnswer::Several => seen.state = State::Several,
            KeyAnswer::Failed(failure) => seen.state = State::NoAnswer(*failure),
            KeyAnswer::NotAKey { text, findings } => {
                seen.state = State::NotAKey;
                seen.record = Some(text.to_vec());
                seen.notes.extend(findings.iter().map(|finding| finding.message.clone()));
            }
            KeyAnswer::Found(found) => {
                seen.state = compare(&found.record.key, key);
                seen.record = Some(found.text.to_vec());
                // What is wrong with a key that is not ours is not our business.
                if seen.state == State::Same {
                    let loud = found.findings.iter().filter(|finding| finding.severity > Severity::Note);
                    seen.notes.extend(loud.map(|finding| finding.message.clone()));
                    seen.look_at_tags(&found.record);
                }
            }
        }
        seen
    }

    /// The tags that limit what a key is for.
    fn look_at_tags(&mut self, record: &KeyRecord) {
        if !record.allows_hash("sha256") {
            self.limited = true;
            self.notes.push("h= does not allow sha256, with which it is signed".to_owned());
        }
        if !record.allows_service("email") {
            self.limited = true;
            self.notes.push("s= does not allow e-mail".to_owned());
        }
    }

    /// Whether signatures with the key can pass by what the server says.
    pub(in crate::command) fn is_good(&self) -> bool {
        self.state == State::Same && !self.limited
    }

    /// Whether anything is known of it.
    pub(in crate::command) fn is_answer(&self) -> bool {
        !matches!(self.state, State::NoAnswer(_))
    }

    /// What is there, for people.
    pub(in crate::command) fn words(&self) -> String {
        let state = match self.state {
            State::Same => "the key on the disk".to_owned(),
            State::Missing => "nothing is published".to_owned(),
            State::OtherKey => "another key than the one on the disk".to_owned(),
            State::Revoked => "the key is revoked: p= is empty".to_owned(),
            State::NotAKey => "something that is no key record".to_owned(),
            State::Several => "several key records, so none counts".to_owned(),
            State::NoAnswer(failure) => failure.to_string(),
        };
        std::iter::once(state).chain(self.notes.iter().cloned()).collect::<Vec<_>>().join("; ")
    }
}

fn compare(published: &PublicKey, key: &SigningKey) -> State {
    match published {
        PublicKey::Revoked(_) => State::Revoked,
        _ if published == key.public_key() || verifies(published, key) => State::Same,
        PublicKey::Rsa(_) | PublicKey::Ed25519(_) => State::OtherKey,
    }
}

/// Whether an RSA key that was published in another form (RSAPublicKey in place of SubjectPublicKeyInfo) is the same: it
/// verifies what the key signs.
fn verifies(published: &PublicKey, key: &SigningKey) -> bool {
    let record = KeyRecord::of(published.clone()).to_string();
    let der = record.rsplit_once("p=").and_then(|(_, base64)| BASE64_STANDARD.decode(base64).ok());
    match (der, key.sign(b"probe")) {
        (Some(der), Ok(signature)) => {
            UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, der).verify(b"probe", &signature).is_ok()
        }
        _ => false,
    }
}
