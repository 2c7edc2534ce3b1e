//! Key records: those that count, those that don't, and what their owners are told.

use proptest::prelude::*;
use testkit::signer::TestKey;

use super::*;

/// Whether the record counts, and each finding as `severity code "text that it points at"`.
fn show(text: &[u8]) -> (Option<String>, Vec<String>) {
    let parsed = KeyRecord::parse(text);
    if let Some(record) = &parsed.value {
        let printed = record.to_string();
        assert_eq!(KeyRecord::parse(printed.as_bytes()).value.as_ref(), Some(record), "{printed}");
    }
    let finding = |f: &mail::Finding| {
        let quoted = mail::printable(&text[f.span.range()]);
        let quoted = if quoted.len() > 20 { format!("{}..", quoted.get(..18).unwrap()) } else { quoted };
        format!("{} {} `{quoted}`", f.severity, f.code)
    };
    (parsed.value.map(|r| r.key.to_string()), parsed.findings.iter().map(finding).collect())
}

fn check(text: impl AsRef<[u8]>, key: Option<&str>, findings: &[&str]) {
    let text = text.as_ref();
    let (got_key, got) = show(text);
    assert_eq!(
        (got_key.as_deref(), got.iter().map(String::as_str).collect::<Vec<_>>()),
        (key, findings.to_vec()),
        "{}",
        mail::printable(text)
    );
}

fn good_key() -> String {
    TestKey::rsa(2048).record()
}

/// p= of the 2048-bit key.
fn p() -> String {
    good_key().split("p=").last().unwrap().to_owned()
}

const INFO: &str = "note dkim-key-info `p=MIIBIjANBgkqhkiG..`";

#[test]
fn word_for_word() {
    check(
        "v=DKIM1;k=rsa;p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDDmzRmJRQxLEuyYiyMg4suA2SyMwR5MGHpP9diNT1hRiwUd/mZp1ro7kIDTKS8ttkI6z6eTRW9e9dDOxzSxNuXmume60Cjbu08gOyhPG3GfWdg7QkdN6kR4V75MFlw624VY35DaXBvnlTJTgRg/EW72O1DiYVThkyCgpSYS8nmEQIDAQAB",
        Some("RSA, 1024 bits"),
        &["warning dkim-key-weak `p=MIGfMA0GCSqGSIb3..`"],
    );
    let weak = KeyRecord::parse(TestKey::rsa(1024).record().as_bytes());
    assert_eq!(weak.findings[0].message, "an RSA key of 1024 bits is weak");
    assert_eq!(weak.findings[0].help.as_deref(), Some("2048 bits are advised"));
    check("v=DKIM1;k=rsa;p=MIGfMA0…", None, &[r"error dkim-key-ellipsis `\xe2\x80\xa6`"]);
    check("v=DKIM1;k=rsa;p=MIGfMA0...", None, &["error dkim-key-ellipsis `...`"]);
    let misnamed = format!("v=DKIM1; r=rsa; p={}", p());
    check(&misnamed, Some("RSA, 2048 bits"), &["warning dkim-key-unknown-tag `r`", INFO]);
    let help = KeyRecord::parse(misnamed.as_bytes()).findings[0].help.clone().unwrap();
    assert_eq!(help, "`k` was meant: it says the type of the key");
}

#[test]
fn keys_that_count() {
    check(good_key(), Some("RSA, 2048 bits"), &[INFO]);
    check(format!("p={}", p()), Some("RSA, 2048 bits"), &[INFO]);
    check(format!("k=rsa ;\tp={}; ", p()), Some("RSA, 2048 bits"), &[INFO]);
    let ed = TestKey::rfc_8463_ed25519().record();
    assert_eq!(ed, "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=");
    check(&ed, Some("Ed25519"), &["note dkim-key-info `p=11qYAYKxCrfVS/7T..`"]);
    let full = format!(
        "v=DKIM1; h=sha1:SHA256:x; s=email:web; t=y:s; n=a note = \"fine\"; x=1; {}",
        good_key().strip_prefix("v=DKIM1; ").unwrap()
    );
    check(
        &full,
        Some("RSA, 2048 bits"),
        &["note dkim-key-unknown-tag `x`", INFO, "warning dkim-key-testing `t=y:s`"],
    );
    let record = KeyRecord::parse(full.as_bytes()).value.unwrap();
    assert!(
        record.is_testing()
            && record.is_strict()
            && record.allows_hash("sha256")
            && record.allows_hash("sha1")
    );
    assert!(record.allows_service("email") && !record.allows_service("tlsrpt"));
    assert_eq!(record.notes.as_deref(), Some("a note = \"fine\""));
}

#[test]
fn dkk_01_sizes_of_rsa_keys() {
    for bits in [512, 768, 1023] {
        let parsed = KeyRecord::parse(TestKey::rsa(bits).record().as_bytes());
        assert_eq!(parsed.value.unwrap().key.to_string(), format!("RSA, {bits} bits"));
        assert_eq!(parsed.findings[0].code, "dkim-key-short");
    }
    assert!(KeyRecord::parse(TestKey::rsa(1024).record().as_bytes()).value.unwrap().is_weak());
    assert!(!KeyRecord::parse(good_key().as_bytes()).value.unwrap().is_weak());
}

/// An RSA key with a modulus of this many bits (all ones) and this exponent; `pad` follows its DER.
fn rsa(bits: u64, exponent: u64, pad: &[u8]) -> String {
    let n = (num_bigint::BigUint::from(1_u8) << bits) - 1_u8;
    let key = TestKey::Rsa { n, e: exponent.into(), d: 1_u8.into() };
    key.record_with("", &[&key.public()[..], pad].concat())
}

#[test]
fn dkk_02_oversized_keys() {
    let value = |text: String| KeyRecord::parse(text.as_bytes()).value.map(|r| r.key.to_string());
    assert_eq!(value(rsa(8192, 65537, b"")).as_deref(), Some("RSA, 8192 bits"));
    assert_eq!(value(rsa(8193, 65537, b"")), None);
    assert_eq!(value(rsa(16384, 65537, b"")), None);
    check(format!("p={}", "A".repeat(MAX_KEY + 4)), None, &["error dkim-key-long `AAAAAAAAAAAAAAAAAA..`"]);
    check(format!("p={}", "A".repeat(MAX_KEY)), None, &["error dkim-key-invalid `AAAAAAAAAAAAAAAAAA..`"]);
    let record = |n: usize| [good_key().as_bytes(), b"; n=", &vec![b'x'; n - good_key().len() - 4]].concat();
    assert!(KeyRecord::parse(&record(MAX_RECORD)).value.is_some());
    check(record(MAX_RECORD + 1), None, &["error dkim-key-long-record `v=DKIM1; k=rsa; p=..`"]);
}

#[test]
fn dkk_04_crafted_records() {
    check("v=DKIM1; p", None, &["error dkim-key-tag `p`", "error dkim-key-missing `v=DKIM1; p`"]);
    check(";", None, &["error dkim-key-tag ``", "error dkim-key-missing `;`"]);
    check("k=", None, &["error dkim-key-type ``"]);
    check("p=====", None, &["error dkim-key-base64 `====`"]);
    check("p=\0", None, &[r"error dkim-key-tag `\x00`", r"error dkim-key-missing `p=\x00`"]);
    check(b"p=\xff\xfe", None, &[r"error dkim-key-base64 `\xff`"]);
    check(b"\xff\xfe", None, &[r"error dkim-key-tag `\xff\xfe`", r"error dkim-key-missing `\xff\xfe`"]);
    check("", None, &["error dkim-key-tag ``", "error dkim-key-missing ``"]);
    assert_eq!(KeyRecord::parse(&vec![b';'; MAX_RECORD]).findings.len(), MAX_FINDINGS);
    check(format!("{};; ", good_key()), None, &["error dkim-key-tag ``", INFO]);
}

#[test]
fn dkk_07_revoked() {
    check("v=DKIM1; p=", Some("revoked"), &["warning dkim-key-revoked `p=`"]);
    check("v=DKIM1; k=ed25519; p= ;", Some("revoked"), &["warning dkim-key-revoked `p=`"]);
    check("v=DKIM1", None, &["error dkim-key-missing `v=DKIM1`"]);
}

#[test]
fn dkk_08_version() {
    let p = p();
    check(format!("v=DKIM2; p={p}"), None, &["error dkim-key-version `DKIM2`", INFO]);
    check(format!("v=dkim1; p={p}"), None, &["error dkim-key-version `dkim1`", INFO]);
    check(format!("p={p}; v=DKIM1"), None, &["error dkim-key-version-place `v=DKIM1`", INFO]);
    // RFC 6376 §3.2 allows white space in front of a tag.
    check(format!(" v=DKIM1; p={p}"), Some("RSA, 2048 bits"), &[INFO]);
    check(format!("v=DKIM1: g=*; k=rsa; p={p}"), None, &["error dkim-key-version `DKIM1: g=*`", INFO]);
    check(
        format!(r"v=DKIM1\; k=rsa\; p={p}"),
        None,
        &[r"error dkim-key-version `DKIM1\\`", r"error dkim-key-type `rsa\\`"],
    );
    check(
        "v=spf1 -all",
        None,
        &["error dkim-key-version `spf1 -all`", "error dkim-key-missing `v=spf1 -all`"],
    );
}

#[test]
fn dkk_09_types_and_lengths() {
    let ed = TestKey::ed25519(1);
    let read = |bytes: &[u8]| KeyRecord::parse(ed.record_with("", bytes).as_bytes()).value.map(|r| r.key);
    let PublicKey::Ed25519(bare) = read(&ed.public()).unwrap() else { panic!() };
    assert_eq!(bare[..], ed.public()[..]);
    assert_eq!(read(&ed.public_pkcs1()), Some(PublicKey::Ed25519(bare)));
    for length in [0, 31, 33, 44] {
        assert_eq!(read(&vec![7; length]).filter(|k| !matches!(k, PublicKey::Revoked(_))), None, "{length}");
    }
    let mut wrapped = ed.public_pkcs1();
    wrapped.push(0);
    assert_eq!(read(&wrapped), None);
    let ed_as_rsa = ed.record().replace("ed25519", "rsa");
    check(&ed_as_rsa, None, &[&format!("error dkim-key-invalid `{}..`", ed_as_rsa.get(18..36).unwrap())]);
    check(good_key().replace("rsa", "ed25519"), None, &["error dkim-key-invalid `MIIBIjANBgkqhkiG9w..`"]);
    check(good_key().replace("rsa", "unknown"), None, &["error dkim-key-type `unknown`"]);
    check(good_key().replace("rsa", "RSA"), Some("RSA, 2048 bits"), &[INFO]);
}

#[test]
fn dkk_10_hashes_and_dkk_11_services() {
    let with = |tags: &str| TestKey::rsa(2048).record_with(tags, &TestKey::rsa(2048).public());
    check(with("h=sha1; "), Some("RSA, 2048 bits"), &[INFO, "error dkim-key-hash `h=sha1`"]);
    check(
        with("h=; "),
        Some("RSA, 2048 bits"),
        &["warning dkim-key-words `h=`", INFO, "error dkim-key-hash `h=`"],
    );
    check(with("h=sha1 : sha256; "), Some("RSA, 2048 bits"), &[INFO]);
    check(with("s=tlsrpt; "), Some("RSA, 2048 bits"), &[INFO, "warning dkim-key-service `s=tlsrpt`"]);
    check(with("s=*; t=; "), Some("RSA, 2048 bits"), &["warning dkim-key-words `t=`", INFO]);
    check(with("s=web:*; "), Some("RSA, 2048 bits"), &[INFO]);
}

#[test]
fn dkk_14_granularity_is_historic() {
    for g in ["", "jl*g", "bob"] {
        let finding = format!("note dkim-key-granularity `g={g}`");
        check(format!("g={g}; p={}", p()), Some("RSA, 2048 bits"), &[INFO, &finding]);
    }
}

#[test]
fn dkk_17_exponents_and_moduli() {
    let error = |text: String| {
        let parsed = KeyRecord::parse(text.as_bytes());
        assert_eq!(parsed.value.is_none(), parsed.first_error().is_some());
        parsed.first_error().map(|f| f.message.clone())
    };
    let exponent =
        Some("p= is an RSA key whose exponent is even, less than 3 or more than 2 to the 33rd".to_owned());
    for (e, want) in [
        (1, &exponent),
        (2, &exponent),
        (3, &None),
        (65536, &exponent),
        ((1 << 33) - 1, &None),
        ((1 << 33) + 1, &exponent),
        (u64::MAX, &exponent),
    ] {
        assert_eq!(error(rsa(2048, e, b"")), *want, "{e}");
    }
    assert_eq!(error(rsa(2048, 3, b"\0")).unwrap(), "p= is not an RSA public key");
    let key = TestKey::Rsa { n: num_bigint::BigUint::from(1_u8) << 2047, e: 3_u8.into(), d: 1_u8.into() };
    assert_eq!(error(key.record()).unwrap(), "p= is not an RSA key: its modulus is even");
    let key = TestKey::Rsa {
        n: num_bigint::BigUint::from(3_u8),
        e: num_bigint::BigUint::from(1_u8) << 2048,
        d: 1_u8.into(),
    };
    assert_eq!(error(key.record()), exponent);
    assert!(error(TestKey::rsa(2048).record_with("", &TestKey::rsa(2048).public_pkcs1())).is_none());
}

#[test]
fn dkk_19_quotes_and_white_space() {
    check(format!("\"{}\"", good_key()), None, &["error dkim-key-quoted `\"`"]);
    check(format!(" “{}”", good_key()), None, &[r"error dkim-key-quoted `\xe2\x80\x9c`"]);
    check("v=DKIM1; p=MIIB\" \"IjAN", None, &["error dkim-key-base64 `\"`"]);
    let spaced = good_key().replace("MIIB", "M I\tIB ");
    check(spaced, Some("RSA, 2048 bits"), &["note dkim-key-info `p=M I\\x09IB IjANBg..`"]);
    check(
        format!("V=DKIM1; P={}", p()),
        None,
        &[
            "warning dkim-key-unknown-tag `V`",
            "warning dkim-key-unknown-tag `P`",
            "error dkim-key-missing `V=DKIM1; P=MIIBIjA..`",
        ],
    );
    check(format!("{}; p=", good_key()), None, &["error dkim-key-duplicate-tag `p=`", INFO]);
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_panic(text in proptest::collection::vec(any::<u8>(), 0..200)) {
        show(&text);
    }

    #[test]
    fn anything_like_a_record_prints_as_it_reads(
        text in "(v=DKIM1;)?( ?[hkntspx]=([a-z0-9:*; =\"\\\\]{0,12}|rsa|ed25519|y:s|sha256);?){0,4}( ?p=(|11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=))?;?"
    ) {
        show(text.as_bytes());
    }
}
