//! TLS policies end to end: real Postfix asks the program, which asks a validating unbound before a signed knot, and fetches
//! policies over HTTPS; mail arrives at servers with good and bad certificates, or does not.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests"
)]

mod cold;
mod command;
mod deliveries;
mod faults;
mod lab;
mod mail;
mod many;
mod people;
mod program;
mod reports;
mod speed;

#[path = "../process/mod.rs"]
mod process;
