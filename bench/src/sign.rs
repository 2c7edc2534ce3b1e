//! Signing with RSA-2048 and Ed25519: beside what the crypto library alone needs, and beside mail-auth.

use std::hint::black_box;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{Ed25519KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use dkim::sign_fields::OVERSIGNED;
use dkim::{Options, Request, Selector, Signing, SigningKey};
use mail::{Domain, Splitter, UnixTime};
use mail_auth::crypto::{Ed25519Key, RsaKey, Sha256};
use mail_auth::dkim::DkimSigner;
use mail_auth::signer::Ready;
use testkit::signer::TestKey;

use crate::clock::spent;
use crate::table::{head, micros, ratios, row, spread};
use crate::workload::{Mail, Workload};

/// One message in so many is verified after it was signed, by default.
const SELF_CHECK: usize = 100;
/// A header's worth of bytes, which is what signatures are over.
const SIGNED: &[u8] = &[b'x'; 800];
/// The signing domain.
const DOMAIN: &str = "sender.example";
/// When all messages are signed.
const NOW: UnixTime = UnixTime(1_700_000_000);

/// The least work: SHA-256 over the body once, and two signatures.
struct Floor {
    rsa: RsaKeyPair,
    ed25519: Ed25519KeyPair,
}

impl Floor {
    fn new(rsa: &TestKey, ed25519: &TestKey) -> Self {
        let rsa = RsaKeyPair::from_der(&rsa.private_pkcs1()).expect("a key");
        let ed25519 = Ed25519KeyPair::from_pkcs8(&ed25519.private_pkcs8()).expect("a key");
        Self { rsa, ed25519 }
    }

    fn sign(&self, mail: &Mail) {
        black_box(digest(&SHA256, &mail.bytes[mail.body..]));
        let mut signature = vec![0; self.rsa.public_modulus_len()];
        self.rsa
            .sign_digest(&RSA_PKCS1_SHA256, &digest(&SHA256, SIGNED), &mut signature)
            .expect("a signature");
        black_box(signature);
        black_box(self.ed25519.sign(digest(&SHA256, SIGNED).as_ref()));
    }
}

/// Ours, from the bytes of a message to the fields to put on top.
struct Ours(Vec<Request>);

impl Ours {
    fn new(rsa: &TestKey, ed25519: &TestKey) -> Self {
        let request = |selector: &str, key: &TestKey| {
            let key = SigningKey::parse(key.private_pem().as_bytes()).expect("a key");
            let (domain, selector) = (Domain::parse(DOMAIN), Selector::parse(selector));
            Request::new(domain.expect("a domain"), selector.expect("a selector"), key, Options::default())
        };
        Self([("rsa", rsa), ("ed", ed25519)].map(|(s, key)| request(s, key).expect("a request")).into())
    }

    fn sign(&self, mail: &Mail, check: bool) {
        let mut splitter = Splitter::default();
        let body = splitter.push(&mail.bytes);
        let header = splitter.into_header();
        let signing = Signing::new(&header, self.0.clone(), NOW).expect("a message that can be signed");
        let mut hasher = signing.body();
        hasher.update(body);
        let hashes = hasher.finish();
        let fields = signing.finish(&header, &hashes).expect("signatures");
        if check {
            signing.check_own(&header, &hashes, &fields).expect("signatures that verify");
        }
        let fields: String = fields.iter().rev().map(ToString::to_string).collect();
        black_box(fields);
    }
}

/// mail-auth, a signer for each key, with the same fields, as often.
struct Peer {
    rsa: DkimSigner<RsaKey<Sha256>, Ready>,
    ed25519: DkimSigner<Ed25519Key, Ready>,
}

impl Peer {
    fn new(rsa: &TestKey, ed25519: &TestKey) -> Self {
        let der = rsa.private_pkcs8();
        let rsa = RsaKey::from_key_der(der.as_slice().try_into().expect("a form")).expect("a key");
        let ed25519 = Ed25519Key::from_pkcs8_maybe_unchecked_der(&ed25519.private_pkcs8()).expect("a key");
        let names = || OVERSIGNED.iter().flat_map(|name| [*name; 2]);
        Self {
            rsa: DkimSigner::from_key(rsa).domain(DOMAIN).selector("rsa").headers(names()),
            ed25519: DkimSigner::from_key(ed25519).domain(DOMAIN).selector("ed").headers(names()),
        }
    }

    fn sign(&self, mail: &Mail) {
        let ed25519 = self.ed25519.sign(&mail.bytes).expect("a signature");
        let rsa = self.rsa.sign(&mail.bytes).expect("a signature");
        black_box((rsa, ed25519));
    }
}

/// Prints the table.
pub fn sign(title: &str, workload: &Workload, rounds: usize) {
    let (rsa, ed25519) = (TestKey::rsa(2048), TestKey::ed25519(1));
    let floor = Floor::new(&rsa, &ed25519);
    let ours = Ours::new(&rsa, &ed25519);
    let peer = Peer::new(&rsa, &ed25519);
    let all = &workload.mails;
    let mut times: [Vec<Duration>; 4] = Default::default();
    for round in 0..rounds {
        let mut works: [(usize, &dyn Fn()); 4] = [
            (0, &|| all.iter().for_each(|mail| floor.sign(mail))),
            (1, &|| all.iter().for_each(|mail| ours.sign(mail, false))),
            (2, &|| all.iter().enumerate().for_each(|(n, mail)| ours.sign(mail, n % SELF_CHECK == 0))),
            (3, &|| all.iter().for_each(|mail| peer.sign(mail))),
        ];
        // Whoever comes first in one round comes later in the next.
        works.rotate_left(round % 4);
        for (which, work) in works {
            times[which].push(spent(work));
        }
    }
    head(title, ["RSA-2048 and Ed25519, one core", "µs a message", "× floor", "× mailward"]);
    for (name, of) in [
        ("floor: SHA-256 once, two signatures", &times[0]),
        ("mailward", &times[1]),
        (&format!("mailward, 1 in {SELF_CHECK} verified"), &times[2]),
        ("mail-auth 0.15", &times[3]),
    ] {
        let cells = [
            spread(micros(of, all.len()), 1),
            spread(ratios(of, &times[0]), 3),
            spread(ratios(of, &times[1]), 3),
        ];
        row([name, &cells[0], &cells[1], &cells[2]]);
    }
}
