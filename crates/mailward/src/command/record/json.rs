//! What every command on records prints with --json, by `docs/records.schema.json`. Fields may be added; none is
//! renamed or taken away.

use mail::{Domain, printable};
use serde::Serialize;

use super::Text;
use crate::show::Finding;

/// A record and what is to be said about it.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::command) struct RecordJson<'a> {
    /// The domain that was asked about, or the owner of the zone line; null where nobody said.
    domain: Option<String>,
    /// Where the text stands: `TXT name`, a file, `argument` or `standard input`; null where there is none.
    source: Option<&'a str>,
    /// The text as it was pasted or published, printable: bytes other than visible ASCII as \xNN. Null if there is none.
    record: Option<String>,
    /// The record as it was meant, if that is not the text as it was pasted; printable in the same way.
    meant: Option<String>,
    /// Whether there is a record and none of the findings is an error.
    valid: bool,
    /// Why there is no record that counts; null if there is one.
    missing: Option<&'a str>,
    /// What was noticed; `start` and `end` count bytes of the text as it was pasted or published.
    findings: Vec<Finding<'a>>,
}

impl<'a> RecordJson<'a> {
    pub(in crate::command) fn new(
        domain: Option<&Domain>,
        text: Option<&'a Text>,
        missing: Option<&'a str>,
    ) -> Self {
        Self {
            domain: domain.map(ToString::to_string),
            source: text.map(|text| text.source.as_str()),
            record: text.map(|text| printable(&text.bytes)),
            meant: text.and_then(Text::meant).map(printable),
            valid: missing.is_none() && text.is_some_and(Text::is_valid),
            missing,
            findings: text.map(|text| text.findings.iter().map(Finding::from).collect()).unwrap_or_default(),
        }
    }
}
