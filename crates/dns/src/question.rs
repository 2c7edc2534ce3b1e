//! What is asked: a name and a type of record, in the class IN.

use std::fmt;
use std::str::FromStr;

use crate::name::Name;

/// The types of record that mail authentication asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RecordType {
    /// IPv4 address.
    A,
    /// IPv6 address.
    Aaaa,
    /// Mail exchanger.
    Mx,
    /// Text.
    Txt,
    /// Pointer, for names of addresses.
    Ptr,
    /// TLS certificate association (RFC 6698).
    Tlsa,
    /// Name server.
    Ns,
    /// Start of authority.
    Soa,
    /// Alias: asked for itself, it is not followed.
    Cname,
}

impl RecordType {
    /// Every type there is.
    pub const ALL: [Self; 9] =
        [Self::A, Self::Aaaa, Self::Mx, Self::Txt, Self::Ptr, Self::Tlsa, Self::Ns, Self::Soa, Self::Cname];

    /// The name of the type, as zones write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::Aaaa => "AAAA",
            Self::Mx => "MX",
            Self::Txt => "TXT",
            Self::Ptr => "PTR",
            Self::Tlsa => "TLSA",
            Self::Ns => "NS",
            Self::Soa => "SOA",
            Self::Cname => "CNAME",
        }
    }
}

impl fmt::Display for RecordType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text names no type that is known here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownRecordType;

impl FromStr for RecordType {
    type Err = UnknownRecordType;

    fn from_str(text: &str) -> Result<Self, UnknownRecordType> {
        Self::ALL.into_iter().find(|t| t.as_str().eq_ignore_ascii_case(text)).ok_or(UnknownRecordType)
    }
}

/// One question.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Question {
    /// The name asked for.
    pub name: Name,
    /// The type of record wanted.
    pub rtype: RecordType,
}

impl Question {
    /// A question for the records of one type at a name.
    pub fn new(name: Name, rtype: RecordType) -> Self {
        Self { name, rtype }
    }
}

/// `TXT _dmarc.example.com`.
impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.rtype, self.name)
    }
}
