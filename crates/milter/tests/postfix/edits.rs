//! Changes to messages.

use milter::{Edits, End, Verdict};

use super::common::{Filter, SILENT, WISH};
use super::{Filtered, MESSAGE, each, each_with};

fn delivers(edit: impl Fn(&mut Edits) + Send + Sync + Copy + 'static, expected: &str) {
    // Postfix delivers without the changes where a filter is out of step with it.
    for wish in [WISH, SILENT] {
        each_with(
            wish,
            || Filter::editing(move |_, edits| edit(edits)),
            "",
            |filtered: &mut Filtered| assert_eq!(filtered.delivered(MESSAGE), expected),
        );
    }
}

#[test]
fn without_changes_a_message_is_delivered_to_the_byte() {
    delivers(|_| {}, &["Received\r\n", std::str::from_utf8(MESSAGE).unwrap()].concat());
}

#[test]
fn fields_are_inserted_on_top_and_below_and_added_at_the_end() {
    delivers(
        |edits| {
            edits.insert(0, b"X-Top", b"1").unwrap();
            edits.insert(0, b"X-Top", b"2; folded\r\n\tby us\r\n and again").unwrap();
            edits.insert(1, b"X-Below-Received", b"3").unwrap();
            edits.add(b"X-Last", b"4").unwrap();
            edits.add(b"X-Last", b"5\n\tLF").unwrap();
        },
        "X-Top: 1\r\nX-Top: 2; folded\r\n\tby us\r\n and again\r\nReceived\r\nX-Below-Received: 3\r\n\
         From: a@client.example\r\nX-One: first\r\nSubject:  two\r\n\tfolds\r\n and one\r\n\
         X-One:second\r\nX-Empty:\r\nX-Last: 4\r\nX-Last: 5\r\n\tLF\r\n\r\n.dots\r\n..\r\n\r\nend\r\n",
    );
}

#[test]
fn fields_are_changed_and_deleted_by_the_number_they_came_with() {
    delivers(
        |edits| {
            edits.delete(b"x-one", 1).unwrap();
            edits.change(b"X-One", 2, b"third\r\n\tfolded").unwrap();
            edits.delete(b"X-EMPTY", 1).unwrap();
            edits.change(b"Subject", 1, b"plain").unwrap();
        },
        "Received\r\nFrom: a@client.example\r\nSubject: plain\r\nX-One: third\r\n\tfolded\r\n\r\n\
         .dots\r\n..\r\n\r\nend\r\n",
    );
}

#[test]
fn all_of_many_fields_are_deleted_and_a_new_one_stands_on_top() {
    let mut message = b"From: a@client.example\r\n".to_vec();
    for number in 0..300 {
        message.extend_from_slice(format!("Authentication-Results: forged{number}\r\n").as_bytes());
    }
    message.extend_from_slice(b"\r\nbody\r\n");
    each(
        || {
            Filter::editing(|seen, edits| {
                let is_one = |name: &[u8]| name.eq_ignore_ascii_case(b"Authentication-Results");
                let count = seen.fields.iter().filter(|(name, _)| is_one(name)).count();
                for index in 1..=count {
                    edits.delete(b"Authentication-Results", index as u32).unwrap();
                }
                edits.insert(0, b"Authentication-Results", b"mx.receiver.test; none").unwrap();
            })
        },
        "",
        |filtered| {
            assert_eq!(
                filtered.delivered(&message),
                "Authentication-Results: mx.receiver.test; none\r\nReceived\r\nFrom: a@client.example\r\n\r\nbody\r\n"
            );
        },
    );
}

#[test]
fn net_09_the_longest_field_goes_through() {
    let folded = vec![vec![b'x'; 900]; 55].join(&b"\r\n\t"[..]);
    assert!(folded.len() + 5 < milter::edits::MAX_FIELD && folded.len() + 1_000 > milter::edits::MAX_FIELD);
    let expected = [b"X-Top: ", &folded[..], b"\r\nReceived\r\n"].concat();
    each(
        move || {
            let folded = folded.clone();
            Filter::editing(move |_, edits| edits.insert(0, b"X-Top", &folded).unwrap())
        },
        "",
        |filtered| {
            let delivered = filtered.delivered(MESSAGE);
            let same = delivered.bytes().zip(&expected).take_while(|(one, other)| one == *other).count();
            assert_eq!(same, expected.len(), "{}", &delivered[same.saturating_sub(50)..same + 50]);
        },
    );
}

#[test]
fn quarantined_mail_is_on_hold_and_the_connection_goes_on() {
    each(
        || {
            Filter::ending(|seen| {
                let mut edits = Edits::default();
                if seen.body.starts_with(b"hold") {
                    edits.insert(0, b"X-Held", b"yes").unwrap();
                    edits.quarantine("because \u{e9}");
                }
                End { edits, verdict: Verdict::Accept }
            })
        },
        "",
        |filtered| {
            let mut client = filtered.postfix.converse();
            client.say("EHLO client.example");
            for body in ["hold", "go on", "hold too", "go on"] {
                let message = format!("From: a@client.example\r\n\r\n{body}\r\n");
                let reply = client.message("a@client.example", &["b@receiver.test"], message.as_bytes());
                assert!(reply.starts_with("250 2.0.0"), "{reply}");
            }
            assert_eq!(filtered.postfix.sink.wait_for(2).len(), 2);
            assert_eq!(filtered.postfix.queued("hold"), 2, "{}", filtered.postfix.log());
            assert_eq!(filtered.filter.seen().len(), 4);
        },
    );
}
