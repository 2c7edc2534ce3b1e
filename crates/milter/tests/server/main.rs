//! The server on sockets, with the crate's own client for an MTA: the rows of the attack catalogue about the network.
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
mod mta;
mod order;
mod sockets;
mod times;

use std::time::Duration;

/// Waits until it holds; for what another task does.
async fn until(condition: impl Fn() -> bool) {
    let patience = Duration::from_secs(20);
    let waiting = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(patience, waiting).await.expect("it holds in the end");
}
