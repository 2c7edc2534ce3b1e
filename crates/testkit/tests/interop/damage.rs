//! Random messages, signed by the test signer, with random damage: what passes here passes at dkimpy's and OpenDKIM's,
//! and the other way round, but for differences that are known by name.

use std::collections::{BTreeMap, BTreeSet};

use dkim::{Reason, SignatureErrorKind};
use verdict::{Envelope, Verdict};

use crate::dkim::{key_lines, ours};
use crate::peers::{Job, Key, Peer, keys};
use crate::random::Random;
use crate::served::{APEX, Served};

const MESSAGES: usize = 2000;

/// Why a program differs from us about a damaged message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Difference {
    /// We say policy: the signature is valid, but a field that should be there once is there twice.
    OurPolicy,
    /// We say permerror where two programs could read two headers out of the bytes.
    MalformedHeader,
    /// dkimpy takes a bare LF for a line end, OpenDKIM a bare CR or LF at the end of the body.
    LineEnds,
    /// They pass over what is no base64 behind the padding of b=, or in it.
    Base64,
    /// RFC 6376 §2.10 makes the padding of base64 optional; dkimpy wants it.
    Padding,
    /// dkimpy reads no field whose name is followed by white space, OpenDKIM none that has a tab there.
    SpacedName,
    /// The last line of a relaxed body has no end: RFC 6376 §3.4.4 adds it, as does the test signer. Over SMTP there is no
    /// such body; dkimpy keeps white space in that line, OpenDKIM calls the message a syntax error.
    NoLineEnd,
}

const DIFFERENCES: [Difference; 7] = [
    Difference::OurPolicy,
    Difference::MalformedHeader,
    Difference::LineEnds,
    Difference::Base64,
    Difference::Padding,
    Difference::SpacedName,
    Difference::NoLineEnd,
];

fn class(message: &[u8], verdict: &Verdict, theirs: &str) -> Option<Difference> {
    let reason = verdict.dkim().first().map(dkim::Check::reason);
    let passes = theirs == "pass";
    match reason {
        Some(Reason::UnsignedDuplicate(_)) if passes => Some(Difference::OurPolicy),
        Some(Reason::MalformedHeader(_)) if passes => Some(Difference::MalformedHeader),
        Some(Reason::BodyChanged | Reason::SignatureMismatch) if passes && has_bare_line_end(message) => {
            Some(Difference::LineEnds)
        }
        Some(Reason::Malformed(SignatureErrorKind::Base64(_))) if passes => Some(Difference::Base64),
        Some(Reason::Pass) if theirs.contains("not valid base64") => Some(Difference::Padding),
        Some(Reason::Pass) if has_spaced_name(message) => Some(Difference::SpacedName),
        Some(Reason::Pass) if !message.ends_with(b"\r\n") && is_relaxed(message) => {
            Some(Difference::NoLineEnd)
        }
        _ => None,
    }
}

fn is_relaxed(message: &[u8]) -> bool {
    message.windows(11).any(|text| text == b"le/relaxed;" || text == b"ed/relaxed;")
}

fn has_spaced_name(message: &[u8]) -> bool {
    let (header, _) = mail::header::split(message);
    header.fields().any(|field| field.raw.get(field.name.len()) != Some(&b':'))
}

fn has_bare_line_end(message: &[u8]) -> bool {
    let bare = |pair: &[u8]| (pair[0] == b'\r') != (pair[1] == b'\n');
    message.ends_with(b"\r") || message.windows(2).any(bare)
}

/// A message of random lines.
fn message(random: &mut Random) -> Vec<u8> {
    const WORDS: &[&str] = &["a", "word", "  ", "\t", " ", "x\u{e9}", ".", "..", "=20", "From", "--", ""];
    let text = |count: usize, random: &mut Random| -> String {
        (0..random.below(count)).map(|_| random.pick(WORDS)).collect()
    };
    let mut out = String::new();
    let names = ["Subject", "To", "Date", "X-One", "x-one", "Reply-To", "List-Id"];
    for name in names {
        if random.one_in(4) {
            continue;
        }
        out += &format!("{name}:{}{}\r\n", if random.one_in(2) { " " } else { "" }, text(6, random));
        if random.one_in(3) {
            out += &format!(" {}x\r\n", text(4, random));
        }
    }
    out.insert_str(0, "From: <author@signed.example>\r\n");
    out += "\r\n";
    for _ in 0..random.below(6) {
        out += &text(8, random);
        out += "\r\n";
    }
    if random.one_in(4) {
        out += &text(5, random);
    }
    out.into_bytes()
}

/// One thing that happens to messages on their way, or that an attacker does.
fn damage(message: Vec<u8>, random: &mut Random) -> Vec<u8> {
    let insert = |mut message: Vec<u8>, at: usize, text: &[u8]| {
        message.splice(at..at, text.iter().copied());
        message
    };
    let end = message.windows(4).position(|w| w == b"\r\n\r\n").unwrap() + 4;
    let at = random.below(message.len());
    let line = {
        let ends: Vec<usize> = (0..end - 2)
            .filter(|at| message[*at..].starts_with(b"\r\n") && !b" \t".contains(&message[at + 2]))
            .collect();
        ends[random.below(ends.len())] + 2
    };
    match random.below(18) {
        0 => message,
        1 => insert(message, at, b" "),
        2 => insert(message, at, b"\t"),
        3 => [message, b"\r\n".to_vec()].concat(),
        4 => [message, b"more\r\n".to_vec()].concat(),
        5 => [message, b" \t\r\n".to_vec()].concat(),
        6 => insert(message, line, b"From: <other@other.example>\r\n"),
        7 => insert(message, line, b"Subject: another\r\n"),
        8 => insert(message, line, b"X-Unsigned: new\r\n"),
        9 => insert(message, line, b"X-One: another\r\n"),
        10 => {
            let mut other = message;
            other[at] ^= 0x20;
            other
        }
        11 => {
            let mut other = message;
            other[at] = b'z';
            other
        }
        12 => {
            // Folded anew at a space of the header.
            let spaces: Vec<usize> =
                (1..end).filter(|at| message[*at] == b' ' && message[at - 1] != b'\n').collect();
            let at = spaces[random.below(spaces.len())];
            insert(message, at, b"\r\n")
        }
        13 => {
            let mut other = message;
            other.pop();
            other
        }
        14 => {
            let colon = message[line..].iter().position(|byte| *byte == b':');
            let colon = line + colon.unwrap_or_default();
            insert(message, colon, b" ")
        }
        15 | 16 => {
            // b= is the last tag: its end is that of the field.
            let end = message.windows(7).position(|w| w == b"\r\nFrom:").unwrap();
            let mut other = message;
            if other[end - 1] == b'=' && random.one_in(2) {
                other.remove(end - 1);
                return other;
            }
            insert(other, end, b"z")
        }
        _ => {
            let mut other = message;
            other.remove(at);
            other
        }
    }
}

#[test]
fn damaged_messages_are_judged_as_elsewhere() {
    let Some(served) = Served::new(&format!("{APEX}{}", key_lines())) else { return };
    let mut random = Random::new(78);
    let keys: [Key; 3] = keys();
    let forms = ["simple/simple", "simple/relaxed", "relaxed/simple", "relaxed/relaxed"];
    let messages: Vec<Vec<u8>> = (0..MESSAGES)
        .map(|_| {
            let plain = message(&mut random);
            let key = &keys[random.below(keys.len())];
            let signed = ours(&Job { message: &plain, key, form: random.pick(&forms) });
            damage(signed, &mut random)
        })
        .collect();
    let verdicts: Vec<Verdict> =
        messages.iter().map(|message| served.judge(&Envelope::unknown(), message)).collect();
    let passed = |verdict: &Verdict| verdict.dkim().iter().any(|check| check.pass().is_some());
    let count = verdicts.iter().filter(|verdict| passed(verdict)).count();
    assert!(count > MESSAGES / 5 && count < MESSAGES * 4 / 5, "{count} of {MESSAGES} pass: that says little");
    let mut seen = BTreeSet::new();
    for peer in Peer::ALL {
        let Some(said) = peer.verify(&messages) else { return };
        let mut classes: BTreeMap<Difference, u32> = BTreeMap::new();
        let mut unknown = Vec::new();
        for ((message, verdict), theirs) in messages.iter().zip(&verdicts).zip(&said) {
            if passed(verdict) == (theirs == "pass") {
                continue;
            }
            match class(message, verdict, theirs) {
                Some(class) => *classes.entry(class).or_default() += 1,
                None => {
                    let reasons: Vec<_> = verdict.dkim().iter().map(dkim::Check::reason).collect();
                    unknown.push(format!("we: {reasons:?}, they: {theirs}\n{}\n", message.escape_ascii()));
                }
            }
        }
        println!("{peer:?}: {count} of {MESSAGES} pass here; known differences: {classes:?}");
        assert!(unknown.is_empty(), "{peer:?} differs {} times:\n{}", unknown.len(), unknown.join("\n"));
        seen.extend(classes.into_keys());
    }
    let stale: Vec<_> = DIFFERENCES.iter().filter(|class| !seen.contains(class)).collect();
    assert!(stale.is_empty(), "differences that do not come up: {stale:?}");
}
