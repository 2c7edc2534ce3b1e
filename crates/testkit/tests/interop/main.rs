//! Whole parts of mailward against independent programs: OpenDKIM, dkimpy, pyspf, knot and unbound out of a Debian
//! root, over loopback.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test whose fixture is wrong has failed"
)]
#![allow(clippy::string_slice, reason = "ASCII of our own making")]

mod arc;
mod damage;
mod differences;
mod dkim;
mod dns_servers;
mod key_files;
mod messages;
mod peers;
mod random;
mod served;
mod signing;
mod spf_against_pyspf;
mod spf_worlds;
mod whole;
