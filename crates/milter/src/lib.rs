//! The milter protocol, by which an MTA shows a filter what comes in while it comes in: a codec for both sides, the
//! session as a table of states, and a server.
//!
//! The codec is our own. The library that was looked at (miltr 0.2) sends no signs of life while a filter works, so that
//! slow DNS would cost mail; it gives texts as UTF-8 with losses, which breaks signatures; and it answers where it agreed
//! not to, after which Postfix delivers without the filter's changes.
//!
//! There is no standard. What is done here is what libmilter's documentation says, versions 2 to 6, and what Postfix 3.7 and
//! 3.10 do, which stand in the tests.
//!
//! [`packet`], [`command`], [`reply`], [`options`] and [`session`] are pure: bytes in, values out. [`serve`] runs them on
//! sockets for a [`Service`].
#![forbid(unsafe_code)]

pub mod client;
pub mod command;
mod connection;
pub mod edits;
mod handler;
pub mod macros;
pub mod options;
pub mod packet;
pub mod reply;
mod serve;
pub mod session;
mod smtp_reply;
pub mod wire;

pub use accept::Listener;
pub use edits::{EditError, Edits, NotAllowed};
pub use handler::{Answer, Client, Context, End, Greeting, Message, Mta, Piece, Service, Trouble, Verdict};
pub use macros::Macros;
pub use options::{Actions, Agreed, MacroStage, Wish};
pub use serve::{Settings, serve};
pub use smtp_reply::{MAX_LINE, MAX_LINES, SmtpReply, SmtpReplyError};
pub use wire::Strings;
