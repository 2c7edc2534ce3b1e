//! Many connections, and bad ones: resets in every state, thousands that say nothing, floods of nonsense, large messages
//! all at once. The program holds on to nothing of it, and serves everybody else.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use milter::client::Client;
use milter::command::{Command, Connect, Peer};
use milter::options::{Offer, Steps};
use milter::reply::Reply;
use milter::{Actions, Strings};
use testkit::long;
use testkit::real::{knot, wait_until};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;

use super::program::{Program, inbound, rows, text};
use super::world::{sample, zone};

const OFFER: Offer = Offer { version: 6, actions: Actions(0x1ff), steps: Steps(0x1f_ffff) };
const CONNECT: Command<'static> =
    Command::Connect(Connect { host: b"mail.trust.example", peer: Peer::Inet(25, b"192.0.2.10") });

/// By when all is as before.
const BACK: Duration = Duration::from_secs(5);

type Mta = Client<TcpStream>;

/// The fields and the body of the good message.
struct Good {
    fields: Vec<(Vec<u8>, Vec<u8>)>,
    body: Vec<u8>,
}

impl Good {
    fn new() -> Self {
        let message = sample("good.eml");
        let (header, body) = mail::header::split(&message);
        let fields = header.field_lines().map(|field| (field.name.to_vec(), field.value.to_vec())).collect();
        Self { fields, body: body.to_vec() }
    }

    /// All commands of a client that sends it.
    fn commands(&self) -> Vec<Command<'_>> {
        let one = |text: &'static [u8]| Strings::new(text).unwrap();
        let mut all = vec![
            CONNECT,
            Command::Helo(b"mail.trust.example"),
            Command::Mail(one(b"<bob@trust.example>\0")),
            Command::Rcpt(one(b"<alice@receiver.test>\0")),
            Command::Data,
        ];
        all.extend(self.fields.iter().map(|(name, value)| Command::Header { name, value }));
        all.extend([Command::EndOfHeader, Command::Body(&self.body), Command::EndOfBody(b"")]);
        all
    }
}

async fn negotiated(addr: SocketAddr) -> Mta {
    let stream = TcpStream::connect(addr).await.unwrap();
    stream.set_nodelay(true).unwrap();
    Client::open(stream, OFFER).await.unwrap().0
}

/// Sends the good message from its beginning, and gives whether it was accepted with a pass on top.
async fn serves(addr: SocketAddr) -> bool {
    let (mut mta, good) = (negotiated(addr).await, Good::new());
    let mut passes = false;
    for command in good.commands() {
        let replies = mta.ask(&command).await.unwrap();
        passes |= replies.iter().any(|reply| {
            matches!(reply, Ok(Reply::InsertHeader(_, b"Authentication-Results", value))
                if value.windows(10).any(|part| part == b"dmarc=pass"))
        });
    }
    passes
}

fn start(more: &str) -> Option<(testkit::real::Knot, Program)> {
    let knot = knot(&zone(""))?;
    let program = Program::start(&inbound(knot.addr, more));
    Some((knot, program))
}

#[test]
fn net_05_resets_in_every_state_leave_no_row_no_file_and_no_memory() {
    let Some((_knot, mut program)) = start("") else { return };
    let (addr, good, runtime) = (program.addr(), Good::new(), Runtime::new().unwrap());
    // The last is the end of the message, which a row may follow.
    let commands = good.commands();
    let states = commands.len() - 1;
    assert!(runtime.block_on(serves(addr)));
    let files = program.open_files();
    let mut memory = 0;
    let rounds = if long() { 1_000 } else { 20 };
    for round in 0..rounds {
        runtime.block_on(async {
            for steps in 0..=states {
                let mut mta = negotiated(addr).await;
                for command in &commands[..steps] {
                    mta.ask(command).await.unwrap();
                }
                let stream = mta.into_inner();
                #[expect(deprecated, reason = "a reset, which waits for nothing")]
                stream.set_linger(Some(Duration::ZERO)).unwrap();
            }
        });
        if round == rounds / 2 {
            memory = program.kib("VmRSS");
        }
    }
    let end = Instant::now();
    assert!(wait_until(|| program.open_files() <= files), "{} of {files}", program.open_files());
    assert!(end.elapsed() < BACK);
    assert!(runtime.block_on(serves(addr)));
    let grown = program.kib("VmRSS").saturating_sub(memory);
    println!("{} resets; {grown} KiB more than half way through", rounds * (states + 1));
    assert!(grown < 8 * 1024, "{grown} KiB");
    program.end();
    let rows = rows(&program.place());
    assert_eq!(rows.len(), 2, "those of the two whole messages: {rows:?}");
}

#[test]
fn net_06_thousands_of_idle_connections_are_held_and_others_are_served() {
    let Some((_knot, program)) = start("") else { return };
    let (addr, runtime) = (program.addr(), Runtime::new().unwrap());
    assert!(runtime.block_on(serves(addr)));
    let (files, before) = (program.open_files(), program.kib("VmRSS"));
    let count = if long() { 9_900 } else { 1_000 };
    let Ok((_, hard)) = nix::sys::resource::getrlimit(nix::sys::resource::Resource::RLIMIT_NOFILE) else {
        return;
    };
    if hard < count + 300 {
        return testkit::real::not_run("thousands of idle connections", "too few files may be open");
    }
    nix::sys::resource::setrlimit(nix::sys::resource::Resource::RLIMIT_NOFILE, hard, hard).unwrap();
    let (good, start) = (Good::new(), Instant::now());
    let commands = good.commands();
    let held = runtime.block_on(async {
        let mut held = Vec::new();
        for number in 0..count {
            let mut mta = negotiated(addr).await;
            // Where Postfix waits: behind a greeting, or behind a message.
            let steps = if number % 2 == 0 { 1 } else { commands.len() };
            for command in &commands[..steps] {
                mta.ask(command).await.unwrap();
            }
            held.push(mta);
        }
        held
    });
    let each = (program.kib("VmRSS") - before) * 1024 / count;
    println!("{count} connections, {each} octets each, made in {:?}", start.elapsed());
    assert!(each <= 50 * 1024, "{each} octets each");
    let asked = Instant::now();
    assert!(runtime.block_on(serves(addr)));
    println!("beside them a message takes {:?}", asked.elapsed());
    assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
    let end = Instant::now();
    runtime.block_on(async { drop(held) });
    assert!(wait_until(|| program.open_files() <= files), "{} of {files}", program.open_files());
    println!("all gone after {:?}", end.elapsed());
    assert!(end.elapsed() < BACK, "{:?}", end.elapsed());
    assert!(!program.log().contains("event=trouble"), "{}", program.log());
}

#[test]
fn net_06_more_connections_than_allowed_are_closed_at_once_and_said_once() {
    let Some((_knot, program)) = start("[daemon]\nconnections = 8\n") else { return };
    let (addr, runtime) = (program.addr(), Runtime::new().unwrap());
    runtime.block_on(async {
        let mut held = Vec::new();
        for _ in 0..8 {
            held.push(negotiated(addr).await);
        }
        for _ in 0..100 {
            let mut stream = TcpStream::connect(addr).await.unwrap();
            let read = tokio::time::timeout(Duration::from_secs(5), stream.read(&mut [0])).await;
            assert_eq!(read.expect("closed at once").unwrap_or(0), 0);
        }
        drop(held);
        // Those that are gone have made room.
        let start = Instant::now();
        while Client::open(TcpStream::connect(addr).await.unwrap(), OFFER).await.is_err() {
            assert!(start.elapsed() < BACK);
        }
        assert!(serves(addr).await);
    });
    let lines = program.log().matches("kind=too-many").count();
    assert!((1..=10).contains(&lines), "{}", program.log());
}

#[test]
fn dos_14_a_flood_of_nonsense_takes_ten_lines_and_shows_nothing_of_it() {
    let Some((_knot, program)) = start("") else { return };
    let (addr, runtime) = (program.addr(), Runtime::new().unwrap());
    let count = if long() { 100_000 } else { 2_000 };
    runtime.block_on(async {
        for _ in 0..count {
            let mut stream = TcpStream::connect(addr).await.unwrap();
            stream.write_all(b"\0\0\0\x09X\x1b[2Jnonse").await.unwrap();
            // Closed: no nonsense is answered.
            let mut rest = Vec::new();
            let _ = stream.read_to_end(&mut rest).await;
            assert!(rest.is_empty(), "{rest:?}");
        }
        assert!(serves(addr).await);
    });
    program.says("event=message", 1);
    let log = program.log();
    let lines = log.matches("kind=broken").count();
    println!("{count} connections of nonsense, {lines} lines");
    // In the long form they come in several minutes, each of which may have its lines.
    assert!((1..=if long() { 100 } else { 20 }).contains(&lines), "{log}");
    assert!(!log.contains("nonse") && !log.contains('\x1b'), "{log}");
}

#[test]
fn dos_13_a_thousand_recipients_take_no_room_and_decide_nothing_alone() {
    let more = "[policy]\nmode = 'enforce'\n[policy.recipients]\n'observed.test' = 'observe'\n";
    let Some((_knot, program)) = start(more) else { return };
    let (addr, runtime) = (program.addr(), Runtime::new().unwrap());
    let said = |recipients: Vec<String>| -> String {
        runtime.block_on(async {
            let mut mta = negotiated(addr).await;
            for command in
                [CONNECT, Command::Helo(b"x"), Command::Mail(Strings::new(b"<b@x.example>\0").unwrap())]
            {
                mta.ask(&command).await.unwrap();
            }
            for recipient in recipients {
                let argument = format!("<{recipient}>\0");
                mta.ask(&Command::Rcpt(Strings::new(argument.as_bytes()).unwrap())).await.unwrap();
            }
            // No author: refused under enforce.
            for command in
                [Command::Data, Command::Header { name: b"Subject", value: b" x" }, Command::EndOfHeader]
            {
                mta.ask(&command).await.unwrap();
            }
            let replies = mta.ask(&Command::EndOfBody(b"")).await.unwrap();
            format!("{:?}", replies.last().unwrap())
        })
    };
    let many = |count| (0..count).map(|number| format!("r{number}@receiver.test")).collect::<Vec<_>>();
    assert!(said(many(1)).starts_with("ReplyCode"), "{}", program.log());
    let before = program.kib("VmRSS");
    assert!(said(many(if long() { 100_000 } else { 1_000 })).starts_with("ReplyCode"), "{}", program.log());
    let grown = program.kib("VmRSS").saturating_sub(before);
    println!("{grown} KiB");
    assert!(grown < 1024, "{grown} KiB");
    // One of another mode at the end: never refused.
    let mixed = [many(1_000), vec!["last@observed.test".to_owned()]].concat();
    assert_eq!(said(mixed), "Accept", "{}", program.log());
}

#[test]
fn dos_12_a_large_message_is_judged_as_it_streams_by() {
    let Some((_knot, program)) = start("") else { return };
    let (addr, good, runtime) = (program.addr(), Good::new(), Runtime::new().unwrap());
    let commands = good.commands();
    let size: u64 = if long() { 1 << 30 } else { 64 << 20 };
    let piece = [b"x".repeat(998), b"\r\n".to_vec()].concat().repeat(64);
    runtime.block_on(async {
        let mut mta = negotiated(addr).await;
        for command in &commands[..commands.len() - 1] {
            mta.ask(command).await.unwrap();
        }
        let mut memory = 0;
        for number in 0..size / piece.len() as u64 {
            mta.ask(&Command::Body(&piece)).await.unwrap();
            if number == 100 {
                memory = program.kib("VmHWM");
            }
        }
        let replies = mta.ask(&Command::EndOfBody(b"")).await.unwrap();
        assert_eq!(replies.last().unwrap(), Reply::Accept);
        let grown = program.kib("VmHWM") - memory;
        println!("a body of {} MiB: {grown} KiB more than one of 6 MiB", size >> 20);
        assert!(grown <= 1024, "{grown} KiB");
    });
}

#[test]
fn net_17_fields_that_are_to_be_removed_take_of_the_room_too() {
    let Some((_knot, program)) = start("") else { return };
    let (addr, good, runtime) = (program.addr(), Good::new(), Runtime::new().unwrap());
    let commands = good.commands();
    let before = program.kib("VmHWM");
    // About thirty octets each in SMTP, and many times that in a list of what may have to be removed: names with other bytes that
    // no name has.
    for value in [&b" mx.other.test; none"[..], b" x; none"] {
        runtime.block_on(async {
            let mut mta = negotiated(addr).await;
            for command in &commands[..5] {
                mta.ask(command).await.unwrap();
            }
            for number in 0..800_u32 {
                for other in 0..1_000_u32 {
                    let odd = |byte: u32| 128 + u8::try_from(byte % 100).unwrap();
                    let odd = [odd(number), odd(number / 100), odd(other), odd(other / 100)];
                    let name = [&b"Authentication-Results"[..], &odd].concat();
                    mta.queue(&Command::Header { name: &name, value });
                }
                mta.flush().await.unwrap();
            }
            mta.ask(&Command::EndOfHeader).await.unwrap();
            let replies = mta.ask(&Command::Body(b"x")).await.unwrap();
            let later = Reply::ReplyCode(b"452 4.3.2 Too much mail at once; try again later");
            assert_eq!(replies.last().unwrap(), later, "{}", program.log());
        });
        assert!(runtime.block_on(serves(addr)));
    }
    let grown = program.kib("VmHWM") - before;
    println!("{grown} KiB");
    assert!(grown < 80 * 1024, "{grown} KiB");
}

#[test]
fn net_17_large_headers_on_every_connection_are_put_off_before_memory_is_short() {
    let Some((_knot, program)) = start("[daemon]\nconnections = 500\n") else { return };
    let (addr, good, runtime) = (program.addr(), Good::new(), Runtime::new().unwrap());
    let commands = good.commands();
    let (mut kept, mut put_off) = (0, 0);
    runtime.block_on(async {
        let mut held = Vec::new();
        for _ in 0..400 {
            let mut mta = negotiated(addr).await;
            for command in &commands[..5] {
                mta.ask(command).await.unwrap();
            }
            // More than is kept of a header.
            let value = [&b" "[..], &[b'a'; 60_000]].concat();
            for _ in 0..10 {
                mta.ask(&Command::Header { name: b"X-Large", value: &value }).await.unwrap();
            }
            mta.ask(&Command::EndOfHeader).await.unwrap();
            // Only now the MTA waits for an answer.
            let replies = mta.ask(&Command::Body(&[b'x'; 65_535])).await.unwrap();
            let goes_on = replies.last().unwrap() == Reply::Continue;
            if goes_on {
                kept += 1;
            } else {
                let later = Reply::ReplyCode(b"452 4.3.2 Too much mail at once; try again later");
                assert_eq!(replies.last().unwrap(), later);
                put_off += 1;
            }
            held.push((mta, goes_on));
        }
        // Ordinary mail comes in all the while.
        assert!(serves(addr).await);
        for (mta, goes_on) in held.iter_mut().filter(|(_, goes_on)| *goes_on) {
            let replies = mta.ask(&Command::EndOfBody(b"")).await.unwrap();
            assert!(*goes_on && replies.last().unwrap() == Reply::Accept);
        }
    });
    let most = program.kib("VmHWM");
    println!("{kept} large headers kept, {put_off} put off; {most} KiB in all");
    assert!(kept > 100 && put_off > 100, "{kept} {put_off}");
    assert!(most < 128 * 1024, "{most} KiB");
    program.says("take too much memory", 10);
    let lines = program.log().matches("take too much memory").count();
    assert_eq!(lines, 10, "{}", program.log());
    // There is room again.
    runtime.block_on(async {
        let mut mta = negotiated(addr).await;
        for command in &commands[..5] {
            mta.ask(command).await.unwrap();
        }
        let value = [&b" "[..], &[b'a'; 60_000]].concat();
        for command in [Command::Header { name: b"X-Large", value: &value }, Command::EndOfHeader] {
            mta.ask(&command).await.unwrap();
        }
        let replies = mta.ask(&Command::Body(b"x")).await.unwrap();
        assert_eq!(replies.last().unwrap(), Reply::Continue);
    });
}

#[test]
fn net_18_env_19_who_is_not_among_the_peers_is_heard_by_nobody() {
    let Some(knot) = knot(&zone("")) else { return };
    let config = text(knot.addr, "").replace("[receiving]", "peers = '127.0.0.2'\n[receiving]");
    let program = Program::start(&config);
    let (addr, runtime) = (program.addr(), Runtime::new().unwrap());
    runtime.block_on(async {
        // What it says of its client is not even read, be it in the form of a proxy.
        for said in [
            &b"PROXY TCP4 192.0.2.10 192.0.2.1 4711 25\r\n"[..],
            b"\0\0\0\x0dO\0\0\0\x06\0\0\x01\xff\0\x1f\xff\xff",
        ] {
            let mut stream = TcpStream::connect(addr).await.unwrap();
            let _ = stream.write_all(said).await;
            let mut rest = Vec::new();
            let _ = stream.read_to_end(&mut rest).await;
            assert!(rest.is_empty(), "{rest:?}");
        }
    });
    program.says("event=refused", 2);
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
    runtime.block_on(async {
        let stream = socket.connect(addr).await.unwrap();
        Client::open(stream, OFFER).await.expect("a peer is served");
    });
}
