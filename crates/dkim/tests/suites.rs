//! The examples of RFC 6376 and RFC 8463, and the messages and keys that come with dkimpy.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests read files"
)]

mod common;

use std::path::PathBuf;

use common::{World, edit};
use dkim::KeyRecord;
use mail::UnixTime;
use testkit::signer::{Signer, TestKey};

/// RFC 6376 A.2 as it was signed: the body has one space after `game.` and folds have six, which the making of the RFC
/// turned into two and five.
const RFC_6376_A_2: &str = "DKIM-Signature: v=1; a=rsa-sha256; s=brisbane; d=example.com;\r
      c=simple/simple; q=dns/txt; i=joe@football.example.com;\r
      h=Received : From : To : Subject : Date : Message-ID;\r
      bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r
      b=AuUoFEfDxTDkHlLXSZEpZj79LICEps6eda7W3deTVFOk4yAUoqOB\r
      4nujc7YopdG5dWLSdNg6xNAZpOPr+kHxt1IrE+NahM6L/LbvaHut\r
      KVdkLLkpVaVVQPzeRDI009SO2Il5Lu7rDNH6mZckBdrIx0orEtZV\r
      4bmp/YzhwvcubU4=;\r
Received: from client1.football.example.com  [192.0.2.1]\r
      by submitserver.example.com with SUBMISSION;\r
      Fri, 11 Jul 2003 21:01:54 -0700 (PDT)\r
From: Joe SixPack <joe@football.example.com>\r
To: Suzie Q <suzie@shopping.example.net>\r
Subject: Is dinner ready?\r
Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r
Message-ID: <20030712040037.46341.5F8J@football.example.com>\r
\r
Hi.\r
\r
We lost the game. Are you hungry yet?\r
\r
Joe.\r
";

/// RFC 6376 appendix C.
const RFC_6376_KEY: &str = "v=DKIM1; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQ\
    KBgQDwIRP/UC3SBsEmGqZ9ZJW3/DkMoGeLnQg1fWn7/zYtIxN2SnFCjxOCKG9v3b4jYfcTNh5ijSsq631uBItLa7od+v\
    /RtdC2UzJ1lWT947qR+Rcac2gbto/NMqJ0fzfVjH4OuKhitdY9tf6mcwGjaNBcWToIMmPSPDdQPNUYckcQ2QIDAQAB";

/// RFC 8463 A.3.
const RFC_8463_A_3: &str = "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;\r
 d=football.example.com; i=@football.example.com;\r
 q=dns/txt; s=brisbane; t=1528637909; h=from : to :\r
 subject : date : message-id : from : subject : date;\r
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r
 b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus\r
 Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==\r
DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;\r
 d=football.example.com; i=@football.example.com;\r
 q=dns/txt; s=test; t=1528637909; h=from : to : subject :\r
 date : message-id : from : subject : date;\r
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r
 b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3\r
 DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz\r
 dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=\r
From: Joe SixPack <joe@football.example.com>\r
To: Suzie Q <suzie@shopping.example.net>\r
Subject: Is dinner ready?\r
Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r
Message-ID: <20030712040037.46341.5F8J@football.example.com>\r
\r
Hi.\r
\r
We lost the game.  Are you hungry yet?\r
\r
Joe.\r
";

#[test]
fn rfc_6376_appendix_a_2() {
    let mut world = World::new();
    world.publish("brisbane._domainkey.example.com", RFC_6376_KEY);
    world.check(RFC_6376_A_2, "pass pass");
    world.check(edit(RFC_6376_A_2.as_bytes(), "dinner", "lunch"), "fail signature-mismatch");
    world.check(edit(RFC_6376_A_2.as_bytes(), "hungry", "angry"), "fail body-changed");
    // What A.3 shows on top does not change anything.
    let received = "Received: from mout23.football.example.com (192.168.1.1)\r\n";
    world.check(common::prepend(received, RFC_6376_A_2.as_bytes()), "pass pass");
}

fn rfc_8463_world() -> World {
    let mut world = World::new();
    world.publish("brisbane._domainkey.football.example.com", &TestKey::rfc_8463_ed25519().record());
    world.publish("test._domainkey.football.example.com", &TestKey::rfc_8463_rsa().record());
    world
}

#[test]
fn rfc_8463_appendix_a_3() {
    let world = rfc_8463_world();
    assert_eq!(world.results(RFC_8463_A_3), ["pass pass", "pass pass"]);
    let changed = edit(RFC_8463_A_3.as_bytes(), "dinner", "lunch");
    assert_eq!(world.results(changed), ["fail signature-mismatch", "fail signature-mismatch"]);
}

/// A file of the suite, its line ends made CRLF where they are LF.
fn file(name: &str) -> Option<Vec<u8>> {
    let default = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/suites");
    let folder = std::env::var_os("MAILWARD_SUITES").map_or_else(default, PathBuf::from);
    let path = folder.join("dkim-dkimpy/data").join(name);
    match std::fs::read(&path) {
        Ok(bytes) if bytes.windows(2).any(|pair| pair == b"\r\n") => Some(bytes),
        Ok(bytes) => Some(bytes.split(|b| *b == b'\n').collect::<Vec<_>>().join(&b"\r\n"[..])),
        Err(error) => {
            eprintln!("THE DKIMPY SUITE DID NOT RUN: {}: {error}", path.display());
            assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "the suite has to run here");
            None
        }
    }
}

/// The records in the set: what each comes to, and why.
const RECORDS: &[(&str, Result<&str, &str>)] = &[
    ("1024_testkey_wo_markers.pub.rsa.txt", Ok("RSA, 1024 bits")),
    ("1024_testkey_wo_markers.pub.txt", Ok("RSA, 1024 bits")),
    ("2048_testkey_PKCS8.key.pub.txt", Ok("RSA, 2048 bits")),
    ("2048_testkey_wo_markers.pub.rsa.txt", Ok("RSA, 2048 bits")),
    ("2048_testkey_wo_markers.pub.txt", Ok("RSA, 2048 bits")),
    ("ed25519test.dns", Ok("Ed25519")),
    ("eximtest.dns", Ok("Ed25519")),
    ("test.txt", Ok("RSA, 1024 bits")),
    ("test2.txt", Ok("RSA, 1024 bits")),
    ("test_tlsrpt.txt", Ok("RSA, 1024 bits")),
    // k=ed25519-sha256 is an algorithm, not a type of key.
    ("badk.txt", Err("dkim-key-type")),
    // A colon where a semicolon should be after v=DKIM1.
    ("badversion.txt", Err("dkim-key-version")),
    // The last character of p= is lost.
    ("test_bad.txt", Err("dkim-key-invalid")),
];

#[test]
fn dkimpy_key_records() {
    for (name, want) in RECORDS {
        let Some(text) = file(name) else { return };
        let parsed = KeyRecord::parse(text.trim_ascii());
        let error = parsed.first_error().map(|f| f.code);
        assert_eq!(
            parsed.value.map(|r| r.key.to_string()).ok_or(error),
            want.map(str::to_owned).map_err(Some),
            "{name}"
        );
    }
}

/// The messages in the set that are signed: the results of their signatures, and why.
const SIGNED: &[(&str, &[&str])] = &[
    // Signed by Exim; its key is eximtest.dns.
    ("ed25519test2.msg", &["pass pass"]),
    ("rfc6376.signed.msg", &["pass pass", "pass pass"]),
    ("rfc6376.signed.rsa.msg", &["pass pass"]),
    // t= was taken out of the signed field, and x= put in.
    ("rfc6376.signed.no_t.msg", &["fail signature-mismatch"]),
    // d=legitimate.com(.attacker.com is no domain.
    ("test.message.baddomain", &["permerror malformed-signature"]),
    // Its true key is not in the set: with another one the body is found whole, and only the signature does not fit.
    ("test2.message", &["fail signature-mismatch"]),
    ("message.mbox", &["fail signature-mismatch"]),
];

#[test]
fn dkimpy_signed_messages() {
    let mut world = rfc_8463_world();
    let Some(exim) = file("eximtest.dns") else { return };
    world.publish("sed._domainkey.test.ex", std::str::from_utf8(exim.trim_ascii()).unwrap());
    world.publish("20120113._domainkey.gmail.com", &common::victim().record());
    world.publish("2007-00._domainkey.kitterman.com", &common::victim().record());
    for (name, want) in SIGNED {
        let Some(message) = file(name) else { return };
        assert_eq!(world.results(&message), *want, "{name}");
    }
    // x= of rfc6376.signed.no_t.msg is the year 5138.
    world.now = UnixTime(100_000_000_000 + 301);
    let Some(message) = file("rfc6376.signed.no_t.msg") else { return };
    world.check(message, "permerror expired");
}

#[test]
fn dkimpy_unsigned_messages_signed_here() {
    let unsigned = [
        "ed25519test.msg",
        "rfc6376.msg",
        "rfc6376.w1258.msg",
        "test.message",
        "test_extra.message",
        "test_nofrom.message",
    ];
    for name in unsigned {
        let Some(message) = file(name) else { return };
        let world = World::new();
        assert_eq!(world.results(&message), [] as [String; 0], "{name}");
        for c in ["simple/simple", "relaxed/relaxed"] {
            let signer = Signer::new("victim.example", "s1", &common::victim()).tag("c", c);
            world.check(signer.sign(&message), "pass pass");
        }
    }
}

#[test]
fn dkimpy_tls_report_key() {
    let Some(record) = file("test_tlsrpt.txt") else { return };
    let mut world = World::with_record(std::str::from_utf8(record.trim_ascii()).unwrap());
    let message =
        Signer::new("victim.example", "s1", &TestKey::rfc_8463_rsa()).sign(common::MESSAGE.as_bytes());
    world.check(&message, "permerror key-service");
    world.policy.service = dkim::Service::TlsRpt;
    world.check(&message, "pass pass");
}
