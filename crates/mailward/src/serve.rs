//! `mailward serve`: the daemon beside an MTA.

pub mod log;
pub mod metrics;
pub mod milter;
pub mod past;
pub mod shared;
pub mod site;
