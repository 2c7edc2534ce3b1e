//! Reads the value of an Authentication-Results field as RFC 8601 §2.2 has it, and as real senders write it.

use std::fmt;

use super::lex::Lexer;
use super::{AuthenticationResults, AuthservId, Keyword, Method, MethodResult, Property, Text, Value, Word};
use crate::domain::DomainError;
use crate::finding::Span;
use crate::header::MAX_FIELD;

/// Most results in one field.
pub const MAX_RESULTS: usize = 100;

/// Why a text is not the value of an Authentication-Results field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AuthResErrorKind {
    /// More than [`MAX_FIELD`] bytes.
    Long,
    /// No authserv-id in front: nothing at all, or the first result stands there.
    NoId,
    /// The authserv-id is not a domain name.
    BadId(DomainError),
    /// A version of the syntax other than 1.
    Version,
    /// Something other than `;` behind the authserv-id or its version.
    Semicolon,
    /// Neither a result nor `none`.
    NoResults,
    /// `none` beside a result.
    NoneBesideResults,
    /// More than [`MAX_RESULTS`] results.
    ManyResults,
    /// No method where one must stand.
    Method,
    /// No `=` behind a method or property.
    Equals,
    /// No result behind the `=`.
    Word,
    /// Neither `reason=` nor `ptype.property=` where one of them must stand.
    Property,
    /// The value of a property holds nothing, a control character, or is not UTF-8.
    Value,
    /// A comment without its end.
    UnclosedComment,
    /// A quoted string without its end.
    UnclosedQuote,
    /// A control character, or a line end that is no fold, in a comment or quoted string; the byte.
    Byte(u8),
}

/// What is wrong with the value of an Authentication-Results field, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AuthResError {
    /// What is wrong.
    pub kind: AuthResErrorKind,
    /// The bytes that are wrong.
    pub span: Span,
}

impl fmt::Display for AuthResError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use AuthResErrorKind as Kind;
        f.write_str(match self.kind {
            Kind::BadId(error) => return write!(f, "the authserv-id is no domain name: {error}"),
            Kind::Byte(byte) => return write!(f, "{} can't stand here", crate::printable([byte])),
            Kind::Long => return write!(f, "more than {MAX_FIELD} bytes"),
            Kind::ManyResults => return write!(f, "more than {MAX_RESULTS} results"),
            Kind::NoId => "no authserv-id in front of the results",
            Kind::Version => "a version of the syntax other than 1",
            Kind::Semicolon => "a \";\" must follow here",
            Kind::NoResults => "neither a result nor \"none\"",
            Kind::NoneBesideResults => "\"none\" beside other results",
            Kind::Method => "no method, such as \"dkim\", stands here",
            Kind::Equals => "a \"=\" must follow here",
            Kind::Word => "no result, such as \"pass\", stands here",
            Kind::Property => "neither \"reason=\" nor a property, such as \"header.d=\"",
            Kind::Value => "not the value of a property",
            Kind::UnclosedComment => "a comment without its \")\"",
            Kind::UnclosedQuote => "a quoted string without its closing quote",
        })
    }
}

impl std::error::Error for AuthResError {}

impl AuthenticationResults {
    /// Reads the value of a field: what follows the colon, without the CRLF at the end, at most
    /// [`MAX_FIELD`] bytes. Folds may be CRLF or LF.
    ///
    /// More is read than RFC 8601 §2.2 has: values with any visible character but `;`, `(` and `"`, empty values,
    /// `reason=` behind properties, words with `=` that are neither (`action=none`, read and left out), semicolons
    /// with nothing between them. Results of a method version other than 1 are left out (RFC 8601 §2.6).
    pub fn parse(value: &[u8]) -> Result<Self, AuthResError> {
        if value.len() > MAX_FIELD {
            let span = Span::new(MAX_FIELD, value.len());
            return Err(AuthResError { kind: AuthResErrorKind::Long, span });
        }
        let mut lexer = Lexer::new(value);
        let id = head(&mut lexer)?;
        let mut results = Vec::new();
        let mut said_none = false;
        let (mut count, start) = (0, lexer.at);
        while lexer.eat(b';') {
            match element(&mut lexer)? {
                Element::Empty => continue,
                Element::None => said_none = true,
                Element::Result(result) => results.push(result),
                Element::OtherVersion => {}
            }
            count += 1;
            if count > MAX_RESULTS {
                return lexer.fail(AuthResErrorKind::ManyResults, start);
            }
        }
        match (said_none, count) {
            (false, 0) => lexer.fail(AuthResErrorKind::NoResults, start),
            (true, 2..) => lexer.fail(AuthResErrorKind::NoneBesideResults, start),
            _ => Ok(Self { id, results }),
        }
    }
}

/// Reads the authserv-id and its version; stops at the `;` that must follow.
pub(super) fn head(lexer: &mut Lexer<'_>) -> Result<AuthservId, AuthResError> {
    lexer.cfws()?;
    let start = lexer.at;
    let quoted = if lexer.peek() == Some(b'"') { Some(lexer.quoted()?) } else { None };
    let text = quoted.as_deref().unwrap_or_else(|| lexer.run(is_token));
    let end = lexer.at;
    lexer.cfws()?;
    if end == start || lexer.peek() == Some(b'=') {
        return lexer.fail(AuthResErrorKind::NoId, start);
    }
    let id = match AuthservId::parse(text) {
        Ok(id) => id,
        Err(error) => return lexer.fail(AuthResErrorKind::BadId(error), start),
    };
    // RFC 8601 §2.6: what follows a version that we don't know may be anything.
    if !version_is_1(lexer)? {
        return lexer.fail(AuthResErrorKind::Version, end);
    }
    match lexer.peek() {
        Some(b';') => Ok(id),
        None => lexer.fail(AuthResErrorKind::NoResults, start),
        Some(_) => lexer.fail(AuthResErrorKind::Semicolon, lexer.at),
    }
}

/// RFC 8601 §2.2 authres-version, method-version; not written means 1.
fn version_is_1(lexer: &mut Lexer<'_>) -> Result<bool, AuthResError> {
    let digits = lexer.run(|b| b.is_ascii_digit());
    lexer.cfws()?;
    Ok(digits.is_empty() || digits == b"1")
}

/// RFC 2045 §5.1 token, with UTF-8 for RFC 6532.
fn is_token(byte: u8) -> bool {
    (byte.is_ascii_graphic() && !is_tspecial(byte)) || !byte.is_ascii()
}

/// RFC 2045 §5.1: what must be quoted.
pub(super) fn is_tspecial(byte: u8) -> bool {
    b"()<>@,;:\\\"/[]?=".contains(&byte)
}

enum Element {
    Empty,
    None,
    Result(MethodResult),
    OtherVersion,
}

/// RFC 8601 §2.2 resinfo or no-result, behind its semicolon.
fn element(lexer: &mut Lexer<'_>) -> Result<Element, AuthResError> {
    lexer.cfws()?;
    if lexer.at_end() {
        return Ok(Element::Empty);
    }
    let method = lexer.keyword(AuthResErrorKind::Method)?;
    lexer.cfws()?;
    if method.as_str() == "none" && lexer.at_end() {
        return Ok(Element::None);
    }
    let known = !lexer.eat(b'/') || {
        lexer.cfws()?;
        version_is_1(lexer)?
    };
    equals(lexer)?;
    lexer.cfws()?;
    let word = lexer.keyword(AuthResErrorKind::Word)?;
    let mut result = MethodResult::new(Method::read(method), Word::read(word));
    result.comment = lexer.cfws()?;
    while !lexer.at_end() {
        reason_or_property(lexer, &mut result)?;
        lexer.cfws()?;
    }
    // RFC 8601 §2.6: a method version that we don't know may mean anything.
    Ok(if known { Element::Result(result) } else { Element::OtherVersion })
}

fn equals(lexer: &mut Lexer<'_>) -> Result<(), AuthResError> {
    if lexer.eat(b'=') { Ok(()) } else { lexer.fail(AuthResErrorKind::Equals, lexer.at) }
}

/// RFC 8601 §2.2 reasonspec or propspec, in any order.
fn reason_or_property(lexer: &mut Lexer<'_>, result: &mut MethodResult) -> Result<(), AuthResError> {
    let ptype = lexer.keyword(AuthResErrorKind::Property)?;
    lexer.cfws()?;
    let property = property_name(lexer)?;
    equals(lexer)?;
    lexer.cfws()?;
    let value = value(lexer)?;
    match property {
        Some(property) => result.properties.push(Property { ptype, property, value }),
        None if ptype.as_str() == "reason" => result.reason = Text::new(value.as_str()),
        // DEVIATION: RFC 8601 §2.2 knows no other word; Microsoft writes `action=none`, others `x-bits=2048`.
        None => {}
    }
    Ok(())
}

/// What stands behind the dot, if there is one.
fn property_name(lexer: &mut Lexer<'_>) -> Result<Option<Keyword>, AuthResError> {
    if !lexer.eat(b'.') {
        return Ok(None);
    }
    lexer.cfws()?;
    let name = lexer.keyword(AuthResErrorKind::Property)?;
    lexer.cfws()?;
    Ok(Some(name))
}

/// RFC 8601 §2.2 pvalue: a quoted string, or an address, or a run of what is no white space.
fn value(lexer: &mut Lexer<'_>) -> Result<Value, AuthResError> {
    let start = lexer.at;
    let mut text = Vec::new();
    if lexer.peek() == Some(b'"') {
        text = lexer.quoted()?;
        if lexer.peek() == Some(b'@') {
            text = requoted(&text);
            text.extend_from_slice(lexer.run(is_raw));
        }
    } else {
        text.extend_from_slice(lexer.run(is_raw));
        if text.is_empty() && !lexer.at_end() {
            return lexer.fail(AuthResErrorKind::Value, start);
        }
    }
    Value::new(text).map_or_else(|| lexer.fail(AuthResErrorKind::Value, start), Ok)
}

/// DEVIATION: RFC 8601 §2.2 wants a token or an address; VERP's `=`, base64 and IPv6 addresses are met without quotes.
fn is_raw(byte: u8) -> bool {
    !matches!(byte, b';' | b'(' | b'"' | b' ') && !byte.is_ascii_control()
}

/// A quoted string (RFC 5322 §3.2.4) with no more backslashes than it needs.
pub(super) fn requoted(text: &[u8]) -> Vec<u8> {
    let mut out = vec![b'"'];
    for &byte in text {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(byte);
    }
    out.push(b'"');
    out
}

#[cfg(test)]
mod tests;
