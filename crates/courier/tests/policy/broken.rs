//! Connections that end before their end.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use courier::FetchError;
use dns::Zone;
use rustls::{ServerConnection, StreamOwned};
use testkit::https::{Host, config, ok};

use crate::{PLENTY, POLICY, courier, domain, fetch, good};

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_cut_off_anywhere_is_none() {
    let whole = ok(POLICY);
    for cut in
        [0, 1, 9, 15, 17, 30, 60, whole.len() - POLICY.len(), whole.len() - POLICY.len() + 1, whole.len() - 1]
    {
        let part = whole[..cut].to_vec();
        let host = Host::answers("127.0.0.1:0", good(), part);
        let result = fetch(&host, PLENTY).await;
        assert!(matches!(result, Err(FetchError::Http(_))), "after {cut} of {}: {result:?}", whole.len());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_to_the_end_needs_an_end_that_nobody_else_can_make() {
    // Whoever is in between cuts the connection where the last lines, which allow more hosts, are yet to come.
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n";
    let host = Host::tls("127.0.0.1:0", good(), move |tls| {
        let _ = tls.write_all(format!("{head}{POLICY}").as_bytes());
        let _ = tls.flush();
        let _ = tls.sock.shutdown(std::net::Shutdown::Write);
    });
    let result = fetch(&host, PLENTY).await;
    assert!(matches!(result, Err(FetchError::Http(_))), "{result:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn chunks_that_end_early() {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n";
    for chunks in [
        "",
        "47",
        "47\r\n",
        "47\r\nversion:",
        &format!("47\r\n{POLICY}"),
        &format!("47\r\n{POLICY}\r\n"),
        "x\r\n",
        "-1\r\n",
    ] {
        let host = Host::answers("127.0.0.1:0", good(), format!("{head}{chunks}"));
        let result = fetch(&host, PLENTY).await;
        assert!(matches!(result, Err(FetchError::Http(_))), "{chunks:?}: {result:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_ends_before_tls_does_begin() {
    let host = Host::raw("127.0.0.1:0", |stream, _| drop(stream));
    assert!(matches!(fetch(&host, PLENTY).await, Err(FetchError::Tls(_))));
    let host = Host::raw("127.0.0.1:0", |mut stream, _| {
        let _ = stream.read(&mut [0; 100]);
    });
    assert!(matches!(fetch(&host, PLENTY).await, Err(FetchError::Tls(_))));
    // Some other protocol.
    let host = Host::raw("127.0.0.1:0", |mut stream, _| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n");
    });
    assert!(matches!(fetch(&host, PLENTY).await, Err(FetchError::Tls(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_ends_right_behind_the_handshake() {
    let settings = Arc::new(config(good()));
    let host = Host::raw("127.0.0.1:0", move |stream, _| {
        let mut tls = StreamOwned::new(ServerConnection::new(Arc::clone(&settings)).unwrap(), stream);
        while tls.conn.is_handshaking() {
            if tls.conn.complete_io(&mut tls.sock).is_err() {
                return;
            }
        }
    });
    assert!(matches!(fetch(&host, PLENTY).await, Err(FetchError::Http(_) | FetchError::Tls(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn sts_03_silence_before_tls() {
    let host = Host::raw("127.0.0.1:0", |mut stream, _| {
        let _ = stream.read_to_end(&mut Vec::new());
    });
    assert!(matches!(fetch(&host, Duration::from_millis(300)).await, Err(FetchError::Late)));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_listens() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let zone = Zone::parse("mta-sts.v.example. A 127.0.0.1").unwrap();
    let result = courier(free.port()).policy(&zone, &domain(), PLENTY).await;
    assert!(matches!(result, Err(FetchError::Connect(address, _)) if address == free), "{result:?}");
}
