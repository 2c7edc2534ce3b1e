//! Organizational domains and whether two domains share one (RFC 9989 §4.10.2), also where some answers are missing.

use mail::Domain;

use crate::values::Psd;
use crate::walk::{Found, Walk};

/// Whether an identifier is aligned with the author domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Alignment {
    /// It is.
    Aligned,
    /// It is not.
    Unaligned,
    /// It depends on an answer that did not come.
    Unknown,
}

/// An organizational domain, and what makes it one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organization {
    /// The domain.
    pub domain: Domain,
    /// The rule that chose it.
    pub because: Because,
}

/// The rules by which an organizational domain is chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Because {
    /// Its record says `psd=n`.
    SaysSo,
    /// It is right below this public suffix: its record says `psd=y` or is taken as if it did, or that of a name above it
    /// does and the suffix list knows the rest.
    BelowSuffix(Domain),
    /// The walk began at a public suffix.
    IsSuffix,
    /// No shorter name of the walk has a record.
    FewestLabels,
    /// No name of the walk has a record, so it is the domain itself.
    NoRecord,
    /// The public suffix list says so (RFC 7489 §3.2).
    SuffixList,
}

/// What the missing answers of some walks are supposed to have been, all of them at once.
#[derive(Clone, Copy)]
enum Supposed<'a> {
    Nothing,
    OnlyAt(&'a Domain, Psd),
}

impl Supposed<'_> {
    fn psd(self, domain: &Domain) -> Option<Psd> {
        match self {
            Self::Nothing => None,
            Self::OnlyAt(at, psd) => (at == domain).then_some(psd),
        }
    }
}

impl Walk {
    /// The organizational domain of the domain that the walk began at; `None` if it depends on a missing answer.
    pub fn organization(&self) -> Option<Organization> {
        let mut possible = suppositions(&[self]).into_iter().map(|supposed| choose(self, supposed));
        let first = possible.next()?;
        possible.all(|other| other.domain == first.domain).then_some(first)
    }
}

/// Relaxed alignment: whether two walks lead to the same organizational domain, whatever the missing answers were.
pub(crate) fn relaxed(author: &Walk, identifier: &Walk) -> Alignment {
    let mut same = suppositions(&[author, identifier])
        .into_iter()
        .map(|supposed| choose(author, supposed).domain == choose(identifier, supposed).domain);
    let first = same.next().unwrap_or(false);
    match (same.all(|other| other == first), first) {
        (true, true) => Alignment::Aligned,
        (true, false) => Alignment::Unaligned,
        (false, _) => Alignment::Unknown,
    }
}

fn choose(walk: &Walk, supposed: Supposed<'_>) -> Organization {
    let start = walk.start();
    let mut fewest = None;
    // RFC 9989 §4.10.2: the domains with a record, from the longest to the shortest.
    for place in walk.places() {
        let domain = &place.domain;
        let psd = match place.found {
            Found::Unknown(_) => supposed.psd(domain),
            _ => place.psd(),
        };
        match psd {
            None => {}
            Some(Psd::No) => return organization(domain, Because::SaysSo),
            // Rule 2 leaves out the domain where the walk began; the walk ends there, so rule 3 takes it.
            Some(Psd::Yes) if domain == start => return organization(domain, Because::IsSuffix),
            Some(Psd::Yes) => {
                let below = walk.below(domain);
                let suffix = below.parent().unwrap_or_else(|| domain.clone());
                return organization(&below, Because::BelowSuffix(suffix));
            }
            Some(Psd::Unsaid) => fewest = Some(domain),
        }
    }
    match fewest {
        Some(domain) => organization(domain, Because::FewestLabels),
        None => organization(start, Because::NoRecord),
    }
}

fn organization(domain: &Domain, because: Because) -> Organization {
    Organization { domain: domain.clone(), because }
}

/// Suppositions about the missing answers of one or two walks, enough to find every result that those could have had:
/// no record at all, or one record.
///
/// To bring two walks together at a domain, one record is enough: `psd=n` at the domain, or `psd=y` right above it; any
/// other would only end a walk earlier. To part two walks that meet if there is no record, one is enough as well:
/// `psd=y` at the name where they meet or below, which ends one of them on its own side.
///
/// With several identifiers, what parts one pair parts all that can be parted, so that each can be judged for itself. The
/// exception are names of more than eight labels, whose walks leave names out: there, two identifiers may be such that
/// one of them is aligned whatever the answer, though neither is for certain. The result is temperror, which is safe.
fn suppositions<'a>(walks: &[&'a Walk]) -> Vec<Supposed<'a>> {
    let mut all = vec![Supposed::Nothing];
    for place in walks.iter().flat_map(|walk| walk.places()) {
        if matches!(place.found, Found::Unknown(_)) {
            let at = &place.domain;
            all.extend([Supposed::OnlyAt(at, Psd::No), Supposed::OnlyAt(at, Psd::Yes)]);
        }
    }
    all
}
