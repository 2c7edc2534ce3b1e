//! Memory: many idle connections, and one large message. A test measures its own process, so one runs after the other.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods
)]

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Command as Process, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use milter::client::Client as MtaClient;
use milter::command::{Command, Connect, Peer};
use milter::options::{Actions, Offer, Steps};
use milter::reply::Reply;
use milter::{
    Answer, Client, Context, End, Listener, Message, Mta, Piece, Service, Settings, Strings, Trouble,
    Verdict, Wish, serve,
};
use tokio::net::TcpStream;
use tokio::sync::Mutex;

const OFFER: Offer = Offer { version: 6, actions: Actions(0x1ff), steps: Steps(0x1f_ffff) };
const CONNECT: Command<'static> =
    Command::Connect(Connect { host: b"client.example", peer: Peer::Inet(25, b"192.0.2.1") });

/// Resident memory of this process, in KiB: now, and the most there was.
fn resident() -> (u64, u64) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let field = |name: &str| -> u64 {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_ascii_whitespace().nth(1).unwrap().parse().unwrap()
    };
    (field("VmRSS:"), field("VmHWM:"))
}

const IDLE: usize = 10_000;

static ALONE: Mutex<()> = Mutex::const_new(());

/// Run by the next test: the other side, in a process of its own.
#[tokio::test]
#[ignore = "run by net_06, which says where to connect"]
async fn hold_idle_connections() {
    let addr = std::env::var("MILTER_TEST_ADDR").unwrap();
    let mut held = Vec::new();
    for _ in 0..IDLE {
        let (mut mta, _) = MtaClient::open(TcpStream::connect(&addr).await.unwrap(), OFFER).await.unwrap();
        let one = Strings::new(b"<a@client.example>\0").unwrap();
        let piece = Command::Body(&[b'x'; 65_535]);
        for command in [CONNECT, Command::Helo(b"x"), Command::Mail(one), Command::EndOfHeader, piece] {
            assert_eq!(mta.ask(&command).await.unwrap().last().unwrap(), Reply::Continue);
        }
        mta.queue(&Command::Abort);
        mta.flush().await.unwrap();
        held.push(mta);
    }
    println!("held");
    // Until the other side has seen enough.
    let _ = std::io::stdin().lock().lines().next();
}

#[tokio::test]
async fn net_06_ten_thousand_connections_that_wait_for_another_message_take_little() {
    let _alone = ALONE.lock().await;
    let (addr, counts) = serve_counting();
    let (before, _) = resident();
    let mut other = Process::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture", "hold_idle_connections"])
        .env("MILTER_TEST_ADDR", addr.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = other.stdout.take().unwrap();
    let held = tokio::task::spawn_blocking(move || {
        let mut lines = BufReader::new(output).lines();
        (lines.by_ref().map_while(Result::ok).any(|line| line.contains("held")), lines)
    });
    // The other side still prints.
    let (held, _lines) = held.await.unwrap();
    assert!(held);
    while counts.gone.load(Ordering::SeqCst) < IDLE as u64 {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    let (after, _) = resident();
    let each = (after - before) * 1024 / IDLE as u64;
    println!("{IDLE} idle connections: {} MiB, {each} octets each", (after - before) / 1024);
    assert!(each <= 16 * 1024, "{each} octets each");
    drop(other.stdin.take());
    assert!(other.wait().unwrap().success());
}

/// What a filter that keeps nothing has seen.
#[derive(Default)]
struct Counts {
    octets: AtomicU64,
    gone: AtomicU64,
}

struct Counting(Arc<Counts>);

impl Service for Counting {
    type Client = Self;
    fn accept(&self, _: Mta) -> Option<Self> {
        Some(Self(Arc::clone(&self.0)))
    }
    fn trouble(&self, trouble: &Trouble) {
        panic!("{trouble}");
    }
}

impl Client for Counting {
    type Message = Begun;
    async fn mail(&mut self, _: Strings<'_>, _: Context<'_>) -> Result<Begun, Verdict> {
        Ok(Begun(Arc::clone(&self.0)))
    }
}

/// A message.
struct Begun(Arc<Counts>);

impl Drop for Begun {
    fn drop(&mut self) {
        self.0.gone.fetch_add(1, Ordering::SeqCst);
    }
}

impl Message for Begun {
    async fn header(&mut self, _: &[u8], _: &[u8], _: Context<'_>) -> Answer {
        Answer::Continue
    }
    async fn body(&mut self, piece: &[u8], _: Context<'_>) -> Piece {
        self.0.octets.fetch_add(piece.len() as u64, Ordering::SeqCst);
        Piece::Continue
    }
    async fn end_of_body(self, _: Context<'_>) -> End {
        Verdict::Accept.into()
    }
}

/// Serves it until the test ends.
fn serve_counting() -> (SocketAddr, Arc<Counts>) {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = socket.local_addr().unwrap();
    let counts = Arc::new(Counts::default());
    let service = Arc::new(Counting(Arc::clone(&counts)));
    let wish = Wish {
        needed: Actions(0),
        wanted: Actions(0),
        refused_recipients: false,
        unanswered: &[],
        macros: &[],
    };
    let settings = Settings { connections: IDLE, ..Settings::new(wish) };
    tokio::spawn(serve(Listener::tcp(socket).unwrap(), service, settings, std::future::pending()));
    (addr, counts)
}

#[tokio::test]
async fn dos_12_a_body_of_a_gibibyte_takes_no_more_than_a_small_one() {
    let _alone = ALONE.lock().await;
    let (addr, counts) = serve_counting();
    let (mut mta, _) = MtaClient::open(TcpStream::connect(addr).await.unwrap(), OFFER).await.unwrap();
    let one = Strings::new(b"<a@client.example>\0").unwrap();
    for command in [CONNECT, Command::Mail(one), Command::EndOfHeader] {
        assert_eq!(mta.ask(&command).await.unwrap().last().unwrap(), Reply::Continue);
    }
    let piece = vec![b'x'; 65_535];
    let mut highest = 0;
    for number in 0..(1u64 << 30).div_ceil(65_535) {
        assert_eq!(mta.ask(&Command::Body(&piece)).await.unwrap().last().unwrap(), Reply::Continue);
        if number == 100 {
            highest = resident().1;
        }
    }
    assert_eq!(mta.ask(&Command::EndOfBody(b"")).await.unwrap().last().unwrap(), Reply::Accept);
    assert!(counts.octets.load(Ordering::SeqCst) >= 1 << 30);
    let grown = resident().1.saturating_sub(highest);
    println!("a body of 1 GiB: {grown} KiB more than one of 6 MiB");
    assert!(grown <= 1024, "{grown} KiB");
}
