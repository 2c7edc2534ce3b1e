//! What the parts of one process share, and what all messages share.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use dns::{Answer, Dns, Question};
use mail::UnixTime;
use resolver::Deadline;
use verdict::Memo;

use super::http::Health;
use super::log::Log;
use super::metrics::Metrics;
use super::past::Past;
use super::room::Room;
use super::site::Site;

/// What the parts of one process stand on that ask the DNS: whoever answers, what is counted, the log, the clock. Clones share
/// everything.
#[derive(Clone)]
pub struct Ground<D> {
    dns: Arc<RwLock<D>>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// How listeners and DNS are doing.
    pub health: Arc<Health>,
    /// The log.
    pub log: Arc<Log>,
    clock: Clock,
}

/// What time it is.
pub type Clock = Arc<dyn Fn() -> UnixTime + Send + Sync>;

impl<D: Dns + Clone> Ground<D> {
    /// One on which nothing was counted yet; `dns` answers questions.
    pub fn new(dns: D, log: impl Into<Arc<Log>>, clock: Clock) -> Self {
        let (metrics, health) = (Arc::default(), Arc::default());
        Self { dns: Arc::new(RwLock::new(dns)), metrics, health, log: log.into(), clock }
    }

    /// Who answers questions now; what takes longer than `within` from now on is a time-out. Answers are counted as they are
    /// given here, so that those are that did not come.
    pub fn dns(&self, within: Duration) -> Watched<Deadline<D>> {
        let dns = self.dns.read().unwrap_or_else(PoisonError::into_inner).clone();
        let (metrics, health) = (Arc::clone(&self.metrics), Arc::clone(&self.health));
        Watched { below: Deadline::new(dns, within), metrics, health }
    }

    /// Has somebody else answer questions.
    pub fn take_over(&self, dns: D) {
        *self.dns.write().unwrap_or_else(PoisonError::into_inner) = dns;
    }

    /// What time it is.
    pub fn now(&self) -> UnixTime {
        (self.clock)()
    }
}

/// What all messages share.
pub struct Shared<D> {
    /// What the process stands on.
    pub ground: Ground<D>,
    site: RwLock<Arc<Site>>,
    /// The past.
    pub past: Past,
    /// What was parsed before.
    pub memo: Memo,
    /// The room for headers.
    pub room: Room,
}

impl<D> Shared<D> {
    /// For this site.
    pub fn new(ground: Ground<D>, site: Site, past: Past) -> Self {
        let site = RwLock::new(Arc::new(site));
        Self { ground, site, past, memo: Memo::default(), room: Room::default() }
    }

    /// The site as it is now; a message keeps the one that it began with.
    pub fn site(&self) -> Arc<Site> {
        Arc::clone(&self.site.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Has another site take over.
    pub fn take_over(&self, site: Site) {
        *self.site.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(site);
    }
}

/// Whoever answers questions, counted.
pub struct Watched<D> {
    below: D,
    metrics: Arc<Metrics>,
    health: Arc<Health>,
}

impl<D: Dns> Dns for Watched<D> {
    async fn ask(&self, question: &Question) -> Answer {
        let answer = self.below.ask(question).await;
        self.metrics.dns(&answer.reply, answer.took);
        self.health.dns(&answer);
        answer
    }

    async fn warm(&self, question: &Question) -> Option<Answer> {
        self.below.warm(question).await
    }
}
