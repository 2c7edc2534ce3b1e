//! Through a proxy.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use courier::{FetchError, Proxy};
use dns::Zone;
use testkit::https::{Host, ok};

use crate::{PLENTY, POLICY, domain, good, said, with_proxy};

/// A proxy that says this to CONNECT, and goes to `target` if it is good.
fn proxy(says: &'static str, target: SocketAddr) -> Host {
    Host::raw("127.0.0.1:0", move |mut client, heads| {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut octet = [0];
            client.read_exact(&mut octet).unwrap();
            head.extend_from_slice(&octet);
        }
        heads.lock().unwrap().push(String::from_utf8(head).unwrap());
        client.write_all(says.as_bytes()).unwrap();
        if !says.contains(" 200") {
            return;
        }
        let mut server = TcpStream::connect(target).unwrap();
        let (mut from, mut to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
        std::thread::spawn(move || {
            let _ = std::io::copy(&mut from, &mut to);
        });
        let _ = std::io::copy(&mut server, &mut client);
        let _ = client.shutdown(std::net::Shutdown::Both);
    })
}

async fn check(says: &'static str, expected: &str) {
    let host = Host::answers("127.0.0.1:0", good(), ok(POLICY));
    let proxy = proxy(says, host.address);
    let through = Proxy::parse(&format!("http://{}", proxy.address)).unwrap();
    // Nothing is asked of the DNS: the proxy looks up names.
    let found = with_proxy(443, Some(through)).policy(&Zone::default(), &domain(), PLENTY).await;
    let found = said(found);
    assert!(found.contains(expected), "{says:?}: {found}");
    assert_eq!(
        proxy.heads(),
        ["CONNECT mta-sts.v.example:443 HTTP/1.1\r\nHost: mta-sts.v.example:443\r\n\r\n"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn through_a_proxy() {
    check("HTTP/1.1 200 Connection established\r\n\r\n", "enforce").await;
    check("HTTP/1.0 200 OK\r\nX: y\r\n\r\n", "enforce").await;
    check(
        "HTTP/1.1 403 Forbidden \u{1b}[1m\r\n\r\n",
        "no connection through the proxy: it says \"HTTP/1.1 403 Forbidden \\x1b[1m\"",
    )
    .await;
    check("HTTP/1.1 302 Found\r\nLocation: http://x/\r\n\r\n", "no connection through the proxy").await;
    check("HTTP/1.1 20", "no connection through the proxy").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_certificate_is_checked_through_a_proxy_too() {
    let other = crate::AUTHORITY.certificate(&["mta-sts.w.example"], testkit::https::Flaw::None);
    let host = Host::answers("127.0.0.1:0", other, ok(POLICY));
    let proxy = proxy("HTTP/1.1 200 OK\r\n\r\n", host.address);
    let through = Proxy::parse(&format!("http://{}", proxy.address)).unwrap();
    let found = with_proxy(443, Some(through)).policy(&Zone::default(), &domain(), PLENTY).await;
    assert!(matches!(found, Err(FetchError::Certificate(_))), "{found:?}");
}
