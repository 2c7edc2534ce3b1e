//! A world of records in memory that answers as a resolver would: wildcards, aliases, and faults on request.

mod parse;
mod print;

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::answer::{Answer, Data, Failure, Reply};
use crate::name::Name;
use crate::question::{Question, RecordType};
use crate::{Dns, MAX_CNAMES};

pub use parse::{DEFAULT_TTL, MAX_SET, MAX_TEXT, ZoneError};

/// Records by name, as if one server held the whole tree: delegations don't matter, every alias is followed.
///
/// [`Zone::parse`] reads master files with directives; the methods below build the same by hand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Zone {
    /// Every name that exists: those with records and all above them (empty non-terminals).
    names: BTreeMap<Name, Node>,
    faults: Directives<Failure>,
    delays: Directives<Duration>,
    authenticated: Directives<()>,
    all_authenticated: bool,
}

/// What is said of questions: all those for a name (`None`), or those for one type.
type Directives<T> = BTreeMap<(Name, Option<RecordType>), T>;

/// What one name has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Node {
    alias: Option<(u32, Name)>,
    sets: BTreeMap<RecordType, RecordSet>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct RecordSet {
    ttl: u32,
    data: Vec<Data>,
    given: Given,
}

/// Records as answers give them out, always the very same; made when they are first asked for, they are no part of what
/// a zone says.
#[derive(Clone, Debug, Default)]
struct Given(OnceLock<Arc<[Data]>>);

impl PartialEq for Given {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Given {}

impl Zone {
    /// A world in which nothing exists.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads a master file (RFC 1035 §5) of class IN, at most [`MAX_TEXT`] bytes, with these directives, each on a line
    /// of its own and a comment for other programs:
    ///
    /// ```text
    /// ;! timeout NAME [TYPE]
    /// ;! servfail NAME [TYPE]
    /// ;! bogus NAME [TYPE]
    /// ;! delay 200ms NAME [TYPE]
    /// ;! authenticated [NAME [TYPE]]
    /// ```
    ///
    /// NAME is written as in the rest of the file, and means that name only, even if it begins with `*`. The origin is
    /// the root until the file says `$ORIGIN`; a record without a TTL, where none was said, has
    /// [`DEFAULT_TTL`]. Records of types that nobody here asks for only make their name exist. `$INCLUDE` is an error.
    pub fn parse(text: impl AsRef<[u8]>) -> Result<Self, ZoneError> {
        parse::zone(text.as_ref())
    }

    /// Adds one record. The same data twice is one record (RFC 2181 §5); the shortest TTL of a set counts for all of it.
    pub fn add(&mut self, name: Name, ttl: u32, data: Data) -> &mut Self {
        if let Data::Cname(target) = data {
            return self.alias(name, ttl, target);
        }
        let new = RecordSet { ttl, data: Vec::new(), given: Given::default() };
        let set = self.node(name).sets.entry(data.record_type()).or_insert(new);
        set.ttl = set.ttl.min(ttl);
        if !set.data.contains(&data) {
            set.data.push(data);
            set.given = Given::default();
        }
        self
    }

    /// Makes `name` another name for `target` (CNAME), in place of whatever it was an alias for. It hides other records.
    pub fn alias(&mut self, name: Name, ttl: u32, target: Name) -> &mut Self {
        self.node(name).alias = Some((ttl, target));
        self
    }

    /// Makes the questions for one type (`None`: for any) at this name fail. The name exists.
    pub fn fail(&mut self, name: Name, rtype: impl Into<Option<RecordType>>, fault: Failure) -> &mut Self {
        self.node(name.clone());
        self.faults.insert((name, rtype.into()), fault);
        self
    }

    /// Makes answers for this name say that they took so long; nobody waits.
    pub fn delay(&mut self, name: Name, rtype: impl Into<Option<RecordType>>, took: Duration) -> &mut Self {
        self.delays.insert((name, rtype.into()), took);
        self
    }

    /// Makes answers for this name authenticated (DNSSEC's AD bit).
    pub fn authenticate(&mut self, name: Name, rtype: impl Into<Option<RecordType>>) -> &mut Self {
        self.authenticated.insert((name, rtype.into()), ());
        self
    }

    /// Makes every answer authenticated that is no failure.
    pub fn authenticate_all(&mut self) -> &mut Self {
        self.all_authenticated = true;
        self
    }

    /// The answer to one question, at once.
    pub fn answer(&self, question: &Question) -> Answer {
        let (answer, _) = self.walk(question, |_| true);
        answer
    }

    /// Follows aliases from a question for as long as `ours` says that this zone answers the next. Gives what was
    /// learnt, and the question that is left for somebody else if there is one; the reply is then not yet known.
    pub(crate) fn walk(
        &self,
        question: &Question,
        ours: impl Fn(&Question) -> bool,
    ) -> (Answer, Option<Question>) {
        let mut here = question.clone();
        let mut answer = Answer { ttl: u32::MAX, authenticated: true, ..Answer::new(Reply::ServerFailure) };
        for _ in 0..=MAX_CNAMES {
            answer.took += found(&self.delays, &here).copied().unwrap_or_default();
            answer.authenticated &= self.all_authenticated || found(&self.authenticated, &here).is_some();
            match self.step(&here) {
                Step::End(reply, ttl) => {
                    answer.authenticated &= reply.failure().is_none();
                    answer.ttl = answer.ttl.min(ttl);
                    answer.reply = reply;
                    return (answer, None);
                }
                Step::Alias(ttl, target) => {
                    answer.alias = true;
                    answer.ttl = answer.ttl.min(ttl);
                    here.name = target;
                    if !ours(&here) {
                        return (answer, Some(here));
                    }
                }
            }
        }
        (Answer { ttl: 0, authenticated: false, ..answer }, None)
    }

    /// Whether the zone itself says something to this question: by a record, an alias or a fault at exactly this name.
    pub(crate) fn holds(&self, question: &Question) -> bool {
        found(&self.faults, question).is_some()
            || self
                .names
                .get(&question.name)
                .is_some_and(|node| node.alias.is_some() || node.sets.contains_key(&question.rtype))
    }

    /// Whether the name has something, or stands above a name that has.
    pub(crate) fn has_name(&self, name: &Name) -> bool {
        self.names.contains_key(name)
    }

    fn step(&self, question: &Question) -> Step {
        if let Some(fault) = found(&self.faults, question) {
            return Step::End((*fault).into(), 0);
        }
        match self.find(&question.name) {
            None => Step::End(Reply::NoSuchName, self.negative_ttl(&question.name)),
            Some(Node { alias: Some((ttl, target)), .. }) if question.rtype == RecordType::Cname => {
                Step::End(Reply::from_records([Data::Cname(target.clone())]), *ttl)
            }
            Some(Node { alias: Some((ttl, target)), .. }) => Step::Alias(*ttl, target.clone()),
            Some(node) => match node.sets.get(&question.rtype) {
                Some(set) => {
                    let records = set.given.0.get_or_init(|| set.data.as_slice().into());
                    Step::End(Reply::from_records(Arc::clone(records)), set.ttl)
                }
                None => Step::End(Reply::NoData, self.negative_ttl(&question.name)),
            },
        }
    }

    /// RFC 4592 §3.3.1: a name that exists answers for itself; below the closest ancestor that exists, only that
    /// ancestor's own `*` does.
    fn find(&self, name: &Name) -> Option<&Node> {
        if let Some(node) = self.names.get(name) {
            return Some(node);
        }
        let encloser = self.closest_encloser(name)?;
        self.names.get(&encloser.child(b"*").ok()?)
    }

    fn closest_encloser(&self, name: &Name) -> Option<Name> {
        let mut here = name.parent();
        while let Some(ancestor) = here {
            if self.names.contains_key(&ancestor) {
                return Some(ancestor);
            }
            here = ancestor.parent();
        }
        None
    }

    /// RFC 2308 §5: a "no" is kept as long as the SOA record of its zone says; without one, not at all.
    fn negative_ttl(&self, name: &Name) -> u32 {
        let mut here = Some(name.clone());
        while let Some(name) = here {
            if let Some(set) = self.names.get(&name).and_then(|n| n.sets.get(&RecordType::Soa)) {
                return set.data.iter().fold(set.ttl, |ttl, data| match data {
                    Data::Soa { minimum, .. } => ttl.min(*minimum),
                    _ => ttl,
                });
            }
            here = name.parent();
        }
        0
    }

    /// Makes a name exist, and with it all above it.
    fn node(&mut self, name: Name) -> &mut Node {
        let mut here = name.parent();
        while let Some(ancestor) = here {
            if self.names.contains_key(&ancestor) {
                break;
            }
            here = ancestor.parent();
            self.names.insert(ancestor, Node::default());
        }
        self.names.entry(name).or_default()
    }
}

enum Step {
    End(Reply, u32),
    Alias(u32, Name),
}

/// What is said of a question: of its type first, then of its name.
fn found<'a, T>(directives: &'a Directives<T>, question: &Question) -> Option<&'a T> {
    if directives.is_empty() {
        return None;
    }
    let of = |rtype| directives.get(&(question.name.clone(), rtype));
    of(Some(question.rtype)).or_else(|| of(None))
}

impl Dns for Zone {
    fn ask(&self, question: &Question) -> impl Future<Output = Answer> + Send {
        std::future::ready(self.answer(question))
    }
}

#[cfg(test)]
mod tests;
