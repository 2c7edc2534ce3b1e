//! The steps that led to a check's reason, as typed data that can be told to a person.

use std::fmt;
use std::sync::Arc;

use dns::Name;
use mail::{Domain, Explain, Finding, Quote, Section, Span};

use crate::canon::Canon;
use crate::key::PublicKey;
use crate::reason::Reason;
use crate::signature::Algorithm;
use crate::who::Selector;

/// A text that a step is about, and the part that matters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cited {
    source: Source,
    text: Arc<[u8]>,
    span: Span,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Source {
    Field,
    Record(Name),
}

impl Cited {
    /// A part of the signature's field, or all of it.
    pub(crate) fn field(text: &Arc<[u8]>, span: Option<Span>) -> Self {
        let span = span.unwrap_or(Span::new(0, text.len()));
        Self { source: Source::Field, text: Arc::clone(text), span }
    }

    /// A part of the record at `name`, or all of it.
    pub(crate) fn record(name: &Name, text: &Arc<[u8]>, span: Option<Span>) -> Self {
        let span = span.unwrap_or(Span::new(0, text.len()));
        Self { source: Source::Record(name.clone()), text: Arc::clone(text), span }
    }

    fn quote(&self) -> Quote {
        let source = match &self.source {
            Source::Field => "header field DKIM-Signature".to_owned(),
            Source::Record(name) => format!("TXT {name}"),
        };
        Quote { source, text: self.text.to_vec(), span: self.span }
    }
}

/// One step of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The field was read, and is in the right form.
    Read {
        /// d=.
        domain: Domain,
        /// s=.
        selector: Selector,
        /// a=.
        algorithm: Algorithm,
        /// The field.
        cited: Cited,
    },
    /// The key was asked for.
    Asked {
        /// Where.
        name: Name,
    },
    /// The key was found.
    Key {
        /// The key.
        key: PublicKey,
        /// Whether DNSSEC vouches for it.
        authenticated: bool,
        /// The record.
        cited: Cited,
    },
    /// Something was noticed in the key record that its owner should know.
    KeyFinding {
        /// What.
        finding: Finding,
        /// The record, and where in it.
        cited: Cited,
    },
    /// The body was hashed and fits.
    Body {
        /// The canonical form.
        canon: Canon,
        /// Its length, in bytes.
        length: u64,
        /// The field, and bh= in it.
        cited: Cited,
    },
    /// The signed fields were hashed, and the signature fits.
    Header {
        /// The canonical form.
        canon: Canon,
        /// How many fields of the header are signed, the signature's own not counted.
        fields: usize,
        /// The field, and h= in it.
        cited: Cited,
    },
    /// Fields that a reader sees are there and not signed; see [`crate::WELL_SIGNED`].
    Unsigned {
        /// Their names, in lower case; not empty.
        names: Vec<&'static str>,
        /// The field, and h= in it.
        cited: Cited,
    },
    /// Something was decided: the reason of the check, or one more that came to light.
    Decided {
        /// Why.
        reason: Reason,
        /// The text that decided, if it was one.
        cited: Option<Cited>,
    },
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read { domain, selector, algorithm, .. } => {
                write!(f, "the signature says that {domain} made it, with its key {selector} ({algorithm})")
            }
            Self::Asked { name } => write!(f, "the key should be published at {name}"),
            Self::Key { key, authenticated, .. } => {
                write!(f, "the key is {key}{}", if *authenticated { ", authenticated by DNSSEC" } else { "" })
            }
            Self::KeyFinding { finding, .. } => f.write_str(&finding.message),
            Self::Body { canon, length, .. } => {
                write!(f, "the body ({canon}, {length} bytes) is the one that was signed")
            }
            Self::Header { canon, fields, .. } => {
                write!(f, "the {fields} signed header fields ({canon}) are the ones that were signed")
            }
            Self::Unsigned { names, .. } => {
                write!(f, "not signed, so anybody may have changed it: {}", names.join(", "))
            }
            Self::Decided { reason, .. } => reason.fmt(f),
        }
    }
}

impl Explain for Step {
    fn section(&self) -> Section {
        match self {
            Self::Read { .. } => Section("RFC 6376 §6.1.1"),
            Self::Asked { .. } => Section("RFC 6376 §3.6.2.1"),
            Self::Key { .. } => Section("RFC 6376 §6.1.2"),
            Self::KeyFinding { .. } => Section("RFC 6376 §3.6.1"),
            Self::Body { .. } | Self::Header { .. } => Section("RFC 6376 §3.7"),
            Self::Unsigned { .. } => Section("RFC 6376 §5.4.1"),
            Self::Decided { reason, .. } => reason.section(),
        }
    }

    fn quote(&self) -> Option<Quote> {
        match self {
            Self::Read { cited, .. }
            | Self::Key { cited, .. }
            | Self::KeyFinding { cited, .. }
            | Self::Body { cited, .. }
            | Self::Header { cited, .. }
            | Self::Unsigned { cited, .. } => Some(cited.quote()),
            Self::Asked { .. } => None,
            Self::Decided { cited, .. } => cited.as_ref().map(Cited::quote),
        }
    }
}
