//! DMARC (RFC 9989): what a domain's owner asks to be done with messages that nobody vouches for, and whether somebody
//! does. [`discover`] asks the DNS, [`evaluate`] weighs the proofs of SPF and DKIM; [`Record::parse`] reads records.
#![forbid(unsafe_code)]

mod align;
mod discover;
mod evaluate;
mod evidence;
mod lint;
#[cfg(test)]
mod oracle;
mod reason;
mod record;
mod slots;
mod step;
#[cfg(test)]
mod testing;
mod uri;
mod values;
mod walk;

pub use align::{Alignment, Because, Organization};
pub use discover::{Applies, Discovery, MAX_IDENTIFIERS, Method, Options, PolicyRecord, discover};
pub use evaluate::{Applied, Check, Identifier, MAX_AUTHOR_DOMAINS};
pub use evidence::{DkimEvidence, SpfEvidence, evaluate};
pub use lint::misplaced;
pub use reason::{AlignedBy, Mechanism, Outcome, Reason};
pub use record::{MAX_RECORD, MAX_REPORT_URIS, Policies, PolicyTag, Record, Relation};
pub use slots::MAX_TAG_FINDINGS;
pub use step::Step;
pub use uri::{MAX_LOCAL_PART, ReportAddress, ReportUri, UriError};
pub use values::{FailureOptions, FailureTrigger, Mode, Policy, Psd, Testing};
pub use walk::{Found, MAX_NAMES, Place, Published, RecordMemo, Walk, lookup, names, walk};
