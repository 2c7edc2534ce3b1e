//! Resolvers of a test's own, each broken in its way.

use std::net::Ipv4Addr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};

use super::*;

/// What a resolver does.
#[derive(Clone, Copy)]
struct Ways {
    code: u8,
    /// Whether it says AD of the root, and of another name.
    authentic: [bool; 2],
    edns: bool,
    tcp: bool,
}

const GOOD: Ways = Ways { code: 0, authentic: [true, false], edns: true, tcp: true };

impl Ways {
    fn answer(self, query: &[u8]) -> Vec<u8> {
        let mut answer = query.to_vec();
        let is_root = query[12] == 0;
        answer[2] |= 0x80;
        answer[3] = 0x80 | self.code | if self.authentic[usize::from(!is_root)] { 0x20 } else { 0 };
        if !self.edns {
            answer.truncate(query.len() - 11);
            answer[11] = 0;
        }
        answer
    }
}

async fn start(ways: Ways) -> SocketAddr {
    let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = tcp.local_addr().unwrap();
    let udp = UdpSocket::bind(address).await.unwrap();
    tokio::spawn(async move {
        let mut query = [0; 512];
        while let Ok((length, from)) = udp.recv_from(&mut query).await {
            let _ = udp.send_to(b"\0\0 of somebody else", from).await;
            let _ = udp.send_to(&ways.answer(&query[..length]), from).await;
        }
    });
    if ways.tcp {
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = tcp.accept().await {
                let mut query = vec![0; usize::from(stream.read_u16().await.unwrap())];
                stream.read_exact(&mut query).await.unwrap();
                let answer = ways.answer(&query);
                stream.write_u16(answer.len() as u16).await.unwrap();
                stream.write_all(&answer).await.unwrap();
            }
        });
    }
    address
}

async fn check(ways: Ways, trusted: bool, answered: bool, want: &[&str]) {
    let server = Server::plain(start(ways).await);
    let dns = Dns { servers: vec![server], trusted };
    let mut report = Report::default();
    assert_eq!(look(&mut report, &dns, None).await.unwrap(), answered);
    let found: Vec<String> =
        report.0.iter().map(|f| format!("{} {}", f.severity.as_str(), f.code).trim().to_owned()).collect();
    assert_eq!(found, want);
}

#[tokio::test]
async fn dns_06_what_their_word_is_worth() {
    check(GOOD, true, true, &["good"]).await;
    check(GOOD, false, true, &["note resolver-untrusted"]).await;
    let blind = Ways { authentic: [false, false], ..GOOD };
    check(blind, true, true, &["warning resolver-no-dnssec"]).await;
    check(blind, false, true, &["good"]).await;
    let liar = Ways { authentic: [true, true], ..GOOD };
    check(liar, true, true, &["error resolver-false-ad"]).await;
    check(liar, false, true, &["note resolver-false-ad"]).await;
}

#[test]
fn dns_06_nobody_far_away_is_believed() {
    let said = |authentic| Said { code: 0, authentic, edns: true };
    let check = |trusted, near, want: &[&str]| {
        let mut report = Report::default();
        dnssec(&mut report, "", said(true), Some(said(false)), trusted, near);
        assert_eq!(report.0.iter().map(|finding| finding.code).collect::<Vec<_>>(), want);
    };
    check(true, false, &["resolver-far"]);
    check(true, true, &[]);
    check(false, false, &[]);
}

#[tokio::test]
async fn what_they_can() {
    let blind = Ways { authentic: [false, false], ..GOOD };
    check(Ways { edns: false, ..blind }, false, true, &["warning resolver-no-edns"]).await;
    check(Ways { code: 5, ..blind }, false, false, &["error resolver-refuses"]).await;
    check(Ways { code: 3, ..blind }, false, true, &["good"]).await;
    // Somebody listens, and says nothing: the socket is closed when the listener is dropped.
    check(Ways { tcp: false, ..blind }, false, true, &["error resolver-no-tcp"]).await;
}

#[tokio::test]
async fn nobody_answers() {
    let gone = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap().local_addr().unwrap();
    let dns = Dns { servers: vec![Server::plain(gone)], trusted: false };
    let mut report = Report::default();
    assert!(!look(&mut report, &dns, None).await.unwrap());
    assert_eq!(report.0[0].code, "resolver-away");
    assert!(look(&mut report, &dns, Some("127.0.0.1:x")).await.is_err());
}
