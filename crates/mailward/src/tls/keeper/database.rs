//! The keeper and its database, which other nodes write to as well, and which may be away: then it is left alone for a moment, and
//! what is to be written waits.

use std::time::Duration;

use mail::{Domain, UnixTime};
use store::{Forgotten, TlsPolicy, TlsStored};
use tokio::time::timeout;

use super::{Base, Keeper, POSTPONED, World, number};

/// How long an answer of the database is waited for where somebody waits for ours. Then it is away.
const READ_WITHIN: Duration = Duration::from_secs(3);
/// So many rows go in one transaction: however slow the database is, each comes to an end.
const TOGETHER: usize = 500;

impl<W: World, B: Base> Keeper<W, B> {
    /// Reads what the database knows, where that was not done yet.
    pub(super) async fn read(&self, domain: &Domain, now: UnixTime) {
        if !self.memory().get(domain).is_some_and(|entry| entry.is_up_to_date(now)) {
            self.refresh(domain, now).await;
        }
    }

    /// Reads what the database knows: other nodes write to it too. What waits for it counts as well.
    pub(super) async fn refresh(&self, domain: &Domain, now: UnixTime) {
        if self.memory().may_try(now) {
            match within(self.0.store.tls_stored(domain)).await {
                Ok(stored) => self.learn(domain, stored, now).await,
                Err(error) => self.is_away(&error, now),
            }
        }
        let mut memory = self.memory();
        if let Some((policy, known)) = memory.waiting.policy(domain).cloned() {
            memory.change(domain, |entry| {
                if entry.forgotten <= known {
                    entry.forgotten = known;
                    entry.adopt(policy, now);
                }
            });
        }
    }

    async fn learn(
        &self,
        domain: &Domain,
        TlsStored { policy, expires, forgotten }: TlsStored,
        now: UnixTime,
    ) {
        self.memory().is_there();
        self.forget(domain, forgotten, now);
        let (error, is_first) = self.memory().change(domain, |entry| {
            // It was forgotten while we read.
            if forgotten < entry.forgotten {
                return (None, false);
            }
            entry.forgotten = forgotten;
            entry.broken = policy.is_err().then_some(expires);
            match policy {
                Err(error) => return (Some(error), false),
                Ok(policy) => policy.into_iter().for_each(|policy| entry.adopt(policy, now)),
            }
            (None, !std::mem::replace(&mut entry.is_read, true) && entry.told.is_none())
        });
        // A row that is broken is the trouble of its domain alone.
        error.iter().for_each(|error| self.0.world.trouble(error));
        if is_first && let Ok(Some(answer)) = within(self.0.store.tls_answered(domain)).await {
            self.memory().change(domain, |entry| _ = entry.told.get_or_insert(number(&answer)));
        }
    }

    /// Learns which policies are to be forgotten, by whoever wants it and on whichever node.
    pub async fn catch_up(&self) {
        let newest = self.memory().newest;
        match self.0.store.forgotten_tls_policies(newest).await {
            Ok(all) => {
                for (domain, forgotten) in all {
                    self.forget(&domain, forgotten, self.0.world.now());
                    let mut memory = self.memory();
                    memory.newest = memory.newest.max(forgotten);
                }
            }
            Err(error) => self.0.world.trouble(&error),
        }
    }

    /// Has the database keep a policy that was fetched just now, or has it wait.
    pub(super) async fn keep(&self, policy: TlsPolicy, known: Forgotten) {
        let now = self.0.world.now();
        if self.memory().may_try(now) {
            match self.save(&policy, known).await {
                Ok(()) => return self.memory().is_there(),
                Err(error) => self.is_away(&error, now),
            }
        }
        self.memory().waiting.keep(policy, known);
    }

    /// Has the database keep a policy, unless it was to be forgotten after its fetch began: then we forget it too.
    async fn save(&self, policy: &TlsPolicy, known: Forgotten) -> Result<(), store::Error> {
        if !self.0.store.put_tls_policy(policy, known).await? {
            let TlsStored { forgotten, .. } = self.0.store.tls_stored(&policy.domain).await?;
            self.forget(&policy.domain, forgotten, self.0.world.now());
        }
        Ok(())
    }

    /// Has a policy be due later, if the database takes it.
    pub(super) async fn postpone(&self, domain: &Domain, now: UnixTime) {
        if !self.memory().may_try(now) {
            return;
        }
        let later = UnixTime(now.0.saturating_add(POSTPONED));
        match self.0.store.postpone_tls_policy(domain, later).await {
            Ok(()) => self.memory().is_there(),
            Err(error) => self.is_away(&error, now),
        }
    }

    fn is_away(&self, error: &store::Error, now: UnixTime) {
        if may_pass(error) {
            self.memory().is_away(now);
        }
        self.0.world.trouble(error);
    }

    /// Writes down what waits for the database.
    pub async fn flush(&self) {
        let policies = self.memory().waiting.policies();
        for (policy, known) in policies {
            if self.has_to_wait(&self.save(&policy, known).await) {
                return;
            }
            self.memory().waiting.is_saved(&policy);
        }
        let mut used = self.memory().waiting.take_used();
        while !used.is_empty() {
            let rest = used.split_off(used.len().min(TOGETHER));
            if self.has_to_wait(&self.0.store.use_tls_policies(&used, self.0.world.now()).await) {
                let mut memory = self.memory();
                return used.into_iter().chain(rest).for_each(|domain| memory.waiting.count_use(domain));
            }
            used = rest;
        }
        let mut events = self.memory().waiting.take_events();
        while !events.is_empty() {
            let rest = events.split_off(events.len().min(TOGETHER));
            if self.has_to_wait(&self.0.store.note_tls(&events).await) {
                let mut memory = self.memory();
                return events.into_iter().chain(rest).for_each(|event| memory.waiting.note(event));
            }
            events = rest;
        }
    }

    /// Whether the same is to be written at another time: the database is away for the others too.
    fn has_to_wait(&self, written: &Result<(), store::Error>) -> bool {
        let Err(error) = written else { return false };
        self.0.world.trouble(error);
        may_pass(error)
    }
}

/// Whether the same may be written at another time.
fn may_pass(error: &store::Error) -> bool {
    !matches!(error, store::Error::Refused(_) | store::Error::Unreadable(_))
}

/// An answer of the database for which nobody waits too long.
async fn within<T>(work: impl Future<Output = Result<T, store::Error>>) -> Result<T, store::Error> {
    let late = || store::Error::Away(format!("no answer within {} s", READ_WITHIN.as_secs()));
    timeout(READ_WITHIN, work).await.unwrap_or_else(|_| Err(late()))
}
