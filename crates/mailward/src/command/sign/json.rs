//! The JSON form of what is said about a message that was to be signed.

use mail::Explain;
use serde::Serialize;

use super::report::Report;
use crate::command::keys::FaultJson;

/// `mailward sign`, on standard error.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::command) struct SignJson {
    /// The signatures that the message went out with; empty if it went out without, or not at all.
    signatures: Vec<SignatureJson>,
    /// Why it was not signed, in clauses; empty if it was.
    not_signed: Vec<String>,
    /// Why it did not go out; null if it did.
    error: Option<FaultJson>,
    /// What will break the signatures on the way, and what helps, in sentences.
    risks: Vec<String>,
    /// Whether the signatures just made verify; null if that was not looked at.
    self_check: Option<bool>,
    /// How it was decided who signs; empty where keys were named.
    steps: Vec<StepJson>,
    /// The keys that can't be used, and other faults of the disk.
    faults: Vec<FaultJson>,
}

/// A signature.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct SignatureJson {
    /// d=
    domain: String,
    /// s=
    selector: String,
    /// a=
    algorithm: &'static str,
}

/// A step of the decision.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct StepJson {
    /// The rule that was followed.
    section: &'static str,
    /// What was seen or decided, in a clause.
    text: String,
}

impl SignJson {
    pub(super) fn new(report: &Report) -> Self {
        let signature = |(domain, selector, algorithm): &(String, String, &'static str)| SignatureJson {
            domain: domain.clone(),
            selector: selector.clone(),
            algorithm,
        };
        let made = if report.signed.is_empty() { &[] } else { report.made.as_slice() };
        Self {
            signatures: made.iter().map(signature).collect(),
            not_signed: report.not_signed.clone(),
            error: report.error.as_ref().map(Into::into),
            risks: report.risks.iter().map(ToString::to_string).collect(),
            self_check: report.self_check.as_ref().map(Result::is_ok),
            steps: report
                .steps
                .iter()
                .map(|step| StepJson { section: step.section().0, text: step.to_string() })
                .collect(),
            faults: report.faults.iter().map(Into::into).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::SignJson;
    use crate::command::config::ConfigJson;
    use crate::command::keys::{CheckJson, ListJson, NewJson};

    /// Everything that the commands about signing print with --json.
    #[derive(schemars::JsonSchema)]
    #[serde(untagged)]
    #[expect(dead_code, reason = "only its schema is wanted")]
    enum Signing {
        Sign(SignJson),
        New(NewJson),
        List(ListJson),
        Check(CheckJson),
        Config(ConfigJson<'static>),
    }

    /// The schema that the documentation shows is the one of the structs. `UPDATE_DOCS=1` writes it.
    #[test]
    fn the_schema_in_the_documentation_is_this_one() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/signing.schema.json");
        let schema = serde_json::to_string_pretty(&schemars::schema_for!(Signing)).unwrap() + "\n";
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(path, &schema).unwrap();
        }
        let written = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            written == schema,
            "docs/signing.schema.json is not up to date: run the tests with UPDATE_DOCS=1"
        );
    }
}
