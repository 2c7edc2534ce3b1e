//! What the pages of `web` show of a running program: its counters, and how each part of it is doing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use dns::{Answer, Failure};
use web::{Part, State};

use super::log::{Line, Log};
use super::metrics::{BUCKETS, Family, Metrics, Values};
use super::parts::{self, Parts};

/// How long the DNS may give time-outs and nothing else before it counts as away. When nothing was asked for that long,
/// nobody knows, and it counts as well.
pub const DNS_SILENCE: Duration = Duration::from_secs(60);

/// How the milter and the DNS are doing, told by each as it works.
#[derive(Debug)]
pub struct Health {
    start: Instant,
    listening: AtomicBool,
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

    /// Of the servers that run here, and the DNS.
    fn parts(&self, servers: Parts, now: Duration) -> Vec<Part> {
        let listening = match self.listening.load(Ordering::Relaxed) {
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
        let servers =
            [parts::Part::Milter, parts::Part::TlsPolicy].into_iter().filter(|part| servers.has(*part));
        let servers = servers.map(|part| Part { name: part.as_str(), state: listening });
        servers.chain([Part { name: "dns", state: dns }]).collect()
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// What the pages show: of each part what runs in this process, and nothing of what runs elsewhere.
pub struct Pages {
    /// The parts that run here.
    pub parts: Parts,
    /// What is counted by those that ask the DNS, and how they are doing, where there are any.
    pub asking: Option<(Arc<Metrics>, Arc<Health>)>,
    /// How the store is doing.
    pub store: Box<dyn Fn() -> State + Send + Sync>,
    /// Where trouble is told.
    pub log: Arc<Log>,
}

impl web::Source for Pages {
    fn metrics(&self, page: &mut web::Metrics) {
        let build = vec![("version", env!("CARGO_PKG_VERSION"))];
        page.gauges("mailward_build_info", "Which mailward this is.", [(build, 1.0)]);
        let families = self.asking.iter().flat_map(|(metrics, _)| metrics.families(self.parts));
        families.for_each(|family| write(page, family));
    }

    fn health(&self) -> Vec<Part> {
        let asking =
            self.asking.iter().flat_map(|(_, health)| health.parts(self.parts, health.start.elapsed()));
        asking.chain([Part { name: "store", state: (self.store)() }]).collect()
    }

    fn trouble(&self, trouble: &web::Trouble) {
        let cause = match trouble {
            web::Trouble::Accept(_) => "http-accept",
            web::Trouble::TooMany(_) => "http-too-many",
            web::Trouble::Panicked => "http-panicked",
        };
        self.log.trouble(cause, Line::new("trouble").text("kind", cause).show("why", trouble));
    }
}

fn write(page: &mut web::Metrics, Family { name, help, values }: Family) {
    match values {
        Values::Counters(all) => page.counters(name, help, all),
        #[expect(clippy::cast_precision_loss, reason = "no gauge here comes near 2^53")]
        Values::Gauge(number) => page.gauges(name, help, [(Vec::new(), number as f64)]),
        Values::Histogram { counts, micros } => {
            let seconds = |micros: u64| Duration::from_micros(micros).as_secs_f64();
            let buckets: Vec<(f64, u64)> = BUCKETS.iter().map(|end| seconds(*end)).zip(counts).collect();
            let beyond = counts.last().copied().unwrap_or_default();
            page.histogram(name, help, &buckets, beyond, seconds(micros));
        }
    }
}

#[cfg(test)]
mod tests;
