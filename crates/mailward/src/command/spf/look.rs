//! Finding the record that is meant, and everything that can be said about it without a client.

use dns::{Data, Name, Zone};
use mail::{Domain, Finding, Severity, Span};
use spf::{Absence, Limits, Lookup, Record, Tree};

use super::{Subject, tree};
use crate::cli::DnsArgs;
use crate::command::record::{Argument, Asked, Kind, Page, Source, Text, one, texts};
use crate::input::InputError;

/// Where a pasted record is taken to be published if nobody says where (RFC 2606: a name that never exists).
pub(super) const NOWHERE: &str = "unknown.invalid";

/// A record that was looked at.
pub(super) struct Look {
    /// The domain that was asked about, or the owner of a zone line.
    pub(super) domain: Option<Domain>,
    /// The domain that the record is judged for.
    pub(super) at: Domain,
    pub(super) text: Option<Text>,
    /// Why there is no record that counts.
    pub(super) missing: Option<String>,
    /// The record, if it has no errors: of a pasted one, as it was meant.
    pub(super) record: Option<Record>,
    pub(super) tree: Option<Tree>,
    source: Source,
    proposed: Zone,
}

impl Look {
    /// Looks at what the arguments name. `sender` is a domain that a pasted record may be for.
    pub(super) async fn at(subject: &Subject, sender: Option<Domain>) -> Result<Self, InputError> {
        let mut look = match Argument::read(one(&subject.what)?)? {
            Argument::Domain(domain) => published(&subject.dns, domain).await?,
            Argument::Text { source, bytes } => pasted(&subject.dns, source, bytes, sender)?,
        };
        if look.record.is_some() {
            let tree = spf::tree(&look.asked(), &Name::from(&look.at), &Limits::default()).await;
            if let Some(text) = &mut look.text {
                let found = tree::findings(&tree);
                // The count over the whole tree says more than the one over the record alone.
                if found.iter().any(|f| f.code == tree::TOO_MANY) {
                    text.findings.retain(|f| f.code != tree::TOO_MANY);
                }
                text.add(found);
            }
            look.tree = Some(tree);
        }
        Ok(look)
    }

    /// The DNS, as if the record were published where it is judged for.
    pub(super) fn asked(&self) -> Asked<'_> {
        self.source.with(self.proposed.clone())
    }

    pub(super) fn is_valid(&self) -> bool {
        self.missing.is_none() && self.text.as_ref().is_some_and(Text::is_valid)
    }

    /// The first record of the tree that nobody could get.
    pub(super) fn unanswered(&self) -> Option<InputError> {
        let (name, failure) = tree::unanswered(&self.tree.as_ref()?.root)?;
        Some(self.source.unanswered(&name.to_string(), failure))
    }

    /// Whose record it is, and its text.
    pub(super) fn head(&self, page: &mut Page) {
        let Some(text) = &self.text else {
            return page.title(format_args!("No SPF record of {}", self.at));
        };
        match &self.domain {
            Some(domain) => page.title(format_args!("SPF record of {domain}")),
            None => page.title("SPF record"),
        }
        page.record(text);
    }

    /// What was noticed, and whether the record is in order.
    pub(super) fn foot(&self, page: &mut Page) {
        if let Some(text) = &self.text {
            page.findings(text);
        }
        let other = self.text.as_ref().is_some_and(|text| text.other);
        match (&self.missing, self.is_valid()) {
            (None, _) if other => page.verdict(false, "This is no SPF record."),
            (None, true) if self.unanswered().is_some() => page.verdict(
                false,
                "The record itself has no error, but not all that it refers to could be looked at.",
            ),
            (None, false)
                if self.record.is_some() && self.text.as_ref().is_some_and(Text::is_pasted_wrong) =>
            {
                page.verdict(false, "Not in order as it was pasted: publish the record as it was meant.");
            }
            (Some(missing), _) => page.verdict(false, format_args!("No SPF record that counts: {missing}.")),
            (None, true) => page.verdict(true, "The record has no error."),
            (None, false) => {
                page.verdict(false, "The record has an error: receivers can't use it (permerror).");
            }
        }
    }
}

async fn published(dns: &DnsArgs, domain: Domain) -> Result<Look, InputError> {
    let source = Source::open(dns, true)?;
    let name = Name::from(&domain);
    let place = format!("TXT {domain}");
    let (text, missing, record) = {
        let asked = source.as_it_is();
        match spf::lookup(&asked, &name).await {
            Lookup::Found(found) => {
                let text = Text::published(place, found.text.to_vec(), found.findings());
                (Some(text), None, found.record.clone().ok())
            }
            Lookup::Several(texts) => {
                let missing = format!("{domain} has {} SPF records, so none of them counts", texts.len());
                (Some(all(place, &texts)), Some(missing), None)
            }
            Lookup::Failed(failure) => return Err(source.unanswered(domain.as_str(), failure)),
            Lookup::Absent(absence) => {
                let file = match absence {
                    Absence::NoSuchName => ", nor does a file of that name",
                    Absence::NoText | Absence::NoRecord => "",
                };
                (nearly(place, &texts(&asked, name).await), Some(format!("{absence}{file}")), None)
            }
        }
    };
    let (at, domain, proposed) = (domain.clone(), Some(domain), Zone::new());
    Ok(Look { domain, at, text, missing, record, tree: None, source, proposed })
}

/// Several records, a line each, all but the first too many.
fn all(place: String, texts: &[Box<[u8]>]) -> Text {
    let bytes = texts.join(&b'\n');
    let first = texts.first().map_or(0, |text| text.len() + 1);
    let message = "more than one SPF record: none of them counts (RFC 7208 §4.5)";
    let finding =
        Finding::new("spf-several-records", Severity::Error, Span::new(first, bytes.len()), message);
    Text::published(place, bytes, vec![finding.with_help("publish one record with the terms of all")])
}

/// A text that was probably meant as a record and is none.
fn nearly(place: String, texts: &[Vec<u8>]) -> Option<Text> {
    let is_near = |text: &&Vec<u8>| text.windows(3).take(16).any(|part| part.eq_ignore_ascii_case(b"spf"));
    let text = texts.iter().find(is_near)?;
    Some(Text::published(place, text.clone(), Record::parse(text).findings))
}

fn pasted(dns: &DnsArgs, source: String, bytes: Vec<u8>, sender: Option<Domain>) -> Result<Look, InputError> {
    let mut text = Text::pasted(source, bytes);
    let domain = text.owner().map(|(domain, _)| domain);
    let nowhere = || Domain::parse(NOWHERE).unwrap_or_else(|_| Domain::localhost());
    let at = domain.clone().or(sender).unwrap_or_else(nowhere);
    let mut record = None;
    if !text.is_other_kind(Kind::Spf) {
        let parsed = Record::parse(text.record());
        text.add(parsed.findings);
        record = parsed.value;
    }
    let asks = |record: &Record| record.exp().is_some() || record.terms().iter().any(|t| t.lookups() > 0);
    let source = Source::open(dns, record.as_ref().is_some_and(asks))?;
    let mut proposed = Zone::new();
    proposed.add(Name::from(&at), 0, Data::txt(text.record()));
    Ok(Look { domain, at, text: Some(text), missing: None, record, tree: None, source, proposed })
}
