//! The files in `samples/` are made here, so that their signatures are what the text says. `UPDATE_SAMPLES=1` writes them.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::fs;
use std::path::Path;

use testkit::signer::{Signer, TestKey};
use testkit::vector::{unescape, with_keys};

const ZONE: &str = r#"; A small world for trying mailward with no network. Any name server can serve it as the root zone.
$ORIGIN .
$TTL 3600
@  SOA  ns.root. hostmaster.root. 1 3600 600 86400 300
@  NS   ns.root.
ns.root.  A  127.0.0.1

; trust.example publishes all that it should: who may send for it, a key, and what to do with everything else.
trust.example.                  TXT  "v=spf1 ip4:192.0.2.10 -all"
_dmarc.trust.example.           TXT  "v=DMARC1; p=reject; rua=mailto:reports@trust.example"
2026._domainkey.trust.example.  TXT  {key:victim}
mail.trust.example.             A    192.0.2.10
mail.trust.example.             TXT  "v=spf1 a -all"

; spoofing.example has nothing to hide about itself: its own SPF and DKIM are in perfect order.
spoofing.example.               TXT  "v=spf1 ip4:203.0.113.66 -all"
k1._domainkey.spoofing.example. TXT  {key:attacker}
mail.spoofing.example.          A    203.0.113.66
mail.spoofing.example.          TXT  "v=spf1 a -all"

; forward.example passes mail on for its users, and puts a line under it.
mail.forward.example.           A    198.51.100.25
mail.forward.example.           TXT  "v=spf1 a -all"
"#;

const MESSAGE: &str = "\
From: Bob <bob@trust.example>
To: Alice <alice@receiver.example>
Subject: The contract
Date: Fri, 20 Nov 2026 10:00:00 +0000
Message-ID: <20261120100000.1@trust.example>
MIME-Version: 1.0
Content-Type: text/plain; charset=us-ascii

Dear Alice,

the contract is ready. Call me if anything is unclear.

Bob
";

fn signed(domain: &str, selector: &str, key: &TestKey) -> Vec<u8> {
    let fields = "from:from:to:subject:date:message-id:mime-version:content-type";
    Signer::new(domain, selector, key).tag("t", "1795168800").tag("h", fields).sign(&unescape(MESSAGE))
}

fn envelope(ip: &str, helo: &str, mail_from: &str) -> Vec<u8> {
    format!(
        "ip = \"{ip}\"\nhelo = \"{helo}\"\nmail_from = \"<{mail_from}>\"\nrcpt = \"<alice@receiver.example>\"\nnow = 2026-11-20T10:00:05Z\n"
    )
    .into_bytes()
}

/// What the mail server of whoever sends puts on top does not matter here; files have LF line ends, as on most disks.
fn file(message: &[u8]) -> Vec<u8> {
    String::from_utf8(message.to_vec()).unwrap().replace("\r\n", "\n").into_bytes()
}

#[test]
fn the_samples_are_these() {
    let trust = signed("trust.example", "2026", &TestKey::rsa(2048));
    let changed = String::from_utf8(trust.clone())
        .unwrap()
        .replace("Bob\r\n", "Bob\r\n-- \r\nSent through forward.example\r\n");
    let spoofing = signed("spoofing.example", "k1", &TestKey::rsa_exponent_3());
    let plain = unescape(MESSAGE);
    let files = [
        ("world.zone", with_keys(ZONE).into_bytes()),
        ("good.eml", file(&trust)),
        ("good.envelope.toml", envelope("192.0.2.10", "mail.trust.example", "bob@trust.example")),
        ("changed-body.eml", file(changed.as_bytes())),
        (
            "changed-body.envelope.toml",
            envelope("198.51.100.25", "mail.forward.example", "bob@trust.example"),
        ),
        ("spf-deception.eml", file(&plain)),
        (
            "spf-deception.envelope.toml",
            envelope("203.0.113.66", "mail.spoofing.example", "bob@spoofing.example"),
        ),
        ("dkim-deception.eml", file(&spoofing)),
        (
            "dkim-deception.envelope.toml",
            envelope("203.0.113.66", "mail.spoofing.example", "bob@spoofing.example"),
        ),
    ];
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../samples");
    for (name, content) in files {
        let path = folder.join(name);
        if std::env::var_os("UPDATE_SAMPLES").is_some() {
            fs::write(&path, &content).unwrap();
        }
        let written = fs::read(&path).unwrap_or_default();
        assert!(written == content, "samples/{name} is not up to date: run the tests with UPDATE_SAMPLES=1");
    }
}
