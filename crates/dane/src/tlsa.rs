//! One TLSA record, and whether SMTP can use it (RFC 6698 §2.1, RFC 7672 §3.1).

use std::fmt;
use std::sync::Arc;

use dns::Data;

/// Whose certificate a record speaks of; only these two can be used for SMTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Usage {
    /// DANE-TA(2): an authority that issued the server's.
    TrustAnchor,
    /// DANE-EE(3): the server's own.
    EndEntity,
}

/// Which part of the certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Selector {
    /// Cert(0): all of it.
    Certificate,
    /// SPKI(1): its public key.
    PublicKey,
}

/// In which form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Matching {
    /// Full(0): as it is.
    Full,
    /// SHA2-256(1).
    Sha256,
    /// SHA2-512(2).
    Sha512,
}

/// A TLSA record that SMTP can use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tlsa {
    /// Whose certificate.
    pub usage: Usage,
    /// Which part of it.
    pub selector: Selector,
    /// In which form.
    pub matching: Matching,
    /// The part itself or its hash, not empty and of the hash's length.
    data: Arc<[u8]>,
}

/// Why a TLSA record can't be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unusable {
    /// PKIX-TA(0) or PKIX-EE(1).
    Pkix(u8),
    /// No usage that is known.
    Usage(u8),
    /// No selector that is known.
    Selector(u8),
    /// No matching type that is known.
    Matching(u8),
    /// The data is empty, or not as long as the hash.
    Length(usize),
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pkix(usage) => {
                write!(f, "usage {usage} needs a list of authorities, which SMTP does not have")
            }
            Self::Usage(usage) => write!(f, "usage {usage} is not known"),
            Self::Selector(selector) => write!(f, "selector {selector} is not known"),
            Self::Matching(matching) => write!(f, "matching type {matching} is not known"),
            Self::Length(length) => write!(f, "data of {length} bytes fits no certificate or hash"),
        }
    }
}

impl Tlsa {
    /// Reads one record; `None` for records of other types.
    pub fn from_data(data: &Data) -> Option<Result<Self, Unusable>> {
        match data {
            Data::Tlsa { usage, selector, matching, data } => {
                Some(Self::read(*usage, *selector, *matching, data))
            }
            _ => None,
        }
    }

    fn read(usage: u8, selector: u8, matching: u8, data: &Arc<[u8]>) -> Result<Self, Unusable> {
        let usage = match usage {
            // RFC 7672 §3.1.3: SMTP clients treat both as unusable.
            0 | 1 => return Err(Unusable::Pkix(usage)),
            2 => Usage::TrustAnchor,
            3 => Usage::EndEntity,
            _ => return Err(Unusable::Usage(usage)),
        };
        let selector = match selector {
            0 => Selector::Certificate,
            1 => Selector::PublicKey,
            _ => return Err(Unusable::Selector(selector)),
        };
        let matching = match matching {
            0 => Matching::Full,
            1 => Matching::Sha256,
            2 => Matching::Sha512,
            _ => return Err(Unusable::Matching(matching)),
        };
        let fits = match matching {
            Matching::Full => !data.is_empty(),
            Matching::Sha256 => data.len() == 32,
            Matching::Sha512 => data.len() == 64,
        };
        if fits {
            Ok(Self { usage, selector, matching, data: data.clone() })
        } else {
            Err(Unusable::Length(data.len()))
        }
    }

    /// The part of the certificate that is meant, or its hash.
    pub fn data(&self) -> &[u8] {
        &self.data
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(usage: u8, selector: u8, matching: u8, length: usize, expected: Result<(), Unusable>) {
        let data = Data::Tlsa { usage, selector, matching, data: vec![7; length].into() };
        let read = Tlsa::from_data(&data).unwrap();
        assert_eq!(read.map(drop), expected, "{usage} {selector} {matching} {length}");
    }

    #[test]
    fn what_smtp_can_use() {
        for usage in [2, 3] {
            for selector in [0, 1] {
                check(usage, selector, 0, 1, Ok(()));
                check(usage, selector, 0, 0, Err(Unusable::Length(0)));
                for (matching, length) in [(1, 32), (2, 64)] {
                    check(usage, selector, matching, length, Ok(()));
                    check(usage, selector, matching, length - 1, Err(Unusable::Length(length - 1)));
                    check(usage, selector, matching, length + 1, Err(Unusable::Length(length + 1)));
                }
                check(usage, selector, 3, 32, Err(Unusable::Matching(3)));
            }
            check(usage, 2, 1, 32, Err(Unusable::Selector(2)));
        }
        check(0, 1, 1, 32, Err(Unusable::Pkix(0)));
        check(1, 1, 1, 32, Err(Unusable::Pkix(1)));
        check(4, 1, 1, 32, Err(Unusable::Usage(4)));
        check(255, 1, 1, 32, Err(Unusable::Usage(255)));
        assert_eq!(Tlsa::from_data(&Data::txt("x")), None);
    }
}
