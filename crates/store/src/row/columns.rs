//! A row as the columns of `messages`, and back. Reading checks everything again: a database is a border too.

mod lists;

use std::net::IpAddr;

use mail::Domain;
use serde_json::{Map, Value as Json};

use super::words::{Word, read};
use super::{EnvelopeFrom, MessageRow, Note, PublishedPolicy, RowId, Would};
use crate::Error;
use crate::history::DeferralKey;
use crate::value::Kind::{Blob, Int, Text};
use crate::value::{Kind, Row, Value, int};

/// The columns of `messages`, in the order in which they are written and read.
pub(crate) const COLUMNS: &[(&str, Kind)] = &[
    ("id", Blob),
    ("at", Int),
    ("bytes", Int),
    ("listener", Text),
    ("mode", Text),
    ("client_ip", Text),
    ("envelope_from", Text),
    ("author_domain", Text),
    ("org_domain", Text),
    ("dmarc", Text),
    ("dkim_aligned", Int),
    ("spf_aligned", Int),
    ("policy_domain", Text),
    ("published", Text),
    ("spf", Text),
    ("dkim", Text),
    ("disposition", Text),
    ("overrides", Text),
    ("rule", Text),
    ("taken", Text),
    ("would_observe", Text),
    ("would_quarantine", Text),
    ("would_enforce", Text),
    ("deferral", Blob),
];

/// What a row costs beside its texts: its numbers, its share of pages and indexes. Measured on SQLite; PostgreSQL is near.
const OVERHEAD: usize = 160;

/// A row as its columns.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Columns(pub(crate) Vec<Value>);

impl From<&MessageRow> for Columns {
    fn from(row: &MessageRow) -> Self {
        let domain = |domain: &Option<Domain>| Value::Text(domain.as_ref().map(|d| d.as_str().to_owned()));
        let envelope_from = match &row.envelope_from {
            EnvelopeFrom::Unknown => None,
            EnvelopeFrom::Null => Some(String::new()),
            EnvelopeFrom::Domain(domain) => Some(domain.as_str().to_owned()),
        };
        let mut columns = vec![
            row.id.as_bytes().as_slice().into(),
            int(row.at().0).into(),
            0.into(),
            row.listener.as_str().into(),
            row.mode.as_str().into(),
            Value::Text(row.client_ip.map(|ip| ip.to_string())),
            Value::Text(envelope_from),
            domain(&row.author_domain),
            domain(&row.org_domain),
            row.dmarc.as_str().into(),
            i64::from(row.dkim_aligned).into(),
            i64::from(row.spf_aligned).into(),
            Value::Text(row.policy.as_ref().map(|policy| policy.domain.as_str().to_owned())),
            Value::Text(row.policy.as_ref().map(lists::write_policy)),
            Value::Text(Some(lists::write_spf(row))),
            Value::Text(Some(lists::write_dkim(&row.dkim))),
            row.disposition.as_str().into(),
            Value::Text(Some(lists::write_overrides(&row.overrides))),
            row.rule.as_str().into(),
            row.taken.as_str().into(),
            row.would.observe.as_str().into(),
            row.would.quarantine.as_str().into(),
            row.would.enforce.as_str().into(),
            Value::Blob(row.deferral.map(|key| key.as_bytes().to_vec())),
        ];
        let texts =
            columns.iter().map(|value| if let Value::Text(Some(text)) = value { text.len() } else { 0 });
        let bytes = OVERHEAD + texts.sum::<usize>();
        if let Some(column) = columns.get_mut(2) {
            *column = int(bytes as u64).into();
        }
        Self(columns)
    }
}

impl Columns {
    /// Takes them out of what a statement gave.
    pub(crate) fn fetched(row: &Row) -> Result<Self, Error> {
        let values = COLUMNS.iter().enumerate().map(|(index, (_, kind))| row.value(index, *kind));
        values.collect::<Result<_, _>>().map(Self)
    }

    /// As JSON, by name: what an older program wrote can be read when there are more columns.
    pub(crate) fn to_json(&self) -> Vec<u8> {
        let json = |value: &Value| match value {
            Value::Int(value) => Json::from(*value),
            Value::Text(value) => Json::from(value.clone()),
            Value::Blob(value) => Json::from(value.as_deref().map(hex)),
        };
        let pairs = COLUMNS.iter().zip(&self.0).map(|((name, _), value)| ((*name).to_owned(), json(value)));
        Json::Object(pairs.collect::<Map<_, _>>()).to_string().into_bytes()
    }

    /// The other way.
    pub(crate) fn from_json(text: &[u8]) -> Result<Self, Error> {
        let map: Map<String, Json> =
            serde_json::from_slice(text).map_err(|error| Error::Unreadable(error.to_string()))?;
        let value = |(name, kind): &(&str, Kind)| {
            let json = map.get(*name);
            let text = json.and_then(Json::as_str);
            match kind {
                Int => Value::Int(json.and_then(Json::as_i64)),
                Text => Value::Text(text.map(str::to_owned)),
                Blob => Value::Blob(text.and_then(unhex)),
            }
        };
        Ok(Self(COLUMNS.iter().map(value).collect()))
    }

    /// The row.
    pub(crate) fn read(self) -> Result<MessageRow, Error> {
        let mut take = Taker(self.0.into_iter().zip(COLUMNS));
        let id = RowId::from_bytes(take.bytes()?.ok_or_else(|| take.wrong("id"))?);
        // The time stands in the identity; the size follows from the rest.
        let _at = take.int()?;
        let _bytes = take.int()?;
        let listener = take.note()?;
        let mode = take.word()?;
        let client_ip = take.parsed(|text| text.parse::<IpAddr>().ok())?;
        let envelope_from = match take.parsed(|text| Some(text.to_owned()))?.as_deref() {
            None => EnvelopeFrom::Unknown,
            Some("") => EnvelopeFrom::Null,
            Some(domain) => {
                EnvelopeFrom::Domain(Domain::parse(domain).map_err(|_| take.wrong("envelope_from"))?)
            }
        };
        let author_domain = take.parsed(|text| Domain::parse(text).ok())?;
        let org_domain = take.parsed(|text| Domain::parse(text).ok())?;
        let dmarc = take.word()?;
        let dkim_aligned = take.int()? != 0;
        let spf_aligned = take.int()? != 0;
        let policy_domain = take.parsed(|text| Domain::parse(text).ok())?;
        let policy: Option<PublishedPolicy> = match policy_domain {
            Some(domain) => take.parsed(|text| lists::read_policy(domain, text))?,
            None => take.parsed(|_| None)?,
        };
        let (spf_mail_from, spf_helo) = take.needed(lists::read_spf)?;
        let dkim = take.needed(lists::read_dkim)?;
        let disposition = take.word()?;
        let overrides = take.needed(lists::read_overrides)?;
        let rule = take.note()?;
        let taken = take.word()?;
        let would = Would { observe: take.word()?, quarantine: take.word()?, enforce: take.word()? };
        let deferral = take.bytes()?.map(DeferralKey::from_bytes);
        Ok(MessageRow {
            id,
            listener,
            mode,
            client_ip,
            envelope_from,
            author_domain,
            org_domain,
            dmarc,
            dkim_aligned,
            spf_aligned,
            policy,
            spf_mail_from,
            spf_helo,
            dkim,
            disposition,
            overrides,
            rule,
            taken,
            would,
            deferral,
        })
    }
}

/// Takes one column after the other; a complaint names the column.
struct Taker<I>(I);

impl<I: Iterator<Item = (Value, &'static (&'static str, Kind))>> Taker<I> {
    fn wrong(&self, column: &str) -> Error {
        Error::Unreadable(format!("the column {column} of a row of messages"))
    }

    fn next(&mut self) -> Result<(Value, &'static str), Error> {
        self.0.next().map(|(value, (name, _))| (value, *name)).ok_or_else(|| self.wrong("behind the last"))
    }

    fn int(&mut self) -> Result<i64, Error> {
        match self.next()? {
            (Value::Int(Some(value)), _) => Ok(value),
            (_, name) => Err(self.wrong(name)),
        }
    }

    fn bytes(&mut self) -> Result<Option<[u8; 16]>, Error> {
        match self.next()? {
            (Value::Blob(None), _) => Ok(None),
            (Value::Blob(Some(bytes)), name) => bytes.try_into().map(Some).map_err(|_| self.wrong(name)),
            (_, name) => Err(self.wrong(name)),
        }
    }

    /// NULL is `None`; a text that `parse` does not take is an error.
    fn parsed<T>(&mut self, parse: impl FnOnce(&str) -> Option<T>) -> Result<Option<T>, Error> {
        match self.next()? {
            (Value::Text(None), _) => Ok(None),
            (Value::Text(Some(text)), name) => parse(&text).map(Some).ok_or_else(|| self.wrong(name)),
            (_, name) => Err(self.wrong(name)),
        }
    }

    fn needed<T>(&mut self, parse: impl FnOnce(&str) -> Option<T>) -> Result<T, Error> {
        self.parsed(parse)?.ok_or_else(|| self.wrong("that is NULL"))
    }

    fn word<W: Word>(&mut self) -> Result<W, Error> {
        self.needed(read)
    }

    fn note(&mut self) -> Result<Note, Error> {
        self.needed(Note::stored)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

#[cfg(test)]
mod tests;
