//! `mailward serve`: the daemon beside an MTA.

pub mod http;
pub mod metrics;
