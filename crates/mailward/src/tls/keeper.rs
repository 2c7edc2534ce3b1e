//! The policies of other domains: kept in memory and in the database, fetched when somebody asks, renewed before their end. What
//! is done when is decided by `mta_sts::Known`; here it is done, one fetch at a time for each domain.

use std::collections::hash_map::DefaultHasher;
use std::future::Future;
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dns::Dns;
use futures_util::future::join_all;
use mail::{Domain, UnixTime};
use mta_sts::{Fetch, Fraction, Id, Known, Lookup, Policy, Weakened};
use store::{Forgotten, Store, TlsEvent, TlsEventKind, TlsPolicy};
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};
use verdict::tls::Sts;

use super::base::Base;
use super::memory::{Entry, Memory, lasts};
use super::remembered::Timed;
use super::turns::{FETCHES, Turn, Turns};

/// How long a fetch may take.
pub const FETCH_WITHIN: Duration = Duration::from_secs(60);
/// How long a question waits for a fetch that may change its answer.
pub const WAIT: Duration = Duration::from_secs(5);
/// Most fetches that are wanted at once; more are not begun.
pub const MAX_WAITING: usize = 10_000;
/// How much memory what is known may take, in bytes.
pub const MEMORY: usize = 32 << 20;
/// A domain to which no mail went for so many days is not renewed before somebody asks.
pub const RENEW_DAYS: u32 = 60;
/// How long a failure of the DNS about a domain is believed, in seconds.
const FAILING: u64 = 30;
/// A policy that could not be renewed is tried again after so long, in seconds, unless somebody asks.
const POSTPONED: u64 = 1_800;
const DAY: u64 = 86_400;

mod database;

/// By what it is decided whether to fetch.
type Wanted = fn(&Known, &Lookup, UnixTime) -> Fetch;

/// What a keeper needs of the world.
pub trait World: Send + Sync + 'static {
    /// Who answers questions.
    type Dns: Dns + Send + Sync;

    /// Who answers them now.
    fn dns(&self) -> Self::Dns;

    /// Fetches a policy, or says why not.
    fn fetch(&self, domain: &Domain, within: Duration)
    -> impl Future<Output = Result<Policy, String>> + Send;

    /// What time it is.
    fn now(&self) -> UnixTime;

    /// A number that nobody can foresee.
    fn random(&self) -> u16;

    /// Something came to pass: for the metrics, and unless there was much of its domain lately, for the log.
    fn event(&self, event: &TlsEvent, is_logged: bool);

    /// The database failed: for the log.
    fn trouble(&self, error: &store::Error);
}

/// Keeps policies. Clones share everything.
pub struct Keeper<W, B = Store>(Arc<Inner<W, B>>);

impl<W, B> Clone for Keeper<W, B> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

struct Inner<W, B> {
    world: W,
    store: B,
    memory: Mutex<Memory>,
    turns: Turns,
    /// Bytes that went into the database since it was trimmed.
    grown: AtomicU64,
    /// How often anything was forgotten.
    epoch: AtomicU64,
}

/// What came of a look at a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// What counts as its policy.
    pub sts: Sts,
    /// What the DNS says of it.
    pub published: Lookup,
    /// For so many seconds a look would find the same, and have nothing to do.
    pub good_for: u32,
}

impl<W: World, B: Base> Keeper<W, B> {
    /// One with this database.
    pub fn new(world: W, store: B) -> Self {
        let memory = Mutex::new(Memory::new(MEMORY));
        let (turns, grown, epoch) = (Turns::new(), AtomicU64::new(0), AtomicU64::new(0));
        Self(Arc::new(Inner { world, store, memory, turns, grown, epoch }))
    }

    /// What surrounds it.
    pub fn world(&self) -> &W {
        &self.0.world
    }

    /// The policy of a domain: what is in force, else what could be had within `wait`.
    pub async fn sts(&self, domain: &Domain, wait: Duration) -> Found {
        let now = self.0.world.now();
        self.read(domain, now).await;
        let (published, mut good_for) = self.published(domain, now).await;
        self.notice(domain, &published, now);
        match self.known(domain).1.fetch(&published, now) {
            Fetch::No => {}
            Fetch::Meanwhile(_) => {
                good_for = 0;
                drop(self.fly(domain, &published, Known::fetch));
            }
            Fetch::Now(_) => {
                good_for = 0;
                let until = Instant::now() + wait;
                // Landed, or not in time: what is known then is the answer. One more, as the first may have begun before the
                // policy was to be forgotten, and then brings nothing.
                for _ in 0..2 {
                    let Some(mut flight) = self.fly(domain, &published, Known::fetch) else { break };
                    // An error is the end of the flight.
                    if timeout_at(until, flight.changed()).await.is_err() {
                        break;
                    }
                }
            }
        }
        let (is_read, known) = self.known(domain);
        if !is_read {
            good_for = 0;
        }
        if let Some((kept, refresh_at)) = &known.kept {
            let left = kept.expires().min(*refresh_at).0.saturating_sub(now.0);
            good_for = good_for.min(u32::try_from(left).unwrap_or(u32::MAX));
        }
        // What was fetched just now needs no database.
        let can_be_read = (is_read || known.in_force(now).is_some()).then_some(&known);
        let sts = match self.memory().get(domain).is_some_and(|entry| entry.is_broken(now)) {
            // STS-22: it is in force whatever the DNS says, and not none because it can't be read.
            true => Sts::Unknown,
            false => Sts::of(can_be_read, &published, self.0.world.now()),
        };
        Found { sts, published, good_for }
    }

    /// The policy in force lets nobody deliver: looks meanwhile whether it was corrected. Gives whether somebody looks.
    pub fn stops_mail(&self, domain: &Domain, published: &Lookup) -> bool {
        self.fly(domain, published, Known::fetch_again).is_some()
    }

    /// Rises when a policy is forgotten: what rests on one from before counts no more.
    pub fn epoch(&self) -> u64 {
        self.0.epoch.load(Ordering::Relaxed)
    }

    /// Postfix was told something about a domain; `text` says what, and why, if it is something else than before.
    pub fn told(&self, domain: &Domain, answer: &str, is_nothing: bool, text: impl FnOnce() -> String) {
        let (now, answer) = (self.0.world.now(), number(answer));
        let is_new = self.memory().change(domain, |entry| {
            let before = entry.told.replace(answer);
            before.map_or(!is_nothing, |before| before != answer)
        });
        if is_new {
            self.event(domain, now, TlsEventKind::Answered, text());
        }
    }

    /// The MX hosts of a domain were looked at.
    pub fn looked_at(&self, domain: &Domain, kind: TlsEventKind, text: String) {
        self.event(domain, self.0.world.now(), kind, text);
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        // A panic elsewhere leaves it whole: nothing panics between two changes.
        self.0.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known(&self, domain: &Domain) -> (bool, Known) {
        self.memory().get(domain).map(|entry| (entry.is_read, entry.known.clone())).unwrap_or_default()
    }

    /// What was known before is not known any more. It is in the history already.
    fn forget(&self, domain: &Domain, forgotten: Forgotten, at: UnixTime) {
        let Some(before) = self.memory().forget(domain, forgotten) else { return };
        self.0.epoch.fetch_add(1, Ordering::Relaxed);
        let Some((kept, _)) = before.known.kept else { return };
        let text = format!("id: {}\n{}", kept.id, kept.policy);
        let kind = TlsEventKind::Forgotten;
        self.0.world.event(&TlsEvent { domain: domain.clone(), at, kind, text }, true);
    }

    /// What the DNS says, and for how many seconds that is so.
    async fn published(&self, domain: &Domain, now: UnixTime) -> (Lookup, u32) {
        let failing = self.memory().get(domain).and_then(|entry| entry.failing);
        if let Some((failure, until)) = failing
            && lasts(until, now, FAILING)
        {
            return (Lookup::Unknown(failure), 0);
        }
        let dns = Timed::new(self.0.world.dns());
        let published = mta_sts::lookup(&dns, domain).await;
        let failing = match published {
            Lookup::Unknown(failure) => Some((failure, UnixTime(now.0.saturating_add(FAILING)))),
            _ => None,
        };
        if failing.is_some() || self.memory().get(domain).is_some_and(|entry| entry.failing.is_some()) {
            self.memory().change(domain, |entry| entry.failing = failing);
        }
        (published, dns.shortest())
    }

    /// Counts the use of a policy once a day, and tells when its record is gone.
    fn notice(&self, domain: &Domain, published: &Lookup, now: UnixTime) {
        let mut memory = self.memory();
        let Some(entry) = memory.get(domain) else { return };
        let has_vanished = entry.known.has_vanished(published, now);
        let is_new_day = entry.known.kept.is_some() && entry.used != Some(now.0 / DAY);
        let is_told = entry.vanished;
        let is_back = is_told && matches!(published, Lookup::Found(..));
        if is_new_day {
            memory.waiting.count_use(domain.clone());
            memory.change(domain, |entry| entry.used = Some(now.0 / DAY));
        }
        if (has_vanished && !is_told) || is_back {
            memory.change(domain, |entry| entry.vanished = has_vanished);
        }
        drop(memory);
        if has_vanished && !is_told {
            let text = match published {
                Lookup::Several(count) => format!("{count} records where one should be"),
                Lookup::Invalid(text) => {
                    format!("a record that does not count: {}", mail::shortened(text, 200))
                }
                _ => "no record any more".to_owned(),
            };
            self.event(domain, now, TlsEventKind::Vanished, text);
        }
    }

    fn event(&self, domain: &Domain, at: UnixTime, kind: TlsEventKind, text: String) {
        self.event_if(true, domain, at, kind, text);
    }

    /// Something came to pass, of which the log has no line unless it matters.
    fn event_if(&self, matters: bool, domain: &Domain, at: UnixTime, kind: TlsEventKind, text: String) {
        let event = TlsEvent { domain: domain.clone(), at, kind, text };
        let is_logged = matters && self.memory().change(domain, |entry| entry.may_be_logged(at));
        self.0.world.event(&event, is_logged);
        self.memory().waiting.note(event);
    }

    /// Has the policy fetched, if nobody does so already; what comes back ends with the fetch.
    fn fly(&self, domain: &Domain, published: &Lookup, wanted: Wanted) -> Option<watch::Receiver<()>> {
        let mut memory = self.memory();
        if let Some(flight) = memory.flying.get(domain) {
            return Some(flight.clone());
        }
        // Between the look at what is known and here a fetch may have come to its end.
        let known = memory.get(domain).map(|entry| entry.known.clone()).unwrap_or_default();
        if wanted(&known, published, self.0.world.now()) == Fetch::No || memory.flying.len() >= MAX_WAITING {
            return None;
        }
        let (landed, flight) = watch::channel(());
        memory.flying.insert(domain.clone(), flight.clone());
        drop(memory);
        let landing = Landing { keeper: self.clone(), domain: domain.clone(), _landed: landed };
        let published = published.clone();
        tokio::spawn(async move { landing.keeper.fetch(&landing.domain, &published, wanted).await });
        Some(flight)
    }

    async fn fetch(&self, domain: &Domain, published: &Lookup, wanted: Wanted) {
        // Thousands may wait for their turn: what they need then is made then.
        let Some(turn) = self.0.turns.wait().await else { return };
        Box::pin(self.fetch_in_turn(turn, domain, published, wanted)).await;
    }

    async fn fetch_in_turn(&self, turn: Turn<'_>, domain: &Domain, published: &Lookup, wanted: Wanted) {
        // Another node may have been faster.
        self.refresh(domain, self.0.world.now()).await;
        let entry = self.memory().get(domain).cloned().unwrap_or_default();
        let (Fetch::Now(id) | Fetch::Meanwhile(id)) = wanted(&entry.known, published, self.0.world.now())
        else {
            return;
        };
        let work = Box::pin(self.0.world.fetch(domain, FETCH_WITHIN));
        match turn.work(work).await.unwrap_or_else(|| Err("too slow, as too many others are".to_owned())) {
            Ok(policy) => self.fetched(domain, published, policy, id, entry.forgotten).await,
            Err(why) => {
                let now = self.0.world.now();
                // RFC 8461 §3.3: whoever is on the way out need not go on serving a policy.
                let is_leaving = self.known(domain).1.is_leaving(now);
                self.event_if(!is_leaving, domain, now, TlsEventKind::Failed, why);
                self.in_vain(domain, id, entry.forgotten, now).await;
            }
        }
    }

    /// Nothing came of a fetch: not again at once.
    async fn in_vain(&self, domain: &Domain, id: Id, known: Forgotten, now: UnixTime) {
        self.memory().change(domain, |entry| {
            if entry.forgotten <= known {
                entry.known = entry.known.failed(id, now);
            }
        });
        self.postpone(domain, now).await;
    }

    async fn fetched(&self, domain: &Domain, published: &Lookup, policy: Policy, id: Id, known: Forgotten) {
        let now = self.0.world.now();
        if self.known(domain).1.is_no_news(&policy, published, now) {
            return self.in_vain(domain, id, known, now).await;
        }
        let random = Fraction(self.0.world.random());
        let changed = self.memory().change(domain, |entry: &mut Entry| {
            // It was to be forgotten after the fetch began.
            if entry.forgotten > known {
                return None;
            }
            entry.forgotten = known;
            entry.broken = None;
            let before = entry.known.kept.take().map(|(kept, _)| kept);
            let old = Known { kept: before.clone().map(|kept| (kept, now)), failed: None };
            let (known, weakened) = old.fetched(policy, id, now, random);
            entry.known = known;
            entry.used = Some(now.0 / DAY);
            let (kept, refresh_at) = entry.known.kept.clone()?;
            Some((before, kept, refresh_at, weakened))
        });
        let Some((before, kept, refresh_at, weakened)) = changed else { return };
        if before.as_ref().is_none_or(|before| before.policy != kept.policy || before.id != kept.id) {
            let text = format!("id: {}\n{}", kept.id, kept.policy);
            self.event(domain, now, TlsEventKind::Fetched, text);
        }
        if let Some(weakened) = weakened {
            let text = match weakened {
                Weakened::Mode(from, to) => format!("mode {from} became {to}"),
                Weakened::Age => "max_age is less than half of what it was".to_owned(),
            };
            self.event(domain, now, TlsEventKind::Weakened, text);
        }
        let policy = TlsPolicy { domain: domain.clone(), kept, refresh_at };
        self.0.grown.fetch_add(policy.bytes(), Ordering::Relaxed);
        self.keep(policy, known).await;
    }

    /// Renews policies that are due, of domains that mail goes to. Gives how many it began with.
    pub async fn renew(&self, most: u32) -> usize {
        let now = self.0.world.now();
        let due = match self.0.store.due_tls_policies(now, RENEW_DAYS, most).await {
            Ok(due) => due,
            Err(error) => {
                self.0.world.trouble(&error);
                return 0;
            }
        };
        let mut begun = 0;
        for some in due.chunks(FETCHES) {
            let all = join_all(some.iter().map(|policy| self.renew_one(&policy.domain, now))).await;
            begun += all.into_iter().filter(|begun| *begun).count();
        }
        begun
    }

    async fn renew_one(&self, domain: &Domain, now: UnixTime) -> bool {
        // The row is newer than what is in memory, if another node has written it.
        self.refresh(domain, now).await;
        let (published, _) = self.published(domain, now).await;
        let flown = self.fly(domain, &published, Known::fetch).is_some();
        if !flown {
            // Its record is gone, or it was tried just now.
            self.postpone(domain, now).await;
        }
        flown
    }

    /// About how many bytes of policies were written since the last [`Keeper::trim`].
    pub fn grown(&self) -> u64 {
        self.0.grown.load(Ordering::Relaxed)
    }

    /// Removes from the database what is too old or too much.
    pub async fn trim(&self, bytes: u64) -> Result<u64, store::Error> {
        self.0.grown.store(0, Ordering::Relaxed);
        self.0.store.trim_tls(bytes, self.0.world.now()).await
    }

    /// Waits until nothing is in flight.
    #[cfg(test)]
    pub(super) async fn landed(&self) {
        loop {
            let Some(mut flight) = self.memory().flying.values().next().cloned() else { return };
            let _ = flight.changed().await;
        }
    }
}

/// An answer, as a number.
fn number(answer: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    answer.hash(&mut hasher);
    hasher.finish()
}

/// The end of a fetch, however it ends: others may begin one, and who waits goes on.
struct Landing<W: World, B: Base> {
    keeper: Keeper<W, B>,
    domain: Domain,
    _landed: watch::Sender<()>,
}

impl<W: World, B: Base> Drop for Landing<W, B> {
    fn drop(&mut self) {
        self.keeper.memory().flying.remove(&self.domain);
    }
}
