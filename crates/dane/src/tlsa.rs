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
    /// The part itself, a DER sequence, or its hash, of the hash's length.
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
    /// The data is not as long as the hash.
    Length(usize),
    /// The data is no certificate or key, nor anything in its form.
    NotDer,
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
            Self::Length(length) => write!(f, "data of {length} bytes is no such hash"),
            Self::NotDer => f.write_str("its data is no certificate or key"),
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
        match matching {
            Matching::Full if !is_sequence(data) => Err(Unusable::NotDer),
            Matching::Sha256 if data.len() != 32 => Err(Unusable::Length(data.len())),
            Matching::Sha512 if data.len() != 64 => Err(Unusable::Length(data.len())),
            Matching::Full | Matching::Sha256 | Matching::Sha512 => {
                Ok(Self { usage, selector, matching, data: data.clone() })
            }
        }
    }

    /// The part of the certificate that is meant, or its hash.
    pub fn data(&self) -> &[u8] {
        &self.data
    }
}

/// Whether the data is one DER sequence and nothing else, as certificates and keys are.
fn is_sequence(data: &[u8]) -> bool {
    let (length, content) = match data {
        [0x30, length @ 0..=0x7f, content @ ..] => (usize::from(*length), content),
        [0x30, 0x81, length, content @ ..] => (usize::from(*length), content),
        // No record of the DNS is longer.
        [0x30, 0x82, high, low, content @ ..] => (usize::from(u16::from_be_bytes([*high, *low])), content),
        _ => return false,
    };
    content.len() == length
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
                check(usage, selector, 0, 0, Err(Unusable::NotDer));
                check(usage, selector, 0, 32, Err(Unusable::NotDer));
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

    /// What stands whole is a certificate or a key: one DER sequence, and nothing behind it. What is none, no server can have.
    #[test]
    fn what_stands_whole() {
        let read = |data: &[u8]| {
            let data = Data::Tlsa { usage: 3, selector: 1, matching: 0, data: data.into() };
            Tlsa::from_data(&data).unwrap().map(drop)
        };
        let long = |front: &[u8], length: usize| [front, &vec![5; length]].concat();
        for good in [
            vec![0x30, 0],
            vec![0x30, 2, 5, 0],
            long(&[0x30, 0x7f], 0x7f),
            long(&[0x30, 0x81, 0x80], 0x80),
            long(&[0x30, 0x82, 0x01, 0x02], 0x102),
        ] {
            assert_eq!(read(&good), Ok(()), "{good:?}");
            assert_eq!(read(&[&good[..], &[0]].concat()), Err(Unusable::NotDer), "{good:?} and more");
            assert_eq!(read(&good[..good.len() - 1]), Err(Unusable::NotDer), "{good:?} cut");
        }
        for bad in
            [&[0x31, 0][..], &[0x30], &[0x30, 0x80], &[0x30, 0x80, 0, 0], &[0x30, 0x84], &[0x30, 0xff, 0]]
        {
            assert_eq!(read(bad), Err(Unusable::NotDer), "{bad:?}");
        }
        let huge = [0x30, 0x88, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
        assert_eq!(read(&huge), Err(Unusable::NotDer));
    }
}
