//! Signing keys as files: one file, a directory of them, new ones, and the table that signs with them.

pub mod directory;
pub mod file;
pub mod make;
pub mod record;
pub mod ring;
