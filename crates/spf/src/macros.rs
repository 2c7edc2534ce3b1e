//! Macro-strings (RFC 7208 §7): text with places to be filled in. One parse function per rule of the grammar.

mod expand;
mod parse;

use std::fmt::{self, Write};

pub use expand::{NoTarget, UNKNOWN};
pub(crate) use expand::{Values, dotted, explanation, target};
pub use parse::{MacroError, MacroErrorKind};

/// What a macro stands for (RFC 7208 §7.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Letter {
    /// `s`: the sender.
    Sender,
    /// `l`: its local part.
    Local,
    /// `o`: its domain.
    SenderDomain,
    /// `d`: the domain whose record is being evaluated.
    Domain,
    /// `i`: the client's address, dotted.
    Ip,
    /// `p`: the validated name of the client's address.
    Validated,
    /// `v`: `in-addr` or `ip6`.
    Version,
    /// `h`: what the client said in HELO.
    Helo,
    /// `c`: the client's address for people; explanations only.
    ReadableIp,
    /// `r`: the receiving host; explanations only.
    Receiver,
    /// `t`: seconds since 1970; explanations only.
    Time,
}

impl Letter {
    const ALL: [(u8, Self); 11] = [
        (b's', Self::Sender),
        (b'l', Self::Local),
        (b'o', Self::SenderDomain),
        (b'd', Self::Domain),
        (b'i', Self::Ip),
        (b'p', Self::Validated),
        (b'v', Self::Version),
        (b'h', Self::Helo),
        (b'c', Self::ReadableIp),
        (b'r', Self::Receiver),
        (b't', Self::Time),
    ];

    fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL.iter().find(|(b, _)| *b == byte.to_ascii_lowercase()).map(|(_, letter)| *letter)
    }

    fn as_byte(self) -> u8 {
        Self::ALL.iter().find(|(_, letter)| *letter == self).map_or(b'?', |(b, _)| *b)
    }

    /// RFC 7208 §7.2: c, r and t belong to explanation texts alone.
    const fn only_in_explanations(self) -> bool {
        matches!(self, Self::ReadableIp | Self::Receiver | Self::Time)
    }
}

/// `%{…}`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Macro {
    /// What it stands for.
    pub letter: Letter,
    /// Written in upper case: the value is URL-escaped.
    pub escape: bool,
    /// How many right-hand parts to keep; `None` for all. Never zero.
    pub keep: Option<u32>,
    /// Whether the parts are reversed first.
    pub reverse: bool,
    /// The characters that part the value, as written; a dot where there are none.
    pub delimiters: Box<str>,
}

/// A piece of a macro-string.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// Text as it is: visible ASCII without `%`; in explanations also spaces.
    Literal(Box<str>),
    /// A macro.
    Macro(Macro),
    /// `%%`: a percent sign.
    Percent,
    /// `%_`: a space.
    Space,
    /// `%-`: a space as URLs write it, `%20`.
    UrlSpace,
}

/// A macro-string: what unknown modifiers have, and explanation texts, where spaces are allowed too.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct MacroString {
    parts: Box<[Part]>,
}

impl MacroString {
    /// The pieces in order. No two literals stand side by side.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Whether one of the macros stands for `letter`.
    pub fn uses(&self, letter: Letter) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Macro(m) if m.letter == letter))
    }
}

/// A domain-spec: a macro-string that ends in a top-level label or in a macro (RFC 7208 §7.1).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DomainSpec {
    text: MacroString,
    /// The name, where it has no macro and is the same for every message.
    literal: Option<Box<dns::Name>>,
}

impl DomainSpec {
    fn new(text: MacroString) -> Self {
        let mut spec = Self { text, literal: None };
        if !spec.text.parts.iter().any(|part| matches!(part, Part::Macro(_))) {
            let name = target(&spec, &Values::only_domain(&dns::Name::root()));
            spec.literal = name.ok().map(Box::new);
        }
        spec
    }

    /// The macro-string.
    pub fn text(&self) -> &MacroString {
        &self.text
    }

    /// The name, where nothing has to be filled in.
    pub(crate) fn literal(&self) -> Option<&dns::Name> {
        self.literal.as_deref()
    }

    /// The name that comes out whatever message is checked; `None` where that depends on the message. `domain` is the
    /// owner of the record, for `%{d}`.
    pub fn fixed(&self, domain: &dns::Name) -> Option<Result<dns::Name, NoTarget>> {
        let known = self.text.parts.iter().all(|p| match p {
            Part::Macro(m) => m.letter == Letter::Domain,
            Part::Literal(_) | Part::Percent | Part::Space | Part::UrlSpace => true,
        });
        known.then(|| target(self, &Values::only_domain(domain)))
    }
}

impl fmt::Display for Macro {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letter = self.letter.as_byte();
        let letter = if self.escape { letter.to_ascii_uppercase() } else { letter };
        write!(f, "%{{{}", char::from(letter))?;
        if let Some(keep) = self.keep {
            write!(f, "{keep}")?;
        }
        if self.reverse {
            f.write_char('r')?;
        }
        write!(f, "{}}}", self.delimiters)
    }
}

impl fmt::Display for MacroString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parts.iter().try_for_each(|part| match part {
            Part::Literal(text) => f.write_str(text),
            Part::Macro(m) => m.fmt(f),
            Part::Percent => f.write_str("%%"),
            Part::Space => f.write_str("%_"),
            Part::UrlSpace => f.write_str("%-"),
        })
    }
}

impl fmt::Display for DomainSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.fmt(f)
    }
}
