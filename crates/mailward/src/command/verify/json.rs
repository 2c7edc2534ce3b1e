//! What `verify --json` prints: one object a line, by `docs/verify.schema.json`, which is made from these structs.
//! Fields may be added; none is renamed or taken away.

use mail::{Explain, Quote};
use serde::Serialize;
use verdict::{Part, Verdict};

use crate::command::arc::ArcJson;

/// One message.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct MessageJson<'a> {
    /// The file; with `:N` behind it the Nth message of an mbox; `-` for standard input.
    file: &'a str,
    spf: SpfJson,
    /// One entry a DKIM-Signature field, from the top of the header; empty if there is none.
    dkim: Vec<DkimJson>,
    dmarc: DmarcJson,
    arc: ArcJson,
    /// What that means, in plain words.
    summary: String,
    /// Whether every recipient stands in To or Cc; null where that is not known.
    recipients_named: Option<bool>,
    /// The Authentication-Results field to put on top, without folds: what stands behind the colon.
    authentication_results: String,
    /// The fields of the message that pretend to be ours, in the order in which to remove them.
    remove: Vec<RemoveJson>,
    /// What led to the verdict; only with --explain.
    #[serde(skip_serializing_if = "Option::is_none")]
    steps: Option<Vec<StepJson>>,
}

/// SPF, for each identity.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct SpfJson {
    /// The MAIL FROM identity, or for the null sender HELO in its place.
    mailfrom: IdentityJson,
    /// The HELO identity.
    helo: IdentityJson,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct IdentityJson {
    /// none, neutral, pass, fail, softfail, temperror or permerror.
    result: &'static str,
    /// The domain that was judged.
    domain: Option<String>,
    /// Why.
    reason: String,
    /// The prefix length of the network that matched, 0 for everybody; null where none did.
    scope_bits: Option<u8>,
    /// Whether the client was let through, or not judged, like everybody else: `+all`, `?all`.
    permissive: bool,
    /// The domain owner's words for a fail (exp=), printable. They come from a stranger.
    explanation: Option<String>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct DkimJson {
    /// pass, fail, policy, neutral, temperror or permerror.
    result: &'static str,
    /// Why; all that speaks against it.
    reason: String,
    /// The signing domain, d=.
    domain: Option<String>,
    /// The selector, s=.
    selector: Option<String>,
    /// a=
    algorithm: Option<&'static str>,
    /// How many seconds ago it was made, by t=.
    age: Option<u64>,
    /// What else is worth knowing: `testing`, `weak-key`, `unsigned-duplicate:subject`, `unsigned:date`.
    flags: Vec<String>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct DmarcJson {
    /// none, pass, fail, temperror or permerror.
    result: &'static str,
    /// Why.
    reason: String,
    /// The one domain in From; null if there is none.
    author_domain: Option<String>,
    /// The domain whose record applies.
    policy_domain: Option<String>,
    /// What that record says for the author domain: none, quarantine or reject.
    policy: Option<&'static str>,
    /// What the domain asks the receiver to do with this message: none, quarantine or reject.
    disposition: Option<&'static str>,
    /// What made it pass: spf, dkim or both.
    aligned_by: Option<&'static str>,
    /// What in From looks like deception and changes nothing.
    notes: Vec<String>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct RemoveJson {
    /// The name of the field as it stands there, printable.
    name: String,
    /// Its place among the fields of this name, from 1.
    ordinal: usize,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct StepJson {
    /// spf.mailfrom, spf.helo, dkim, arc or dmarc.
    part: &'static str,
    /// For dkim, the index in `dkim`.
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<usize>,
    /// The rule that was followed.
    section: &'static str,
    /// What was done, in a sentence.
    text: String,
    /// What was looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    quote: Option<QuoteJson>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct QuoteJson {
    /// Where the text stands.
    source: String,
    /// The text, printable: bytes other than visible ASCII as \xNN.
    text: String,
    /// The part of it that matters, printable in the same way.
    part: String,
}

impl<'a> MessageJson<'a> {
    pub(super) fn new(file: &'a str, verdict: &Verdict, explain: bool) -> Self {
        let spf = verdict.spf();
        Self {
            file,
            spf: SpfJson {
                mailfrom: IdentityJson::new(spf.mail_from.as_ref()),
                helo: IdentityJson::new(spf.helo.as_ref()),
            },
            dkim: verdict.dkim().iter().map(|check| DkimJson::new(verdict, check)).collect(),
            dmarc: DmarcJson::new(verdict),
            arc: ArcJson::new(verdict.arc(), verdict.local_decision()),
            summary: verdict.summary(),
            recipients_named: verdict.recipients_named(),
            authentication_results: verdict
                .authentication_results()
                .value()
                .replace("\r\n", "")
                .trim()
                .to_owned(),
            remove: verdict
                .remove()
                .iter()
                .map(|claim| RemoveJson { name: mail::printable(&claim.name), ordinal: claim.ordinal })
                .collect(),
            steps: explain.then(|| verdict.steps().into_iter().map(StepJson::new).collect()),
        }
    }
}

impl IdentityJson {
    fn new(check: Option<&spf::Check>) -> Self {
        match check {
            Some(check) => Self {
                result: check.outcome().as_str(),
                domain: check.domain().map(ToString::to_string),
                reason: check.reason().to_string(),
                scope_bits: check.scope().and_then(spf::Scope::bits),
                permissive: check.is_permissive(),
                explanation: check.explanation().map(|words| mail::printable(words.text())),
            },
            None => Self {
                result: spf::Outcome::None.as_str(),
                domain: None,
                reason: super::output::NOT_CHECKED.to_owned(),
                scope_bits: None,
                permissive: false,
                explanation: None,
            },
        }
    }
}

impl DkimJson {
    fn new(verdict: &Verdict, check: &dkim::Check) -> Self {
        let flags = check.flags();
        let named =
            |flag: &str, names: &[&str]| names.iter().map(|n| format!("{flag}:{n}")).collect::<Vec<_>>();
        let mut all = Vec::new();
        all.extend(flags.testing.then(|| "testing".to_owned()));
        all.extend(flags.weak_key.then(|| "weak-key".to_owned()));
        all.extend(named(
            "unsigned-duplicate",
            &flags.unsigned_duplicate.as_deref().into_iter().collect::<Vec<_>>(),
        ));
        all.extend(named("unsigned", &flags.unsigned));
        Self {
            result: check.outcome().as_str(),
            reason: check.reasons().iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
            domain: check.domain().map(ToString::to_string),
            selector: check.selector().map(ToString::to_string),
            algorithm: check.algorithm().map(dkim::Algorithm::as_str),
            age: verdict.signature_age(check),
            flags: all,
        }
    }
}

impl DmarcJson {
    fn new(verdict: &Verdict) -> Self {
        let check = verdict.dmarc();
        let applied = check.applied();
        let author = match verdict.author() {
            Ok(author) => Some(author.domain()),
            Err(error) => error.domain(),
        };
        Self {
            result: check.outcome().as_str(),
            reason: check.reason().to_string(),
            author_domain: author.map(ToString::to_string),
            policy_domain: applied.map(|a| a.domain.to_string()),
            policy: applied.and_then(|a| a.policy).map(|(policy, _)| policy.as_str()),
            disposition: applied.map(|_| check.disposition().as_str()),
            aligned_by: check.aligned_by().map(dmarc::AlignedBy::as_str),
            notes: verdict
                .author()
                .map(|author| author.notes().iter().map(ToString::to_string).collect())
                .unwrap_or_default(),
        }
    }
}

impl StepJson {
    fn new((part, step): (Part, &dyn Explain)) -> Self {
        let (part, index) = match part {
            Part::SpfMailFrom => ("spf.mailfrom", None),
            Part::SpfHelo => ("spf.helo", None),
            Part::Dkim(index) => ("dkim", Some(index)),
            Part::Arc => ("arc", None),
            Part::Dmarc => ("dmarc", None),
        };
        Self {
            part,
            index,
            section: step.section().0,
            text: step.to_string(),
            quote: step.quote().as_ref().map(QuoteJson::new),
        }
    }
}

impl QuoteJson {
    fn new(quote: &Quote) -> Self {
        Self {
            source: quote.source.clone(),
            text: mail::printable(&quote.text),
            part: mail::printable(quote.text.get(quote.span.range()).unwrap_or_default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::MessageJson;

    /// The schema that the documentation shows is the one of the structs. `UPDATE_DOCS=1` writes it.
    #[test]
    fn the_schema_in_the_documentation_is_this_one() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/verify.schema.json");
        let schema =
            serde_json::to_string_pretty(&schemars::schema_for!(MessageJson<'static>)).unwrap() + "\n";
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(path, &schema).unwrap();
        }
        let written = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            written == schema,
            "docs/verify.schema.json is not up to date: run the tests with UPDATE_DOCS=1"
        );
    }
}
