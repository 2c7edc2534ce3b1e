//! The verdict: the checks as they came out, and what they mean for the header.

use mail::authres::find::{self, Claim};
use mail::authres::{AuthenticationResults, AuthservId};
use mail::{Author, AuthorError, Explain, Header};

use crate::authres;
use crate::settings::{Envelope, Settings};

/// SPF's two identities, each checked for itself; `None` where it, or the client's address, is not known.
#[derive(Clone, Debug, Default)]
pub struct Spf {
    /// MAIL FROM, or for the null sender HELO in its place.
    pub mail_from: Option<spf::Check>,
    /// HELO.
    pub helo: Option<spf::Check>,
}

/// What was found out about one message.
#[derive(Clone, Debug)]
pub struct Verdict {
    spf: Spf,
    author: Result<Author, AuthorError>,
    dkim: Vec<dkim::Check>,
    dmarc: dmarc::Check,
    remove: Vec<Claim>,
    results: AuthenticationResults,
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
    /// DMARC.
    Dmarc,
}

impl Verdict {
    pub(crate) fn new(
        header: &Header,
        settings: &Settings,
        envelope: &Envelope,
        spf: Spf,
        author: Result<Author, AuthorError>,
        dkim: Vec<dkim::Check>,
        dmarc: dmarc::Check,
    ) -> Self {
        let ids: Vec<AuthservId> =
            std::iter::once(&settings.authserv_id).chain(&settings.other_ids).cloned().collect();
        let names: Vec<&str> = settings.other_fields.iter().map(String::as_str).collect();
        let remove = find::own(header, &ids, &names);
        let results = AuthenticationResults {
            id: settings.authserv_id.clone(),
            results: authres::results(envelope, &spf, author.as_ref().ok(), &dkim, &dmarc),
        };
        Self { spf, author, dkim, dmarc, remove, results }
    }

    /// SPF.
    pub fn spf(&self) -> &Spf {
        &self.spf
    }

    /// The author, or why there is none.
    pub fn author(&self) -> Result<&Author, &AuthorError> {
        self.author.as_ref()
    }

    /// One check for each DKIM-Signature field, from the top; empty where the message has none.
    pub fn dkim(&self) -> &[dkim::Check] {
        &self.dkim
    }

    /// DMARC.
    pub fn dmarc(&self) -> &dmarc::Check {
        &self.dmarc
    }

    /// The fields of the inbound message that claim to be ours, last first: remove them in this order.
    pub fn remove(&self) -> &[Claim] {
        &self.remove
    }

    /// The Authentication-Results to put on top.
    pub fn authentication_results(&self) -> &AuthenticationResults {
        &self.results
    }

    /// All steps that led here, in an order that can be read as a story.
    pub fn steps(&self) -> Vec<(Part, &dyn Explain)> {
        let mut steps: Vec<(Part, &dyn Explain)> = Vec::new();
        for (part, check) in [(Part::SpfMailFrom, &self.spf.mail_from), (Part::SpfHelo, &self.spf.helo)] {
            steps.extend(check.iter().flat_map(spf::Check::steps).map(|s| (part, s as &dyn Explain)));
        }
        for (index, check) in self.dkim.iter().enumerate() {
            steps.extend(check.steps().iter().map(|s| (Part::Dkim(index), s as &dyn Explain)));
        }
        steps.extend(self.dmarc.steps().iter().map(|s| (Part::Dmarc, s as &dyn Explain)));
        steps
    }
}
