//! The program's parts: what it reads (messages, envelopes) and how it shows what it found.
//! The protocols are crates of their own; here stand files, the clock and the terminal.
#![forbid(unsafe_code)]
// The program is where files, the clock and the environment are read, so that nothing below it has to.
#![allow(clippy::disallowed_methods)]

pub mod cli;
pub mod command;
pub mod config;
pub mod input;
pub mod keys;
pub mod postfix;
pub mod serve;
pub mod show;
pub mod tls;
pub mod world;
