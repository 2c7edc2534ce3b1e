//! The receiver's local policy: what is done with a message that has its verdict, why, and what other modes would have
//! done.
//!
//! [`LocalPolicy`] is what a site decides once; [`Case`] is one message, its verdict, and what is read of the past
//! ([`History`]; [`Subjects`] says what to read, [`existence()`] asks the one question that a verdict leaves open);
//! [`LocalPolicy::decide`] makes a [`Decision`]. Nothing here is done to a message; that is for whoever speaks to the MTA.

mod decision;
mod domains;
mod existence;
mod history;
mod indirect;
mod marking;
mod missing;
mod mode;
mod policy;
mod refusal;
mod replay;
mod reply;
mod rule;
mod step;
mod strip;
#[cfg(test)]
mod tests;
mod voucher;
mod weigh;

pub use decision::{Decision, Disposition, Exemption, Held};
pub use domains::{DomainMap, DomainSet};
pub use existence::{Existence, existence};
pub use history::{
    Deferral, DeferralKey, History, MAX_DEFERRAL, SIGNING_DAYS, SIGNING_WINDOW, Subjects, is_known_to_sign,
};
pub use marking::Marking;
pub use mode::{Ceiling, Mode, Modes, Recipients};
pub use policy::{Case, Listed, LocalPolicy, Refuse};
pub use refusal::{Condition, Finding, Ground, Kind, Obstacle, Refusal};
pub use replay::{Copies, REMEMBERED, Replay, Replayed};
pub use reply::{Class, MAX_REPLY, MAX_TEMPLATE, Macro, Reply, Template, TemplateError, TemplateErrorKind};
pub use rule::{Action, Rule, RuleError, Rules};
pub use step::Step;
pub use strip::{FieldName, FieldNameError, FieldPattern, MARKING_FIELD, MAX_NAME, is_removed};
