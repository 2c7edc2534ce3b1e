//! `check_host` (RFC 7208 §4): a record, its directives in order, its redirect. Includes and redirects call it again.

mod ask;
mod explain;
mod hosts;
mod names;

pub(crate) use hosts::within;
pub(crate) use names::reverse_name;

use std::borrow::Cow;
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;

use dns::{Dns, Name, RecordType};
use mail::{Domain, Helo, Span, UnixTime};

use crate::check::{Client, POSTMASTER};
use crate::limits::{Budget, Limits};
use crate::macros::{self, DomainSpec, NoTarget, Values};
use crate::outcome::Outcome;
use crate::reason::{Matched, Missing, Place, Reason, Scope};
use crate::record::{Directive, Mechanism, Qualifier, Record};
use crate::select::{Lookup, Published, RecordMemo, question};
use crate::step::{Seen, Step};

/// What stays the same through all includes and redirects of one check.
pub(crate) struct Session<'a> {
    /// The client; IPv4-mapped addresses are IPv4 here.
    pub(crate) ip: IpAddr,
    pub(crate) local: &'a [u8],
    pub(crate) sender_domain: &'a Domain,
    pub(crate) helo: &'a Helo,
    pub(crate) receiver: &'a str,
    pub(crate) now: UnixTime,
}

impl<'a> Session<'a> {
    pub(crate) fn new(client: &Client<'a>, local: &'a [u8], sender_domain: &'a Domain) -> Self {
        Self {
            // RFC 7208 §5: a client on an IPv4-mapped address is a client on IPv4.
            ip: client.ip.to_canonical(),
            // RFC 7208 §4.3: a sender without a local part is postmaster.
            local: if local.is_empty() { POSTMASTER } else { local },
            sender_domain,
            helo: client.helo,
            receiver: client.receiver,
            now: client.now,
        }
    }

    /// RFC 7208 §5: A for a client on IPv4, AAAA for one on IPv6.
    pub(crate) fn address_type(&self) -> RecordType {
        match self.ip {
            IpAddr::V4(_) => RecordType::A,
            IpAddr::V6(_) => RecordType::Aaaa,
        }
    }

    /// What macros stand for in the record of `domain`, all but `%{p}`.
    pub(crate) fn plain_values(&self, domain: &Name) -> Values<'a> {
        Values {
            ip: self.ip,
            local: self.local,
            sender_domain: self.sender_domain.as_str(),
            // RFC 7208 §7.2: d is the domain whose record is evaluated, behind an include or redirect another one.
            domain: Cow::Owned(macros::dotted(domain)),
            helo: self.helo,
            receiver: self.receiver,
            now: self.now,
            validated: None,
        }
    }
}

/// How the evaluation of a record ended, where it came to an end.
pub(crate) enum Ended {
    Matched(Matched),
    NoMatch(Arc<Published>),
}

/// Why the evaluation of a record came to none.
pub(crate) enum Stop {
    /// There is no record: `none` for the domain judged, a permerror behind an include or redirect.
    Missing(Missing),
    /// An error that ends the whole check.
    Error(Box<Reason>),
}

impl From<Reason> for Stop {
    fn from(reason: Reason) -> Self {
        Self::Error(Box::new(reason))
    }
}

/// How many steps there is room for at first: few checks take more.
const STEPS: usize = 8;

/// One check on its way.
pub(crate) struct Evaluation<'a, D> {
    dns: &'a D,
    memo: Option<&'a RecordMemo>,
    session: &'a Session<'a>,
    pub(crate) budget: Budget,
    pub(crate) steps: Vec<Step>,
}

/// A term on its way: where it stands, and whether it was counted as void already.
struct Work<'r> {
    record: &'r Arc<Published>,
    span: Span,
    void: bool,
}

impl<'r> Work<'r> {
    fn new(record: &'r Arc<Published>, span: Span) -> Self {
        Self { record, span, void: false }
    }

    fn place(&self) -> Place {
        Place { record: Arc::clone(self.record), span: self.span }
    }
}

/// What a mechanism came to: whom it takes in, if it matched.
struct Tested {
    scope: Option<Scope>,
    seen: Seen,
}

impl Tested {
    fn no_match(seen: Seen) -> Self {
        Self { scope: None, seen }
    }
}

impl<'a, D: Dns> Evaluation<'a, D> {
    pub(crate) fn new(
        dns: &'a D,
        memo: Option<&'a RecordMemo>,
        session: &'a Session<'a>,
        limits: &Limits,
    ) -> Self {
        Self { dns, memo, session, budget: Budget::new(limits), steps: Vec::with_capacity(STEPS) }
    }

    /// `check_host` for `domain`. Its depth is bounded by the limit of look-ups, each call but the first being paid for.
    pub(crate) fn check_host<'s>(
        &'s mut self,
        domain: &'s Name,
    ) -> Pin<Box<dyn Future<Output = Result<Ended, Stop>> + Send + 's>> {
        Box::pin(async move {
            let published = self.published(domain).await?;
            let record = self.syntax(&published)?;
            for directive in record.directives() {
                if let Some(scope) = self.directive(&published, directive).await? {
                    let place = Place { record: Arc::clone(&published), span: directive.span };
                    return Ok(Ended::Matched(Matched { place, qualifier: directive.qualifier, scope }));
                }
            }
            match record.redirect() {
                Some((spec, span)) => self.redirect(Work::new(&published, span), spec).await,
                None => {
                    self.steps.push(Step::NoMatch(Arc::clone(&published)));
                    Ok(Ended::NoMatch(published))
                }
            }
        })
    }

    /// RFC 7208 §4.3 to §4.5: the one record of the domain.
    async fn published(&mut self, domain: &Name) -> Result<Arc<Published>, Stop> {
        if domain.labels().nth(1).is_none() {
            return Err(Stop::Missing(Missing::SingleLabel));
        }
        let question = question(domain);
        let answer = self.ask(&question, None).await?;
        match Lookup::from_answer(domain, &answer, self.memo) {
            Lookup::Found(published) => Ok(published),
            Lookup::Absent(absence) => {
                self.steps.push(Step::NoRecord(domain.clone(), absence));
                Err(Stop::Missing(Missing::Absent(absence)))
            }
            Lookup::Several(texts) => {
                let count = texts.len();
                self.steps.push(Step::SeveralRecords(domain.clone(), texts));
                Err(Reason::SeveralRecords { domain: domain.clone(), count }.into())
            }
            Lookup::Failed(failure) => {
                self.steps.push(Step::Unanswered(question.clone(), failure, true));
                Err(Reason::Dns { question, failure }.into())
            }
        }
    }

    /// RFC 7208 §4.6: an error anywhere in the record ends the check before anything of it is evaluated.
    fn syntax<'p>(&mut self, published: &'p Arc<Published>) -> Result<&'p Record, Stop> {
        match &published.record {
            Ok(record) => {
                self.steps.push(Step::Record(Arc::clone(published)));
                Ok(record)
            }
            Err(error) => {
                let place = Place { record: Arc::clone(published), span: error.span };
                self.steps.push(Step::Invalid(place));
                Err(Reason::Syntax { record: Arc::clone(published), error: error.clone() }.into())
            }
        }
    }

    /// RFC 7208 §4.6.2: whether a directive matches, and whom it takes in then.
    async fn directive(
        &mut self,
        published: &Arc<Published>,
        directive: &Directive,
    ) -> Result<Option<Scope>, Stop> {
        let mut work = Work::new(published, directive.span);
        if directive.mechanism.looks_up() {
            self.spend_lookup(&work)?;
        }
        let tested = match &directive.mechanism {
            Mechanism::All => Tested { scope: Some(Scope::Everybody), seen: Seen::Everybody },
            Mechanism::Include(spec) => return self.include(work, spec).await,
            Mechanism::A(spec, cidr) => self.a(&mut work, spec.as_ref(), *cidr).await?,
            Mechanism::Mx(spec, cidr) => self.mx(&mut work, spec.as_ref(), *cidr).await?,
            Mechanism::Ptr(spec) => self.ptr(&mut work, spec.as_ref()).await?,
            Mechanism::Ip4(network, prefix) => {
                return Ok(self.network(&work, IpAddr::V4(*network), prefix.unwrap_or(32)));
            }
            Mechanism::Ip6(network, prefix) => {
                return Ok(self.network(&work, IpAddr::V6(*network), prefix.unwrap_or(128)));
            }
            Mechanism::Exists(spec) => self.exists(&mut work, spec).await?,
        };
        let Tested { scope, seen } = tested;
        self.steps.push(Step::Tested { place: work.place(), matched: scope.is_some(), seen });
        Ok(scope)
    }

    /// RFC 7208 §5.2: a pass behind the include is a match; other results are none; errors are errors; no record is one.
    async fn include(&mut self, mut work: Work<'_>, spec: &DomainSpec) -> Result<Option<Scope>, Stop> {
        let name = match self.target(&mut work, spec).await? {
            Ok(name) => name,
            // RFC 8616 §4: such a term matches nothing.
            Err(why @ NoTarget::NonAsciiLocal) => {
                self.steps.push(Step::Tested {
                    place: work.place(),
                    matched: false,
                    seen: Seen::NoTarget(why),
                });
                return Ok(None);
            }
            Err(why) => return Err(self.include_without_record(work.place(), Missing::NoTarget(why))),
        };
        self.steps.push(Step::IncludeEntered(work.place(), name.clone()));
        let (scope, outcome) = match self.check_host(&name).await {
            Ok(Ended::Matched(Matched { qualifier: Qualifier::Pass, scope, .. })) => {
                (Some(scope), Outcome::Pass)
            }
            Ok(Ended::Matched(matched)) => (None, matched.qualifier.outcome()),
            Ok(Ended::NoMatch(_)) => (None, Outcome::Neutral),
            Err(Stop::Missing(missing)) => return Err(self.include_without_record(work.place(), missing)),
            Err(error @ Stop::Error(_)) => return Err(error),
        };
        self.steps.push(Step::IncludeLeft(work.place(), name, outcome));
        Ok(scope)
    }

    fn include_without_record(&mut self, place: Place, missing: Missing) -> Stop {
        self.steps.push(Step::LeadsNowhere(place.clone(), missing));
        Reason::IncludeWithoutRecord { place, missing }.into()
    }

    /// RFC 7208 §6.1: the other record takes over altogether; if there is none, that is a permerror.
    async fn redirect(&mut self, mut work: Work<'_>, spec: &DomainSpec) -> Result<Ended, Stop> {
        self.spend_lookup(&work)?;
        let missing = match self.target(&mut work, spec).await? {
            Err(why) => Missing::NoTarget(why),
            Ok(name) => {
                self.steps.push(Step::Redirected(work.place(), name.clone()));
                match self.check_host(&name).await {
                    Err(Stop::Missing(missing)) => missing,
                    ended => return ended,
                }
            }
        };
        self.steps.push(Step::LeadsNowhere(work.place(), missing));
        Err(Reason::RedirectWithoutRecord { place: work.place(), missing }.into())
    }

    /// RFC 7208 §5.6: whether the client is in a network. Those side by side that it is not in make one step.
    fn network(&mut self, work: &Work<'_>, network: IpAddr, prefix: u8) -> Option<Scope> {
        let scope = hosts::within(self.session.ip, network, prefix);
        match (scope, self.steps.last_mut()) {
            (Some(_), _) => {
                self.steps.push(Step::Tested { place: work.place(), matched: true, seen: Seen::Network });
            }
            (None, Some(Step::NetworksMissed(before, count))) if Arc::ptr_eq(&before.record, work.record) => {
                before.span.end = work.span.end;
                *count += 1;
            }
            (None, _) => self.steps.push(Step::NetworksMissed(work.place(), 1)),
        }
        scope
    }
}
