//! The columns that hold more than one thing: JSON lists with short names, and the policy as the text of a record.

use dkim::Selector;
use mail::Domain;
use serde::{Deserialize, Serialize};

use super::super::words::{Word, read};
use super::super::{
    DkimResult, MAX_DKIM_RESULTS, MAX_OVERRIDES, MessageRow, Note, Override, PublishedPolicy, SpfResult,
    SpfScope,
};

#[derive(Serialize, Deserialize)]
struct Spf<'a> {
    scope: &'a str,
    domain: &'a str,
    result: &'a str,
}

#[derive(Serialize, Deserialize)]
struct Dkim<'a> {
    domain: &'a str,
    selector: &'a str,
    result: &'a str,
    // Owned: a backslash in it is escaped in JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    human: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Reason<'a> {
    r#type: &'a str,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
}

/// Strings and lists of them: nothing that JSON can't say.
fn json<T: Serialize>(list: &[T]) -> String {
    serde_json::to_string(list).unwrap_or_else(|_| "[]".to_owned())
}

fn note(text: Option<&Note>) -> Option<String> {
    text.map(|note| note.as_str().to_owned())
}

/// `None` outside: the text is no note.
fn read_note(text: Option<String>) -> Option<Option<Note>> {
    text.map_or(Some(None), |text| Note::stored(&text).map(Some))
}

pub(super) fn write_spf(row: &MessageRow) -> String {
    let both = [(SpfScope::MailFrom, &row.spf_mail_from), (SpfScope::Helo, &row.spf_helo)];
    let results = both.iter().filter_map(|(scope, result)| {
        let result = result.as_ref()?;
        Some(Spf { scope: scope.as_str(), domain: result.domain.as_str(), result: result.outcome.as_str() })
    });
    json(&results.collect::<Vec<_>>())
}

pub(super) fn read_spf(text: &str) -> Option<(Option<SpfResult>, Option<SpfResult>)> {
    let (mut mail_from, mut helo) = (None, None);
    for spf in serde_json::from_str::<Vec<Spf<'_>>>(text).ok()? {
        let result = SpfResult { domain: Domain::parse(spf.domain).ok()?, outcome: read(spf.result)? };
        match read(spf.scope)? {
            SpfScope::MailFrom => mail_from = Some(result),
            SpfScope::Helo => helo = Some(result),
        }
    }
    Some((mail_from, helo))
}

pub(super) fn write_dkim(results: &[DkimResult]) -> String {
    let results = results.iter().take(MAX_DKIM_RESULTS).map(|result| Dkim {
        domain: result.domain.as_str(),
        selector: result.selector.as_str(),
        result: result.outcome.as_str(),
        human: note(result.human.as_ref()),
    });
    json(&results.collect::<Vec<_>>())
}

pub(super) fn read_dkim(text: &str) -> Option<Vec<DkimResult>> {
    let results = serde_json::from_str::<Vec<Dkim<'_>>>(text).ok()?;
    let result = |dkim: Dkim<'_>| {
        Some(DkimResult {
            domain: Domain::parse(dkim.domain).ok()?,
            selector: Selector::parse(dkim.selector).ok()?,
            outcome: read(dkim.result)?,
            human: read_note(dkim.human)?,
        })
    };
    results.into_iter().map(result).collect()
}

pub(super) fn write_overrides(overrides: &[Override]) -> String {
    let reasons = overrides.iter().take(MAX_OVERRIDES);
    let reasons =
        reasons.map(|reason| Reason { r#type: reason.kind.as_str(), comment: note(reason.comment.as_ref()) });
    json(&reasons.collect::<Vec<_>>())
}

pub(super) fn read_overrides(text: &str) -> Option<Vec<Override>> {
    let reasons = serde_json::from_str::<Vec<Reason<'_>>>(text).ok()?;
    let reason = |reason: Reason<'_>| {
        Some(Override { kind: read(reason.r#type)?, comment: read_note(reason.comment)? })
    };
    reasons.into_iter().map(reason).collect()
}

/// `treewalk v=DMARC1; p=reject; sp=none; np=reject; t=y; adkim=s; aspf=r; fo=1`: the same policy is the same text.
pub(super) fn write_policy(policy: &PublishedPolicy) -> String {
    let mut text = format!("{} v=DMARC1; p={}", policy.method.word(), policy.p);
    for (tag, value) in [("sp", policy.sp), ("np", policy.np)] {
        if let Some(value) = value {
            text.push_str(&format!("; {tag}={value}"));
        }
    }
    let (testing, adkim, aspf) = (policy.testing.letter(), policy.adkim.letter(), policy.aspf.letter());
    text + &format!("; t={testing}; adkim={adkim}; aspf={aspf}; fo={}", policy.failure_options)
}

pub(super) fn read_policy(domain: Domain, text: &str) -> Option<PublishedPolicy> {
    let (method, record) = text.split_once(' ')?;
    let record = dmarc::Record::parse(record.as_bytes()).value?;
    PublishedPolicy::of(domain, read(method)?, &record)
}
