//! Asking ahead: a walk over the tree of includes, redirects and terms, breadth-first, beside the check that goes
//! through it term by term. It warms the cache below and gives nothing back: it spends no budget and has no result.

use std::collections::BTreeSet;
use std::net::IpAddr;

use dns::{Answer, Data, Dns, Name, Question, RecordType};
use futures_util::stream::{FuturesUnordered, StreamExt};
use mail::{Helo, PathDomain, ReversePath};

use crate::check::{Client, POSTMASTER};
use crate::eval::{Session, reverse_name, within};
use crate::limits::Limits;
use crate::macros::{self, DomainSpec, Letter};
use crate::record::{Mechanism, Record};
use crate::select::{Lookup, RecordMemo, question};

/// Most questions that are asked ahead of one check.
pub const MAX_EXPLORED: usize = 20;

/// Asks ahead ([`Dns::warm`]) what [`check_mail_from`](crate::check_mail_from) may come to ask, [`MAX_EXPLORED`]
/// questions at the most. To be run beside the check, and dropped when that ends.
pub async fn explore_mail_from<D: Dns>(
    dns: &D,
    client: &Client<'_>,
    path: &ReversePath,
    limits: &Limits,
    memo: Option<&RecordMemo>,
) {
    match path {
        ReversePath::Null => explore_helo(dns, client, limits, memo).await,
        ReversePath::Mailbox { local, domain: PathDomain::Name(domain) } => {
            explore(dns, &Session::new(client, local, domain), limits, memo).await;
        }
        ReversePath::Mailbox { .. } | ReversePath::Invalid(_) => {}
    }
}

/// The same ahead of [`check_helo`](crate::check_helo).
pub async fn explore_helo<D: Dns>(dns: &D, client: &Client<'_>, limits: &Limits, memo: Option<&RecordMemo>) {
    match client.helo {
        Helo::Name(domain) => {
            explore(dns, &Session::new(client, POSTMASTER, domain), limits, memo).await;
        }
        Helo::Other(_) => {}
    }
}

/// A question, and what its answer is good for.
struct Lead {
    question: Question,
    hope: Hope,
}

/// What an answer leads to.
enum Hope {
    /// A record, and what its terms ask.
    Record,
    /// Mail exchangers, and their addresses.
    Exchangers,
    /// Names of the client, and the addresses of those that lie within this one, or of all.
    Names(Option<Name>),
    /// Nothing more.
    End,
}

/// Asks until nothing is left to ask or enough was asked. What one answer leads to is asked before the next is looked
/// at, so a level of the tree costs one round trip, however wide it is.
async fn explore<D: Dns>(dns: &D, session: &Session<'_>, limits: &Limits, memo: Option<&RecordMemo>) {
    let domain = session.sender_domain;
    // RFC 7208 §4.3: a name of a single label is not looked up.
    if !domain.is_fqdn() {
        return;
    }
    let ask = |lead: Lead| async move { (dns.warm(&lead.question).await, lead) };
    let explorer = Explorer { session, limits, memo };
    let mut asked = BTreeSet::new();
    let mut under_way = FuturesUnordered::new();
    let mut leads = vec![Lead { question: question(&Name::from(domain)), hope: Hope::Record }];
    loop {
        for lead in leads {
            if asked.len() < MAX_EXPLORED && asked.insert(lead.question.clone()) {
                under_way.push(ask(lead));
            }
        }
        let Some((answer, lead)) = under_way.next().await else { return };
        leads = answer.map_or_else(Vec::new, |answer| explorer.follow(&lead, &answer));
    }
}

struct Explorer<'a> {
    session: &'a Session<'a>,
    limits: &'a Limits,
    memo: Option<&'a RecordMemo>,
}

impl Explorer<'_> {
    fn follow(&self, lead: &Lead, answer: &Answer) -> Vec<Lead> {
        match &lead.hope {
            Hope::Record => match Lookup::from_answer(&lead.question.name, answer, self.memo) {
                Lookup::Found(published) => match &published.record {
                    Ok(record) => self.terms(&published.domain, record),
                    Err(_) => Vec::new(),
                },
                Lookup::Absent(_) | Lookup::Several(_) | Lookup::Failed(_) => Vec::new(),
            },
            Hope::Exchangers => self.exchangers(answer),
            Hope::Names(within) => self.names(answer, within.as_ref()),
            Hope::End => Vec::new(),
        }
    }

    /// What the terms of a record ask, up to one that is known to end its evaluation.
    fn terms(&self, domain: &Name, record: &Record) -> Vec<Lead> {
        let mut leads = Vec::new();
        for directive in record.directives() {
            match &directive.mechanism {
                Mechanism::All => return leads,
                Mechanism::Ip4(network, prefix)
                    if self.is_within((*network).into(), prefix.unwrap_or(32)) =>
                {
                    return leads;
                }
                Mechanism::Ip6(network, prefix)
                    if self.is_within((*network).into(), prefix.unwrap_or(128)) =>
                {
                    return leads;
                }
                Mechanism::Ip4(..) | Mechanism::Ip6(..) => {}
                Mechanism::Include(spec) => leads.extend(self.record(domain, spec)),
                Mechanism::A(spec, _) => {
                    leads.extend(self.term(domain, spec.as_ref(), self.session.address_type(), Hope::End));
                }
                Mechanism::Mx(spec, _) => {
                    leads.extend(self.term(domain, spec.as_ref(), RecordType::Mx, Hope::Exchangers));
                }
                Mechanism::Exists(spec) => {
                    leads.extend(self.term(domain, Some(spec), RecordType::A, Hope::End));
                }
                Mechanism::Ptr(spec) => {
                    let target = self.target(domain, spec.as_ref());
                    leads.extend(target.and_then(|target| self.client_names(Some(target))));
                }
            }
        }
        leads.extend(record.redirect().and_then(|(spec, _)| self.record(domain, spec)));
        leads
    }

    fn is_within(&self, network: IpAddr, prefix: u8) -> bool {
        within(self.session.ip, network, prefix).is_some()
    }

    fn term(&self, domain: &Name, spec: Option<&DomainSpec>, rtype: RecordType, hope: Hope) -> Option<Lead> {
        match self.target(domain, spec) {
            Some(name) => Some(Lead { question: Question::new(name, rtype), hope }),
            None => self.client_names(None).filter(|_| uses_name(spec)),
        }
    }

    fn record(&self, domain: &Name, spec: &DomainSpec) -> Option<Lead> {
        // RFC 7208 §4.3: a name of a single label is not looked up.
        let is_asked = |lead: &Lead| lead.question.name.labels().nth(1).is_some();
        self.term(domain, Some(spec), RecordType::Txt, Hope::Record).filter(is_asked)
    }

    /// The target-name, where it is known: not before the client has a name, if it stands on that.
    fn target(&self, domain: &Name, spec: Option<&DomainSpec>) -> Option<Name> {
        match spec {
            None => Some(domain.clone()),
            Some(_) if uses_name(spec) => None,
            Some(spec) => macros::target(spec, &self.session.plain_values(domain)).ok(),
        }
    }

    fn client_names(&self, within: Option<Name>) -> Option<Lead> {
        let question = Question::new(reverse_name(self.session.ip), RecordType::Ptr);
        (self.limits.ptr > 0).then_some(Lead { question, hope: Hope::Names(within) })
    }

    fn exchangers(&self, answer: &Answer) -> Vec<Lead> {
        // RFC 7208 §4.6.4: more of them are a permerror, and no address is asked for.
        if answer.records().len() > usize::from(self.limits.mx) {
            return Vec::new();
        }
        let exchange = |data: &Data| match data {
            Data::Mx { exchange, .. } if *exchange != Name::root() => Some(self.address(exchange)),
            _ => None,
        };
        answer.records().iter().filter_map(exchange).collect()
    }

    fn names(&self, answer: &Answer, within: Option<&Name>) -> Vec<Lead> {
        let name = |data: &Data| match data {
            Data::Ptr(name) if within.is_none_or(|within| name.is_within(within)) => Some(self.address(name)),
            _ => None,
        };
        answer.records().iter().take(usize::from(self.limits.ptr)).filter_map(name).collect()
    }

    fn address(&self, name: &Name) -> Lead {
        Lead { question: Question::new(name.clone(), self.session.address_type()), hope: Hope::End }
    }
}

/// Whether `%{p}` stands in it.
fn uses_name(spec: Option<&DomainSpec>) -> bool {
    spec.is_some_and(|spec| spec.text().uses(Letter::Validated))
}
