//! Order and form: what breaks a connection, and what is one message.

use std::sync::atomic::Ordering;

use milter::command::{Command, Stage};
use milter::options::{Offer, Steps};
use milter::reply::Reply;
use milter::{Edits, End, Piece, Settings, SmtpReply, Strings, Verdict};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::common::{Filter, Plan, Seen, WISH, start};
use super::mta::{CONNECT, OFFER, connected, go_on, head, message, one};
use super::until;

/// After these commands the connection is closed with this trouble, and nothing is left of it.
async fn breaks(commands: &[Command<'_>], raw: &[u8], trouble: &str) {
    let filter = Filter::with(Plan::default());
    let server = start(&filter, Settings::new(WISH));
    let mut bytes = Vec::new();
    for command in commands {
        command.encode(&mut bytes);
    }
    bytes.extend_from_slice(raw);
    let mut stream = TcpStream::connect(server.addr).await.unwrap();
    stream.write_all(&bytes).await.unwrap();
    let mut rest = Vec::new();
    // A reset is as good an end as any.
    let _ = stream.read_to_end(&mut rest).await;
    until(|| !filter.troubles().is_empty()).await;
    assert_eq!(filter.troubles(), [trouble]);
    assert_eq!(filter.alive.load(Ordering::SeqCst), 0);
    assert_eq!(filter.closed.load(Ordering::SeqCst), 1);
    server.end().await;
}

#[tokio::test]
async fn net_01_lengths_that_close() {
    let long = "the MTA broke the protocol: a packet of 4294967295 octets, 1114112 are allowed";
    breaks(&[], &[0xff; 5], long).await;
    breaks(&[Command::Negotiate(OFFER), CONNECT], &[0xff; 5], long).await;
    breaks(
        &[],
        &[0x7f, 0xff, 0xff, 0xff],
        "the MTA broke the protocol: a packet of 2147483647 octets, 1114112 are allowed",
    )
    .await;
    breaks(&[], &[0; 4], "the MTA broke the protocol: a packet of length 0").await;
}

#[tokio::test]
async fn net_02_commands_out_of_order() {
    let open = Command::Negotiate(OFFER);
    let out_of_order = |letter: char, state: &str| {
        format!("the MTA broke the protocol: packet '{letter}' is out of order in state {state}")
    };
    breaks(&[Command::Body(b"x")], b"", "the MTA broke the protocol: packet 'B' before the negotiation")
        .await;
    breaks(&[open, Command::Body(b"x")], b"", &out_of_order('B', "Ready")).await;
    breaks(&[open, open], b"", &out_of_order('O', "Ready")).await;
    breaks(&[open, CONNECT, open], b"", &out_of_order('O', "Connected")).await;
    breaks(&[open, CONNECT, CONNECT], b"", &out_of_order('C', "Connected")).await;
    let mut commands = vec![open, CONNECT];
    commands.extend(head());
    breaks(&[&commands[..], &[Command::EndOfHeader]].concat(), b"", &out_of_order('N', "Body")).await;
    breaks(&[&commands[..], &[Command::Mail(one())]].concat(), b"", &out_of_order('M', "Body")).await;
    commands.push(Command::EndOfBody(b""));
    let header = Command::Header { name: b"A", value: b"b" };
    breaks(&[&commands[..], &[header]].concat(), b"", &out_of_order('L', "Connected")).await;
    breaks(&[&commands[..], &[Command::EndOfBody(b"")]].concat(), b"", &out_of_order('E', "Connected")).await;
    breaks(
        &[open],
        b"\0\0\0\x01\xff",
        "the MTA broke the protocol: packet 0xff: no such packet at octet 0 of its data",
    )
    .await;
    let old = Command::Negotiate(milter::options::Offer { version: 1, ..OFFER });
    breaks(
        &[old],
        b"",
        "the MTA broke the protocol: the MTA speaks version 1 of the protocol, 2 is the oldest that will do",
    )
    .await;
}

#[tokio::test]
async fn net_03_a_flawed_packet_in_a_message_aborts_it() {
    let filter = Filter::with(Plan::default());
    let server = start(&filter, Settings::new(WISH));
    let mut mta = connected(server.addr).await;
    go_on(&mut mta, &head()[..3]).await;
    let mut stream = mta.into_inner();
    stream.write_all(b"\0\0\0\x06LFrom\0").await.unwrap();
    until(|| filter.alive.load(Ordering::SeqCst) == 0).await;
    assert_eq!(filter.seen()[0].ended, "aborted");
    assert_eq!(
        filter.troubles(),
        ["the MTA broke the protocol: packet 'L': a string without its NUL at octet 5 of its data"]
    );
    server.end().await;
}

#[tokio::test]
async fn net_04_a_thousand_messages_with_an_abort_at_each_state() {
    let filter = Filter::with(Plan::default());
    let server = start(&filter, Settings::new(WISH));
    let mut mta = connected(server.addr).await;
    for round in 0..1_000 {
        let body = round.to_string();
        mta.queue(&Command::Macros(Stage::Mail, Strings::new(b"{auth_authen}\0bleeding\0").unwrap()));
        go_on(&mut mta, &head()[..round % 6]).await;
        if round % 2 == 0 {
            mta.queue(&Command::Abort);
        } else {
            mta.queue(&Command::QuitNewConnection);
            go_on(&mut mta, &[CONNECT]).await;
        }
        message(&mut mta, &[body.as_bytes()]).await.unwrap();
        let seen = filter.seen();
        let last = seen.last().unwrap();
        assert_eq!((last.ended, &last.body[..], last.auth.as_deref()), ("whole", body.as_bytes(), None));
        assert_eq!(last.fields.len(), 1);
    }
    assert_eq!(filter.alive.load(Ordering::SeqCst), 1, "the client, and no message");
    mta.queue(&Command::Quit);
    mta.flush().await.unwrap();
    until(|| filter.alive.load(Ordering::SeqCst) == 0).await;
    assert_eq!(filter.troubles(), [""; 0]);
    server.end().await;
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
    b"\r\n.\r\n",
];

#[tokio::test]
async fn smug_01_hdr_13_hdr_15_raw_every_false_end_is_part_of_the_body_wherever_it_is_cut() {
    let filter = Filter::with(Plan::default());
    let server = start(&filter, Settings::new(WISH));
    let mut mta = connected(server.addr).await;
    let mut count = 0;
    for end in FALSE_ENDS {
        let body = [b"..a", *end, b"MAIL FROM:<admin@victim.example>\r\n"].concat();
        for at in 0..=body.len() {
            let (one, two) = body.split_at(at);
            message(&mut mta, &[one, two]).await.unwrap();
            count += 1;
            let seen: Vec<Seen> = filter.seen();
            assert_eq!(seen.len(), count);
            assert_eq!(seen[count - 1].body, body);
        }
    }
    server.end().await;
}

#[tokio::test]
async fn a_last_piece_may_come_with_the_end() {
    let filter = Filter::with(Plan::default());
    let server = start(&filter, Settings::new(WISH));
    let mut mta = connected(server.addr).await;
    go_on(&mut mta, &head()).await;
    go_on(&mut mta, &[Command::Body(b"one ")]).await;
    assert_eq!(mta.ask(&Command::EndOfBody(b"two")).await.unwrap().last().unwrap(), Reply::Accept);
    assert_eq!(filter.seen()[0].body, b"one two");
    filter.plan.lock().unwrap().piece = Some(Piece::Verdict(Verdict::Discard));
    go_on(&mut mta, &head()).await;
    assert_eq!(mta.ask(&Command::EndOfBody(b"two")).await.unwrap().last().unwrap(), Reply::Discard);
    go_on(&mut mta, &head()).await;
    drop(mta);
    server.end().await;
}

#[tokio::test]
async fn accepted_clients_are_heard_no_more() {
    let filter = Filter::with(Plan { greeting: Some(milter::Greeting::Accept), ..Plan::default() });
    let server = start(&filter, Settings::new(WISH));
    let mut mta = super::mta::negotiated(server.addr).await;
    assert_eq!(mta.ask(&CONNECT).await.unwrap().last().unwrap(), Reply::Accept);
    mta.queue(&Command::Abort);
    mta.queue(&Command::QuitNewConnection);
    let refuse = milter::Greeting::Refuse(SmtpReply::new(554, (7, 1), "not you").unwrap());
    filter.plan.lock().unwrap().greeting = Some(refuse);
    assert_eq!(mta.ask(&CONNECT).await.unwrap().last().unwrap(), Reply::ReplyCode(b"554 5.7.1 not you"));
    server.end().await;
}

#[tokio::test]
async fn commands_that_nobody_wants_are_answered() {
    let filter = Filter::with(Plan::default());
    let server = start(&filter, Settings::new(WISH));
    let mut mta = connected(server.addr).await;
    go_on(&mut mta, &[Command::Unknown(b"XYZZY")]).await;
    go_on(&mut mta, &head()[..2]).await;
    go_on(&mut mta, &[Command::Unknown(b"NOOP 2")]).await;
    drop(mta);
    server.end().await;
}

#[tokio::test]
async fn env_17_a_message_that_was_begun_is_aborted_at_once() {
    for end in [Command::Abort, Command::Helo(b"again"), Command::Mail(one())] {
        let filter = Filter::with(Plan::default());
        let server = start(&filter, Settings::new(WISH));
        let mut mta = connected(server.addr).await;
        go_on(&mut mta, &head()[..2]).await;
        mta.queue(&end);
        mta.flush().await.unwrap();
        until(|| filter.seen().len() == 1).await;
        assert_eq!(filter.seen()[0].ended, "aborted", "{end:?}");
        drop(mta);
        server.end().await;
    }
}

#[tokio::test]
async fn a_message_that_is_refused_is_not_changed() {
    let refusal = SmtpReply::new(550, (7, 1), "no").unwrap();
    for verdict in [Verdict::Refuse(refusal), Verdict::Tempfail, Verdict::Discard] {
        let filter = Filter::ending(move |_| {
            let mut edits = Edits::default();
            edits.add(b"A", b"b").unwrap();
            edits.quarantine("why");
            End { edits, verdict: verdict.clone() }
        });
        let server = start(&filter, Settings::new(WISH));
        let mut mta = connected(server.addr).await;
        let replies = message(&mut mta, &[b"x"]).await.unwrap();
        assert_eq!(replies.iter().count(), 1, "{replies:?}");
        server.end().await;
    }
}

#[tokio::test]
async fn an_mta_that_cannot_skip_is_let_go_on() {
    for (steps, answer) in [(Steps::SKIP, Reply::Skip), (Steps(0), Reply::Continue)] {
        let filter = Filter::with(Plan { piece: Some(Piece::Skip), ..Plan::default() });
        let server = start(&filter, Settings::new(WISH));
        let stream = TcpStream::connect(server.addr).await.unwrap();
        let offer = Offer { steps, ..OFFER };
        let mut mta = milter::client::Client::open(stream, offer).await.unwrap().0;
        go_on(&mut mta, &[CONNECT]).await;
        go_on(&mut mta, &head()).await;
        assert_eq!(mta.ask(&Command::Body(b"one")).await.unwrap().last().unwrap(), answer);
        go_on(&mut mta, &[Command::Body(b"two")]).await;
        assert_eq!(mta.ask(&Command::EndOfBody(b"three")).await.unwrap().last().unwrap(), Reply::Accept);
        assert_eq!(filter.seen()[0].body, b"one");
        server.end().await;
    }
}

#[tokio::test]
async fn a_refused_recipient_is_one_less_and_no_more() {
    let filter = Filter::with(Plan { rcpt: Some(Verdict::Tempfail), ..Plan::default() });
    let server = start(&filter, Settings::new(WISH));
    let mut mta = connected(server.addr).await;
    go_on(&mut mta, &head()[..1]).await;
    for _ in 0..2 {
        assert_eq!(mta.ask(&Command::Rcpt(one())).await.unwrap().last().unwrap(), Reply::Tempfail);
    }
    filter.plan.lock().unwrap().rcpt = None;
    go_on(&mut mta, &head()[1..]).await;
    assert_eq!(mta.ask(&Command::EndOfBody(b"x")).await.unwrap().last().unwrap(), Reply::Accept);
    assert_eq!((filter.seen().len(), filter.seen()[0].rcpt.len()), (1, 1));
    server.end().await;
}
