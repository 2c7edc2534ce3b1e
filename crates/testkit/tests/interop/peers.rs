//! The other programs: what goes to them and what comes back.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use num_bigint::BigUint;
use serde_json::{Value, json};
use testkit::real::{Root, not_run, python};
use testkit::signer::TestKey;

use crate::served::SIGNED;

/// A key under its selector of signed.example.
#[derive(Clone)]
pub(crate) struct Key {
    pub(crate) selector: &'static str,
    pub(crate) key: TestKey,
}

/// The signing domain of all messages.
pub(crate) const DOMAIN: &str = "signed.example";

/// One key of each kind.
pub(crate) fn keys() -> [Key; 3] {
    [
        Key { selector: "r1024", key: TestKey::rsa(1024) },
        Key { selector: "r2048", key: TestKey::rsa(2048) },
        Key { selector: "ed", key: TestKey::ed25519(7) },
    ]
}

/// A message to be signed.
pub(crate) struct Job<'a> {
    pub(crate) message: &'a [u8],
    pub(crate) key: &'a Key,
    /// c=
    pub(crate) form: &'a str,
}

/// A program that signs and verifies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    OpenDkim,
    Dkimpy,
}

impl Peer {
    pub(crate) const ALL: [Self; 2] = [Self::OpenDkim, Self::Dkimpy];

    /// Its name, as people know it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::OpenDkim => "OpenDKIM",
            Self::Dkimpy => "dkimpy",
        }
    }

    /// The messages with signatures on top; `None` where the program is not there.
    pub(crate) fn sign(self, jobs: &[Job<'_>]) -> Option<Vec<Vec<u8>>> {
        let jobs: Vec<Value> = jobs
            .iter()
            .map(|job| {
                let (pem, seed) = private(&job.key.key);
                json!({
                    "message": STANDARD.encode(job.message), "selector": job.key.selector, "domain": DOMAIN,
                    "a": job.key.key.algorithm(), "c": job.form, "pem": pem, "seed": seed,
                })
            })
            .collect();
        let signed = self.run(&json!(jobs), &json!([]))?;
        let bytes = |text: &Value| STANDARD.decode(text.as_str().unwrap()).unwrap();
        Some(signed["signed"].as_array().unwrap().iter().map(bytes).collect())
    }

    /// `pass`, or what is wrong, for the topmost signature (dkimpy) or any (OpenDKIM).
    pub(crate) fn verify(self, messages: &[Vec<u8>]) -> Option<Vec<String>> {
        side_by_side(messages, |some| {
            let some: Vec<String> = some.iter().map(|message| STANDARD.encode(message)).collect();
            let verified = self.run(&json!([]), &json!(some))?;
            let word = |text: &Value| text.as_str().unwrap().to_owned();
            Some(verified["verified"].as_array().unwrap().iter().map(word).collect())
        })
    }

    fn run(self, sign: &Value, verify: &Value) -> Option<Value> {
        let records: serde_json::Map<String, Value> = keys()
            .iter()
            .map(|key| (format!("{}._domainkey.{DOMAIN}", key.selector), json!(key.key.record())))
            .collect();
        let work = json!({ "time": SIGNED, "keys": records, "sign": sign, "verify": verify });
        let script = match self {
            Self::OpenDkim => {
                // The program comes with its library, which is what is wanted here.
                Root::find(&["opendkim"])?;
                include_str!("peers/opendkim.py")
            }
            Self::Dkimpy => include_str!("peers/dkimpy.py"),
        };
        Some(serde_json::from_slice(&python(script, work.to_string().as_bytes())?).unwrap())
    }
}

/// What pyspf says of every client of every world: the word, and its complaint or the owner's explanation.
pub(crate) fn pyspf(worlds: &[Value]) -> Option<Vec<(String, String)>> {
    let said = side_by_side(worlds, |some| {
        let printed = python(include_str!("peers/pyspf.py"), json!(some).to_string().as_bytes())?;
        Some(serde_json::from_slice(&printed).unwrap())
    });
    if said.is_none() {
        not_run("the comparison with pyspf", "there is no Python");
    }
    said
}

/// How many programs run at once.
const AT_ONCE: usize = 4;

/// Does the work in as many parts as run at once, and gives what came of it in order.
pub(crate) fn side_by_side<T: Sync, R: Send>(
    all: &[T],
    work: impl Fn(&[T]) -> Option<Vec<R>> + Sync,
) -> Option<Vec<R>> {
    let parts = all.chunks(all.len().div_ceil(AT_ONCE).max(1));
    std::thread::scope(|scope| {
        let running: Vec<_> = parts.map(|part| scope.spawn(|| work(part))).collect();
        let done: Option<Vec<_>> = running.into_iter().map(|part| part.join().unwrap()).collect();
        Some(done?.into_iter().flatten().collect())
    })
}

/// The private key as PEM, and the seed of an Ed25519 key as base64.
fn private(key: &TestKey) -> (String, String) {
    match key {
        TestKey::Rsa { n, e, d } => (pem("RSA PRIVATE KEY", &pkcs1(n, e, d)), String::new()),
        TestKey::Ed25519(seed) => {
            // RFC 8410 §7: version 0, id-Ed25519, the seed as an octet string in an octet string.
            let front = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
            (pem("PRIVATE KEY", &[&front[..], seed].concat()), STANDARD.encode(seed))
        }
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> =
        text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

/// RFC 8017 appendix A.1.2: version 0, n, e, d, p, q, d mod p-1, d mod q-1, 1/q mod p.
fn pkcs1(n: &BigUint, e: &BigUint, d: &BigUint) -> Vec<u8> {
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
        q.modinv(&p).unwrap(),
    ];
    der(0x30, &parts.iter().map(der_number).collect::<Vec<_>>().concat())
}

/// The two factors of `n`, given a multiple of the order of its group: one of a few bases leads to a square root of 1
/// that is neither 1 nor -1.
fn factors(n: &BigUint, multiple: &BigUint) -> (BigUint, BigUint) {
    let one = BigUint::from(1u8);
    let twos = multiple.trailing_zeros().unwrap();
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

fn der_number(number: &BigUint) -> Vec<u8> {
    let mut bytes = number.to_bytes_be();
    if bytes[0] >= 0x80 {
        bytes.insert(0, 0);
    }
    der(2, &bytes)
}

fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = match content.len() {
        short @ 0..=0x7f => vec![short as u8],
        byte @ 0x80..=0xff => vec![0x81, byte as u8],
        long => vec![0x82, (long >> 8) as u8, long as u8],
    };
    [vec![tag], length, content.to_vec()].concat()
}
