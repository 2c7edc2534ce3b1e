//! What a DMARC record asks for, in words.

use dmarc::{Discovery, Mode, Policy, Psd, Record, Relation, ReportUri, Step, Testing};

/// The walk in sentences: what was asked, which record applies, which domain is the organization's.
pub(super) fn walk(discovery: &Discovery) -> Vec<String> {
    let author = discovery.author();
    let mut steps: Vec<Step> = discovery.places().iter().cloned().map(Step::Asked).collect();
    if let dmarc::PolicyRecord::Applies(applies) = discovery.policy() {
        steps.push(Step::Selected { author: author.clone(), applies: applies.clone() });
    }
    let organization = discovery.organization(author);
    steps.push(Step::Organized { domain: author.clone(), organization });
    steps.iter().map(ToString::to_string).collect()
}

/// What is asked for, in words, and the tag that says so.
pub(super) fn policy(record: &Record, relation: Relation) -> (String, String) {
    let Some((policy, tag)) = record.policy_for(relation) else {
        return ("nothing: the record is ignored".to_owned(), "no usable policy".to_owned());
    };
    let by = tag.map_or_else(
        || "counts as p=none: no usable policy, but a report address".to_owned(),
        |tag| format!("{}={policy}", tag.as_str()),
    );
    match record.testing() {
        Testing::On if policy != Policy::None => {
            (in_words(policy.while_testing()), format!("{by}, one level less while testing (t=y)"))
        }
        Testing::On | Testing::Off => (in_words(policy), by),
    }
}

fn in_words(policy: Policy) -> String {
    match policy {
        Policy::None => "nothing (only reports)",
        Policy::Quarantine => "treat as suspicious what fails",
        Policy::Reject => "refuse what fails",
    }
    .to_owned()
}

/// Everything else that the record says.
pub(super) fn facts(record: &Record) -> Vec<(&'static str, String)> {
    let mut facts = vec![
        ("DKIM alignment", alignment(record.adkim())),
        ("SPF alignment", alignment(record.aspf())),
        ("aggregate reports", places(record.rua(), "nobody asks for them (no rua)")),
    ];
    if !record.ruf().is_empty() {
        facts.push(("failure reports", places(record.ruf(), "")));
    }
    match record.psd() {
        Psd::Yes => {
            facts.push(("public suffix", "psd=y: each name right below is an organization".to_owned()))
        }
        Psd::No => facts.push(("public suffix", "psd=n: this is the domain of an organization".to_owned())),
        Psd::Unsaid => {}
    }
    facts
}

fn alignment(mode: Mode) -> String {
    match mode {
        Mode::Relaxed => "relaxed: the same organization is enough".to_owned(),
        Mode::Strict => "strict: the very same domain".to_owned(),
    }
}

fn places(uris: &[ReportUri], nobody: &str) -> String {
    if uris.is_empty() {
        return nobody.to_owned();
    }
    uris.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
