//! Whose certificate is believed (STS-05, DEP-02).

use courier::{Certificate, FetchError, Roots, RootsError};
use testkit::https::{Authority, Certified, Flaw, Host, maze, ok};

use crate::{AUTHORITY, PLENTY, POLICY, fetch, good, said};

/// What comes of a host with this certificate.
async fn check(certified: Certified, expected: &str) {
    let host = Host::answers("127.0.0.1:0", certified, ok(POLICY));
    let found = said(fetch(&host, PLENTY).await);
    assert!(found.contains(expected), "found: {found}, expected: {expected}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sts_05_names() {
    let named = |names: &[&str]| AUTHORITY.certificate(names, Flaw::None);
    for names in [&["mta-sts.v.example"][..], &["*.v.example"], &["x.example", "MTA-STS.v.example"]] {
        check(named(names), "enforce").await;
    }
    let other = "the certificate of the policy host is for another name";
    for names in [
        &["v.example"][..],
        &["mta-sts.w.example"],
        &["*.example"],
        &["mta-sts.*.example"],
        &["127.0.0.1"],
        &["mx.v.example"],
    ] {
        check(named(names), other).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sts_05_flaws() {
    let flawed = |flaw| AUTHORITY.certificate(&["mta-sts.v.example"], flaw);
    check(flawed(Flaw::None), "enforce").await;
    check(flawed(Flaw::Expired), "expired").await;
    check(flawed(Flaw::Early), "not valid yet").await;
    check(flawed(Flaw::CommonName), "for another name").await;
    check(flawed(Flaw::SelfSigned), "not signed by an authority").await;
    check(flawed(Flaw::Client), "the certificate of the policy host is").await;
    // Another authority, of the same name.
    check(Authority::new().certificate(&["mta-sts.v.example"], Flaw::None), "not signed by an authority")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sts_05_long_chains() {
    let mut certified = good();
    // What does not belong there is passed over, in bounds.
    for _ in 0..20 {
        certified.chain.push(Authority::new().certificate(&["x.example"], Flaw::None).chain[0].clone());
    }
    check(certified, "enforce").await;
    let mut certified = good();
    let more = Authority::new().certificate(&["x.example"], Flaw::None).chain[0].clone();
    certified.chain.extend(std::iter::repeat_n(more, 10_000));
    let host = Host::answers("127.0.0.1:0", certified, ok(POLICY));
    assert!(matches!(fetch(&host, PLENTY).await, Err(FetchError::Tls(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn sts_05_a_chain_with_no_end_of_ways() {
    for size in [10, 140] {
        let host = Host::answers("127.0.0.1:0", maze(&["mta-sts.v.example"], size), ok(POLICY));
        // It would be late if all were tried.
        let found = fetch(&host, PLENTY).await;
        assert!(matches!(found, Err(FetchError::Certificate(Certificate::Other(_)))), "{found:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sts_19_http_2_is_not_spoken() {
    let host = Host::with_alpn("127.0.0.1:0", good(), &[b"h2"], |_| panic!("a handshake for HTTP/2"));
    assert!(matches!(fetch(&host, PLENTY).await, Err(FetchError::Tls(_))));
    let host = Host::with_alpn("127.0.0.1:0", good(), &[b"h2", b"http/1.1"], |tls| {
        assert_eq!(tls.conn.alpn_protocol(), Some(b"http/1.1".as_slice()));
        let _ = std::io::Write::write_all(tls, &ok(POLICY));
    });
    assert!(fetch(&host, PLENTY).await.is_ok());
    let host = Host::with_alpn("127.0.0.1:0", good(), &[], |tls| {
        let _ = std::io::Write::write_all(tls, &ok(POLICY));
    });
    assert!(fetch(&host, PLENTY).await.is_ok(), "a server that does not know of such names");
}

#[tokio::test(flavor = "multi_thread")]
async fn reasons_are_typed() {
    let host = Host::answers(
        "127.0.0.1:0",
        AUTHORITY.certificate(&["mta-sts.v.example"], Flaw::Expired),
        ok(POLICY),
    );
    assert!(matches!(fetch(&host, PLENTY).await, Err(FetchError::Certificate(Certificate::Expired))));
}

#[test]
fn roots() {
    assert!(Roots::Bundled.read().unwrap().len() > 50);
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        Roots::File(path).read()
    };
    assert_eq!(file("good", AUTHORITY.pem()).unwrap().len(), 1);
    assert!(matches!(file("empty", ""), Err(RootsError::Empty(_))));
    let torn = "-----BEGIN CERTIFICATE-----\nMIIB\n";
    assert!(file("torn", torn).is_err());
    assert!(matches!(Roots::File(folder.path().join("none")).read(), Err(RootsError::None(_))));
}
