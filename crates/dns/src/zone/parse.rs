//! Master files (RFC 1035 §5) and the directives in their comments, read into a zone.

mod data;
mod scan;

use std::fmt;
use std::time::Duration;

use self::scan::{Entry, Scanner, Token};
use super::Zone;
use crate::answer::Failure;
use crate::name::Name;
use crate::question::RecordType;

/// Longest text of a zone, in bytes.
pub const MAX_TEXT: usize = 4 << 20;
/// Most records of one type at one name.
pub const MAX_SET: usize = 4096;
/// The TTL of records for which the text gives none, in seconds.
pub const DEFAULT_TTL: u32 = 3600;

/// Why a text is no zone, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneError {
    /// The line, from 1.
    pub line: usize,
    /// The column in bytes, from 1.
    pub column: usize,
    /// What is wrong; printable.
    pub message: String,
}

impl fmt::Display for ZoneError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.message)
    }
}

impl std::error::Error for ZoneError {}

/// Where in the text something stands.
#[derive(Clone, Copy, Debug)]
struct Place {
    line: usize,
    column: usize,
}

impl Place {
    fn error(self, message: impl Into<String>) -> ZoneError {
        ZoneError { line: self.line, column: self.column, message: message.into() }
    }
}

pub(super) fn zone(text: &[u8]) -> Result<Zone, ZoneError> {
    if text.len() > MAX_TEXT {
        return Err(Place { line: 1, column: 1 }.error(format!("a zone of more than {MAX_TEXT} bytes")));
    }
    let mut scanner = Scanner::new(text);
    let mut reader =
        Reader { zone: Zone::new(), origin: Name::root(), owner: None, default_ttl: None, last_ttl: None };
    while let Some(entry) = scanner.next_entry()? {
        reader.entry(entry)?;
    }
    Ok(reader.zone)
}

/// What a line may leave out, because lines before it said it.
struct Reader {
    zone: Zone,
    origin: Name,
    owner: Option<Name>,
    /// By `$TTL` (RFC 2308 §4).
    default_ttl: Option<u32>,
    last_ttl: Option<u32>,
}

impl Reader {
    fn entry(&mut self, entry: Entry<'_>) -> Result<(), ZoneError> {
        let mut tokens = Tokens { tokens: entry.tokens.into_iter(), end: entry.end };
        if entry.directive {
            return self.directive(tokens);
        }
        if entry.blank_owner {
            let start = tokens.peek_place();
            let owner =
                self.owner.clone().ok_or_else(|| start.error("a record without an owner before it"))?;
            return self.record(owner, tokens);
        }
        let first = tokens.next("an owner")?;
        if first.raw.starts_with(b"$") && !first.quoted {
            return self.control(first, tokens);
        }
        let owner = self.name(first)?;
        self.owner = Some(owner.clone());
        self.record(owner, tokens)
    }

    fn control(&mut self, word: Token<'_>, mut tokens: Tokens<'_>) -> Result<(), ZoneError> {
        if word.is("$ORIGIN") {
            self.origin = self.name(tokens.next("a name")?)?;
        } else if word.is("$TTL") {
            let token = tokens.next("a TTL")?;
            self.default_ttl = Some(ttl(token).ok_or_else(|| token.error("no TTL"))?);
        } else if word.is("$INCLUDE") {
            return Err(word.error("$INCLUDE is not supported: a zone is one text"));
        } else {
            return Err(word.error("unknown control entry"));
        }
        tokens.finish()
    }

    /// RFC 1035 §5.1: TTL and class in either order, both optional, then the type and its data.
    fn record(&mut self, owner: Name, mut tokens: Tokens<'_>) -> Result<(), ZoneError> {
        let mut said_ttl = None;
        let mut said_class = false;
        let kind = loop {
            let token = tokens.next("a type of record")?;
            if said_ttl.is_none() && token.raw.first().is_some_and(u8::is_ascii_digit) {
                said_ttl = Some(ttl(token).ok_or_else(|| token.error("no TTL"))?);
            } else if !said_class && token.is("IN") {
                said_class = true;
            } else if ["CH", "HS", "CS"].iter().any(|class| token.is(class)) {
                return Err(token.error("only the class IN is known here"));
            } else {
                break token;
            }
        };
        self.last_ttl = said_ttl.or(self.last_ttl);
        let ttl = said_ttl.or(self.default_ttl).or(self.last_ttl).unwrap_or(DEFAULT_TTL);
        self.content(owner, ttl, kind, tokens)
    }

    fn content(
        &mut self,
        owner: Name,
        ttl: u32,
        kind: Token<'_>,
        mut tokens: Tokens<'_>,
    ) -> Result<(), ZoneError> {
        if kind.is("CNAME") {
            let target = self.name(tokens.next("a name")?)?;
            if self.zone.names.get(&owner).is_some_and(|n| n.alias.is_some()) {
                return Err(kind.error(format!("{owner} has two CNAME records")));
            }
            self.zone.alias(owner.clone(), ttl, target);
        } else if let Some(rtype) = kind.rtype() {
            let data = data::read(rtype, &mut tokens, &self.origin)?;
            self.zone.add(owner.clone(), ttl, data);
        } else if kind.is_other_type() {
            self.zone.node(owner);
            return Ok(());
        } else {
            return Err(kind.error(format!(
                "\"{}\" is no type of record that is known here",
                mail::printable(kind.raw)
            )));
        }
        self.check(&owner, kind)?;
        tokens.finish()
    }

    fn check(&self, owner: &Name, kind: Token<'_>) -> Result<(), ZoneError> {
        let Some(node) = self.zone.names.get(owner) else { return Ok(()) };
        // RFC 1034 §3.6.2: where a CNAME is, nothing else is.
        if node.alias.is_some() && !node.sets.is_empty() {
            return Err(kind.error(format!("{owner} has a CNAME record and others")));
        }
        if node.sets.values().any(|set| set.data.len() > MAX_SET) {
            return Err(kind.error(format!("more than {MAX_SET} records of a type at {owner}")));
        }
        Ok(())
    }

    fn directive(&mut self, mut tokens: Tokens<'_>) -> Result<(), ZoneError> {
        let word = tokens.next("timeout, servfail, bogus, delay or authenticated")?;
        if word.is("authenticated") && tokens.is_empty() {
            self.zone.authenticate_all();
        } else if word.is("authenticated") {
            let (name, rtype) = self.target(&mut tokens)?;
            self.zone.authenticate(name, rtype);
        } else if word.is("delay") {
            let token = tokens.next("a time such as 200ms")?;
            let took = duration(token).ok_or_else(|| token.error("no time; one is written 200ms or 2s"))?;
            let (name, rtype) = self.target(&mut tokens)?;
            self.zone.delay(name, rtype, took);
        } else if let Some(fault) = fault(word) {
            let (name, rtype) = self.target(&mut tokens)?;
            self.zone.fail(name, rtype, fault);
        } else {
            return Err(
                word.error("unknown directive; there are timeout, servfail, bogus, delay and authenticated")
            );
        }
        tokens.finish()
    }

    /// `NAME [TYPE]`.
    fn target(&self, tokens: &mut Tokens<'_>) -> Result<(Name, Option<RecordType>), ZoneError> {
        let name = self.name(tokens.next("a name")?)?;
        if tokens.is_empty() {
            return Ok((name, None));
        }
        let token = tokens.next("a type of record")?;
        let rtype = token.rtype().ok_or_else(|| token.error("no type of record that is asked for here"))?;
        Ok((name, Some(rtype)))
    }

    fn name(&self, token: Token<'_>) -> Result<Name, ZoneError> {
        token.name(&self.origin)
    }
}

fn fault(word: Token<'_>) -> Option<Failure> {
    [("timeout", Failure::TimeOut), ("servfail", Failure::ServerFailure), ("bogus", Failure::Bogus)]
        .into_iter()
        .find_map(|(name, fault)| word.is(name).then_some(fault))
}

/// Seconds, or the units of BIND and knot: `1h30m`. At most 2^31 - 1 (RFC 2181 §8).
fn ttl(token: Token<'_>) -> Option<u32> {
    let mut total: u32 = 0;
    let mut number: Option<u32> = None;
    for &byte in token.raw {
        if byte.is_ascii_digit() {
            number = Some(number.unwrap_or(0).checked_mul(10)?.checked_add(u32::from(byte - b'0'))?);
            continue;
        }
        let unit = match byte.to_ascii_lowercase() {
            b's' => 1,
            b'm' => 60,
            b'h' => 3600,
            b'd' => 86_400,
            b'w' => 604_800,
            _ => return None,
        };
        total = total.checked_add(number.take()?.checked_mul(unit)?)?;
    }
    total.checked_add(number.unwrap_or(0)).filter(|&ttl| ttl <= i32::MAX.unsigned_abs())
}

fn duration(token: Token<'_>) -> Option<Duration> {
    let text = token.text()?;
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let number = number.parse().ok()?;
    match unit {
        "us" => Some(Duration::from_micros(number)),
        "ms" => Some(Duration::from_millis(number)),
        "s" => Some(Duration::from_secs(number)),
        _ => None,
    }
}

/// What is left of an entry.
struct Tokens<'a> {
    tokens: std::vec::IntoIter<Token<'a>>,
    end: Place,
}

impl<'a> Tokens<'a> {
    fn next(&mut self, wanted: &str) -> Result<Token<'a>, ZoneError> {
        self.tokens.next().ok_or_else(|| self.end.error(format!("the line ends where {wanted} should be")))
    }

    fn is_empty(&self) -> bool {
        self.tokens.as_slice().is_empty()
    }

    fn peek_place(&self) -> Place {
        self.tokens.as_slice().first().map_or(self.end, |token| token.place)
    }

    fn finish(mut self) -> Result<(), ZoneError> {
        match self.tokens.next() {
            Some(token) => Err(token.error("more than the record has room for")),
            None => Ok(()),
        }
    }
}
