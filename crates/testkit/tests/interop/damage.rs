//! Random messages, signed by the test signer, with random damage: what passes here passes at dkimpy's and OpenDKIM's,
//! and the other way round, but for differences that are known by name.

use dkim::{Reason, SignatureErrorKind};
use testkit::how_many;
use verdict::{Envelope, Verdict};

use crate::differences::{Tally, check_page};
use crate::dkim::{key_lines, ours};
use crate::peers::{Job, Key, Peer, keys, side_by_side};
use crate::random::Random;
use crate::served::{APEX, Served};

const MESSAGES: usize = 10_000;

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
    /// The last character of b= has bits that stand for nothing and are not zero. RFC 4648 §3.5 lets a decoder refuse that,
    /// as we do.
    SpareBits,
    /// RFC 6376 §2.10 makes the padding of base64 optional; dkimpy wants it.
    Padding,
    /// dkimpy reads no field whose name is followed by white space, OpenDKIM none that has a tab there.
    SpacedName,
    /// The last line of a relaxed body has no end: RFC 6376 §3.4.4 adds it, as does the test signer. Over SMTP there is no
    /// such body; dkimpy keeps white space in that line, OpenDKIM calls the message a syntax error.
    NoLineEnd,
}

/// The differences of a program.
fn differences(peer: Peer) -> &'static [Difference] {
    match peer {
        Peer::OpenDkim => &[
            Difference::OurPolicy,
            Difference::MalformedHeader,
            Difference::LineEnds,
            Difference::Base64,
            Difference::SpareBits,
            Difference::SpacedName,
            Difference::NoLineEnd,
        ],
        Peer::Dkimpy => &[
            Difference::OurPolicy,
            Difference::MalformedHeader,
            Difference::LineEnds,
            Difference::SpareBits,
            Difference::Padding,
            Difference::SpacedName,
            Difference::NoLineEnd,
        ],
    }
}

fn class(message: &[u8], verdict: &Verdict, theirs: &str) -> Option<Difference> {
    let reason = verdict.dkim().first().map(dkim::Check::reason);
    let passes = theirs == "pass";
    match reason {
        Some(Reason::UnsignedDuplicate(_)) if passes => Some(Difference::OurPolicy),
        Some(Reason::MalformedHeader(_)) if passes => Some(Difference::MalformedHeader),
        Some(Reason::BodyChanged | Reason::SignatureMismatch) if passes && has_bare_line_end(message) => {
            Some(Difference::LineEnds)
        }
        Some(Reason::Malformed(SignatureErrorKind::Base64(_))) if passes => {
            let spare = is_padded_base64(message);
            Some(if spare { Difference::SpareBits } else { Difference::Base64 })
        }
        Some(Reason::Pass) if theirs.contains("not valid base64") => Some(Difference::Padding),
        Some(Reason::Pass) if has_spaced_name(message) => Some(Difference::SpacedName),
        Some(Reason::Pass) if !message.ends_with(b"\r\n") && is_relaxed(message) => {
            Some(Difference::NoLineEnd)
        }
        _ => None,
    }
}

/// Whether b=, the last tag of the signature, has the characters of base64 in the right number.
fn is_padded_base64(message: &[u8]) -> bool {
    let find = |text: &[u8]| message.windows(text.len()).position(|window| window == text);
    let (Some(start), Some(end)) = (find(b"; b="), find(b"\r\nFrom:")) else { return false };
    let value: String =
        message[start + 4..end].iter().filter(|b| !b.is_ascii_whitespace()).map(|b| char::from(*b)).collect();
    let data = value.strip_suffix("==").or(value.strip_suffix('=')).unwrap_or(&value);
    value.len().is_multiple_of(4) && data.chars().all(|c| c.is_ascii_alphanumeric() || "+/".contains(c))
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
    match random.below(19) {
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
        17 => {
            // The last character of b= is in front of padding: the next one has the same bits that count.
            let end = message.windows(7).position(|w| w == b"\r\nFrom:").unwrap();
            let last = message[..end].iter().rposition(|byte| *byte != b'=').unwrap();
            let mut other = message;
            other[last] += 1;
            other
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
    let seeds: Vec<u64> = (0..how_many(MESSAGES)).map(|_| random.next()).collect();
    let signed = |seed: &u64| {
        let mut random = Random::new(*seed);
        let plain = message(&mut random);
        let key = &keys[random.below(keys.len())];
        let signed = ours(&Job { message: &plain, key, form: random.pick(&forms) });
        damage(signed, &mut random)
    };
    let messages = side_by_side(&seeds, |seeds| Some(seeds.iter().map(signed).collect())).unwrap();
    let judge = |message: &Vec<u8>| served.judge(&Envelope::unknown(), message);
    let verdicts: Vec<Verdict> =
        side_by_side(&messages, |messages| Some(messages.iter().map(judge).collect())).unwrap();
    let passed = |verdict: &Verdict| verdict.dkim().iter().any(|check| check.pass().is_some());
    let (count, all) = (verdicts.iter().filter(|verdict| passed(verdict)).count(), messages.len());
    println!("{count} of {all} messages pass here");
    assert!(count > all / 5 && count < all * 4 / 5, "{count} of {all} pass: that says little");
    for peer in Peer::ALL {
        let Some(said) = peer.verify(&messages) else { return };
        let mut tally = Tally::new();
        for ((message, verdict), theirs) in messages.iter().zip(&verdicts).zip(&said) {
            if passed(verdict) != (theirs == "pass") {
                tally.count(class(message, verdict, theirs), || {
                    let reasons: Vec<_> = verdict.dkim().iter().map(dkim::Check::reason).collect();
                    format!("we: {reasons:?}, they: {theirs}\n{}\n", message.escape_ascii())
                });
            }
        }
        tally.check(peer.name(), differences(peer), all >= MESSAGES);
    }
}

#[test]
fn the_page_names_what_differs_from_opendkim_and_dkimpy() {
    for peer in Peer::ALL {
        check_page(peer.name(), differences(peer));
    }
}
