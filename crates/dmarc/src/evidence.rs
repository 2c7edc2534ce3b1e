//! The evidence that DMARC accepts: proofs that only a real check of SPF or DKIM can make.

use dkim::DkimPass;
use mail::Domain;
use spf::SpfPass;

use crate::discover::Discovery;
use crate::evaluate::{Check, Evidence, weigh};
use crate::reason::Mechanism;

/// What SPF found out about the MAIL FROM identity; HELO's counts for nothing here (RFC 9989 §4.4.2).
#[derive(Clone, Debug)]
pub enum SpfEvidence {
    /// It passed.
    Pass(SpfPass),
    /// A DNS error kept the answer; for this domain.
    TempError(Domain),
    /// Anything else.
    Other,
}

/// What DKIM found out about one signature.
#[derive(Clone, Debug)]
pub enum DkimEvidence {
    /// It passed.
    Pass(DkimPass),
    /// A DNS error kept the key; the signing domain.
    TempError(Domain),
    /// Anything else.
    Other,
}

impl From<&spf::Check> for SpfEvidence {
    fn from(check: &spf::Check) -> Self {
        if let Some(pass) = check.pass() {
            return Self::Pass(pass);
        }
        match (check.identity(), check.outcome(), check.domain()) {
            (spf::Identity::MailFrom, spf::Outcome::TempError, Some(domain)) => {
                Self::TempError(domain.clone())
            }
            _ => Self::Other,
        }
    }
}

impl From<&dkim::Check> for DkimEvidence {
    fn from(check: &dkim::Check) -> Self {
        if let Some(pass) = check.pass() {
            return Self::Pass(pass);
        }
        match (check.outcome(), check.domain()) {
            (dkim::Outcome::TempError, Some(domain)) => Self::TempError(domain.clone()),
            _ => Self::Other,
        }
    }
}

/// Weighs the evidence.
pub fn evaluate(discovery: &Discovery, spf: &SpfEvidence, dkim: &[DkimEvidence]) -> Check {
    let evidence = |mechanism, domain, passed| Some(Evidence { mechanism, domain, passed });
    let spf = match spf {
        SpfEvidence::Pass(pass) => evidence(Mechanism::Spf, pass.domain(), true),
        SpfEvidence::TempError(domain) => evidence(Mechanism::Spf, domain, false),
        SpfEvidence::Other => None,
    };
    let dkim = dkim.iter().filter_map(|signature| match signature {
        DkimEvidence::Pass(pass) => evidence(Mechanism::Dkim, pass.domain(), true),
        DkimEvidence::TempError(domain) => evidence(Mechanism::Dkim, domain, false),
        DkimEvidence::Other => None,
    });
    weigh(discovery, spf.into_iter().chain(dkim))
}
