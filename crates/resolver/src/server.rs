//! A server to ask: where it is, how, and whether its word on DNSSEC counts.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use hickory_resolver::system_conf;

use crate::ResolverError;

/// A DNS server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) transport: Transport,
    trusted: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    /// UDP, and TCP for what doesn't fit.
    Plain,
    /// DNS over TLS (RFC 7858), with the name that the certificate must hold.
    Tls { name: Arc<str> },
}

/// Why a text names no server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServerError {
    /// Neither an address nor an address with a port.
    #[error(
        "not an IP address, with or without a port: write 192.0.2.1, 192.0.2.1:5300, [2001:db8::1]:53 or tls://192.0.2.1#name"
    )]
    NotAnAddress,
    /// Something else than `tls` stands before `://`.
    #[error("unknown transport: there are tls:// and none")]
    UnknownTransport,
    /// What should be in the certificate is no host name and no address.
    #[error("not a host name or address that a certificate could hold")]
    BadName,
}

impl Server {
    /// A server that is asked over UDP and TCP.
    pub fn plain(address: SocketAddr) -> Self {
        Self { address, transport: Transport::Plain, trusted: false }
    }

    /// Reads `192.0.2.1`, `192.0.2.1:5300`, `[2001:db8::1]:53`, or `tls://` and the same, with `#` and the name that the
    /// certificate must hold (RFC 8310 §8.1); without it the certificate must hold the address.
    pub fn parse(text: &str) -> Result<Self, ServerError> {
        match text.split_once("://") {
            None => Ok(Self::plain(address(text, 53)?)),
            Some(("tls", rest)) => {
                let (place, name) =
                    rest.split_once('#').map_or((rest, None), |(place, name)| (place, Some(name)));
                let address = address(place, 853)?;
                let name = name.map_or_else(|| address.ip().to_string(), str::to_owned);
                rustls::pki_types::ServerName::try_from(name.as_str()).map_err(|_| ServerError::BadName)?;
                Ok(Self { address, transport: Transport::Tls { name: name.into() }, trusted: false })
            }
            Some(_) => Err(ServerError::UnknownTransport),
        }
    }

    /// The same server, trusted to validate: when it says that an answer is authentic (DNSSEC's AD bit), it is believed.
    /// That counts only where nobody can speak for it: on a loopback address or over TLS.
    #[must_use]
    pub fn trusted(self) -> Self {
        Self { trusted: true, ..self }
    }

    /// Whether its AD bit is believed.
    pub fn is_believed(&self) -> bool {
        let private = match self.transport {
            Transport::Plain => self.address.ip().to_canonical().is_loopback(),
            Transport::Tls { .. } => true,
        };
        self.trusted && private
    }
}

/// The form that [`Server::parse`] reads, without the trust.
impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.transport {
            Transport::Plain => write!(f, "{}", self.address),
            Transport::Tls { name } => write!(f, "tls://{}#{name}", self.address),
        }
    }
}

fn address(text: &str, port: u16) -> Result<SocketAddr, ServerError> {
    let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(text);
    match bare.parse::<IpAddr>() {
        Ok(ip) => Ok(SocketAddr::new(ip, port)),
        Err(_) => text.parse().map_err(|_| ServerError::NotAnAddress),
    }
}

/// The servers that the system's configuration names.
pub(crate) fn of_system() -> Result<Vec<Server>, ResolverError> {
    let (config, _) = system_conf::read_system_conf().map_err(|e| ResolverError::System(e.to_string()))?;
    let mut servers: Vec<_> =
        config.name_servers().iter().map(|s| Server::plain(SocketAddr::new(s.ip, 53))).collect();
    servers.dedup();
    Ok(servers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<&str, ServerError>) {
        let got = Server::parse(text).map(|server| server.to_string());
        assert_eq!(got, expected.map(str::to_owned), "{text}");
    }

    #[test]
    fn forms() {
        check("192.0.2.1", Ok("192.0.2.1:53"));
        check("127.0.0.1:5300", Ok("127.0.0.1:5300"));
        check("::1", Ok("[::1]:53"));
        check("[::1]", Ok("[::1]:53"));
        check("[2001:db8::1]:5300", Ok("[2001:db8::1]:5300"));
        check("tls://1.1.1.1", Ok("tls://1.1.1.1:853#1.1.1.1"));
        check("tls://1.1.1.1#one.one.one.one", Ok("tls://1.1.1.1:853#one.one.one.one"));
        check("tls://[2001:db8::1]:8853#a.example", Ok("tls://[2001:db8::1]:8853#a.example"));
        check("", Err(ServerError::NotAnAddress));
        check("dns.example", Err(ServerError::NotAnAddress));
        check("127.0.0.1:99999", Err(ServerError::NotAnAddress));
        check("tls://", Err(ServerError::NotAnAddress));
        check("tls://1.1.1.1#", Err(ServerError::BadName));
        check("tls://1.1.1.1#a b", Err(ServerError::BadName));
        check("https://1.1.1.1", Err(ServerError::UnknownTransport));
    }

    #[test]
    fn dns_06_the_ad_bit_counts_only_where_nobody_else_can_set_it() {
        let believed = |text: &str| Server::parse(text).unwrap().trusted().is_believed();
        assert!(
            believed("127.0.0.1")
                && believed("[::1]:53")
                && believed("::ffff:127.0.0.1")
                && believed("tls://192.0.2.1")
        );
        assert!(!believed("192.0.2.1"));
        assert!(!Server::parse("127.0.0.1").unwrap().is_believed());
    }
}
