//! Any bytes at all, as a message, an envelope, a zone, a record, a recording or a pasted text: an error or a verdict
//! comes of it, the same for every cut and every replay, and within bounds.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::expect_used)]
#![allow(clippy::disallowed_methods, reason = "a bound on time needs a clock")]

mod common;

use std::time::{Duration, Instant};

use common::{NOW, check_field, settings, tell};
use dns::{Data, Dns, Name, Overlay, Zone};
use mail::Splitter;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use testkit::signer::Signer;
use testkit::vector::{key, with_keys, world};
use verdict::suffix::BuiltIn;
use verdict::{Envelope, Inbound, Recorded, Recording, Verdict};

const SIMPLE: &str = "From: <a@victim.example>\r\nTo: <b@receiver.test>\r\nSubject: a  subject\r\n\twith a fold\r\nDate: now\r\n\r\nA body.\r\n\r\n";

/// Pieces of which messages, envelopes and records are made: mostly such as mean something somewhere.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let known = select(
        &[
            "\r\n",
            "\r\n",
            "\r\n ",
            "\n",
            "\r",
            "\r\n\r\n",
            " ",
            "\t",
            ":",
            ";",
            "=",
            "(",
            ")",
            "<",
            ">",
            "@",
            ",",
            "\"",
            "\\",
            "[",
            "]",
            "From: ",
            "from:",
            "From : ",
            "DKIM-Signature: ",
            "Authentication-Results: ",
            "Subject: ",
            "Resent-From: ",
            "a@victim.example",
            "<a@victim.example>",
            "victim.example",
            "mx.receiver.test",
            "_domainkey",
            "s1",
            "v=1; ",
            "v=spf1 ",
            "v=DKIM1; ",
            "v=DMARC1; p=reject; ",
            "a=rsa-sha256; ",
            "c=relaxed/relaxed; ",
            "d=victim.example; ",
            "s=s1; ",
            "h=from:from; ",
            "bh=AAAA; ",
            "b=AAAA; ",
            "l=0; ",
            "x=1; ",
            "t=99999999999999999999; ",
            "i=@victim.example; ",
            "include:victim.example ",
            "redirect=%{d} ",
            "exists:%{l1r-}.%{i}.victim.example ",
            "a/0//0 ",
            "mx ",
            "ptr ",
            "-all",
            "=?utf-8?q?=00=ff?=",
            "\u{e9}",
            "xn--",
            "dmarc=pass",
            "spf=pass",
            "\0",
            "%",
            "{",
            "}",
        ][..],
    );
    prop_oneof![
        5 => known.prop_map(|text| text.as_bytes().to_vec()),
        1 => vec(any::<u8>(), 0..12),
        1 => (any::<u8>(), 0..300usize).prop_map(|(byte, count)| vec![byte; count]),
    ]
}

fn bytes(pieces: usize) -> impl Strategy<Value = Vec<u8>> {
    vec(piece(), 0..pieces).prop_map(|pieces| pieces.concat())
}

/// What may be done to valid bytes.
fn mutations() -> impl Strategy<Value = Vec<(Index, u8, Vec<u8>)>> {
    vec((any::<Index>(), 0..4u8, piece()), 0..4)
}

fn mutate(mut bytes: Vec<u8>, mutations: &[(Index, u8, Vec<u8>)]) -> Vec<u8> {
    for (at, what, piece) in mutations {
        if bytes.is_empty() {
            break;
        }
        let at = at.index(bytes.len());
        match what {
            0 => bytes[at] = piece.first().copied().unwrap_or(0),
            1 => drop(bytes.splice(at..at, piece.iter().copied())),
            2 => drop(bytes.drain(at..(at + piece.len()).min(bytes.len()))),
            _ => bytes.truncate(at),
        }
    }
    bytes
}

fn signed() -> Vec<u8> {
    let rsa = Signer::new("victim.example", "s1", &key("victim"));
    let ed25519 = Signer::new("victim.example", "ed", &key("victim-ed25519")).tag("c", "simple/simple");
    ed25519.tag("h", "from:from:subject").sign(&rsa.sign(SIMPLE.as_bytes()))
}

fn message() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        bytes(40),
        (bytes(25), bytes(10)).prop_map(|(header, body)| [
            b"From: <a@victim.example>\r\n",
            &header[..],
            b"\r\n\r\n",
            &body
        ]
        .concat()),
        mutations().prop_map(|mutations| mutate(signed(), &mutations)),
    ]
}

/// Records anywhere that a look-up for victim.example ends.
fn zone() -> impl Strategy<Value = Zone> {
    let name = select(
        &[
            "victim.example",
            "_dmarc.victim.example",
            "s1._domainkey.victim.example",
            "_dmarc.example",
            "mail.victim.example",
        ][..],
    );
    let record = prop_oneof![
        bytes(12),
        bytes(8).prop_map(|rest| [b"v=spf1 ", &rest[..]].concat()),
        bytes(8).prop_map(|rest| [b"v=DMARC1; p=reject; ", &rest[..]].concat()),
        mutations().prop_map(|mutations| mutate(key("victim").record().into_bytes(), &mutations)),
    ];
    vec((name, record), 0..4).prop_map(|records| {
        let mut zone = Zone::new();
        for (name, record) in records {
            zone.add(Name::from_dotted(name).unwrap(), 60, Data::txt(record));
        }
        zone
    })
}

fn envelope() -> impl Strategy<Value = Envelope> {
    let text =
        || prop_oneof![Just(b"<a@victim.example>".to_vec()), Just(b"mail.victim.example".to_vec()), bytes(6)];
    let client = proptest::option::weighted(0.8, any::<std::net::IpAddr>());
    (client, proptest::option::of(text()), proptest::option::of(text()), any::<bool>()).prop_map(
        |(client, helo, mail_from, smtputf8)| Envelope {
            client,
            helo,
            mail_from,
            rcpt_to: Vec::new(),
            smtputf8,
        },
    )
}

fn the_world(zone: Zone) -> Overlay<Zone> {
    Overlay::new(zone, Zone::parse(with_keys(&world())).unwrap())
}

/// The verdict on a message that comes in these chunks.
fn judge_chunks<'m>(
    dns: &impl Dns,
    envelope: &Envelope,
    chunks: impl IntoIterator<Item = &'m [u8]>,
) -> Verdict {
    let settings = settings();
    let mut splitter = Splitter::default();
    let mut chunks = chunks.into_iter();
    let mut body: &[u8] = &[];
    while !splitter.in_body() {
        let Some(chunk) = chunks.next() else { break };
        body = splitter.push(chunk);
    }
    let header = splitter.into_header();
    let inbound = Inbound::new(envelope, &header, NOW, &settings, &BuiltIn);
    let mut hasher = inbound.body();
    hasher.update(body);
    chunks.for_each(|chunk| hasher.update(chunk));
    let facts = pollster::block_on(inbound.look_up(dns));
    inbound.conclude(facts, &hasher.finish())
}

/// Judges in one piece, in several, and from a recording; gives what came of it.
fn judged(zone: Zone, envelope: &Envelope, message: &[u8], cuts: &[Index]) -> Verdict {
    let world = the_world(zone);
    let (verdict, recorded) =
        pollster::block_on(Recorded::make(&world, "any", envelope, message, NOW, &settings(), &BuiltIn));
    check_field(&verdict);
    let told = tell(&verdict);
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(message.len() + 1)).collect();
    cuts.extend([0, message.len()]);
    cuts.sort_unstable();
    let chunks = cuts.windows(2).map(|pair| &message[pair[0]..pair[1]]);
    assert_eq!(told, tell(&judge_chunks(&world, envelope, chunks)), "cut at {cuts:?}");
    let recording = Recording { settings: settings(), messages: vec![recorded] };
    let json = recording.to_json().unwrap();
    let again = Recording::from_json(json.as_bytes()).unwrap();
    assert_eq!(told, tell(&pollster::block_on(again.messages[0].replay(&again.settings))), "replayed");
    assert_eq!(again.messages[0].answers.lacking(), []);
    assert_eq!(json, again.to_json().unwrap());
    verdict
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_message(message in message(), envelope in envelope(), cuts in vec(any::<Index>(), 0..6)) {
        judged(Zone::new(), &envelope, &message, &cuts);
    }

    /// Byte by byte too.
    #[test]
    fn any_damage(mutations in mutations()) {
        let message = mutate(signed(), &mutations);
        let verdict = judged(Zone::new(), &Envelope::unknown(), &message, &[]);
        let bytewise = judge_chunks(&the_world(Zone::new()), &Envelope::unknown(), message.chunks(1));
        prop_assert_eq!(tell(&verdict), tell(&bytewise));
    }

    #[test]
    fn any_zone_and_envelope(zone in zone(), envelope in envelope()) {
        judged(zone, &envelope, &signed(), &[]);
    }

    #[test]
    fn any_text(text in prop_oneof![bytes(30), mutations().prop_map(|m| mutate(with_keys(&world()).into_bytes(), &m))]) {
        if let Ok(zone) = Zone::parse(&text) {
            judged(zone, &Envelope::unknown(), SIMPLE.as_bytes(), &[]);
        }
        let pasted = dns::paste::read(&text);
        for finding in &pasted.findings {
            prop_assert!(text.get(finding.span.range()).is_some());
        }
        spf::Record::parse(&text);
        dkim::KeyRecord::parse(&text);
        dmarc::Record::parse(&text);
    }

    #[test]
    fn any_recording(mutations in mutations()) {
        let json = mutate(a_recording().into_bytes(), &mutations);
        if let Ok(recording) = Recording::from_json(&json) {
            for message in &recording.messages {
                check_field(&pollster::block_on(message.replay(&recording.settings)));
            }
        }
    }
}

fn a_recording() -> String {
    let envelope = Envelope {
        client: Some([192, 0, 2, 10].into()),
        helo: Some(b"mail.victim.example".to_vec()),
        mail_from: Some(b"<a@victim.example>".to_vec()),
        ..Envelope::unknown()
    };
    let world = the_world(Zone::new());
    let (_, recorded) =
        pollster::block_on(Recorded::make(&world, "valid", &envelope, &signed(), NOW, &settings(), &BuiltIn));
    Recording { settings: settings(), messages: vec![recorded] }.to_json().unwrap()
}

/// Longest that any of the shapes below may take, on a busy machine and without optimisation. What takes longer is not
/// linear: the shapes are of a few MiB at most.
const BOUND: Duration = Duration::from_secs(30);

#[track_caller]
fn ends(name: &str, work: impl FnOnce()) {
    let start = Instant::now();
    work();
    let took = start.elapsed();
    println!("{name}: {took:.2?}");
    assert!(took < BOUND, "{name} took {took:?}");
}

const MIB: usize = 1 << 20;

#[test]
fn messages_made_to_be_slow() {
    let from = b"From: <a@victim.example>\r\n".to_vec();
    let header = |field: &str, filling: &str, size: usize| -> Vec<u8> {
        [&from, field.as_bytes(), filling.repeat(size / filling.len()).as_bytes(), b"\r\n\r\nbody\r\n"]
            .concat()
    };
    let below = |body: Vec<u8>| [&signed()[..], &body].concat();
    let signature = signed();
    let signature = &signature[..signature.windows(6).position(|w| w == b"\r\nFrom").unwrap() + 2];
    let shapes: Vec<(&str, Vec<u8>)> = vec![
        ("parentheses in From", header("From: ", "(", 200 << 10)),
        ("parentheses in Authentication-Results", header("Authentication-Results: ", "(", 60 << 10)),
        ("quotes in From", header("From: ", "\"\\\"", 60 << 10)),
        ("addresses in From", header("From: ", "<a@victim.example>, ", 60 << 10)),
        ("groups in From", header("From: ", "a:;,", 60 << 10)),
        ("encoded words in From", header("From: ", "=?utf-8?q?a?= ", 60 << 10)),
        ("folds in Subject", header("Subject: ", "\r\n ", 250 << 10)),
        ("semicolons in a signature", header("DKIM-Signature: ", ";", 60 << 10)),
        ("tags in a signature", header("DKIM-Signature: v=1; ", "a=b; ", 60 << 10)),
        ("h= of colons", header("DKIM-Signature: v=1; h=", "from:", 60 << 10)),
        ("50,000 signatures", header("", "DKIM-Signature: v=1\r\n", 50_000 * 21)),
        ("2,000 valid signatures", [signature.repeat(2_000), SIMPLE.as_bytes().to_vec()].concat()),
        ("a million fields", header("", "a:\r\n", 4 * MIB)),
        ("a field of 4 MiB", header("Subject: ", "x", 4 * MIB)),
        ("a header without end", [from.clone(), b"X: y\r\n".repeat(4 * MIB / 6)].concat()),
        ("no header at all", vec![b'('; 4 * MIB]),
        ("bare CRs", header("Subject: ", "\r", 4 * MIB)),
        ("bare LFs", header("Subject: ", "\n", 4 * MIB)),
        ("NULs", vec![0; 4 * MIB]),
        ("a body of spaces", below(vec![b' '; 4 * MIB])),
        ("a body of tabs and spaces", below(b"\t ".repeat(2 * MIB))),
        ("a body of CRLFs", below(b"\r\n".repeat(2 * MIB))),
        ("a body of CRLFs with an end", below([b"\r\n".repeat(2 * MIB), b"x".to_vec()].concat())),
        ("a body of white lines with an end", below([b" \r\n".repeat(MIB), b"x".to_vec()].concat())),
        ("a body of CRs", below(vec![b'\r'; 4 * MIB])),
        ("lines of 1 MiB", below([vec![b'x'; MIB], b"\r\n".to_vec()].concat().repeat(4))),
    ];
    for (name, message) in shapes {
        ends(name, || {
            let mut splitter = Splitter::default();
            splitter.push(&message);
            let kept = splitter.into_header().raw().len();
            assert!(kept <= mail::header::MAX_HEADER + 1, "{name}: {kept} bytes of header are kept");
            let world = the_world(Zone::new());
            let whole = judge_chunks(&world, &Envelope::unknown(), [&message[..]]);
            check_field(&whole);
            let cut = judge_chunks(&world, &Envelope::unknown(), message.chunks(997));
            assert_eq!(tell(&whole), tell(&cut), "{name}");
        });
    }
}

#[test]
fn envelopes_made_to_be_slow() {
    let from = SIMPLE.as_bytes();
    for (name, filling) in
        [("parentheses", "("), ("quotes", "\"\\"), ("dots", "."), ("at signs", "@"), ("labels", "a.")]
    {
        let text = [b"<", filling.repeat(MIB / filling.len()).as_bytes(), b"@attacker.example>"].concat();
        let envelope = Envelope {
            client: Some([203, 0, 113, 66].into()),
            helo: Some(text.clone()),
            mail_from: Some(text),
            ..Envelope::unknown()
        };
        ends(name, || check_field(&judge_chunks(&the_world(Zone::new()), &envelope, [from])));
    }
}

#[test]
fn texts_made_to_be_slow() {
    for filling in [
        "(",
        ")",
        "\"",
        "\\",
        ";",
        " ",
        "\t",
        "\n",
        "a",
        "a ",
        "a TXT a\n",
        "a=",
        "v=spf1 ",
        "include:a.b ",
        "%{d}",
        ",",
        "\u{201c}",
        "\0",
    ] {
        let text = filling.repeat(4 * MIB / filling.len());
        ends(&format!("{filling:?}"), || {
            let _ = Zone::parse(&text);
            dns::paste::read(&text);
            for front in ["", "v=spf1 ", "v=DKIM1; ", "v=DMARC1; p=none; rua="] {
                let record = format!("{front}{}", filling.repeat(65_000 / filling.len()));
                spf::Record::parse(record.as_bytes());
                dkim::KeyRecord::parse(record.as_bytes());
                dmarc::Record::parse(record.as_bytes());
            }
            assert!(Recording::from_json(text.as_bytes()).is_err());
        });
    }
}

#[test]
fn recordings_nested_deeply() {
    for filling in ["[", "{\"a\":", "[{\"messages\":", "\"\\u0000"] {
        let json = format!("{{\"mailward-recording\":1,\"settings\":{}", filling.repeat(MIB / filling.len()));
        ends(filling, || assert!(Recording::from_json(json.as_bytes()).is_err()));
    }
}
