//! The receiver's settings in JSON.

use std::time::Duration;

use mail::Domain;
use mail::authres::AuthservId;
use serde::{Deserialize, Serialize};

use crate::settings::{Settings, SpfCounts};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SettingsForm {
    authserv_id: String,
    other_ids: Vec<String>,
    other_fields: Vec<String>,
    spf: SpfForm,
    dkim: DkimForm,
    discovery: DiscoveryForm,
    spf_counts: SpfCountsForm,
    evaluate_several_authors: bool,
    /// Recordings of before there was ARC have none.
    #[serde(default)]
    trusted_sealers: Vec<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SpfForm {
    lookups: u8,
    voids: u8,
    mx: u8,
    ptr: u8,
    milliseconds: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct DkimForm {
    skew: u64,
    body_length: BodyLengthForm,
    accept_unsigned_duplicates: bool,
    must_sign: Vec<String>,
    min_rsa_bits: usize,
    max_signatures: usize,
    service: ServiceForm,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum BodyLengthForm {
    Never,
    Exact,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum ServiceForm {
    Email,
    Tlsrpt,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum DiscoveryForm {
    TreeWalk,
    SuffixList,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum SpfCountsForm {
    Always,
    UnlessPermissive,
    Never,
}

impl From<&Settings> for SettingsForm {
    fn from(settings: &Settings) -> Self {
        let Settings {
            authserv_id,
            other_ids,
            other_fields,
            spf,
            dkim,
            discovery,
            spf_counts,
            evaluate_several_authors,
            trusted_sealers,
        } = settings;
        Self {
            authserv_id: authserv_id.to_string(),
            other_ids: other_ids.iter().map(ToString::to_string).collect(),
            other_fields: other_fields.clone(),
            spf: SpfForm {
                lookups: spf.lookups,
                voids: spf.voids,
                mx: spf.mx,
                ptr: spf.ptr,
                milliseconds: u64::try_from(spf.time.as_millis()).unwrap_or(u64::MAX),
            },
            dkim: DkimForm::from(dkim),
            discovery: match discovery {
                dmarc::Method::TreeWalk => DiscoveryForm::TreeWalk,
                dmarc::Method::SuffixList => DiscoveryForm::SuffixList,
            },
            spf_counts: match spf_counts {
                SpfCounts::Always => SpfCountsForm::Always,
                SpfCounts::UnlessPermissive => SpfCountsForm::UnlessPermissive,
                SpfCounts::Never => SpfCountsForm::Never,
            },
            evaluate_several_authors: *evaluate_several_authors,
            trusted_sealers: trusted_sealers.iter().map(ToString::to_string).collect(),
        }
    }
}

impl From<&dkim::Policy> for DkimForm {
    fn from(policy: &dkim::Policy) -> Self {
        Self {
            skew: policy.skew,
            body_length: match policy.body_length {
                dkim::BodyLength::Never => BodyLengthForm::Never,
                dkim::BodyLength::Exact => BodyLengthForm::Exact,
            },
            accept_unsigned_duplicates: policy.accept_unsigned_duplicates,
            must_sign: policy.must_sign.iter().map(ToString::to_string).collect(),
            min_rsa_bits: policy.min_rsa_bits,
            max_signatures: policy.max_signatures,
            service: match policy.service {
                dkim::Service::Email => ServiceForm::Email,
                dkim::Service::TlsRpt => ServiceForm::Tlsrpt,
            },
        }
    }
}

impl SettingsForm {
    pub(super) fn read(self) -> Result<Settings, String> {
        Ok(Settings {
            authserv_id: id(&self.authserv_id)?,
            other_ids: self.other_ids.iter().map(|text| id(text)).collect::<Result<_, _>>()?,
            other_fields: self.other_fields,
            spf: spf::Limits {
                lookups: self.spf.lookups,
                voids: self.spf.voids,
                mx: self.spf.mx,
                ptr: self.spf.ptr,
                time: Duration::from_millis(self.spf.milliseconds),
            },
            dkim: self.dkim.read(),
            discovery: match self.discovery {
                DiscoveryForm::TreeWalk => dmarc::Method::TreeWalk,
                DiscoveryForm::SuffixList => dmarc::Method::SuffixList,
            },
            spf_counts: match self.spf_counts {
                SpfCountsForm::Always => SpfCounts::Always,
                SpfCountsForm::UnlessPermissive => SpfCounts::UnlessPermissive,
                SpfCountsForm::Never => SpfCounts::Never,
            },
            evaluate_several_authors: self.evaluate_several_authors,
            trusted_sealers: self
                .trusted_sealers
                .iter()
                .map(|text| domain(text))
                .collect::<Result<_, _>>()?,
        })
    }
}

impl DkimForm {
    fn read(self) -> dkim::Policy {
        dkim::Policy {
            skew: self.skew,
            body_length: match self.body_length {
                BodyLengthForm::Never => dkim::BodyLength::Never,
                BodyLengthForm::Exact => dkim::BodyLength::Exact,
            },
            accept_unsigned_duplicates: self.accept_unsigned_duplicates,
            must_sign: self.must_sign.into_iter().map(Into::into).collect(),
            min_rsa_bits: self.min_rsa_bits,
            max_signatures: self.max_signatures,
            service: match self.service {
                ServiceForm::Email => dkim::Service::Email,
                ServiceForm::Tlsrpt => dkim::Service::TlsRpt,
            },
        }
    }
}

fn id(text: &str) -> Result<AuthservId, String> {
    AuthservId::parse(text).map_err(|e| format!("the authserv-id {text:?}: {e}"))
}

fn domain(text: &str) -> Result<Domain, String> {
    Domain::parse(text).map_err(|e| format!("the trusted sealer {text:?}: {e}"))
}
