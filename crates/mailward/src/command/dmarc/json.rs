//! The JSON form of a DMARC record.

use dmarc::{Found, Place, PolicyRecord, Record, Relation, ReportUri};
use serde::Serialize;

use super::look::Look;
use crate::command::record::RecordJson;

/// `mailward dmarc show`.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::command) struct DmarcJson<'a> {
    #[serde(flatten)]
    record: RecordJson<'a>,
    /// The names of the walk in order; empty for a pasted record.
    walk: Vec<PlaceJson>,
    /// The domain whose record applies; null if there is none, or nobody said.
    policy_domain: Option<String>,
    /// The organizational domain; null for a pasted record, or if an answer is missing.
    organizational_domain: Option<String>,
    /// How the domain stands to the policy domain: same, subdomain or nonexistent; null if that is not known.
    relation: Option<&'static str>,
    /// What the record says; null if it can't be read.
    values: Option<Values>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct PlaceJson {
    /// The domain; the name asked for has `_dmarc` in front.
    domain: String,
    /// record, nothing, several or unknown.
    found: &'static str,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Values {
    /// The policy for the domain itself: none, quarantine or reject; null if the record can't be used.
    policy: Option<&'static str>,
    /// For sub-domains that exist.
    subdomain_policy: Option<&'static str>,
    /// For sub-domains that don't exist.
    nonexistent_policy: Option<&'static str>,
    /// t=y: the policies count one level less.
    testing: bool,
    /// psd: y, n or u.
    psd: &'static str,
    /// r or s.
    adkim: &'static str,
    /// r or s.
    aspf: &'static str,
    /// Which failure reports are wanted.
    fo: String,
    /// Where aggregate reports are wanted.
    rua: Vec<String>,
    /// Where failure reports are wanted.
    ruf: Vec<String>,
}

impl<'a> DmarcJson<'a> {
    pub(super) fn new(look: &'a Look) -> Self {
        let discovery = look.discovery.as_ref();
        let organization = discovery.and_then(|found| found.organization(found.author()));
        let relation = discovery.and_then(|found| match found.policy() {
            PolicyRecord::Applies(applies) => applies.relation.ok().map(word),
            PolicyRecord::None | PolicyRecord::Unknown(..) => None,
        });
        Self {
            record: RecordJson::new(look.domain.as_ref(), look.text.as_ref(), look.missing.as_deref()),
            walk: discovery
                .map(|found| found.places().iter().map(PlaceJson::new).collect())
                .unwrap_or_default(),
            policy_domain: look.policy_domain().map(ToString::to_string),
            organizational_domain: organization.map(|organization| organization.domain.to_string()),
            relation,
            values: look.record.as_ref().map(Values::new),
        }
    }
}

const fn word(relation: Relation) -> &'static str {
    match relation {
        Relation::Same => "same",
        Relation::Subdomain => "subdomain",
        Relation::NonExistent => "nonexistent",
    }
}

impl PlaceJson {
    fn new(place: &Place) -> Self {
        let found = match place.found {
            Found::Record(_) => "record",
            Found::Nothing => "nothing",
            Found::Several(_) => "several",
            Found::Unknown(_) => "unknown",
        };
        Self { domain: place.domain.to_string(), found }
    }
}

impl Values {
    fn new(record: &Record) -> Self {
        let policy = |relation| record.policy_for(relation).map(|(policy, _)| policy.as_str());
        let uris = |uris: &[ReportUri]| uris.iter().map(ToString::to_string).collect();
        Self {
            policy: policy(Relation::Same),
            subdomain_policy: policy(Relation::Subdomain),
            nonexistent_policy: policy(Relation::NonExistent),
            testing: record.testing() == dmarc::Testing::On,
            psd: record.psd().letter(),
            adkim: record.adkim().letter(),
            aspf: record.aspf().letter(),
            fo: record.failure_options().to_string(),
            rua: uris(record.rua()),
            ruf: uris(record.ruf()),
        }
    }
}
