//! The JSON forms of an ARC chain, and of a set that was added.

use arc::{Check, Decision, Holds, Hop, NewSet};
use serde::Serialize;

use super::seal::Unsealed;

/// The ARC chain of a message.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::command) struct ArcJson {
    /// none, pass or fail.
    result: &'static str,
    /// Why.
    reason: String,
    /// A stable name for the reason.
    code: &'static str,
    /// Whether it fails only because an answer is missing that may come later.
    temporary: bool,
    /// The number of the oldest set whose message signature holds, 0 for all; null unless the chain passes.
    oldest_pass: Option<u8>,
    /// The sets, the oldest first; empty where the chain's form is not right. Nothing of them is proved unless it passes.
    sets: Vec<SetJson>,
    /// Where DMARC fails: whether a local policy may act as if it had passed. Null where that is no question.
    #[serde(skip_serializing_if = "Option::is_none")]
    local_override: Option<OverrideJson>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct SetJson {
    /// i=
    instance: u8,
    /// The domain that sealed it, d= of ARC-Seal.
    sealer: String,
    /// s= of ARC-Seal.
    selector: String,
    /// The domain that signed the message, d= of ARC-Message-Signature; null if that can't be read.
    signer: Option<String>,
    /// Whether the message is as that domain passed it on; null where nobody looked.
    message_holds: Option<bool>,
    /// What the handler says that it saw, printable; null if it can't be read.
    results: Option<String>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct OverrideJson {
    /// Whether it may.
    allowed: bool,
    /// A stable name for the reason: `trusted-sealer`, or why not.
    code: &'static str,
    /// Why.
    reason: String,
}

impl ArcJson {
    pub(in crate::command) fn new(check: &Check, decision: Option<&Decision>) -> Self {
        Self {
            result: check.outcome().as_str(),
            reason: check.reason().to_string(),
            code: check.reason().code(),
            temporary: check.reason().is_temporary(),
            oldest_pass: check.oldest_pass(),
            sets: check.hops().iter().map(SetJson::new).collect(),
            local_override: decision.map(OverrideJson::new),
        }
    }
}

impl SetJson {
    fn new(hop: &Hop) -> Self {
        Self {
            instance: hop.instance.number(),
            sealer: hop.sealer.domain.to_string(),
            selector: hop.sealer.selector.to_string(),
            signer: hop.message.as_ref().map(|message| message.by.domain.to_string()),
            message_holds: match hop.holds {
                Holds::Yes { .. } => Some(true),
                Holds::No(_) => Some(false),
                Holds::NotChecked => None,
            },
            results: hop.results.as_ref().ok().map(|results| {
                let words = results.value().replace("\r\n", "");
                mail::printable(words.trim().as_bytes())
            }),
        }
    }
}

impl OverrideJson {
    fn new(decision: &Decision) -> Self {
        match decision {
            Decision::Override(grounds) => {
                Self { allowed: true, code: "trusted-sealer", reason: grounds.to_string() }
            }
            Decision::Keep(refusal) => {
                Self { allowed: false, code: refusal.code(), reason: refusal.to_string() }
            }
        }
    }
}

/// `mailward arc seal`.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::command) struct SealJson {
    /// Whether the message was sealed.
    sealed: bool,
    /// Why not; null if it was.
    reason: Option<String>,
    /// The fields that were put on top, in that order, one above the other; empty if it was not sealed.
    fields: Vec<FieldJson>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct FieldJson {
    name: &'static str,
    /// What follows the colon and one space, folds and all.
    value: String,
}

impl SealJson {
    pub(super) fn new(sealed: &Result<NewSet, Unsealed>) -> Self {
        let fields = sealed.iter().flat_map(NewSet::fields);
        Self {
            sealed: sealed.is_ok(),
            reason: sealed.as_ref().err().map(ToString::to_string),
            fields: fields.map(|(name, value)| FieldJson { name, value: value.to_owned() }).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ArcJson, SealJson};

    /// Everything that `mailward arc` prints with --json.
    #[derive(schemars::JsonSchema)]
    #[serde(untagged)]
    #[expect(dead_code, reason = "only its schema is wanted")]
    enum Arc {
        Verify(ArcJson),
        Seal(SealJson),
    }

    /// The schema that the documentation shows is the one of the structs. `UPDATE_DOCS=1` writes it.
    #[test]
    fn the_schema_in_the_documentation_is_this_one() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/arc.schema.json");
        let schema = serde_json::to_string_pretty(&schemars::schema_for!(Arc)).unwrap() + "\n";
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(path, &schema).unwrap();
        }
        let written = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            written == schema,
            "docs/arc.schema.json is not up to date: run the tests with UPDATE_DOCS=1"
        );
    }
}
