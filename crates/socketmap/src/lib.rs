//! The socketmap protocol, by which Postfix looks up tables at a server: a codec for both sides, and the server.
//!
//! There is no standard. What is done here is what Postfix documents (`socketmap_table(5)`) and what Postfix 3.7 and 3.10
//! do, which stand in the tests. A request is one netstring, `map SP key`, an answer another. Postfix sends a request only
//! when it has the answer to the last one; who sends several at once gets the answers in their order.
//!
//! Neither side knows who the other is: Postfix says that such a table is not for what security hangs on. It is as good as
//! the socket is guarded: by the rights of its file ([`Listener::bind_unix`]), or by loopback. The protocol only reads;
//! there is no request that changes anything.
//!
//! **Restarts.** Postfix asks once more, at once, when a connection breaks before the answer came, so it does not notice that
//! a server ended and another took its place: on shutdown the requests that are here are answered, and connections on
//! which nothing is asked are closed. If nobody listens at that moment, Postfix defers the mail, with the right status but
//! for some minutes; where that matters, whoever starts the program keeps the socket open ([`Listener::unix`]).
//!
//! [`netstring`], [`request`] and [`reply`] are pure: bytes in, values out. [`serve`] runs them on sockets for a [`Lookup`].
#![forbid(unsafe_code)]

pub mod client;
mod connection;
mod lookup;
pub mod netstring;
pub mod reply;
pub mod request;
mod serve;

pub use accept::Listener;
pub use lookup::{Lookup, Trouble};
pub use reply::{Reason, Reply, Value};
pub use request::Request;
pub use serve::{Settings, serve};
