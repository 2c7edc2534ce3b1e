//! `mailward serve`: the daemon beside an MTA.

pub mod metrics;
