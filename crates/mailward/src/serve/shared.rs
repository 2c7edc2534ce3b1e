//! What all messages share.

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

/// What all messages share. `D` answers their questions.
pub struct Shared<D> {
    current: RwLock<Current<D>>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// How listeners and DNS are doing.
    pub health: Arc<Health>,
    /// The log.
    pub log: Arc<Log>,
    /// The past.
    pub past: Past,
    /// What was parsed before.
    pub memo: Memo,
    /// The room for headers.
    pub room: Room,
    clock: Clock,
}

/// What time it is.
pub type Clock = Box<dyn Fn() -> UnixTime + Send + Sync>;

/// What a new configuration takes the place of.
struct Current<D> {
    site: Arc<Site>,
    dns: D,
}

impl<D: Dns + Clone> Shared<D> {
    /// For this site.
    pub fn new(site: Site, dns: D, log: impl Into<Arc<Log>>, past: Past, clock: Clock) -> Self {
        let metrics = Arc::new(Metrics::default());
        let health = Arc::new(Health::default());
        let current = RwLock::new(Current { site: Arc::new(site), dns });
        let (log, room) = (log.into(), Room::default());
        Self { current, metrics, health, log, past, memo: Memo::default(), room, clock }
    }

    /// The site as it is now; a message keeps the one that it began with.
    pub fn site(&self) -> Arc<Site> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner).site)
    }

    /// Who answers questions now; what takes longer than `within` from now on is a time-out. Answers are counted as they are
    /// given here, so that those are that did not come.
    pub fn dns(&self, within: Duration) -> Watched<Deadline<D>> {
        let dns = self.current.read().unwrap_or_else(PoisonError::into_inner).dns.clone();
        let (metrics, health) = (Arc::clone(&self.metrics), Arc::clone(&self.health));
        Watched { below: Deadline::new(dns, within), metrics, health }
    }

    /// Has another site take over, and where there is one, somebody else who answers questions.
    pub fn take_over(&self, site: Site, dns: Option<D>) {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        current.site = Arc::new(site);
        if let Some(dns) = dns {
            current.dns = dns;
        }
    }

    /// What time it is.
    pub fn now(&self) -> UnixTime {
        (self.clock)()
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
