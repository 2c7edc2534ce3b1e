//! A mail server that has TLS, with the certificate that it is given.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::free_address;
use crate::https::{Certified, config};

/// A mail server that takes everything, and offers STARTTLS.
#[derive(Debug)]
pub struct Mx {
    /// Where it listens: at the port that was asked for, unless this machine has that in use.
    pub addr: SocketAddr,
    arrived: Arc<Mutex<Vec<Taken>>>,
}

/// A message that arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// What was said in RCPT TO.
    pub recipient: String,
    /// Whether it came over TLS.
    pub tls: bool,
}

/// How a part of a conversation ended.
enum Said {
    StartTls,
    Quit,
}

impl Mx {
    /// Listens until the process ends; without a certificate there is no TLS.
    #[must_use]
    pub fn start(certified: Option<Certified>) -> Self {
        Self::start_at(25, certified)
    }

    /// The same at another port, unless this machine has that in use.
    #[must_use]
    pub fn start_at(port: u16, certified: Option<Certified>) -> Self {
        // Another process may be faster.
        let mut tries = (0..20).map(|_| TcpListener::bind(free_address(port)));
        let listener = tries.find_map(Result::ok).expect("a port");
        let addr = listener.local_addr().expect("its address");
        let arrived = Arc::new(Mutex::new(Vec::new()));
        let (all, config) = (Arc::clone(&arrived), certified.map(|certified| Arc::new(config(certified))));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (all, config) = (Arc::clone(&all), config.clone());
                std::thread::spawn(move || take(stream, config, &all));
            }
        });
        Self { addr, arrived }
    }

    /// What has arrived so far.
    #[must_use]
    pub fn arrived(&self) -> Vec<Taken> {
        self.arrived.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn take(mut stream: TcpStream, config: Option<Arc<ServerConfig>>, all: &Mutex<Vec<Taken>>) -> Option<()> {
    stream.set_read_timeout(Some(Duration::from_secs(60))).ok()?;
    stream.write_all(b"220 mx ESMTP\r\n").ok()?;
    let Said::StartTls = talk(&mut stream, config.is_some(), false, all)? else { return None };
    let connection = ServerConnection::new(config?).ok()?;
    let mut tls = StreamOwned::new(connection, stream);
    talk(&mut tls, false, true, all)?;
    tls.conn.send_close_notify();
    tls.flush().ok()
}

fn talk(stream: &mut (impl Read + Write), offers: bool, tls: bool, all: &Mutex<Vec<Taken>>) -> Option<Said> {
    let mut recipient = String::new();
    loop {
        let line = line(stream)?;
        let verb = line.get(..4).unwrap_or_default().to_ascii_uppercase();
        let reply: &[u8] = match verb.as_str() {
            "EHLO" if offers => b"250-mx\r\n250-SMTPUTF8\r\n250-8BITMIME\r\n250 STARTTLS\r\n",
            "EHLO" => b"250-mx\r\n250-SMTPUTF8\r\n250 8BITMIME\r\n",
            "STAR" if offers => {
                stream.write_all(b"220 go\r\n").ok()?;
                return Some(Said::StartTls);
            }
            "RCPT" => {
                recipient = line;
                b"250 fine\r\n"
            }
            "DATA" => {
                stream.write_all(b"354 go\r\n").ok()?;
                while self::line(stream)? != "." {}
                let taken = Taken { recipient: recipient.clone(), tls };
                all.lock().unwrap_or_else(PoisonError::into_inner).push(taken);
                b"250 taken\r\n"
            }
            "QUIT" => {
                stream.write_all(b"221 bye\r\n").ok()?;
                return Some(Said::Quit);
            }
            _ => b"250 fine\r\n",
        };
        stream.write_all(reply).ok()?;
    }
}

fn line(stream: &mut impl Read) -> Option<String> {
    let mut line = Vec::new();
    while !line.ends_with(b"\r\n") {
        let mut octet = [0];
        stream.read_exact(&mut octet).ok()?;
        line.extend_from_slice(&octet);
    }
    Some(String::from_utf8_lossy(&line).trim_end().to_owned())
}
