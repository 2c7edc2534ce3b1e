//! What the client said in SMTP: the name it greeted with and the reverse path, read from the bytes as transmitted.

use crate::domain::Domain;

/// What stands after the `@` of a path.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PathDomain {
    /// A domain name.
    Name(Domain),
    /// An address in brackets (RFC 5321 §4.1.3).
    Literal,
    /// Has the characters of a domain, but labels or a length that no name has.
    Malformed,
}

/// The argument of MAIL FROM (RFC 5321 §4.1.2), without its brackets and source route.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ReversePath {
    /// `<>`
    Null,
    /// A mailbox.
    Mailbox {
        /// The local part, quotes and quoted-pairs undone.
        local: Vec<u8>,
        /// What stands after the last `@` outside quotes.
        domain: PathDomain,
    },
    /// No path by the rules of RFC 5321; the bytes as they came.
    Invalid(Vec<u8>),
}

/// The argument of HELO or EHLO.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Helo {
    /// A domain name, fully qualified or not.
    Name(Domain),
    /// Anything else: an address literal, nothing at all, bytes that no name has. As it came.
    Other(Vec<u8>),
}
