//! What no verifier can do without: SHA-256 over each body once, and one verification, with the key at hand.

use std::hint::black_box;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{
    ED25519, ParsedPublicKey, RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY as RSA, UnparsedPublicKey,
};
use testkit::signer::TestKey;

use crate::workload::Mail;
use crate::world::{Algorithm, Keys};

/// A header's worth of bytes, which is what signatures are over.
const SIGNED: &[u8] = &[b'x'; 800];

/// A key and a signature that it fits, for each algorithm.
pub struct Floor([(Algorithm, ParsedPublicKey, Vec<u8>); 3]);

impl Floor {
    /// Makes the signatures.
    pub fn new() -> Self {
        let keys = Keys::new();
        Self([Algorithm::Rsa2048, Algorithm::Rsa1024, Algorithm::Ed25519].map(|algorithm| {
            let (key, signature) = signature(&keys.of(0, algorithm));
            (algorithm, key, signature)
        }))
    }

    /// The least work for one message: none, where it is not signed.
    pub fn work(&self, mail: &Mail) {
        self.hash(mail);
        for (algorithm, key, signature) in &self.0 {
            if mail.signed == Some(*algorithm) {
                key.verify_sig(SIGNED, signature).expect("a valid signature");
            }
        }
    }

    /// The hashing alone.
    pub fn hash(&self, mail: &Mail) {
        if mail.signed.is_some() {
            black_box(digest(&SHA256, &mail.bytes[mail.body..]));
        }
    }
}

fn signature(key: &TestKey) -> (ParsedPublicKey, Vec<u8>) {
    let hash = digest(&SHA256, SIGNED);
    // RFC 8463 §3: Ed25519 signs the hash in DKIM; here, the bytes, since the verification costs the same.
    match key {
        TestKey::Rsa { .. } => {
            let parsed = UnparsedPublicKey::new(&RSA, key.public_pkcs1()).parse().expect("a key");
            (parsed, key.sign(hash.as_ref()))
        }
        TestKey::Ed25519(_) => {
            let parsed = UnparsedPublicKey::new(&ED25519, key.public()).parse().expect("a key");
            (parsed, key.sign(SIGNED))
        }
    }
}
