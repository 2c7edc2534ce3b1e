//! Messages from files, directories and standard input, each with what the client said in SMTP.
//!
//! What counts as a message is decided in [`kind`], how an mbox is cut in [`mbox`], which line ends a file has in
//! [`lines`]. Nothing is undone that SMTP does on the wire: a file holds its lines as they are, so dots at the start
//! of a line stay (no dot-unstuffing).

pub mod bytes;
pub mod envelope;
pub mod error;
pub mod inbox;
pub mod kind;
pub mod lines;
pub mod mbox;
pub mod spool;
pub mod time;
pub mod trace;

pub use bytes::{Bytes, CHUNK, Chunks};
pub use envelope::{Envelope, Envelopes};
pub use error::{InputError, Position};
pub use inbox::{Inbox, Item, Message, Skipped, total_bytes};
pub use kind::Skip;
pub use spool::Spooled;
pub use time::{TimeError, now, parse_time};
