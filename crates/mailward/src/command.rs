//! One file a command.

pub mod arc;
pub mod config;
pub mod dkim;
pub mod dmarc;
pub mod doctor;
pub mod init;
pub mod keys;
mod record;
pub mod reload;
pub mod serve;
pub mod shadow;
pub mod sign;
pub mod spf;
pub mod tls_policy;
pub mod verify;
