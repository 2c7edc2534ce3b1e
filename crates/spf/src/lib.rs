//! SPF: may this client use this domain? `check_host` of RFC 7208, with RFC 8616, for MAIL FROM and for HELO.
#![forbid(unsafe_code)]

mod check;
mod eval;
mod explore;
mod limits;
mod macros;
mod outcome;
mod reason;
mod received_spf;
mod record;
mod select;
mod step;
mod tree;

pub use check::{Check, Client, Explanation, Identity, SpfPass, check_helo, check_mail_from};
pub use explore::{MAX_EXPLORED, explore_helo, explore_mail_from};
pub use limits::{Limit, Limits, MAX_LOOKUPS, MAX_MX, MAX_PTR, MAX_TIME, MAX_VOIDS, MOST_LOOKUPS};
pub use macros::{
    DomainSpec, Letter, Macro, MacroError, MacroErrorKind, MacroString, NoTarget, Part, UNKNOWN,
};
pub use outcome::Outcome;
pub use reason::{Matched, Missing, NoDomain, Place, Reason, Scope};
pub use received_spf::received_spf;
pub use record::{
    Directive, DualCidr, MAX_RECORD, Mechanism, Modifier, ModifierKind, Qualifier, Record, Term,
};
pub use select::{Absence, Lookup, Published, RecordMemo, lookup};
pub use step::{NoExplanation, Seen, Step};
pub use tree::{Branch, MAX_RECORDS, Node, NodeFound, Target, Tree, tree};
