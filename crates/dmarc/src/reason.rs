//! The result in one word, and what it rests on.

use std::fmt;

use dns::Failure;
use mail::AuthorError;

/// The result, as Authentication-Results says it (RFC 9989 §9.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// No record applies to the author domain.
    None,
    /// An aligned identifier vouches for the author domain.
    Pass,
    /// None does.
    Fail,
    /// A missing answer could change the result.
    TempError,
    /// There is no one author domain, or its record can't be used.
    PermError,
}

impl Outcome {
    /// The word of RFC 8601.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::TempError => "temperror",
            Self::PermError => "permerror",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What the result rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The message has no one author domain.
    Author(AuthorError),
    /// No record applies.
    NoRecord,
    /// The record that applies has no usable policy and asks for no reports.
    UnusableRecord,
    /// A look-up failed that decides which record applies.
    RecordUnknown(Failure),
    /// An identifier passed and is aligned.
    Aligned(AlignedBy),
    /// No identifier passed that is aligned.
    NotAligned,
    /// An identifier passed, and a look-up failed that decides whether it is aligned.
    AlignmentUnknown(Mechanism),
    /// An identifier is aligned, or may be, and a DNS error keeps whether it passed.
    EvidenceUnknown(Mechanism),
    /// The message fails, and a look-up failed that decides which policy of the record is meant.
    ExistenceUnknown(Failure),
}

impl Reason {
    /// The result that follows.
    pub const fn outcome(&self) -> Outcome {
        match self {
            Self::NoRecord => Outcome::None,
            Self::Aligned(_) => Outcome::Pass,
            Self::NotAligned => Outcome::Fail,
            Self::RecordUnknown(_)
            | Self::AlignmentUnknown(_)
            | Self::EvidenceUnknown(_)
            | Self::ExistenceUnknown(_) => Outcome::TempError,
            Self::Author(_) | Self::UnusableRecord => Outcome::PermError,
        }
    }
}

/// One plain clause; nothing of the message or the record is quoted.
impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Author(error) => error.fmt(f),
            Self::NoRecord => f.write_str("no DMARC record applies to the author domain"),
            Self::UnusableRecord => f.write_str("the DMARC record has no usable policy"),
            Self::RecordUnknown(trouble) => write!(f, "the DMARC record can't be known: {trouble}"),
            Self::Aligned(AlignedBy::Both) => f.write_str("aligned SPF and DKIM"),
            Self::Aligned(AlignedBy::Spf) => f.write_str("aligned SPF"),
            Self::Aligned(AlignedBy::Dkim) => f.write_str("aligned DKIM"),
            Self::NotAligned => f.write_str("no aligned SPF or DKIM"),
            Self::AlignmentUnknown(mechanism) => {
                write!(f, "whether the {mechanism} domain is aligned can't be known now")
            }
            Self::EvidenceUnknown(mechanism) => write!(f, "the {mechanism} result can't be known now"),
            Self::ExistenceUnknown(trouble) => {
                write!(f, "whether the author domain exists can't be known: {trouble}")
            }
        }
    }
}

/// The mechanisms with an aligned pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AlignedBy {
    /// SPF alone.
    Spf,
    /// DKIM alone.
    Dkim,
    /// Each of them.
    Both,
}

impl AlignedBy {
    /// `spf`, `dkim` or `both`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Spf => "spf",
            Self::Dkim => "dkim",
            Self::Both => "both",
        }
    }
}

/// The mechanisms that DMARC stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mechanism {
    /// RFC 7208.
    Spf,
    /// RFC 6376.
    Dkim,
}

impl fmt::Display for Mechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Spf => "SPF",
            Self::Dkim => "DKIM",
        })
    }
}
