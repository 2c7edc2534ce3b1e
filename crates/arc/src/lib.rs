//! The Authenticated Received Chain (RFC 8617): what each handler of a message on its way says it saw, sealed so that
//! later ones can check who said it. Nothing here does I/O.
//!
//! The order of use is DKIM's: [`Chain::read`] with the header; then, side by side, [`Chain::keys`] and the body through a
//! [`dkim::BodyHasher`] that knows of [`Chain::forms`]; then [`Chain::check`]. A chain that passes proves who sealed it and
//! nothing else: [`consider`] says whether a site that trusts those sealers may act on what they saw. [`Sealing`] adds a set.
#![forbid(unsafe_code)]

mod bytes;
mod chain;
mod check;
mod examine;
mod field;
mod instance;
mod message;
mod reason;
mod results;
mod scan;
mod seal;
mod sealing;
mod step;
mod tags;
pub mod trust;

pub use chain::{Chain, MAX_KEYS};
pub use check::{Check, Holds, Hop};
pub use field::{FieldError, FieldErrorKind, Kind, SignedBy};
pub use instance::{Instance, MAX_SETS};
pub use message::MessageSignature;
pub use reason::{Outcome, Reason};
pub use results::Results;
pub use seal::{Seal, Status};
pub use sealing::{MAX_SET, NewSet, NotSealed, OnFailure, OwnFault, Sealer, SealerFault, Sealing};
pub use step::Step;
pub use trust::{Decision, Grounds, Refusal, TrustedSealers, consider};
