//! Discovery: what has to be asked before evidence can be weighed. The record that applies to the author domain
//! (RFC 9989 §4.10.1), and a walk for every identifier that might turn out to be aligned with it.

use std::fmt;
use std::sync::Arc;

use dns::{Dns, Failure, Name, Question, RecordType, Reply};
use mail::{Domain, SuffixList};

use crate::align::{Alignment, Because, Organization, relaxed};
use crate::record::{Record, Relation};
use crate::values::Psd;
use crate::walk::{Answers, Found, Place, Published, RecordMemo, Walk, names};

/// How many identifiers are walked for: ten DKIM signatures and the MAIL FROM domain.
pub const MAX_IDENTIFIERS: usize = 11;

/// How the policy record and the organizational domains are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Method {
    /// By the DNS tree walk of RFC 9989.
    #[default]
    TreeWalk,
    /// By the public suffix list, as RFC 7489 had it. Tags mean what RFC 9989 says in either case.
    SuffixList,
}

impl Method {
    /// The word of aggregate reports (RFC 9990 `discovery_method`).
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TreeWalk => "treewalk",
            Self::SuffixList => "psl",
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What the receiver has to say about discovery.
#[derive(Clone, Copy)]
pub struct Options<'a> {
    /// The list that guards the tree walk against records of registries, or takes its place.
    pub suffixes: &'a dyn SuffixList,
    /// Which of the two.
    pub method: Method,
    /// Records that were parsed before. It makes discovery cheaper and changes nothing else.
    pub memo: Option<&'a RecordMemo>,
}

/// The record that applies to the author domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PolicyRecord {
    /// There is none.
    None,
    /// The look-up at this domain failed, and what stands there might be, or lead to, the record.
    Unknown(Domain, Failure),
    /// This one.
    Applies(Applies),
}

/// A record and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applies {
    /// The policy domain: where the record was found.
    pub domain: Domain,
    /// The record.
    pub published: Arc<Published>,
    /// How the author domain stands to the policy domain; an error if nobody knows whether the author domain exists,
    /// and that matters.
    pub relation: Result<Relation, Failure>,
}

/// Everything that DMARC asks the DNS for one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discovery {
    author: Domain,
    method: Method,
    places: Vec<Place>,
    policy: PolicyRecord,
    domains: Vec<(Domain, Ground)>,
}

/// What decides on a domain's organizational domain.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Ground {
    Walked(Walk),
    Listed(Domain),
}

impl Discovery {
    /// The author domain.
    pub fn author(&self) -> &Domain {
        &self.author
    }

    /// How records and organizational domains were found.
    pub fn method(&self) -> Method {
        self.method
    }

    /// What stands at the names that were asked for the author domain's record, in order.
    pub fn places(&self) -> &[Place] {
        &self.places
    }

    /// The record that applies.
    pub fn policy(&self) -> &PolicyRecord {
        &self.policy
    }

    /// The organizational domain of the author domain or of an identifier; `None` if it depends on a missing answer, or
    /// if the domain can't share one with the author domain, so that nobody asked.
    pub fn organization(&self, domain: &Domain) -> Option<Organization> {
        match self.ground(domain)? {
            Ground::Walked(walk) => walk.organization(),
            Ground::Listed(domain) => {
                Some(Organization { domain: domain.clone(), because: Because::SuffixList })
            }
        }
    }

    /// Whether anybody asked for the organizational domain of `domain`.
    pub(crate) fn has_ground(&self, domain: &Domain) -> bool {
        self.ground(domain).is_some()
    }

    fn ground(&self, domain: &Domain) -> Option<&Ground> {
        self.domains.iter().find(|(asked, _)| asked == domain).map(|(_, ground)| ground)
    }

    /// Whether `identifier` has the same organizational domain as the author.
    pub(crate) fn relaxed(&self, identifier: &Domain) -> Alignment {
        // RFC 9989 §4.10.2: the very same domain needs no walk.
        if *identifier == self.author {
            return Alignment::Aligned;
        }
        if !can_align(&self.author, identifier) {
            return Alignment::Unaligned;
        }
        match (self.ground(&self.author), self.ground(identifier)) {
            (Some(Ground::Walked(author)), Some(Ground::Walked(identifier))) => relaxed(author, identifier),
            (Some(Ground::Listed(author)), Some(Ground::Listed(identifier))) if author == identifier => {
                Alignment::Aligned
            }
            (Some(Ground::Listed(_)), Some(Ground::Listed(_))) => Alignment::Unaligned,
            // Discovery was not told of this identifier, so nobody asked.
            _ => Alignment::Unknown,
        }
    }
}

/// Two domains share an organizational domain only if they share at least the top-level domain.
fn can_align(author: &Domain, identifier: &Domain) -> bool {
    author.last_labels(1) == identifier.last_labels(1)
}

/// Asks for everything that [`crate::evaluate`] may need, before it is known which identifiers pass: `identifiers` are
/// the domain of MAIL FROM and the signing domains of the signatures that will be verified. Of those that could be
/// aligned, at most [`MAX_IDENTIFIERS`] are walked for, all side by side with the author domain.
pub async fn discover<D: Dns>(
    dns: &D,
    author: &Domain,
    identifiers: &[Domain],
    options: &Options<'_>,
) -> Discovery {
    let mut domains = vec![author];
    for identifier in identifiers {
        if can_align(author, identifier) && !domains.contains(&identifier) && domains.len() <= MAX_IDENTIFIERS
        {
            domains.push(identifier);
        }
    }
    match options.method {
        Method::TreeWalk => by_tree(dns, &domains, author, options).await,
        Method::SuffixList => by_list(dns, &domains, author, options).await,
    }
}

async fn by_tree<D: Dns>(dns: &D, domains: &[&Domain], author: &Domain, options: &Options<'_>) -> Discovery {
    let answers = Answers::ask(dns, options.memo, domains.iter().flat_map(|domain| names(domain))).await;
    // RFC 9989 §4.10.2: a walk of its own for every identifier.
    let walk = Walk::follow(author, &answers, options.suffixes);
    let policy = policy_by_tree(dns, &walk).await;
    let places = walk.places().to_vec();
    let follow = |domain: &Domain| Ground::Walked(Walk::follow(domain, &answers, options.suffixes));
    let others = domains.iter().filter(|&&domain| domain != author);
    let others = others.map(|&domain| (domain.clone(), follow(domain)));
    let domains = std::iter::once((author.clone(), Ground::Walked(walk))).chain(others).collect();
    Discovery { author: author.clone(), method: Method::TreeWalk, places, policy, domains }
}

async fn policy_by_tree<D: Dns>(dns: &D, walk: &Walk) -> PolicyRecord {
    let author = walk.start();
    // RFC 9989 §4.10.1: the author domain's own record comes first. What failed above it can't change that.
    if let Some(own) = walk.places().first().and_then(own_record) {
        return PolicyRecord::Applies(own);
    }
    // Any record might stand where nobody answered: psd=n there would make it the record that applies.
    if let Some(unknown) = walk.places().iter().find_map(unknown) {
        return unknown;
    }
    // Then that of the organizational domain, then that of the public suffix, which is where the walk ended.
    let organization = walk.organization().map(|organization| organization.domain);
    let at_organization = walk.places().iter().find(|place| Some(&place.domain) == organization.as_ref());
    let at_suffix = walk.places().last().filter(|place| place.psd() == Some(Psd::Yes));
    for place in [at_organization, at_suffix].into_iter().flatten() {
        if let Some(published) = place.published() {
            return inherited(dns, author, place, published).await;
        }
    }
    PolicyRecord::None
}

/// Discovery as RFC 7489 §3.2 and §6.6.3 had it.
async fn by_list<D: Dns>(dns: &D, domains: &[&Domain], author: &Domain, options: &Options<'_>) -> Discovery {
    let organization = registered(author, options.suffixes);
    let answers = Answers::ask(dns, options.memo, [author.clone(), organization.clone()]).await;
    let place =
        |domain: &Domain| Place { found: answers.found(domain), domain: domain.clone(), guarded: false };
    let own = place(author);
    let mut places = vec![own.clone()];
    let policy = match own.found {
        Found::Record(_) => own_record(&own).map_or(PolicyRecord::None, PolicyRecord::Applies),
        Found::Unknown(trouble) => PolicyRecord::Unknown(own.domain, trouble),
        // RFC 7489 §6.6.3 step 5: several records end discovery.
        Found::Several(_) => PolicyRecord::None,
        Found::Nothing if organization == *author => PolicyRecord::None,
        Found::Nothing => {
            let above = place(&organization);
            places.push(above.clone());
            match above.published() {
                Some(published) => inherited(dns, author, &above, published).await,
                None => unknown(&above).unwrap_or(PolicyRecord::None),
            }
        }
    };
    let listed = |domain: &Domain| Ground::Listed(registered(domain, options.suffixes));
    let domains = domains.iter().map(|&domain| (domain.clone(), listed(domain))).collect();
    Discovery { author: author.clone(), method: Method::SuffixList, places, policy, domains }
}

/// RFC 7489 §3.2: the public suffix and one label more.
fn registered(domain: &Domain, suffixes: &dyn SuffixList) -> Domain {
    let labels = suffixes.suffix(domain).labels + 1;
    domain.last_labels(labels).unwrap_or_else(|| domain.clone())
}

fn unknown(place: &Place) -> Option<PolicyRecord> {
    match place.found {
        Found::Unknown(trouble) => Some(PolicyRecord::Unknown(place.domain.clone(), trouble)),
        Found::Record(_) | Found::Nothing | Found::Several(_) => None,
    }
}

fn own_record(place: &Place) -> Option<Applies> {
    let published = Arc::clone(place.published()?);
    Some(Applies { domain: place.domain.clone(), published, relation: Ok(Relation::Same) })
}

async fn inherited<D: Dns>(
    dns: &D,
    author: &Domain,
    place: &Place,
    published: &Arc<Published>,
) -> PolicyRecord {
    let relation = relation(dns, author, &published.record).await;
    PolicyRecord::Applies(Applies {
        domain: place.domain.clone(),
        published: Arc::clone(published),
        relation,
    })
}

/// Whether the author domain exists, asked only where the record makes a difference between the two.
async fn relation<D: Dns>(dns: &D, author: &Domain, record: &Record) -> Result<Relation, Failure> {
    let policy_for = |relation| record.policy_for(relation).map(|(policy, _)| policy);
    if policy_for(Relation::Subdomain) == policy_for(Relation::NonExistent) {
        return Ok(Relation::Subdomain);
    }
    // RFC 9989 §3.2.13, §A.4: a domain does not exist if a query for it, of whatever type, is answered NXDOMAIN; having
    // no record of that type is existing.
    let reply = dns.ask(&Question::new(Name::from(author), RecordType::Txt)).await.reply;
    match (reply.failure(), reply) {
        (Some(failure), _) => Err(failure),
        (None, Reply::NoSuchName) => Ok(Relation::NonExistent),
        (None, _) => Ok(Relation::Subdomain),
    }
}
