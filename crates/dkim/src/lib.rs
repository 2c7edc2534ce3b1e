//! DKIM (RFC 6376, 8301, 8463, 8616). Verifying: from a header, a body as it streams by, and the DNS answers to one
//! explained [`Check`] for each signature. Signing: from a header, a body and keys to the fields to put on top. Nothing
//! here does I/O.
//!
//! The order of use: [`Verifier::new`] with the header; then, side by side, [`Verifier::keys`] and the body through
//! [`Verifier::body`]; then [`Verifier::finish`]. [`Signing`] goes the same way. [`canon`] and [`body`] serve both.
#![forbid(unsafe_code)]

pub mod body;
pub mod cache;
pub mod canon;
pub mod check;
mod der;
mod examine;
pub mod fields;
pub mod key;
pub mod lookup;
pub mod policy;
pub mod preflight;
pub mod reason;
pub mod sign;
pub mod sign_fields;
pub mod signature;
pub mod signing_key;
pub mod step;
pub mod values;
pub mod verify;
pub mod who;

pub use body::{BodyHash, BodyHasher, BodyHashes};
pub use cache::KeyCache;
pub use canon::Canon;
pub use check::{Check, DkimPass, Flags};
pub use examine::WELL_SIGNED;
pub use key::{KeyRecord, PublicKey};
pub use lookup::{FoundKey, KeyAnswer, lookup};
pub use policy::{BodyLength, Policy, Service};
pub use preflight::{Preflight, Risk};
pub use reason::{Outcome, Reason};
pub use sign::{Options, Refusal, Request, RequestFault, SignatureField, Signing, SigningFault};
pub use sign_fields::{FieldList, FieldListError};
pub use signature::{
    Algorithm, Claims, Malformed, Signature, SignatureError, SignatureErrorKind, SignedNames,
};
pub use signing_key::{CryptoFault, KeyFault, SigningKey};
pub use step::Step;
pub use verify::{Keys, Verifier};
pub use who::{Identity, Selector, WhoError};
