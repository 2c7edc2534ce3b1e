//! The rows of the threat catalogue that SPF decides, against zones in memory.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod env;
mod limits;
mod names;
mod providers;
mod received_spf;
mod records;
mod story;
mod tree;
#[path = "../world/mod.rs"]
mod world;

use world::world;

/// The fixture zone of the catalogue.
pub(crate) const FIXTURE: &str = r#"
victim.example.       TXT "v=spf1 ip4:192.0.2.0/28 -all"
attacker.example.     TXT "v=spf1 ip4:203.0.113.66 -all"
"#;

/// The outcome for a record of `a.example` and a sender there, in a zone with whatever else it needs.
pub(crate) fn outcome(record: &str, zone: &str) -> &'static str {
    world(zone).and(&format!("a.example. TXT \"{record}\"")).mail_from("<x@a.example>").outcome().as_str()
}
