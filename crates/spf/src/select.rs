//! Finding the SPF record of a domain among its texts (RFC 7208 §4.4, §4.5).

use std::fmt;
use std::sync::Arc;

use dns::{Answer, Data, Dns, Failure, Memo, Name, Question, RecordType, Reply, Strings};
use mail::Finding;

use crate::record::Record;

/// The version section of a record.
pub(crate) const VERSION: &[u8] = b"v=spf1";

/// Whether a text is an SPF record.
fn is_spf(text: &Strings) -> bool {
    // RFC 7208 §4.5: the version is exactly "v=spf1" (§12: in any case), and a space or the end comes after it.
    let is_version = |front: &[u8]| match front.split_at_checked(VERSION.len()) {
        Some((version, next)) => version.eq_ignore_ascii_case(VERSION) && matches!(next, [] | [b' ', ..]),
        None => false,
    };
    match text.first() {
        Some(first) if first.len() > VERSION.len() => is_version(first),
        // RFC 7208 §3.3: strings are put together without spaces.
        _ => is_version(&text.concat()),
    }
}

/// A record as it was found: whose it is, its text, and what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// The name that was asked for it.
    pub domain: Name,
    /// The text, its strings put together.
    pub text: Box<[u8]>,
    /// The record, or the first error in it.
    pub record: Result<Record, Finding>,
}

impl Published {
    /// Parses the text of a record found at `domain`.
    pub fn new(domain: Name, text: impl Into<Box<[u8]>>) -> Self {
        let text = text.into();
        let record = Record::parse_strict(&text);
        Self { domain, text, record }
    }

    /// Everything worth saying about the record: errors, and what a check does not look for.
    pub fn findings(&self) -> Vec<Finding> {
        Record::parse(&self.text).findings
    }
}

/// What answers came to before, for all messages of a receiver.
pub type RecordMemo = Memo<Lookup>;

/// Why there is no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Absence {
    /// The domain does not exist.
    NoSuchName,
    /// It has no text at all.
    NoText,
    /// None of its texts is an SPF record.
    NoRecord,
}

impl fmt::Display for Absence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoSuchName => "the domain does not exist",
            Self::NoText => "the domain has no TXT record",
            Self::NoRecord => "none of the domain's TXT records is an SPF record",
        })
    }
}

/// What was found in looking for a domain's record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// Its record, with or without errors.
    Found(Arc<Published>),
    /// It has none.
    Absent(Absence),
    /// It has more than one, so none of them counts; their texts.
    Several(Vec<Box<[u8]>>),
    /// The DNS did not say.
    Failed(Failure),
}

impl Lookup {
    /// Selects the record from the answer to the TXT question for `domain`, whatever order its texts are in. A memo makes
    /// it cheaper and changes nothing else.
    pub fn from_answer(domain: &Name, answer: &Answer, memo: Option<&RecordMemo>) -> Self {
        match (&answer.reply, memo) {
            (Reply::Records(records), Some(memo)) => {
                let select = || Self::select(domain, records);
                memo.get(records, |known| known.is_of(domain), select)
            }
            (Reply::Records(records), None) => Self::select(domain, records),
            (Reply::NoSuchName, _) => Self::Absent(Absence::NoSuchName),
            (Reply::NoData, _) => Self::Absent(Absence::NoText),
            // RFC 7208 §4.4: an error is a temperror, never "no record".
            (Reply::ServerFailure, _) => Self::Failed(Failure::ServerFailure),
            (Reply::TimeOut, _) => Self::Failed(Failure::TimeOut),
            (Reply::Bogus, _) => Self::Failed(Failure::Bogus),
        }
    }

    fn select(domain: &Name, records: &[Data]) -> Self {
        let mut texts = records.iter().filter_map(spf_text);
        match (texts.next(), texts.next()) {
            (Some(text), None) => Self::Found(Arc::new(Published::new(domain.clone(), text.concat()))),
            (Some(first), Some(second)) => {
                let all = [first, second].into_iter().chain(texts);
                Self::Several(all.map(|text| text.concat().into()).collect())
            }
            (None, _) => Self::Absent(Absence::NoRecord),
        }
    }

    /// Whether it is true of this domain: the answers for two domains may be one, but a record knows whose it is.
    fn is_of(&self, domain: &Name) -> bool {
        match self {
            Self::Found(published) => published.domain == *domain,
            Self::Absent(_) | Self::Several(_) | Self::Failed(_) => true,
        }
    }
}

/// The text of a TXT record that is an SPF record.
fn spf_text(data: &Data) -> Option<&Strings> {
    match data {
        Data::Txt(strings) => is_spf(strings).then_some(strings),
        _ => None,
    }
}

/// RFC 7208 §3.1, §4.4: records are TXT only; type 99 is never asked for.
pub(crate) fn question(domain: &Name) -> Question {
    Question::new(domain.clone(), RecordType::Txt)
}

/// Looks for the SPF record of a domain, with one question.
pub async fn lookup<D: Dns>(dns: &D, domain: &Name) -> Lookup {
    Lookup::from_answer(domain, &dns.ask(&question(domain)).await, None)
}
