//! Whether the author domain exists: mail of one that does not can't have come from its owner.

use dmarc::{Outcome, Policy, Relation, Step};
use dns::{Dns, Failure, Name, Question, RecordType, Reply};
use mail::Domain;

use crate::verdict::Verdict;

/// What is known of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Existence {
    /// It does.
    Exists,
    /// It does not.
    DoesNotExist,
    /// The DNS did not say.
    Unknown(Failure),
    /// Nobody asked.
    NotAsked,
}

/// Finds out whether the author domain exists: from the verdict, if that says it, or by a question that DMARC asks too
/// where it needs the answer. Asks only where the answer could make a difference.
pub async fn existence<D: Dns>(dns: &D, verdict: &Verdict) -> Existence {
    match known(verdict) {
        Ok(existence) => existence,
        // RFC 9989 §3.2.13: a domain does not exist if a question for it, of whatever type, is answered NXDOMAIN.
        Err(author) => match dns.ask(&Question::new(Name::from(author), RecordType::Txt)).await.reply {
            Reply::NoSuchName => Existence::DoesNotExist,
            reply => reply.failure().map_or(Existence::Exists, Existence::Unknown),
        },
    }
}

/// What the verdict says of it; the author domain where there is more to ask.
fn known(verdict: &Verdict) -> Result<Existence, &Domain> {
    let dmarc = verdict.dmarc();
    let Some(author) = dmarc.author_domain() else { return Ok(Existence::NotAsked) };
    if dmarc.disposition() != Policy::Reject && dmarc.outcome() != Outcome::TempError {
        return Ok(Existence::NotAsked);
    }
    let relation = dmarc.steps().iter().find_map(|step| match step {
        Step::Selected { applies, .. } => Some(applies.relation),
        _ => None,
    });
    match relation {
        // RFC 8020 §2: a name below which there is a record exists.
        Some(Ok(Relation::Same)) => Ok(Existence::Exists),
        Some(Ok(Relation::NonExistent)) => Ok(Existence::DoesNotExist),
        Some(Err(failure)) => Ok(Existence::Unknown(failure)),
        // That it is a subdomain is also said where it makes no difference whether it exists.
        Some(Ok(Relation::Subdomain)) | None => Err(author),
    }
}
