//! What is wrong with a certificate, in the terms in which reports speak of it (RFC 8460 §4.3).

use std::fmt;

use rustls::{CertificateError, Error};

/// Why a server's certificate is not believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Certificate {
    /// Its time is over.
    Expired,
    /// Its time has not come.
    NotYetValid,
    /// It is not for this name.
    Name,
    /// Nobody whom we believe has signed it.
    Issuer,
    /// Something else.
    Other(String),
}

impl fmt::Display for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expired => f.write_str("expired"),
            Self::NotYetValid => f.write_str("not valid yet"),
            Self::Name => f.write_str("for another name"),
            Self::Issuer => f.write_str("not signed by an authority that is known here"),
            Self::Other(why) => f.write_str(why),
        }
    }
}

impl Certificate {
    /// What a failed handshake says of the certificate; `None` where it failed for something else.
    pub(crate) fn of(error: &Error) -> Option<Self> {
        let Error::InvalidCertificate(error) = error else {
            return matches!(error, Error::NoCertificatesPresented)
                .then(|| Self::Other("missing".to_owned()));
        };
        Some(match error {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => Self::Expired,
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => Self::NotYetValid,
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => Self::Name,
            // An unknown authority with the name of one that is known shows as a signature that does not fit.
            CertificateError::UnknownIssuer | CertificateError::BadSignature => Self::Issuer,
            other => Self::Other(mail::shortened(other.to_string().as_bytes(), 200)),
        })
    }
}
