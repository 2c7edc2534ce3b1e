//! `mailward init` and `mailward doctor` as administrators use them, also with real Postfix.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::disallowed_methods,
    clippy::panic
)]
#![allow(dead_code, reason = "shared with other tests")]

mod docs;
mod doctor;
mod init;
mod postfix;
mod site;

#[path = "../signing/place.rs"]
mod place;
