//! Reading a record: its version, its terms, its modifiers. It never stops at an error, so that all of them are found.

use mail::{Finding, Parsed, Severity, Span};

use super::{Directive, Modifier, ModifierKind, Qualifier, Record, Term, directive, lint, suggest};
use crate::macros::{DomainSpec, MacroError, MacroErrorKind, MacroString};
use crate::select::VERSION;

/// Longest record, in bytes; a longer one is an error. A TXT record can't be longer than this by its format.
pub const MAX_RECORD: usize = 64 * 1024;
/// Most bytes of a record that a message repeats.
const MAX_SHOWN: usize = 80;

/// Bytes of a record for a message, cut off where they get long.
pub(super) fn shown(bytes: &[u8]) -> String {
    mail::shortened(bytes, MAX_SHOWN)
}

pub(super) fn error(code: &'static str, span: Span, message: impl Into<String>) -> Finding {
    Finding::new(code, Severity::Error, span, message)
}

/// A record with everything that is worth saying about it.
pub(super) fn record(text: &[u8]) -> Parsed<Record> {
    let (terms, mut findings) = syntax(text);
    let broken = !findings.is_empty();
    let record = terms.map(|terms| Record { terms: terms.into_boxed_slice() });
    if let Some(record) = &record {
        lint::record(record, text, broken, &mut findings);
    }
    // Stable: of two findings at one place, the one found first stays first.
    findings.sort_by_key(|f| f.span.start);
    Parsed { value: record.filter(|_| !broken), findings }
}

/// A record, or the first error in it.
pub(super) fn strict(text: &[u8]) -> Result<Record, Finding> {
    let (terms, findings) = syntax(text);
    match findings.into_iter().min_by_key(|f| f.span.start) {
        Some(finding) => Err(finding),
        None => Ok(Record { terms: terms.unwrap_or_default().into_boxed_slice() }),
    }
}

/// `record = version terms *SP`: the terms that could be read, and all errors.
fn syntax(text: &[u8]) -> (Option<Vec<Term>>, Vec<Finding>) {
    if text.len() > MAX_RECORD {
        let message = format!("the record is longer than {MAX_RECORD} bytes");
        let span = Span::new(MAX_RECORD, text.len());
        return (None, vec![error("spf-too-long", span, message)]);
    }
    let mut findings = Vec::new();
    let inner = unquoted(text, &mut findings);
    let Some(start) = version(text, inner, &mut findings) else {
        return (None, findings);
    };
    let terms = terms(text, Span::new(start, inner.end), &mut findings);
    duplicate_modifiers(&terms, &mut findings);
    (Some(terms), findings)
}

/// The text without quotation marks around it, which people paste and no record has.
fn unquoted(text: &[u8], findings: &mut Vec<Finding>) -> Span {
    let (front, back) = (suggest::quote_at_start(text), suggest::quote_at_end(text));
    let inner = Span::new(front, text.len().saturating_sub(back).max(front));
    for span in [Span::new(0, front), Span::new(inner.end, text.len())] {
        if span.end > span.start {
            let message = "a quotation mark is no part of a record";
            let help = "in a zone file straight quotes (\") stand around the record, not in it";
            findings.push(error("spf-quote", span, message).with_help(help));
        }
    }
    inner
}

/// `version = "v=spf1"`: where the terms begin, if this is a record at all.
fn version(text: &[u8], inner: Span, findings: &mut Vec<Finding>) -> Option<usize> {
    let body = text.get(inner.range()).unwrap_or_default();
    let end = inner.start + VERSION.len();
    let found = body.get(..VERSION.len()).is_some_and(|v| v.eq_ignore_ascii_case(VERSION));
    if !found {
        let word = body.iter().position(|&b| b == b' ').unwrap_or(body.len());
        let message = "the text does not begin with \"v=spf1\", so it is no SPF record";
        let finding = error("spf-no-version", Span::new(inner.start, inner.start + word), message);
        findings.push(match suggest::version(body) {
            Some(help) => finding.with_help(help),
            None => finding,
        });
        return None;
    }
    // RFC 7208 §4.5: a space or the end of the record ends the version.
    if body.get(VERSION.len()).is_none_or(|&b| b == b' ') {
        return Some(end);
    }
    let rest = body.get(VERSION.len()..).unwrap_or_default();
    let junk = rest.iter().position(|&b| b == b' ').unwrap_or(rest.len());
    let message = "after \"v=spf1\" comes a space, or nothing";
    findings.push(error("spf-version", Span::new(end, end + junk), message));
    Some(end + junk)
}

/// `terms = *( 1*SP ( directive / modifier ) )`
fn terms(text: &[u8], span: Span, findings: &mut Vec<Finding>) -> Vec<Term> {
    let mut found = Vec::new();
    let mut at = span.start;
    for token in text.get(span.range()).unwrap_or_default().split(|&b| b == b' ') {
        if !token.is_empty() {
            match term(token, at, findings) {
                Ok(term) => found.push(term),
                Err(finding) => findings.push(finding),
            }
        }
        at += token.len() + 1;
    }
    found
}

/// One term, which begins at `at`. An error in it that leaves its meaning clear goes to `findings`, all others come back.
fn term(token: &[u8], at: usize, findings: &mut Vec<Finding>) -> Result<Term, Finding> {
    let dash = suggest::dash_at_start(token);
    if dash > 0 {
        let rest = token.get(dash..).unwrap_or_default();
        let help = format!("a hyphen was meant: \"-{}\"", shown(rest));
        let message = "this is a dash, not the hyphen \"-\" of a fail";
        findings.push(error("spf-dash", Span::new(at, at + dash), message).with_help(help));
        let parsed = directive::parse(rest, at + dash)?;
        return Ok(Term::Directive(Directive { qualifier: Qualifier::Fail, ..parsed }));
    }
    if let Some(bad) = token.iter().position(|b| !b.is_ascii_graphic()) {
        return Err(bad_byte(token, at, bad));
    }
    // RFC 7208 §4.6.1: a modifier's "=" comes right after its name, before any ":" or "/".
    match token.iter().position(|b| matches!(b, b'=' | b':' | b'/')) {
        Some(equals) if token.get(equals) == Some(&b'=') => modifier(token, at, equals).map(Term::Modifier),
        _ => directive::parse(token, at).map(Term::Directive),
    }
}

/// RFC 7208 §3.1, §4.6.1: a record is ASCII, and nothing but spaces stands between terms.
fn bad_byte(token: &[u8], at: usize, bad: usize) -> Finding {
    let rest = token.get(bad..).unwrap_or_default();
    let (len, help) = suggest::bad_character(rest);
    let shown = mail::printable(rest.get(..len).unwrap_or_default());
    let message = format!("{shown} can't stand in a record");
    let finding = error("spf-bad-byte", Span::new(at + bad, at + bad + len), message);
    match help {
        Some(help) => finding.with_help(help),
        None => finding,
    }
}

/// `modifier = redirect / explanation / unknown-modifier`
fn modifier(token: &[u8], at: usize, equals: usize) -> Result<Modifier, Finding> {
    let span = Span::new(at, at + token.len());
    let name = modifier_name(token.get(..equals).unwrap_or_default(), at)?;
    let value = token.get(equals + 1..).unwrap_or_default();
    let value_at = at + equals + 1;
    let wrong = |e: MacroError| macro_finding(e, value, value_at);
    // §12 taken to the letter would make `exp=-all` an unknown modifier; names that are known are never unknown ones.
    let kind = if name.eq_ignore_ascii_case("redirect") {
        ModifierKind::Redirect(DomainSpec::parse(value).map_err(wrong)?)
    } else if name.eq_ignore_ascii_case("exp") {
        ModifierKind::Exp(DomainSpec::parse(value).map_err(wrong)?)
    } else {
        ModifierKind::Unknown(name.into(), MacroString::parse(value).map_err(wrong)?)
    };
    Ok(Modifier { span, kind })
}

/// `name = ALPHA *( ALPHA / DIGIT / "-" / "_" / "." )`
fn modifier_name(name: &[u8], at: usize) -> Result<&str, Finding> {
    let good = name.first().is_some_and(u8::is_ascii_alphabetic)
        && name.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    if let (true, Ok(name)) = (good, std::str::from_utf8(name)) {
        return Ok(name);
    }
    let message = "the name of a modifier is a letter, then letters, digits, \"-\", \"_\" and \".\"";
    let finding = error("spf-modifier-name", Span::new(at, at + name.len()), message);
    Err(match name.split_first() {
        Some((b'+' | b'-' | b'?' | b'~', _)) => finding.with_help("a modifier has no qualifier in front"),
        _ => finding,
    })
}

/// An error in a macro-string or domain-spec as a finding; `value` is that string, which begins at `at`.
pub(super) fn macro_finding(found: MacroError, value: &[u8], at: usize) -> Finding {
    let code = match found.kind {
        MacroErrorKind::Byte => "spf-bad-byte",
        MacroErrorKind::EmptyDomain => "spf-missing-domain",
        MacroErrorKind::TopLabel => "spf-domain",
        MacroErrorKind::Percent
        | MacroErrorKind::Open
        | MacroErrorKind::Letter
        | MacroErrorKind::ExplanationLetter
        | MacroErrorKind::ZeroParts
        | MacroErrorKind::Transformer => "spf-macro",
    };
    let finding = error(code, found.span.shifted(at), found.to_string());
    match suggest::domain_end(found.kind, value) {
        Some(help) => finding.with_help(help),
        None => finding,
    }
}

/// RFC 7208 §6: neither `redirect` nor `exp` may stand in a record twice.
fn duplicate_modifiers(terms: &[Term], findings: &mut Vec<Finding>) {
    let (mut redirect, mut exp) = (false, false);
    for term in terms {
        let Term::Modifier(modifier) = term else { continue };
        let (name, seen) = match modifier.kind {
            ModifierKind::Redirect(_) => ("redirect", &mut redirect),
            ModifierKind::Exp(_) => ("exp", &mut exp),
            ModifierKind::Unknown(..) => continue,
        };
        if std::mem::replace(seen, true) {
            let message = format!("\"{name}\" can stand in a record once only");
            findings.push(error("spf-duplicate-modifier", modifier.span, message));
        }
    }
}
