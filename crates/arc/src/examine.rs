//! The signatures of a chain against keys, body and header (RFC 8617 §5.2 steps 4 to 6), a function for each.

use dkim::fields::{Covered, FieldIndex, put_own_field};
use dkim::key::{KeyType, MIN_RSA_BITS};
use dkim::{BodyHashes, BodyLength, FoundKey, KeyAnswer, Keys, Policy, PublicKey, Reason};
use dns::Failure;

use crate::bytes::SealedSets;
use crate::chain::{Set, Text};
use crate::field::SignedBy;
use crate::message::MessageSignature;

/// All that is known of a message once its body and the answers are in.
pub(crate) struct Message<'a> {
    pub(crate) header: FieldIndex<'a>,
    pub(crate) keys: &'a Keys,
    pub(crate) body: &'a BodyHashes,
    pub(crate) policy: &'a Policy,
}

impl Message<'_> {
    /// RFC 8617 §5.2 steps 4 and 5, by RFC 6376 §6.1.3: whether the message is as the set's handler passed it on.
    pub(crate) fn check_message(&self, message: &MessageSignature, field: &Text) -> Result<Covered, Reason> {
        let key = self.find_key(&message.by)?;
        self.check_body(message)?;
        let covered = self.header.covered(message.signed.iter().map(|name| &**name), field.index);
        let mut bytes = self.header.covered_bytes(&covered, message.header_canon);
        put_own_field(message.header_canon, message.by.blank, &field.raw, &mut bytes);
        let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &bytes);
        if !key.record.key.verifies(&hash, &message.by.signature) {
            return Err(Reason::SignatureMismatch);
        }
        Ok(covered)
    }

    fn check_body(&self, message: &MessageSignature) -> Result<(), Reason> {
        let hash = self.body.get(message.body_canon).ok_or(Reason::BodyChanged)?;
        // RFC 6376 §8.2: what l= leaves out anybody can add.
        match message.body_length {
            Some(_) if self.policy.body_length == BodyLength::Never => return Err(Reason::LengthTag),
            Some(length) if length > hash.length => return Err(Reason::LengthBeyondBody),
            Some(length) if length < hash.length => return Err(Reason::BodyUnsigned),
            Some(_) | None => {}
        }
        if *message.body_hash == hash.sha256 { Ok(()) } else { Err(Reason::BodyChanged) }
    }

    /// RFC 8617 §5.2 step 6: whether each seal fits, in the order of `sets`.
    pub(crate) fn check_seals(&self, sets: &[Set]) -> Vec<Result<(), Reason>> {
        let mut sealed = SealedSets::new();
        let mut seals = Vec::new();
        for set in sets {
            // RFC 8617 §5.1.1: within a set the results come first, then the message signature, then the seal.
            sealed.add(&set.results_field.raw);
            sealed.add(&set.message_field.raw);
            seals.push(self.check_seal(&set.seal.by, &set.seal_field, &sealed));
            sealed.add(&set.seal_field.raw);
        }
        seals
    }

    /// Whether one seal fits to what it covers, itself apart.
    pub(crate) fn check_seal(&self, by: &SignedBy, field: &Text, sealed: &SealedSets) -> Result<(), Reason> {
        let key = self.find_key(by)?;
        let hash = sealed.digest(&field.raw, by.blank);
        if key.record.key.verifies(&hash, &by.signature) { Ok(()) } else { Err(Reason::SignatureMismatch) }
    }

    /// The key of a signature, if it may be used for it (RFC 6376 §6.1.2).
    fn find_key(&self, by: &SignedBy) -> Result<&FoundKey, Reason> {
        let found = match self.keys.get(&by.key_name) {
            Some(KeyAnswer::Found(found)) => found,
            Some(KeyAnswer::NotAKey { .. }) => return Err(Reason::NotAKey),
            Some(KeyAnswer::NoKey) => return Err(Reason::NoKey),
            Some(KeyAnswer::Several) => return Err(Reason::SeveralKeys),
            Some(KeyAnswer::Failed(Failure::Bogus)) => return Err(Reason::KeyBogus),
            Some(KeyAnswer::Failed(Failure::TimeOut)) | None => return Err(Reason::KeyTimeOut),
            Some(KeyAnswer::Failed(Failure::ServerFailure)) => return Err(Reason::KeyServerFailure),
        };
        self.check_key(by, found)?;
        Ok(found)
    }

    fn check_key(&self, by: &SignedBy, found: &FoundKey) -> Result<(), Reason> {
        let record = &found.record;
        if !record.allows_hash(by.algorithm.hash()) {
            return Err(Reason::KeyHash);
        }
        if !record.allows_service(self.policy.service.as_str()) {
            return Err(Reason::KeyService);
        }
        match &record.key {
            PublicKey::Revoked(_) => Err(Reason::KeyRevoked),
            key if key.key_type() != KeyType::of(by.algorithm) => Err(Reason::KeyType),
            // RFC 8301 §3.2: shorter keys must not be taken for valid.
            PublicKey::Rsa(key) if key.bits() < MIN_RSA_BITS => Err(Reason::KeyShort(key.bits())),
            PublicKey::Rsa(key) if key.bits() < self.policy.min_rsa_bits => {
                Err(Reason::KeyBelowPolicy(key.bits()))
            }
            PublicKey::Rsa(_) | PublicKey::Ed25519(_) => Ok(()),
        }
    }
}
