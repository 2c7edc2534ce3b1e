//! For tests only: vectors, a naive DKIM signer that is an oracle for the verifier, a DNS that takes its time, and real
//! programs.
#![forbid(unsafe_code)]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::disallowed_methods,
    reason = "a test whose fixture is wrong has failed, and tests read files"
)]

pub mod real;
pub mod signer;
pub mod unhurried;
pub mod vector;
