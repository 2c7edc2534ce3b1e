//! The service behind a client of its own protocol, with whoever answers its questions.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use dns::Dns;
use mail::UnixTime;
use mailward::config::LogFormat;
use mailward::serve::log::Log;
use mailward::serve::milter::{Listening, WISH};
use mailward::serve::past::Past;
use mailward::serve::shared::{Ground, Shared};
use mailward::serve::site::Site;
use milter::client::{Client, Replies};
use milter::command::{Command, Connect, Peer};
use milter::options::Offer;
use milter::reply::Reply;
use milter::{Actions, Settings, Strings, options::Steps};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// What was done to a message: fields removed (by name in lower case and number) and inserted, and the last word.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Said {
    pub removed: Vec<(Vec<u8>, u32)>,
    pub inserted: Vec<(String, String)>,
    pub last: String,
    pub log: String,
}

/// A message as a milter is shown it.
pub struct Shown<'a> {
    pub ip: Option<&'a str>,
    pub helo: &'a [u8],
    pub mail: Vec<&'a [u8]>,
    pub header: Vec<(&'a [u8], &'a [u8])>,
    pub body: &'a [u8],
    /// How long the body takes.
    pub slow: Duration,
}

/// Shows a service of this site one message.
pub async fn show<D: Dns + Clone + Send + Sync + 'static>(
    site: Site,
    dns: D,
    now: u64,
    shown: &Shown<'_>,
) -> Said {
    let lines = Arc::new(Mutex::new(String::new()));
    let written = Arc::clone(&lines);
    let log = Log::new(LogFormat::Json, move |line| written.lock().unwrap().push_str(line));
    let clock = Arc::new(move || UnixTime(now));
    let shared = Arc::new(Shared::new(Ground::new(dns, log, clock), site, Past::in_memory()));
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = socket.local_addr().unwrap();
    let listener = milter::Listener::tcp(socket).unwrap();
    let service = Arc::new(Listening::new(shared, "milter"));
    let server = tokio::spawn(milter::serve(listener, service, Settings::new(WISH), std::future::pending()));
    let mut said = talk(TcpStream::connect(addr).await.unwrap(), shown).await;
    server.abort();
    said.log = lines.lock().unwrap().clone();
    said
}

/// Shows a message on a connection.
pub async fn talk<S: AsyncRead + AsyncWrite + Unpin>(stream: S, shown: &Shown<'_>) -> Said {
    let actions = Actions(0x1ff);
    let offer = Offer { version: 6, actions, steps: Steps::LEADING_SPACE };
    let (mut mta, _) = Client::open(stream, offer).await.unwrap();
    let peer = match shown.ip {
        // As Postfix says it of mail that came by no SMTP.
        Some(ip @ "127.0.0.1") => Peer::Inet(0, ip.as_bytes()),
        Some(ip) if ip.contains(':') => Peer::Inet6(4711, ip.as_bytes()),
        Some(ip) => Peer::Inet(4711, ip.as_bytes()),
        None => Peer::Unknown,
    };
    mta.ask(&Command::Connect(Connect { host: b"client.test", peer })).await.unwrap();
    mta.ask(&Command::Helo(shown.helo)).await.unwrap();
    let arguments = [shown.mail.join(&0), vec![0]].concat();
    mta.ask(&Command::Mail(Strings::new(&arguments).unwrap())).await.unwrap();
    mta.ask(&Command::Rcpt(Strings::new(b"<user@example.test>\0").unwrap())).await.unwrap();
    mta.ask(&Command::Data).await.unwrap();
    for (name, value) in &shown.header {
        mta.ask(&Command::Header { name, value }).await.unwrap();
    }
    mta.ask(&Command::EndOfHeader).await.unwrap();
    tokio::time::sleep(shown.slow).await;
    for piece in shown.body.chunks(65_535) {
        let replies = mta.ask(&Command::Body(piece)).await.unwrap();
        if replies.last().unwrap() != Reply::Continue {
            return said(&replies);
        }
    }
    said(&mta.ask(&Command::EndOfBody(b"")).await.unwrap())
}

/// What was said at the end of a message.
pub fn said(replies: &Replies) -> Said {
    let mut said = Said::default();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    for reply in replies.iter() {
        match reply.unwrap() {
            Reply::ChangeHeader(index, name, b"") => said.removed.push((name.to_ascii_lowercase(), index)),
            // The inserts of one place come from the lowest to the topmost.
            Reply::InsertHeader(0, name, value) => said.inserted.insert(0, (text(name), text(value))),
            Reply::ReplyCode(words) => said.last = text(words),
            other => said.last = format!("{other:?}"),
        }
    }
    said
}
