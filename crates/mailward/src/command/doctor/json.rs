//! The JSON form of what was found.

use serde::Serialize;

use super::finding::{Finding, Report, Severity};

/// `mailward doctor`.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::command) struct DoctorJson {
    /// Whether nothing is wrong; there may be warnings.
    good: bool,
    /// What was looked at, in order.
    findings: Vec<FindingJson>,
}

/// One thing that was looked at.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct FindingJson {
    /// `good`, `note`, `warning` or `error`.
    severity: &'static str,
    /// The stable name of what was found; null for what is good.
    code: Option<&'static str>,
    /// Where: a setting, a file, a server.
    place: String,
    /// What, in a clause.
    message: String,
    /// What to do; null if nothing has to be done.
    help: Option<String>,
}

impl From<&Finding> for FindingJson {
    fn from(finding: &Finding) -> Self {
        Self {
            severity: finding.severity.as_str(),
            code: Some(finding.code).filter(|code| !code.is_empty()),
            place: mail::printable(&finding.place),
            message: mail::printable(&finding.message),
            help: Some(mail::printable(&finding.help)).filter(|help| !help.is_empty()),
        }
    }
}

impl From<&Report> for DoctorJson {
    fn from(report: &Report) -> Self {
        Self { good: report.worst() < Severity::Error, findings: report.0.iter().map(Into::into).collect() }
    }
}
