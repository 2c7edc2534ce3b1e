//! How the writer is doing: what the program logs and counts.

use std::sync::atomic::{AtomicU64, Ordering};

/// Where rows go at the moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Into the database.
    Storing,
    /// To the journal on disk: why.
    Spilling(String),
    /// Nowhere: neither database nor journal takes them. They wait in memory, and beyond that are dropped. Why.
    Stuck(String),
}

/// What became of rows since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Put into the database straight away.
    pub stored: u64,
    /// Put into the journal.
    pub spilled: u64,
    /// Read out of the journal into the database, rows of earlier runs too.
    pub replayed: u64,
    /// Lost, for queue and journal were full.
    pub dropped: u64,
    /// Lost, for the database refuses them and will refuse them always, or they can't be read any more.
    pub refused: u64,
    /// Bytes of the journal that were torn: written when the machine went down.
    pub torn_bytes: u64,
}

/// A look at the writer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Where rows go.
    pub state: State,
    /// What became of them.
    pub counts: Counts,
    /// Rows that wait in memory.
    pub waiting: usize,
    /// Bytes in the journal.
    pub journal_bytes: u64,
}

/// One of the counts.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) stored: Counter,
    pub(crate) spilled: Counter,
    pub(crate) replayed: Counter,
    pub(crate) dropped: Counter,
    pub(crate) refused: Counter,
    pub(crate) torn_bytes: Counter,
}

impl Counters {
    pub(crate) fn read(&self) -> Counts {
        Counts {
            stored: self.stored.get(),
            spilled: self.spilled.get(),
            replayed: self.replayed.get(),
            dropped: self.dropped.get(),
            refused: self.refused.get(),
            torn_bytes: self.torn_bytes.get(),
        }
    }
}
