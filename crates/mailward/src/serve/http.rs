//! What the pages of `web` show of a running program: its counters, and how each part of it is doing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use dns::{Answer, Failure};
use web::{Part, State};

use super::metrics::{BUCKETS, Family, Metrics, Value};

/// How long the DNS may give time-outs and nothing else before it counts as away. When nothing was asked for that long,
/// nobody knows, and it counts as well.
pub const DNS_SILENCE: Duration = Duration::from_secs(60);

/// How the store is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Store {
    /// Rows go to the database.
    Reachable,
    /// The database is away, and rows go to the journal.
    Spilling,
    /// Rows go nowhere: the journal can't be written either, or is full.
    Lost,
}

/// How the parts are doing, told by each as it works.
#[derive(Debug)]
pub struct Health {
    start: Instant,
    listening: AtomicBool,
    store: AtomicU8,
    /// Milliseconds since the start, and one more: when the first time-out came behind the last other answer; 0 where none
    /// came.
    silent_since: AtomicU64,
    /// The same for the last time-out.
    silent_until: AtomicU64,
}

impl Default for Health {
    /// Nobody listens yet; of the rest nothing bad is known.
    fn default() -> Self {
        Self {
            start: Instant::now(),
            listening: AtomicBool::new(false),
            store: AtomicU8::new(Store::Reachable as u8),
            silent_since: AtomicU64::new(0),
            silent_until: AtomicU64::new(0),
        }
    }
}

impl Health {
    /// Whether MTAs can connect on all listeners.
    pub fn listening(&self, open: bool) {
        self.listening.store(open, Ordering::Relaxed);
    }

    /// How the store is doing now.
    pub fn store(&self, store: Store) {
        self.store.store(store as u8, Ordering::Relaxed);
    }

    /// The DNS gave an answer. One out of the cache says nothing about those who answer.
    pub fn dns(&self, answer: &Answer) {
        self.dns_at(answer, self.start.elapsed());
    }

    fn dns_at(&self, answer: &Answer, now: Duration) {
        let now = millis(now).saturating_add(1);
        if answer.reply.failure() == Some(Failure::TimeOut) {
            let _ = self.silent_since.compare_exchange(0, now, Ordering::Relaxed, Ordering::Relaxed);
            self.silent_until.store(now, Ordering::Relaxed);
        } else if !answer.took.is_zero() {
            self.silent_since.store(0, Ordering::Relaxed);
        }
    }

    fn parts(&self, now: Duration) -> Vec<Part> {
        let milter = match self.listening.load(Ordering::Relaxed) {
            true => State::Good,
            false => State::Bad("not all listeners are open"),
        };
        let now = millis(now).saturating_add(1);
        let since = |moment: &AtomicU64| now.saturating_sub(moment.load(Ordering::Relaxed));
        let silence = millis(DNS_SILENCE);
        let is_silent = self.silent_since.load(Ordering::Relaxed) > 0
            && since(&self.silent_since) >= silence
            && since(&self.silent_until) < silence;
        let dns = match is_silent {
            false => State::Good,
            true => State::Bad("every question for the last minute was a time-out"),
        };
        let store = match self.store.load(Ordering::Relaxed) {
            state if state == Store::Reachable as u8 => State::Good,
            state if state == Store::Spilling as u8 => {
                State::Strained("the database is away; rows go to the journal")
            }
            _ => State::Bad("the database is away, and the journal takes no rows"),
        };
        [("milter", milter), ("dns", dns), ("store", store)].map(|(name, state)| Part { name, state }).into()
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// What the pages read.
#[derive(Debug)]
pub struct Pages {
    /// The counters.
    pub metrics: Arc<Metrics>,
    /// How the parts are doing.
    pub health: Arc<Health>,
}

impl web::Source for Pages {
    fn metrics(&self, page: &mut web::Metrics) {
        self.metrics.families().into_iter().for_each(|family| write(page, family));
    }

    fn health(&self) -> Vec<Part> {
        self.health.parts(self.health.start.elapsed())
    }

    fn trouble(&self, trouble: &web::Trouble) {
        anstream::eprintln!("mailward: HTTP: {trouble}");
    }
}

/// All values of a family are of one kind.
fn write(page: &mut web::Metrics, family: Family) {
    let Family { name, help, samples } = family;
    match samples.first().map(|(_, value)| *value) {
        None => {}
        Some(Value::Counter(_)) => page.counters(
            name,
            help,
            samples.into_iter().filter_map(|(labels, value)| match value {
                Value::Counter(count) => Some((labels, count)),
                Value::Gauge(_) | Value::Histogram { .. } => None,
            }),
        ),
        Some(Value::Gauge(_)) => page.gauges(
            name,
            help,
            samples.into_iter().filter_map(|(labels, value)| match value {
                #[expect(clippy::cast_precision_loss, reason = "no gauge here comes near 2^53")]
                Value::Gauge(number) => Some((labels, number as f64)),
                Value::Counter(_) | Value::Histogram { .. } => None,
            }),
        ),
        Some(Value::Histogram { counts, micros }) => {
            let seconds = |micros: u64| Duration::from_micros(micros).as_secs_f64();
            let buckets: Vec<(f64, u64)> = BUCKETS.iter().map(|end| seconds(*end)).zip(counts).collect();
            let beyond = counts.last().copied().unwrap_or_default();
            page.histogram(name, help, &buckets, beyond, seconds(micros));
        }
    }
}

#[cfg(test)]
mod tests;
