//! Policies fetched from real TLS servers on loopback, most of which are up to something.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests"
)]

mod addresses;
mod answers;
mod broken;
mod certificates;
mod proxies;

use std::sync::LazyLock;
use std::time::Duration;

use courier::{Courier, FetchError, Fetched, Proxy, Settings};
use dns::Zone;
use mail::Domain;
use testkit::https::{Authority, Certified, Flaw, Host};
use verdict::network::Network;

pub(crate) const POLICY: &str = "version: STSv1\nmode: enforce\nmx: mx.v.example\nmax_age: 604800\n";
/// Time enough for everything that is not slow on purpose.
pub(crate) const PLENTY: Duration = Duration::from_secs(20);

pub(crate) static AUTHORITY: LazyLock<Authority> = LazyLock::new(Authority::new);

/// A certificate that is as it should be.
pub(crate) fn good() -> Certified {
    AUTHORITY.certificate(&["mta-sts.v.example"], Flaw::None)
}

/// Goes to `host` for all that stands in the zone; loopback is allowed.
pub(crate) fn courier(port: u16) -> Courier {
    with_proxy(port, None)
}

pub(crate) fn with_proxy(port: u16, proxy: Option<Proxy>) -> Courier {
    let allowed = vec![Network::parse("127.0.0.0/8").unwrap()];
    Courier::new(Settings { port, allowed, proxy, ..Settings::new(AUTHORITY.roots()) }).unwrap()
}

pub(crate) fn domain() -> Domain {
    Domain::parse("v.example").unwrap()
}

/// What comes of a fetch from this host.
pub(crate) async fn fetch(host: &Host, within: Duration) -> Result<Fetched, FetchError> {
    let zone = Zone::parse(format!("mta-sts.v.example. A {}", host.address.ip())).unwrap();
    courier(host.address.port()).policy(&zone, &domain(), within).await
}

/// What comes of this answer, in a word or a sentence.
pub(crate) async fn answer(bytes: impl Into<Vec<u8>>) -> String {
    let host = Host::answers("127.0.0.1:0", good(), bytes);
    said(fetch(&host, PLENTY).await)
}

pub(crate) fn said(result: Result<Fetched, FetchError>) -> String {
    match result {
        Ok(fetched) => format!("{} {}", fetched.policy.mode(), fetched.policy.max_age()),
        Err(error) => error.to_string(),
    }
}
