//! DANE for SMTP (RFC 7672): a signed zone says which certificates its mail servers have, and that they have TLS at all.
//! [`lookup`] asks the DNS; an answer counts only if a resolver that is trusted to validate said that it is authentic.
#![forbid(unsafe_code)]

mod host;
mod mx;
mod tlsa;

pub use host::{Host, NotApplicable, Trouble, host};
pub use mx::{Destination, MAX_HOSTS, Mx, NoHosts, lookup, mx};
pub use tlsa::{Matching, Selector, Tlsa, Unusable, Usage};
