//! For tests only: vectors, naive second implementations as oracles, a DKIM signer among them, and real programs.
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

pub mod oracle;
pub mod real;
pub mod signer;
pub mod vector;
