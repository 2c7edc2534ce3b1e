//! The names of the client's address: `ptr` and `%{p}` (RFC 7208 §5.5, §7.3). Trouble here is never an error: what the
//! reverse tree says is in the hands of the client, not of the record's owner.

use std::collections::HashSet;
use std::net::IpAddr;

use dns::{Data, Dns, Name, Question, RecordType};

use super::{Evaluation, Stop, Tested, Work};
use crate::macros::DomainSpec;
use crate::reason::Scope;
use crate::step::{Seen, Step};

/// The name under which the reverse tree keeps an address.
pub(crate) fn reverse_name(ip: IpAddr) -> Name {
    let text = match ip {
        IpAddr::V4(ip) => {
            let octets = ip.octets().into_iter().rev();
            octets.map(|octet| format!("{octet}.")).collect::<String>() + "in-addr.arpa"
        }
        IpAddr::V6(ip) => {
            let nibbles = ip.octets().into_iter().rev().flat_map(|byte| [byte & 15, byte >> 4]);
            nibbles.map(|nibble| format!("{nibble:x}.")).collect::<String>() + "ip6.arpa"
        }
    };
    // At most 72 bytes in labels of at most 7.
    Name::from_dotted(text).unwrap_or_else(|_| Name::root())
}

impl<D: Dns> Evaluation<'_, D> {
    /// RFC 7208 §5.5: whether a validated name of the client is the target-name or lies below it.
    pub(super) async fn ptr(
        &mut self,
        work: &mut Work<'_>,
        spec: Option<&DomainSpec>,
    ) -> Result<Tested, Stop> {
        let target = match self.target_or_domain(work, spec).await? {
            Ok(name) => name,
            Err(why) => return Ok(Tested::no_match(Seen::NoTarget(why))),
        };
        let names = self.client_names(work).await?;
        // DEVIATION: RFC 7208 §5.5 validates all names and then looks which of them fit. A name that does not fit can't
        // match, so it is not asked for; nor can it be the void look-up too many.
        for name in names.iter().filter(|name| name.is_within(&target)) {
            if self.is_validated(work, name).await? {
                let seen = Seen::ClientNames(vec![name.clone()]);
                return Ok(Tested { scope: Some(Scope::Name), seen });
            }
        }
        Ok(Tested::no_match(Seen::ClientNames(names)))
    }

    /// RFC 7208 §7.3: for `%{p}` the record's own domain is preferred, then a name below it, then any.
    pub(super) async fn validated_name(&mut self, work: &mut Work<'_>) -> Result<Option<Name>, Stop> {
        let mut names = self.client_names(work).await?;
        let domain = work.record.domain.clone();
        names.sort_by_key(|name| (*name != domain, !name.is_within(&domain)));
        for name in names {
            if self.is_validated(work, &name).await? {
                return Ok(Some(name));
            }
        }
        Ok(None)
    }

    /// RFC 7208 §4.6.4: the first ten names; the others are ignored. §5.5: after an error, none.
    async fn client_names(&mut self, work: &mut Work<'_>) -> Result<Vec<Name>, Stop> {
        let max = usize::from(self.budget.limits().ptr);
        if max == 0 {
            return Ok(Vec::new());
        }
        let reverse = reverse_name(self.session.ip);
        let answer = self.look_up(work, &reverse, RecordType::Ptr).await?;
        if let Some(failure) = answer.reply.failure() {
            self.steps.push(Step::Unanswered(Question::new(reverse, RecordType::Ptr), failure, false));
        }
        let name = |data: &Data| match data {
            Data::Ptr(name) => Some(name.clone()),
            _ => None,
        };
        let mut seen = HashSet::new();
        let names = answer.records().iter().filter_map(name).take(max);
        Ok(names.filter(|name| seen.insert(name.clone())).collect())
    }

    /// RFC 7208 §5.5: whether the name leads back to the client; after an error it is skipped.
    async fn is_validated(&mut self, work: &mut Work<'_>, name: &Name) -> Result<bool, Stop> {
        let rtype = self.session.address_type();
        let answer = self.look_up(work, name, rtype).await?;
        if let Some(failure) = answer.reply.failure() {
            self.steps.push(Step::Unanswered(Question::new(name.clone(), rtype), failure, false));
        }
        let ip = self.session.ip;
        Ok(answer.records().iter().any(|data| match data {
            Data::A(found) => ip == IpAddr::V4(*found),
            Data::Aaaa(found) => ip == IpAddr::V6(*found),
            _ => false,
        }))
    }
}
