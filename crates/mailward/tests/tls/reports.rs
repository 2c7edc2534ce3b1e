//! What Postfix says of its connections to whoever makes reports of them (libtlsrpt): the policies that we told it, word by word.

use std::fs::{Permissions, set_permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;

use serde_json::{Value, json};
use testkit::real::postfix::version;
use testkit::real::{DEADLINE, Root};
use verdict::tls::postfix::Version;

use super::lab::{Lab, policy};
use super::mail::{ends, start, submit};
use super::program::Program;

const REPORTS: &str = "smtp_tlsrpt_enable = yes\nsmtp_tlsrpt_socket_name = tlsrpt.sock\n";

/// Domains, the type of the policy (1 DANE, 2 MTA-STS, 9 none), the hosts that it allows, and codes of what failed.
const CASES: &[(&str, u8, &[&str], &[u16])] = &[
    ("sts-good.test", 2, &["mx.sts-good.test"], &[]),
    ("sts-wild.test", 2, &["*.sts-wild.test"], &[]),
    ("xn--bcher-kva.test", 2, &["mx.xn--bcher-kva.test"], &[]),
    ("sts-other-name.test", 2, &["mx.sts-other-name.test"], &[202]),
    ("sts-expired.test", 2, &["mx.sts-expired.test"], &[204]),
    ("sts-unknown.test", 2, &["mx.sts-unknown.test"], &[203]),
    ("sts-no-tls.test", 2, &["mx.sts-no-tls.test"], &[201]),
    ("sts-testing.test", 9, &[], &[]),
    ("plain.test", 9, &[], &[]),
    ("dane-good.test", 1, &[], &[]),
];

#[test]
fn reports_have_the_policies_lines() {
    let Some(lab) = Lab::start() else { return };
    for root in Root::all(&["postfix"]) {
        if Version::parse(&version(&root)).unwrap() < Version::TLSRPT {
            continue;
        }
        let program = Program::start(&lab, &version(&root));
        let postfix = start(&root, &lab, &format!("inet:{}", program.addr), REPORTS);
        let path = postfix.folder().join("queue/tlsrpt.sock");
        let ear = UnixDatagram::bind(&path).unwrap();
        set_permissions(&path, Permissions::from_mode(0o666)).unwrap();
        ear.set_read_timeout(Some(DEADLINE)).unwrap();
        // One after the other: there is room for few datagrams.
        for (domain, kind, allowed, codes) in CASES {
            ends(&lab, &postfix, &submit(&postfix, &[domain]), 1);
            let mut said = vec![0; 1 << 16];
            let length = ear.recv(&mut said).unwrap();
            let said: Value = serde_json::from_slice(&said[..length]).unwrap();
            let found = &said["policies"][0];
            assert_eq!((&said["d"], &found["policy-type"]), (&json!(domain), &json!(kind)), "{said}");
            let failures = found["failure-details"].as_array().into_iter().flatten();
            assert_eq!(
                json!(failures.map(|failure| failure["c"].clone()).collect::<Vec<_>>()),
                json!(codes),
                "{said}"
            );
            if *kind == 2 {
                let lines = policy(&format!("enforce {}", allowed.join(" ")));
                assert_eq!(found["policy-string"], json!(lines.lines().collect::<Vec<_>>()), "{said}");
                assert_eq!(
                    (&found["policy-domain"], &found["mx-host"]),
                    (&json!(domain), &json!(allowed)),
                    "{said}"
                );
            }
        }
    }
}
