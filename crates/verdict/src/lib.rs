//! One message in, one explained verdict out: SPF, DKIM, ARC and DMARC side by side, and what to do with the header.
//!
//! [`Inbound`] takes the envelope and the header; its look-ups and the hashing of the body may then go on at the same
//! time; [`Inbound::conclude`] puts both together. A [`Recording`] holds all that a verdict rests on. [`outbound`] decides who
//! signs a message as whom.
#![forbid(unsafe_code)]

mod authres;
pub mod direction;
pub mod forwarded;
mod inbound;
pub mod local;
pub mod network;
pub mod outbound;
pub mod recording;
mod replay;
mod settings;
pub mod suffix;
mod summary;
pub mod tls;
pub mod upstream;
mod verdict;

pub use inbound::{Facts, Inbound, Memo, judge};
pub use recording::{Recorded, Recording, RecordingError};
pub use settings::{Envelope, Settings, SpfCounts};
pub use verdict::{Part, Spf, Verdict};
