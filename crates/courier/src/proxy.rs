//! A proxy that makes connections for us (RFC 9110 §9.3.6 CONNECT).

use std::fmt;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::error::FetchError;

/// Longest head of a proxy's answer that is read, in bytes.
const MAX_HEAD: usize = 8 << 10;

/// A proxy for HTTP, by name or address and port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    host: String,
    port: u16,
}

/// Why a text names no proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a proxy is written http://HOST:PORT")]
pub struct ProxyError;

impl Proxy {
    /// Reads `http://HOST:PORT`.
    pub fn parse(text: &str) -> Result<Self, ProxyError> {
        let rest = text.strip_prefix("http://").ok_or(ProxyError)?;
        let (host, port) = rest.strip_suffix('/').unwrap_or(rest).rsplit_once(':').ok_or(ProxyError)?;
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let fits =
            |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'));
        match bare {
            Some(address) if address.parse::<std::net::Ipv6Addr>().is_err() => return Err(ProxyError),
            None if host.is_empty() || !fits(host) => return Err(ProxyError),
            _ => {}
        }
        let port = port.parse().map_err(|_| ProxyError)?;
        Ok(Self { host: bare.unwrap_or(host).to_owned(), port })
    }

    /// A connection to a host and port, which goes through the proxy.
    pub(crate) async fn connect(&self, host: &str, port: u16) -> Result<TcpStream, FetchError> {
        let failed = |error: std::io::Error| FetchError::Proxy(error.to_string());
        let mut stream = TcpStream::connect((self.host.as_str(), self.port)).await.map_err(failed)?;
        let asked = format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n");
        stream.write_all(asked.as_bytes()).await.map_err(failed)?;
        // An octet at a time: what is behind the head belongs to the host.
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            if head.len() >= MAX_HEAD {
                return Err(FetchError::Proxy("its answer is too long".to_owned()));
            }
            head.push(stream.read_u8().await.map_err(failed)?);
        }
        let line = head.split(|b| *b == b'\r').next().unwrap_or_default();
        let mut words = line.split(|b| *b == b' ');
        match (words.next(), words.next()) {
            (Some(b"HTTP/1.1" | b"HTTP/1.0"), Some([b'2', _, _])) => Ok(stream),
            _ => Err(FetchError::Proxy(format!("it says \"{}\"", mail::shortened(line, 100)))),
        }
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "http://[{}]:{}", self.host, self.port),
            false => write!(f, "http://{}:{}", self.host, self.port),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxies() {
        for text in ["http://proxy.example:3128", "http://192.0.2.1:80", "http://[2001:db8::1]:80"] {
            assert_eq!(Proxy::parse(text).unwrap().to_string(), text);
        }
        assert!(Proxy::parse("http://proxy.example:3128/").is_ok());
        for text in [
            "proxy.example:3128",
            "https://proxy.example:3128",
            "http://proxy.example",
            "http://:80",
            "http://a b:80",
            "http://user@proxy.example:80",
            "http://proxy.example:99999",
            "http://[proxy]:80",
            "http://a\r\nX:80",
        ] {
            assert_eq!(Proxy::parse(text), Err(ProxyError), "{text}");
        }
    }
}
