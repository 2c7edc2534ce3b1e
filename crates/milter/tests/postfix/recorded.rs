//! What Postfix and the server really say to each other, recorded between the two: the codec reads all of it and writes
//! the same octets, and the table of states has a place for every command, however the stream is cut.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use milter::command::Command;
use milter::options::Offer;
use milter::packet::{Frames, Packet};
use milter::reply::Reply;
use milter::session::{Answered, Event, Session};
use milter::{Settings, SmtpReply, Verdict};
use testkit::real::postfix::Postfix;
use testkit::real::{Root, wait_until};

use super::MESSAGE;
use super::common::{Filter, Plan, WISH, start};

/// One connection: what the MTA said, and what the filter said.
#[derive(Debug, Default, Clone)]
struct Recorded {
    mta: Vec<u8>,
    filter: Vec<u8>,
    over: bool,
}

type Tape = Arc<Mutex<Vec<Recorded>>>;

/// Listens, and hands on to the server what comes.
fn proxy(server: SocketAddr) -> (SocketAddr, Tape) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let tape = Tape::default();
    let all = Arc::clone(&tape);
    std::thread::spawn(move || {
        for mta in listener.incoming().flatten() {
            let index = {
                let mut all = all.lock().unwrap();
                all.push(Recorded::default());
                all.len() - 1
            };
            let filter = TcpStream::connect(server).unwrap();
            let (mta2, filter2) = (mta.try_clone().unwrap(), filter.try_clone().unwrap());
            let (tape, tape2) = (Arc::clone(&all), Arc::clone(&all));
            std::thread::spawn(move || {
                copy(mta, filter, |bytes| tape.lock().unwrap()[index].mta.extend_from_slice(bytes));
                tape.lock().unwrap()[index].over = true;
            });
            std::thread::spawn(move || {
                copy(filter2, mta2, |bytes| tape2.lock().unwrap()[index].filter.extend_from_slice(bytes));
            });
        }
    });
    (addr, tape)
}

fn copy(mut from: TcpStream, mut to: TcpStream, mut record: impl FnMut(&[u8])) {
    let mut buffer = [0; 9_000];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        record(&buffer[..count]);
        if to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

/// The packets of a stream that comes in pieces of this size.
fn packets(stream: &[u8], size: usize, mut take: impl FnMut(Packet<'_>)) {
    let mut frames = Frames::default();
    for piece in stream.chunks(size) {
        frames.push(piece);
        while let Some(packet) = frames.take().unwrap() {
            take(packet);
        }
    }
    assert!(frames.is_empty(), "the stream ends with a packet");
}

/// The events of a whole connection.
fn events(stream: &[u8], size: usize) -> Vec<String> {
    let mut session: Option<Session> = None;
    let mut events = Vec::new();
    packets(stream, size, |packet| match &mut session {
        None => session = Session::open(packet, &WISH, &mut Vec::new()).unwrap(),
        Some(session) => {
            let event = session.receive(packet).unwrap();
            events.push(format!("{event:?}"));
            if matches!(event, Event::EndOfBody(_)) {
                session.answered(Answered::MessageOver);
            }
        }
    });
    events
}

#[test]
fn the_codec_and_the_table_hold_for_all_that_postfix_says() {
    for root in Root::all(&["postfix"]) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let filter = Filter::editing(|_, edits| {
            edits.insert(0, b"X-Top", b"a\r\n\tb").unwrap();
            edits.delete(b"X-One", 2).unwrap();
        });
        let guard = runtime.enter();
        let server = start(&filter, Settings::new(WISH));
        drop(guard);
        let (addr, tape) = proxy(server.addr);
        let milter = format!("inet:{}:{}", addr.ip(), addr.port());
        let postfix =
            Postfix::start(&root, &format!("smtpd_milters = {milter}\nnon_smtpd_milters = {milter}\n"));
        converse(&postfix);
        let refusal = Verdict::Refuse(SmtpReply::new(550, (7, 1), "no").unwrap());
        for plan in [
            Plan { mail: Some(refusal.clone()), ..Plan::default() },
            Plan { rcpt: Some(refusal.clone()), ..Plan::default() },
            Plan { end: Some(Arc::new(move |_| refusal.clone().into())), ..Plan::default() },
        ] {
            *filter.plan.lock().unwrap() = plan;
            converse(&postfix);
        }
        *filter.plan.lock().unwrap() = Plan::default();
        postfix.sendmail(b"To: c@receiver.test\n\nbody\n");
        let local = || filter.seen().iter().any(|seen| seen.rcpt == ["c@receiver.test"]);
        assert!(wait_until(local), "{}", postfix.log());
        assert!(wait_until(|| tape.lock().unwrap().iter().all(|recorded| recorded.over)));
        let tape = tape.lock().unwrap().clone();
        assert!(tape.len() >= 6);
        for recorded in &tape {
            check(recorded);
        }
        let negotiated = |offer: Offer| offer.version == 6 && offer.actions.0 == 0x1ff;
        packets(&tape[0].mta, 100, |packet| {
            if let Ok(Command::Negotiate(offer)) = Command::decode(packet) {
                assert!(negotiated(offer), "{offer:?}");
            }
        });
    }
}

/// A conversation with all that an SMTP client can do.
fn converse(postfix: &Postfix) {
    let mut client = postfix.converse();
    for line in
        ["EHLO client.example", "XYZZY", "NOOP", "MAIL FROM:<a@client.example>", "RSET", "EHLO again.example"]
    {
        client.say(line);
    }
    client.message("", &["b@receiver.test"], MESSAGE);
    client.message("a@client.example", &["b@receiver.test", "b@elsewhere.test"], MESSAGE);
    for line in [
        "MAIL FROM:<a@client.example>",
        "EHLO in.the.middle",
        "MAIL FROM:<a@client.example> SIZE=3",
        "RCPT TO:<b@receiver.test>",
        "EHLO in.the.middle",
    ] {
        client.say(line);
    }
    client.message(
        "a@client.example",
        &["b@receiver.test"],
        &[MESSAGE, &b"0123456789\r\n".repeat(20_000)].concat(),
    );
    client.say("QUIT");
}

fn check(recorded: &Recorded) {
    let mut again = Vec::new();
    packets(&recorded.mta, 1, |packet| Command::decode(packet).unwrap().encode(&mut again));
    assert!(again == recorded.mta, "every command is encoded to what it was");
    again.clear();
    packets(&recorded.filter, 3, |packet| Reply::decode(packet).unwrap().encode(&mut again));
    assert!(again == recorded.filter, "every reply is encoded to what it was");
    let whole = events(&recorded.mta, usize::MAX);
    for size in [1, 7, 65_536] {
        assert!(events(&recorded.mta, size) == whole, "in pieces of {size}");
    }
}
