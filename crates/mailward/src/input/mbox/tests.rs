//! Mailboxes of several writers, cut into blocks of every size.

use super::*;
use proptest::prelude::*;

fn all(text: &[u8], max: usize, block: usize) -> Vec<Entry> {
    let mut mbox = Mbox::with_limits(text, max, block);
    std::iter::from_fn(|| mbox.next_entry().unwrap()).collect()
}

fn check(text: &str, want: &[&str]) {
    let want: Vec<_> = want.iter().map(|m| Entry::Message(m.as_bytes().to_vec())).collect();
    for block in [1, 2, 3, 5, 64, BLOCK] {
        assert_eq!(all(text.as_bytes(), MAX_MESSAGE, block), want, "{block} at a time: {text:?}");
    }
}

const DATE: &str = "Mon Jan  1 00:00:00 2024";

#[test]
fn messages_are_cut_at_from_lines() {
    check(
        &format!("From a@b.example {DATE}\nFrom: a\n\none\n\nFrom - {DATE}\nFrom: b\n\ntwo\n\n"),
        &["From: a\n\none\n", "From: b\n\ntwo\n"],
    );
    // CRLF, no empty line between, no line end at the end.
    check(
        &format!("From x {DATE}\r\nA: b\r\n\r\none\r\nFrom x {DATE}\r\nA: c\r\n\r\ntwo"),
        &["A: b\r\n\r\none\r\n", "A: c\r\n\r\ntwo"],
    );
    // A header alone, and nothing at all.
    check(&format!("From x {DATE}\nA: b\n\n\nFrom x {DATE}\nFrom x {DATE}"), &["A: b\n\n", "", ""]);
    check(&format!("rubbish\nFrom x {DATE}\nA: b\n"), &["A: b\n"]);
    check("", &[]);
    check("From nobody\n", &[]);
}

#[test]
fn text_that_begins_with_from_is_text() {
    let body = "\n\nFrom here on\n\nFrom Mon to Fri 2024\nXFrom x Mon Jan  1 00:00:00 2024\n>x From y\n";
    check(&format!("From x {DATE}\nA: b{body}"), &[&format!("A: b{body}")]);
}

#[test]
fn one_quote_is_taken_from_quoted_lines() {
    check(
        &format!("From x {DATE}\n>From y\nA: b\n\n>From z\n>>From z\n> From z\n>>>>From {DATE}\n>From"),
        &[&format!("From y\nA: b\n\nFrom z\n>From z\n> From z\n>>>From {DATE}\n>From")],
    );
}

#[test]
fn content_length_is_not_believed() {
    check(
        &format!("From x {DATE}\nContent-Length: 99999\n\none\n\nFrom x {DATE}\nA: c\n"),
        &["Content-Length: 99999\n\none\n", "A: c\n"],
    );
}

#[test]
fn from_lines_of_several_writers() {
    for line in [
        "From a@b.example Mon Jan  1 00:00:00 2024",
        "From - Sat Dec 31 23:59 1999\r\n",
        "From 1790000000000000000@xxx Mon Jan 01 00:00:00 +0000 2024",
        "From user at b.example  Mon Jan 1 00:00:00 2024",
        "From a@b.example Mon Jan  1 00:00:00 UTC 2024",
        "From a@b.example Mon Jan  1 00:00:00 2024 +0100 remote from here",
        "From  Mon Jan  1 00:00:00 2024",
    ] {
        assert!(is_from_line(line.as_bytes()), "{line}");
    }
    for line in [
        "From a@b.example",
        "From: a@b.example Mon Jan  1 00:00:00 2024",
        ">From a@b.example Mon Jan  1 00:00:00 2024",
        "from a@b.example Mon Jan  1 00:00:00 2024",
        "From a@b.example Mon Foo  1 00:00:00 2024",
        "From a@b.example Mon Jan  1 noon 2024",
        "From a@b.example Mon Jan  1 00:00:00 soon",
        "From",
        "",
    ] {
        assert!(!is_from_line(line.as_bytes()), "{line}");
    }
    let padded = |n: usize| format!("From {} {DATE}", "a".repeat(n));
    let over = padded(0).len();
    assert!(is_from_line(padded(MAX_FROM_LINE - over).as_bytes()));
    assert!(!is_from_line(padded(MAX_FROM_LINE - over + 1).as_bytes()));
}

#[test]
fn a_message_over_the_limit_is_left_out_alone() {
    let max = 5000;
    let text = |n: usize| format!("From x {DATE}\n{}\nFrom x {DATE}\nA: b\n", "x".repeat(n - 1));
    let lengths = |n| {
        let entries = all(text(n).as_bytes(), max, 1000);
        entries
            .iter()
            .map(|e| if let Entry::Message(m) = e { Some(m.len()) } else { None })
            .collect::<Vec<_>>()
    };
    assert_eq!(lengths(max), [Some(max), Some(5)]);
    assert_eq!(lengths(max + 1), [None, Some(5)]);
    assert_eq!(lengths(10 * max), [None, Some(5)]);
}

#[test]
fn a_long_message_is_not_kept_to_be_dropped() {
    let text = format!("From x {DATE}\n{}From x {DATE}\nA: b\n", "line of text\n".repeat(400_000));
    let mut mbox = Mbox::with_limits(text.as_bytes(), 1000, BLOCK);
    assert_eq!(mbox.next_entry().unwrap(), Some(Entry::TooLong));
    assert!(mbox.buffer.capacity() <= 4 * BLOCK, "{}", mbox.buffer.capacity());
    assert_eq!(mbox.next_entry().unwrap(), Some(Entry::Message(b"A: b\n".to_vec())));
}

#[test]
fn an_error_ends_it() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::Other.into())
        }
    }
    let text = format!("From x {DATE}\nA: b\n\n");
    let mut mbox = Mbox::new(text.as_bytes().chain(Broken));
    assert!(mbox.next_entry().is_err());
    assert_eq!(mbox.next_entry().unwrap(), None);
}

proptest! {
    /// What an mboxrd writer wrote comes out as it went in, wherever the blocks end.
    #[test]
    fn writing_and_reading_agree(
        messages in prop::collection::vec("(a|>|\n|From |From x Mon Jan  1 00:00:00 2024\n){0,12}", 0..5),
        block in 1usize..50,
    ) {
        let mut text = String::new();
        for message in &messages {
            text.push_str(&format!("From x {DATE}\n"));
            for line in message.split_inclusive('\n') {
                if line.trim_start_matches('>').starts_with("From ") {
                    text.push('>');
                }
                text.push_str(line);
            }
            // A message in an mbox ends with a line end, and an empty line follows.
            text.push_str(if message.is_empty() || message.ends_with('\n') { "\n" } else { "\n\n" });
        }
        let want: Vec<_> = messages
            .iter()
            .map(|m| if m.is_empty() || m.ends_with('\n') { m.clone() } else { format!("{m}\n") })
            .map(|m| Entry::Message(m.into_bytes()))
            .collect();
        prop_assert_eq!(all(text.as_bytes(), MAX_MESSAGE, block), want);
    }
}
