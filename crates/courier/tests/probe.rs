//! Mail servers on loopback, looked at.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use courier::{Certificate, ProbeError, Probed, Prober};
use dns::Zone;
use mail::Domain;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ServerConfig, ServerConnection};
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

/// What comes of a server that says these things, one after each line of ours, and then `last` for ever.
async fn garbage(says: &'static [&'static str], last: &'static str) -> String {
    let host = Host::raw("127.0.0.1:0", move |mut stream, _| {
        for text in says {
            let _ = std::io::Write::write_all(&mut stream, text.as_bytes());
            let _ = std::io::Read::read(&mut stream, &mut [0; 1000]);
        }
        let many = last.repeat(1_000);
        while !last.is_empty() && std::io::Write::write_all(&mut stream, many.as_bytes()).is_ok() {}
    });
    probe(host.address, "127.0.0.0/8", Duration::from_secs(20)).await.unwrap_err().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_ends_at_once() {
    const HI: &str = "220 mx\r\n";
    const OFFER: &str = "250-mx\r\n250 STARTTLS\r\n";
    const GO: &str = "220 go\r\n";
    for (says, last, expected) in [
        (&[] as &[&str], "x", "no reply of SMTP: a line is too long"),
        (&[], "220-x\r\n", "no reply of SMTP: too many lines"),
        (&[HI], "250-x\r\n", "no reply of SMTP: too many lines"),
        (&[HI], "\0\x1b[2J\r\n", "no reply of SMTP: a line begins with no code"),
        (&[HI, OFFER], "220 go\r\n", "there is more behind the answer to STARTTLS, in clear"),
        (&[HI, OFFER, GO], "\x15\x03\x03\0\x02\x02\x28", "no TLS: "),
        (&[HI, OFFER, GO], "HTTP/1.1 400 Bad Request\r\n\r\n", "no TLS: "),
        // Records of a handshake that are longer than any, and one that never ends.
        (&[HI, OFFER, GO], "\x16\x03\x03\x7f\x7f", "no TLS: "),
        (&[HI, OFFER, GO], "\x14\x03\x03\0\x01\x01", "no TLS: "),
    ] {
        let found = garbage(says, last).await;
        assert!(found.starts_with(expected), "{last:?}: {found}");
        assert!(found.bytes().all(|octet| (b' '..=b'~').contains(&octet)), "{found:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_of_any_size() {
    // Many names, and a chain of strangers: as far as TLS carries them they are seen, and end.
    let names: Vec<String> = (0..2_000).map(|number| format!("n{number}.w.example")).collect();
    let mut many: Vec<&str> = names.iter().map(String::as_str).collect();
    many.push(NAME);
    check(AUTHORITY.certificate(&many, Flaw::None), Ok(())).await;
    many.pop();
    check(AUTHORITY.certificate(&many, Flaw::None), Err(Certificate::Name)).await;
    let mut long = AUTHORITY.certificate(&[NAME], Flaw::None);
    let strangers = (0..100).map(|_| Authority::new().certificate(&["x.example"], Flaw::None));
    long.chain.extend(strangers.flat_map(|stranger| stranger.chain));
    check(long, Ok(())).await;
    let mut huge = AUTHORITY.certificate(&[NAME], Flaw::None);
    let one = AUTHORITY.certificate(&many, Flaw::None).chain;
    huge.chain.extend((0..10).flat_map(|_| one.clone()));
    let mx = Mx::start(Some(huge));
    let found = probe(mx.addr, "127.0.0.0/8", Duration::from_secs(20)).await;
    assert!(matches!(found, Err(ProbeError::Tls(_))), "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_another_key_is_not_whom_the_certificate_names() {
    // Somebody in between shows the certificate of the host, which anybody can have.
    let (shown, own) =
        (AUTHORITY.certificate(&[NAME], Flaw::None), AUTHORITY.certificate(&[NAME], Flaw::None));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let key = provider.key_provider.load_private_key(own.key).unwrap();
    let resolver = SingleCertAndKey::from(CertifiedKey::new(shown.chain, key));
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = Arc::new(config.with_no_client_auth().with_cert_resolver(Arc::new(resolver)));
    let host = Host::raw("127.0.0.1:0", move |mut stream, _| {
        for text in ["220 mx\r\n", "250-mx\r\n250 STARTTLS\r\n", "220 go\r\n"] {
            let _ = std::io::Write::write_all(&mut stream, text.as_bytes());
            if !text.contains("go") {
                let _ = std::io::Read::read(&mut stream, &mut [0; 1000]);
            }
        }
        let mut tls = ServerConnection::new(Arc::clone(&config)).unwrap();
        while tls.complete_io(&mut stream).is_ok_and(|(read, _)| read > 0) {}
    });
    let found = probe(host.address, "127.0.0.0/8", Duration::from_secs(20)).await.unwrap_err().to_string();
    assert_eq!(found, "no TLS: the server does not have the key of its certificate");
}
