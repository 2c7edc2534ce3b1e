//! Finding the record that is meant: by the walk from a domain, or in a pasted text.

use dmarc::{Discovery, Found, Method, Options, PolicyRecord, Record};
use dns::Name;
use mail::{Domain, Finding, Severity};
use verdict::suffix::BuiltIn;

use super::ShowArgs;
use crate::command::record::{Argument, Asked, Kind, Source, Text, one, texts, without_prefix};
use crate::input::InputError;

/// Where a domain's record stands below it.
const PREFIX: &str = "_dmarc";

/// A record that was looked at.
pub(super) struct Look {
    /// The domain that was asked about, or that a zone line is for.
    pub(super) domain: Option<Domain>,
    /// The walk, if a domain was asked about.
    pub(super) discovery: Option<Discovery>,
    pub(super) text: Option<Text>,
    /// Why there is no record that counts.
    pub(super) missing: Option<String>,
    pub(super) record: Option<Record>,
}

impl Look {
    pub(super) async fn at(args: &ShowArgs) -> Result<Self, InputError> {
        match Argument::read(one(&args.what)?)? {
            Argument::Domain(domain) => {
                if let Some(meant) = without_prefix(&domain, PREFIX) {
                    let what = "name the domain, not the name that its record stands at";
                    let help = format!("mailward dmarc show {meant}");
                    return Err(InputError::new(domain.as_str(), what).with_help(help));
                }
                published(domain, &Source::open(&args.dns, true)?).await
            }
            Argument::Text { source, bytes } => {
                // Nothing is asked, but a wrong option is still wrong.
                Source::open(&args.dns, false)?;
                Ok(pasted(source, bytes))
            }
        }
    }
}

fn pasted(source: String, bytes: Vec<u8>) -> Look {
    let mut text = Text::pasted(source, bytes);
    let mut record = None;
    if !text.is_other_kind(Kind::Dmarc) {
        let length = text.record().len();
        let parsed = Record::parse(text.record());
        text.add(parsed.findings);
        record = parsed.value;
        if let Some((owner, span)) = text.owner().filter(|_| record.is_some())
            && let Some(finding) = dmarc::misplaced(&owner, length)
        {
            text.add_here(Finding { span, ..finding });
        }
    }
    let domain = text.owner().map(|(owner, _)| without_prefix(&owner, PREFIX).unwrap_or(owner));
    Look { domain, discovery: None, text: Some(text), missing: None, record }
}

async fn published(domain: Domain, source: &Source) -> Result<Look, InputError> {
    let asked = source.as_it_is();
    let options = Options { suffixes: &BuiltIn, method: Method::TreeWalk, memo: None };
    let discovery = dmarc::discover(&asked, &domain, &[], &options).await;
    let (text, missing, record) = match discovery.policy() {
        PolicyRecord::Applies(applies) => {
            let found = &applies.published;
            let place = format!("TXT {PREFIX}.{}", applies.domain);
            let text = Text::published(place, found.text.clone(), found.findings.clone());
            (Some(text), None, Some(found.record.clone()))
        }
        PolicyRecord::Unknown(at, trouble) => {
            return Err(source.unanswered(&format!("{PREFIX}.{at}"), trouble));
        }
        PolicyRecord::None => (misplaced(&asked, &domain).await, Some(why_none(&discovery)), None),
    };
    Ok(Look { domain: Some(domain), discovery: Some(discovery), text, missing, record })
}

fn why_none(discovery: &Discovery) -> String {
    let several = discovery.places().iter().find_map(|place| match place.found {
        Found::Several(count) => Some((&place.domain, count)),
        Found::Record(_) | Found::Nothing | Found::Unknown(_) => None,
    });
    match several {
        Some((domain, count)) => {
            format!("{PREFIX}.{domain} has {count} DMARC records, so none of them counts; publish one")
        }
        None => format!("none applies to {}", discovery.author()),
    }
}

/// A text that was probably meant as the domain's record: at the right name and not readable as one, or at the domain
/// itself, where nobody asks for it.
async fn misplaced(asked: &Asked<'_>, domain: &Domain) -> Option<Text> {
    let at = domain.prefixed(PREFIX).ok()?;
    let is_near = |text: &&Vec<u8>| text.windows(5).take(16).any(|part| part.eq_ignore_ascii_case(b"dmarc"));
    if let Some(text) = texts(asked, Name::from(&at)).await.iter().find(is_near) {
        let parsed = Record::parse(text);
        // One that can be read is one of several.
        return parsed
            .value
            .is_none()
            .then(|| Text::published(format!("TXT {at}"), text.clone(), parsed.findings));
    }
    let here = texts(asked, Name::from(domain)).await;
    let text = here.iter().find(|text| Record::is_record(text))?;
    let mut findings: Vec<Finding> = dmarc::misplaced(domain, text.len()).into_iter().collect();
    findings.extend(Record::parse(text).findings.into_iter().filter(|f| f.severity == Severity::Error));
    Some(Text::published(format!("TXT {domain}"), text.clone(), findings))
}
