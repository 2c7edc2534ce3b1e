//! Whole messages against what is published under their selector: rows DKK.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod common;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use common::{MESSAGE, World, victim};
use dkim::Service;
use dns::{Data, Failure, Name, Zone};
use testkit::signer::{Signer, TestKey};

const KEY_NAME: &str = "s1._domainkey.victim.example";

fn signer() -> Signer {
    Signer::new("victim.example", "s1", &victim())
}

/// A signature by the key of `victim.example` while this record is published.
fn check(record: &str, want: &str) {
    World::with_record(record).check(signer().sign(MESSAGE.as_bytes()), want);
}

/// The record of the key with more tags in it.
fn with(tags: &str) -> String {
    victim().record_with(tags, &victim().public())
}

#[test]
fn dkk_01_short_and_weak_keys() {
    for (bits, want, weak) in [
        (512, "permerror key-short", true),
        (768, "permerror key-short", true),
        (1023, "permerror key-short", true),
        (1024, "pass pass", true),
        (2048, "pass pass", false),
        (8192, "pass pass", false),
    ] {
        let key = TestKey::rsa(bits);
        let message = Signer::new("victim.example", "s1", &key).sign(MESSAGE.as_bytes());
        let world = World::with_record(&key.record());
        world.check(&message, want);
        assert_eq!(world.verify_cut(&message, 1000)[0].flags().weak_key, weak, "{bits}");
    }
    let mut world = World::with_record(&TestKey::rsa(1024).record());
    world.policy.min_rsa_bits = 2048;
    world.check(
        Signer::new("victim.example", "s1", &TestKey::rsa(1024)).sign(MESSAGE.as_bytes()),
        "policy key-below-policy",
    );
    world.policy.min_rsa_bits = 512;
    let short = TestKey::rsa(768);
    world.zone = Zone::new();
    world.publish(KEY_NAME, &short.record());
    world.check(Signer::new("victim.example", "s1", &short).sign(MESSAGE.as_bytes()), "permerror key-short");
}

#[test]
fn dkk_02_dkk_03_huge_keys_and_texts() {
    check(&format!("v=DKIM1; p={}", "A".repeat(4_100)), "permerror not-a-key");
    check(&format!("{}; n={}", with(""), "x".repeat(16_384)), "permerror not-a-key");
    let mut world = World::new();
    world.zone = Zone::new();
    let strings: Vec<Box<[u8]>> = vec![vec![b'x'; 8_131].into(), vec![b'y'; 8_192].into()];
    world.zone.add(Name::from_dotted(KEY_NAME).unwrap(), 300, Data::Txt(strings.into()));
    world.check(signer().sign(MESSAGE.as_bytes()), "permerror not-a-key");
}

#[test]
fn dkk_04_crafted_records() {
    for record in ["v=DKIM1; p", ";", "k=", "p=====", "\0", "v=spf1 -all", "hello", ""] {
        check(record, "permerror not-a-key");
    }
}

#[test]
fn dkk_05_strings_are_put_together() {
    let text = with("");
    for at in [1, 5, 9, 20, 100] {
        let mut world = World::new();
        world.zone = Zone::new();
        let (front, back) = text.as_bytes().split_at(at);
        let strings: Vec<Box<[u8]>> = vec![front.into(), Box::default(), back.into()];
        world.zone.add(Name::from_dotted(KEY_NAME).unwrap(), 300, Data::Txt(strings.into()));
        world.check(signer().sign(MESSAGE.as_bytes()), "pass pass");
    }
}

#[test]
fn dkk_06_several_records() {
    let message = signer().sign(MESSAGE.as_bytes());
    let check = |records: &[&str], want: &str| {
        let mut world = World::new();
        world.zone = Zone::new();
        records.iter().for_each(|record| world.publish(KEY_NAME, record));
        world.check(&message, want);
    };
    let (good, other) = (with(""), TestKey::ed25519(3).record());
    check(&["garbage", &good], "pass pass");
    check(&[&good, "v=spf1 -all"], "pass pass");
    check(&["v=DKIM1; k=unknown; p=QUJD", &good], "pass pass");
    check(&[&good, &other], "permerror several-keys");
    check(&[&other, "garbage", &good], "permerror several-keys");
    check(&["v=DKIM1; p=", &good], "permerror several-keys");
    check(&["garbage", "more"], "permerror not-a-key");
}

#[test]
fn dkk_07_revoked() {
    check("v=DKIM1; p=", "permerror key-revoked");
}

#[test]
fn dkk_08_version() {
    check(&with("").replace("DKIM1", "DKIM2"), "permerror not-a-key");
    check(&with("").replace("v=DKIM1; ", ""), "pass pass");
    check(&(with("").replace("v=DKIM1; ", "") + "; v=DKIM1"), "permerror not-a-key");
}

#[test]
fn dkk_09_types() {
    let ed = TestKey::ed25519(1);
    check(&ed.record(), "permerror key-type");
    check("v=DKIM1; k=unknown; p=QUJD", "permerror not-a-key");
    let message = Signer::new("victim.example", "s1", &ed).sign(MESSAGE.as_bytes());
    World::with_record(&with("")).check(&message, "permerror key-type");
    World::with_record(&ed.record_with("", &ed.public_pkcs1())).check(&message, "pass pass");
    World::with_record(&ed.record_with("", &ed.public()[1..])).check(&message, "permerror not-a-key");
}

#[test]
fn dkk_10_hashes() {
    check(&with("h=sha1; "), "permerror key-hash");
    check(&with("h=; "), "permerror key-hash");
    check(&with("h=sha256:sha1; "), "pass pass");
    check(&with("h=other : sha256; "), "pass pass");
}

#[test]
fn dkk_11_services() {
    check(&with("s=web; "), "permerror key-service");
    check(&with("s=tlsrpt; "), "permerror key-service");
    check(&with("s=email; "), "pass pass");
    check(&with("s=*; "), "pass pass");
    for (tags, want) in
        [("s=tlsrpt; ", "pass pass"), ("s=email; ", "permerror key-service"), ("", "pass pass")]
    {
        let mut world = World::with_record(&with(tags));
        world.policy.service = Service::TlsRpt;
        world.check(signer().sign(MESSAGE.as_bytes()), want);
    }
}

#[test]
fn dkk_12_a_testing_domain_passes_and_is_marked() {
    let world = World::with_record(&with("t=y; "));
    let checks = world.verify(&signer().sign(MESSAGE.as_bytes()));
    assert!(checks[0].pass().is_some() && checks[0].flags().testing);
}

#[test]
fn dkk_13_strict_identities() {
    let world = World::with_record(&with("t=y:s; "));
    let sign = |i: &str| signer().tag("i", i).sign(MESSAGE.as_bytes());
    world.check(sign("@sub.victim.example"), "permerror key-strict");
    world.check(sign("ann@victim.example"), "pass pass");
    world.check(signer().sign(MESSAGE.as_bytes()), "pass pass");
}

#[test]
fn dkk_14_granularity_is_ignored() {
    for g in ["g=; ", "g=jl*g; ", "g=bob; "] {
        check(&with(g), "pass pass");
    }
}

#[test]
fn dkk_15_ways_of_no_answer() {
    let message = signer().sign(MESSAGE.as_bytes());
    let name = Name::from_dotted(KEY_NAME).unwrap();
    let check = |set: &dyn Fn(&mut Zone), want: &str| {
        let mut world = World::new();
        world.zone = Zone::new();
        set(&mut world.zone);
        world.check(&message, want);
    };
    check(&|_| {}, "permerror no-key");
    let address = Data::A([192, 0, 2, 1].into());
    check(
        &|zone| {
            zone.add(name.clone(), 1, address.clone());
        },
        "permerror no-key",
    );
    for (fault, want) in [
        (Failure::TimeOut, "temperror key-time-out"),
        (Failure::ServerFailure, "temperror key-server-failure"),
        (Failure::Bogus, "temperror key-bogus"),
    ] {
        check(
            &|zone| {
                zone.fail(name.clone(), None, fault);
            },
            want,
        );
    }
}

#[test]
fn dkk_16_aliases() {
    let mut world = World::new();
    world.zone = Zone::new();
    world.zone.alias(Name::from_dotted(KEY_NAME).unwrap(), 60, Name::from_dotted("k.esp.example").unwrap());
    world.publish("k.esp.example", &with(""));
    world.check(signer().sign(MESSAGE.as_bytes()), "pass pass");
    world.zone.alias(Name::from_dotted("k.esp.example").unwrap(), 60, Name::from_dotted(KEY_NAME).unwrap());
    world.check(signer().sign(MESSAGE.as_bytes()), "temperror key-server-failure");
}

#[test]
fn dkk_17_exponents_and_padding() {
    let small = TestKey::rsa_exponent_3();
    let sign = |make: &dyn Fn(&[u8]) -> Vec<u8>| {
        let field = Signer::new("victim.example", "s1", &small)
            .signature_by(MESSAGE.as_bytes(), |key, hash| key.sign_block(&make(hash)));
        [&field[..], MESSAGE.as_bytes()].concat()
    };
    let world = World::with_record(&small.record());
    let info = [
        0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00,
        0x04, 0x20,
    ];
    let block = |pad: usize, hash: &[u8], tail: usize| {
        [&[0, 1][..], &vec![0xff; pad], &[0], &info, hash, &vec![0; tail]].concat()
    };
    world.check(sign(&|hash| block(202, hash, 0)), "pass pass");
    // Bleichenbacher's forgery: little padding, and rubbish after the hash.
    world.check(sign(&|hash| block(8, hash, 194)), "fail signature-mismatch");
    world.check(sign(&|hash| block(201, hash, 1)), "fail signature-mismatch");
    // A DigestInfo without its NULL; no DigestInfo at all; a hash of another kind.
    world.check(
        sign(&|hash| {
            let bare = [
                0x30, 0x2f, 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01,
                0x04, 0x20,
            ];
            [&[0, 1][..], &[0xff; 204], &[0], &bare, hash].concat()
        }),
        "fail signature-mismatch",
    );
    world.check(sign(&|hash| [&[0, 1][..], &[0xff; 221], &[0], hash].concat()), "fail signature-mismatch");
    world.check(
        sign(&|hash| [&[0, 2][..], &[0xff; 202], &[0], &info, hash].concat()),
        "fail signature-mismatch",
    );
    // PKCS#1 and SubjectPublicKeyInfo; bytes after either.
    for der in [victim().public(), victim().public_pkcs1()] {
        check(&victim().record_with("", &der), "pass pass");
        check(&victim().record_with("", &[&der[..], &[0]].concat()), "permerror not-a-key");
    }
    let TestKey::Rsa { n, d, .. } = victim() else { panic!() };
    for e in [1_u32, 2, 65_536] {
        let key = TestKey::Rsa { n: n.clone(), e: e.into(), d: d.clone() };
        check(&key.record(), "permerror not-a-key");
    }
}

#[test]
fn dkk_17_ed25519_keys_with_which_everybody_can_sign() {
    // A signature that needs no secret: R is the neutral point, S is zero. What fits it is R = -h A, so for a key of order
    // n one message of n does.
    let no_secret = |message: &str| {
        let field = Signer::new("victim.example", "s1", &TestKey::ed25519(1))
            .signature_by(message.as_bytes(), |_, _| [&[1][..], &[0; 63]].concat());
        [&field[..], message.as_bytes()].concat()
    };
    let minus_one = [&[0xec][..], &[0xff; 30], &[0x7f]].concat();
    let order_8 = STANDARD.decode("JuiVj8KyJ7BFw/SJ8u+Y8NXfrAXTxjM5sTgCiG1T/AU=").unwrap();
    let order_8_too = STANDARD.decode("xxdqcD1N2E+6PAt2DRBnDyogU/osOczGTsf9d5KsA3o=").unwrap();
    let mut counted = 0;
    for y in [[&[1][..], &[0; 31]].concat(), minus_one, vec![0; 32], order_8, order_8_too] {
        for sign in [0, 0x80] {
            let mut key = y.clone();
            key[31] |= sign;
            let world = World::with_record(&TestKey::ed25519(1).record_with("", &key));
            for subject in 0..40 {
                let message = no_secret(&MESSAGE.replace("a test\r\n", &format!("test {subject}\r\n")));
                counted +=
                    world.results(&message).iter().filter(|result| *result != "permerror not-a-key").count();
            }
        }
    }
    assert_eq!(counted, 0);
}

#[test]
fn dkk_17_every_key_that_is_read_can_be_used() {
    // What our reader takes, the library that verifies must take too: else a good signature would fail.
    for key in [TestKey::rsa(1024), TestKey::rsa(2048), TestKey::rsa(8192), TestKey::rsa_exponent_3()] {
        let message = Signer::new("victim.example", "s1", &key).sign(MESSAGE.as_bytes());
        for der in [key.public(), key.public_pkcs1()] {
            World::with_record(&key.record_with("", &der)).check(&message, "pass pass");
        }
    }
}

#[test]
fn dkk_19_quotes_and_white_space() {
    check(&format!("\"{}\"", with("")), "permerror not-a-key");
    check(&with("").replace("MIIB", "MI IB\t"), "pass pass");
}

#[test]
fn dkk_20_names_of_keys() {
    for selector in ["S1", "a.b.c", "_x", "2024"] {
        let mut world = World::new();
        world.publish(&format!("{selector}._domainkey.victim.example"), &TestKey::ed25519(9).record());
        if selector == "S1" {
            world = World::new();
        }
        let key = if selector == "S1" { victim() } else { TestKey::ed25519(9) };
        world.check(Signer::new("VICTIM.example", selector, &key).sign(MESSAGE.as_bytes()), "pass pass");
    }
}

#[test]
fn rfc_8616_domains_in_u_labels() {
    let mut world = World::new();
    world.publish("s1._domainkey.xn--bcher-kva.example", &TestKey::ed25519(9).record());
    let sign = |domain: &str| Signer::new(domain, "s1", &TestKey::ed25519(9)).sign(MESSAGE.as_bytes());
    world.check(sign("b\u{fc}cher.example"), "pass pass");
    world.check(sign("XN--BCHER-KVA.example"), "pass pass");
    let checks = world.verify(&sign("b\u{fc}cher.example"));
    assert_eq!(checks[0].pass().unwrap().domain().as_str(), "xn--bcher-kva.example");
}
