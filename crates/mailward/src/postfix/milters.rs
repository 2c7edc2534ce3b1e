//! Lists of milters, as Postfix has them in `smtpd_milters`.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use crate::config::listener::Address;

/// One milter of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Milter {
    /// Where it is: `inet:127.0.0.1:8891`, `unix:mailward/milter.sock`.
    pub address: String,
    /// What is said of it alone, such as `default_action`.
    pub settings: Vec<(String, String)>,
    /// Whether Postfix can't read what is said: smtpd ends at it, and no mail comes in.
    pub is_malformed: bool,
}

impl Milter {
    /// What is said of it alone.
    pub fn setting(&self, name: &str) -> Option<&str> {
        let found = self.settings.iter().rev().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Whether it is the listener at this address, for a Postfix with this queue directory.
    pub fn is_at(&self, address: &Address, queue: &Path) -> bool {
        match address {
            Address::Unix(socket) => self.path(queue).is_some_and(|path| path == socket.path),
            Address::Tcp(listener) => {
                let Some((host, port)) = self.address.strip_prefix("inet:").and_then(|a| a.rsplit_once(':'))
                else {
                    return false;
                };
                let host = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
                let host =
                    if host == "localhost" { Some(listener.ip()) } else { host.parse::<IpAddr>().ok() };
                let fits = |host: IpAddr| match listener.ip().is_unspecified() {
                    true => host.is_loopback(),
                    false => host == listener.ip(),
                };
                port.parse() == Ok(listener.port()) && host.is_some_and(fits)
            }
        }
    }

    /// Its file, where it is a unix socket. Postfix's processes work in its queue directory, chroot or not.
    pub fn path(&self, queue: &Path) -> Option<PathBuf> {
        let path = self.address.strip_prefix("unix:").or_else(|| self.address.strip_prefix("local:"))?;
        Some(queue.join(path))
    }
}

/// Reads a list: milters between commas and white space, each bare or in braces with settings behind it.
pub fn parse(text: &str) -> Vec<Milter> {
    pieces(text).into_iter().filter_map(one).collect()
}

fn one(piece: &str) -> Option<Milter> {
    let Some(inside) = piece.strip_prefix('{') else {
        return Some(Milter { address: piece.to_owned(), settings: Vec::new(), is_malformed: false });
    };
    let inside = inside.strip_suffix('}').unwrap_or(inside);
    let mut parts = pieces(inside).into_iter();
    let address = parts.next()?.to_owned();
    let mut milter = Milter { address, settings: Vec::new(), is_malformed: false };
    for part in parts {
        // Only in braces of its own may a setting have white space around its sign.
        let part = part.strip_prefix('{').and_then(|part| part.strip_suffix('}')).unwrap_or(part);
        match part.split_once('=') {
            Some((name, value)) if !name.is_empty() => {
                milter.settings.push((name.trim().to_owned(), value.trim().to_owned()));
            }
            _ => milter.is_malformed = true,
        }
    }
    Some(milter)
}

/// Cuts at commas and white space that stand in no braces.
fn pieces(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let (mut start, mut depth) = (0, 0_usize);
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 && (c == ',' || c.is_whitespace()) {
            pieces.push(text.get(start..at).unwrap_or_default());
            start = at + c.len_utf8();
        }
    }
    pieces.push(text.get(start..).unwrap_or_default());
    pieces.retain(|piece| !piece.is_empty());
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::listener::UnixSocket;

    #[track_caller]
    fn check(text: &str, want: &str) {
        let got = parse(text).into_iter().map(|milter| {
            let settings = milter.settings.iter().map(|(name, value)| format!(" {name}={value}"));
            let malformed = if milter.is_malformed { " malformed" } else { "" };
            milter.address.clone() + &settings.collect::<String>() + malformed
        });
        assert_eq!(got.collect::<Vec<_>>().join("; "), want, "{text}");
    }

    #[test]
    fn lists() {
        check("", "");
        check(" , ", "");
        check("inet:localhost:8891", "inet:localhost:8891");
        check("unix:a, inet:b:1\tunix:c", "unix:a; inet:b:1; unix:c");
        check("{ unix:a, default_action=tempfail }", "unix:a default_action=tempfail");
        check(
            "{unix:a,default_action=accept,connect_timeout=3s},unix:b",
            "unix:a default_action=accept connect_timeout=3s; unix:b",
        );
        check("unix:b { inet:[::1]:9 default_action=accept }", "unix:b; inet:[::1]:9 default_action=accept");
        check("{ unix:a, { default_action=accept } }", "unix:a default_action=accept");
        check("{ unix:a, default_action = accept }", "unix:a malformed");
        check("{ unix:a, default_action= accept }", "unix:a default_action= malformed");
        check("{ unix:a, tempfail }", "unix:a malformed");
        check("{}", "");
        check("{ unix:a", "unix:a");
    }

    #[test]
    fn whose_socket_it_is() {
        let tcp = |text: &str| Address::Tcp(text.parse().unwrap());
        let unix = |path: &str| Address::Unix(UnixSocket { path: path.into(), mode: 0o660, owner: None });
        let queue = Path::new("/var/spool/postfix");
        for (milter, address, want) in [
            ("inet:127.0.0.1:8891", tcp("127.0.0.1:8891"), true),
            ("inet:localhost:8891", tcp("127.0.0.1:8891"), true),
            ("inet:localhost:8892", tcp("127.0.0.1:8891"), false),
            ("inet:[::1]:8891", tcp("[::1]:8891"), true),
            ("inet:127.0.0.1:8891", tcp("0.0.0.0:8891"), true),
            ("inet:192.0.2.1:8891", tcp("127.0.0.1:8891"), false),
            ("inet:192.0.2.1:8891", tcp("0.0.0.0:8891"), false),
            ("unix:mailward/milter.sock", unix("/var/spool/postfix/mailward/milter.sock"), true),
            ("local:mailward/milter.sock", unix("/var/spool/postfix/mailward/milter.sock"), true),
            ("unix:/run/milter.sock", unix("/run/milter.sock"), true),
            ("unix:milter.sock", unix("/run/milter.sock"), false),
            ("unix:/run/milter.sock", tcp("127.0.0.1:8891"), false),
        ] {
            let milter = &parse(milter)[0];
            assert_eq!(milter.is_at(&address, queue), want, "{} {address}", milter.address);
        }
    }
}
