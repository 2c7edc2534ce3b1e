//! Random messages, signed by the test signer, with random damage: what passes here passes at dkimpy's and OpenDKIM's,
//! and the other way round, but for differences that are known by name.

use dkim::Reason;
use verdict::{Envelope, Verdict};

use crate::dkim::{key_lines, ours};
use crate::peers::{Job, Key, Peer, keys};
use crate::random::Random;
use crate::served::{APEX, Served};

const MESSAGES: usize = 400;

/// Why a program differs from us about a damaged message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Difference {
    /// We say policy: the signature is valid, but a field that should be there once is there twice.
    OurPolicy,
    /// We say permerror where two programs could read two headers out of the bytes.
    MalformedHeader,
    /// dkimpy counts one From more than there are as signed whatever h= says (Debian bug 644046): here h= says so too.
    /// It takes a bare LF for a line end.
    DkimpyLineEnds,
    /// dkimpy reads no field whose name is followed by white space.
    DkimpySpacedName,
}

fn class(peer: Peer, message: &[u8], verdict: &Verdict, theirs: &str) -> Option<Difference> {
    let reason = verdict.dkim().first().map(dkim::Check::reason);
    let passes = theirs == "pass";
    match (peer, reason) {
        (_, Some(Reason::UnsignedDuplicate(_))) if passes => Some(Difference::OurPolicy),
        (_, Some(Reason::MalformedHeader(_))) if passes => Some(Difference::MalformedHeader),
        (Peer::Dkimpy, _) if passes && has_bare_line_end(message) => Some(Difference::DkimpyLineEnds),
        (Peer::Dkimpy, Some(Reason::Pass)) if theirs.contains("Unexpected characters") => {
            Some(Difference::DkimpySpacedName)
        }
        _ => None,
    }
}

fn has_bare_line_end(message: &[u8]) -> bool {
    message
        .windows(2)
        .any(|pair| pair[1] == b'\n' && pair[0] != b'\r' || pair[0] == b'\r' && pair[1] != b'\n')
}

/// A message of random lines.
fn message(random: &mut Random) -> Vec<u8> {
    const WORDS: &[&str] = &["a", "word", "  ", "\t", " ", "x\u{e9}", ".", "..", "=20", "From", "--", ""];
    let mut text = |count: usize, random: &mut Random| -> String {
        (0..random.below(count)).map(|_| random.pick(WORDS)).collect()
    };
    let mut out = String::new();
    let names = ["Subject", "To", "Date", "X-One", "x-one", "Reply-To", "List-Id"];
    for name in names.iter().filter(|_| !random.one_in(4)) {
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
    match random.below(14) {
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
    let mut random = Random::new(6376);
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
    for peer in Peer::ALL {
        let Some(said) = peer.verify(&messages) else { continue };
        let mut classes = Vec::new();
        let mut unknown = Vec::new();
        for ((message, verdict), theirs) in messages.iter().zip(&verdicts).zip(&said) {
            if passed(verdict) == (theirs == "pass") {
                continue;
            }
            match class(peer, message, verdict, theirs) {
                Some(class) => classes.push(class),
                None => {
                    let reasons: Vec<_> = verdict.dkim().iter().map(dkim::Check::reason).collect();
                    unknown.push(format!("we: {reasons:?}, they: {theirs}\n{}\n", message.escape_ascii()));
                }
            }
        }
        classes.sort();
        println!("{peer:?}: {count} of {MESSAGES} pass here; known differences: {classes:?}");
        assert!(unknown.is_empty(), "{peer:?} differs {} times:\n{}", unknown.len(), unknown.join("\n"));
    }
}
