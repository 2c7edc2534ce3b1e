//! What is allowed in a record and yet rarely meant.

use mail::{Domain, Finding, Severity, Span};

use crate::record::{Policies, Record};
use crate::slots::{Key, Slots};
use crate::values::{Policy, Testing};

/// Adds what the tags of a valid record say when read together.
pub(crate) fn record(record: &Record, slots: &mut Slots<'_>) {
    policies(record, slots);
    reports(record, slots);
    if record.testing() == Testing::On && asks_for_nothing(record) {
        note(
            slots,
            "dmarc-test-of-none",
            Severity::Note,
            Key::T,
            "t=y changes nothing where the policy is none",
        );
    }
}

fn policies(record: &Record, slots: &mut Slots<'_>) {
    let (p, sp, np) = match record.policies() {
        Policies::Stated { p, sp, np } => (p, sp, np),
        Policies::MonitoringOnly => {
            let message = "no usable policy, so it counts as p=none: there is a report address";
            return whole(slots, "dmarc-counts-as-none", Severity::Warning, message);
        }
        Policies::Unusable => {
            let message = "no usable policy and no valid rua, so receivers ignore DMARC for this domain";
            return whole(slots, "dmarc-unusable", Severity::Error, message);
        }
    };
    match sp {
        Some(sp) if sp > p => {
            let message =
                "sp is stricter than p, which is unusual: subdomains better protected than the domain";
            note(slots, "dmarc-sp-stricter", Severity::Warning, Key::Sp, message);
        }
        Some(sp) if sp < p => {
            let message = "sp is weaker than p: who can't forge the domain forges a subdomain";
            note(slots, "dmarc-sp-weaker", Severity::Warning, Key::Sp, message);
        }
        _ => {}
    }
    if np.is_some_and(|np| np < sp.unwrap_or(p)) {
        let message = "np is weaker than the policy for subdomains that exist: anybody can make up a name";
        note(slots, "dmarc-np-weaker", Severity::Warning, Key::Np, message);
    }
}

fn reports(record: &Record, slots: &mut Slots<'_>) {
    if matches!(record.policies(), Policies::Stated { .. }) && record.rua().is_empty() {
        let message = if asks_for_nothing(record) {
            "policy none without a valid rua: nothing is asked for and nothing is reported"
        } else {
            "no valid rua: nobody will tell what this policy does"
        };
        note(slots, "dmarc-no-reports", Severity::Warning, Key::P, message);
    }
    if slots.once(Key::Fo).is_some() && record.ruf().is_empty() {
        // RFC 9989 §4.7 `fo`: ignored without ruf.
        note(slots, "dmarc-fo-without-ruf", Severity::Note, Key::Fo, "fo is ignored without a valid ruf");
    }
}

fn asks_for_nothing(record: &Record) -> bool {
    match record.policies() {
        Policies::Stated { p, sp, np } => [Some(p), sp, np].into_iter().flatten().all(|p| p == Policy::None),
        Policies::MonitoringOnly | Policies::Unusable => true,
    }
}

fn note(slots: &mut Slots<'_>, code: &'static str, severity: Severity, key: Key, message: &str) {
    let span = slots.once(key).map_or(Span::new(0, 0), |tag| tag.span());
    slots.findings.push(Finding::new(code, severity, span, message));
}

fn whole(slots: &mut Slots<'_>, code: &'static str, severity: Severity, message: &str) {
    let span = slots.once(Key::P).map_or(Span::new(0, "v=DMARC1".len()), |tag| tag.span());
    slots.findings.push(Finding::new(code, severity, span, message));
}

/// Whether a DMARC record of `length` bytes stands where receivers look: a finding if `owner` does not begin with
/// `_dmarc` (RFC 9989 §4.5) and is no authorisation for reports (`NAME._report._dmarc.NAME`).
pub fn misplaced(owner: &Domain, length: usize) -> Option<Finding> {
    let mut labels = owner.labels();
    let right = labels.next() == Some("_dmarc") || labels.any(|label| label == "_report");
    let message = format!("a DMARC record at {owner} is at the wrong name: nobody asks for it there");
    let finding = Finding::new("dmarc-wrong-name", Severity::Error, Span::new(0, length), message);
    (!right).then(|| finding.with_help(format!("publish it at _dmarc.{owner}")))
}
