//! From a name to a connection: addresses once, only public ones, and then by address (threats: rebinding, and hosts inside).

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use dns::{Data, Dns, Failure, Name, Question, RecordType};
use futures_util::future::{join, select_ok};
use mail::Domain;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use verdict::network::Network;

use crate::Courier;
use crate::address::{Special, special};
use crate::capped::Capped;
use crate::certificate::Certificate;
use crate::error::FetchError;

/// Most addresses of a host that are tried.
pub const MAX_ADDRESSES: usize = 8;
/// How long an address is tried alone before the next is tried as well (RFC 8305 §5).
pub const STAGGER: Duration = Duration::from_millis(250);

impl Courier {
    /// A connection to a host, whose certificate was found good for its name.
    pub(crate) async fn connect<D: Dns>(
        &self,
        dns: &D,
        host: &Domain,
    ) -> Result<TlsStream<Capped<TcpStream>>, FetchError> {
        let stream = match &self.proxy {
            Some(proxy) => proxy.connect(host.as_str(), self.port).await?,
            None => first(&addresses(dns, host, self.port, &self.allowed).await?).await?,
        };
        // It fails on a connection that is dead already, which is found out soon enough.
        let _ = stream.set_nodelay(true);
        let name = ServerName::try_from(host.as_str().to_owned())
            .map_err(|error| FetchError::Tls(error.to_string()))?;
        TlsConnector::from(Arc::clone(&self.tls))
            .connect(name, Capped::new(stream))
            .await
            .map_err(|error| tls_error(&error))
    }
}

/// Why there is no connection to a host.
#[derive(Debug, thiserror::Error)]
pub enum Unreached {
    /// The addresses are not known.
    #[error("no address: {0}: {1}")]
    Dns(Question, Failure),
    /// There are none.
    #[error("no address")]
    NoAddress,
    /// None of them is public.
    #[error("only addresses that are not public, such as {0} ({1})")]
    Special(IpAddr, Special),
    /// No connection to any address; the last that was tried.
    #[error("no connection to {0}: {1}")]
    Connect(SocketAddr, #[source] io::Error),
}

/// The addresses that may be connected to, the kinds by turns.
pub(crate) async fn addresses<D: Dns>(
    dns: &D,
    host: &Domain,
    port: u16,
    networks: &[Network],
) -> Result<Vec<SocketAddr>, Unreached> {
    let ask = async |rtype| {
        let question = Question::new(Name::from(host), rtype);
        let answer = dns.ask(&question).await;
        match answer.reply.failure() {
            Some(failure) => Err(Unreached::Dns(question, failure)),
            None => Ok(answer.records().iter().filter_map(address).collect::<Vec<_>>()),
        }
    };
    let (v6, v4) = join(ask(RecordType::Aaaa), ask(RecordType::A)).await;
    let found = mixed(v6.as_deref().unwrap_or_default(), v4.as_deref().unwrap_or_default());
    let Some(first) = found.first().copied() else {
        // A failure may have hidden an address.
        v6?;
        v4?;
        return Err(Unreached::NoAddress);
    };
    let allowed = |address: &IpAddr| {
        special(*address).is_none() || networks.iter().any(|network| network.contains(*address))
    };
    let chosen: Vec<_> = found.into_iter().filter(allowed).take(MAX_ADDRESSES).collect();
    match (chosen.is_empty(), special(first)) {
        (true, Some(why)) => Err(Unreached::Special(first, why)),
        _ => Ok(chosen.into_iter().map(|address| SocketAddr::new(address, port)).collect()),
    }
}

fn address(data: &Data) -> Option<IpAddr> {
    match data {
        Data::A(address) => Some((*address).into()),
        Data::Aaaa(address) => Some((*address).into()),
        _ => None,
    }
}

/// Both lists in one, by turns.
fn mixed(one: &[IpAddr], other: &[IpAddr]) -> Vec<IpAddr> {
    let longest = one.len().max(other.len());
    (0..longest).flat_map(|at| [one.get(at), other.get(at)]).flatten().copied().collect()
}

/// A connection to the first address that gives one; each has a start of [`STAGGER`] on the next.
pub(crate) async fn first(addresses: &[SocketAddr]) -> Result<TcpStream, Unreached> {
    let tries = addresses.iter().zip(0u32..).map(|(address, turn)| {
        Box::pin(async move {
            tokio::time::sleep(STAGGER * turn).await;
            TcpStream::connect(address).await.map_err(|error| Unreached::Connect(*address, error))
        })
    });
    match addresses {
        [] => Err(Unreached::NoAddress),
        _ => select_ok(tries).await.map(|(stream, _)| stream),
    }
}

fn tls_error(error: &io::Error) -> FetchError {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match inner.and_then(Certificate::of) {
        Some(certificate) => FetchError::Certificate(certificate),
        None => FetchError::Tls(mail::shortened(error.to_string().as_bytes(), 200)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_by_turns() {
        let list = |text: &str| text.split_whitespace().map(|a| a.parse().unwrap()).collect::<Vec<IpAddr>>();
        let both = |one, other| mixed(&list(one), &list(other));
        assert_eq!(both("::1 ::2 ::3", "1.1.1.1"), list("::1 1.1.1.1 ::2 ::3"));
        assert_eq!(both("", "1.1.1.1 2.2.2.2"), list("1.1.1.1 2.2.2.2"));
    }
}
