//! Signing as administrators use it: keys, the configuration, `mailward sign`.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::disallowed_methods,
    clippy::panic
)]

mod docs;
mod foreign;
mod keys;
mod place;
mod published;
mod sign;
