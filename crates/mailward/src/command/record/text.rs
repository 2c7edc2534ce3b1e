//! A record's text, pasted or published, and everything that is noticed in it, with spans in the text as it is.

use dns::RecordType;
use dns::paste::{self, Pasted};
use mail::{Domain, Finding, Severity, Span};

use super::signature;

/// The kinds of record that have a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::command) enum Kind {
    /// `mailward spf`
    Spf,
    /// `mailward dkim`
    Dkim,
    /// `mailward dmarc`
    Dmarc,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Spf, Self::Dkim, Self::Dmarc];

    /// What a record of this kind begins with.
    const fn version(self) -> &'static str {
        match self {
            Self::Spf => "v=spf1",
            Self::Dkim => "v=DKIM1",
            Self::Dmarc => "v=DMARC1",
        }
    }

    /// The command that looks at it.
    const fn command(self) -> &'static str {
        match self {
            Self::Spf => "mailward spf show",
            Self::Dkim => "mailward dkim key",
            Self::Dmarc => "mailward dmarc show",
        }
    }

    /// What people call it.
    pub(in crate::command) const fn name(self) -> &'static str {
        match self {
            Self::Spf => "SPF record",
            Self::Dkim => "DKIM key record",
            Self::Dmarc => "DMARC record",
        }
    }
}

/// What records begin with, and what they are called.
const VERSIONS: &[(&str, &str)] = &[
    ("v=spf1", "an SPF record"),
    ("v=DMARC1", "a DMARC record"),
    ("v=DKIM1", "a DKIM key record"),
    ("v=STSv1", "an MTA-STS record (RFC 8461)"),
    ("v=TLSRPTv1", "a TLS reporting record (RFC 8460)"),
];

/// A text and what was noticed in it.
pub(in crate::command) struct Text {
    /// Where it stands, for people: `TXT example.com`, a file, `argument`.
    pub(in crate::command) source: String,
    /// The text as it was pasted or published.
    pub(in crate::command) bytes: Vec<u8>,
    /// In order, with spans in `bytes`.
    pub(in crate::command) findings: Vec<Finding>,
    pasted: Option<Pasted>,
    /// Whether it is no record of the kind that was asked for, but another.
    pub(in crate::command) other: bool,
}

impl Text {
    /// A text that the DNS has.
    pub(in crate::command) fn published(source: String, bytes: Vec<u8>, findings: Vec<Finding>) -> Self {
        Self { source, bytes, findings, pasted: None, other: false }
    }

    /// A text that somebody pasted: a value or a zone line.
    pub(in crate::command) fn pasted(source: String, bytes: Vec<u8>) -> Self {
        let pasted = paste::read(&bytes);
        Self { source, bytes, findings: pasted.findings.clone(), pasted: Some(pasted), other: false }
    }

    /// The record: of a pasted text, as it was meant.
    pub(in crate::command) fn record(&self) -> &[u8] {
        self.pasted.as_ref().map_or(&self.bytes, |pasted| &pasted.meant)
    }

    /// What was meant, where that is not what was pasted.
    pub(in crate::command) fn meant(&self) -> Option<&[u8]> {
        let pasted = self.pasted.as_ref()?;
        (pasted.meant != self.bytes.trim_ascii()).then_some(&pasted.meant)
    }

    /// Whether something odd was noticed in how it was pasted.
    pub(in crate::command) fn is_odd(&self) -> bool {
        self.pasted.as_ref().is_some_and(|pasted| !pasted.findings.is_empty())
    }

    /// Whether the way it was pasted is an error, whatever the record in it says.
    pub(in crate::command) fn is_pasted_wrong(&self) -> bool {
        let errors = |pasted: &Pasted| pasted.findings.iter().any(|f| f.severity == Severity::Error);
        self.pasted.as_ref().is_some_and(errors)
    }

    /// What a name server would make of the pasted text, where that is not what was meant.
    pub(in crate::command) fn as_published(&self) -> Option<&[u8]> {
        self.pasted.as_ref().filter(|pasted| pasted.text != pasted.meant).map(|pasted| &*pasted.text)
    }

    /// The owner of a pasted zone line, and where it stands.
    pub(in crate::command) fn owner(&self) -> Option<(Domain, Span)> {
        let line = self.pasted.as_ref()?.line.as_ref()?;
        Some((line.owner.as_ref()?.to_domain()?, line.owner_span))
    }

    /// Adds findings whose spans are in [`Text::record`].
    pub(in crate::command) fn add(&mut self, findings: impl IntoIterator<Item = Finding>) {
        let pasted = self.pasted.as_ref();
        let place = |span| pasted.map_or(span, |pasted| pasted.span_in_paste(span));
        self.findings.extend(findings.into_iter().map(|f| Finding { span: place(f.span), ..f }));
        self.findings.sort_by_key(|f| f.span);
    }

    /// Adds a finding whose span is in [`Text::bytes`].
    pub(in crate::command) fn add_here(&mut self, finding: Finding) {
        self.findings.push(finding);
        self.findings.sort_by_key(|f| f.span);
    }

    /// Whether nothing in it is an error.
    pub(in crate::command) fn is_valid(&self) -> bool {
        self.findings.iter().all(|f| f.severity != Severity::Error)
    }

    /// Says if the text is no record of the kind that was asked for but another, which is understood as far as that;
    /// there is then nothing to parse.
    pub(in crate::command) fn is_other_kind(&mut self, wanted: Kind) -> bool {
        if let Some(finding) = self.not_txt() {
            // What was noticed is about the strings of a TXT record.
            self.findings.clear();
            if let Some(pasted) = &mut self.pasted {
                pasted.findings.clear();
                pasted.text.clone_from(&pasted.meant);
            }
            self.add([finding]);
        } else if let Some(finding) = self.other_version(wanted) {
            self.add([finding]);
        } else if let Some(findings) = self.signature(wanted) {
            self.add(findings);
        } else {
            return false;
        }
        self.other = true;
        true
    }

    fn not_txt(&self) -> Option<Finding> {
        let rtype = self.pasted.as_ref()?.line.as_ref()?.rtype;
        let whole = Span::new(0, self.record().len());
        let message =
            format!("a zone line for a record of type {rtype}; SPF, DKIM key and DMARC records are TXT");
        let finding = Finding::new("record-not-txt", Severity::Error, whole, message);
        (rtype != RecordType::Txt).then(|| finding.with_help("paste the line of the TXT record"))
    }

    fn signature(&self, wanted: Kind) -> Option<Vec<Finding>> {
        signature::findings(self.record()).filter(|_| wanted == Kind::Dkim)
    }

    fn other_version(&self, wanted: Kind) -> Option<Finding> {
        let record = self.record();
        let end = record.iter().position(|b| matches!(b, b';' | b' ')).unwrap_or(record.len());
        let version = record.get(..end)?;
        let is_this = |text: &str| version.eq_ignore_ascii_case(text.as_bytes());
        let (_, what) = VERSIONS.iter().find(|(text, _)| is_this(text))?;
        let help = match Kind::ALL.into_iter().find(|kind| is_this(kind.version())) {
            Some(kind) if kind == wanted => return None,
            Some(kind) => format!("look at it with: {}", kind.command()),
            None => "mailward looks at SPF, DKIM key and DMARC records".to_owned(),
        };
        let shape = if self.pasted.as_ref()?.line.is_some() { "a zone line that holds " } else { "" };
        let message = format!("this is {shape}{what}, not the {} that was asked for", wanted.name());
        let finding = Finding::new("record-other-kind", Severity::Error, Span::new(0, end), message);
        Some(finding.with_help(help))
    }
}
