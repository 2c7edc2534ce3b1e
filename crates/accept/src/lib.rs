//! What all servers here have in common: a listening socket (TCP, or a unix socket with its rights and its file), and the
//! loop that takes connections, not too many, and on shutdown lets what is in flight come to its end.
#![forbid(unsafe_code)]
// An adapter: its time-outs are the clock's.
#![allow(clippy::disallowed_methods)]

mod listener;
mod serve;

pub use listener::{BoundUnix, Listener, Peer, Stream};
pub use serve::{Connection, Limits, Trouble, serve};
