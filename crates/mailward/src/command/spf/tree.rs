//! The records that a record refers to: shown with their cost, and what is wrong among them.

use dns::{Failure, Name};
use mail::{Finding, Severity};
use spf::{Branch, Missing, ModifierKind, Node, NodeFound, Target, Term, Tree};

use super::words::meaning;
use crate::command::record::Page;

/// The code of the finding for more look-ups than a check makes; that of the record alone has the same.
pub(super) const TOO_MANY: &str = "spf-too-many-lookups";

/// The table of terms, each with what is behind it.
pub(super) fn show(page: &mut Page, tree: &Tree) {
    let mut rows = Vec::new();
    add(&mut rows, &tree.root, 0, false);
    page.table(["term", "look-ups", "what it means"], &rows);
    page.gap();
    let at_least = if tree.has_unknown { "at least " } else { "" };
    page.line(format_args!("DNS look-ups: {at_least}{} of {}.", tree.lookups, tree.max_lookups));
}

fn add(rows: &mut Vec<[String; 3]>, node: &Node, depth: usize, included: bool) {
    let NodeFound::Record(_, branches) = &node.found else { return };
    let indent = "  ".repeat(depth);
    for branch in branches {
        let means = match &branch.target {
            Target::Ignored => "never reached".to_owned(),
            _ => meaning(&branch.term, &node.domain, included),
        };
        rows.push([format!("{indent}{}", branch.term), branch.lookups.to_string(), means]);
        let within = included || !is_redirect(&branch.term);
        if let Some((_, problem)) = own_problem(branch) {
            rows.push([format!("{indent}  !"), String::new(), problem]);
        } else if let Target::Record(below) = &branch.target {
            add(rows, below, depth + 1, within);
        }
    }
}

fn is_redirect(term: &Term) -> bool {
    matches!(term, Term::Modifier(modifier) if matches!(modifier.kind, ModifierKind::Redirect(_)))
}

/// What is wrong behind the terms of the root's record, with spans in its text.
pub(super) fn findings(tree: &Tree) -> Vec<Finding> {
    let NodeFound::Record(_, branches) = &tree.root.found else { return Vec::new() };
    let mut findings = Vec::new();
    let mut count = 0u32;
    for branch in branches {
        let span = branch.term.span();
        if let Some((severity, message)) = problem(branch) {
            findings.push(Finding::new("spf-broken-reference", severity, span, message));
        }
        let before = count;
        count = count.saturating_add(branch.lookups);
        let max = u32::from(tree.max_lookups);
        if before <= max && count > max {
            let message = format!(
                "here the look-ups become more than {max} (all terms together need {}): a permerror for whoever \
                 did not match before",
                tree.lookups
            );
            let help = "replace includes by the addresses behind them, or drop what no longer sends";
            findings.push(Finding::new(TOO_MANY, Severity::Error, span, message).with_help(help));
        }
    }
    findings
}

/// The first thing wrong with what a term refers to, or behind that.
fn problem(branch: &Branch) -> Option<(Severity, String)> {
    own_problem(branch).or_else(|| {
        let Target::Record(node) = &branch.target else { return None };
        let NodeFound::Record(_, branches) = &node.found else { return None };
        let behind = |branch: &Branch| problem(branch).map(|found| (branch.term.to_string(), found));
        let (term, (severity, message)) = branches.iter().find_map(behind)?;
        Some((severity, format!("{term} in the record of {}: {message}", node.domain)))
    })
}

fn own_problem(branch: &Branch) -> Option<(Severity, String)> {
    let node = match &branch.target {
        Target::Missing(missing) => return Some((Severity::Error, no_record(*missing))),
        Target::Record(node) => node,
        Target::None | Target::Unknown | Target::Ignored => return None,
    };
    let domain = &node.domain;
    match &node.found {
        NodeFound::Record(published, _) => {
            let error = published.record.as_ref().err()?;
            Some((Severity::Error, format!("the record of {domain} has an error: {}", error.message)))
        }
        NodeFound::Absent(absence) => {
            Some((Severity::Error, format!("{domain} has no SPF record ({absence}): a permerror")))
        }
        NodeFound::Several(texts) => {
            Some((Severity::Error, format!("{domain} has {} SPF records: a permerror", texts.len())))
        }
        NodeFound::Loop => {
            Some((Severity::Error, format!("a loop: the record of {domain} comes back to itself")))
        }
        NodeFound::Failed(failure) => {
            Some((Severity::Warning, format!("the record of {domain} is not known now: {failure}")))
        }
        NodeFound::TooMany => Some((Severity::Warning, "too many records; not looked at".to_owned())),
    }
}

fn no_record(missing: Missing) -> String {
    format!("no SPF record can be there: {missing}")
}

/// The first record that the DNS did not say anything about.
pub(super) fn unanswered(node: &Node) -> Option<(&Name, Failure)> {
    match &node.found {
        NodeFound::Failed(failure) => Some((&node.domain, *failure)),
        NodeFound::Record(_, branches) => branches.iter().find_map(|branch| match &branch.target {
            Target::Record(node) => unanswered(node),
            Target::None | Target::Unknown | Target::Missing(_) | Target::Ignored => None,
        }),
        NodeFound::Absent(_) | NodeFound::Several(_) | NodeFound::Loop | NodeFound::TooMany => None,
    }
}
