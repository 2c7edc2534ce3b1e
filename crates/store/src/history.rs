//! What local policy remembers, in memory: which domains are known to sign, from where their mail came before, and since
//! when mail is put off. Loaded at the start, updated with each row, bounded; time is an argument.

mod days;
mod key;
mod tiers;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use mail::{Domain, UnixTime};

pub(crate) use days::{DAY, Days, day_of};
pub use key::{DeferralKey, Network};
use tiers::Tiers;

use crate::MessageRow;

/// How many days back a signature counts.
pub const SIGNING_DAYS: u32 = 30;
/// On how many days a domain must have been seen before others can't push it out of memory.
pub const ESTABLISHED_DAYS: u32 = 3;
/// How many days a network is remembered from which an author domain's mail passed.
pub const PASSING_DAYS: u32 = 90;
/// Most networks that are kept of one author domain; the one longest unseen makes room.
pub const MAX_NETWORKS: usize = 32;
/// A deferral is forgotten when nothing was heard of it for so long, in seconds. Until then it does not start anew.
pub const DEFERRAL_KEPT: u64 = 24 * 3_600;

/// How much is remembered. What does not fit is as if it had never been seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistoryLimits {
    /// Most domains seen on [`ESTABLISHED_DAYS`] days or more, for signing and for networks each.
    pub established: usize,
    /// Most domains seen on fewer days, for each.
    pub young: usize,
    /// Most deferrals.
    pub deferrals: usize,
}

impl Default for HistoryLimits {
    fn default() -> Self {
        Self { established: 65_536, young: 16_384, deferrals: 65_536 }
    }
}

/// Whether messages with one key were put off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deferred {
    /// No, or that is long over.
    Never,
    /// First at this time.
    Since(UnixTime),
    /// It can't be remembered if one is: better accepted and marked than put off for ever.
    NoRoom,
}

/// The memory of local policy.
#[derive(Debug)]
pub struct History(Mutex<Memory>);

#[derive(Debug)]
struct Memory {
    limits: HistoryLimits,
    signing: Tiers<Days>,
    passing: Tiers<Passing>,
    deferrals: HashMap<DeferralKey, Deferral>,
}

/// From where an author domain's mail passed, and the days between which it did.
#[derive(Clone, Debug, Default)]
struct Passing {
    first_day: u32,
    networks: Vec<(Network, u32)>,
}

#[derive(Clone, Copy, Debug)]
struct Deferral {
    first: u64,
    last: u64,
}

impl History {
    /// An empty one.
    pub fn new(limits: HistoryLimits) -> Self {
        Self(Mutex::new(Memory {
            limits,
            signing: Tiers::new(limits.established, limits.young),
            passing: Tiers::new(limits.established, limits.young),
            deferrals: HashMap::new(),
        }))
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        // Every change is whole before the lock is given back.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers what a row shows. The same row again changes nothing.
    pub fn note(&self, row: &MessageRow) {
        let (at, mut memory) = (row.at(), self.memory());
        if let Some(domain) = row.signs() {
            memory.signed(domain, day_of(at));
        }
        if let Some((author, network)) = row.passes_from() {
            memory.passed(author, network, day_of(at), day_of(at));
        }
        if let Some(key) = row.deferral {
            memory.deferred(key, at.0, at.0);
        }
    }

    /// On how many of the [`SIGNING_DAYS`] days up to `now`, today among them, a message with an aligned DKIM pass came
    /// for this organizational domain. 0 also where nothing is known.
    pub fn days_signed(&self, org_domain: &Domain, now: UnixTime) -> u32 {
        self.memory().signing.get(org_domain).map_or(0, |days| days.count(day_of(now), SIGNING_DAYS))
    }

    /// Whether mail of this author domain passed DMARC from the network of `client` within [`PASSING_DAYS`].
    pub fn passed_from(&self, author: &Domain, client: IpAddr, now: UnixTime) -> bool {
        let (network, oldest) = (Network::of(client), day_of(now).saturating_sub(PASSING_DAYS));
        let memory = self.memory();
        let networks = memory.passing.get(author).map_or(&[][..], |passing| &passing.networks);
        networks.iter().any(|(known, last)| *known == network && *last >= oldest)
    }

    /// What is known of the deferrals of messages with this key.
    pub fn deferred(&self, key: &DeferralKey, now: UnixTime) -> Deferred {
        let mut memory = self.memory();
        match memory.deferrals.get(key).copied() {
            Some(deferral) if !deferral.is_over(now.0) => Deferred::Since(UnixTime(deferral.first)),
            Some(_) => Deferred::Never,
            None if memory.has_room(now.0) => Deferred::Never,
            None => Deferred::NoRoom,
        }
    }

    pub(crate) fn load_signed(&self, domain: &Domain, day: u32) {
        self.memory().signed(domain, day);
    }

    pub(crate) fn load_passed(&self, author: &Domain, network: Network, first_day: u32, last_day: u32) {
        self.memory().passed(author, network, first_day, last_day);
    }

    pub(crate) fn load_deferred(&self, key: DeferralKey, first: u64, last: u64) {
        self.memory().deferred(key, first, last);
    }
}

impl Memory {
    fn signed(&mut self, domain: &Domain, day: u32) {
        self.signing.update(domain, |days| {
            days.add(day);
            days.count(days.last(), SIGNING_DAYS) >= ESTABLISHED_DAYS
        });
    }

    fn passed(&mut self, author: &Domain, network: Network, first_day: u32, last_day: u32) {
        self.passing.update(author, |passing| {
            passing.add(network, first_day, last_day);
            last_day.saturating_sub(passing.first_day) + 1 >= ESTABLISHED_DAYS
        });
    }

    fn deferred(&mut self, key: DeferralKey, first: u64, last: u64) {
        let new = Deferral { first, last };
        if let Some(known) = self.deferrals.get_mut(&key) {
            // Rows may come late and out of order: what lies far apart is not the same trouble.
            if known.is_over(first) {
                *known = new;
            } else if !new.is_over(known.first) {
                *known = Deferral { first: known.first.min(first), last: known.last.max(last) };
            }
        } else if self.has_room(last) {
            self.deferrals.insert(key, new);
        }
    }

    /// Whether one more deferral fits, after those that are over are gone.
    fn has_room(&mut self, now: u64) -> bool {
        if self.deferrals.len() >= self.limits.deferrals {
            self.deferrals.retain(|_, deferral| !deferral.is_over(now));
        }
        self.deferrals.len() < self.limits.deferrals
    }
}

impl Passing {
    fn add(&mut self, network: Network, first_day: u32, last_day: u32) {
        self.first_day = if self.networks.is_empty() { first_day } else { self.first_day.min(first_day) };
        if let Some((_, last)) = self.networks.iter_mut().find(|(known, _)| *known == network) {
            *last = (*last).max(last_day);
            return;
        }
        if self.networks.len() >= MAX_NETWORKS {
            let oldest = self.networks.iter().enumerate().min_by_key(|(_, (_, last))| *last);
            if let Some((index, _)) = oldest {
                self.networks.swap_remove(index);
            }
        }
        self.networks.push((network, last_day));
    }
}

impl Deferral {
    fn is_over(self, now: u64) -> bool {
        now.saturating_sub(self.last) >= DEFERRAL_KEPT
    }
}

#[cfg(test)]
mod tests;
