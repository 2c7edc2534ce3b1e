//! Differences to other programs, counted by class. `docs/differences.md` names every class and no other.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

const PAGE: &str = include_str!("../../../../docs/differences.md");

/// What came of a comparison.
pub(crate) struct Tally<T> {
    known: BTreeMap<T, usize>,
    unknown: Vec<String>,
}

impl<T: Ord + Copy + Debug> Tally<T> {
    pub(crate) fn new() -> Self {
        Self { known: BTreeMap::new(), unknown: Vec::new() }
    }

    /// One difference: its class, or what is to be told of it.
    pub(crate) fn count(&mut self, class: Option<T>, told: impl FnOnce() -> String) {
        match class {
            Some(class) => *self.known.entry(class).or_default() += 1,
            None => self.unknown.push(told()),
        }
    }

    /// Fails where a difference is of no class, or, where there were enough cases, a class has no difference.
    pub(crate) fn check(&self, program: &str, classes: &[T], enough: bool) {
        let (count, known) = (self.unknown.len(), &self.known);
        println!(
            "{program}: {} known differences: {known:?}; {count} unknown",
            known.values().sum::<usize>()
        );
        let told = self.unknown.iter().take(20).map(String::as_str).collect::<Vec<_>>().join("\n");
        assert!(self.unknown.is_empty(), "{program}: {count} unknown differences:\n{told}");
        let stale: Vec<_> = classes.iter().filter(|class| !known.contains_key(class)).collect();
        assert!(stale.is_empty() || !enough, "{program}: differences that do not come up: {stale:?}");
        let unlisted: Vec<_> = known.keys().filter(|class| !classes.contains(class)).collect();
        assert!(
            unlisted.is_empty(),
            "{program}: differences that were thought to be another's: {unlisted:?}"
        );
    }
}

/// The classes of a program's section in the page: the first cells of its table.
fn on_page(program: &str) -> BTreeSet<String> {
    let (_, rest) = PAGE.split_once(&format!("\n## {program}\n")).expect(program);
    let section = rest.split("\n## ").next().unwrap_or(rest);
    let cell = |line: &str| Some(line.strip_prefix("| `")?.split_once('`')?.0.to_owned());
    section.lines().filter_map(cell).collect()
}

/// Whether the page names these classes for a program and no others.
pub(crate) fn check_page<T: Debug>(program: &str, classes: &[T]) {
    let known: BTreeSet<String> = classes.iter().map(|class| format!("{class:?}")).collect();
    assert_eq!(on_page(program), known, "{program} in docs/differences.md");
}
