//! The records that a domain's record refers to, and what all of them cost at worst: for people who publish records.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use dns::{Dns, Failure, Name};

use crate::limits::Limits;
use crate::macros::DomainSpec;
use crate::reason::Missing;
use crate::record::{Mechanism, Modifier, ModifierKind, Record, Term};
use crate::select::{Absence, Lookup, Published, lookup};

/// Most records that are looked up for one tree.
pub const MAX_RECORDS: usize = 50;

/// A domain's record and those behind its includes and redirects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree {
    /// The domain asked for.
    pub root: Node,
    /// How many terms look something up if nothing matches before the last of them, counted as RFC 7208 §4.6.4 has it.
    /// At least: behind macros, loops and failures nothing is counted.
    pub lookups: u32,
    /// How many of them the limits allow.
    pub max_lookups: u8,
    /// How many records were looked up.
    pub records: usize,
    /// Whether something is not counted in `lookups`, because only a message tells what it would be.
    pub has_unknown: bool,
}

/// A domain in the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its name.
    pub domain: Name,
    /// What was found there.
    pub found: NodeFound,
}

/// What was found at a domain of the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeFound {
    /// A record, and its terms in the order of the text; none of them if the record has errors.
    Record(Arc<Published>, Vec<Branch>),
    /// None.
    Absent(Absence),
    /// Several; their texts.
    Several(Vec<Box<[u8]>>),
    /// The DNS did not say.
    Failed(Failure),
    /// The domain stands above itself in the tree: a check would end in a permerror.
    Loop,
    /// There were [`MAX_RECORDS`] records already.
    TooMany,
}

/// A term of a record in the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Branch {
    /// The term.
    pub term: Term,
    /// How many terms look something up: this one, and all that are behind it.
    pub lookups: u32,
    /// What it refers to.
    pub target: Target,
}

/// What a term of the tree refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// No other record.
    None,
    /// A record: of an `include`, or of a `redirect` that counts.
    Record(Box<Node>),
    /// A record whose name depends on the message.
    Unknown,
    /// A name that can't be.
    Missing(Missing),
    /// Nothing: the term is never reached, or it is a redirect beside an `all`.
    Ignored,
}

/// Looks up a domain's record and all that it refers to, one after the other.
pub async fn tree<D: Dns>(dns: &D, domain: &Name, limits: &Limits) -> Tree {
    let mut walk = Walk { dns, path: Vec::new(), records: 0, has_unknown: false };
    let (root, lookups) = walk.node(domain.clone()).await;
    let Walk { records, has_unknown, .. } = walk;
    Tree { root, lookups, max_lookups: limits.lookups, records, has_unknown }
}

struct Walk<'a, D> {
    dns: &'a D,
    /// The domains from the root to here.
    path: Vec<Name>,
    records: usize,
    has_unknown: bool,
}

impl<D: Dns> Walk<'_, D> {
    /// A domain, and what its record costs. Its depth is bounded by [`MAX_RECORDS`].
    fn node(&mut self, domain: Name) -> Pin<Box<dyn Future<Output = (Node, u32)> + Send + '_>> {
        Box::pin(async move {
            let (found, lookups) = self.found(&domain).await;
            (Node { domain, found }, lookups)
        })
    }

    async fn found(&mut self, domain: &Name) -> (NodeFound, u32) {
        if self.path.contains(domain) {
            self.has_unknown = true;
            return (NodeFound::Loop, 0);
        }
        if self.records == MAX_RECORDS {
            self.has_unknown = true;
            return (NodeFound::TooMany, 0);
        }
        self.records += 1;
        let published = match lookup(self.dns, domain).await {
            Lookup::Found(published) => published,
            Lookup::Absent(absence) => return (NodeFound::Absent(absence), 0),
            Lookup::Several(texts) => return (NodeFound::Several(texts), 0),
            Lookup::Failed(failure) => {
                self.has_unknown = true;
                return (NodeFound::Failed(failure), 0);
            }
        };
        let mut branches = Vec::new();
        if let Ok(record) = &published.record {
            self.path.push(domain.clone());
            branches = self.branches(domain, record).await;
            self.path.pop();
        }
        let lookups = branches.iter().fold(0u32, |sum, branch| sum.saturating_add(branch.lookups));
        (NodeFound::Record(published, branches), lookups)
    }

    async fn branches(&mut self, domain: &Name, record: &Record) -> Vec<Branch> {
        let all = record.has_all();
        let mut reached = true;
        let mut branches = Vec::new();
        for term in record.terms() {
            let (lookups, target) = match term {
                Term::Directive(directive) if reached => {
                    reached = directive.mechanism != Mechanism::All;
                    match &directive.mechanism {
                        Mechanism::Include(spec) => self.reference(domain, term, spec).await,
                        _ => (term.lookups(), Target::None),
                    }
                }
                Term::Modifier(Modifier { kind: ModifierKind::Redirect(spec), .. }) if !all => {
                    self.reference(domain, term, spec).await
                }
                Term::Modifier(Modifier {
                    kind: ModifierKind::Exp(_) | ModifierKind::Unknown(..), ..
                }) => (0, Target::None),
                Term::Directive(_) | Term::Modifier(_) => (0, Target::Ignored),
            };
            branches.push(Branch { term: term.clone(), lookups, target });
        }
        branches
    }

    /// An include or redirect: what it costs, and what is behind it.
    async fn reference(&mut self, domain: &Name, term: &Term, spec: &DomainSpec) -> (u32, Target) {
        let own = term.lookups();
        match spec.fixed(domain) {
            None => {
                self.has_unknown = true;
                (own, Target::Unknown)
            }
            Some(Err(why)) => (own, Target::Missing(Missing::NoTarget(why))),
            Some(Ok(name)) if name.labels().nth(1).is_none() => (own, Target::Missing(Missing::SingleLabel)),
            Some(Ok(name)) => {
                let (node, behind) = self.node(name).await;
                (own.saturating_add(behind), Target::Record(Box::new(node)))
            }
        }
    }
}
