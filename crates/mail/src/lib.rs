//! The floor of mailward: what mail is made of, as far as authentication has to know.
//! Domain names, addresses, header fields with spans, tag lists, Authentication-Results. Nothing here does I/O.
#![forbid(unsafe_code)]

pub mod address;
pub mod author;
pub mod authres;
pub mod domain;
pub mod encoded_word;
pub mod envelope;
pub mod escape;
pub mod explain;
pub mod finding;
pub mod header;
pub mod received;
pub mod suffix;
pub mod tags;
pub mod time;

pub use address::{AddressError, AddressList};
pub use author::{Author, AuthorError, author};
pub use domain::{Domain, DomainError};
pub use envelope::{Helo, PathDomain, ReversePath};
pub use escape::{printable, shortened};
pub use explain::{Explain, Quote, Section};
pub use finding::{Finding, Parsed, Severity, Span};
pub use header::{Defect, Field, Header, Splitter};
pub use received::Received;
pub use suffix::{Suffix, SuffixList, SuffixSection};
pub use tags::{Tag, TagError, TagErrorKind, split_tags};
pub use time::UnixTime;
