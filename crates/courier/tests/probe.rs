//! Mail servers on loopback, looked at.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]

use std::sync::LazyLock;
use std::time::Duration;

use courier::{Certificate, ProbeError, Probed, Prober};
use dns::Zone;
use mail::Domain;
use testkit::https::{Authority, Certified, Flaw, Host};
use testkit::real::mx::Mx;
use verdict::network::Network;

static AUTHORITY: LazyLock<Authority> = LazyLock::new(Authority::new);
const NAME: &str = "mx.v.example";

fn domain(name: &str) -> Domain {
    Domain::parse(name).unwrap()
}

/// Looks at what listens there.
async fn probe(address: std::net::SocketAddr, allowed: &str, within: Duration) -> Result<Probed, ProbeError> {
    let zone = Zone::parse(format!("{NAME}. A {}", address.ip())).unwrap();
    let allowed = [Network::parse(allowed).unwrap()];
    let prober = Prober::new(AUTHORITY.roots(), &allowed, domain("h.example")).unwrap();
    prober.probe(&zone, &domain(NAME), &domain(NAME), address.port(), within).await
}

async fn check(certified: Certified, web: Result<(), Certificate>) {
    let chain: Vec<Vec<u8>> = certified.chain.iter().map(|der| der.to_vec()).collect();
    let mx = Mx::start(Some(certified));
    let found = probe(mx.addr, "127.0.0.0/8", Duration::from_secs(20)).await.unwrap();
    assert_eq!(found, Probed { address: mx.addr, version: "TLS 1.3", chain, web });
    assert!(mx.arrived().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_are_seen_whatever_they_are_worth() {
    let flawed = |flaw| AUTHORITY.certificate(&[NAME], flaw);
    check(flawed(Flaw::None), Ok(())).await;
    check(flawed(Flaw::Expired), Err(Certificate::Expired)).await;
    check(flawed(Flaw::Early), Err(Certificate::NotYetValid)).await;
    check(flawed(Flaw::SelfSigned), Err(Certificate::Issuer)).await;
    check(AUTHORITY.certificate(&["mx.w.example"], Flaw::None), Err(Certificate::Name)).await;
    check(Authority::new().certificate(&[NAME], Flaw::None), Err(Certificate::Issuer)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_are_not_seen() {
    let mx = Mx::start(None);
    let found = probe(mx.addr, "127.0.0.0/8", Duration::from_secs(20)).await;
    assert!(matches!(found, Err(ProbeError::NoTls)), "{found:?}");
    let silent = Host::raw("127.0.0.1:0", |mut stream, _| {
        let _ = std::io::Read::read(&mut stream, &mut [0]);
    });
    let found = probe(silent.address, "127.0.0.0/8", Duration::from_millis(200)).await;
    assert!(matches!(found, Err(ProbeError::Late)), "{found:?}");
    let plain = Host::raw("127.0.0.1:0", |mut stream, _| {
        for text in ["220 mx\r\n", "250-mx\r\n250 STARTTLS\r\n", "220 go\r\n", "250 not TLS\r\n"] {
            let _ = std::io::Write::write_all(&mut stream, text.as_bytes());
            let _ = std::io::Read::read(&mut stream, &mut [0; 1000]);
        }
    });
    let found = probe(plain.address, "127.0.0.0/8", Duration::from_secs(20)).await;
    assert!(matches!(found, Err(ProbeError::Tls(_))), "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sts_13_addresses_that_are_not_public_are_not_connected_to() {
    let host = Host::raw("127.0.0.1:0", |_, _| ());
    let found = probe(host.address, "192.0.2.0/24", Duration::from_secs(20)).await.unwrap_err().to_string();
    assert_eq!(found, "only addresses that are not public, such as 127.0.0.1 (this host)");
    assert_eq!(host.connections(), 0);
}
