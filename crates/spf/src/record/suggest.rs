//! What was probably meant: help for the mistakes that people make in records.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::parse::shown;
use crate::macros::MacroErrorKind;
use crate::select::VERSION;

/// Longest name that is compared with the known ones, in bytes.
const MAX_COMPARED: usize = 16;
/// Longest name, address or domain that help is given for, in bytes.
const MAX_HELPED: usize = 64;
/// Quotation marks that end up around records.
const QUOTES: [&str; 10] =
    ["\"", "'", "`", "\u{201c}", "\u{201d}", "\u{201e}", "\u{2018}", "\u{2019}", "\u{ab}", "\u{bb}"];
/// Dashes that programs make of hyphens.
const DASHES: [&str; 7] =
    ["\u{2010}", "\u{2011}", "\u{2012}", "\u{2013}", "\u{2014}", "\u{2015}", "\u{2212}"];

/// The length of the quotation marks that the text begins with.
pub(super) fn quote_at_start(text: &[u8]) -> usize {
    QUOTES.iter().find(|q| text.starts_with(q.as_bytes())).map_or(0, |q| q.len())
}

/// The length of the quotation mark that the text ends with.
pub(super) fn quote_at_end(text: &[u8]) -> usize {
    QUOTES.iter().find(|q| text.ends_with(q.as_bytes())).map_or(0, |q| q.len())
}

/// The length of the dash that the text begins with and that is no hyphen.
pub(super) fn dash_at_start(text: &[u8]) -> usize {
    DASHES.iter().find(|d| text.starts_with(d.as_bytes())).map_or(0, |d| d.len())
}

/// What a text that is no record was meant to be.
pub(super) fn version(body: &[u8]) -> Option<&'static str> {
    let head = body.get(..body.len().min(32)).unwrap_or_default().to_ascii_lowercase();
    let squeezed: Vec<u8> = head.iter().copied().filter(|&b| b != b' ').collect();
    if head.starts_with(b"spf2.0") {
        Some("this is a Sender ID record; SPF ignores it")
    } else if head.starts_with(b"spf") || squeezed.starts_with(b"v=spf") || squeezed.starts_with(b"v:spf") {
        Some("a record begins with exactly \"v=spf1\"")
    } else if body.windows(VERSION.len()).any(|w| w.eq_ignore_ascii_case(VERSION)) {
        Some("the record begins further on; leave away what stands in front of \"v=spf1\"")
    } else {
        None
    }
}

/// The length of the character that the text begins with, and what to write in its place.
pub(super) fn bad_character(text: &[u8]) -> (usize, Option<&'static str>) {
    let head = text.get(..text.len().min(4)).unwrap_or_default();
    let character = head.utf8_chunks().next().and_then(|chunk| chunk.valid().chars().next());
    let help = match character {
        Some('\t' | '\r' | '\n' | '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{3000}') => {
            Some("nothing but plain spaces stands between terms")
        }
        Some('\u{200b}'..='\u{200f}' | '\u{feff}' | '\u{ad}') => {
            Some("an invisible character, probably pasted along")
        }
        Some('\u{2018}' | '\u{2019}' | '\u{201c}'..='\u{201e}') => Some("a record holds no quotation marks"),
        Some(c) if c.is_alphabetic() && !c.is_ascii() => {
            Some("names are written as A-labels (xn--\u{2026}) in records")
        }
        _ => None,
    };
    (character.map_or(1, char::len_utf8), help)
}

/// What was meant by a mechanism's unknown name; `text` is the whole of the mechanism.
pub(super) fn mechanism(text: &[u8], name: &[u8]) -> Option<String> {
    let argument = text.get(name.len() + 1..).map(shown).unwrap_or_default();
    let known = std::str::from_utf8(name).ok().filter(|n| n.len() <= MAX_HELPED)?;
    let bare = known.trim_end_matches([',', ';', '.', '"', '\'']);
    if known.is_empty() {
        return text.is_empty().then(|| "no space stands between a qualifier and its mechanism".to_owned());
    }
    if known.eq_ignore_ascii_case("redirect") || known.eq_ignore_ascii_case("exp") {
        return Some(format!("\"{known}\" is a modifier: \"{known}={argument}\""));
    }
    if text.len() == name.len() && known.parse::<Ipv4Addr>().is_ok() {
        return Some(format!("an address is written \"ip4:{known}\""));
    }
    if std::str::from_utf8(text).is_ok_and(|t| t.parse::<Ipv6Addr>().is_ok()) {
        return Some(format!("an address is written \"ip6:{}\"", shown(text)));
    }
    if bare.len() < known.len() && similar(bare) == Some(bare) {
        return Some(format!("terms are separated by spaces alone: \"{bare}\""));
    }
    match similar(known) {
        Some(meant) if text.len() > name.len() => Some(format!("\"{meant}:{argument}\" was probably meant")),
        Some(meant) => Some(format!("\"{meant}\" was probably meant")),
        None if known.contains('.') => {
            Some(format!("for a domain write \"a:{known}\" or \"include:{known}\""))
        }
        None => None,
    }
}

/// What a modifier that is not known was probably meant to be, as it would be written.
pub(super) fn modifier(name: &str) -> Option<String> {
    let lower = name.to_ascii_lowercase();
    if let Some(meant) = similar(&lower).filter(|m| *m == lower || m.len() > 3) {
        return Some(format!("\"{meant}:\" was probably meant; a mechanism has a colon, not \"=\""));
    }
    let near = ["redirect", "exp"].into_iter().find(|known| near(&lower, known, known.len().min(5) / 2));
    near.map(|meant| format!("\"{meant}=\" was probably meant"))
}

/// The mechanism whose name looks like this one.
fn similar(name: &str) -> Option<&'static str> {
    let lower = name.to_ascii_lowercase();
    let alias = match lower.as_str() {
        "ip" | "ipv4" | "ip4v" | "ip_4" => Some("ip4"),
        "ipv6" | "ip6v" | "ip_6" => Some("ip6"),
        "includes" | "incl" | "inc" | "spf" => Some("include"),
        "exist" => Some("exists"),
        _ => None,
    };
    let known = ["all", "include", "a", "mx", "ptr", "ip4", "ip6", "exists"];
    alias
        .or_else(|| known.into_iter().find(|k| *k == lower))
        .or_else(|| known.into_iter().find(|k| k.len() > 1 && near(&lower, k, k.len().min(5) / 2)))
}

/// Whether `limit` changes (a character added, dropped, replaced, or two neighbours swapped) make one of the other.
fn near(a: &str, b: &str, limit: usize) -> bool {
    a.len() <= MAX_COMPARED && distance(a.as_bytes(), b.as_bytes()) <= limit
}

/// The edit distance with swaps of neighbours (optimal string alignment).
fn distance(a: &[u8], b: &[u8]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut previous: Vec<usize> = (0..=b.len()).collect();
    let mut last_a = None;
    for (i, &x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        let mut last_b = None;
        for (j, &y) in b.iter().enumerate() {
            let at = |row: &[usize], column: usize| row.get(column).copied().unwrap_or(usize::MAX / 2);
            let mut best = (at(&previous, j) + usize::from(x != y)).min(at(&previous, j + 1) + 1);
            best = best.min(at(&row, j) + 1);
            if last_a == Some(y) && last_b == Some(x) && j > 0 {
                best = best.min(at(&before, j - 1) + 1);
            }
            row.push(best);
            last_b = Some(y);
        }
        before = std::mem::replace(&mut previous, row);
        last_a = Some(x);
    }
    previous.last().copied().unwrap_or(0)
}

/// What to write where an address was expected after `ip4:` or `ip6:`.
pub(super) fn address(mechanism: &str, text: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(text).ok().filter(|t| t.len() <= MAX_HELPED)?;
    if mechanism == "ip4" && text.parse::<Ipv6Addr>().is_ok() {
        return Some(format!("this is an IPv6 address: \"ip6:{text}\""));
    }
    if mechanism == "ip6" && text.parse::<Ipv4Addr>().is_ok() {
        return Some(format!("this is an IPv4 address: \"ip4:{text}\""));
    }
    if mechanism == "ip6" {
        return text.contains('%').then(|| "a zone index can't be given".to_owned());
    }
    let numbers: Vec<&str> = text.split('.').collect();
    let numeric = numbers.iter().all(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
    if text.split_once(':').is_some_and(|(ip, _)| ip.parse::<Ipv4Addr>().is_ok()) {
        Some("a port can't be given".to_owned())
    } else if numeric && numbers.len() < 4 {
        Some("all four numbers are needed, for a network too: \"192.0.2.0/24\"".to_owned())
    } else if numeric && numbers.iter().any(|n| n.len() > 1 && n.starts_with('0')) {
        Some("a number has no zero in front".to_owned())
    } else if !numeric && text.contains('.') && text.bytes().any(|b| b.is_ascii_alphabetic()) {
        Some(format!("for the addresses of a name write \"a:{text}\""))
    } else {
        None
    }
}

/// What is wrong with the end of a domain-spec, where that can be told.
pub(super) fn domain_end(kind: MacroErrorKind, value: &[u8]) -> Option<String> {
    if kind == MacroErrorKind::Percent {
        return Some("a percent sign itself is written \"%%\"".to_owned());
    }
    if kind != MacroErrorKind::TopLabel {
        return None;
    }
    let text = std::str::from_utf8(value).ok().filter(|t| t.len() <= MAX_HELPED)?;
    let tail = |separator| {
        text.rsplit_once(separator)
            .filter(|(_, d): &(_, &str)| !d.is_empty() && d.bytes().all(|b| b.is_ascii_digit()))
    };
    if text.parse::<Ipv4Addr>().is_ok() {
        Some(format!("this is an address: \"ip4:{text}\""))
    } else if text.parse::<Ipv6Addr>().is_ok() {
        Some(format!("this is an address: \"ip6:{text}\""))
    } else if tail(':').is_some() {
        Some("a port can't be given".to_owned())
    } else if tail('/').is_some() {
        Some("a prefix length can't be given here".to_owned())
    } else if !text.contains('.') {
        Some("the full name of a domain is needed".to_owned())
    } else {
        None
    }
}
