//! DANE for SMTP (RFC 7672): a signed zone says which certificates its mail servers have, and that they have TLS at all.
//! [`lookup`] asks the DNS; an answer counts only if a resolver that is trusted to validate said that it is authentic.
//! [`certificate`] holds what a server sent against its records.
#![forbid(unsafe_code)]

mod certificate;
mod host;
mod mx;
mod tlsa;

pub use certificate::{Fault, MAX_ANCHORS, MAX_CHAIN, Mismatch, certificate};
pub use host::{Host, NotApplicable, Trouble, host};
pub use mx::{Destination, MAX_HOSTS, Mx, NoHosts, lookup, mx, next_hop_names};
pub use tlsa::{Matching, Selector, Tlsa, Unusable, Usage};
