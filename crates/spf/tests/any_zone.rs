//! Whatever stands in a zone and whatever a client says: a check ends, within its limits, with something to read.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod ahead;
mod world;

use dns::{Data, Name};
use mail::Explain;
use proptest::prelude::*;
use spf::{Limits, MAX_EXPLORED, Outcome};
use world::{World, world};

/// The names of the little worlds.
const NAMES: [&str; 5] = ["a.example", "b.example", "c.example", "d.example", "66.113.0.203.in-addr.arpa"];

fn term() -> impl Strategy<Value = String> {
    let name = prop_oneof![
        proptest::sample::select(&NAMES[..4]).prop_map(str::to_owned),
        Just("%{d}".to_owned()),
        Just("%{p}.example".to_owned()),
        Just("%{l1r-}.%{h}.%{o2}".to_owned()),
        Just("nx..example".to_owned()),
    ];
    let kind =
        proptest::sample::select(&["include:", "a:", "mx:", "ptr:", "exists:", "redirect=", "exp="][..]);
    let named = (kind, name).prop_map(|(kind, name)| format!("{kind}{name}"));
    let bare = proptest::sample::select(
        &["a", "mx", "ptr", "all", "ip4:203.0.113.0/24", "ip6:::/0", "x=y", "bogus"][..],
    );
    ("[-+~?]?", prop_oneof![8 => named, 3 => bare.prop_map(str::to_owned)])
        .prop_map(|(qualifier, term)| if term.contains('=') { term } else { qualifier + &term })
}

/// A record as it was thought up.
fn as_it_is(record: String) -> String {
    record
}

/// Without what is left to the check, in part or altogether: names of the client, explanations; and without errors.
fn all_asked_ahead(record: String) -> String {
    let replace = [("ptr", "a"), ("exp=", "x="), ("%{p}", "%{d}"), ("bogus", "mx"), ("nx..", "nx.")];
    replace.into_iter().fold(record, |record, (from, to)| record.replace(from, to))
}

fn data(edit: fn(String) -> String) -> impl Strategy<Value = Data> {
    let name = || proptest::sample::select(&NAMES[..4]).prop_map(|n| Name::from_dotted(n).unwrap());
    prop_oneof![
        6 => proptest::collection::vec(term(), 0..6)
            .prop_map(move |terms| Data::txt(edit(format!("v=spf1 {}", terms.join(" "))))),
        1 => proptest::collection::vec(any::<u8>(), 0..20).prop_map(Data::txt),
        2 => any::<u32>().prop_map(|ip| Data::A(std::net::Ipv4Addr::from_bits(ip))),
        1 => Just(Data::A([203, 0, 113, 66].into())),
        3 => name().prop_map(|exchange| Data::Mx { preference: 0, exchange }),
        1 => name().prop_map(Data::Ptr),
    ]
}

fn any_world(edit: fn(String) -> String) -> impl Strategy<Value = World> {
    let records = proptest::collection::vec((proptest::sample::select(&NAMES[..]), data(edit)), 1..14);
    let helo = proptest::collection::vec(any::<u8>(), 0..20);
    (records, helo).prop_map(|(records, helo)| {
        let world = world(";! servfail f.example.\n").helo(helo);
        records.into_iter().fold(world, |world, (name, data)| world.with(name, data))
    })
}

proptest! {
    #[test]
    fn a_check_ends_within_its_limits(world in any_world(as_it_is), local in "[ -~]{0,20}") {
        let quoted = format!("<\"{}\"@a.example>", local.replace(['"', '\\'], ""));
        let check = world.mail_from(&quoted);
        let limits = Limits::default();
        prop_assert!(check.lookups() <= limits.lookups && check.voids() <= limits.voids);
        // The first record; ten terms of at most eleven questions; the explanation, with as many for its macros.
        prop_assert!(world.asked().len() <= 1 + 10 * 11 + 1 + 11);
        prop_assert_eq!(check.pass().is_some(), check.outcome() == Outcome::Pass);
        prop_assert!(check.explanation().is_none() || check.outcome() == Outcome::Fail);
        prop_assert!(!check.reason().to_string().bytes().any(|b| b.is_ascii_control()));
        for step in check.steps() {
            prop_assert!(step.section().0.starts_with("RFC "));
            prop_assert!(!step.to_string().bytes().any(|b| b.is_ascii_control()));
            if let Some(quote) = step.quote() {
                prop_assert!(quote.text.get(quote.span.range()).is_some());
            }
        }
        // The same world gives the same check.
        prop_assert_eq!(&world.mail_from(&quoted), &check);
        let helo = world.helo_said();
        ahead::same(&check, &world, &world.client(&helo), &world.path(&quoted), &limits);
    }

    #[test]
    fn what_a_check_asks_was_asked_ahead(world in any_world(all_asked_ahead)) {
        let helo = world.helo_said();
        let path = world.path("<someone@a.example>");
        let (needed, ahead) = ahead::questions(&world, &world.client(&helo), &path, &Limits::default());
        prop_assert!(ahead.len() <= MAX_EXPLORED);
        if ahead.len() < MAX_EXPLORED {
            prop_assert!(needed.is_subset(&ahead), "{:?}", needed.difference(&ahead).collect::<Vec<_>>());
        }
    }

    #[test]
    fn any_path_and_greeting(path in proptest::collection::vec(any::<u8>(), 0..60), helo in proptest::collection::vec(any::<u8>(), 0..60)) {
        let world = world("a.example. TXT \"v=spf1 exists:%{l}.%{h} -all\"").helo(helo);
        world.mail_from(path);
        world.check_helo();
    }
}
