//! What is allowed in a record and still worth saying.

use std::collections::HashSet;

use mail::{Finding, Severity, Span};

use super::{Directive, Mechanism, Modifier, ModifierKind, Qualifier, Record, Term, suggest};
use crate::limits::MAX_LOOKUPS;
use crate::macros::{DomainSpec, Letter};

/// Longest string in a TXT record, in bytes (RFC 1035 §3.3).
const MAX_STRING: usize = 255;
/// RFC 7208 §3.4: records above this size may not get through everywhere, in bytes.
const LARGE: usize = 512;

fn warning(code: &'static str, span: Span, message: impl Into<String>) -> Finding {
    Finding::new(code, Severity::Warning, span, message)
}

/// Everything worth saying. In a broken record nothing is said to be missing.
pub(super) fn record(record: &Record, text: &[u8], broken: bool, findings: &mut Vec<Finding>) {
    for term in &record.terms {
        match term {
            Term::Directive(directive) => mechanism(directive, findings),
            Term::Modifier(found) => modifier(found, findings),
        }
    }
    after_all(record, findings);
    repeated(record, findings);
    lookups(record, findings);
    size(text, findings);
    if !broken && !record.has_all() && record.redirect().is_none() {
        let message = "the record ends without \"all\" or \"redirect\": everybody else is neutral";
        let help = "end it with \"~all\" or \"-all\"";
        findings.push(warning("spf-no-all", Span::new(text.len(), text.len()), message).with_help(help));
    }
}

fn mechanism(directive: &Directive, findings: &mut Vec<Finding>) {
    let span = directive.span;
    match (&directive.mechanism, directive.qualifier) {
        (Mechanism::All, Qualifier::Pass) => {
            let message = "everybody in the world passes";
            findings
                .push(warning("spf-pass-all", span, message).with_help("\"~all\" or \"-all\" was meant?"));
        }
        (Mechanism::All, Qualifier::Neutral) => {
            findings.push(warning("spf-neutral-all", span, "nothing is said about everybody else"));
        }
        (Mechanism::Ptr(_), _) => {
            let message = "\"ptr\" is slow and unreliable, and should not be used (RFC 7208 \u{a7}5.5)";
            findings.push(warning("spf-ptr", span, message));
        }
        (Mechanism::Ip4(network, Some(prefix)), _) => {
            host_bits(u128::from(network.to_bits()), 32, *prefix, span, findings);
        }
        (Mechanism::Ip6(network, prefix), _) => ip6(network, *prefix, span, findings),
        _ => {}
    }
    if widest(&directive.mechanism) == Some(0) {
        let message = "a prefix length of 0 takes in every address there is";
        findings.push(warning("spf-whole-internet", span, message));
    }
    validated_name(directive.mechanism.target(), span, findings);
}

/// The shortest prefix length that a mechanism gives.
fn widest(mechanism: &Mechanism) -> Option<u8> {
    match mechanism {
        Mechanism::Ip4(_, prefix) | Mechanism::Ip6(_, prefix) => *prefix,
        Mechanism::A(_, cidr) | Mechanism::Mx(_, cidr) => cidr.ip4.into_iter().chain(cidr.ip6).min(),
        Mechanism::All | Mechanism::Include(_) | Mechanism::Ptr(_) | Mechanism::Exists(_) => None,
    }
}

fn ip6(network: &std::net::Ipv6Addr, prefix: Option<u8>, span: Span, findings: &mut Vec<Finding>) {
    if let Some(ip4) = network.to_ipv4_mapped() {
        // RFC 7208 §5: such clients count as IPv4, so this never matches.
        let message = "no client has an IPv4-mapped address: it is taken as IPv4";
        findings.push(warning("spf-mapped-address", span, message).with_help(format!("write \"ip4:{ip4}\"")));
    }
    if let Some(prefix) = prefix {
        host_bits(network.to_bits(), 128, prefix, span, findings);
    }
}

fn host_bits(network: u128, bits: u32, prefix: u8, span: Span, findings: &mut Vec<Finding>) {
    let host = bits.saturating_sub(u32::from(prefix));
    let mask = 1u128.checked_shl(host).map_or(u128::MAX, |bit| bit - 1);
    if prefix > 0 && network & mask != 0 {
        let message = format!("the address has bits set beyond its first {prefix}, which are ignored");
        findings.push(Finding::new("spf-host-bits", Severity::Note, span, message));
    }
}

fn validated_name(spec: Option<&DomainSpec>, span: Span, findings: &mut Vec<Finding>) {
    if spec.is_some_and(|s| s.text().uses(Letter::Validated)) {
        let message = "\"%{p}\" is slow and unreliable, and should not be used (RFC 7208 \u{a7}7.2)";
        findings.push(warning("spf-p-macro", span, message));
    }
}

fn modifier(modifier: &Modifier, findings: &mut Vec<Finding>) {
    match &modifier.kind {
        ModifierKind::Redirect(spec) | ModifierKind::Exp(spec) => {
            validated_name(Some(spec), modifier.span, findings);
        }
        ModifierKind::Unknown(name, _) if is_report_modifier(name) => {
            let message = format!("\"{name}\" asks for reports of failures (RFC 6652); a check ignores it");
            findings.push(Finding::new("spf-report-modifier", Severity::Note, modifier.span, message));
        }
        ModifierKind::Unknown(name, _) => {
            let (severity, help) = match suggest::modifier(name) {
                Some(help) => (Severity::Warning, Some(help)),
                None => (Severity::Note, None),
            };
            let message = format!("\"{name}\" is no modifier of SPF, so it is ignored");
            let mut finding = Finding::new("spf-unknown-modifier", severity, modifier.span, message);
            finding.help = help;
            findings.push(finding);
        }
    }
}

/// RFC 6652 §3.
fn is_report_modifier(name: &str) -> bool {
    ["ra", "rp", "rr"].iter().any(|known| name.eq_ignore_ascii_case(known))
}

/// RFC 7208 §5.1: `all` ends the record, and a redirect beside it does not count.
fn after_all(record: &Record, findings: &mut Vec<Finding>) {
    let mut ended = false;
    for term in &record.terms {
        match term {
            Term::Directive(directive) if ended => {
                let message = "never reached: \"all\" stands in front of it";
                findings.push(warning("spf-after-all", directive.span, message));
            }
            Term::Directive(directive) => ended = directive.mechanism == Mechanism::All,
            Term::Modifier(_) => {}
        }
    }
    let ignored = record.modifiers().find(|m| ended && matches!(m.kind, ModifierKind::Redirect(_)));
    if let Some(redirect) = ignored {
        let message = "ignored: the record has an \"all\"";
        findings.push(warning("spf-redirect-ignored", redirect.span, message));
    }
}

fn repeated(record: &Record, findings: &mut Vec<Finding>) {
    let mut seen = HashSet::new();
    for directive in record.directives() {
        if !seen.insert(directive.mechanism.to_string().to_ascii_lowercase()) {
            let message = "stands in the record already; the first one decides";
            findings.push(warning("spf-duplicate", directive.span, message));
        }
    }
}

/// RFC 7208 §4.6.4: what this record costs if nothing in it matches, not counting the records that it refers to.
fn lookups(record: &Record, findings: &mut Vec<Finding>) {
    let mut count = 0u32;
    let all = record.has_all();
    for term in &record.terms {
        count += if all && matches!(term, Term::Modifier(_)) { 0 } else { term.lookups() };
        if count > u32::from(MAX_LOOKUPS) {
            let message = format!(
                "from here on more than {MAX_LOOKUPS} terms look something up: a permerror for most clients"
            );
            findings.push(warning("spf-too-many-lookups", term.span(), message));
            return;
        }
        if matches!(term, Term::Directive(Directive { mechanism: Mechanism::All, .. })) {
            return;
        }
    }
}

fn size(text: &[u8], findings: &mut Vec<Finding>) {
    if text.len() > LARGE {
        let message =
            format!("the record has {} bytes; above {LARGE} some receivers may not get it", text.len());
        findings.push(warning("spf-large", Span::new(LARGE, text.len()), message));
    } else if text.len() > MAX_STRING {
        let message =
            format!("in a zone, a record of {} bytes has to be cut into strings of at most 255", text.len());
        let span = Span::new(MAX_STRING, text.len());
        findings.push(Finding::new("spf-long-string", Severity::Note, span, message));
    }
}
