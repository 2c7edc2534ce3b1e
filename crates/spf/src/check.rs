//! The two questions that are put to SPF: may this client use this sender's domain, and this name in HELO?

use std::net::IpAddr;

use dns::{Dns, Name};
use mail::{Domain, Helo, PathDomain, ReversePath, UnixTime};

use crate::eval::{Ended, Evaluation, Session, Stop};
use crate::limits::Limits;
use crate::outcome::Outcome;
use crate::reason::{Matched, NoDomain, Reason, Scope};
use crate::record::Qualifier;
use crate::select::RecordMemo;
use crate::step::Step;

/// The local part of a sender that has none (RFC 7208 §4.3).
pub(crate) const POSTMASTER: &[u8] = b"postmaster";

/// The client, and who is asking.
#[derive(Clone, Debug)]
pub struct Client<'a> {
    /// Its address. An IPv4-mapped IPv6 address counts as IPv4.
    pub ip: IpAddr,
    /// What it said in HELO or EHLO, last.
    pub helo: &'a Helo,
    /// The host that checks, for `%{r}`; `unknown` where nobody is to know.
    pub receiver: &'a str,
    /// For `%{t}`.
    pub now: UnixTime,
}

/// Which of the client's statements was checked (RFC 7208 §2.3, §2.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Identity {
    /// The sender's domain; for the null sender the name in HELO.
    MailFrom,
    /// The name in HELO.
    Helo,
}

impl Identity {
    /// The word for it in Received-SPF (RFC 7208 §9.1).
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MailFrom => "mailfrom",
            Self::Helo => "helo",
        }
    }
}

/// The domain owner's words for a fail (RFC 7208 §6.2): at most 512 bytes of printable ASCII, and not empty. They come
/// from a stranger: whoever shows them says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    pub(crate) domain: Name,
    pub(crate) text: String,
}

impl Explanation {
    /// Whose words these are.
    pub fn domain(&self) -> &Name {
        &self.domain
    }

    /// The words.
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// Proof that a check of MAIL FROM ended in a pass for this domain. Nothing but [`Check::pass`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpfPass {
    domain: Domain,
}

impl SpfPass {
    /// The domain that the client may use.
    pub fn domain(&self) -> &Domain {
        &self.domain
    }
}

/// The result of a check, and how it came about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    identity: Identity,
    domain: Option<Domain>,
    reason: Reason,
    explanation: Option<Explanation>,
    steps: Vec<Step>,
    lookups: u8,
    voids: u8,
}

impl Check {
    /// What was checked.
    pub fn identity(&self) -> Identity {
        self.identity
    }

    /// The domain judged; `None` where there was none to judge.
    pub fn domain(&self) -> Option<&Domain> {
        self.domain.as_ref()
    }

    /// Why it ended as it did.
    pub fn reason(&self) -> &Reason {
        &self.reason
    }

    /// The word for the result.
    pub fn outcome(&self) -> Outcome {
        self.reason.outcome()
    }

    /// The proof of a pass, for MAIL FROM. RFC 9989 §4.4.2: a pass of the HELO identity proves nothing about the sender,
    /// so there is none for it.
    pub fn pass(&self) -> Option<SpfPass> {
        match (self.identity, self.outcome(), &self.domain) {
            (Identity::MailFrom, Outcome::Pass, Some(domain)) => Some(SpfPass { domain: domain.clone() }),
            _ => None,
        }
    }

    /// The directive that decided, with the record that it stands in.
    pub fn matched(&self) -> Option<&Matched> {
        match &self.reason {
            Reason::Matched(matched) => Some(matched),
            _ => None,
        }
    }

    /// Whom the directive that decided takes in.
    pub fn scope(&self) -> Option<Scope> {
        self.matched().map(|matched| matched.scope)
    }

    /// Whether the client was let through, or not judged, like everybody else in the world: `+all`, `?all`, or a network
    /// of all addresses.
    pub fn is_permissive(&self) -> bool {
        self.matched().is_some_and(|matched| {
            matches!(matched.qualifier, Qualifier::Pass | Qualifier::Neutral)
                && matched.scope.bits() == Some(0)
        })
    }

    /// The owner's words, after a fail, if there are any.
    pub fn explanation(&self) -> Option<&Explanation> {
        self.explanation.as_ref()
    }

    /// What was done, in order.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// How many terms looked something up (RFC 7208 §4.6.4).
    pub fn lookups(&self) -> u8 {
        self.lookups
    }

    /// For how many of them the DNS had nothing.
    pub fn voids(&self) -> u8 {
        self.voids
    }

    /// A check that ended before anything was asked.
    fn unasked(identity: Identity, domain: Option<Domain>, reason: Reason, step: Step) -> Self {
        Self { identity, domain, reason, explanation: None, steps: vec![step], lookups: 0, voids: 0 }
    }

    fn without_domain(identity: Identity, domain: Option<Domain>, why: NoDomain) -> Self {
        Self::unasked(identity, domain, Reason::NoDomain(why), Step::NoDomain(why))
    }
}

/// Checks the MAIL FROM identity (RFC 7208 §2.4). For the null sender that is `postmaster` at the name in HELO. A memo
/// makes it cheaper and changes nothing else.
pub async fn check_mail_from<D: Dns>(
    dns: &D,
    client: &Client<'_>,
    path: &ReversePath,
    limits: &Limits,
    memo: Option<&RecordMemo>,
) -> Check {
    let identity = Identity::MailFrom;
    let asker = Asker { dns, client, limits, memo };
    match path {
        ReversePath::Null => helo_domain(&asker, identity).await,
        ReversePath::Mailbox { local, domain } => match domain {
            PathDomain::Name(domain) => check_domain(&asker, identity, local, domain).await,
            PathDomain::Literal => Check::without_domain(identity, None, NoDomain::Literal),
            PathDomain::Malformed => Check::without_domain(identity, None, NoDomain::Malformed),
        },
        ReversePath::Invalid(raw) => {
            Check::unasked(identity, None, Reason::InvalidPath, Step::InvalidPath(raw.clone()))
        }
    }
}

/// Checks the HELO identity (RFC 7208 §2.3).
pub async fn check_helo<D: Dns>(
    dns: &D,
    client: &Client<'_>,
    limits: &Limits,
    memo: Option<&RecordMemo>,
) -> Check {
    helo_domain(&Asker { dns, client, limits, memo }, Identity::Helo).await
}

/// All that is the same for whatever is checked.
struct Asker<'a, D> {
    dns: &'a D,
    client: &'a Client<'a>,
    limits: &'a Limits,
    memo: Option<&'a RecordMemo>,
}

async fn helo_domain<D: Dns>(asker: &Asker<'_, D>, identity: Identity) -> Check {
    match asker.client.helo {
        Helo::Name(domain) => check_domain(asker, identity, POSTMASTER, domain).await,
        Helo::Other(_) => Check::without_domain(identity, None, NoDomain::Helo),
    }
}

async fn check_domain<D: Dns>(
    asker: &Asker<'_, D>,
    identity: Identity,
    local: &[u8],
    domain: &Domain,
) -> Check {
    // RFC 7208 §4.3: a name of a single label is not looked up.
    if !domain.is_fqdn() {
        return Check::without_domain(identity, Some(domain.clone()), NoDomain::NotQualified);
    }
    let session = Session::new(asker.client, local, domain);
    let mut evaluation = Evaluation::new(asker.dns, asker.memo, &session, asker.limits);
    let name = Name::from(domain);
    let reason = match evaluation.check_host(&name).await {
        Ok(Ended::Matched(matched)) => Reason::Matched(matched),
        Ok(Ended::NoMatch(record)) => Reason::NoMatch { record },
        Err(Stop::Missing(missing)) => Reason::NoRecord { domain: name, missing },
        Err(Stop::Error(reason)) => *reason,
    };
    let (lookups, voids) = (evaluation.budget.lookups(), evaluation.budget.voids());
    let explanation = match &reason {
        Reason::Matched(matched) if matched.qualifier == Qualifier::Fail => {
            // Boxed, it makes no future large that comes to a pass.
            Box::pin(evaluation.explanation(matched)).await
        }
        _ => None,
    };
    Check {
        identity,
        domain: Some(domain.clone()),
        reason,
        explanation,
        steps: evaluation.steps,
        lookups,
        voids,
    }
}
