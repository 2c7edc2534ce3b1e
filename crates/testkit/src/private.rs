//! The private halves of test keys, in the forms in which files hold them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use num_bigint::BigUint;

use crate::signer::{TestKey, der, der_number};

impl TestKey {
    /// A PEM file: PKCS#1 for RSA, PKCS#8 for Ed25519.
    #[must_use]
    pub fn private_pem(&self) -> String {
        match self {
            Self::Rsa { .. } => pem("RSA PRIVATE KEY", &self.private_pkcs1()),
            Self::Ed25519(_) => pem("PRIVATE KEY", &self.private_pkcs8()),
        }
    }

    /// The seed of an Ed25519 key.
    #[must_use]
    pub fn seed(&self) -> Option<[u8; 32]> {
        match self {
            Self::Rsa { .. } => None,
            Self::Ed25519(seed) => Some(*seed),
        }
    }

    /// A PrivateKeyInfo (RFC 5958), version 0, in DER.
    #[must_use]
    pub fn private_pkcs8(&self) -> Vec<u8> {
        let (algorithm, key): (&[u8], _) = match self {
            Self::Rsa { .. } => {
                (&[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 5, 0], self.private_pkcs1())
            }
            // RFC 8410 §7: the seed as an octet string in an octet string.
            Self::Ed25519(seed) => (&[6, 3, 0x2b, 0x65, 0x70], der(4, seed)),
        };
        der(0x30, &[vec![2, 1, 0], der(0x30, algorithm), der(4, &key)].concat())
    }

    /// An RSAPrivateKey (RFC 8017 §A.1.2) in DER: version 0, n, e, d, p, q, d mod p-1, d mod q-1, 1/q mod p.
    #[must_use]
    pub fn private_pkcs1(&self) -> Vec<u8> {
        let Self::Rsa { n, e, d } = self else { panic!("only RSA has this form") };
        let one = BigUint::from(1u8);
        let (p, q) = factors(n, &(e * d - &one));
        let parts = [
            BigUint::ZERO,
            n.clone(),
            e.clone(),
            d.clone(),
            p.clone(),
            q.clone(),
            d % (&p - &one),
            d % (&q - &one),
            q.modinv(&p).expect("primes"),
        ];
        der(0x30, &parts.iter().map(der_number).collect::<Vec<_>>().concat())
    }
}

/// DER as PEM (RFC 7468).
#[must_use]
pub fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> =
        text.as_bytes().chunks(64).map(|line| str::from_utf8(line).expect("ASCII")).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

/// The two factors of `n`, given a multiple of the order of its group: one of a few bases leads to a square root of 1
/// that is neither 1 nor -1.
fn factors(n: &BigUint, multiple: &BigUint) -> (BigUint, BigUint) {
    let one = BigUint::from(1u8);
    let twos = multiple.trailing_zeros().expect("not zero");
    for base in 2u8.. {
        let mut root = BigUint::from(base).modpow(&(multiple >> twos), n);
        for _ in 0..twos {
            let square = root.modpow(&BigUint::from(2u8), n);
            if square == one && root != one && root != n - &one {
                let p = gcd(&root - &one, n.clone());
                let q = n / &p;
                return if p > q { (p, q) } else { (q, p) };
            }
            root = square;
        }
    }
    panic!("no factors")
}

fn gcd(mut a: BigUint, mut b: BigUint) -> BigUint {
    while b != BigUint::ZERO {
        (a, b) = (b.clone(), a % b);
    }
    a
}
