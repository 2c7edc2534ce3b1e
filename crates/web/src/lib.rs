//! What mailward shows over HTTP: `/metrics` for Prometheus and `/healthz` for whoever watches over it. What there is to
//! show comes through a trait, [`Source`]; nothing that a stranger sent can get onto these pages.
#![forbid(unsafe_code)]
// An adapter: its time-outs are the clock's.
#![allow(clippy::disallowed_methods)]

mod health;
mod host;
mod metrics;
mod pages;
mod serve;

pub use accept::{Listener, Trouble};
pub use health::{Part, State};
pub use metrics::{Labels, Metrics};
pub use serve::{GRACE, HEADER_TIMEOUT, MAX_CONNECTIONS, MAX_FIELDS, MAX_HEADER, Settings, TIMEOUT, serve};

/// What there is to show.
pub trait Source: Send + Sync + 'static {
    /// Writes the numbers as they are now. Must not wait for anything.
    fn metrics(&self, page: &mut Metrics);

    /// The parts of the program that run and how each is doing. Must not wait for anything: what a part found out when it
    /// last did its work is what counts.
    fn health(&self) -> Vec<Part>;

    /// Something went wrong with a connection, and nobody else will tell.
    fn trouble(&self, trouble: &Trouble);
}
