//! The TXT record that announces a policy and changes with it (RFC 8461 §3.1).

use std::fmt;

use mail::{Finding, Parsed, Severity, Span, shortened};

/// Longest record that is read, in bytes: no TXT record of the DNS is longer.
pub const MAX_RECORD: usize = 65_535;
/// Longest id, in bytes (RFC 8461 §3.1 `sts-id`).
pub const MAX_ID: usize = 32;
/// Longest name of a field, in bytes (RFC 8461 §3.1 `sts-ext-name`, §3.2 `sts-policy-ext-name`).
const MAX_NAME: usize = 32;
/// Most findings of one record.
const MAX_FINDINGS: usize = 20;

/// Which version of the policy is published: 1 to 32 ASCII letters and digits, without an order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Id(String);

impl Id {
    /// Reads an id; `None` for what is none.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let fits = (1..=MAX_ID).contains(&text.len()) && text.iter().all(u8::is_ascii_alphanumeric);
        fits.then(|| Self(String::from_utf8_lossy(text).into_owned()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The `_mta-sts` record of a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The version of its policy.
    pub id: Id,
}

impl Record {
    /// Whether `text` is an MTA-STS record at all: everything else at the name is discarded before records are counted.
    pub fn is_record(text: &[u8]) -> bool {
        // RFC 8461 §3.1: what does not begin with "v=STSv1;" is discarded; the grammar lets white space stand before the
        // semicolon. Capitals matter.
        text.strip_prefix(b"v=STSv1").is_some_and(|rest| trim_start(rest).first() == Some(&b';'))
    }

    /// Reads the strings of a TXT record put together. The value is `None` where the text is no record, or one that does
    /// not count.
    pub fn parse(text: &[u8]) -> Parsed<Self> {
        let mut reader = Reader { findings: Vec::new(), id: None };
        let all = Span::new(0, text.len());
        if text.len() > MAX_RECORD {
            reader.note("sts-too-long", Severity::Error, all, format!("longer than {MAX_RECORD} bytes"));
        } else if !Self::is_record(text) {
            let message = "not an MTA-STS record: it does not begin with \"v=STSv1;\"".to_owned();
            reader.note("sts-no-record", Severity::Error, all, message);
        } else {
            reader.fields(text);
        }
        reader.finish(all)
    }
}

/// The record in the shortest form that parses to the same value.
impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v=STSv1; id={};", self.id)
    }
}

struct Reader {
    findings: Vec<Finding>,
    /// What the first `id` came to.
    id: Option<Option<Id>>,
}

impl Reader {
    fn note(&mut self, code: &'static str, severity: Severity, span: Span, message: String) {
        // An error is never left out: it is why the record does not count.
        if self.findings.len() < MAX_FINDINGS || severity == Severity::Error {
            self.findings.push(Finding::new(code, severity, span, message));
        }
    }

    fn fields(&mut self, text: &[u8]) {
        let mut at = 0;
        let mut fields = text.split(|b| *b == b';').peekable();
        let mut first = true;
        while let Some(field) = fields.next() {
            let start = at + field.len() - trim_start(field).len();
            let inner = trim(field);
            let span = Span::new(start, start + inner.len());
            at += field.len() + 1;
            if std::mem::take(&mut first) {
                continue;
            }
            match inner.is_empty() {
                // One semicolon may stand at the end.
                true if fields.peek().is_none() => {}
                true => {
                    let message = "nothing stands between two semicolons".to_owned();
                    return self.note("sts-empty-field", Severity::Error, span, message);
                }
                false if fields.peek().is_none() && inner.len() < trim_start(field).len() => {
                    // DEVIATION: RFC 8461 §3.1 has no blanks behind the last field; they change nothing of what it says.
                    let message = "blanks at the end, which the grammar does not have".to_owned();
                    self.note("sts-blank-end", Severity::Warning, span, message);
                    self.field(inner, span);
                }
                false if self.field(inner, span) => {}
                // One error says it all, and ends the work.
                false => return,
            }
        }
    }

    /// Reads one field; whether to go on.
    fn field(&mut self, field: &[u8], span: Span) -> bool {
        let equals = field.iter().position(|b| *b == b'=');
        let (name, value) = match equals.and_then(|equals| field.split_at_checked(equals)) {
            Some((name, value)) => (name, value.get(1..).unwrap_or_default()),
            None => (field, &[][..]),
        };
        if name != b"id" {
            return self.extension(name, value, span);
        }
        if self.id.is_some() {
            // RFC 8461 §3.2: of a field that is there twice, all but the first are ignored.
            let message = "a second \"id\", ignored: the first counts".to_owned();
            self.note("sts-duplicate", Severity::Warning, span, message);
            return true;
        }
        let id = Id::parse(value);
        if id.is_none() {
            let message =
                format!("\"{}\" is no id: 1 to {MAX_ID} ASCII letters and digits", shortened(value, 40));
            self.note("sts-bad-id", Severity::Error, span, message);
        }
        self.id = Some(id);
        true
    }

    /// A field that nobody here knows; whether to go on.
    fn extension(&mut self, name: &[u8], value: &[u8], span: Span) -> bool {
        // RFC 8461 §3.1: a record that the grammar does not have does not count.
        if !is_name(name)
            || value.is_empty()
            || !value.iter().all(|b| matches!(b, b'!'..=b':' | b'<' | b'>'..=b'~'))
        {
            let message = format!(
                "\"{}\" is followed by no value, or is no field: \"name=value\"",
                shortened(name, 40)
            );
            self.note("sts-bad-field", Severity::Error, span, message);
            self.id = Some(None);
            return false;
        }
        if name == b"v" {
            // RFC 8461 §3.2: of a field that is there twice, all but the first are ignored.
            let message = "a second \"v\", ignored: the first counts".to_owned();
            self.note("sts-duplicate", Severity::Warning, span, message);
        } else {
            // RFC 8461 §3.2: unknown fields are ignored.
            let message = format!("unknown field \"{}\", ignored", shortened(name, 40));
            self.note("sts-unknown-field", Severity::Note, span, message);
        }
        true
    }

    fn finish(mut self, all: Span) -> Parsed<Record> {
        if self.id.is_none() && self.findings.iter().all(|finding| finding.severity != Severity::Error) {
            self.note("sts-no-id", Severity::Error, all, "the record has no \"id\"".to_owned());
        }
        let failed = self.findings.iter().any(|finding| finding.severity == Severity::Error);
        let id = self.id.flatten().filter(|_| !failed);
        Parsed { value: id.map(|id| Record { id }), findings: self.findings }
    }
}

/// RFC 8461 §3.1 `sts-ext-name`, §3.2 `sts-policy-ext-name`: the names of fields.
pub(crate) fn is_name(name: &[u8]) -> bool {
    (1..=MAX_NAME).contains(&name.len())
        && name.first().is_some_and(u8::is_ascii_alphanumeric)
        && name.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
}

fn is_wsp(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

pub(crate) fn trim_start(text: &[u8]) -> &[u8] {
    let front = text.iter().take_while(|b| is_wsp(**b)).count();
    text.get(front..).unwrap_or_default()
}

/// Without the spaces and tabs around it.
pub(crate) fn trim(text: &[u8]) -> &[u8] {
    let text = trim_start(text);
    let back = text.iter().rev().take_while(|b| is_wsp(**b)).count();
    text.get(..text.len() - back).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The id, then the codes of all findings.
    fn check(text: impl AsRef<[u8]>, expected: &str) {
        let parsed = Record::parse(text.as_ref());
        let mut line = parsed.value.as_ref().map_or("-".to_owned(), |record| record.id.to_string());
        for finding in &parsed.findings {
            assert!(finding.span.end <= text.as_ref().len());
            line = format!("{line} {}", finding.code);
        }
        assert_eq!(line, expected, "{}", mail::printable(text.as_ref()));
        if let Some(record) = parsed.value {
            assert_eq!(Record::parse(record.to_string().as_bytes()).value, Some(record));
        }
    }

    #[test]
    fn records() {
        check("v=STSv1; id=20160831085700Z;", "20160831085700Z");
        check("v=STSv1;id=1", "1");
        check("v=STSv1 ;\tid=1 ; ", "1");
        check("v=STSv1; id=1 \t", "1 sts-blank-end");
        check("v=STSv1; a.b-c=d; id=1", "1 sts-unknown-field");
        check("v=STSv1; 0a_=!:<>~; id=1", "1 sts-unknown-field");
        check("v=STSv1; ID=1", "- sts-unknown-field sts-no-id");
        check("v=STSv1; v=STSv2; id=1", "1 sts-duplicate");
        check("v=STSv1; id=1; id=2", "1 sts-duplicate");
        check("v=STSv1; id=1; id=-", "1 sts-duplicate");
    }

    #[test]
    fn sts_12_invalid_records() {
        check("v=STSv1", "- sts-no-record");
        check("v=STSv1;", "- sts-no-id");
        check("v=STSv1 ;id=1", "1");
        check("V=STSv1; id=1", "- sts-no-record");
        check("v=stsv1; id=1", "- sts-no-record");
        check("v=STSv1\n; id=1", "- sts-no-record");
        check(" v=STSv1; id=1", "- sts-no-record");
        check("v=STSv10; id=1", "- sts-no-record");
        check("v = STSv1; id=1", "- sts-no-record");
        check("id=1; v=STSv1;", "- sts-no-record");
        check("v=STSv1; id=", "- sts-bad-id");
        check("v=STSv1; id=1-2", "- sts-bad-id");
        check("v=STSv1; id=1 2", "- sts-bad-id");
        check("v=STSv1; id= 1", "- sts-bad-id");
        check("v=STSv1; id=1\n", "- sts-bad-id");
        check("v=STSv1; id=1\0", "- sts-bad-id");
        check("v=STSv1; id= ; id=1", "- sts-bad-id sts-duplicate");
        check("v=STSv1; id", "- sts-bad-id");
        check("v=STSv1; id=1; junk", "- sts-bad-field");
        check(b"v=STSv1; id=\xff", "- sts-bad-id");
    }

    /// RFC 8461 §3.1: what the grammar does not have makes the whole record one that does not count.
    #[test]
    fn sts_12_extensions_that_are_none() {
        for field in
            ["id = 1", "=x", "a=", "a= b", "a=b c", "a=b=c", "a=\x7f", "a b=c", "-a=b", "_a=b", "a\tb=c"]
        {
            check(format!("v=STSv1; id=1; {field}"), "- sts-bad-field");
            check(format!("v=STSv1; {field}; id=1"), "- sts-bad-field");
        }
        check(b"v=STSv1; id=1; a=\xc3\xa9", "- sts-bad-field");
        check(b"v=STSv1; id=1; \xc3\xa9=b", "- sts-bad-field");
        check(format!("v=STSv1; {}=b; id=1", "a".repeat(32)), "1 sts-unknown-field");
        check(format!("v=STSv1; {}=b; id=1", "a".repeat(33)), "- sts-bad-field");
        for text in ["v=STSv1;; id=1", "v=STSv1; id=1;;", "v=STSv1; id=1; ; a=b"] {
            check(text, "- sts-empty-field");
        }
    }

    #[test]
    fn limits_on_both_sides() {
        check("v=STSv1; id=".to_owned() + &"a".repeat(32), &"a".repeat(32));
        check("v=STSv1; id=".to_owned() + &"a".repeat(33), "- sts-bad-id");
        let long = |n: usize| format!("v=STSv1; id=1;{}", " ".repeat(n - 14));
        check(long(MAX_RECORD), "1");
        check(long(MAX_RECORD + 1), "- sts-too-long");
        let many = "v=STSv1; ".to_owned() + &"a=b;".repeat(1000) + "id=1";
        assert_eq!(Record::parse(many.as_bytes()).findings.len(), MAX_FINDINGS);
    }
}
