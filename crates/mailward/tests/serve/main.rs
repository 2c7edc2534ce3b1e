//! `mailward serve` behind a real Postfix, with a real name server, and behind a client of its own protocol.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::disallowed_methods
)]
#![allow(unreachable_pub)]

mod clock;
mod connections;
mod daemon;
mod inbound;
mod killed;
mod limits;
mod load;
mod mta;
mod outages;
mod outbound;
mod pages;
mod parts;
mod program;
mod reload;
mod rows;
mod sealed;
mod systemd;
mod trouble;
mod vectors;
mod world;

#[path = "../process/mod.rs"]
mod process;
