//! What comes back: records, or one of the ways in which there are none, which are never mixed up.

use std::borrow::Cow;
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use crate::name::Name;
use crate::question::RecordType;

/// A text, as the strings that it came in.
pub type Strings = Arc<[Box<[u8]>]>;

/// The content of one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Data {
    /// An IPv4 address.
    A(Ipv4Addr),
    /// An IPv6 address.
    Aaaa(Ipv6Addr),
    /// A mail exchanger.
    Mx {
        /// Lower is tried first.
        preference: u16,
        /// Its host; the root for a null MX (RFC 7505).
        exchange: Name,
    },
    /// A text, as the strings that it came in.
    Txt(Strings),
    /// The name of an address.
    Ptr(Name),
    /// A TLS certificate association (RFC 6698 §2.1).
    Tlsa {
        /// Certificate usage.
        usage: u8,
        /// Selector.
        selector: u8,
        /// Matching type.
        matching: u8,
        /// Certificate association data.
        data: Arc<[u8]>,
    },
    /// A name server.
    Ns(Name),
    /// A start of authority: the fields that matter to a client.
    Soa {
        /// The primary server's name.
        mname: Name,
        /// The version of the zone.
        serial: u32,
        /// How long a "no" of this zone may be kept, in seconds (RFC 2308 §4).
        minimum: u32,
    },
    /// The name that this one is an alias of.
    Cname(Name),
}

impl Data {
    /// The type of record that this is the content of.
    pub const fn record_type(&self) -> RecordType {
        match self {
            Self::A(_) => RecordType::A,
            Self::Aaaa(_) => RecordType::Aaaa,
            Self::Mx { .. } => RecordType::Mx,
            Self::Txt(_) => RecordType::Txt,
            Self::Ptr(_) => RecordType::Ptr,
            Self::Tlsa { .. } => RecordType::Tlsa,
            Self::Ns(_) => RecordType::Ns,
            Self::Soa { .. } => RecordType::Soa,
            Self::Cname(_) => RecordType::Cname,
        }
    }

    /// The strings of a text put together with nothing between (RFC 7208 §3.3, RFC 6376 §3.6.2.2); `None` for others.
    pub fn text(&self) -> Option<Cow<'_, [u8]>> {
        match self {
            Self::Txt(strings) => Some(match &**strings {
                [string] => Cow::Borrowed(string),
                strings => Cow::Owned(strings.concat()),
            }),
            _ => None,
        }
    }

    /// A text of one string, or of several of at most 255 bytes where it is longer.
    pub fn txt(text: impl AsRef<[u8]>) -> Self {
        let text = text.as_ref();
        let strings: Vec<Box<[u8]>> =
            if text.is_empty() { vec![Box::default()] } else { text.chunks(255).map(Box::from).collect() };
        Self::Txt(strings.into())
    }
}

/// How a question ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Records of the type asked for, at least one.
    Records(Arc<[Data]>),
    /// The name exists, or something below it does; no record of this type.
    NoData,
    /// The name does not exist, nor anything below it (RFC 8020).
    NoSuchName,
    /// The server could not, or would not, say (SERVFAIL, REFUSED, an answer that can't be read).
    ServerFailure,
    /// No answer in time.
    TimeOut,
    /// DNSSEC says that the answer is forged.
    Bogus,
}

impl Reply {
    /// Records, or [`Reply::NoData`] where there are none.
    pub fn from_records(records: impl Into<Arc<[Data]>>) -> Self {
        let records = records.into();
        if records.is_empty() { Self::NoData } else { Self::Records(records) }
    }

    /// Why nobody knows what the answer would have been; `None` if it is known.
    pub const fn failure(&self) -> Option<Failure> {
        match self {
            Self::ServerFailure => Some(Failure::ServerFailure),
            Self::TimeOut => Some(Failure::TimeOut),
            Self::Bogus => Some(Failure::Bogus),
            Self::Records(_) | Self::NoData | Self::NoSuchName => None,
        }
    }

    /// Whether it is a firm "no": RFC 7208 §4.6.4 calls such a look-up void.
    pub const fn is_void(&self) -> bool {
        match self {
            Self::NoData | Self::NoSuchName => true,
            Self::Records(_) | Self::ServerFailure | Self::TimeOut | Self::Bogus => false,
        }
    }
}

/// Why the DNS did not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Failure {
    /// [`Reply::ServerFailure`].
    ServerFailure,
    /// [`Reply::TimeOut`].
    TimeOut,
    /// [`Reply::Bogus`].
    Bogus,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ServerFailure => "the server could not answer",
            Self::TimeOut => "no answer came in time",
            Self::Bogus => "the answer is forged, by what DNSSEC says",
        })
    }
}

impl From<Failure> for Reply {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::ServerFailure => Self::ServerFailure,
            Failure::TimeOut => Self::TimeOut,
            Failure::Bogus => Self::Bogus,
        }
    }
}

/// The answer to one question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// How the question ended.
    pub reply: Reply,
    /// How long it may be kept, in seconds; the shortest of its records.
    pub ttl: u32,
    /// Whether a resolver that is trusted to validate said that it is authentic (DNSSEC's AD bit).
    pub authenticated: bool,
    /// Whether the name that was asked for is an alias, so that the reply is about another one.
    pub alias: bool,
    /// How long the asker waited for it.
    pub took: Duration,
}

impl Answer {
    /// An answer that took no time, is not authenticated and may not be kept.
    pub fn new(reply: Reply) -> Self {
        Self { reply, ttl: 0, authenticated: false, alias: false, took: Duration::ZERO }
    }

    /// The records; empty where there are none, for whatever reason.
    pub fn records(&self) -> &[Data] {
        match &self.reply {
            Reply::Records(records) => records,
            Reply::NoData | Reply::NoSuchName | Reply::ServerFailure | Reply::TimeOut | Reply::Bogus => &[],
        }
    }
}
