//! The policy file: which MX hosts a domain has, and what to do with others (RFC 8461 §3.2).

use std::fmt;

use mail::{Domain, Finding, Parsed, Severity, Span, shortened};

use crate::pattern::Pattern;
use crate::record::{is_name, trim};

/// Longest policy that is read, in bytes (RFC 8461 §3.3 suggests it).
pub const MAX_POLICY: usize = 65_536;
/// The longest that a policy lives, in seconds (RFC 8461 §3.2 `max_age`).
pub const MAX_AGE: u32 = 31_557_600;
/// Most `mx` fields of a policy.
pub const MAX_MX: usize = 1_000;
/// Most findings of one policy that are no error.
const MAX_FINDINGS: usize = 50;

/// What to do with hosts that a policy does not allow (RFC 8461 §5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Mode {
    /// As if there were no policy.
    None,
    /// Deliver, and report.
    Testing,
    /// Don't deliver to them.
    Enforce,
}

impl Mode {
    /// The word of the policy file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Testing => "testing",
            Self::Enforce => "enforce",
        }
    }

    fn parse(text: &[u8]) -> Option<Self> {
        [Self::None, Self::Testing, Self::Enforce].into_iter().find(|mode| mode.as_str().as_bytes() == text)
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The policy of a domain. Unless its mode is `none` it allows at least one host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    mode: Mode,
    max_age: u32,
    mx: Vec<Pattern>,
}

impl Policy {
    /// Reads the body of a policy file. The value is `None` where the file does not count as a policy.
    pub fn parse(body: &[u8]) -> Parsed<Self> {
        let mut reader = Reader::default();
        let all = Span::new(0, body.len());
        if body.len() > MAX_POLICY {
            reader.error("sts-policy-too-long", all, format!("longer than {MAX_POLICY} bytes"));
        } else {
            reader.lines(body);
        }
        reader.finish(all)
    }

    /// What to do with hosts that it does not allow.
    pub const fn mode(&self) -> Mode {
        self.mode
    }

    /// How long it may be kept, in seconds since it was fetched; at most [`MAX_AGE`].
    pub const fn max_age(&self) -> u32 {
        self.max_age
    }

    /// The hosts that it allows, in the order of the file.
    pub fn mx(&self) -> &[Pattern] {
        &self.mx
    }

    /// Whether it allows an MX host by its name, which is that of the MX record (RFC 8461 §4.1).
    pub fn allows(&self, host: &Domain) -> bool {
        self.mx.iter().any(|pattern| pattern.matches(host))
    }

    /// The policy, a line each field, without line ends: as reports quote it (RFC 8460 §4.3 `policy-string`).
    pub fn lines(&self) -> impl Iterator<Item = String> {
        let front = ["version: STSv1".to_owned(), format!("mode: {}", self.mode)];
        let mx = self.mx.iter().map(|pattern| format!("mx: {pattern}"));
        front.into_iter().chain(mx).chain([format!("max_age: {}", self.max_age)])
    }
}

/// The file, with CRLF: parsing it gives the same policy.
impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines().try_for_each(|line| write!(f, "{line}\r\n"))
    }
}

/// A field that may stand once. The first counts, good or bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Slot<T> {
    #[default]
    Empty,
    Bad,
    Good(T),
}

#[derive(Default)]
struct Reader {
    findings: Vec<Finding>,
    failed: bool,
    version: Slot<()>,
    mode: Slot<Mode>,
    max_age: Slot<u32>,
    mx: Vec<Pattern>,
    /// How many `mx` fields there were, good or bad.
    mx_seen: usize,
}

impl Reader {
    fn error(&mut self, code: &'static str, span: Span, message: String) {
        // The first says why the file does not count; a file of nothing but errors would make too many.
        if !self.failed || self.findings.len() < MAX_FINDINGS {
            self.findings.push(Finding::new(code, Severity::Error, span, message));
        }
        self.failed = true;
    }

    fn note(&mut self, code: &'static str, severity: Severity, span: Span, message: String) {
        if self.findings.len() < MAX_FINDINGS {
            self.findings.push(Finding::new(code, severity, span, message));
        }
    }

    fn lines(&mut self, body: &[u8]) {
        let mut at = 0;
        for line in body.split(|b| *b == b'\n') {
            let start = at;
            at += line.len() + 1;
            // RFC 8461 §3.2: a line ends with LF or CRLF.
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            // Spaces may stand at the end of a line; lines with nothing in them are let through.
            let text = line.get(..line.len() - trailing(line)).unwrap_or_default();
            if !text.is_empty() {
                self.line(text, Span::new(start, start + text.len()));
            }
        }
    }

    fn line(&mut self, line: &[u8], span: Span) {
        let bad = |b: &u8| (*b < b' ' && *b != b'\t') || *b == 0x7f;
        let colon =
            line.iter().position(|b| *b == b':').filter(|colon| line.get(..*colon).is_some_and(is_name));
        let (Some(colon), false, Ok(_)) = (colon, line.iter().any(bad), std::str::from_utf8(line)) else {
            let message = format!("\"{}\" is no field: \"name: value\"", shortened(line, 60));
            return self.error("sts-policy-bad-line", span, message);
        };
        let (name, rest) = line.split_at(colon);
        let value = trim(rest.get(1..).unwrap_or_default());
        match name {
            b"version" => {
                let version = (value == b"STSv1").then_some(());
                self.once("version", value, span, |reader| &mut reader.version, version, "STSv1");
            }
            b"mode" => {
                let mode = Mode::parse(value);
                self.once("mode", value, span, |reader| &mut reader.mode, mode, "enforce, testing or none");
            }
            b"max_age" => {
                let age = seconds(value);
                let capped = age.map(|age| u32::try_from(age).map_or(MAX_AGE, |age| age.min(MAX_AGE)));
                let first = self.max_age == Slot::Empty;
                let wanted = "a number of seconds of 1 to 10 digits";
                self.once("max_age", value, span, |reader| &mut reader.max_age, capped, wanted);
                if first && age.is_some_and(|age| age > u64::from(MAX_AGE)) {
                    let message = format!("max_age is more than a year and counts as {MAX_AGE}");
                    self.note("sts-policy-max-age", Severity::Warning, span, message);
                }
            }
            b"mx" => self.mx(value, span),
            _ => {
                // RFC 8461 §3.2: unknown fields are ignored.
                let message = format!("unknown field \"{}\", ignored", shortened(name, 40));
                self.note("sts-policy-unknown-field", Severity::Note, span, message);
            }
        }
    }

    fn once<T>(
        &mut self,
        name: &str,
        text: &[u8],
        span: Span,
        slot: fn(&mut Self) -> &mut Slot<T>,
        value: Option<T>,
        wanted: &str,
    ) {
        if !matches!(slot(self), Slot::Empty) {
            // RFC 8461 §3.2: of a field that is there twice, all but the first are ignored.
            let message = format!("a second \"{name}\", ignored: the first counts");
            return self.note("sts-policy-duplicate", Severity::Warning, span, message);
        }
        match value {
            Some(value) => *slot(self) = Slot::Good(value),
            None => {
                *slot(self) = Slot::Bad;
                let message = format!("{name} is \"{}\" and not {wanted}", shortened(text, 40));
                self.error("sts-policy-bad-value", span, message);
            }
        }
    }

    fn mx(&mut self, value: &[u8], span: Span) {
        self.mx_seen += 1;
        if self.mx_seen == MAX_MX + 1 {
            return self.error("sts-policy-too-many-mx", span, format!("more than {MAX_MX} mx fields"));
        }
        match Pattern::parse(value) {
            Ok(pattern) => {
                if let Pattern::Below(name) = &pattern
                    && name.label_count() == 1
                {
                    let message = format!("\"{pattern}\" allows every host right below a top-level domain");
                    self.note("sts-policy-wide-mx", Severity::Warning, span, message);
                }
                self.mx.push(pattern);
            }
            // What can't be read may be the host that mail really goes to: the file is not valid, and is no policy.
            Err(error) => {
                self.error("sts-policy-bad-mx", span, format!("mx \"{}\": {error}", shortened(value, 60)));
            }
        }
    }

    fn finish(mut self, all: Span) -> Parsed<Policy> {
        let missing = [
            ("version", self.version == Slot::Empty),
            ("mode", self.mode == Slot::Empty),
            ("max_age", self.max_age == Slot::Empty),
            // RFC 8461 §3.2: at least one mx, except in mode none.
            ("mx", self.mx_seen == 0 && self.mode != Slot::Good(Mode::None)),
        ];
        if !self.failed {
            for (name, _) in missing.iter().filter(|(_, missing)| *missing) {
                self.error("sts-policy-missing", all, format!("the policy has no \"{name}\""));
            }
        }
        let value = match (self.failed, self.mode, self.max_age) {
            (false, Slot::Good(mode), Slot::Good(max_age)) => Some(Policy { mode, max_age, mx: self.mx }),
            _ => None,
        };
        Parsed { value, findings: self.findings }
    }
}

fn trailing(line: &[u8]) -> usize {
    line.iter().rev().take_while(|b| matches!(b, b' ' | b'\t')).count()
}

/// RFC 8461 §3.2 `sts-policy-max-age-value`.
fn seconds(text: &[u8]) -> Option<u64> {
    let fits = (1..=10).contains(&text.len()) && text.iter().all(u8::is_ascii_digit);
    fits.then(|| text.iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0')))
}

#[cfg(test)]
mod tests;
