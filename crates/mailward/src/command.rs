//! One file a command.

pub mod arc;
pub mod dkim;
pub mod dmarc;
mod record;
pub mod spf;
pub mod verify;
