//! What the receiver accepts beyond what the RFCs say, as values with defaults.

use crate::key::MIN_RSA_BITS;

/// Most signatures of one message that are tried, and so most keys that are asked for.
pub const MAX_SIGNATURES: usize = 10;
/// How far clocks may be apart, in seconds.
pub const SKEW: u64 = 300;

/// What is done with signatures that limit themselves to a length of the body, l=.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyLength {
    /// They never pass.
    Never,
    /// They pass if the length is that of the whole body.
    Exact,
}

/// What the signed text is: a key record can be for some services only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// Mail.
    Email,
    /// A TLS report (RFC 8460 §3).
    TlsRpt,
}

impl Service {
    /// The name, as s= of a key record has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::TlsRpt => "tlsrpt",
        }
    }
}

/// What the receiver accepts beyond what the RFCs say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// How far clocks may be apart, in seconds.
    pub skew: u64,
    /// What is done with l=.
    pub body_length: BodyLength,
    /// Whether a signature passes although a signed field that should be there once is there once more, unsigned.
    pub accept_unsigned_duplicates: bool,
    /// Fields that must be signed if they are there, in lower case. From always must.
    pub must_sign: Vec<Box<str>>,
    /// Fewest bits of an RSA key; below 1024 it has no effect.
    pub min_rsa_bits: usize,
    /// Most signatures that are tried; above [`MAX_SIGNATURES`] it has no effect.
    pub max_signatures: usize,
    /// What the signed text is.
    pub service: Service,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            skew: SKEW,
            body_length: BodyLength::Never,
            accept_unsigned_duplicates: false,
            must_sign: Vec::new(),
            min_rsa_bits: MIN_RSA_BITS,
            max_signatures: MAX_SIGNATURES,
            service: Service::Email,
        }
    }
}
