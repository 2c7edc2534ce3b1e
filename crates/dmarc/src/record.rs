//! The DMARC policy record: what a domain owner asks for (RFC 9989 §4.7, §4.8).

use std::fmt;

use mail::{Finding, Parsed, Severity, Span, split_tags};

use crate::lint;
use crate::slots::{Key, Slots, Value};
use crate::uri::{ReportUri, without_size};
use crate::values::{FailureOptions, Mode, Policy, Psd, Testing};

/// Longest record that is read, in bytes: no TXT record of the DNS is longer.
pub const MAX_RECORD: usize = 65_535;
/// How many report URIs of a tag are kept; the rest is passed over.
pub const MAX_REPORT_URIS: usize = 8;
/// How many elements of a URI list are looked at, valid or not.
const MAX_URIS_READ: usize = 64;

/// A DMARC policy record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    policies: Policies,
    psd: Psd,
    testing: Testing,
    adkim: Mode,
    aspf: Mode,
    failure_options: FailureOptions,
    rua: Vec<ReportUri>,
    ruf: Vec<ReportUri>,
}

/// What a record's `p`, `sp` and `np` come to (RFC 9989 §4.10.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policies {
    /// `p` is valid, and so is each of the others that is there.
    Stated {
        /// For the domain itself.
        p: Policy,
        /// For subdomains that exist.
        sp: Option<Policy>,
        /// For subdomains that don't exist.
        np: Option<Policy>,
    },
    /// One of them is not valid, but somebody wants reports: as if the record said `p=none`.
    MonitoringOnly,
    /// One of them is not valid and nobody wants reports: no DMARC processing.
    Unusable,
}

/// The three tags that state a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PolicyTag {
    /// For the domain itself, and where the others are missing.
    P,
    /// For subdomains.
    Sp,
    /// For subdomains that don't exist.
    Np,
}

impl PolicyTag {
    /// The tag's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::P => "p",
            Self::Sp => "sp",
            Self::Np => "np",
        }
    }
}

/// How the author domain stands to the domain that the record was found at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Relation {
    /// The same domain.
    Same,
    /// A subdomain that exists.
    Subdomain,
    /// A subdomain that does not exist (RFC 9989 §3.2.13).
    NonExistent,
}

impl Record {
    /// Whether `text` is a DMARC record at all: everything else at the name is discarded before records are counted.
    pub fn is_record(text: &[u8]) -> bool {
        // RFC 9989 §4.7 `v`, §4.8: the first tag, its value exactly DMARC1; the tag's name in any case, white space
        // around "=" but none in front.
        match split_tags(text).next() {
            Some(Ok(tag)) => {
                tag.name_span.start == 0 && tag.name.eq_ignore_ascii_case("v") && tag.value == b"DMARC1"
            }
            _ => false,
        }
    }

    /// Reads the strings of a TXT record put together. The value is `None` exactly where the text is no DMARC record or
    /// longer than [`MAX_RECORD`]; a record with errors is a record, and says by [`Record::policies`] what it is worth.
    pub fn parse(text: &[u8]) -> Parsed<Self> {
        if text.len() > MAX_RECORD {
            return refused("dmarc-too-long", text, format!("longer than {MAX_RECORD} bytes"));
        }
        if !Self::is_record(text) {
            let message =
                "not a DMARC record: it does not begin with \"v=DMARC1\" (no space in front, capitals)";
            return refused("dmarc-no-record", text, message.into());
        }
        let mut slots = Slots::collect(text);
        let record = Self::read(&mut slots);
        lint::record(&record, &mut slots);
        let mut findings = slots.findings;
        findings.sort_by_key(|finding| finding.span);
        Parsed { value: Some(record), findings }
    }

    fn read(slots: &mut Slots<'_>) -> Self {
        let rua = read_uris(slots, Key::Rua);
        // RFC 9989 §4.8: what can't be read is discarded in favour of the default.
        Self {
            policies: read_policies(slots, !rua.is_empty()),
            psd: slots.read(Key::Psd, Psd::read).good().unwrap_or_default(),
            testing: slots.read(Key::T, Testing::read).good().unwrap_or_default(),
            adkim: slots.read(Key::Adkim, Mode::read).good().unwrap_or_default(),
            aspf: slots.read(Key::Aspf, Mode::read).good().unwrap_or_default(),
            failure_options: slots.read(Key::Fo, FailureOptions::read).good().unwrap_or_default(),
            rua,
            ruf: read_uris(slots, Key::Ruf),
        }
    }

    /// What `p`, `sp` and `np` come to.
    pub const fn policies(&self) -> Policies {
        self.policies
    }

    /// The policy for an author domain, and the tag that states it (none where the record only counts as `p=none`);
    /// `None` where the record can't be used.
    pub fn policy_for(&self, relation: Relation) -> Option<(Policy, Option<PolicyTag>)> {
        let (p, sp, np) = match self.policies {
            Policies::Stated { p, sp, np } => (p, sp, np),
            Policies::MonitoringOnly => return Some((Policy::None, None)),
            Policies::Unusable => return None,
        };
        // RFC 9989 §4.7 `np`, `sp`: np falls back to sp, sp to p; neither says anything about the domain itself.
        let sp = sp.map(|policy| (policy, Some(PolicyTag::Sp)));
        let np = np.map(|policy| (policy, Some(PolicyTag::Np)));
        let chosen = match relation {
            Relation::Same => None,
            Relation::Subdomain => sp,
            Relation::NonExistent => np.or(sp),
        };
        Some(chosen.unwrap_or((p, Some(PolicyTag::P))))
    }

    /// `psd`: whether the record stands at a public suffix.
    pub const fn psd(&self) -> Psd {
        self.psd
    }

    /// `t`: whether the policies are only tested.
    pub const fn testing(&self) -> Testing {
        self.testing
    }

    /// `adkim`: how close a DKIM signing domain has to be.
    pub const fn adkim(&self) -> Mode {
        self.adkim
    }

    /// `aspf`: how close the SPF domain has to be.
    pub const fn aspf(&self) -> Mode {
        self.aspf
    }

    /// `fo`: which failure reports are wanted, if `ruf` says where.
    pub const fn failure_options(&self) -> FailureOptions {
        self.failure_options
    }

    /// `rua`: where aggregate reports are wanted; at most [`MAX_REPORT_URIS`].
    pub fn rua(&self) -> &[ReportUri] {
        &self.rua
    }

    /// `ruf`: where failure reports are wanted; at most [`MAX_REPORT_URIS`].
    pub fn ruf(&self) -> &[ReportUri] {
        &self.ruf
    }
}

/// Where in a record the first tag of that name stands, name to value.
pub(crate) fn tag_span(text: &[u8], tag: PolicyTag) -> Option<Span> {
    let mut tags = split_tags(text).filter_map(Result::ok);
    tags.find(|found| found.name.eq_ignore_ascii_case(tag.as_str())).map(|found| found.span())
}

fn refused(code: &'static str, text: &[u8], message: String) -> Parsed<Record> {
    let finding = Finding::new(code, Severity::Error, Span::new(0, text.len()), message);
    Parsed { value: None, findings: vec![finding] }
}

fn read_policies(slots: &mut Slots<'_>, reports_wanted: bool) -> Policies {
    let p = slots.read(Key::P, Policy::read);
    let sp = slots.read(Key::Sp, Policy::read);
    let np = slots.read(Key::Np, Policy::read);
    // RFC 9989 §4.10.1: without a valid p, or with an sp or np that is not valid, the record counts as p=none if a
    // valid rua is there, and else no DMARC processing takes place. (§4.7 says p=none of every record without p, but
    // refers to this rule.)
    match p {
        Value::Good(p) if sp != Value::Bad && np != Value::Bad && !slots.repeats => {
            Policies::Stated { p, sp: sp.good(), np: np.good() }
        }
        _ if reports_wanted => Policies::MonitoringOnly,
        _ => Policies::Unusable,
    }
}

fn read_uris(slots: &mut Slots<'_>, key: Key) -> Vec<ReportUri> {
    let Some(tag) = slots.once(key) else { return Vec::new() };
    let mut uris = Vec::new();
    let mut at = tag.value_span.start;
    let mut note = |code, severity, span, message| {
        slots.findings.push(Finding::new(code, severity, span, message));
    };
    for element in tag.value.split(|&b| b == b',').take(MAX_URIS_READ) {
        let start = at + element.len() - element.trim_ascii_start().len();
        let span = Span::new(start, start + element.trim_ascii().len());
        at += element.len() + 1;
        if uris.len() == MAX_REPORT_URIS {
            let message = format!("no more than {MAX_REPORT_URIS} addresses of {} are used", key.name());
            note("dmarc-too-many-uris", Severity::Warning, span, message);
            break;
        }
        let (text, sized) = without_size(element.trim_ascii());
        match ReportUri::parse(text) {
            Ok(uri) => {
                if sized {
                    let message = "a size limit behind a URI is obsolete and ignored".to_owned();
                    note("dmarc-obsolete-size", Severity::Note, span, message);
                }
                if uri.address().is_none() {
                    let message = "reports are sent to mailto: only".to_owned();
                    note("dmarc-uri-scheme", Severity::Warning, span, message);
                }
                uris.push(uri);
            }
            Err(error) => note("dmarc-bad-uri", Severity::Error, span, format!("{}: {error}", key.name())),
        }
    }
    uris
}

/// The record in the shortest form that parses to the same value.
impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("v=DMARC1")?;
        if let Policies::Stated { p, sp, np } = self.policies {
            write!(f, "; p={p}")?;
            sp.map_or(Ok(()), |sp| write!(f, "; sp={sp}"))?;
            np.map_or(Ok(()), |np| write!(f, "; np={np}"))?;
        }
        write_unless_default(f, "psd", self.psd, Psd::letter)?;
        write_unless_default(f, "t", self.testing, Testing::letter)?;
        write_unless_default(f, "adkim", self.adkim, Mode::letter)?;
        write_unless_default(f, "aspf", self.aspf, Mode::letter)?;
        if self.failure_options != FailureOptions::default() {
            write!(f, "; fo={}", self.failure_options)?;
        }
        write_uris(f, "rua", &self.rua)?;
        write_uris(f, "ruf", &self.ruf)
    }
}

fn write_unless_default<T: Copy + PartialEq + Default>(
    f: &mut fmt::Formatter<'_>,
    tag: &str,
    value: T,
    letter: fn(T) -> &'static str,
) -> fmt::Result {
    if value == T::default() { Ok(()) } else { write!(f, "; {tag}={}", letter(value)) }
}

fn write_uris(f: &mut fmt::Formatter<'_>, tag: &str, uris: &[ReportUri]) -> fmt::Result {
    for (index, uri) in uris.iter().enumerate() {
        if index == 0 {
            write!(f, "; {tag}={uri}")?;
        } else {
            write!(f, ",{uri}")?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
