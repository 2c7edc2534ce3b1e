//! Domains that a site lists and that vouch for a message: SPF or DKIM passed for them. A name in From proves nothing.

use mail::Domain;

use super::domains::DomainMap;
use crate::verdict::Verdict;

/// What came of looking for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Voucher<'a, T> {
    /// This domain vouches, and the list says this of it.
    Known { domain: &'a Domain, value: &'a T },
    /// None does, but a DNS error keeps the result for this one.
    Unknown(&'a Domain),
    /// None does.
    None,
}

impl<'a, T> Voucher<'a, T> {
    /// The first domain of `list` that vouches for the message.
    pub(super) fn find(verdict: &'a Verdict, list: &'a DomainMap<T>) -> Self {
        let mut unknown = Self::None;
        for (domain, passed) in proofs(verdict) {
            match list.get(domain) {
                Some(value) if passed => return Self::Known { domain, value },
                Some(_) => unknown = Self::Unknown(domain),
                None => {}
            }
        }
        unknown
    }
}

/// The domains for which something passed, and those (`false`) for which a DNS error keeps the result.
fn proofs(verdict: &Verdict) -> impl Iterator<Item = (&Domain, bool)> {
    let dkim = verdict.dkim().iter().filter_map(|check| match check.outcome() {
        dkim::Outcome::Pass => Some((check.domain()?, true)),
        dkim::Outcome::TempError => Some((check.domain()?, false)),
        _ => None,
    });
    let spf = [&verdict.spf().mail_from, &verdict.spf().helo].into_iter().flatten();
    let spf = spf.filter_map(|check| match check.outcome() {
        // A record that lets everybody pass vouches for nobody.
        spf::Outcome::Pass if !check.is_permissive() => Some((check.domain()?, true)),
        spf::Outcome::TempError => Some((check.domain()?, false)),
        _ => None,
    });
    dkim.chain(spf)
}
