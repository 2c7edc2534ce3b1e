//! For tests only: vectors, naive second implementations as oracles, a DKIM signer and an ARC sealer among them, a DNS in no hurry, HTTPS
//! hosts of every kind, and real programs.
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

pub mod https;
pub mod oracle;
pub mod private;
pub mod real;
pub mod sealer;
pub mod signer;
pub mod unhurried;
pub mod vector;

/// How many random cases a test tries: `usually`, or as many as the variable `MAILWARD_RANDOM` says, for a long run.
#[must_use]
pub fn how_many(usually: usize) -> usize {
    match std::env::var("MAILWARD_RANDOM") {
        Ok(count) => count.parse().expect("MAILWARD_RANDOM is a number"),
        Err(_) => usually,
    }
}

/// Whether tests of faults are to last as long as the real thing: the variable `MAILWARD_LONG` is 1.
#[must_use]
pub fn long() -> bool {
    std::env::var_os("MAILWARD_LONG").is_some_and(|long| long == "1")
}
