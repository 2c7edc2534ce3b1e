//! Records by the grammar of RFC 7208 §12: where it allows several readings, all of them are tried.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::macros::{Piece, pieces};

/// A mechanism that has no error.
pub(super) struct Mechanism {
    pub(super) qualifier: char,
    /// In lower case.
    pub(super) name: String,
    /// The domain-spec or network; empty where there is none.
    pub(super) value: String,
    pub(super) prefix4: usize,
    pub(super) prefix6: usize,
}

/// A record that has no error.
#[derive(Default)]
pub(super) struct Record {
    pub(super) mechanisms: Vec<Mechanism>,
    pub(super) redirect: Option<String>,
    pub(super) exp: Option<String>,
}

/// §4.5: whether a text is a record at all.
pub(super) fn is_record(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    text == "v=spf1" || text.starts_with("v=spf1 ")
}

/// `record = version terms *SP`
pub(super) fn parse(text: &str) -> Option<Record> {
    let mut record = Record::default();
    if !text.is_ascii() {
        return None;
    }
    for term in text["v=spf1".len()..].split(' ').filter(|term| !term.is_empty()) {
        match (directive(term), modifier(term)) {
            (Some(mechanism), _) => record.mechanisms.push(mechanism),
            // §6: each of them once.
            (None, Some(("redirect", value))) if record.redirect.is_none() && is_domain_spec(value) => {
                record.redirect = Some(value.to_owned());
            }
            (None, Some(("exp", value))) if record.exp.is_none() && is_domain_spec(value) => {
                record.exp = Some(value.to_owned());
            }
            (None, Some(("redirect" | "exp", _)) | None) => return None,
            // With spaces this would be too much, but a term has none.
            (None, Some((_, value))) => drop(pieces(value, true)?),
        }
    }
    Some(record)
}

/// `modifier = name "=" macro-string`
fn modifier(term: &str) -> Option<(&str, &str)> {
    let (name, value) = term.split_once('=')?;
    let good = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    // Names of modifiers are the same in upper and lower case.
    let known = ["redirect", "exp"].into_iter().find(|known| name.eq_ignore_ascii_case(known));
    good.then_some((known.unwrap_or(name), value))
}

/// `directive = [ qualifier ] mechanism`
fn directive(term: &str) -> Option<Mechanism> {
    let qualifier = term.chars().next().filter(|c| "+-?~".contains(*c));
    let text = &term[qualifier.map_or(0, char::len_utf8)..];
    let end = text.find([':', '/']).unwrap_or(text.len());
    let (name, rest) = (text[..end].to_ascii_lowercase(), &text[end..]);
    let qualifier = qualifier.unwrap_or('+');
    let (value, prefix4, prefix6) = match name.as_str() {
        "all" if rest.is_empty() => ("", 32, 128),
        "include" | "exists" => (rest.strip_prefix(':').filter(|spec| is_domain_spec(spec))?, 32, 128),
        "ptr" => (optional_spec(rest)?, 32, 128),
        "a" | "mx" => (0..=rest.len()).find_map(|at| {
            let (spec, lengths) = rest.split_at(at);
            let (prefix4, prefix6) = dual_cidr(lengths)?;
            Some((optional_spec(spec)?, prefix4, prefix6))
        })?,
        "ip4" => {
            let (network, length) = network(rest)?;
            network.parse::<Ipv4Addr>().ok()?;
            (network, cidr(length, 32)?, 128)
        }
        "ip6" => {
            let (network, length) = network(rest)?;
            network.parse::<Ipv6Addr>().ok()?;
            (network, 32, cidr(length, 128)?)
        }
        _ => return None,
    };
    Some(Mechanism { qualifier, name, value: value.to_owned(), prefix4, prefix6 })
}

/// `":" network [ "/" length ]`
fn network(rest: &str) -> Option<(&str, &str)> {
    let rest = rest.strip_prefix(':')?;
    Some(rest.split_at(rest.find('/').unwrap_or(rest.len())))
}

/// `[ ":" domain-spec ]`
fn optional_spec(text: &str) -> Option<&str> {
    match text.strip_prefix(':') {
        None => text.is_empty().then_some(""),
        Some(spec) => is_domain_spec(spec).then_some(spec),
    }
}

/// `[ ip4-cidr-length ] [ "/" ip6-cidr-length ]`
fn dual_cidr(text: &str) -> Option<(usize, usize)> {
    match text.split_once("//") {
        None => Some((cidr(text, 32)?, 128)),
        Some((four, six)) => Some((cidr(four, 32)?, cidr(&format!("/{six}"), 128)?)),
    }
}

/// `"/" ( "0" / %x31-39 *DIGIT )`, or nothing, which is all of the address.
fn cidr(text: &str, most: usize) -> Option<usize> {
    if text.is_empty() {
        return Some(most);
    }
    (0..=most).find(|length| text == format!("/{length}"))
}

/// `domain-spec = macro-string domain-end`
fn is_domain_spec(text: &str) -> bool {
    let Some(pieces) = pieces(text, false) else { return false };
    // What follows the last macro is literal: `domain-end = ( "." toplabel [ "." ] ) / macro-expand`.
    let literals = pieces.iter().rev().map_while(|piece| match piece {
        Piece::Literal(c) => Some(*c),
        Piece::Escape(_) | Piece::Macro { .. } => None,
    });
    let end: String = literals.collect::<Vec<_>>().into_iter().rev().collect();
    if end.is_empty() {
        return !pieces.is_empty();
    }
    end.strip_suffix('.').unwrap_or(&end).rsplit_once('.').is_some_and(|(_, label)| is_toplabel(label))
}

fn is_toplabel(label: &str) -> bool {
    let inner = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let edge = |c: char| c.is_ascii_alphanumeric();
    label.chars().all(inner)
        && label.starts_with(edge)
        && label.ends_with(edge)
        && label.chars().any(|c| !c.is_ascii_digit())
}
