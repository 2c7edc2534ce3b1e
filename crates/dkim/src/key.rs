//! The key record (RFC 6376 §3.6.1, RFC 8463 §4.2): what a domain publishes under a selector, with all that its owner
//! should know about it.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, OnceLock};

use aws_lc_rs::digest::Digest;
use aws_lc_rs::signature::{
    ED25519, ParsedPublicKey, RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY, UnparsedPublicKey,
};
use mail::Parsed;

use crate::der::{DerKey, public_key};
use crate::signature::Algorithm;
use crate::values::to_base64;
use small_order::is_of_small_order;

/// Longest record that is read, in bytes.
pub const MAX_RECORD: usize = 16 * 1024;
/// Longest p=, in characters of base64.
pub const MAX_KEY: usize = 4_096;
/// Fewest bits of an RSA key that counts (RFC 8301 §3.2).
pub const MIN_RSA_BITS: usize = 1_024;
/// Most bits of an RSA key.
pub const MAX_RSA_BITS: usize = 8_192;
/// RSA keys below this are weak (RFC 8301 §3.2: signers should have 2048 bits or more).
pub const GOOD_RSA_BITS: usize = 2_048;
/// Largest public exponent.
pub const MAX_RSA_EXPONENT: u64 = 1 << 33;
/// Most findings of one record.
pub const MAX_FINDINGS: usize = 32;

/// An RSA public key of 1 to 8192 bits; those below 1024 are understood and verify nothing.
#[derive(Clone, Debug)]
pub struct RsaKey(Arc<RsaParts>);

#[derive(Debug)]
struct RsaParts {
    der: Box<[u8]>,
    bits: usize,
    /// The key made ready to verify with, when it first has to; `None` if it verifies nothing.
    ready: OnceLock<Option<ParsedPublicKey>>,
}

impl RsaKey {
    fn new(der: &[u8], bits: usize) -> Self {
        Self(Arc::new(RsaParts { der: der.into(), bits, ready: OnceLock::new() }))
    }

    /// The length of the modulus, in bits.
    pub fn bits(&self) -> usize {
        self.0.bits
    }

    fn ready(&self) -> Option<&ParsedPublicKey> {
        let parse =
            || ParsedPublicKey::new(&RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY, &self.0.der).ok();
        self.0.ready.get_or_init(parse).as_ref()
    }
}

impl PartialEq for RsaKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.der == other.0.der
    }
}

impl Eq for RsaKey {}

impl Hash for RsaKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.der.hash(state);
    }
}

/// What p= and k= hold.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PublicKey {
    /// No key any more: p= is empty. The type is what k= says.
    Revoked(KeyType),
    /// An RSA key.
    Rsa(RsaKey),
    /// An Ed25519 key.
    Ed25519([u8; 32]),
}

/// The types of key (RFC 6376 §7.6, RFC 8463 §8.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyType {
    /// RSA, the default.
    Rsa,
    /// Ed25519.
    Ed25519,
}

impl KeyType {
    /// The name, as k= has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rsa => "rsa",
            Self::Ed25519 => "ed25519",
        }
    }

    /// The type of key that signatures of this algorithm need.
    pub const fn of(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::RsaSha256 | Algorithm::RsaSha1 => Self::Rsa,
            Algorithm::Ed25519Sha256 => Self::Ed25519,
        }
    }
}

/// Why bytes are not a key of their type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyError {
    /// Not the DER of an RSA key, or something follows it.
    NotRsa,
    /// More than [`MAX_RSA_BITS`]; the bits.
    LongRsa(usize),
    /// An even modulus.
    EvenModulus,
    /// An exponent that is even, below 3 or above [`MAX_RSA_EXPONENT`].
    Exponent,
    /// An Ed25519 key of other than 32 bytes; the bytes.
    Ed25519Length(usize),
    /// An Ed25519 key that is a point of small order, such as 32 zeros: everybody can sign with it.
    Ed25519SmallOrder,
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotRsa => f.write_str("not an RSA public key"),
            Self::LongRsa(bits) => write!(f, "an RSA key of {bits} bits, more than {MAX_RSA_BITS}"),
            Self::EvenModulus => f.write_str("not an RSA key: its modulus is even"),
            Self::Exponent => {
                f.write_str("an RSA key whose exponent is even, less than 3 or more than 2 to the 33rd")
            }
            Self::Ed25519Length(bytes) => write!(f, "{bytes} bytes, where an Ed25519 key has 32"),
            Self::Ed25519SmallOrder => f.write_str("an Ed25519 key with which everybody can sign"),
        }
    }
}

impl PublicKey {
    /// Reads the decoded p= of a key of this type.
    pub(crate) fn from_der(key_type: KeyType, der: &[u8]) -> Result<Self, KeyError> {
        match (key_type, public_key(der)) {
            (KeyType::Rsa, Some(DerKey::Rsa { modulus, exponent })) => {
                check_rsa(modulus, exponent).map(|bits| Self::Rsa(RsaKey::new(der, bits)))
            }
            (KeyType::Rsa, _) => Err(KeyError::NotRsa),
            // RFC 8463 §4.2: p= is the bare key; some publish it wrapped as other keys are.
            (KeyType::Ed25519, Some(DerKey::Ed25519(bare))) => Self::ed25519(bare),
            (KeyType::Ed25519, _) => Self::ed25519(der),
        }
    }

    fn ed25519(bytes: &[u8]) -> Result<Self, KeyError> {
        let key: [u8; 32] = bytes.try_into().map_err(|_| KeyError::Ed25519Length(bytes.len()))?;
        if is_of_small_order(&key) { Err(KeyError::Ed25519SmallOrder) } else { Ok(Self::Ed25519(key)) }
    }

    /// The type of the key.
    pub fn key_type(&self) -> KeyType {
        match self {
            Self::Revoked(key_type) => *key_type,
            Self::Rsa(_) => KeyType::Rsa,
            Self::Ed25519(_) => KeyType::Ed25519,
        }
    }

    /// Whether `signature` was made with this key over a header with this SHA-256. An RSA key outside of 1024 to 8192
    /// bits verifies nothing.
    pub fn verifies(&self, sha256: &Digest, signature: &[u8]) -> bool {
        match self {
            Self::Revoked(_) => false,
            // RFC 8301 §3.2: keys below 1024 bits must not be taken for valid; this algorithm refuses them too.
            Self::Rsa(key) => {
                key.ready().is_some_and(|ready| ready.verify_digest_sig(sha256, signature).is_ok())
            }
            // RFC 8463 §3: what Ed25519 signs is the SHA-256 of the header, not the header.
            Self::Ed25519(key) => {
                UnparsedPublicKey::new(&ED25519, key).verify(sha256.as_ref(), signature).is_ok()
            }
        }
    }
}

/// `RSA, 2048 bits`; `Ed25519`; `revoked`.
impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Revoked(_) => f.write_str("revoked"),
            Self::Rsa(key) => write!(f, "RSA, {} bits", key.bits()),
            Self::Ed25519(_) => f.write_str("Ed25519"),
        }
    }
}

/// The bits of the modulus.
pub(crate) fn check_rsa(modulus: &[u8], exponent: &[u8]) -> Result<usize, KeyError> {
    let zeros = modulus.first().map_or(8, |byte| byte.leading_zeros()) as usize;
    let bits = (modulus.len() * 8).saturating_sub(zeros);
    if bits > MAX_RSA_BITS {
        return Err(KeyError::LongRsa(bits));
    }
    if modulus.last().is_none_or(|byte| byte % 2 == 0) {
        return Err(KeyError::EvenModulus);
    }
    let e = match exponent.len() {
        1..=8 => exponent.iter().fold(0, |e, byte| e << 8 | u64::from(*byte)),
        _ => return Err(KeyError::Exponent),
    };
    if e < 3 || e % 2 == 0 || e > MAX_RSA_EXPONENT { Err(KeyError::Exponent) } else { Ok(bits) }
}

/// A key record that counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRecord {
    /// k= and p=.
    pub key: PublicKey,
    /// h=, the hashes that may be signed, in lower case; `None` for all.
    pub hashes: Option<Vec<Box<str>>>,
    /// s=, the services that the key is for, in lower case; `None` for all.
    pub services: Option<Vec<Box<str>>>,
    /// t=, in lower case; empty for none.
    pub flags: Vec<Box<str>>,
    /// n=, notes for people, as published; `None` if there are none.
    pub notes: Option<Box<str>>,
}

impl KeyRecord {
    /// Reads the text of a record, its strings put together.
    pub fn parse(text: &[u8]) -> Parsed<Self> {
        reader::read(text)
    }

    /// The record of a key, with nothing but the key in it.
    pub fn of(key: PublicKey) -> Self {
        Self { key, hashes: None, services: None, flags: Vec::new(), notes: None }
    }

    /// Whether the domain is only testing DKIM (t=y).
    pub fn is_testing(&self) -> bool {
        self.flags.iter().any(|flag| &**flag == "y")
    }

    /// Whether i= must have the signing domain itself (t=s).
    pub fn is_strict(&self) -> bool {
        self.flags.iter().any(|flag| &**flag == "s")
    }

    /// Whether h= allows this hash, such as `sha256`.
    pub fn allows_hash(&self, hash: &str) -> bool {
        self.hashes.as_ref().is_none_or(|hashes| hashes.iter().any(|h| &**h == hash))
    }

    /// Whether s= allows this service, such as `email`.
    pub fn allows_service(&self, service: &str) -> bool {
        // RFC 6376 §3.6.1 s=: a star matches all.
        self.services.as_ref().is_none_or(|services| services.iter().any(|s| &**s == "*" || &**s == service))
    }

    /// Whether the key is RSA of less than 2048 bits.
    pub fn is_weak(&self) -> bool {
        matches!(&self.key, PublicKey::Rsa(key) if key.bits() < GOOD_RSA_BITS)
    }
}

/// The record as it can be published. Unknown tags are gone, and an Ed25519 key that was wrapped is bare.
impl fmt::Display for KeyRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("v=DKIM1")?;
        let lists = [("h", self.hashes.as_ref()), ("s", self.services.as_ref())];
        let flags = Some(&self.flags).filter(|flags| !flags.is_empty());
        for (tag, words) in lists.into_iter().chain([("t", flags)]) {
            if let Some(words) = words {
                write!(f, "; {tag}={}", words.join(":"))?;
            }
        }
        if let Some(notes) = &self.notes {
            write!(f, "; n={notes}")?;
        }
        write!(f, "; k={}; p=", self.key.key_type().as_str())?;
        match &self.key {
            PublicKey::Revoked(_) => Ok(()),
            PublicKey::Rsa(key) => f.write_str(&to_base64(&key.0.der)),
            PublicKey::Ed25519(key) => f.write_str(&to_base64(key)),
        }
    }
}

mod reader;
mod small_order;

#[cfg(test)]
mod tests;
