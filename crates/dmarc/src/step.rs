//! The steps of an evaluation, as typed data that can tell itself.

use std::fmt;

use mail::{Domain, Explain, Quote, Section, Span};

use crate::align::{Alignment, Because, Organization};
use crate::discover::Applies;
use crate::evaluate::Identifier;
use crate::reason::{Outcome, Reason};
use crate::record::{Relation, tag_span};
use crate::values::{Mode, Policy, Psd};
use crate::walk::{Found, Place};

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A name was asked for the author domain's record.
    Asked(Place),
    /// A record applies.
    Selected {
        /// The author domain.
        author: Domain,
        /// The record, where it was found, and how the author domain stands to that.
        applies: Applies,
    },
    /// The organizational domain of a domain was looked for; `None` if an answer is missing.
    Organized {
        /// The domain.
        domain: Domain,
        /// What was found.
        organization: Option<Organization>,
    },
    /// An identifier was compared with the author domain.
    Compared {
        /// The author domain.
        author: Domain,
        /// The identifier, and what came of it.
        identifier: Identifier,
    },
    /// `t=y` lowered what is asked for.
    Tested {
        /// The policy before.
        policy: Policy,
    },
    /// The result.
    Concluded(Reason),
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Asked(place) => asked(f, place),
            Self::Selected { author, applies } => selected(f, author, applies),
            Self::Organized { domain, organization: Some(organization) } => {
                organized(f, domain, organization)
            }
            Self::Organized { domain, organization: None } => {
                write!(f, "the organizational domain of {domain} can't be known: an answer is missing")
            }
            Self::Compared { author, identifier } => compared(f, author, identifier),
            Self::Tested { policy } => {
                write!(f, "t=y: the owner is testing, so {policy} becomes {}", policy.while_testing())
            }
            Self::Concluded(reason) => write!(f, "dmarc={}: {reason}", reason.outcome()),
        }
    }
}

fn asked(f: &mut fmt::Formatter<'_>, place: &Place) -> fmt::Result {
    write!(f, "TXT _dmarc.{}: ", place.domain)?;
    match &place.found {
        Found::Nothing => f.write_str("no DMARC record"),
        Found::Several(count) => write!(f, "{count} DMARC records, so none of them counts"),
        Found::Unknown(trouble) => write!(f, "{trouble}"),
        Found::Record(published) => {
            f.write_str("a DMARC record")?;
            match (published.record.psd(), place.psd()) {
                (Psd::Yes, _) => f.write_str(" of a public suffix (psd=y); no name above is asked"),
                (Psd::No, _) => f.write_str(" of an organization (psd=n); no name above is asked"),
                (Psd::Unsaid, Some(Psd::Yes)) => {
                    f.write_str(" of a registry, by the public suffix list; no name above is asked")
                }
                (Psd::Unsaid, _) => Ok(()),
            }
        }
    }
}

fn selected(f: &mut fmt::Formatter<'_>, author: &Domain, applies: &Applies) -> fmt::Result {
    write!(f, "the record of {} applies to {author}", applies.domain)?;
    let relation = match applies.relation {
        Ok(relation) => relation,
        Err(trouble) => {
            return write!(f, "; whether that name exists, and so which policy, is unknown: {trouble}");
        }
    };
    match relation {
        Relation::Same => {}
        Relation::Subdomain => f.write_str(", a subdomain")?,
        Relation::NonExistent => f.write_str(", a subdomain that does not exist")?,
    }
    match applies.published.record.policy_for(relation) {
        Some((policy, Some(tag))) => write!(f, ": {}={policy}", tag.as_str()),
        Some((_, None)) => f.write_str(": it has no valid policy but wants reports, so it counts as p=none"),
        None => f.write_str(": it has no valid policy and wants no reports"),
    }
}

fn organized(f: &mut fmt::Formatter<'_>, domain: &Domain, organization: &Organization) -> fmt::Result {
    write!(f, "the organizational domain of {domain} is {}: ", organization.domain)?;
    match &organization.because {
        Because::SaysSo => f.write_str("its record says psd=n"),
        Because::BelowSuffix(suffix) => write!(f, "right below the public suffix {suffix}"),
        Because::IsSuffix => f.write_str("a public suffix that is used as a mail domain"),
        Because::FewestLabels => f.write_str("no shorter name has a record"),
        Because::NoRecord => f.write_str("no name from it upwards has a record"),
        Because::SuffixList => f.write_str("by the public suffix list"),
    }
}

fn compared(f: &mut fmt::Formatter<'_>, author: &Domain, identifier: &Identifier) -> fmt::Result {
    let Identifier { mechanism, domain, passed, mode, alignment } = identifier;
    match passed {
        true => write!(f, "{mechanism} passed for {domain}, ")?,
        false => write!(f, "a DNS error keeps the {mechanism} result for {domain}, ")?,
    }
    match (alignment, mode) {
        (Alignment::Aligned, _) if domain == author => f.write_str("the author domain itself: aligned"),
        (Alignment::Aligned, _) => write!(f, "of the same organization as {author}: aligned"),
        (Alignment::Unaligned, Mode::Strict) => {
            write!(f, "which is not {author}, and strict alignment is asked for: not aligned")
        }
        (Alignment::Unaligned, Mode::Relaxed) => {
            write!(f, "of another organization than {author}: not aligned")
        }
        (Alignment::Unknown, _) => write!(f, "and whether that is aligned with {author} can't be known"),
    }
}

impl Explain for Step {
    fn section(&self) -> Section {
        Section(match self {
            Self::Asked(_) => "RFC 9989 §4.10",
            Self::Selected { .. } => "RFC 9989 §4.10.1",
            Self::Organized {
                organization: Some(Organization { because: Because::SuffixList, .. }), ..
            } => "RFC 7489 §3.2",
            Self::Organized { .. } | Self::Compared { .. } => "RFC 9989 §4.10.2",
            Self::Tested { .. } => "RFC 9989 §4.7",
            Self::Concluded(Reason::Author(_)) => "RFC 9989 §5.3.1",
            Self::Concluded(reason) => match reason.outcome() {
                Outcome::None => "RFC 9989 §5.3.2",
                Outcome::Pass | Outcome::Fail => "RFC 9989 §5.3.5",
                Outcome::TempError => "RFC 9989 §5.3.6",
                Outcome::PermError => "RFC 9989 §4.10.1",
            },
        })
    }

    fn quote(&self) -> Option<Quote> {
        match self {
            Self::Asked(place) => {
                Some(Quote::whole(source(&place.domain), place.published()?.text.as_slice()))
            }
            Self::Selected { applies, .. } => {
                let text = applies.published.text.clone();
                let tag = || applies.published.record.policy_for(applies.relation.ok()?)?.1;
                let span = tag().and_then(|tag| tag_span(&text, tag));
                let span = span.unwrap_or(Span::new(0, text.len()));
                Some(Quote { source: source(&applies.domain), text, span })
            }
            Self::Organized { .. } | Self::Compared { .. } | Self::Tested { .. } | Self::Concluded(_) => None,
        }
    }
}

fn source(domain: &Domain) -> String {
    format!("TXT _dmarc.{domain}")
}
