//! One file a command.

pub mod dkim;
pub mod dmarc;
pub mod spf;
pub mod verify;
