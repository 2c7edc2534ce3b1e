//! The ARC-Seal field (RFC 8617 §4.1.3): who vouches for the set and all sets before it.

use std::fmt;

use mail::Field;

use crate::field::{FieldError, FieldErrorKind, SignedBy};
use crate::instance::Instance;
use crate::tags::Tags;

/// What a sealer found of the chain that it got, cv= (RFC 8617 §4.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// There was none.
    None,
    /// It was not valid.
    Fail,
    /// It was valid.
    Pass,
}

impl Status {
    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Fail => "fail",
            Self::Pass => "pass",
        }
    }

    /// Reads the value of cv=; RFC 6376 §3.2: values are case-sensitive where nothing else is said.
    pub(crate) fn parse(value: &[u8]) -> Option<Self> {
        [Self::None, Self::Fail, Self::Pass].into_iter().find(|s| s.as_str().as_bytes() == value)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An ARC-Seal field in its right form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seal {
    /// i=.
    pub instance: Instance,
    /// cv=.
    pub status: Status,
    /// Who sealed.
    pub by: SignedBy,
}

impl Seal {
    /// Reads an ARC-Seal field. Unknown tags are ignored (RFC 6376 §3.2).
    ///
    /// DEVIATION: RFC 8617 §4.1.3 has i= in front of the other tags. Many write it elsewhere, and all read it there.
    pub fn parse(field: &Field<'_>) -> Result<Self, FieldError> {
        let tags = Tags::cut(field)?;
        // RFC 8617 §4.1.3: h= is not allowed and must result in a status of fail.
        if tags.has("h") {
            return Err(tags.error("h", FieldErrorKind::HeaderList));
        }
        let instance = tags.instance()?;
        let status = tags.required("cv", |value| Status::parse(value).ok_or(FieldErrorKind::Status))?;
        Ok(Self { instance, status, by: tags.signed_by()? })
    }
}
