//! The way of an outbound message: who may sign it as whom. One table of rules and keys gives a [`Plan`]: the signatures
//! to make, and why each rule signs or does not.

mod pattern;
mod plan;
mod reason;
mod table;
mod users;

pub use pattern::{DomainPattern, Glob};
pub use plan::{Decision, Outgoing, Plan, Step};
pub use reason::Reason;
pub use table::{Key, Rule, SigningTable};
pub use users::{Addresses, Users};

#[cfg(test)]
mod tests;
