//! The self-check: what was signed is verified with our own verifier, with the keys at hand and no DNS.

use std::fmt::Write as _;

use dns::Name;
use mail::Header;

use super::{SignatureField, Signing};
use crate::body::BodyHashes;
use crate::key::KeyRecord;
use crate::lookup::{FoundKey, KeyAnswer};
use crate::policy::{MAX_SIGNATURES, Policy};
use crate::reason::{Outcome, Reason};
use crate::signing_key::SigningKey;
use crate::verify::{Keys, Verifier};

/// A signature of ours that our own verifier does not take: an alarm.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signature just made does not verify: {0}")]
pub struct OwnFault(pub Reason);

impl Signing {
    /// Verifies fields that [`Signing::finish`] gave for this header and body, all of them or some, as a receiver would,
    /// who finds the public halves of the keys in the DNS. It gives no proof of anything but that the signer works.
    pub fn check_own(
        &self,
        header: &Header,
        body: &BodyHashes,
        fields: &[SignatureField],
    ) -> Result<(), OwnFault> {
        let keys = Keys::own(self.requests.iter().map(|request| (request.key_name.clone(), request.key())));
        for some in fields.chunks(MAX_SIGNATURES) {
            let mut signed = String::new();
            for field in some.iter().rev() {
                write!(signed, "{field}").unwrap_or_default();
            }
            let signed = Header::parse([signed.as_bytes(), header.raw()].concat());
            let verifier = Verifier::new(&signed, None, &Policy::default(), self.now, None);
            let checks = verifier.finish(&signed, &keys, body);
            // Signatures of others may stand below ours.
            if let Some(bad) = checks.iter().take(some.len()).find(|check| check.outcome() != Outcome::Pass) {
                return Err(OwnFault(bad.reason().clone()));
            }
        }
        Ok(())
    }
}

impl Keys {
    /// What the DNS says of own keys, each by its name, once they are published: for checking what was just signed.
    pub fn own<'k>(keys: impl IntoIterator<Item = (Name, &'k SigningKey)>) -> Self {
        Self(keys.into_iter().map(|(name, key)| (name, answer(key))).collect())
    }
}

fn answer(key: &SigningKey) -> KeyAnswer {
    let text = key.key_record();
    let record = KeyRecord::of(key.public_key().clone());
    KeyAnswer::Found(FoundKey {
        record: record.into(),
        text: text.as_bytes().into(),
        findings: Vec::new(),
        authenticated: false,
    })
}
