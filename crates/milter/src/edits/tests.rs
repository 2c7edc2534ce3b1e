//! Edits: their order, their form on the wire, what is refused.

use super::*;
use crate::options::{Offer, Steps, Wish};
use crate::packet::Frames;

fn agreed(actions: u32, steps: Steps) -> Agreed {
    let wish = Wish {
        needed: Actions(0),
        wanted: Actions(0xff),
        refused_recipients: false,
        unanswered: &[],
        macros: &[],
    };
    Agreed::new(&Offer { version: 6, actions: Actions(actions), steps }, &wish).unwrap()
}

/// The packets, one a line.
fn check(steps: Steps, edit: impl Fn(&mut Edits) -> Result<(), EditError>, expected: &[&str]) {
    let mut edits = Edits::default();
    edit(&mut edits).unwrap();
    let mut out = Vec::new();
    edits.encode(&agreed(0x31, steps), &mut out).unwrap();
    let mut frames = Frames::default();
    frames.push(&out);
    let mut shown = Vec::new();
    while let Some(packet) = frames.take().unwrap() {
        shown.push(match Reply::decode(packet).unwrap() {
            Reply::AddHeader(name, value) => format!("add {}:{}", name.escape_ascii(), value.escape_ascii()),
            Reply::InsertHeader(index, name, value) => {
                format!("insert {index} {}:{}", name.escape_ascii(), value.escape_ascii())
            }
            Reply::ChangeHeader(index, name, value) => {
                format!("change {index} {}:{}", name.escape_ascii(), value.escape_ascii())
            }
            Reply::Quarantine(reason) => format!("quarantine {}", reason.escape_ascii()),
            other => panic!("{other:?}"),
        });
    }
    assert_eq!(shown, expected);
}

#[test]
fn changes_go_from_last_to_first_and_insertions_too() {
    check(
        Steps::LEADING_SPACE,
        |edits| {
            edits.quarantine("why\r\n\u{7f}not");
            edits.add(b"Z", b"1")?;
            edits.insert(0, b"Top", b"first")?;
            edits.insert(5, b"Deep", b"x")?;
            edits.insert(0, b"Top", b"second")?;
            edits.delete(b"ar", 1)?;
            edits.delete(b"AR", 10)?;
            edits.change(b"Ar", 2, b"x\r\n\ty\n z")?;
            edits.add(b"A", b"2")
        },
        &[
            "change 10 AR:",
            r"change 2 Ar: x\n\ty\n z",
            "change 1 ar:",
            "insert 5 Deep: x",
            "insert 0 Top: second",
            "insert 0 Top: first",
            "add Z: 1",
            "add A: 2",
            "quarantine why???not",
        ],
    );
}

#[test]
fn hdr_11_without_the_leading_space_the_mta_puts_it() {
    check(Steps(0), |edits| edits.add(b"A", b"1"), &["add A:1"]);
    check(Steps(0), |edits| edits.delete(b"A", 1), &["change 1 A:"]);
    check(Steps::LEADING_SPACE, |edits| edits.delete(b"A", 1), &["change 1 A:"]);
}

#[test]
fn smug_03_what_would_break_a_header_is_refused() {
    let value = |value: &[u8]| {
        let mut edits = Edits::default();
        let results = [edits.add(b"A", value), edits.insert(0, b"A", value), edits.change(b"A", 1, value)];
        assert!(results.iter().all(|result| *result == results[0]));
        assert_eq!(edits.is_empty(), results[0].is_err(), "nothing is left of what is refused");
        results[0]
    };
    assert_eq!(value(b"a\r\n b\n\tc"), Ok(()));
    assert_eq!(value(b"a\0b"), Err(EditError::Value { at: 1 }));
    assert_eq!(value(b"a\r\nBcc: x"), Err(EditError::Value { at: 2 }));
    assert_eq!(value(b"a\nBcc: x"), Err(EditError::Value { at: 1 }));
    assert_eq!(value(b"a\rb"), Err(EditError::Value { at: 1 }));
    assert_eq!(value(b"a\r"), Err(EditError::Value { at: 1 }));
    assert_eq!(value(b"a\n"), Err(EditError::Value { at: 1 }));
    assert_eq!(value(b""), Err(EditError::Value { at: 0 }), "an empty value deletes");
    assert_eq!(value(b" \t"), Err(EditError::Value { at: 2 }));

    let name = |name: &[u8]| Edits::default().add(name, b"x");
    assert_eq!(name(b"X-a!"), Ok(()));
    for (bad, at) in [(&b""[..], 0), (b"a b", 1), (b"a:", 1), (b"a\n", 1), (b"a\xff", 1), (b"a\0", 1)] {
        assert_eq!(name(bad), Err(EditError::Name { at }));
    }
    assert_eq!(Edits::default().delete(b"odd name\xff", 1), Ok(()), "the message brought it");
    assert_eq!(Edits::default().delete(b"a\0", 1), Err(EditError::Name { at: 1 }));
    assert_eq!(Edits::default().delete(b"a", 0), Err(EditError::Index));
}

#[test]
fn net_09_limits() {
    let mut edits = Edits::default();
    let longest = vec![b'x'; MAX_FIELD - 1];
    assert_eq!(edits.add(b"A", &longest), Ok(()));
    assert_eq!(edits.add(b"AB", &longest), Err(EditError::TooLong(MAX_FIELD + 1)));
    for index in 1..MAX_EDITS {
        edits.delete(b"A", index as u32).unwrap();
    }
    assert_eq!(edits.delete(b"B", 1), Err(EditError::TooMany));
    assert_eq!(edits.add(b"B", b"x"), Err(EditError::TooMany));
    assert_eq!(edits.insert(0, b"B", b"x"), Err(EditError::TooMany));
    let mut long = Edits::default();
    long.quarantine(&"x".repeat(MAX_REASON + 1));
    assert_eq!(long.quarantine.map(|reason| reason.len()), Some(MAX_REASON));
}

#[test]
fn nothing_is_sent_where_one_thing_is_not_allowed() {
    let mut edits = Edits::default();
    edits.delete(b"A", 1).unwrap();
    edits.add(b"A", b"b").unwrap();
    edits.quarantine("x");
    let mut out = Vec::new();
    for offered in [0x11, 0x30, 0x21] {
        assert_eq!(edits.encode(&agreed(offered, Steps(0)), &mut out), Err(NotAllowed(0x31)));
    }
    assert!(out.is_empty());
    assert_eq!(edits.encode(&agreed(0x31, Steps(0)), &mut out), Ok(()));
}
