//! What is known of domains, in memory: as much as fits into so many bytes, those asked about last.

use std::collections::HashMap;
use std::mem::size_of;

use dns::Failure;
use lru::LruCache;
use mail::{Domain, UnixTime};
use mta_sts::Known;
use store::{Forgotten, TlsPolicy};
use tokio::sync::watch;

use super::waiting::{Waiting, policy_bytes};

/// Most lines of the log about one domain in an hour; what comes to pass with it beyond that is kept and counted only.
const MAX_LINES: u8 = 20;
/// How long a database that is away is left alone, in seconds.
const AWAY: u64 = 5;
/// Nodes' clocks differ by so many seconds at most. A policy from later than that was fetched by one that was wrong.
const SKEW: u64 = 3_600;
/// What an entry takes beside its names: the map, the list, the allocations.
const OVERHEAD: usize = 200;

/// What is known of a domain.
#[derive(Clone, Debug, Default)]
pub(super) struct Entry {
    pub(super) known: Known,
    /// Whether what the database has is in it.
    pub(super) is_read: bool,
    /// What was known before this is not in it.
    pub(super) forgotten: Forgotten,
    /// The day on which its use was counted last.
    pub(super) used: Option<u64>,
    /// Whether it was told that its record is gone.
    pub(super) vanished: bool,
    /// The DNS fails to answer about it: until when that is not tried again.
    pub(super) failing: Option<(Failure, UnixTime)>,
    /// What Postfix was told last, as a number.
    pub(super) told: Option<u64>,
    /// What the database has is in force until then, and can't be read.
    pub(super) broken: Option<UnixTime>,
    /// In which hour how many lines of the log were about it.
    lines: (u64, u8),
}

impl Entry {
    /// Takes what is kept elsewhere, if it was fetched later than what is known here.
    pub(super) fn adopt(&mut self, TlsPolicy { kept, refresh_at, .. }: TlsPolicy, now: UnixTime) {
        let is_later = |ours: UnixTime| ours < kept.fetched && kept.fetched.0 <= now.0.saturating_add(SKEW);
        if self.known.kept.as_ref().is_none_or(|(ours, _)| is_later(ours.fetched)) {
            self.known.kept = Some((kept, refresh_at));
        }
    }

    /// Whether the database need not be asked: it was, and nobody else can have renewed what is over.
    pub(super) fn is_up_to_date(&self, now: UnixTime) -> bool {
        self.is_read && (self.known.kept.is_none() || self.known.in_force(now).is_some())
    }

    /// Whether something is in force that can't be read.
    pub(super) fn is_broken(&self, now: UnixTime) -> bool {
        self.broken.is_some_and(|until| now <= until) && self.known.in_force(now).is_none()
    }

    /// Whether there may be another line of the log about it.
    pub(super) fn may_be_logged(&mut self, now: UnixTime) -> bool {
        let hour = now.0 / 3_600;
        let before = if self.lines.0 == hour { self.lines.1 } else { 0 };
        self.lines = (hour, before.saturating_add(1));
        before < MAX_LINES
    }
}

pub(super) struct Memory {
    entries: LruCache<Domain, Entry>,
    bytes: usize,
    max_bytes: usize,
    /// Fetches that are in flight; each ends with its channel.
    pub(super) flying: HashMap<Domain, watch::Receiver<()>>,
    /// What waits for the database.
    pub(super) waiting: Waiting,
    /// The database was away: until when it is not tried again.
    away_until: Option<UnixTime>,
    /// The newest forgetting of any domain that is known.
    pub(super) newest: Forgotten,
}

impl Memory {
    pub(super) fn new(max_bytes: usize) -> Self {
        Self {
            entries: LruCache::unbounded(),
            bytes: 0,
            max_bytes,
            flying: HashMap::new(),
            waiting: Waiting::default(),
            away_until: None,
            newest: Forgotten::NEVER,
        }
    }

    pub(super) fn get(&mut self, domain: &Domain) -> Option<&Entry> {
        self.entries.get(domain)
    }

    /// Changes what is known, of a domain of which nothing need be known yet.
    pub(super) fn change<T>(&mut self, domain: &Domain, change: impl FnOnce(&mut Entry) -> T) -> T {
        let before = self.entries.get(domain).map_or(0, |entry| weight(domain, entry));
        let entry = self.entries.get_or_insert_mut_ref(domain, Entry::default);
        let result = change(entry);
        self.bytes = self.bytes + weight(domain, entry) - before;
        while self.bytes > self.max_bytes {
            let Some((domain, entry)) = self.entries.pop_lru() else { break };
            self.bytes -= weight(&domain, &entry);
        }
        result
    }

    /// Whether the database may be tried: it was not away a moment ago. After that moment one tries it, for all.
    pub(super) fn may_try(&mut self, now: UnixTime) -> bool {
        let Some(until) = self.away_until else { return true };
        let may = !lasts(until, now, AWAY);
        if may {
            self.is_away(now);
        }
        may
    }

    /// The database is away.
    pub(super) fn is_away(&mut self, now: UnixTime) {
        self.away_until = Some(UnixTime(now.0.saturating_add(AWAY)));
    }

    /// The database is there.
    pub(super) fn is_there(&mut self) {
        self.away_until = None;
    }

    /// What was known of a domain before is not known any more. Gives what it was.
    pub(super) fn forget(&mut self, domain: &Domain, forgotten: Forgotten) -> Option<Entry> {
        let is_before = |known: Forgotten| known < forgotten;
        self.waiting.forget(domain, forgotten);
        if !self.entries.peek(domain).is_some_and(|entry| is_before(entry.forgotten)) {
            return None;
        }
        Some(self.change(domain, |entry| {
            let told = entry.told;
            std::mem::replace(entry, Entry { forgotten, told, ..Entry::default() })
        }))
    }

    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

/// Whether a time that lasts so many seconds at most is not over. A clock that was set back proves nothing.
pub(super) fn lasts(until: UnixTime, now: UnixTime, longest: u64) -> bool {
    now < until && until.0 - now.0 <= longest
}

fn weight(domain: &Domain, entry: &Entry) -> usize {
    let policy = entry.known.kept.as_ref().map_or(0, |(kept, _)| policy_bytes(kept));
    OVERHEAD + size_of::<Entry>() + 2 * domain.as_str().len() + policy
}
