//! MTA-STS (RFC 8461): by its policy a domain asks that mail to it goes only to hosts it names, over TLS with a certificate of
//! the web's authorities. [`Record`] says that there is a policy, [`Policy`] is it, [`Kept`] is one in a cache.
#![forbid(unsafe_code)]

mod kept;
mod known;
mod lookup;
mod pattern;
mod policy;
mod record;
mod response;

pub use kept::{Fraction, Kept, MIN_RETRY, REFRESH_EVERY, Weakened, may_retry};
pub use known::{Fetch, Known};
pub use lookup::{Lookup, lookup};
pub use pattern::{Pattern, PatternError};
pub use policy::{MAX_AGE, MAX_MX, MAX_POLICY, Mode, Policy};
pub use record::{Id, MAX_ID, MAX_RECORD, Record};
pub use response::{Refusal, policy_host, response};
