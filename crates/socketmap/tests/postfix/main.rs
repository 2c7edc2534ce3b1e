//! The server behind real Postfix, the oldest and the newest that is supported: the keys that it sends, what it makes of
//! each answer, and what it notices of a restart.
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
mod deliveries;
mod postmap;
mod restarts;
