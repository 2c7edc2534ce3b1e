//! The server on sockets, with the crate's own client: the rows of the attack catalogue about socketmaps.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods
)]
#![allow(unreachable_pub, dead_code, reason = "shared with other tests")]

#[path = "../common/mod.rs"]
mod common;
mod faults;
mod requests;
mod sockets;
mod times;

use std::net::SocketAddr;
use std::time::Duration;

use socketmap::client::Client;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Waits until it holds; for what another task does.
async fn until(condition: impl Fn() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waiting).await.expect("it holds in the end");
}

async fn connect(addr: SocketAddr) -> Client<TcpStream> {
    let stream = TcpStream::connect(addr).await.unwrap();
    stream.set_nodelay(true).unwrap();
    Client::new(stream)
}

/// Sends octets as they are, and gives what comes until the server closes.
async fn raw(addr: SocketAddr, octets: &[u8]) -> String {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    stream.write_all(octets).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    answer.escape_ascii().to_string()
}

/// An answer in one word and its text.
async fn ask(client: &mut Client<TcpStream>, key: &str) -> String {
    let mut out = Vec::new();
    client.ask(b"policy", key.as_bytes()).await.unwrap().encode(&mut out);
    let text = String::from_utf8(out).unwrap();
    text.split_once(':').unwrap().1.strip_suffix(',').unwrap().to_owned()
}
