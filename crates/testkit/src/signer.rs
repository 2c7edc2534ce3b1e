//! A DKIM signer for tests: it signs as RFC 6376 §3.7 says, step by step and slowly, and also what no signer should
//! sign. Its canonical forms are those of the oracle, not those of the verifier.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY as SHA1, SHA256, digest};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use num_bigint::BigUint;

use crate::oracle::canon::{self, to_bytes, to_text};

/// The DER of a DigestInfo for SHA-256, without the hash (RFC 8017 §9.2).
const SHA256_INFO: [u8; 19] = [
    0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00,
    0x04, 0x20,
];
/// The same for SHA-1.
const SHA1_INFO: [u8; 15] =
    [0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00, 0x04, 0x14];

/// A key pair for tests.
#[derive(Clone, Debug)]
pub enum TestKey {
    /// RSA of any length.
    Rsa {
        /// Modulus.
        n: BigUint,
        /// Public exponent.
        e: BigUint,
        /// Private exponent.
        d: BigUint,
    },
    /// Ed25519, by its seed.
    Ed25519([u8; 32]),
}

impl TestKey {
    /// An RSA key of 512, 768, 1023, 1024, 2048 or 8192 bits, always the same one.
    #[must_use]
    pub fn rsa(bits: usize) -> Self {
        Self::read(match bits {
            512 => include_str!("../keys/rsa-512.txt"),
            768 => include_str!("../keys/rsa-768.txt"),
            1023 => include_str!("../keys/rsa-1023.txt"),
            1024 => include_str!("../keys/rsa-1024.txt"),
            2048 => include_str!("../keys/rsa-2048.txt"),
            8192 => include_str!("../keys/rsa-8192.txt"),
            _ => panic!("there is no test key of {bits} bits"),
        })
    }

    /// An RSA key of 2048 bits with the exponent 3.
    #[must_use]
    pub fn rsa_exponent_3() -> Self {
        Self::read(include_str!("../keys/rsa-2048-e3.txt"))
    }

    /// The RSA key of 2048 bits with the exponent 1: every padded block is its own signature.
    #[must_use]
    pub fn rsa_exponent_1() -> Self {
        let Self::Rsa { n, .. } = Self::rsa(2048) else { panic!("RSA") };
        Self::Rsa { n, e: BigUint::from(1_u8), d: BigUint::from(1_u8) }
    }

    /// The RSA key of 2048 bits with an exponent of about as many bits that undoes the same private one.
    #[must_use]
    pub fn rsa_exponent_huge() -> Self {
        let Self::Rsa { n, e, d } = Self::rsa(2048) else { panic!("RSA") };
        let again = &e * &d - 1_u8;
        Self::Rsa { n, e: e + again, d }
    }

    /// The RSA key of 2048 bits with twice its modulus, which fits the same exponents.
    #[must_use]
    pub fn rsa_even() -> Self {
        let Self::Rsa { n, e, d } = Self::rsa(2048) else { panic!("RSA") };
        Self::Rsa { n: n * 2_u8, e, d }
    }

    /// A key with the modulus of the RSA key of 8192 bits to this power: for its length only, it signs nothing.
    #[must_use]
    pub fn rsa_power(power: u32) -> Self {
        let Self::Rsa { n, e, d } = Self::rsa(8192) else { panic!("RSA") };
        Self::Rsa { n: n.pow(power), e, d }
    }

    /// The RSA key of RFC 8463 appendix A.
    #[must_use]
    pub fn rfc_8463_rsa() -> Self {
        Self::read(include_str!("../keys/rsa-rfc8463.txt"))
    }

    /// The Ed25519 key of RFC 8463 appendix A.
    #[must_use]
    pub fn rfc_8463_ed25519() -> Self {
        let seed = STANDARD.decode("nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=").expect("base64");
        Self::Ed25519(seed.try_into().expect("32 bytes"))
    }

    /// An Ed25519 key; each number has one of its own.
    #[must_use]
    pub fn ed25519(number: u8) -> Self {
        Self::Ed25519([number; 32])
    }

    fn read(text: &str) -> Self {
        let number = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name)).expect("a line for each number");
            BigUint::parse_bytes(line.trim().as_bytes(), 16).expect("hexadecimal")
        };
        Self::Rsa { n: number("n "), e: number("e "), d: number("d ") }
    }

    /// `rsa-sha256` or `ed25519-sha256`.
    #[must_use]
    pub fn algorithm(&self) -> &'static str {
        match self {
            Self::Rsa { .. } => "rsa-sha256",
            Self::Ed25519(_) => "ed25519-sha256",
        }
    }

    /// The public key as p= has it: a SubjectPublicKeyInfo for RSA, the bare key for Ed25519.
    #[must_use]
    pub fn public(&self) -> Vec<u8> {
        match self {
            Self::Rsa { .. } => {
                let oid = [6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 5, 0];
                let bits = [vec![0], self.public_pkcs1()].concat();
                der(0x30, &[der(0x30, &oid), der(3, &bits)].concat())
            }
            Self::Ed25519(seed) => {
                let pair = Ed25519KeyPair::from_seed_unchecked(seed).expect("a seed");
                pair.public_key().as_ref().to_vec()
            }
        }
    }

    /// The public key in the other form: an RSAPublicKey for RSA, a SubjectPublicKeyInfo for Ed25519.
    #[must_use]
    pub fn public_pkcs1(&self) -> Vec<u8> {
        match self {
            Self::Rsa { n, e, .. } => der(0x30, &[der_number(n), der_number(e)].concat()),
            Self::Ed25519(_) => {
                let bits = [vec![0], self.public()].concat();
                der(0x30, &[der(0x30, &[6, 3, 0x2b, 0x65, 0x70]), der(3, &bits)].concat())
            }
        }
    }

    /// The key record, `v=DKIM1; k=…; p=…`.
    #[must_use]
    pub fn record(&self) -> String {
        self.record_with("", &self.public())
    }

    /// A key record with more tags (each with its semicolon) before p=, and with these bytes in p=.
    #[must_use]
    pub fn record_with(&self, tags: &str, public: &[u8]) -> String {
        let key_type = self.algorithm().split('-').next().unwrap_or_default();
        format!("v=DKIM1; k={key_type}; {tags}p={}", STANDARD.encode(public))
    }

    /// Signs a header whose SHA-256 this is; RSA also signs a SHA-1.
    #[must_use]
    pub fn sign(&self, hash: &[u8]) -> Vec<u8> {
        match self {
            // RFC 8017 §8.2.1: 00 01 FF … FF 00, DigestInfo, to the power of d.
            Self::Rsa { n, .. } => {
                let length = n.bits().div_ceil(8) as usize;
                let info = if hash.len() == 20 { &SHA1_INFO[..] } else { &SHA256_INFO[..] };
                let padding = length - 3 - info.len() - hash.len();
                self.sign_block(&[&[0, 1][..], &vec![0xff; padding], &[0], info, hash].concat())
            }
            Self::Ed25519(seed) => {
                let pair = Ed25519KeyPair::from_seed_unchecked(seed).expect("a seed");
                pair.sign(hash).as_ref().to_vec()
            }
        }
    }

    /// What Bleichenbacher showed in 2006, for keys with the exponent 3: the cube root of a block with little padding and
    /// anything after the hash. It needs no private key, and fits for whoever does not look at the whole block.
    #[must_use]
    pub fn forge(&self, sha256: &[u8]) -> Vec<u8> {
        let Self::Rsa { n, .. } = self else { panic!("only RSA has blocks") };
        let length = n.bits().div_ceil(8) as usize;
        let mut block = [&[0, 1][..], &[0xff; 8], &[0], &SHA256_INFO, sha256].concat();
        block.resize(length, 0);
        let root = (BigUint::from_bytes_be(&block).cbrt() + 1_u8).to_bytes_be();
        [vec![0; length - root.len()], root].concat()
    }

    /// Raises a padded block to the power of d: with a block that is wrong, a signature that is.
    #[must_use]
    pub fn sign_block(&self, block: &[u8]) -> Vec<u8> {
        let Self::Rsa { n, d, .. } = self else { panic!("only RSA has blocks") };
        let bytes = BigUint::from_bytes_be(block).modpow(d, n).to_bytes_be();
        let length = n.bits().div_ceil(8) as usize;
        [vec![0; length - bytes.len()], bytes].concat()
    }
}

pub(crate) fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = match content.len() {
        short @ 0..=0x7f => vec![short as u8],
        byte @ 0x80..=0xff => vec![0x81, byte as u8],
        long => vec![0x82, (long >> 8) as u8, long as u8],
    };
    [vec![tag], length, content.to_vec()].concat()
}

/// A positive number in DER.
pub(crate) fn der_number(number: &BigUint) -> Vec<u8> {
    let mut bytes = number.to_bytes_be();
    if bytes.first().is_some_and(|byte| *byte >= 0x80) {
        bytes.insert(0, 0);
    }
    der(2, &bytes)
}

/// A signer, made of what the field will say. Its tags are written in the order in which they are here.
#[derive(Clone, Debug)]
pub struct Signer {
    key: TestKey,
    /// Each with its value; the value of bh= can hold `{bh}`, that of b= `{b}`.
    tags: Vec<(String, String)>,
    /// The whole field, in place of the tags.
    template: Option<String>,
    fold: usize,
}

impl Signer {
    /// Signs for a domain with a key published under a selector: relaxed/relaxed, From, To, Subject and Date.
    #[must_use]
    pub fn new(domain: &str, selector: &str, key: &TestKey) -> Self {
        let tags = [
            ("v", "1"),
            ("a", key.algorithm()),
            ("c", "relaxed/relaxed"),
            ("d", domain),
            ("s", selector),
            ("h", "from:to:subject:date"),
            ("bh", "{bh}"),
            ("b", "{b}"),
        ];
        let tags = tags.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Self { key: key.clone(), tags, template: None, fold: 64 }
    }

    /// With this tag: in place of the one of that name, or before bh= if there is none.
    #[must_use]
    pub fn tag(mut self, name: &str, value: &str) -> Self {
        match self.tags.iter_mut().find(|tag| tag.0 == name) {
            Some(tag) => tag.1 = value.to_owned(),
            None => {
                let at = self.tags.iter().position(|tag| tag.0 == "bh").unwrap_or(self.tags.len());
                self.tags.insert(at, (name.to_owned(), value.to_owned()));
            }
        }
        self
    }

    /// Without this tag.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.tags.retain(|tag| tag.0 != name);
        self
    }

    /// With this whole field, `DKIM-Signature: …` without a CRLF at its end; `{bh}` and `{b}` in it are filled in.
    /// The tags still say how to hash: c=, h= and l=.
    #[must_use]
    pub fn field(mut self, template: &str) -> Self {
        self.template = Some(template.to_owned());
        self
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.tags.iter().find(|tag| tag.0 == name).map(|tag| tag.1.as_str())
    }

    /// With b= folded after every so many characters.
    #[must_use]
    pub fn fold(mut self, every: usize) -> Self {
        self.fold = every;
        self
    }

    /// The field for a message, with its CRLF.
    #[must_use]
    pub fn signature(&self, message: &[u8]) -> Vec<u8> {
        self.signature_by(message, |key, sha256| key.sign(sha256))
    }

    /// The field for a message, signed in another way: by what makes a signature out of a key and a SHA-256.
    #[must_use]
    pub fn signature_by(&self, message: &[u8], sign: impl FnOnce(&TestKey, &[u8]) -> Vec<u8>) -> Vec<u8> {
        let (header_form, body_form) = forms(self.get("c").unwrap_or("simple/simple"));
        let message = to_text(message);
        let (mut fields, body) = split(&message);
        let mut body = to_bytes(&canon::body(body_form, body));
        if let Some(length) = self.get("l").and_then(|l| l.parse().ok()) {
            body.truncate(length);
        }
        let list =
            self.tags.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
        let field = self.template.clone().unwrap_or_else(|| format!("DKIM-Signature: {list}"));
        let hash = if self.get("a") == Some("rsa-sha1") { &SHA1 } else { &SHA256 };
        let field = to_text(field.replace("{bh}", &STANDARD.encode(digest(hash, &body))).as_bytes());
        let mut hashed = String::new();
        for name in self.get("h").unwrap_or_default().split(':') {
            let is_named = |field: &String| {
                field.split(':').next().unwrap_or_default().trim().eq_ignore_ascii_case(name.trim())
            };
            if let Some(at) = fields.iter().rposition(is_named) {
                hashed += &canon::field(header_form, &fields.remove(at));
                hashed += "\r\n";
            }
        }
        hashed += &canon::field(header_form, &without_b(&field));
        let signature = STANDARD.encode(sign(&self.key, digest(hash, &to_bytes(&hashed)).as_ref()));
        let lines: Vec<String> = to_text(signature.as_bytes())
            .chars()
            .collect::<Vec<_>>()
            .chunks(self.fold)
            .map(|line| line.iter().collect())
            .collect();
        to_bytes(&(field.replace("{b}", &lines.join("\r\n\t")) + "\r\n"))
    }

    /// The message with the signature on top.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        [self.signature(message), message.to_vec()].concat()
    }
}

/// The fields, folds and all, without their last CRLF; and the body.
pub(crate) fn split(message: &str) -> (Vec<String>, &str) {
    let (header, body) = match message.strip_prefix("\r\n") {
        Some(body) => ("", body),
        None => message.split_once("\r\n\r\n").unwrap_or((message.trim_end_matches("\r\n"), "")),
    };
    let mut fields: Vec<String> = Vec::new();
    for line in header.split("\r\n") {
        match fields.last_mut() {
            Some(field) if line.starts_with([' ', '\t']) => *field += &format!("\r\n{line}"),
            _ => fields.push(line.to_owned()),
        }
    }
    (fields, body)
}

/// The two names in c=, whether each is relaxed.
fn forms(c: &str) -> (bool, bool) {
    let (header, body) = c.split_once('/').unwrap_or((c, "simple"));
    (header.eq_ignore_ascii_case("relaxed"), body.eq_ignore_ascii_case("relaxed"))
}

/// The field with nothing in b=, nor the white space around that.
pub(crate) fn without_b(field: &str) -> String {
    match field.split_once("{b}") {
        Some((front, back)) => [front.trim_end(), back.trim_start()].concat(),
        None => field.to_owned(),
    }
}
