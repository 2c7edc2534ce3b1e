//! Private keys: read from the files in which they are kept, and used to sign. Nothing here shows the secret half.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest::{Digest, SHA256, digest};
use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};

use crate::key::{KeyError, KeyRecord, KeyType, PublicKey};
use crate::signature::Algorithm;
use read::Private;

/// Fewest bits of an RSA key that signs (RFC 8301 §3.2: signers should use at least 2048).
pub const MIN_SIGNING_BITS: usize = 2_048;
/// Most bits of an RSA key that signs: what every verifier has to be able to verify (RFC 8301 §3.2).
pub const MAX_SIGNING_BITS: usize = 4_096;
/// Largest key file that is read, in bytes.
pub const MAX_KEY_FILE: usize = 64 * 1024;

/// Why a file holds no key to sign with, and what to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum KeyFault {
    /// Nothing there but white space.
    #[error("the file is empty")]
    Empty,
    /// More than [`MAX_KEY_FILE`].
    #[error("the file is larger than {MAX_KEY_FILE} bytes, so it is not a key")]
    TooLarge,
    /// Neither PEM, nor DER, nor base64 of a key.
    #[error("not a private key; a key is a PEM file (BEGIN PRIVATE KEY), DER, or an Ed25519 seed in base64")]
    NotAKey,
    /// It ends in the middle.
    #[error("the key is cut off: copy the whole file again")]
    Truncated,
    /// It has the frame of a key, and what is inside is none.
    #[error("the key is damaged: copy the whole file again")]
    Damaged,
    /// A passphrase is needed.
    #[error("the key is encrypted; write it without a passphrase: openssl pkey -in FILE -out NEW")]
    Encrypted,
    /// A public key.
    #[error("this is a public key; the private key is needed")]
    PublicKeyInstead,
    /// The record for the DNS.
    #[error("this is the record for the DNS; the private key is needed, which was made together with it")]
    KeyRecordInstead,
    /// A certificate.
    #[error("this is a certificate; DKIM needs a private key and no certificate")]
    CertificateInstead,
    /// More than one private key.
    #[error("the file holds more than one private key: keep each in a file of its own")]
    SeveralKeys,
    /// A key that no DKIM algorithm can use; its type.
    #[error("a key of the type {0} can't sign; DKIM uses RSA and Ed25519")]
    UnsupportedType(&'static str),
    /// Below [`MIN_SIGNING_BITS`].
    #[error("an RSA key of {bits} bits is too short to sign with: make a new one of {MIN_SIGNING_BITS} bits")]
    RsaTooShort {
        /// The length of its modulus.
        bits: usize,
    },
    /// Above [`MAX_SIGNING_BITS`].
    #[error(
        "an RSA key of {bits} bits is longer than receivers have to verify: make a new one of {MIN_SIGNING_BITS} bits"
    )]
    RsaTooLong {
        /// The length of its modulus.
        bits: usize,
    },
    /// No receiver takes its public half.
    #[error("{0}: make a new key")]
    RsaBroken(KeyError),
    /// An Ed25519 key of another length than 32 bytes; the bytes.
    #[error("{0} bytes, where an Ed25519 key has 32: make a new key")]
    Ed25519Length(usize),
    /// Its parts belong to different keys.
    #[error("the parts of this key don't belong together: it is damaged, make a new key")]
    Inconsistent,
}

/// The crypto library could not sign. It can with every key that [`SigningKey::parse`] gave, so this is a fault of the
/// machine, such as no memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the crypto library could not sign")]
pub struct CryptoFault;

/// A private key. Copies share it; the crypto library overwrites its memory when the last one is gone.
#[derive(Clone)]
pub struct SigningKey(Arc<Pair>);

struct Pair {
    secret: Secret,
    public: PublicKey,
}

enum Secret {
    Rsa(RsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl SigningKey {
    /// Reads the bytes of a key file: PEM or DER, PKCS#8 (RFC 5958) or PKCS#1 (RFC 8017 §A.1.2), as OpenSSL, OpenDKIM and
    /// rspamd write them; or base64 of an Ed25519 seed, alone (dkimpy) or with the public key behind it (rspamd).
    /// What is decoded on the way is overwritten; `file` itself is the caller's to overwrite.
    pub fn parse(file: &[u8]) -> Result<Self, KeyFault> {
        let key = read::with_private(file, |private| match private {
            Private::Rsa { pkcs1, modulus, exponent } => Self::rsa(pkcs1, modulus, exponent),
            Private::Ed25519 { seed, public } => Self::ed25519(seed, public),
        })?;
        // A key whose numbers are wrong in a way that only signing shows is found here and not with the first message.
        let probe = digest(&SHA256, b"probe");
        let signature = key.sign_digest(&probe).map_err(|_| KeyFault::Inconsistent)?;
        if key.0.public.verifies(&probe, &signature) { Ok(key) } else { Err(KeyFault::Inconsistent) }
    }

    fn rsa(pkcs1: &[u8], modulus: &[u8], exponent: &[u8]) -> Result<Self, KeyFault> {
        // RFC 8301 §3.2: no key below 1024 bits signs, none should below 2048.
        let bits = match crate::key::check_rsa(modulus, exponent) {
            Ok(bits) | Err(KeyError::LongRsa(bits)) => bits,
            Err(error) => return Err(KeyFault::RsaBroken(error)),
        };
        match bits {
            ..MIN_SIGNING_BITS => return Err(KeyFault::RsaTooShort { bits }),
            MIN_SIGNING_BITS..=MAX_SIGNING_BITS => {}
            _ => return Err(KeyFault::RsaTooLong { bits }),
        }
        let pair = RsaKeyPair::from_der(pkcs1).map_err(|_| KeyFault::Inconsistent)?;
        let spki = x509(pair.public_key()).ok_or(KeyFault::Inconsistent)?;
        let public = PublicKey::from_der(KeyType::Rsa, &spki).map_err(KeyFault::RsaBroken)?;
        Ok(Self(Arc::new(Pair { secret: Secret::Rsa(pair), public })))
    }

    fn ed25519(seed: &[u8], public: Option<&[u8]>) -> Result<Self, KeyFault> {
        if seed.len() != 32 {
            return Err(KeyFault::Ed25519Length(seed.len()));
        }
        let pair = match public {
            Some(public) => Ed25519KeyPair::from_seed_and_public_key(seed, public),
            None => Ed25519KeyPair::from_seed_unchecked(seed),
        };
        let pair = pair.map_err(|_| KeyFault::Inconsistent)?;
        let public = pair.public_key().as_ref().try_into().map_err(|_| KeyFault::Inconsistent)?;
        Ok(Self(Arc::new(Pair { secret: Secret::Ed25519(pair), public: PublicKey::Ed25519(public) })))
    }

    /// The algorithm of its signatures.
    pub fn algorithm(&self) -> Algorithm {
        match self.0.secret {
            Secret::Rsa(_) => Algorithm::RsaSha256,
            Secret::Ed25519(_) => Algorithm::Ed25519Sha256,
        }
    }

    /// The length of an RSA key's modulus; 256 for Ed25519.
    pub fn bits(&self) -> usize {
        match &self.0.public {
            PublicKey::Rsa(key) => key.bits(),
            PublicKey::Ed25519(_) | PublicKey::Revoked(_) => 256,
        }
    }

    /// The public half.
    pub fn public_key(&self) -> &PublicKey {
        &self.0.public
    }

    /// The text to be published under the selector (RFC 6376 §3.6.1), on one line: `v=DKIM1; k=…; p=…`.
    pub fn key_record(&self) -> String {
        KeyRecord::of(self.0.public.clone()).to_string()
    }

    /// Signs these bytes: RSASSA-PKCS1-v1_5 with SHA-256 (RFC 6376 §3.3.2), or Ed25519 over their SHA-256 (RFC 8463 §3).
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, CryptoFault> {
        self.sign_digest(&digest(&SHA256, message))
    }

    /// Signs the bytes that have this SHA-256.
    pub fn sign_sha256(&self, sha256: &[u8; 32]) -> Result<Vec<u8>, CryptoFault> {
        self.sign_digest(&Digest::import_less_safe(sha256, &SHA256).map_err(|_| CryptoFault)?)
    }

    pub(crate) fn sign_digest(&self, sha256: &Digest) -> Result<Vec<u8>, CryptoFault> {
        match &self.0.secret {
            Secret::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign_digest(&RSA_PKCS1_SHA256, sha256, &mut signature).map_err(|_| CryptoFault)?;
                Ok(signature)
            }
            // RFC 8463 §3: what Ed25519 signs is the SHA-256, not the bytes.
            Secret::Ed25519(pair) => {
                pair.try_sign(sha256.as_ref()).map(|s| s.as_ref().to_vec()).map_err(|_| CryptoFault)
            }
        }
    }
}

/// The public half, as a SubjectPublicKeyInfo.
fn x509(public: &rsa::PublicKey) -> Option<Vec<u8>> {
    let der: PublicKeyX509Der<'_> = public.as_der().ok()?;
    Some(der.as_ref().to_vec())
}

/// The type and length, never the key.
impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.0.public)
    }
}

mod read;

#[cfg(test)]
mod tests;
