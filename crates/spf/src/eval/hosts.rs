//! The mechanisms that compare addresses: `a`, `mx`, `exists` (RFC 7208 §5.3, §5.4, §5.7).

use std::net::IpAddr;

use dns::{Answer, Data, Dns, Name, RecordType};

use super::{Evaluation, Stop, Tested, Work};
use crate::limits::Limit;
use crate::macros::DomainSpec;
use crate::reason::{Reason, Scope};
use crate::record::DualCidr;
use crate::step::{Seen, Step};

/// The network of that prefix length around `network`, if `ip` is in it. Networks of the other family never match.
pub(crate) fn within(ip: IpAddr, network: IpAddr, prefix: u8) -> Option<Scope> {
    match (ip, network) {
        (IpAddr::V4(a), IpAddr::V4(b)) => {
            let host = 32u32.saturating_sub(u32::from(prefix));
            let differ = (a.to_bits() ^ b.to_bits()).checked_shr(host).unwrap_or(0);
            (differ == 0).then_some(Scope::Ip4(prefix))
        }
        (IpAddr::V6(a), IpAddr::V6(b)) => {
            let host = 128u32.saturating_sub(u32::from(prefix));
            let differ = (a.to_bits() ^ b.to_bits()).checked_shr(host).unwrap_or(0);
            (differ == 0).then_some(Scope::Ip6(prefix))
        }
        _ => None,
    }
}

/// RFC 7208 §5.6: without a prefix length, the address alone.
fn prefix_for(ip: IpAddr, cidr: DualCidr) -> u8 {
    match ip {
        IpAddr::V4(_) => cidr.ip4.unwrap_or(32),
        IpAddr::V6(_) => cidr.ip6.unwrap_or(128),
    }
}

fn addresses(answer: &Answer) -> Vec<IpAddr> {
    let address = |data: &Data| match data {
        Data::A(ip) => Some(IpAddr::V4(*ip)),
        Data::Aaaa(ip) => Some(IpAddr::V6(*ip)),
        _ => None,
    };
    answer.records().iter().filter_map(address).collect()
}

impl<D: Dns> Evaluation<'_, D> {
    /// Whether the client is at one of the addresses.
    fn at(&self, addresses: &[IpAddr], cidr: DualCidr) -> Option<Scope> {
        let ip = self.session.ip;
        addresses.iter().find_map(|&address| within(ip, address, prefix_for(ip, cidr)))
    }

    /// RFC 7208 §5.3: the addresses of the target-name.
    pub(super) async fn a(
        &mut self,
        work: &mut Work<'_>,
        spec: Option<&DomainSpec>,
        cidr: DualCidr,
    ) -> Result<Tested, Stop> {
        let name = match self.target_or_domain(work, spec).await? {
            Ok(name) => name,
            Err(why) => return Ok(Tested::no_match(Seen::NoTarget(why))),
        };
        let addresses = addresses(&self.look_up_or_stop(work, &name, self.session.address_type()).await?);
        Ok(Tested { scope: self.at(&addresses, cidr), seen: Seen::Addresses(name, addresses) })
    }

    /// RFC 7208 §5.4: the addresses of the target-name's mail exchangers; where it has none, nothing takes their place.
    pub(super) async fn mx(
        &mut self,
        work: &mut Work<'_>,
        spec: Option<&DomainSpec>,
        cidr: DualCidr,
    ) -> Result<Tested, Stop> {
        let name = match self.target_or_domain(work, spec).await? {
            Ok(name) => name,
            Err(why) => return Ok(Tested::no_match(Seen::NoTarget(why))),
        };
        let answer = self.look_up_or_stop(work, &name, RecordType::Mx).await?;
        let mut hosts = Vec::new();
        for exchange in self.exchanges(work, &answer)? {
            let addresses =
                addresses(&self.look_up_or_stop(work, exchange, self.session.address_type()).await?);
            let scope = self.at(&addresses, cidr);
            hosts.push((exchange.clone(), addresses));
            if scope.is_some() {
                return Ok(Tested { scope, seen: Seen::Exchangers(hosts) });
            }
        }
        Ok(Tested::no_match(Seen::Exchangers(hosts)))
    }

    /// The hosts of an MX answer. RFC 7208 §4.6.4: an eleventh record is a permerror, whichever of them would match.
    fn exchanges<'r>(&mut self, work: &Work<'_>, answer: &'r Answer) -> Result<Vec<&'r Name>, Stop> {
        let exchange = |data: &'r Data| match data {
            Data::Mx { exchange, .. } => Some(exchange),
            _ => None,
        };
        let mut hosts: Vec<&Name> = answer.records().iter().filter_map(exchange).collect();
        let max = self.budget.limits().mx;
        if hosts.len() > usize::from(max) {
            let limit = Limit::Mx(max);
            self.steps.push(Step::LimitReached(limit, Some(work.place())));
            return Err(Reason::Limit { limit, place: Some(work.place()) }.into());
        }
        // RFC 7505 §3: the root as the only exchange says that there is none.
        hosts.retain(|host| **host != Name::root());
        Ok(hosts)
    }

    /// RFC 7208 §5.7: an A record at the target-name, for clients on IPv6 too.
    pub(super) async fn exists(&mut self, work: &mut Work<'_>, spec: &DomainSpec) -> Result<Tested, Stop> {
        let name = match self.target(work, spec).await? {
            Ok(name) => name,
            Err(why) => return Ok(Tested::no_match(Seen::NoTarget(why))),
        };
        let found = !addresses(&self.look_up_or_stop(work, &name, RecordType::A).await?).is_empty();
        Ok(Tested { scope: found.then_some(Scope::Name), seen: Seen::Exists(name, found) })
    }
}
