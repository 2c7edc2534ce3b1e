//! A filter that answers nothing before the body but MAIL: Postfix does not wait for it, and every change is made all the
//! same.

use super::common::{Filter, SILENT};
use super::{Filtered, each_with};

/// A filter that says what it saw in a field of its own.
fn telling() -> std::sync::Arc<Filter> {
    Filter::editing(|seen, edits| {
        let told = format!("{} fields, {} octets, {:?}", seen.fields.len(), seen.body.len(), seen.rcpt);
        edits.insert(0, b"X-Told", told.as_bytes()).unwrap();
    })
}

fn check(test: impl Fn(&mut Filtered)) {
    each_with(SILENT, telling, "smtpd_client_connection_rate_limit = 0\n", test);
}

#[test]
fn messages_of_every_size_are_told_and_changed() {
    check(|filtered| {
        for (fields, octets) in [(1, 0), (3, 10), (400, 70_000), (20, 4096), (1, 300_000)] {
            let header: String = (1..fields).map(|n| format!("X-{n}: {}\r\n", "v".repeat(n))).collect();
            let body = format!("{}\r\n", "b".repeat(70)).repeat(octets / 72);
            let message = format!("From: a@client.example\r\n{header}\r\n{body}");
            let delivered = filtered.delivered(message.as_bytes());
            let told = format!("X-Told: {fields} fields, {} octets, [\"<b@receiver.test>\"]", body.len());
            assert!(delivered.starts_with(&told), "{told}\n{:.200}", delivered);
            assert!(delivered.ends_with(&message));
        }
    });
}

#[test]
fn messages_in_one_conversation_taken_back_and_refused_by_postfix_are_kept_apart() {
    check(|filtered| {
        let mut client = filtered.postfix.converse();
        client.say("EHLO client.example");
        for number in 0..4 {
            client.say("MAIL FROM:<taken-back@client.example>");
            client.say("RSET");
            client.say("MAIL FROM:<a@client.example>");
            assert!(client.say("RCPT TO:<b@elsewhere.test>").starts_with("554"));
            client.say("RSET");
            let content = format!("From: a@client.example\r\nX-Number: {number}\r\n\r\n{number}\r\n");
            let reply = client.message(
                "a@client.example",
                &["b@receiver.test", "c@receiver.test"],
                content.as_bytes(),
            );
            assert!(reply.starts_with("250 2.0.0"), "{reply}\n{}", filtered.postfix.log());
        }
        client.say("QUIT");
        let arrived = filtered.postfix.sink.wait_for(4);
        for one in &arrived {
            let content = String::from_utf8_lossy(&one.content);
            let told = "X-Told: 2 fields, 3 octets, [\"<b@receiver.test>\", \"<c@receiver.test>\"]";
            assert!(content.starts_with(told), "{content}");
        }
        let whole = filtered.filter.seen().iter().filter(|seen| seen.ended == "whole").count();
        assert_eq!(whole, 4);
    });
}

#[test]
fn mail_that_came_without_smtp_is_told_and_changed() {
    check(|filtered| {
        filtered.postfix.sendmail(b"From: a@client.example\nTo: b@receiver.test\n\nx\n");
        let arrived = filtered.postfix.sink.wait_for(1);
        let content = String::from_utf8_lossy(&arrived[0].content).into_owned();
        assert!(
            content.starts_with("X-Told: ") && content.contains("octets, [\"b@receiver.test\"]"),
            "{content}"
        );
    });
}
