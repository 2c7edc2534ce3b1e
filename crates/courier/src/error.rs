//! Why there is no policy.

use std::io;
use std::net::{IpAddr, SocketAddr};

use dns::{Failure, Question};
use mail::Finding;
use mta_sts::Refusal;

use crate::address::Special;
use crate::certificate::Certificate;
use crate::connect::Unreached;

/// Why a policy could not be had. Texts from outside are printable and short.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The name of the policy host would be too long.
    #[error("no policy host: its name would be too long")]
    NoName,
    /// The addresses are not known.
    #[error("no address of the policy host: {0}: {1}")]
    Dns(Question, Failure),
    /// There are none.
    #[error("the policy host has no address")]
    NoAddress,
    /// None of them is public.
    #[error("the policy host has only addresses that are not public, such as {0} ({1})")]
    Special(IpAddr, Special),
    /// No connection to any address; the last that was tried.
    #[error("no connection to {0}: {1}")]
    Connect(SocketAddr, #[source] io::Error),
    /// The proxy did not make one.
    #[error("no connection through the proxy: {0}")]
    Proxy(String),
    /// The certificate.
    #[error("the certificate of the policy host is {0}")]
    Certificate(Certificate),
    /// Something else in the handshake.
    #[error("no TLS with the policy host: {0}")]
    Tls(String),
    /// What came is not HTTP, or ended before its end.
    #[error("no answer of the policy host: {0}")]
    Http(String),
    /// It is HTTP, and not a policy.
    #[error("the answer of the policy host is none: {0}")]
    Refused(#[from] Refusal),
    /// The file is no policy; the first finding says why.
    #[error("the policy is not valid: {}", first(.0))]
    Invalid(Vec<Finding>),
    /// It took too long.
    #[error("no policy in time")]
    Late,
}

impl From<Unreached> for FetchError {
    fn from(why: Unreached) -> Self {
        match why {
            Unreached::Dns(question, failure) => Self::Dns(question, failure),
            Unreached::NoAddress => Self::NoAddress,
            Unreached::Special(address, why) => Self::Special(address, why),
            Unreached::Connect(address, error) => Self::Connect(address, error),
        }
    }
}

fn first(findings: &[Finding]) -> String {
    let first = findings.iter().find(|finding| finding.severity == mail::Severity::Error);
    first.map(|finding| finding.message.clone()).unwrap_or_default()
}

/// Why there are no authorities to believe.
#[derive(Debug, thiserror::Error)]
pub enum RootsError {
    /// None could be read.
    #[error("the certificate authorities of the system can't be read: {0}")]
    None(String),
    /// A file that was named can't be read.
    #[error("the certificate authorities can't be read: {0}")]
    File(String),
    /// A file that was named holds none.
    #[error("no certificate authority in {0}")]
    Empty(String),
    /// TLS can't be set up.
    #[error("TLS can't be set up: {0}")]
    Tls(String),
}
