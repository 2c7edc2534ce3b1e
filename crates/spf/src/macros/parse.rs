//! Reading macro-strings and domain-specs (RFC 7208 §7.1).

use std::fmt;

use mail::Span;

use super::{DomainSpec, Letter, Macro, MacroString, Part};

/// What is wrong with a macro-string.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MacroErrorKind {
    /// A byte that is not visible ASCII (nor, in an explanation, a space).
    Byte,
    /// `%` without `{`, `%`, `_` or `-` after it.
    Percent,
    /// `%{` without its `}`.
    Open,
    /// A letter that stands for nothing.
    Letter,
    /// `c`, `r` or `t` outside an explanation text.
    ExplanationLetter,
    /// `0` as the number of parts to keep.
    ZeroParts,
    /// Something after the letter that is no number, no `r` and no delimiter.
    Transformer,
    /// A domain-spec without a single character.
    EmptyDomain,
    /// A domain-spec that ends neither in `.` and a top-level label nor in a macro.
    TopLabel,
}

/// An error in a macro-string, and where in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MacroError {
    /// What is wrong.
    pub kind: MacroErrorKind,
    /// The bytes that are.
    pub span: Span,
}

impl fmt::Display for MacroError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            MacroErrorKind::Byte => "a byte that records can't hold",
            MacroErrorKind::Percent => "after \"%\" comes \"{\", \"%\", \"_\" or \"-\"",
            MacroErrorKind::Open => "a macro without its closing \"}\"",
            MacroErrorKind::Letter => "no macro has this letter",
            MacroErrorKind::ExplanationLetter => "this macro can be used in explanation texts only",
            MacroErrorKind::ZeroParts => "a macro can't keep zero parts",
            MacroErrorKind::Transformer => {
                "after the letter come a number, \"r\" and delimiters (. - + , / _ =), in this order"
            }
            MacroErrorKind::EmptyDomain => "the domain is missing",
            MacroErrorKind::TopLabel => "the domain does not end in a dot and a top-level domain",
        })
    }
}

impl std::error::Error for MacroError {}

fn error<T>(kind: MacroErrorKind, start: usize, end: usize) -> Result<T, MacroError> {
    Err(MacroError { kind, span: Span::new(start, end) })
}

impl MacroString {
    /// The argument of a modifier that this program does not know. All letters are allowed: it is never expanded.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, MacroError> {
        parse(text, true, false)
    }

    /// An explain-string (RFC 7208 §6.2): spaces and the letters c, r and t are allowed.
    pub(crate) fn parse_explanation(text: &[u8]) -> Result<Self, MacroError> {
        parse(text, true, true)
    }
}

impl DomainSpec {
    /// A domain-spec: the end of it is checked before any macro is expanded (RFC 7208 §7.1).
    pub(crate) fn parse(text: &[u8]) -> Result<Self, MacroError> {
        if text.is_empty() {
            return error(MacroErrorKind::EmptyDomain, 0, 0);
        }
        let string = parse(text, false, false)?;
        match string.parts.last() {
            Some(Part::Literal(end)) if !ends_in_toplabel(end) => {
                let label = end.strip_suffix('.').unwrap_or(end);
                let from = label.rfind('.').map_or(0, |dot| dot + 1);
                error(MacroErrorKind::TopLabel, text.len() - end.len() + from, text.len())
            }
            _ => Ok(Self::new(string)),
        }
    }
}

/// `domain-end = "." toplabel [ "." ]`
fn ends_in_toplabel(literal: &str) -> bool {
    let name = literal.strip_suffix('.').unwrap_or(literal);
    name.rsplit_once('.').is_some_and(|(_, label)| is_toplabel(label))
}

/// `toplabel`: letters, digits and hyphens, none of those at an end, and not digits alone.
fn is_toplabel(label: &str) -> bool {
    let ldh = label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let digits = label.bytes().all(|b| b.is_ascii_digit());
    !label.is_empty() && ldh && !digits && !label.starts_with('-') && !label.ends_with('-')
}

/// `macro-string = *( macro-expand / macro-literal )`
fn parse(text: &[u8], every_letter: bool, spaces: bool) -> Result<MacroString, MacroError> {
    let mut parts = Vec::new();
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        if byte == b'%' {
            let (part, len) = macro_expand(text, at, every_letter)?;
            parts.push(part);
            at += len;
        } else {
            let literal = macro_literal(text, at, spaces)?;
            parts.push(Part::Literal(literal.into()));
            at += literal.len();
        }
    }
    Ok(MacroString { parts: parts.into_boxed_slice() })
}

/// `macro-literal`, as many as there are: visible characters without `%`.
fn macro_literal(text: &[u8], at: usize, spaces: bool) -> Result<&str, MacroError> {
    let rest = text.get(at..).unwrap_or_default();
    let len = rest.iter().position(|&b| b == b'%').unwrap_or(rest.len());
    let literal = rest.get(..len).unwrap_or_default();
    match literal.iter().position(|&b| !(b.is_ascii_graphic() || spaces && b == b' ')) {
        Some(bad) => error(MacroErrorKind::Byte, at + bad, at + bad + 1),
        None => Ok(std::str::from_utf8(literal).unwrap_or_default()),
    }
}

/// `macro-expand`: the part that begins with the `%` at `at`, and its length.
fn macro_expand(text: &[u8], at: usize, every_letter: bool) -> Result<(Part, usize), MacroError> {
    match text.get(at + 1) {
        Some(b'%') => Ok((Part::Percent, 2)),
        Some(b'_') => Ok((Part::Space, 2)),
        Some(b'-') => Ok((Part::UrlSpace, 2)),
        Some(b'{') => braced(text, at, every_letter).map(|(m, len)| (Part::Macro(m), len)),
        // RFC 7208 §7.3: a percent sign with anything else behind it is a syntax error.
        _ => error(MacroErrorKind::Percent, at, at + 1),
    }
}

/// `"%{" macro-letter transformers *delimiter "}"`
fn braced(text: &[u8], at: usize, every_letter: bool) -> Result<(Macro, usize), MacroError> {
    let mut here = at + 2;
    let Some(&byte) = text.get(here) else { return error(MacroErrorKind::Open, at, here) };
    let letter = match Letter::from_byte(byte) {
        Some(letter) if letter.only_in_explanations() && !every_letter => {
            return error(MacroErrorKind::ExplanationLetter, here, here + 1);
        }
        Some(letter) => letter,
        None => return error(MacroErrorKind::Letter, here, here + 1),
    };
    here += 1;
    let keep = digits(text, &mut here)?;
    let reverse = text.get(here).is_some_and(|b| b.eq_ignore_ascii_case(&b'r'));
    here += usize::from(reverse);
    let delimiters = delimiters(text, &mut here);
    match text.get(here) {
        Some(b'}') => {}
        Some(_) => return error(MacroErrorKind::Transformer, here, here + 1),
        None => return error(MacroErrorKind::Open, at, here),
    }
    Ok((Macro { letter, escape: byte.is_ascii_uppercase(), keep, reverse, delimiters }, here + 1 - at))
}

/// `*DIGIT`; a number too large to hold is as good as the largest: no value has so many parts.
fn digits(text: &[u8], at: &mut usize) -> Result<Option<u32>, MacroError> {
    let start = *at;
    let mut value = 0u32;
    while let Some(digit) = text.get(*at).filter(|b| b.is_ascii_digit()) {
        value = value.saturating_mul(10).saturating_add(u32::from(digit - b'0'));
        *at += 1;
    }
    // RFC 7208 §7.3: if there is a number, it is not zero.
    match (*at > start, value) {
        (false, _) => Ok(None),
        (true, 0) => error(MacroErrorKind::ZeroParts, start, *at),
        (true, value) => Ok(Some(value)),
    }
}

fn delimiters(text: &[u8], at: &mut usize) -> Box<str> {
    let rest = text.get(*at..).unwrap_or_default();
    let found: String = rest
        .iter()
        .take_while(|b| matches!(b, b'.' | b'-' | b'+' | b',' | b'/' | b'_' | b'='))
        .map(|&b| char::from(b))
        .collect();
    *at += found.len();
    found.into_boxed_str()
}
