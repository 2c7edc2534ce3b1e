//! The two ends of SMTP for tests: a client that says exactly what it is told to, and a sink that keeps what arrives.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::{DEADLINE, free_address, wait_until};

/// A client's conversation with a server.
#[derive(Debug)]
pub struct Conversation {
    stream: BufReader<TcpStream>,
}

impl Conversation {
    /// Connects and waits for the greeting.
    #[must_use]
    pub fn open(addr: SocketAddr) -> Self {
        let (conversation, greeting) = Self::greeted(addr);
        assert!(greeting.starts_with("220"), "{greeting}");
        conversation
    }

    /// Connects and gives the greeting too, which may be a refusal.
    #[must_use]
    pub fn greeted(addr: SocketAddr) -> (Self, String) {
        let stream = TcpStream::connect(addr).expect("a connection to the server");
        stream.set_read_timeout(Some(DEADLINE + Duration::from_secs(60))).expect("a time-out");
        stream.set_nodelay(true).expect("no delay");
        let mut conversation = Self { stream: BufReader::new(stream) };
        let greeting = conversation.reply();
        (conversation, greeting)
    }

    /// Sends bytes as they are. Where the server has hung up, the next reply is empty.
    pub fn raw(&mut self, bytes: &[u8]) {
        let _ = self.stream.get_mut().write_all(bytes);
    }

    /// The next reply, its lines with LF between; empty where the server has hung up.
    pub fn reply(&mut self) -> String {
        let mut reply = String::new();
        loop {
            let mut line = String::new();
            if self.stream.read_line(&mut line).unwrap_or(0) == 0 {
                return reply;
            }
            let more = line.as_bytes().get(3) == Some(&b'-');
            reply.push_str(line.trim_end());
            if !more {
                return reply;
            }
            reply.push('\n');
        }
    }

    /// Says a line and gives the reply.
    pub fn say(&mut self, line: &str) -> String {
        self.raw(format!("{line}\r\n").as_bytes());
        self.reply()
    }

    /// Sends a message up to its content; gives the first reply that is a refusal, or the one to DATA.
    pub fn envelope(&mut self, from: &str, to: &[&str]) -> String {
        let mut reply = self.say(&format!("MAIL FROM:<{from}>"));
        let recipients = to.iter().map(|to| format!("RCPT TO:<{to}>"));
        for line in recipients.chain([String::from("DATA")]) {
            if !reply.starts_with('2') {
                break;
            }
            reply = self.say(&line);
        }
        reply
    }

    /// Sends a whole message (its lines end with CRLF) and gives the last reply.
    pub fn message(&mut self, from: &str, to: &[&str], content: &[u8]) -> String {
        let reply = self.envelope(from, to);
        if !reply.starts_with("354") {
            return reply;
        }
        self.raw(&stuffed(content));
        self.reply()
    }

    /// Hangs up without a word.
    pub fn hang_up(self) {
        let _ = self.stream.get_ref().shutdown(Shutdown::Both);
    }
}

/// RFC 5321 §4.5.2: a dot before each line that starts with one, and the dot that ends all.
fn stuffed(content: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(content.len() + 5);
    for line in content.split_inclusive(|byte| *byte == b'\n') {
        if line.starts_with(b".") {
            out.push(b'.');
        }
        out.extend_from_slice(line);
    }
    out.extend_from_slice(b".\r\n");
    out
}

/// A message that arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrived {
    /// The commands before it, each without its CRLF.
    pub envelope: Vec<String>,
    /// Its content to the byte, without dot-stuffing.
    pub content: Vec<u8>,
}

/// A server that takes everything.
#[derive(Debug)]
pub struct Sink {
    /// Where it listens.
    pub addr: SocketAddr,
    arrived: Arc<Mutex<Vec<Arrived>>>,
}

impl Sink {
    /// Listens until the process ends.
    #[must_use]
    pub fn start() -> Self {
        Self::start_at((Ipv4Addr::LOCALHOST, 0).into())
    }

    /// The same at the port of SMTP, at an address of loopback of its own: where an MX leads.
    #[must_use]
    pub fn start_as_mx() -> Self {
        Self::start_at(free_address(25))
    }

    fn start_at(addr: SocketAddr) -> Self {
        let listener = TcpListener::bind(addr).expect("a port");
        let addr = listener.local_addr().expect("its address");
        let arrived = Arc::new(Mutex::new(Vec::new()));
        let all = Arc::clone(&arrived);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let all = Arc::clone(&all);
                std::thread::spawn(move || take(stream, &all));
            }
        });
        Self { addr, arrived }
    }

    /// What has arrived so far.
    #[must_use]
    pub fn arrived(&self) -> Vec<Arrived> {
        self.arrived.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many messages have arrived so far.
    #[must_use]
    pub fn count(&self) -> usize {
        self.arrived.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Waits until so many messages have arrived, and gives them.
    #[must_use]
    pub fn wait_for(&self, count: usize) -> Vec<Arrived> {
        assert!(wait_until(|| self.count() >= count), "{} of {count} arrived", self.count());
        self.arrived()
    }
}

/// One client of the sink, to its end.
fn take(stream: TcpStream, all: &Mutex<Vec<Arrived>>) -> Option<()> {
    let mut writer = stream.try_clone().ok()?;
    let mut reader = BufReader::new(stream);
    let mut envelope = Vec::new();
    writer.write_all(b"220 sink\r\n").ok()?;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim_end().to_owned();
        let verb = line.get(..4).unwrap_or_default().to_ascii_uppercase();
        match verb.as_str() {
            "EHLO" => writer.write_all(b"250-sink\r\n250 8BITMIME\r\n").ok()?,
            "DATA" => {
                writer.write_all(b"354 go\r\n").ok()?;
                let content = content(&mut reader)?;
                let envelope = std::mem::take(&mut envelope);
                all.lock().unwrap_or_else(PoisonError::into_inner).push(Arrived { envelope, content });
                writer.write_all(b"250 taken\r\n").ok()?;
            }
            "QUIT" => return writer.write_all(b"221 bye\r\n").ok(),
            _ => {
                if verb == "MAIL" || verb == "RCPT" {
                    envelope.push(line);
                }
                writer.write_all(b"250 fine\r\n").ok()?;
            }
        }
    }
}

/// Reads up to `CRLF.CRLF` and nothing else that looks like it.
fn content(reader: &mut impl BufRead) -> Option<Vec<u8>> {
    let mut content = Vec::new();
    let mut whole = true;
    loop {
        let start = content.len();
        if reader.read_until(b'\n', &mut content).ok()? == 0 {
            return None;
        }
        if whole && content[start..].starts_with(b".") {
            if content[start..] == *b".\r\n" {
                content.truncate(start);
                return Some(content);
            }
            content.remove(start);
        }
        whole = content.ends_with(b"\r\n");
    }
}
