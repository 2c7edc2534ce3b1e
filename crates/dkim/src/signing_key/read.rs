//! The forms of key files: PEM, DER and base64 around PKCS#8 (RFC 5958), PKCS#1 (RFC 8017 §A.1.2) and Ed25519 seeds;
//! and a name for all else that people take for a key.

use base64::Engine;
use zeroize::Zeroizing;

use super::{KeyFault, MAX_KEY_FILE};
use crate::der::{BIT_STRING, ED25519, INTEGER, OID, RSA_ENCRYPTION, Reader, SEQUENCE, whole};
use crate::values::{BASE64, is_fws};

/// A private key as its file says, not yet checked.
pub(super) enum Private<'a> {
    /// A whole RSAPrivateKey, and two numbers out of it.
    Rsa { pkcs1: &'a [u8], modulus: &'a [u8], exponent: &'a [u8] },
    /// The seed, and the public key if that stands beside it.
    Ed25519 { seed: &'a [u8], public: Option<&'a [u8]> },
}

const OCTET_STRING: u8 = 0x04;
/// Attributes of a PKCS#8 key: a constructed `[0]`.
const ATTRIBUTES: u8 = 0xa0;
/// The public key in a PKCS#8 key: `[1]`, which replaces the tag of the bit string, or, as some write it, stands around it.
const PUBLIC: u8 = 0x81;
const PUBLIC_AROUND: u8 = 0xa1;

/// Types of key that exist and can't sign here, by the object identifier of their algorithm.
const OTHER_TYPES: &[(&[u8], &str)] = &[
    (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01], "EC"),
    (&[0x2a, 0x86, 0x48, 0xce, 0x38, 0x04, 0x01], "DSA"),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a], "RSA-PSS"),
    (&[0x2b, 0x65, 0x6e], "X25519"),
    (&[0x2b, 0x65, 0x6f], "X448"),
    (&[0x2b, 0x65, 0x71], "Ed448"),
];

/// Finds the private key of a file and hands it on. What had to be decoded is overwritten afterwards.
pub(super) fn with_private<T>(
    file: &[u8],
    then: impl FnOnce(Private<'_>) -> Result<T, KeyFault>,
) -> Result<T, KeyFault> {
    if file.len() > MAX_KEY_FILE {
        return Err(KeyFault::TooLarge);
    }
    // A byte order mark, which no DER begins with.
    let file = file.strip_prefix(b"\xef\xbb\xbf").unwrap_or(file);
    if !file.is_ascii() || file.iter().any(|b| b.is_ascii_control() && !is_fws(*b)) {
        return then(private_key(file).ok_or(KeyFault::NotAKey)??);
    }
    let text = std::str::from_utf8(file).unwrap_or_default().trim();
    if text.is_empty() {
        return Err(KeyFault::Empty);
    }
    if text.contains("-----BEGIN ") {
        let der = pem(text)?;
        return then(private_key(&der).ok_or(KeyFault::Damaged)??);
    }
    if text.contains("v=DKIM1") || text.contains("_domainkey") {
        return Err(KeyFault::KeyRecordInstead);
    }
    let bytes = decode(text).ok_or(KeyFault::NotAKey)?;
    match bytes.split_at_checked(32) {
        Some((seed, [])) => then(Private::Ed25519 { seed, public: None }),
        Some((seed, public)) if public.len() == 32 => then(Private::Ed25519 { seed, public: Some(public) }),
        _ => then(private_key(&bytes).ok_or(KeyFault::NotAKey)??),
    }
}

/// Decodes base64 with white space in it.
fn decode(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let mut dense = Zeroizing::new(Vec::with_capacity(text.len()));
    dense.extend(text.bytes().filter(|b| !is_fws(*b)));
    // What was decoded in front of a mistake is overwritten too.
    let mut bytes = Zeroizing::new(vec![0; dense.len() + 3]);
    let length = BASE64.decode_slice(dense.as_slice(), &mut bytes).ok()?;
    bytes.truncate(length);
    Some(bytes)
}

/// The content of the only private key in PEM text (RFC 7468), or of what stands there instead.
fn pem(text: &str) -> Result<Zeroizing<Vec<u8>>, KeyFault> {
    let (mut key, mut other) = (None, KeyFault::NotAKey);
    let mut rest = text;
    while let Some((_, block)) = rest.split_once("-----BEGIN ") {
        let (label, block) = block.split_once("-----").ok_or(KeyFault::Truncated)?;
        let (content, after) =
            block.split_once(&format!("-----END {label}-----")).ok_or(KeyFault::Truncated)?;
        match label {
            _ if label.ends_with("PRIVATE KEY") && key.is_some() => return Err(KeyFault::SeveralKeys),
            "PRIVATE KEY" | "RSA PRIVATE KEY" => key = Some(content),
            "ENCRYPTED PRIVATE KEY" => return Err(KeyFault::Encrypted),
            "EC PRIVATE KEY" => return Err(KeyFault::UnsupportedType("EC")),
            "DSA PRIVATE KEY" => return Err(KeyFault::UnsupportedType("DSA")),
            "OPENSSH PRIVATE KEY" => return Err(KeyFault::UnsupportedType("OpenSSH")),
            "PUBLIC KEY" | "RSA PUBLIC KEY" => other = KeyFault::PublicKeyInstead,
            "CERTIFICATE" | "X509 CERTIFICATE" | "TRUSTED CERTIFICATE" => {
                other = KeyFault::CertificateInstead;
            }
            _ => {}
        }
        rest = after;
    }
    let content = key.ok_or(other)?;
    // RFC 1421 §4.6.1.1: how OpenSSL marks a key with a passphrase in the old form.
    if content.contains("4,ENCRYPTED") {
        return Err(KeyFault::Encrypted);
    }
    decode(content).ok_or(KeyFault::Damaged)
}

/// Reads DER of any of the kinds; `None` if it is no DER, or of no kind that is known.
fn private_key(der: &[u8]) -> Option<Result<Private<'_>, KeyFault>> {
    if is_cut_off(der) {
        return Some(Err(KeyFault::Truncated));
    }
    let mut body = whole(der, SEQUENCE)?;
    if body.0.first() == Some(&SEQUENCE) {
        return Some(Err(public_or_encrypted(body)?));
    }
    let (version, mut after) = (body.take(INTEGER)?, Reader(body.0));
    match *after.0.first()? {
        // RFC 5958 §2: version 0, or 1 where the public key is there too.
        SEQUENCE if matches!(version, [0 | 1]) => Some(pkcs8(after)),
        // RFC 8017 §A.1.2: nine numbers; version 1 stands for more than two primes, which are not in use.
        INTEGER if version == [0] => Some(pkcs1(der, after)),
        // RFC 5915 §3.
        OCTET_STRING if version == [1] => Some(Err(KeyFault::UnsupportedType("EC"))),
        // RFC 8017 §A.1.1: two numbers.
        INTEGER => {
            after.take(INTEGER)?;
            after.is_done().then_some(Err(KeyFault::PublicKeyInstead))
        }
        _ => None,
    }
}

/// Whether the outermost element is longer than what there is.
fn is_cut_off(der: &[u8]) -> bool {
    let (length, rest) = match der {
        [SEQUENCE, short @ 0..=0x7f, rest @ ..] => (usize::from(*short), rest),
        [SEQUENCE, 0x81, byte, rest @ ..] => (usize::from(*byte), rest),
        [SEQUENCE, 0x82, high, low, rest @ ..] => (usize::from(*high) << 8 | usize::from(*low), rest),
        [SEQUENCE] | [SEQUENCE, 0x81] | [SEQUENCE, 0x82] | [SEQUENCE, 0x82, _] => return true,
        _ => return false,
    };
    rest.len() < length
}

/// What begins with a sequence in a sequence.
fn public_or_encrypted(mut body: Reader<'_>) -> Option<KeyFault> {
    body.take(SEQUENCE)?;
    match *body.0.first()? {
        // RFC 5280 §4.1: SubjectPublicKeyInfo; Certificate.
        BIT_STRING => Some(KeyFault::PublicKeyInstead),
        SEQUENCE => Some(KeyFault::CertificateInstead),
        // RFC 5958 §3: EncryptedPrivateKeyInfo.
        OCTET_STRING => Some(KeyFault::Encrypted),
        _ => None,
    }
}

/// An OneAsymmetricKey from its algorithm on.
fn pkcs8(mut body: Reader<'_>) -> Result<Private<'_>, KeyFault> {
    let Parts { algorithm, key, public } = pkcs8_parts(&mut body).ok_or(KeyFault::Damaged)?;
    if algorithm == RSA_ENCRYPTION {
        let mut inner = whole(key, SEQUENCE).ok_or(KeyFault::Damaged)?;
        return match inner.take(INTEGER) {
            Some([0]) => pkcs1(key, inner),
            _ => Err(KeyFault::Damaged),
        };
    }
    if algorithm == ED25519 {
        // RFC 8410 §7: the seed is an octet string of its own within that of the key.
        let seed = whole(key, OCTET_STRING).ok_or(KeyFault::Damaged)?.0;
        return Ok(Private::Ed25519 { seed, public });
    }
    let name = OTHER_TYPES.iter().find(|(oid, _)| *oid == algorithm).map_or("unknown", |(_, name)| name);
    Err(KeyFault::UnsupportedType(name))
}

/// What a OneAsymmetricKey holds.
struct Parts<'a> {
    /// The object identifier.
    algorithm: &'a [u8],
    key: &'a [u8],
    public: Option<&'a [u8]>,
}

fn pkcs8_parts<'a>(body: &mut Reader<'a>) -> Option<Parts<'a>> {
    let algorithm = Reader(body.take(SEQUENCE)?).take(OID)?;
    let key = body.take(OCTET_STRING)?;
    let mut bits = None;
    while let Some(tag) = body.0.first() {
        match *tag {
            ATTRIBUTES => {
                body.take(ATTRIBUTES)?;
            }
            PUBLIC => bits = Some(body.take(PUBLIC)?),
            PUBLIC_AROUND => bits = Some(whole(body.take(PUBLIC_AROUND)?, BIT_STRING)?.0),
            _ => return None,
        }
    }
    let public = match bits {
        Some(bits) => Some(bits.strip_prefix(&[0])?),
        None => None,
    };
    Some(Parts { algorithm, key, public })
}

/// An RSAPrivateKey from its modulus on; `der` is all of it.
fn pkcs1<'a>(der: &'a [u8], mut body: Reader<'a>) -> Result<Private<'a>, KeyFault> {
    let mut numbers = Vec::with_capacity(8);
    while !body.is_done() {
        numbers.push(body.take_positive().ok_or(KeyFault::Damaged)?);
    }
    match numbers.as_slice() {
        [modulus, exponent, _d, _p, _q, _dp, _dq, _qi] => Ok(Private::Rsa { pkcs1: der, modulus, exponent }),
        [_p, _q, _g, _y, _x] => Err(KeyFault::UnsupportedType("DSA")),
        _ => Err(KeyFault::Damaged),
    }
}
