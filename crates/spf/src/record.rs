//! An SPF record as the grammar of RFC 7208 §12 has it. Spans are byte positions in the text it was read from.

mod directive;
mod lint;
mod parse;
mod suggest;

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use mail::{Finding, Parsed, Span};

use crate::macros::{DomainSpec, Letter, MacroString};
use crate::outcome::Outcome;

pub use parse::MAX_RECORD;

/// What a match means (RFC 7208 §4.6.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Qualifier {
    /// `+`, or nothing: pass.
    Pass,
    /// `-`: fail.
    Fail,
    /// `~`: softfail.
    SoftFail,
    /// `?`: neutral.
    Neutral,
}

impl Qualifier {
    /// The result that a match gives.
    pub const fn outcome(self) -> Outcome {
        match self {
            Self::Pass => Outcome::Pass,
            Self::Fail => Outcome::Fail,
            Self::SoftFail => Outcome::SoftFail,
            Self::Neutral => Outcome::Neutral,
        }
    }

    /// The character, or nothing for a pass.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "",
            Self::Fail => "-",
            Self::SoftFail => "~",
            Self::Neutral => "?",
        }
    }
}

/// The prefix lengths of `a` and `mx`; `None` where the record gives none, which means the address alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct DualCidr {
    /// For IPv4, 0 to 32.
    pub ip4: Option<u8>,
    /// For IPv6, 0 to 128.
    pub ip6: Option<u8>,
}

/// What is tested (RFC 7208 §5).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Mechanism {
    /// Everybody.
    All,
    /// Those that another record lets pass.
    Include(DomainSpec),
    /// The addresses of a name; of the record's own where there is none.
    A(Option<DomainSpec>, DualCidr),
    /// The addresses of the hosts that take a name's mail.
    Mx(Option<DomainSpec>, DualCidr),
    /// Those whose own name lies within a name.
    Ptr(Option<DomainSpec>),
    /// An IPv4 network, with its prefix length if the record gives one.
    Ip4(Ipv4Addr, Option<u8>),
    /// An IPv6 network, with its prefix length if the record gives one.
    Ip6(Ipv6Addr, Option<u8>),
    /// Everybody, if a name has an address.
    Exists(DomainSpec),
}

impl Mechanism {
    /// The mechanism's name.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Include(_) => "include",
            Self::A(..) => "a",
            Self::Mx(..) => "mx",
            Self::Ptr(_) => "ptr",
            Self::Ip4(..) => "ip4",
            Self::Ip6(..) => "ip6",
            Self::Exists(_) => "exists",
        }
    }

    /// The domain-spec, if it has one.
    pub const fn target(&self) -> Option<&DomainSpec> {
        match self {
            Self::Include(spec) | Self::Exists(spec) => Some(spec),
            Self::A(spec, _) | Self::Mx(spec, _) | Self::Ptr(spec) => spec.as_ref(),
            Self::All | Self::Ip4(..) | Self::Ip6(..) => None,
        }
    }

    /// RFC 7208 §4.6.4: whether it counts against the limit of terms that look something up.
    pub const fn looks_up(&self) -> bool {
        match self {
            Self::Include(_) | Self::A(..) | Self::Mx(..) | Self::Ptr(_) | Self::Exists(_) => true,
            Self::All | Self::Ip4(..) | Self::Ip6(..) => false,
        }
    }
}

/// A mechanism and what its match means.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Directive {
    /// Where it stands.
    pub span: Span,
    /// What a match means.
    pub qualifier: Qualifier,
    /// What is tested.
    pub mechanism: Mechanism,
}

/// What a modifier says (RFC 7208 §6).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ModifierKind {
    /// Whose record goes on where this one ends without a match.
    Redirect(DomainSpec),
    /// Where the explanation of a fail is published.
    Exp(DomainSpec),
    /// A modifier that RFC 7208 does not define, and its value; ignored.
    Unknown(Box<str>, MacroString),
}

/// A modifier.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Modifier {
    /// Where it stands.
    pub span: Span,
    /// What it says.
    pub kind: ModifierKind,
}

/// A term of a record.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Term {
    /// A mechanism with its qualifier.
    Directive(Directive),
    /// A modifier.
    Modifier(Modifier),
}

impl Term {
    /// Where it stands.
    pub const fn span(&self) -> Span {
        match self {
            Self::Directive(directive) => directive.span,
            Self::Modifier(modifier) => modifier.span,
        }
    }

    /// RFC 7208 §4.6.4: how much it counts against the limit of terms that look something up, without what is behind an
    /// include or redirect: one for the term, one for the use of `%{p}`.
    pub fn lookups(&self) -> u32 {
        let (looks_up, target) = match self {
            Self::Directive(d) => (d.mechanism.looks_up(), d.mechanism.target()),
            Self::Modifier(Modifier { kind: ModifierKind::Redirect(spec), .. }) => (true, Some(spec)),
            Self::Modifier(Modifier { kind: ModifierKind::Exp(_) | ModifierKind::Unknown(..), .. }) => {
                (false, None)
            }
        };
        u32::from(looks_up) + u32::from(target.is_some_and(|spec| spec.text().uses(Letter::Validated)))
    }
}

/// A record without an error in it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Record {
    terms: Box<[Term]>,
}

impl Record {
    /// Reads a record, the strings of the TXT record put together. There is a value only if there is no error at all
    /// (RFC 7208 §4.6); the findings are all errors, and what else is worth saying. At most [`MAX_RECORD`] bytes.
    pub fn parse(text: &[u8]) -> Parsed<Self> {
        parse::record(text)
    }

    /// Reads a record as a check does: the record, or the first error in the text.
    pub(crate) fn parse_strict(text: &[u8]) -> Result<Self, Finding> {
        parse::strict(text)
    }

    /// Its terms in order.
    pub fn terms(&self) -> &[Term] {
        &self.terms
    }

    /// Its mechanisms in order.
    pub fn directives(&self) -> impl Iterator<Item = &Directive> {
        self.terms.iter().filter_map(|term| match term {
            Term::Directive(directive) => Some(directive),
            Term::Modifier(_) => None,
        })
    }

    fn modifiers(&self) -> impl Iterator<Item = &Modifier> {
        self.terms.iter().filter_map(|term| match term {
            Term::Modifier(modifier) => Some(modifier),
            Term::Directive(_) => None,
        })
    }

    /// Whether one of its mechanisms is `all`.
    pub fn has_all(&self) -> bool {
        self.directives().any(|d| d.mechanism == Mechanism::All)
    }

    /// The redirect that counts, and where it stands. RFC 7208 §5.1: where there is an `all`, none does.
    pub fn redirect(&self) -> Option<(&DomainSpec, Span)> {
        let found = self.modifiers().find_map(|m| match &m.kind {
            ModifierKind::Redirect(spec) => Some((spec, m.span)),
            ModifierKind::Exp(_) | ModifierKind::Unknown(..) => None,
        });
        found.filter(|_| !self.has_all())
    }

    /// Where the explanation of a fail is published, and where the record says so.
    pub fn exp(&self) -> Option<(&DomainSpec, Span)> {
        self.modifiers().find_map(|m| match &m.kind {
            ModifierKind::Exp(spec) => Some((spec, m.span)),
            ModifierKind::Redirect(_) | ModifierKind::Unknown(..) => None,
        })
    }
}

struct Prefix<'a>(&'a str, Option<u8>);

impl fmt::Display for Prefix<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.1.map_or(Ok(()), |length| write!(f, "{}{length}", self.0))
    }
}

impl fmt::Display for Mechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        if let Some(spec) = self.target() {
            write!(f, ":{spec}")?;
        }
        match self {
            Self::A(_, cidr) | Self::Mx(_, cidr) => {
                write!(f, "{}{}", Prefix("/", cidr.ip4), Prefix("//", cidr.ip6))
            }
            Self::Ip4(network, prefix) => write!(f, ":{network}{}", Prefix("/", *prefix)),
            Self::Ip6(network, prefix) => write!(f, ":{network}{}", Prefix("/", *prefix)),
            Self::All | Self::Include(_) | Self::Ptr(_) | Self::Exists(_) => Ok(()),
        }
    }
}

impl fmt::Display for Directive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.qualifier.as_str(), self.mechanism)
    }
}

impl fmt::Display for Modifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            ModifierKind::Redirect(spec) => write!(f, "redirect={spec}"),
            ModifierKind::Exp(spec) => write!(f, "exp={spec}"),
            ModifierKind::Unknown(name, value) => write!(f, "{name}={value}"),
        }
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directive(directive) => directive.fmt(f),
            Self::Modifier(modifier) => modifier.fmt(f),
        }
    }
}

/// The record as text, one space between terms. All of it is visible ASCII and spaces.
impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("v=spf1")?;
        self.terms.iter().try_for_each(|term| write!(f, " {term}"))
    }
}

#[cfg(test)]
mod tests;
