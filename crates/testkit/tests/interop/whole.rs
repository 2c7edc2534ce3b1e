//! Whole verdicts over messages that other programs have signed, with every record out of a real name server.

use verdict::Envelope;

use crate::dkim::{key_lines, words};
use crate::messages::headers;
use crate::peers::{Job, Peer, keys};
use crate::served::{APEX, Served};

const ZONE: &str = "\
signed.example.          TXT \"v=spf1 mx include:pool.example \" \"-all\"
signed.example.          MX  10 mx.signed.example.
mx.signed.example.       A    192.0.2.10
mx.signed.example.       AAAA 2001:db8::10
mx.signed.example.       TXT \"v=spf1 a -all\"
sub.signed.example.      TXT \"v=spf1 ip4:192.0.2.11 -all\"
pool.example.            TXT \"v=spf1 ip4:198.51.100.0/24 ?all\"
other.example.           TXT \"v=spf1 ip4:203.0.113.66 -all\"
_dmarc.signed.example.   TXT \"v=DMARC1; p=reject; rua=mailto:r@signed.example\"
";

#[derive(Clone, Copy, PartialEq)]
enum Message {
    Unsigned,
    Signed,
    Changed,
}

/// What comes of a message from a client with a sender: SPF, DKIM, DMARC, and by what it is aligned.
#[rustfmt::skip]
const CASES: &[(Message, &str, &str, [&str; 4])] = &[
    (Message::Signed, "192.0.2.10", "<a@signed.example>", ["pass", "pass", "pass", "both"]),
    (Message::Signed, "2001:db8::10", "<a@signed.example>", ["pass", "pass", "pass", "both"]),
    (Message::Signed, "192.0.2.11", "<a@sub.signed.example>", ["pass", "pass", "pass", "both"]),
    // By way of a forwarder: SPF fails, or passes for somebody else.
    (Message::Signed, "203.0.113.66", "<a@signed.example>", ["fail", "pass", "pass", "dkim"]),
    (Message::Signed, "203.0.113.66", "<a@other.example>", ["pass", "pass", "pass", "dkim"]),
    // A list has changed it, or it was never signed.
    (Message::Changed, "198.51.100.77", "<a@signed.example>", ["pass", "fail", "pass", "spf"]),
    (Message::Unsigned, "192.0.2.10", "<a@signed.example>", ["pass", "none", "pass", "spf"]),
    // The null sender: HELO in its place.
    (Message::Unsigned, "192.0.2.10", "<>", ["pass", "none", "pass", "spf"]),
    // Neither is left.
    (Message::Changed, "203.0.113.66", "<a@signed.example>", ["fail", "fail", "fail", ""]),
    (Message::Changed, "203.0.113.66", "<a@other.example>", ["pass", "fail", "fail", ""]),
    (Message::Unsigned, "203.0.113.66", "<a@other.example>", ["pass", "none", "fail", ""]),
    (Message::Unsigned, "203.0.113.66", "<a@no.example>", ["none", "none", "fail", ""]),
];

#[test]
fn verdicts_over_the_network() {
    let Some(served) = Served::new(&format!("{APEX}{ZONE}{}", key_lines())) else { return };
    let (shape, keys) = (headers().remove(0), keys());
    for peer in Peer::ALL {
        for key in &keys {
            let job = Job { message: &shape.message, key, form: "relaxed/simple" };
            let Some(signed) = peer.sign(&[job]) else { return };
            for (message, ip, mail_from, expected) in CASES {
                let bytes = match message {
                    Message::Unsigned => shape.message.clone(),
                    Message::Signed => signed[0].clone(),
                    Message::Changed => [&signed[0], b"-- \r\na list\r\n".as_slice()].concat(),
                };
                let envelope = Envelope {
                    client: Some(ip.parse().unwrap()),
                    helo: Some(b"mx.signed.example".to_vec()),
                    mail_from: Some(mail_from.as_bytes().to_vec()),
                    ..Envelope::unknown()
                };
                let verdict = served.judge(&envelope, &bytes);
                let dmarc = verdict.dmarc();
                let got = [
                    verdict.spf().mail_from.as_ref().map_or("", |check| check.outcome().as_str()),
                    words(&verdict).first().copied().unwrap_or("none"),
                    dmarc.outcome().as_str(),
                    dmarc.aligned_by().map_or("", |by| by.as_str()),
                ];
                let field = verdict.authentication_results().field();
                assert_eq!(got, *expected, "{peer:?} {} from {ip}, {mail_from}\n{field}", key.selector);
                let wanted = if expected[2] == "fail" { "reject" } else { "none" };
                assert_eq!(dmarc.disposition().as_str(), wanted, "{field}");
            }
        }
    }
}
