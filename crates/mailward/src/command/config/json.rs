//! The JSON form of a configuration that was looked at.

use serde::Serialize;
use verdict::outbound::Rule;

use super::{Look, canonicalization, place};
use crate::command::keys::{FaultJson, KeyJson};
use crate::show::Finding;

/// `mailward config check`.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::command) struct ConfigJson<'a> {
    /// The file; null if there is none, so that everything is as it is by default.
    file: Option<String>,
    /// Whether it has no mistake.
    valid: bool,
    /// The mistakes in it.
    mistakes: Vec<MistakeJson<'a>>,
    /// The rules, in their order.
    rules: Vec<RuleJson>,
    /// The signing domains that no rule speaks of, whose keys sign their own mail.
    own_mail: Vec<String>,
    /// The keys.
    keys: Vec<KeyJson>,
    /// What was left out of the directory of keys, and why.
    faults: Vec<FaultJson>,
}

/// A mistake and its place.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct MistakeJson<'a> {
    /// The line, from 1.
    line: usize,
    /// The character in the line, from 1.
    column: usize,
    #[serde(flatten)]
    finding: Finding<'a>,
}

/// A rule.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct RuleJson {
    /// What it is called in explanations.
    name: String,
    /// The author domains that it is for.
    from: Vec<String>,
    /// The signing domain; null for the author domain.
    domain: Option<String>,
    /// The selectors that it names; empty for all.
    selectors: Vec<String>,
    /// Only for clients of these networks; empty for all.
    networks: Vec<String>,
    /// Only for these users; empty for all.
    users: Vec<String>,
    /// Only on these listeners; empty for all.
    listeners: Vec<String>,
    /// c=
    canonicalization: String,
}

impl<'a> ConfigJson<'a> {
    pub(super) fn new(look: &'a Look) -> Self {
        let mistake = |finding: &'a mail::Finding| {
            let (line, column) = place(&look.source, finding);
            MistakeJson { line, column, finding: finding.into() }
        };
        Self {
            file: look.source.path.as_ref().map(|_| look.source.name()),
            valid: look.source.is_valid(),
            mistakes: look.source.findings.iter().map(mistake).collect(),
            rules: look.table.rules().iter().map(RuleJson::new).collect(),
            own_mail: look.table.free().map(ToString::to_string).collect(),
            keys: look.ring.keys.iter().map(Into::into).collect(),
            faults: look.ring.errors.iter().map(Into::into).collect(),
        }
    }
}

impl RuleJson {
    fn new(rule: &Rule) -> Self {
        Self {
            name: rule.name.to_string(),
            from: rule.authors.iter().map(ToString::to_string).collect(),
            domain: rule.domain.as_ref().map(ToString::to_string),
            selectors: rule.selectors.iter().map(ToString::to_string).collect(),
            networks: rule.networks.iter().map(ToString::to_string).collect(),
            users: rule.users.iter().map(ToString::to_string).collect(),
            listeners: rule.listeners.clone(),
            canonicalization: canonicalization(rule.options.header_canon, rule.options.body_canon),
        }
    }
}
