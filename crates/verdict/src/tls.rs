//! How mail to a domain must be encrypted: the one decision on what MTA-STS (RFC 8461) and DANE (RFC 7672) say, never weaker
//! than either. [`decide`] is what is decided, [`postfix`] how Postfix is told.

mod decide;
pub mod postfix;
mod step;
mod sts;

pub use decide::{Decision, Facts, Level, Secure, Sts, UseDane, Why, decide};
pub use step::{Asked, Step};
