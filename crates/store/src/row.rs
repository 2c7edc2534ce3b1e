//! The row that is kept of a message: what DMARC aggregate reports say of it (RFC 9990), what local policy did, and
//! what it would have done in the other modes. No subject, no local part, no recipient.

mod columns;
mod id;
mod note;
mod words;

use std::net::IpAddr;

use dkim::Selector;
use mail::{Domain, UnixTime};

pub(crate) use columns::{COLUMNS, Columns};
pub use id::RowId;
pub use note::{MAX_NOTE, Note};
pub(crate) use words::read;
pub use words::{Action, Disposition, Mode, OverrideKind, SpfScope};

use crate::history::{DeferralKey, Network};

/// Most DKIM results that are kept of a message; those behind them are left out. RFC 9990, "DKIM Signatures in Aggregate
/// Reports", says in which order they should stand: strictly aligned passes first, then aligned ones, other passes, the rest.
pub const MAX_DKIM_RESULTS: usize = 20;
/// Most reasons of an override that are kept.
pub const MAX_OVERRIDES: usize = 5;

/// What is kept of one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageRow {
    /// Its identity, which holds the time.
    pub id: RowId,
    /// The listener that it came in by, as the configuration names it.
    pub listener: Note,
    /// The mode that was in force for it.
    pub mode: Mode,
    /// The connecting client; `None` where the mail server did not say.
    pub client_ip: Option<IpAddr>,
    /// The domain of MAIL FROM.
    pub envelope_from: EnvelopeFrom,
    /// The author domain; `None` where there is not exactly one.
    pub author_domain: Option<Domain>,
    /// The organizational domain of the author domain, where it was found.
    pub org_domain: Option<Domain>,
    /// The result of DMARC.
    pub dmarc: dmarc::Outcome,
    /// Whether an aligned DKIM signature passed.
    pub dkim_aligned: bool,
    /// Whether SPF passed for an aligned domain.
    pub spf_aligned: bool,
    /// The policy that was found; `None` where there is none that can be used.
    pub policy: Option<PublishedPolicy>,
    /// SPF's result for MAIL FROM; `None` where it was not checked.
    pub spf_mail_from: Option<SpfResult>,
    /// SPF's result for HELO.
    pub spf_helo: Option<SpfResult>,
    /// DKIM's results, the first [`MAX_DKIM_RESULTS`] of which are kept.
    pub dkim: Vec<DkimResult>,
    /// What a report says that was done.
    pub disposition: Disposition,
    /// Why that is not what the policy asks for, the first [`MAX_OVERRIDES`] of them.
    pub overrides: Vec<Override>,
    /// The rule of local policy that decided; where nothing was done, the one by which `enforce` would have done something.
    pub rule: Note,
    /// What was done.
    pub taken: Action,
    /// What each mode would have done.
    pub would: Would,
    /// Where it was put off for a missing answer: for whom.
    pub deferral: Option<DeferralKey>,
}

/// The domain of MAIL FROM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EnvelopeFrom {
    /// It is not known, or has no domain that could be one.
    Unknown,
    /// The null reverse-path of a bounce.
    Null,
    /// A domain.
    Domain(Domain),
}

/// RFC 9990 `policy_published`: the policy as it was found, `rua` and `ruf` left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedPolicy {
    /// The policy domain.
    pub domain: Domain,
    /// How it was found.
    pub method: dmarc::Method,
    /// `p`.
    pub p: dmarc::Policy,
    /// `sp`.
    pub sp: Option<dmarc::Policy>,
    /// `np`.
    pub np: Option<dmarc::Policy>,
    /// `t`.
    pub testing: dmarc::Testing,
    /// `adkim`.
    pub adkim: dmarc::Mode,
    /// `aspf`.
    pub aspf: dmarc::Mode,
    /// `fo`.
    pub failure_options: dmarc::FailureOptions,
}

/// RFC 9990 `spf`: one result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpfResult {
    /// The domain that was checked.
    pub domain: Domain,
    /// The result.
    pub outcome: spf::Outcome,
}

/// RFC 9990 `dkim`: the result of one signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DkimResult {
    /// `d=`.
    pub domain: Domain,
    /// `s=`.
    pub selector: Selector,
    /// The result.
    pub outcome: dkim::Outcome,
    /// More about it, for people.
    pub human: Option<Note>,
}

/// RFC 9990 `reason`: why the disposition is not the policy's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Override {
    /// Its type.
    pub kind: OverrideKind,
    /// More about it, for people.
    pub comment: Option<Note>,
}

/// What each mode would have done with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Would {
    /// `observe`.
    pub observe: Action,
    /// `quarantine`.
    pub quarantine: Action,
    /// `enforce`.
    pub enforce: Action,
}

impl PublishedPolicy {
    /// What `record`, found at `domain` by `method`, publishes; `None` for one that can't be used.
    pub fn of(domain: Domain, method: dmarc::Method, record: &dmarc::Record) -> Option<Self> {
        let (p, sp, np) = match record.policies() {
            dmarc::Policies::Stated { p, sp, np } => (p, sp, np),
            // RFC 9989 §4.7: as if the record said p=none.
            dmarc::Policies::MonitoringOnly => (dmarc::Policy::None, None, None),
            dmarc::Policies::Unusable => return None,
        };
        Some(Self {
            domain,
            method,
            p,
            sp,
            np,
            testing: record.testing(),
            adkim: record.adkim(),
            aspf: record.aspf(),
            failure_options: record.failure_options(),
        })
    }
}

impl MessageRow {
    /// When the message was judged.
    pub fn at(&self) -> UnixTime {
        self.id.time()
    }

    /// About how many bytes it takes in memory.
    pub(crate) fn weight(&self) -> usize {
        // A domain, a selector, a note: a few dozen bytes each, at most 255.
        const TEXT: usize = 64;
        let note = |note: &Option<Note>| note.as_ref().map_or(0, |note| note.as_str().len());
        let dkim = self.dkim.iter().map(|result| {
            size_of::<DkimResult>()
                + result.domain.as_str().len()
                + result.selector.as_str().len()
                + note(&result.human)
        });
        let overrides = self.overrides.iter().map(|reason| size_of::<Override>() + note(&reason.comment));
        size_of::<Self>() + 8 * TEXT + dkim.sum::<usize>() + overrides.sum::<usize>()
    }

    /// The organizational domain that this message shows to sign: an aligned DKIM signature passed.
    pub(crate) fn signs(&self) -> Option<&Domain> {
        self.org_domain.as_ref().filter(|_| self.dkim_aligned)
    }

    /// The author domain, and the network that this message shows to send for it: DMARC passed.
    pub(crate) fn passes_from(&self) -> Option<(&Domain, Network)> {
        let passed = self.dmarc == dmarc::Outcome::Pass;
        let (author, client) = self.author_domain.as_ref().zip(self.client_ip).filter(|_| passed)?;
        Some((author, Network::of(client)))
    }
}
