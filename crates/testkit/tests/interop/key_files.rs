//! Key files as other programs write them, read here; and the records that they write beside them.

use dkim::{KeyRecord, SigningKey};
use testkit::real::{Root, Work, output};

/// Runs a program that writes files into `work`.
fn run(root: &Root, program: &str, arguments: &[&str], work: &Work) {
    let mut command = root.command(program);
    let inside = work.inside().display().to_string();
    command.args(arguments.iter().map(|argument| argument.replace("DIR", &inside)));
    let _ = output(command, b"");
}

/// What Debug says of the key in a file, or of what is wrong with it.
fn read(work: &Work, name: &str) -> String {
    match SigningKey::parse(&work.read(name)) {
        Ok(key) => format!("{key:?}"),
        Err(fault) => format!("{fault:?}"),
    }
}

const RSA: &str = "SigningKey(RSA, 2048 bits)";
const ED: &str = "SigningKey(Ed25519)";

#[test]
fn openssls_keys() {
    let Some(root) = Root::find(&["openssl"]) else { return };
    let work = root.work();
    for (name, arguments, want) in [
        ("pkcs8", "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out DIR/pkcs8", RSA),
        ("pkcs1", "rsa -in DIR/pkcs8 -traditional -out DIR/pkcs1", RSA),
        ("pkcs8.der", "pkey -in DIR/pkcs8 -outform DER -out DIR/pkcs8.der", RSA),
        ("pkcs1.der", "rsa -in DIR/pkcs8 -traditional -outform DER -out DIR/pkcs1.der", RSA),
        ("text", "pkey -in DIR/pkcs8 -text -out DIR/text", RSA),
        (
            "3072",
            "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:3072 -out DIR/3072",
            "SigningKey(RSA, 3072 bits)",
        ),
        ("1024", "genrsa -out DIR/1024 1024", "RsaTooShort { bits: 1024 }"),
        ("ed", "genpkey -algorithm ED25519 -out DIR/ed", ED),
        ("ed.der", "pkey -in DIR/ed -outform DER -out DIR/ed.der", ED),
        ("ec", "ecparam -name prime256v1 -genkey -out DIR/ec", "UnsupportedType(\"EC\")"),
        (
            "ec8",
            "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out DIR/ec8",
            "UnsupportedType(\"EC\")",
        ),
        ("pss", "genpkey -algorithm RSA-PSS -out DIR/pss", "UnsupportedType(\"RSA-PSS\")"),
        ("ed448", "genpkey -algorithm ED448 -out DIR/ed448", "UnsupportedType(\"Ed448\")"),
        ("public", "pkey -in DIR/pkcs8 -pubout -out DIR/public", "PublicKeyInstead"),
        ("public.der", "pkey -in DIR/ed -pubout -outform DER -out DIR/public.der", "PublicKeyInstead"),
        ("public1", "rsa -in DIR/pkcs8 -RSAPublicKey_out -out DIR/public1", "PublicKeyInstead"),
        ("secret8", "pkcs8 -topk8 -in DIR/pkcs8 -passout pass:x -out DIR/secret8", "Encrypted"),
        (
            "secret8.der",
            "pkcs8 -topk8 -in DIR/ed -passout pass:x -outform DER -out DIR/secret8.der",
            "Encrypted",
        ),
        ("secret1", "rsa -in DIR/pkcs8 -traditional -aes128 -passout pass:x -out DIR/secret1", "Encrypted"),
        ("cert", "req -x509 -new -key DIR/pkcs8 -subj /CN=x -out DIR/cert", "CertificateInstead"),
        ("cert.der", "x509 -in DIR/cert -outform DER -out DIR/cert.der", "CertificateInstead"),
    ] {
        let arguments: Vec<&str> = arguments.split(' ').collect();
        run(&root, "openssl", &arguments, &work);
        assert_eq!(read(&work, name), want, "{name}");
    }
    let key = |name: &str| SigningKey::parse(&work.read(name)).unwrap().key_record();
    assert!(["pkcs1", "pkcs8.der", "pkcs1.der", "text"].iter().all(|name| key(name) == key("pkcs8")));
    assert_eq!(key("ed"), key("ed.der"));
}

/// The key in a record of a zone file: its strings put together, or the text as it is.
fn published(record: &[u8]) -> dkim::PublicKey {
    let text = String::from_utf8(record.to_vec()).unwrap();
    let strings: String = text.split('"').skip(1).step_by(2).collect();
    let record = if strings.is_empty() { text.trim().to_owned() } else { strings };
    KeyRecord::parse(record.as_bytes()).value.unwrap_or_else(|| panic!("{text}")).key
}

#[test]
fn opendkims_keys_and_records() {
    let Some(root) = Root::find(&["opendkim-genkey"]) else { return };
    let work = root.work();
    run(&root, "opendkim-genkey", &["-b", "2048", "-d", "example.com", "-s", "sel", "-D", "DIR"], &work);
    let key = SigningKey::parse(&work.read("sel.private")).unwrap();
    assert_eq!(*key.public_key(), published(&work.read("sel.txt")));
    assert_eq!(read(&work, "sel.txt"), "KeyRecordInstead");
}

#[test]
fn dkimpys_keys_and_records() {
    let Some(root) = Root::find(&["dknewkey"]) else { return };
    let work = root.work();
    for kind in ["rsa", "ed25519"] {
        run(&root, "dknewkey", &["--ktype", kind, &format!("DIR/{kind}")], &work);
        let key = SigningKey::parse(&work.read(&format!("{kind}.key"))).unwrap();
        assert_eq!(*key.public_key(), published(&work.read(&format!("{kind}.dns"))), "{kind}");
        assert_eq!(read(&work, &format!("{kind}.dns")), "KeyRecordInstead", "{kind}");
    }
}
