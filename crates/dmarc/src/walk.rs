//! The DNS tree walk: which names may hold a record, and what stands there (RFC 9989 §4.10).

use std::borrow::Cow;
use std::sync::Arc;

use dns::{Data, Dns, Failure, Memo, Name, Question, RecordType, Reply};
use futures_util::future::join_all;
use mail::{Domain, Finding, Severity, Span, SuffixList, SuffixSection};

use crate::record::Record;
use crate::values::Psd;

/// Most names that one walk asks for (RFC 9989 §4.10).
pub const MAX_NAMES: usize = 8;

/// The one DMARC record at a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// The text of the record, its strings put together.
    pub text: Vec<u8>,
    /// What it says.
    pub record: Record,
    /// What the parser noticed.
    pub findings: Vec<Finding>,
}

/// What answers came to before, for all messages of a receiver.
pub type RecordMemo = Memo<Found>;

/// What stands at `_dmarc.` below a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// One DMARC record.
    Record(Arc<Published>),
    /// No DMARC record, whatever else may stand there.
    Nothing,
    /// So many DMARC records; none of them counts.
    Several(usize),
    /// The look-up failed.
    Unknown(Failure),
}

impl Found {
    /// The findings of a record, or the one about several.
    pub fn findings(&self) -> Vec<Finding> {
        match self {
            Self::Record(published) => published.findings.clone(),
            Self::Several(count) => {
                let message = format!("{count} DMARC records at one name: none of them counts");
                let finding =
                    Finding::new("dmarc-multiple-records", Severity::Error, Span::new(0, 0), message);
                vec![finding.with_help("publish one")]
            }
            Self::Nothing | Self::Unknown(_) => Vec::new(),
        }
    }
}

/// One name of a walk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The domain; the name asked for has `_dmarc` in front.
    pub domain: Domain,
    /// What stands there.
    pub found: Found,
    /// Whether the suffix list takes the domain for a registry's, seen from where the walk began, so that a record
    /// without `psd` counts as `psd=y`.
    pub guarded: bool,
}

impl Place {
    /// The record, if there is one that counts.
    pub fn published(&self) -> Option<&Arc<Published>> {
        match &self.found {
            Found::Record(published) => Some(published),
            Found::Nothing | Found::Several(_) | Found::Unknown(_) => None,
        }
    }

    /// What the record's `psd` counts as; `None` without a record.
    pub fn psd(&self) -> Option<Psd> {
        // DEVIATION: RFC 9989 §4.10.2 trusts the tree alone, and §11.8 names the danger: a registry that publishes a
        // record without psd=y would make all its tenants one organization. Such a record counts as psd=y here.
        match self.published()?.record.psd() {
            Psd::Unsaid if self.guarded => Some(Psd::Yes),
            psd => Some(psd),
        }
    }
}

/// The names that a walk from `start` asks for, in order: at most [`MAX_NAMES`].
pub fn names(start: &Domain) -> impl Iterator<Item = Domain> {
    // RFC 9989 §4.10 steps 3, 4, 7: the start, then one label less each time; from eight labels on, the second name
    // has seven, however many that leaves out.
    let labels = start.label_count();
    let rest = (1..labels.min(MAX_NAMES)).rev();
    std::iter::once(start.clone()).chain(rest.filter_map(|count| start.last_labels(count)))
}

/// A walk that is done: the places up to where it stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Walk {
    start: Domain,
    /// How many labels of the start are a registry's, by the suffix list.
    registry_labels: usize,
    places: Vec<Place>,
}

impl Walk {
    /// Goes step by step through answers that are all there already, so that one behind the end has no effect.
    pub(crate) fn follow(start: &Domain, answers: &Answers, suffixes: &dyn SuffixList) -> Self {
        let registry_labels = registry_labels(start, suffixes);
        let mut places = Vec::new();
        for domain in names(start) {
            let guarded = domain.label_count() <= registry_labels;
            let here = Place { found: answers.found(&domain), domain, guarded };
            // RFC 9989 §4.10 steps 2 and 6: psd=y and psd=n end the walk.
            let ends = matches!(here.psd(), Some(Psd::Yes | Psd::No));
            places.push(here);
            if ends {
                break;
            }
        }
        Self { start: start.clone(), registry_labels, places }
    }

    /// Where the walk began.
    pub fn start(&self) -> &Domain {
        &self.start
    }

    /// The domain right below a public suffix that the walk found; further down where the suffix list knows of suffixes
    /// below that one.
    pub(crate) fn below(&self, suffix: &Domain) -> Domain {
        // DEVIATION: RFC 9989 §4.10.2 takes the name one label below the record with psd=y. If only `uk` had such a record,
        // `co.uk` would be the organization of all who have their name there.
        let labels = suffix.label_count().max(self.registry_labels) + 1;
        self.start.last_labels(labels).unwrap_or_else(|| self.start.clone())
    }

    /// What stands at each name, from the start up to where the walk stopped.
    pub fn places(&self) -> &[Place] {
        &self.places
    }
}

/// Walks from one domain, all names asked for at once. `suffixes` guards against records of registries.
pub async fn walk<D: Dns>(dns: &D, start: &Domain, suffixes: &dyn SuffixList) -> Walk {
    let answers = Answers::ask(dns, None, names(start)).await;
    Walk::follow(start, &answers, suffixes)
}

/// What stands at `_dmarc.` below one domain. A memo makes it cheaper and changes nothing else.
pub async fn lookup<D: Dns>(dns: &D, domain: &Domain, memo: Option<&RecordMemo>) -> Found {
    // A name too long for the DNS has no records.
    let Ok(name) = Name::from(domain).child(b"_dmarc") else { return Found::Nothing };
    let answer = dns.ask(&Question::new(name, RecordType::Txt)).await;
    match (&answer.reply, memo) {
        (Reply::Records(records), Some(memo)) => memo.get(records, |_| true, || select(records)),
        (reply, _) => reply.failure().map_or_else(|| select(answer.records()), Found::Unknown),
    }
}

fn select(records: &[Data]) -> Found {
    // RFC 9989 §4.10 steps 2 and 6: first what is no DMARC record goes; then, if more than one is left, all go.
    let mut texts = records.iter().filter_map(record_text);
    match (texts.next(), texts.count()) {
        (Some(text), 0) => read(&text),
        (None, _) => Found::Nothing,
        (Some(_), more) => Found::Several(1 + more),
    }
}

/// The text of a TXT record that is a DMARC record, in one piece.
fn record_text(data: &Data) -> Option<Cow<'_, [u8]>> {
    data.text().filter(|text| Record::is_record(text))
}

fn read(text: &[u8]) -> Found {
    let parsed = Record::parse(text);
    let published = |record| Published { text: text.to_vec(), record, findings: parsed.findings };
    parsed.value.map(published).map_or(Found::Nothing, |published| Found::Record(Arc::new(published)))
}

/// The answers of all walks of one message: each name is asked for once.
pub(crate) struct Answers(Vec<(Domain, Found)>);

impl Answers {
    pub(crate) async fn ask<D: Dns>(
        dns: &D,
        memo: Option<&RecordMemo>,
        domains: impl IntoIterator<Item = Domain>,
    ) -> Self {
        let mut domains: Vec<_> = domains.into_iter().collect();
        domains.sort_unstable();
        domains.dedup();
        let found = join_all(domains.iter().map(|domain| lookup(dns, domain, memo))).await;
        Self(domains.into_iter().zip(found).collect())
    }

    /// What stands at a domain that was asked for; nothing is known of others.
    pub(crate) fn found(&self, domain: &Domain) -> Found {
        let place = self.0.binary_search_by(|(asked, _)| asked.cmp(domain));
        let found = place.ok().and_then(|at| self.0.get(at)).map(|(_, found)| found.clone());
        found.unwrap_or(Found::Unknown(Failure::ServerFailure))
    }
}

/// How many labels, counted from the right, are a suffix of the list's registry section, or a top-level domain that the
/// list doesn't know. The section of private owners never matters, so the names above theirs are asked about too.
fn registry_labels(start: &Domain, suffixes: &dyn SuffixList) -> usize {
    let all = names(start).map(|domain| suffixes.suffix(&domain));
    all.filter(|suffix| suffix.section != Some(SuffixSection::Private)).map(|s| s.labels).max().unwrap_or(0)
}
