//! How mail to other domains must be encrypted: what is known of their MTA-STS policies, kept and renewed, and the answer for
//! a next hop. Shared by `serve`, which tells Postfix, and `tls-policy`, which tells people.

pub mod answer;
pub mod base;
pub mod keeper;
mod memory;
pub mod next_hop;
pub mod probe;
pub mod remembered;
pub mod site;
pub mod turns;
mod waiting;

#[cfg(test)]
mod tests;
