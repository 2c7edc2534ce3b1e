//! Key files of every kind, whole and broken, against what is read out of them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use testkit::private::pem;
use testkit::signer::TestKey;

use super::*;

/// Reads a file; `want` is what Debug says of the key or of the fault.
#[track_caller]
fn check(what: &str, file: impl AsRef<[u8]>, want: &str) {
    let got = match SigningKey::parse(file.as_ref()) {
        Ok(key) => format!("{key:?}"),
        Err(fault) => format!("{fault:?}"),
    };
    assert_eq!(got, want, "{what}");
}

const RSA: &str = "SigningKey(RSA, 2048 bits)";
const ED: &str = "SigningKey(Ed25519)";

fn rsa() -> TestKey {
    TestKey::rsa(2048)
}

fn ed() -> TestKey {
    TestKey::ed25519(7)
}

/// An element of DER.
fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = match content.len() {
        short @ 0..=0x7f => vec![short as u8],
        byte @ 0x80..=0xff => vec![0x81, byte as u8],
        long => vec![0x82, (long >> 8) as u8, long as u8],
    };
    [vec![tag], length, content.to_vec()].concat()
}

/// A PKCS#8 key for Ed25519 with this version, this inner element, and this behind it.
fn pkcs8_ed25519(version: u8, inner: &[u8], behind: &[u8]) -> Vec<u8> {
    der(0x30, &[&[2, 1, version][..], &der(0x30, &[6, 3, 0x2b, 0x65, 0x70]), &der(4, inner), behind].concat())
}

#[test]
fn files_of_every_kind() {
    let (rsa, ed) = (rsa(), ed());
    let pem1 = pem("RSA PRIVATE KEY", &rsa.private_pkcs1());
    check("PKCS#1, PEM", &pem1, RSA);
    check("PKCS#8, PEM", pem("PRIVATE KEY", &rsa.private_pkcs8()), RSA);
    check("PKCS#1, DER", rsa.private_pkcs1(), RSA);
    check("PKCS#8, DER", rsa.private_pkcs8(), RSA);
    check("base64 without a frame", STANDARD.encode(rsa.private_pkcs8()), RSA);
    check("CRLF", pem1.replace('\n', "\r\n"), RSA);
    check("no line end at the end", pem1.trim_end(), RSA);
    check("on one line", pem1.replace('\n', ""), RSA);
    check("a byte order mark", format!("\u{feff}{pem1}"), RSA);
    check("text around", format!("Bag Attributes\n  a: b\n{pem1}bye\n"), RSA);
    let certificate = pem("CERTIFICATE", &[0x30, 0]);
    check("a certificate too", format!("{certificate}{pem1}{certificate}"), RSA);
    check("the public key too", format!("{}{pem1}", pem("PUBLIC KEY", &rsa.public())), RSA);

    check("Ed25519, PEM", ed.private_pem(), ED);
    check("Ed25519, DER", ed.private_pkcs8(), ED);
    let seed = ed.seed().unwrap();
    let both = [&seed[..], &ed.public()].concat();
    check("a seed", STANDARD.encode(seed), ED);
    check("a seed and a line end", STANDARD.encode(seed) + "\n", ED);
    check("a seed without padding", STANDARD.encode(seed).trim_end_matches('='), ED);
    check("seed and public key", STANDARD.encode(&both), ED);
    let bits = [&[0][..], &ed.public()].concat();
    check("version 2", pkcs8_ed25519(1, &der(4, &seed), &der(0x81, &bits)), ED);
    check("version 2, tag around", pkcs8_ed25519(1, &der(4, &seed), &der(0xa1, &der(3, &bits))), ED);
    check("attributes", pkcs8_ed25519(0, &der(4, &seed), &der(0xa0, &[])), ED);
}

#[test]
fn many_byte_order_marks() {
    check("as many as a file holds", "\u{feff}".repeat(MAX_KEY_FILE / 3), "NotAKey");
}

#[test]
fn files_that_hold_no_key() {
    check("nothing", "", "Empty");
    check("white space", " \r\n\n", "Empty");
    check("too large", vec![b'\n'; MAX_KEY_FILE + 1], "TooLarge");
    check("large", vec![b'\n'; MAX_KEY_FILE], "Empty");
    check("words", "hello", "NotAKey");
    check("bytes", [0xff, 0xfe, 0], "NotAKey");
    check("UTF-16", "-----BEGIN".encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>(), "NotAKey");
    check("31 bytes", STANDARD.encode([7; 31]), "NotAKey");
    check("33 bytes", STANDARD.encode([7; 33]), "NotAKey");
    check("another frame", pem("X509 CRL", &[0x30, 0]), "NotAKey");
    check("a key record", rsa().record(), "KeyRecordInstead");
    check("a line of a zone", "s1._domainkey IN TXT ( \"k=rsa; p=AAAA\" )", "KeyRecordInstead");
    let pkcs1 = rsa().public_pkcs1();
    check("public key", pem("PUBLIC KEY", &rsa().public()), "PublicKeyInstead");
    check("public key, DER", rsa().public(), "PublicKeyInstead");
    check("public key, PKCS#1", pem("RSA PUBLIC KEY", &pkcs1), "PublicKeyInstead");
    check("public key, PKCS#1, DER", pkcs1, "PublicKeyInstead");
    check("p= alone", STANDARD.encode(rsa().public()), "PublicKeyInstead");
    check("certificate", pem("CERTIFICATE", &[0x30, 0]), "CertificateInstead");
    let certificate = der(0x30, &[der(0x30, &[]), der(0x30, &[]), der(3, &[0])].concat());
    check("certificate, DER", certificate, "CertificateInstead");
    let two = pem("PRIVATE KEY", &rsa().private_pkcs8()) + &ed().private_pem();
    check("two keys", two, "SeveralKeys");
}

#[test]
fn encrypted_keys() {
    let encrypted = der(0x30, &[der(0x30, &[6, 1, 1]), der(4, &[0; 9])].concat());
    check("PKCS#8", pem("ENCRYPTED PRIVATE KEY", &encrypted), "Encrypted");
    check("PKCS#8, DER", &encrypted, "Encrypted");
    check("mislabelled", pem("PRIVATE KEY", &encrypted), "Encrypted");
    let old = rsa().private_pem().replacen('\n', "\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n", 1);
    check("OpenSSL's old form", old, "Encrypted");
}

#[test]
fn keys_of_other_types() {
    let pkcs8 =
        |oid: &[u8]| der(0x30, &[&[2, 1, 0][..], &der(0x30, &der(6, oid)), &der(4, &[0; 9])].concat());
    let p256 = pkcs8(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1]);
    check("P-256", pem("PRIVATE KEY", &p256), "UnsupportedType(\"EC\")");
    check("P-256, DER", p256, "UnsupportedType(\"EC\")");
    check("SEC 1", pem("EC PRIVATE KEY", &[0x30, 0]), "UnsupportedType(\"EC\")");
    let sec1 = der(0x30, &[&[2, 1, 1][..], &der(4, &[7; 32])].concat());
    check("SEC 1, DER", sec1, "UnsupportedType(\"EC\")");
    check("Ed448", pkcs8(&[0x2b, 0x65, 0x71]), "UnsupportedType(\"Ed448\")");
    check("X25519", pkcs8(&[0x2b, 0x65, 0x6e]), "UnsupportedType(\"X25519\")");
    let pss = pkcs8(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 0x0a]);
    check("RSA-PSS", pss, "UnsupportedType(\"RSA-PSS\")");
    check("DSA", der(0x30, &[&[2, 1, 0][..], &[2, 1, 7].repeat(5)].concat()), "UnsupportedType(\"DSA\")");
    check("OpenSSH", pem("OPENSSH PRIVATE KEY", b"openssh-key-v1"), "UnsupportedType(\"OpenSSH\")");
    check("unheard of", pkcs8(&[0x2a, 3]), "UnsupportedType(\"unknown\")");
}

#[test]
fn keys_that_are_cut_off_or_damaged() {
    for key in [rsa(), ed()] {
        let file = key.private_pem();
        for length in 1..file.len() - 1 {
            // At the last dash the frame is whole.
            assert!(SigningKey::parse(&file.as_bytes()[..length]).is_err(), "{length}");
        }
        check("no end", &file.as_bytes()[..file.len() / 2], "Truncated");
        check("half a label", "-----BEGIN PRIV", "Truncated");
        let der = key.private_pkcs8();
        for length in 4..der.len() {
            check("DER", &der[..length], "Truncated");
        }
        check("framed again", pem("PRIVATE KEY", &der[..der.len() - 1]), "Truncated");
        check("a byte too many", pem("PRIVATE KEY", &[&der[..], &[0]].concat()), "Damaged");
        check("no base64", file.replacen("\nM", "\n!", 1), "Damaged");
    }
    check("an empty frame", pem("PRIVATE KEY", b""), "Damaged");
    let seed = ed().seed().unwrap();
    check("31 bytes", pkcs8_ed25519(0, &der(4, &seed[1..]), &[]), "Ed25519Length(31)");
    check("33 bytes", pkcs8_ed25519(0, &der(4, &[7; 33]), &[]), "Ed25519Length(33)");
    check("a bare seed in PKCS#8", pem("PRIVATE KEY", &pkcs8_ed25519(0, &seed, &[])), "Damaged");
    let other = TestKey::ed25519(8).public();
    check("another's public key", STANDARD.encode([&seed[..], &other].concat()), "Inconsistent");
    let bits = [&[0][..], &other].concat();
    check("the same in PKCS#8", pkcs8_ed25519(1, &der(4, &seed), &der(0x81, &bits)), "Inconsistent");
}

#[test]
fn dkk_17_rsa_keys_at_their_limits() {
    let file = |key: &TestKey| pem("RSA PRIVATE KEY", &key.private_pkcs1());
    check("512", file(&TestKey::rsa(512)), "RsaTooShort { bits: 512 }");
    check("1024", file(&TestKey::rsa(1024)), "RsaTooShort { bits: 1024 }");
    check("8192", file(&TestKey::rsa(8192)), "RsaTooLong { bits: 8192 }");
    check("exponent 3", file(&TestKey::rsa_exponent_3()), RSA);
    let TestKey::Rsa { n, e, d } = rsa() else { panic!() };
    // The bits are those of the modulus and nothing else: on both sides of each limit.
    for (bits, want) in [(2047, "RsaTooShort { bits: 2047 }"), (4097, "RsaTooLong { bits: 4097 }")] {
        let modulus = (num_bigint::BigUint::from(1_u8) << (bits - 1)) + 1_u8;
        check("limit", numbers([&modulus, &e, &d]), want);
    }
    for bits in [2048, 4096] {
        let modulus = (num_bigint::BigUint::from(1_u8) << (bits - 1)) + 1_u8;
        check("within, but no key", numbers([&modulus, &e, &d]), "Inconsistent");
    }
    check("even modulus", numbers([&(&n * 2_u8), &e, &d]), "RsaBroken(EvenModulus)");
    check("even exponent", numbers([&n, &(&e + 1_u8), &d]), "RsaBroken(Exponent)");
    check("another exponent", numbers([&n, &(&e + 2_u8), &d]), "Inconsistent");
}

/// An RSAPrivateKey of these numbers, the same one for all the rest.
fn numbers([n, e, d]: [&num_bigint::BigUint; 3]) -> Vec<u8> {
    let rest = [2, 1, 7].repeat(5);
    der(0x30, &[vec![2, 1, 0], number(n), number(e), number(d), rest].concat())
}

fn number(number: &num_bigint::BigUint) -> Vec<u8> {
    let bytes = number.to_bytes_be();
    let front: &[u8] = if bytes[0] < 0x80 { &[] } else { &[0] };
    der(2, &[front, &bytes].concat())
}

/// Numbers that fit each other, only that the factors are no primes: nothing but signing shows it.
#[test]
fn an_rsa_key_without_primes() {
    let one = num_bigint::BigUint::from(1_u8);
    let half = num_bigint::BigUint::from(3_u8) << 1022_u32;
    let (p, q) = (&half + 9_u8, &half + 1_u8);
    let e = num_bigint::BigUint::from(65537_u32);
    let d = e.modinv(&((&p - &one) * (&q - &one))).unwrap();
    let (dp, dq, qi) = (&d % (&p - &one), &d % (&q - &one), q.modinv(&p).unwrap());
    let all = [&(&p * &q), &e, &d, &p, &q, &dp, &dq, &qi].map(number).concat();
    check("no primes", der(0x30, &[&[2, 1, 0][..], &all].concat()), "Inconsistent");
}

#[test]
fn numbers_of_two_keys() {
    // The factors of one key in another: every byte of p, q and the rest changed once is found out.
    let good = rsa().private_pkcs1();
    for at in (300..good.len()).step_by(7) {
        let mut file = good.clone();
        file[at] ^= 4;
        assert!(SigningKey::parse(&file).is_err(), "byte {at}");
    }
}

#[test]
fn what_it_signs_verifies_and_its_record_says_so() {
    for key in [rsa(), TestKey::rsa_exponent_3(), ed()] {
        let file = if key.seed().is_some() { key.private_pkcs8() } else { key.private_pkcs1() };
        let ours = SigningKey::parse(&file).unwrap();
        assert_eq!(ours.key_record(), key.record());
        assert_eq!(KeyRecord::parse(ours.key_record().as_bytes()).value.unwrap().key, *ours.public_key());
        assert_eq!(ours.algorithm().as_str(), key.algorithm());
        let hash = digest(&SHA256, b"message");
        let signature = ours.sign(b"message").unwrap();
        assert!(ours.public_key().verifies(&hash, &signature));
        assert!(!ours.public_key().verifies(&digest(&SHA256, b"massage"), &signature));
        // Both kinds are deterministic: the naive signer makes the same one.
        assert_eq!(signature, key.sign(hash.as_ref()));
        assert_eq!(signature, ours.sign_sha256(hash.as_ref().try_into().unwrap()).unwrap());
    }
    assert_eq!(SigningKey::parse(&rsa().private_pkcs1()).unwrap().bits(), 2048);
    assert_eq!(SigningKey::parse(&ed().private_pkcs8()).unwrap().bits(), 256);
}

#[test]
fn rfc_8463_appendix_a() {
    let key = SigningKey::parse(b"nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=\n").unwrap();
    assert_eq!(key.key_record(), "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=");
}
