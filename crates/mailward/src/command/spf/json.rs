//! The JSON form of an SPF record.

use serde::Serialize;
use spf::{NodeFound, Target, Tree};

use super::look::Look;
use super::words::meaning;
use crate::command::record::RecordJson;

/// `mailward spf show` and `mailward spf check`.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::command) struct SpfJson<'a> {
    #[serde(flatten)]
    record: RecordJson<'a>,
    /// What a check of the record costs; null if the record can't be read.
    lookups: Option<LookupsJson>,
    /// The record term by term; empty if it can't be read.
    terms: Vec<TermJson>,
    /// What came of --ip.
    #[serde(skip_serializing_if = "Option::is_none")]
    check: Option<CheckJson>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct LookupsJson {
    /// How many terms look something up if nothing matches before the last.
    count: u32,
    /// How many a check allows.
    max: u8,
    /// Whether there may be more: something depends on the message, or was not answered.
    at_least: bool,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct TermJson {
    /// The term, printable.
    term: String,
    /// What it means, in words.
    meaning: String,
    /// How many look-ups it costs, with all that is behind it.
    lookups: u32,
    /// The domain whose record it refers to; null if it refers to none, or only a message tells.
    domain: Option<String>,
    /// The terms of that record; empty if there is none that can be read.
    terms: Vec<TermJson>,
}

/// The result for a client.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct CheckJson {
    /// none, neutral, pass, fail, softfail, temperror or permerror.
    pub(super) result: &'static str,
    /// Why.
    pub(super) reason: String,
    /// The client's address.
    pub(super) ip: String,
    /// The sender.
    pub(super) mail_from: String,
    /// The domain judged.
    pub(super) domain: Option<String>,
    /// The domain in whose record the term stands that decided; null if none did.
    pub(super) matched_domain: Option<String>,
    /// That term, printable.
    pub(super) matched_term: Option<String>,
    /// The domain owner's words for a fail.
    pub(super) explanation: Option<String>,
    /// How many terms looked something up.
    pub(super) lookups: u8,
}

impl<'a> SpfJson<'a> {
    pub(super) fn new(look: &'a Look, check: Option<CheckJson>) -> Self {
        Self {
            record: RecordJson::new(look.domain.as_ref(), look.text.as_ref(), look.missing.as_deref()),
            lookups: look.tree.as_ref().map(LookupsJson::new),
            terms: look.tree.as_ref().map(|tree| terms(&tree.root, false)).unwrap_or_default(),
            check,
        }
    }
}

impl LookupsJson {
    fn new(tree: &Tree) -> Self {
        Self { count: tree.lookups, max: tree.max_lookups, at_least: tree.has_unknown }
    }
}

fn terms(node: &spf::Node, included: bool) -> Vec<TermJson> {
    let NodeFound::Record(_, branches) = &node.found else { return Vec::new() };
    let term = |branch: &spf::Branch| {
        let within = included || matches!(branch.term, spf::Term::Directive(_));
        let below = match &branch.target {
            Target::Record(node) => Some(node),
            Target::None | Target::Unknown | Target::Missing(_) | Target::Ignored => None,
        };
        TermJson {
            term: branch.term.to_string(),
            meaning: meaning(&branch.term, &node.domain, included),
            lookups: branch.lookups,
            domain: below.map(|node| node.domain.to_string()),
            terms: below.map(|node| terms(node, within)).unwrap_or_default(),
        }
    };
    branches.iter().map(term).collect()
}
