//! What the filter is shown.

use std::sync::atomic::Ordering;

use milter::{Piece, Settings};
use testkit::real::postfix::Postfix;
use testkit::real::{Root, wait_until};
use tokio::runtime::Runtime;

use super::common::{Filter, Plan, WISH, start};
use super::{MESSAGE, each};

fn header_of(message: &[u8]) -> &[u8] {
    let end = message.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    &message[..end + 2]
}

fn body_of(message: &[u8]) -> &[u8] {
    &message[header_of(message).len() + 2..]
}

#[test]
fn hdr_11_hdr_12_the_header_is_shown_as_it_was_in_smtp() {
    let message = b"From: a@client.example\r\nX-None:x\r\nX-Two:  x\r\nX-Tab:\tx\r\nX-Folded:\r\n <1@x>\r\n\
        X-Long: a\r\n\tb\r\n  c\r\nX-End: x \r\nX-Empty:\r\nX-Blank: \r\nX-Eight: \xff\xc3\x28\r\nX_Odd#Name: x\r\n\r\nbody\r\n";
    each(
        || Filter::with(Plan::default()),
        "",
        |filtered| {
            filtered.delivered(message);
            let seen = &filtered.filter.seen()[0];
            assert_eq!(seen.header.escape_ascii().to_string(), header_of(message).escape_ascii().to_string());
            assert_eq!(seen.body, b"body\r\n");
        },
    );
}

#[test]
fn hdr_11_without_the_leading_space_only_fields_that_have_none_differ() {
    each(
        || Filter::with(Plan::default()),
        "milter_protocol = 4\n",
        |filtered| {
            filtered.delivered(
                b"From: a@client.example\r\nX-None:x\r\nX-Two:  x\r\nX-Tab:\tx\r\nX-Folded:\r\n <1@x>\r\nX-Long: a\r\n\tb\r\n\r\nbody\r\n",
            );
            let seen = &filtered.filter.seen()[0];
            assert_eq!(
                seen.header.escape_ascii().to_string(),
                b"From: a@client.example\r\nX-None: x\r\nX-Two:  x\r\nX-Tab:\tx\r\nX-Folded:\r\n <1@x>\r\nX-Long: a\r\n\tb\r\n"
                    .escape_ascii()
                    .to_string()
            );
        },
    );
}

#[test]
fn every_version_of_the_protocol_delivers_the_same() {
    // Postfix itself has no version 5.
    for version in [2, 3, 4, 6] {
        each(
            || Filter::editing(|_, edits| edits.insert(0, b"X-Top", b"folded\r\n\there").unwrap()),
            &format!("milter_protocol = {version}\n"),
            |filtered| {
                let expected = ["X-Top: folded\r\n\there\r\nReceived\r\n", str::from_utf8(MESSAGE).unwrap()];
                assert_eq!(filtered.delivered(MESSAGE), expected.concat());
                let seen = &filtered.filter.seen()[0];
                assert_eq!(seen.body, body_of(MESSAGE));
                assert_eq!(seen.data, version >= 4);
            },
        );
    }
}

#[test]
fn envelope_client_and_macros() {
    each(
        || Filter::with(Plan::default()),
        "milter_macro_daemon_name = outside\n",
        |filtered| {
            let mut client = filtered.postfix.converse();
            client.say("EHLO client.example");
            client.say("MAIL FROM:<Mixed.Case+tag@Client.example> SIZE=100 BODY=8BITMIME");
            client.say("RCPT TO:<b@receiver.test>");
            client.say("RCPT TO:<nobody@elsewhere.test>");
            client.say("RCPT TO:<c@receiver.test>");
            client.say("DATA");
            client.raw(b"From: x@client.example\r\n\r\nbody\r\n.\r\n");
            let reply = client.reply();
            let queue_id = reply.rsplit(' ').next().unwrap().to_owned();
            let seen = &filtered.filter.seen()[0];
            assert!(seen.client.starts_with("Ip(127.0.0.1, "), "{}", seen.client);
            assert!(!seen.client.ends_with(", 0)"), "the port is known: {}", seen.client);
            assert_eq!(seen.helo, "client.example");
            assert_eq!(seen.mail, ["<Mixed.Case+tag@Client.example>", "SIZE=100", "BODY=8BITMIME"]);
            assert_eq!(seen.rcpt, ["<b@receiver.test>", "<c@receiver.test>"]);
            assert_eq!(seen.queue_id.as_deref(), Some(queue_id.as_str()));
            assert_eq!(seen.daemon.as_deref(), Some("outside"));
            assert_eq!(seen.auth, None);
        },
    );
}

#[test]
fn env_18_mail_made_on_the_machine_itself() {
    each(
        || Filter::editing(|_, edits| edits.add(b"X-Seen", b"yes").unwrap()),
        "",
        |filtered| {
            filtered
                .postfix
                .sendmail(b"From: x@receiver.test\nTo: c@receiver.test\nSubject: local\n\nbody\n.\n");
            let arrived = filtered.postfix.sink.wait_for(1);
            let content = String::from_utf8_lossy(&arrived[0].content).into_owned();
            assert!(content.contains("\r\nX-Seen: yes\r\n"), "{content}");
            let seen = &filtered.filter.seen()[0];
            assert_eq!(seen.client, "Ip(127.0.0.1, 0)");
            assert_eq!(seen.rcpt, ["c@receiver.test"]);
            assert_eq!(seen.body, b"body\r\n.\r\n");
        },
    );
}

#[test]
fn env_17_many_messages_on_one_connection_and_pipelined() {
    each(
        || {
            Filter::editing(|seen, edits| {
                edits.add(b"X-Size", seen.body.len().to_string().as_bytes()).unwrap()
            })
        },
        "",
        |filtered| {
            let mut client = filtered.postfix.converse();
            client.say("EHLO client.example");
            for size in 0..50 {
                client.raw(b"MAIL FROM:<a@client.example>\r\nRCPT TO:<b@receiver.test>\r\nDATA\r\n");
                let replies: Vec<String> = (0..3).map(|_| client.reply()).collect();
                assert!(replies[2].starts_with("354"), "{replies:?}");
                let fields = "X-Field: x\r\n".repeat(size % 5);
                client.raw(
                    format!("From: a@client.example\r\n{fields}\r\n{}\r\n.\r\n", "x".repeat(size)).as_bytes(),
                );
                let reply = client.reply();
                assert!(reply.starts_with("250 2.0.0"), "{reply}");
            }
            for (size, seen) in filtered.filter.seen().iter().enumerate() {
                assert_eq!((seen.body.len(), seen.rcpt.len()), (size + 2, 1));
                assert_eq!(seen.fields.len(), 1 + size % 5);
            }
            let mut sizes: Vec<usize> = filtered
                .postfix
                .sink
                .wait_for(50)
                .iter()
                .map(|arrived| {
                    let content = String::from_utf8_lossy(&arrived.content);
                    let (_, rest) = content.split_once("X-Size: ").unwrap();
                    rest.split("\r\n").next().unwrap().parse().unwrap()
                })
                .collect();
            sizes.sort_unstable();
            assert_eq!(sizes, (2..52).collect::<Vec<_>>());
        },
    );
}

#[test]
fn hdr_13_hdr_15_bodies_of_any_size_are_shown_to_the_byte() {
    let mut body = Vec::new();
    for number in 0..3_000 {
        let dots = ".".repeat(number % 3);
        body.extend_from_slice(format!("{dots}{number} {}\r\n", "x".repeat(number % 120)).as_bytes());
    }
    assert!(body.len() > 200_000);
    each(
        || Filter::with(Plan::default()),
        "",
        |filtered| {
            for size in [0, 4, 65_533, 65_534, 65_535, 65_536, 65_537, 131_070, body.len()] {
                let mut body = body[..size].to_vec();
                if let Some(last) = body.last_chunk_mut::<4>() {
                    // No CR or LF that the cut has left alone.
                    *last = *b"xx\r\n";
                }
                let message = [b"From: a@client.example\r\n\r\n", &body[..]].concat();
                let delivered = filtered.delivered(&message);
                assert!(delivered.as_bytes().ends_with(&body));
                let seen = filtered.filter.seen().pop().unwrap();
                assert_eq!(seen.body.len(), body.len());
                assert!(seen.body == body, "a body of {size} octets");
                assert_eq!(seen.pieces, body.len().div_ceil(65_535), "a body of {size} octets");
            }
        },
    );
}

#[test]
fn skip_ends_the_body_and_not_the_message() {
    for protocol in [4, 6] {
        each(
            || {
                let plan = Plan { piece: Some(Piece::Skip), ..Plan::default() };
                Filter::with(plan)
            },
            &format!("milter_protocol = {protocol}\n"),
            |filtered| {
                let body = "0123456789abcdef\r\n".repeat(12_000);
                let message = format!("From: a@client.example\r\n\r\n{body}");
                for _ in 0..2 {
                    assert!(filtered.delivered(message.as_bytes()).ends_with(&body));
                    let seen = filtered.filter.seen().pop().unwrap();
                    assert_eq!((seen.pieces, seen.body.len(), seen.ended), (1, 65_535, "whole"));
                }
            },
        );
    }
}

#[test]
fn net_05_a_client_that_goes_away_in_the_middle() {
    each(
        || Filter::with(Plan::default()),
        "",
        |filtered| {
            for stage in 0..5 {
                let mut client = filtered.postfix.converse();
                client.say("EHLO client.example");
                for line in
                    ["MAIL FROM:<a@client.example>", "RCPT TO:<b@receiver.test>", "DATA"].iter().take(stage)
                {
                    client.say(line);
                }
                if stage == 4 {
                    client.raw(b"From: a@client.example\r\n\r\nhalf a li");
                }
                client.hang_up();
                let gone = || filtered.filter.alive.load(Ordering::SeqCst) == 0;
                assert!(wait_until(gone), "gone at {stage}");
            }
            let seen = filtered.filter.seen();
            assert_eq!(seen.len(), 4, "{seen:?}");
            assert!(seen.iter().all(|seen| seen.ended == "aborted" && seen.fields.is_empty()), "{seen:?}");
            assert_eq!(filtered.postfix.sink.arrived(), []);
        },
    );
}

/// What some servers take for the end of the content.
const FALSE_ENDS: &[&[u8]] = &[
    b"\n.\n",
    b"\n.\r\n",
    b"\r\n.\n",
    b"\r.\r",
    b"\r.\n",
    b"\n.\r",
    b"\r.\r\n",
    b"\r\n.\r",
    b"\r\n\0.\r\n",
    b"\r\n.\0\r\n",
    b"\r\n.\r\r\n",
    b"\r\r\n.\r\r\n",
];

/// Sends each false end with a message to be smuggled behind it, and gives how many messages were accepted.
fn smuggle(postfix: &Postfix, filter: &Filter) -> usize {
    let mut sent = 0;
    for end in FALSE_ENDS {
        let mut client = postfix.converse();
        client.say("EHLO client.example");
        client.envelope("a@client.example", &["b@receiver.test"]);
        let smuggled = b"MAIL FROM:<admin@victim.example>\r\nRCPT TO:<b@receiver.test>\r\nDATA\r\nFrom: admin@victim.example\r\n\r\nforged\r\n.\r\n";
        client.raw(&[b"From: a@client.example\r\n\r\nbody", *end, smuggled].concat());
        let reply = client.reply();
        client.hang_up();
        sent += usize::from(reply.starts_with('2'));
        assert!(wait_until(|| filter.alive.load(Ordering::SeqCst) == 0));
    }
    sent
}

/// All that was sent was one message each, for the filter and behind Postfix.
fn check_not_smuggled(postfix: &Postfix, filter: &Filter, sent: usize) {
    let seen = filter.seen();
    let whole = seen.iter().filter(|seen| seen.ended == "whole");
    assert_eq!(whole.clone().count(), sent);
    for seen in whole {
        assert_eq!(seen.mail[0], "<a@client.example>");
    }
    assert!(sent >= 8, "{sent}");
    for arrived in postfix.sink.wait_for(sent) {
        assert!(arrived.envelope[0].starts_with("MAIL FROM:<a@client.example>"), "{:?}", arrived.envelope);
    }
}

#[test]
fn smug_01_through_postfix_every_false_end_is_one_message_or_refused() {
    each(
        || Filter::with(Plan::default()),
        "smtpd_forbid_bare_newline = normalize\n",
        |filtered| {
            let sent = smuggle(&filtered.postfix, &filtered.filter);
            check_not_smuggled(&filtered.postfix, &filtered.filter, sent);
        },
    );
}

#[test]
fn smug_02_behind_a_before_queue_filter_it_is_one_message_too() {
    for root in Root::all(&["postfix"]) {
        let runtime = Runtime::new().unwrap();
        let filter = Filter::with(Plan::default());
        let guard = runtime.enter();
        let server = start(&filter, Settings::new(WISH));
        drop(guard);
        // The filter passes everything on as it is: it is no more than the hop.
        let behind = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let postfix = Postfix::start_with(
            &root,
            &format!("smtpd_forbid_bare_newline = normalize\nsmtpd_proxy_filter = {behind}\n"),
            &format!(
                "{behind} inet n - n - - smtpd -o smtpd_proxy_filter= -o smtpd_milters=inet:{}\n",
                server.addr
            ),
        );
        let sent = smuggle(&postfix, &filter);
        check_not_smuggled(&postfix, &filter, sent);
    }
}

#[test]
fn env_10_the_sender_is_shown_as_it_was_given_and_not_as_it_is_rewritten() {
    each(
        || Filter::with(Plan::default()),
        "sender_canonical_maps = static:rewritten@elsewhere.test\nsender_canonical_classes = envelope_sender\n",
        |filtered| {
            filtered.delivered(MESSAGE);
            assert_eq!(filtered.filter.seen()[0].mail[0], "<a@client.example>");
            let arrived = filtered.postfix.sink.arrived();
            assert!(
                arrived[0].envelope[0].starts_with("MAIL FROM:<rewritten@elsewhere.test>"),
                "{:?}",
                arrived[0].envelope
            );
        },
    );
}
