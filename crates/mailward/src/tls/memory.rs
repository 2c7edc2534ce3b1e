//! What is known of domains, in memory: as much as fits into so many bytes, those asked about last.

use std::collections::{HashMap, HashSet};
use std::mem::size_of;

use dns::Failure;
use lru::LruCache;
use mail::{Domain, UnixTime};
use mta_sts::Known;
use store::{Forgotten, TlsEvent, TlsPolicy};
use tokio::sync::watch;

/// Most policies that wait for the database.
const MAX_UNSAVED: usize = 10_000;
/// Most events that wait for it; more are only logged.
const MAX_EVENTS: usize = 10_000;
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
}

pub(super) struct Memory {
    entries: LruCache<Domain, Entry>,
    bytes: usize,
    max_bytes: usize,
    /// Fetches that are in flight; each ends with its channel.
    pub(super) flying: HashMap<Domain, watch::Receiver<()>>,
    /// What the database did not take, and of which forgetting was known when its fetch began.
    pub(super) unsaved: HashMap<Domain, (TlsPolicy, Forgotten)>,
    /// Who was used on a new day.
    pub(super) used: HashSet<Domain>,
    /// What came to pass.
    pub(super) events: Vec<TlsEvent>,
    /// The database was away: until when it is not tried again.
    pub(super) away_until: UnixTime,
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
            unsaved: HashMap::new(),
            used: HashSet::new(),
            events: Vec::new(),
            away_until: UnixTime(0),
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

    pub(super) fn note(&mut self, event: TlsEvent) {
        if self.events.len() < MAX_EVENTS {
            self.events.push(event);
        }
    }

    pub(super) fn keep_unsaved(&mut self, policy: TlsPolicy, known: Forgotten) {
        if self.unsaved.len() < MAX_UNSAVED {
            self.unsaved.insert(policy.domain.clone(), (policy, known));
        }
    }

    /// What was known of a domain before is not known any more. Gives what it was.
    pub(super) fn forget(&mut self, domain: &Domain, forgotten: Forgotten) -> Option<Entry> {
        let is_before = |known: Forgotten| known < forgotten;
        if self.unsaved.get(domain).is_some_and(|(_, known)| is_before(*known)) {
            self.unsaved.remove(domain);
        }
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

fn weight(domain: &Domain, entry: &Entry) -> usize {
    let patterns = entry.known.kept.as_ref().map_or(&[][..], |(kept, _)| kept.policy.mx());
    let patterns: usize = patterns.iter().map(|p| size_of::<mta_sts::Pattern>() + p.to_string().len()).sum();
    OVERHEAD + size_of::<Entry>() + 2 * domain.as_str().len() + patterns
}
