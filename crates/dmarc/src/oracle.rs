//! Two slow second opinions on random worlds: a walk that asks one name after the other, and a judge that tries every
//! answer that could have come in place of a missing one.

use std::collections::BTreeSet;

use dns::{Name, Question, RecordType, Reply};
use mail::{Domain, SuffixList};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use testkit::oracle::walk;

use crate::evaluate::Check;
use crate::reason::{Mechanism, Outcome};
use crate::record::Record;
use crate::testing::{List, Watched, World, domain, domains, run_with, texts};
use crate::values::{Policy, Psd};
use crate::{Method, PolicyRecord};

fn question(text: &str) -> Question {
    Question::new(Name::from_dotted(text).unwrap(), RecordType::Txt)
}

/// What a name can hold; the last is no answer at all.
const CONTENTS: [&[&str]; 9] = [
    &[],
    &["v=spf1 -all", "v=DMARC1x; p=none"],
    &["v=DMARC1; p=reject", "v=DMARC1; p=none"],
    &["v=DMARC1; p=reject; sp=quarantine; np=none"],
    &["x", "v=DMARC1; p=quarantine; psd=u"],
    &["v=DMARC1; p=none; psd=y"],
    &["v=DMARC1; p=reject; psd=n"],
    &["v=DMARC1; p=quarantine; adkim=s"],
    &["v=DMARC1"],
];

/// The step-by-step walk: no code of the crate but the record parser.
fn naive(world: &World, start: &str, suffixes: &dyn SuffixList) -> walk::Walk {
    let labels: Vec<&str> = start.split('.').collect();
    let registry = (0..labels.len())
        .map(|at| suffixes.suffix(&domain(&labels[at..].join("."))))
        .filter(|suffix| suffix.section != Some(mail::SuffixSection::Private))
        .fold(0, |most, suffix| most.max(suffix.labels));
    walk::walk(start, registry, |name| {
        let found: Vec<Record> = match world.get(&question(&format!("_dmarc.{name}"))) {
            Reply::Records(records) => {
                records.iter().filter_map(|data| Record::parse(&data.text()?).value).collect()
            }
            _ => Vec::new(),
        };
        match &found[..] {
            [record] => Some(match record.psd() {
                Psd::Yes => walk::Psd::Yes,
                Psd::No => walk::Psd::No,
                Psd::Unsaid => walk::Psd::Unsaid,
            }),
            _ => None,
        }
    })
}

const SMALL: &str = "t b.t c.b.t d.c.b.t e.c.b.t f.d.c.b.t a.b.t g.t";
const DEEP: &str =
    "t 6.t 5.6.t 1.2.3.4.5.6.t 0.1.2.3.4.5.6.t z.1.2.3.4.5.6.t y.0.1.2.3.4.5.6.t x.y.0.1.2.3.4.5.6.t";

/// A world over the given names: for each, an index into [`CONTENTS`], one past its end for a failure.
fn world(names: &[Domain], contents: &[usize]) -> World {
    let mut world = World::default();
    for (name, content) in names.iter().zip(contents) {
        let reply = CONTENTS.get(*content).map_or(Reply::ServerFailure, |records| texts(records));
        world.set(&name.prefixed("_dmarc").unwrap(), reply);
    }
    world
}

fn lists() -> impl Strategy<Value = List> {
    select(vec![vec![], vec!["t", "b.t"], vec!["t", "b.t (private)", "5.6.t"], vec!["*.6.t", "!5.6.t"]])
        .prop_map(List)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn walks_are_those_of_the_step_by_step_walk(
        deep: bool,
        start: Index,
        contents in prop::collection::vec(0..CONTENTS.len(), 8),
        list in lists(),
    ) {
        let names = domains(if deep { DEEP } else { SMALL });
        let start = &names[start.index(names.len())];
        let world = world(&names, &contents);
        let want = naive(&world, start.as_str(), &list);

        let dns = Watched::new(&world);
        let walk = pollster::block_on(crate::walk(&dns, start, &list));
        let places: Vec<_> = walk.places().iter().map(|place| place.domain.to_string()).collect();
        prop_assert_eq!(&places, &want.asked);
        prop_assert!(dns.asked().len() <= crate::MAX_NAMES);
        let organization = walk.organization().unwrap().domain;
        prop_assert_eq!(organization.as_str(), &want.organization);

        let options = crate::Options { suffixes: &list, method: Method::TreeWalk, memo: None };
        let discovery = pollster::block_on(crate::discover(&world, start, &[], &options));
        let policy_domain = match discovery.policy() {
            PolicyRecord::Applies(applies) => Some(applies.domain.to_string()),
            PolicyRecord::None | PolicyRecord::Unknown(..) => None,
        };
        prop_assert_eq!(policy_domain, want.policy_domain);
    }
}

type Piece = (Mechanism, Domain, bool);

/// What must not depend on a missing answer: the result, and for a failure the policy and what it asks for.
fn result(check: &Check) -> (Outcome, Option<Policy>, Policy) {
    let policy = check.applied().and_then(|applied| applied.policy).map(|(policy, _)| policy);
    let policy = policy.filter(|_| check.outcome() == Outcome::Fail);
    (check.outcome(), policy, check.disposition())
}

/// What a missing record might have been.
const POSSIBLE: [&[&str]; 7] = [
    &[],
    &["v=DMARC1; p=quarantine"],
    &["v=DMARC1; p=none; psd=y"],
    &["v=DMARC1; p=reject; psd=n"],
    &["v=DMARC1"],
    &["v=DMARC1; psd=y"],
    &["v=DMARC1; psd=n"],
];

/// Every world and all evidence that agree with what is known.
fn complete(world: &World, author: &Domain, pieces: &[Piece]) -> Vec<(World, Vec<Piece>)> {
    let mut all = vec![(world.clone(), pieces.to_vec())];
    let missing: Vec<_> = world
        .0
        .iter()
        .filter(|(_, reply)| reply.failure().is_some())
        .map(|(question, _)| question.clone())
        .collect();
    for question in missing {
        let replies: Vec<_> = if question.name == Name::from(author) {
            vec![Reply::NoSuchName, Reply::NoData]
        } else {
            POSSIBLE.iter().map(|records| texts(records)).collect()
        };
        let with = |(world, pieces): (World, Vec<Piece>)| {
            replies
                .iter()
                .map(|reply| {
                    let mut world = world.clone();
                    world.0.insert(question.clone(), reply.clone());
                    (world, pieces.clone())
                })
                .collect::<Vec<_>>()
        };
        all = all.into_iter().flat_map(with).collect();
    }
    for at in (0..pieces.len()).rev().filter(|at| !pieces[*at].2) {
        let with = |(world, pieces): (World, Vec<Piece>)| {
            let (mut passed, mut failed) = (pieces.clone(), pieces);
            passed[at].2 = true;
            failed.remove(at);
            [(world.clone(), passed), (world, failed)]
        };
        all = all.into_iter().flat_map(with).collect();
    }
    all
}

/// A world in which some answers are missing, an author in it, and evidence.
#[derive(Debug)]
struct Case {
    world: World,
    author: Domain,
    pieces: Vec<Piece>,
    list: List,
    deep: bool,
}

fn cases() -> impl Strategy<Value = Case> {
    let piece = (any::<bool>(), any::<Index>(), prop::bool::weighted(0.8));
    (
        any::<bool>(),
        any::<Index>(),
        // The author's own record or not; the existence of the author missing or not.
        (prop::bool::weighted(0.6), prop::bool::weighted(0.2)),
        prop::collection::vec(select(vec![0, 0, 0, 0, 3, 4, 4, 5, 6, 7]), 8),
        prop::collection::vec(any::<Index>(), 0..4),
        prop::collection::vec(piece, 0..4),
        lists(),
    )
        .prop_map(|(deep, author, (own, lost), contents, missing, pieces, list)| {
            let names = domains(if deep { DEEP } else { SMALL });
            let author = author.get(&names).clone();
            let mut world = world(&names, &contents);
            for missing in missing {
                world.set(&missing.get(&names).prefixed("_dmarc").unwrap(), Reply::ServerFailure);
            }
            if own {
                world.set(&author.prefixed("_dmarc").unwrap(), texts(CONTENTS[3]));
            }
            if lost {
                world.set(&author, Reply::TimeOut);
            }
            let piece = |(spf, at, passed): (bool, Index, bool)| {
                let mechanism = if spf { Mechanism::Spf } else { Mechanism::Dkim };
                (mechanism, at.get(&names).clone(), passed)
            };
            Case { world, author, pieces: pieces.into_iter().map(piece).collect(), list, deep }
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn temperror_exactly_where_an_answer_could_change_the_result(case in cases()) {
        let run = |world: &World, pieces: &[Piece]| {
            result(&run_with(world, case.author.as_str(), pieces, &case.list, Method::TreeWalk))
        };
        let got = run(&case.world, &case.pieces);
        let completed = complete(&case.world, &case.author, &case.pieces);
        let possible: BTreeSet<_> = completed.iter().map(|(world, pieces)| run(world, pieces)).collect();
        let open = (Outcome::TempError, None, Policy::None);
        // Names of more than eight labels may be temperror without need, but never the other way round.
        let may_be_open = case.deep && case.pieces.len() > 1;
        match possible.first() {
            Some(only) if possible.len() == 1 && !(may_be_open && got == open) => prop_assert_eq!(&got, only),
            Some(_) => prop_assert_eq!(got, open, "{:?}", possible),
            None => prop_assert!(false, "no world fits"),
        }
    }
}
