//! For tests only: vectors, a naive DKIM signer that is an oracle for the verifier, and real programs.
#![forbid(unsafe_code)]

pub mod real;
pub mod signer;
pub mod vector;
