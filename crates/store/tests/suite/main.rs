//! The same tests against SQLite and a real PostgreSQL.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test whose fixture is wrong has failed; it looks at files and starts processes"
)]
#![allow(unreachable_pub, reason = "the fixtures are shared")]

mod base;
mod faults;
mod killed;
mod rows;
mod shared;
mod speed;
#[path = "../../src/testing.rs"]
mod testing;
mod tls;
mod versions;
