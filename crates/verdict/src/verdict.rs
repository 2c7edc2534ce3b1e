//! The verdict: the checks as they came out, and what they mean for the header.

use std::net::IpAddr;
use std::sync::OnceLock;

use mail::authres::find::{self, Claim};
use mail::authres::{AuthenticationResults, AuthservId};
use mail::{Author, AuthorError, Explain, Header, UnixTime};

use crate::authres;
use crate::replay::Recipients;
use crate::settings::Settings;

/// SPF's two identities, each checked for itself; `None` where it, or the client's address, is not known.
#[derive(Clone, Debug, Default)]
pub struct Spf {
    /// MAIL FROM, or for the null sender HELO in its place.
    pub mail_from: Option<spf::Check>,
    /// HELO.
    pub helo: Option<spf::Check>,
}

/// What each part came to.
#[derive(Clone, Debug)]
pub(crate) struct Checks {
    pub(crate) spf: Spf,
    pub(crate) author: Result<Author, AuthorError>,
    pub(crate) dkim: Vec<dkim::Check>,
    pub(crate) arc: arc::Check,
    pub(crate) dmarc: dmarc::Check,
}

/// What a verdict has to remember of how the message came.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) client: Option<IpAddr>,
    /// Whether MAIL FROM is the null sender.
    pub(crate) by_null: bool,
    pub(crate) at: UnixTime,
    pub(crate) to: Recipients,
}

/// What was found out about one message.
#[derive(Clone, Debug)]
pub struct Verdict {
    checks: Checks,
    local: Option<arc::Decision>,
    sent: Sent,
    remove: Vec<Claim>,
    id: AuthservId,
    /// Written when somebody first wants to see it.
    results: OnceLock<AuthenticationResults>,
}

/// The part of a verdict that a step belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// SPF of the MAIL FROM identity.
    SpfMailFrom,
    /// SPF of the HELO identity.
    SpfHelo,
    /// The DKIM check with this index in [`Verdict::dkim`].
    Dkim(usize),
    /// The ARC chain.
    Arc,
    /// DMARC.
    Dmarc,
}

impl Verdict {
    pub(crate) fn new(header: &Header, settings: &Settings, sent: Sent, checks: Checks) -> Self {
        let ids: Vec<AuthservId> =
            std::iter::once(&settings.authserv_id).chain(&settings.other_ids).cloned().collect();
        let names: Vec<&str> = settings.other_fields.iter().map(String::as_str).collect();
        let local = local_decision(&checks, settings);
        Self {
            checks,
            local,
            sent,
            remove: find::own(header, &ids, &names),
            id: settings.authserv_id.clone(),
            results: OnceLock::new(),
        }
    }

    /// SPF.
    pub fn spf(&self) -> &Spf {
        &self.checks.spf
    }

    /// The author, or why there is none.
    pub fn author(&self) -> Result<&Author, &AuthorError> {
        self.checks.author.as_ref()
    }

    /// One check for each DKIM-Signature field, from the top; empty where the message has none.
    pub fn dkim(&self) -> &[dkim::Check] {
        &self.checks.dkim
    }

    /// The ARC chain; its outcome is none where the message has no chain.
    pub fn arc(&self) -> &arc::Check {
        &self.checks.arc
    }

    /// Where DMARC fails and the message has a chain: whether a local policy may act as if it had passed, as the sealers
    /// that are trusted here saw it pass. No result is another one for it.
    pub fn local_decision(&self) -> Option<&arc::Decision> {
        self.local.as_ref().filter(|_| self.dmarc().outcome() == dmarc::Outcome::Fail)
    }

    /// What the sealers that are trusted here saw, where DMARC fails or may fail once the answers are there that are missing.
    pub(crate) fn trusted_sealers_saw(&self) -> Option<&arc::Decision> {
        self.local.as_ref()
    }

    /// DMARC.
    pub fn dmarc(&self) -> &dmarc::Check {
        &self.checks.dmarc
    }

    /// How many seconds ago a signature says that it was made, t=; 0 for a time to come.
    pub fn signature_age(&self, check: &dkim::Check) -> Option<u64> {
        check.signed_at().map(|signed_at| self.sent.at.0.saturating_sub(signed_at))
    }

    /// Whether every recipient stands in To or Cc; `None` where that is not known. A message that was signed for
    /// others and is sent again looks like a blind copy, or a list's.
    pub fn recipients_named(&self) -> Option<bool> {
        self.sent.to.all_named()
    }

    /// The fields of the inbound message that claim to be ours, last first: remove them in this order.
    pub fn remove(&self) -> &[Claim] {
        &self.remove
    }

    /// The Authentication-Results to put on top.
    pub fn authentication_results(&self) -> &AuthenticationResults {
        self.results.get_or_init(|| AuthenticationResults {
            id: self.id.clone(),
            results: authres::results(&self.sent, &self.checks),
        })
    }

    /// All steps that led here, in an order that can be read as a story.
    pub fn steps(&self) -> Vec<(Part, &dyn Explain)> {
        let mut steps: Vec<(Part, &dyn Explain)> = Vec::new();
        for (part, check) in [(Part::SpfMailFrom, &self.spf().mail_from), (Part::SpfHelo, &self.spf().helo)] {
            steps.extend(check.iter().flat_map(spf::Check::steps).map(|s| (part, s as &dyn Explain)));
        }
        for (index, check) in self.dkim().iter().enumerate() {
            steps.extend(check.steps().iter().map(|s| (Part::Dkim(index), s as &dyn Explain)));
        }
        if self.arc().outcome() != arc::Outcome::None {
            steps.extend(self.arc().steps().iter().map(|s| (Part::Arc, s as &dyn Explain)));
        }
        steps.extend(self.dmarc().steps().iter().map(|s| (Part::Dmarc, s as &dyn Explain)));
        steps
    }
}

/// RFC 9989 §5.4 leaves room for a local policy; only a failure needs one, and only a chain can be a reason.
fn local_decision(checks: &Checks, settings: &Settings) -> Option<arc::Decision> {
    let fails = matches!(checks.dmarc.outcome(), dmarc::Outcome::Fail | dmarc::Outcome::TempError);
    let wanted = fails && checks.arc.outcome() != arc::Outcome::None;
    let author = checks.author.as_ref().ok().map(Author::domain);
    wanted.then(|| arc::consider(&checks.arc, author, &settings.trusted_sealers))
}
