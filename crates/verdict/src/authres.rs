//! The results as Authentication-Results says them (RFC 8601), in the order dkim, spf, dmarc, arc.

use mail::Author;
use mail::authres::RegisteredProperty as Property;
use mail::authres::{ArcWord, DkimWord, DmarcWord, MethodResult, SpfWord};

use crate::verdict::{Checks, Sent};

pub(crate) fn results(sent: &Sent, checks: &Checks) -> Vec<MethodResult> {
    let Checks { spf, author, dkim, arc, dmarc } = checks;
    let mut results: Vec<_> = dkim.iter().map(dkim_result).collect();
    if results.is_empty() {
        // RFC 8601 §2.7.1: none says that the message was not signed.
        results.push(MethodResult::dkim(DkimWord::None));
    }
    // RFC 7208 §2.4: for the null sender the two identities are one, and it is HELO's.
    let before = results.len();
    results.extend(
        spf.mail_from.iter().filter(|_| !sent.by_null).map(|c| spf_result(c, Property::SmtpMailfrom)),
    );
    results.extend(spf.helo.iter().map(|c| spf_result(c, Property::SmtpHelo)));
    if results.len() == before {
        let missing = if sent.client.is_none() { "client not known" } else { "sender not known" };
        results.push(MethodResult::spf(SpfWord::None).with_comment(missing));
    }
    results.push(dmarc_result(author.as_ref().ok(), dmarc));
    results.extend(arc_result(sent, arc));
    results
}

fn dkim_result(check: &dkim::Check) -> MethodResult {
    let word = match check.outcome() {
        dkim::Outcome::None => DkimWord::None,
        dkim::Outcome::Pass => DkimWord::Pass,
        dkim::Outcome::Fail => DkimWord::Fail,
        dkim::Outcome::Policy => DkimWord::Policy,
        dkim::Outcome::Neutral => DkimWord::Neutral,
        dkim::Outcome::TempError => DkimWord::TempError,
        dkim::Outcome::PermError => DkimWord::PermError,
    };
    let mut result = MethodResult::dkim(word);
    if word != DkimWord::Pass {
        result = result.with_reason(check.reason().to_string());
    }
    if let Some(domain) = check.domain() {
        result = result.with(Property::HeaderD, domain.as_str());
    }
    if let Some(identity) = check.identity() {
        result = result.with(Property::HeaderI, identity.to_string());
    }
    if let Some(selector) = check.selector() {
        result = result.with(Property::HeaderS, selector.as_str());
    }
    if let Some(algorithm) = check.algorithm() {
        result = result.with(Property::HeaderA, algorithm.as_str());
    }
    if let Some(prefix) = check.b_prefix() {
        result = result.with(Property::HeaderB, prefix);
    }
    result
}

fn spf_result(check: &spf::Check, property: Property) -> MethodResult {
    let word = match check.outcome() {
        spf::Outcome::None => SpfWord::None,
        spf::Outcome::Neutral => SpfWord::Neutral,
        spf::Outcome::Pass => SpfWord::Pass,
        spf::Outcome::Fail => SpfWord::Fail,
        spf::Outcome::SoftFail => SpfWord::SoftFail,
        spf::Outcome::TempError => SpfWord::TempError,
        spf::Outcome::PermError => SpfWord::PermError,
    };
    let mut result = MethodResult::spf(word);
    if word != SpfWord::Pass {
        result = result.with_reason(check.reason().to_string());
    }
    match check.domain() {
        Some(domain) => result.with(property, domain.as_str()),
        None => result,
    }
}

fn dmarc_result(author: Option<&Author>, check: &dmarc::Check) -> MethodResult {
    let word = match check.outcome() {
        dmarc::Outcome::None => DmarcWord::None,
        dmarc::Outcome::Pass => DmarcWord::Pass,
        dmarc::Outcome::Fail => DmarcWord::Fail,
        dmarc::Outcome::TempError => DmarcWord::TempError,
        dmarc::Outcome::PermError => DmarcWord::PermError,
    };
    let mut result = MethodResult::dmarc(word);
    if !matches!(word, DmarcWord::Pass | DmarcWord::None) {
        result = result.with_reason(check.reason().to_string());
    }
    if let Some(author) = author {
        result = result.with(Property::HeaderFrom, author.domain().as_str());
    }
    if check.applied().is_some() {
        // RFC 9989 §9.1: the policy that the domain asks to be applied.
        result = result.with(Property::PolicyDmarc, check.disposition().as_str());
    }
    result
}

/// RFC 8617 §6. A message without a chain has no result: `arc=none` would say no more than its absence.
fn arc_result(sent: &Sent, check: &arc::Check) -> Option<MethodResult> {
    let mut result = match check.outcome() {
        arc::Outcome::None => return None,
        arc::Outcome::Pass => MethodResult::arc(ArcWord::Pass),
        arc::Outcome::Fail => MethodResult::arc(ArcWord::Fail).with_reason(check.reason().to_string()),
    };
    if let Some(oldest) = check.oldest_pass() {
        result = result.with(Property::HeaderOldestPass, oldest.to_string());
    }
    if let Some(client) = sent.client {
        result = result.with(Property::SmtpRemoteIp, client.to_string());
    }
    Some(result)
}
