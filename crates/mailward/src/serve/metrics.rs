//! What is counted while mailward serves. Every label is a word of ours: nothing that somebody sent is in one.

mod families;

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use dns::{Failure, Reply};
use store::TlsEventKind;
use verdict::Verdict;
use verdict::direction::Direction;
use verdict::local::{Action, Ceiling, Decision, Held, Rule};
use verdict::tls::Level;

pub use self::families::{Family, Labels, Values};

/// Upper ends of the buckets of a histogram, in microseconds; what is longer is in one more.
pub const BUCKETS: [u64; 12] =
    [100, 250, 500, 1_000, 2_500, 5_000, 10_000, 50_000, 250_000, 1_000_000, 5_000_000, 30_000_000];

const DIRECTIONS: [&str; 3] = ["inbound", "outbound", "neither"];
const RESULTS: [&str; 8] =
    ["none", "neutral", "pass", "fail", "softfail", "policy", "temperror", "permerror"];
const METHODS: [&str; 4] = ["spf", "dkim", "arc", "dmarc"];
const MODES: [&str; 5] = ["observe", "quarantine", "enforce", "mixed", "exempt"];
const ACTIONS: [Action; 5] =
    [Action::Accept, Action::Mark, Action::Quarantine, Action::Defer, Action::Refuse];
const SIGNED: [&str; 4] = ["signed", "left", "failed", "unsigned"];
const COPIES: [&str; 4] = ["1", "2-10", "11-100", "101-"];
const SEALED: [&str; 3] = ["sealed", "left", "failed"];
const REPLIES: [&str; 6] = ["records", "no-data", "no-such-name", "server-failure", "time-out", "bogus"];
const LEVELS: [&str; 5] = ["nothing", "dane", "dane-only", "secure", "defer"];
const FETCHES: [&str; 2] = ["fetched", "failed"];
const EVENTS: [TlsEventKind; 6] = [
    TlsEventKind::Fetched,
    TlsEventKind::Vanished,
    TlsEventKind::Weakened,
    TlsEventKind::Forgotten,
    TlsEventKind::Probed,
    TlsEventKind::Unready,
];
const TROUBLES: [&str; 5] = ["panic", "deadline", "edit", "protocol", "memory"];

/// Counts up.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    fn one(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// How long something took.
#[derive(Debug, Default)]
pub struct Histogram {
    buckets: [Counter; BUCKETS.len() + 1],
    micros: AtomicU64,
}

impl Histogram {
    fn took(&self, time: Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let index = BUCKETS.iter().position(|end| micros <= *end).unwrap_or(BUCKETS.len());
        self.buckets.iter().skip(index).take(1).for_each(Counter::one);
        self.micros.fetch_add(micros, Ordering::Relaxed);
    }

    fn values(&self) -> Values {
        let counts = self.buckets.each_ref().map(Counter::get);
        Values::Histogram { counts, micros: self.micros.load(Ordering::Relaxed) }
    }
}

/// What became of an outbound message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signed {
    /// It left signed.
    Yes,
    /// Nothing says that it should be signed.
    Left,
    /// It should have been signed and could not be, or its own signature was wrong: it was not let go.
    Failed,
    /// The same, but the operator lets such mail go unsigned.
    Unsigned,
}

/// What became of the seal of an inbound message that leaves again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sealed {
    /// It was sealed.
    Yes,
    /// It is one that nobody seals, as its chain has failed.
    Left,
    /// Our own seal was wrong: it went on without.
    Failed,
}

/// Trouble of our own with a message or a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// A bug.
    Panic,
    /// It took too long.
    Deadline,
    /// A change to the header that could not be made.
    Edit,
    /// The MTA broke the protocol, or the connection was lost.
    Protocol,
    /// There was no room for a header.
    Memory,
}

/// All that is counted.
#[derive(Debug, Default)]
pub struct Metrics {
    messages: [Counter; DIRECTIONS.len()],
    results: [[Counter; RESULTS.len()]; METHODS.len()],
    dispositions: [[Counter; ACTIONS.len()]; MODES.len()],
    shadow: [[Counter; ACTIONS.len()]; Rule::ALL.len()],
    signed: [Counter; SIGNED.len()],
    signatures: Counter,
    sealed: [Counter; SEALED.len()],
    copies: [Counter; COPIES.len()],
    forged: Counter,
    connections: Counter,
    refused_connections: Counter,
    open_connections: AtomicI64,
    replies: [Counter; REPLIES.len()],
    dns_time: Histogram,
    latency: Histogram,
    troubles: [Counter; TROUBLES.len()],
    tls_answers: [Counter; LEVELS.len()],
    policy_fetches: [Counter; FETCHES.len()],
    policy_events: [Counter; EVENTS.len()],
    rows: Counter,
    lost_rows: Counter,
    reloads: Counter,
    refused_reloads: Counter,
}

impl Metrics {
    /// A message of this direction came to its end.
    pub fn message(&self, direction: Direction) {
        count(&self.messages, &DIRECTIONS, direction.as_str());
    }

    /// What was found out about an inbound message.
    pub fn verdict(&self, verdict: &Verdict) {
        let [spf, dkim, arc, dmarc] = &self.results;
        if let Some(check) = &verdict.spf().mail_from {
            count(spf, &RESULTS, check.outcome().as_str());
        }
        verdict.dkim().iter().for_each(|check| count(dkim, &RESULTS, check.outcome().as_str()));
        if verdict.dkim().is_empty() {
            count(dkim, &RESULTS, "none");
        }
        count(arc, &RESULTS, verdict.arc().outcome().as_str());
        count(dmarc, &RESULTS, verdict.dmarc().outcome().as_str());
        if !verdict.remove().is_empty() {
            self.forged.one();
        }
    }

    /// What is done with an inbound message, and what `enforce` would have done.
    pub fn decision(&self, decision: &Decision) {
        let mode = match decision.ceiling() {
            Ceiling::All(mode) => mode.as_str(),
            Ceiling::Mixed { .. } => "mixed",
            Ceiling::Exempt => "exempt",
        };
        let done = decision.disposition().action();
        for (counters, word) in self.dispositions.iter().zip(MODES) {
            if word == mode {
                count(counters, &ACTIONS, done);
            }
        }
        if let Some(Held { rule, action }) = decision.enforced() {
            for (counters, word) in self.shadow.iter().zip(Rule::ALL) {
                if word == rule {
                    count(counters, &ACTIONS, action);
                }
            }
        }
    }

    /// What became of an outbound message, and with how many signatures it left.
    pub fn outbound(&self, signed: Signed, signatures: usize) {
        let word = match signed {
            Signed::Yes => "signed",
            Signed::Left => "left",
            Signed::Failed => "failed",
            Signed::Unsigned => "unsigned",
        };
        count(&self.signed, &SIGNED, word);
        self.signatures.0.fetch_add(signatures as u64, Ordering::Relaxed);
    }

    /// The signature of an inbound message was seen so often.
    pub fn copies(&self, copies: u32) {
        let word = match copies {
            0 | 1 => "1",
            2..=10 => "2-10",
            11..=100 => "11-100",
            _ => "101-",
        };
        count(&self.copies, &COPIES, word);
    }

    /// What became of the seal of an inbound message.
    pub fn sealed(&self, sealed: Sealed) {
        let word = match sealed {
            Sealed::Yes => "sealed",
            Sealed::Left => "left",
            Sealed::Failed => "failed",
        };
        count(&self.sealed, &SEALED, word);
    }

    /// An MTA has connected.
    pub fn connected(&self) {
        self.connections.one();
        self.open_connections.fetch_add(1, Ordering::Relaxed);
    }

    /// It is gone.
    pub fn disconnected(&self) {
        self.open_connections.fetch_sub(1, Ordering::Relaxed);
    }

    /// A connection was closed at once, as there were too many.
    pub fn refused_connection(&self) {
        self.refused_connections.one();
    }

    /// The DNS gave an answer in this time.
    pub fn dns(&self, reply: &Reply, time: Duration) {
        let word = match (reply.failure(), reply) {
            (Some(Failure::ServerFailure), _) => "server-failure",
            (Some(Failure::TimeOut), _) => "time-out",
            (Some(Failure::Bogus), _) => "bogus",
            (None, Reply::NoSuchName) => "no-such-name",
            (None, Reply::NoData) => "no-data",
            (None, _) => "records",
        };
        count(&self.replies, &REPLIES, word);
        self.dns_time.took(time);
    }

    /// The MTA waited so long at the end of a message.
    pub fn latency(&self, time: Duration) {
        self.latency.took(time);
    }

    /// Something of ours went wrong.
    pub fn trouble(&self, trouble: Trouble) {
        let word = match trouble {
            Trouble::Panic => "panic",
            Trouble::Deadline => "deadline",
            Trouble::Edit => "edit",
            Trouble::Protocol => "protocol",
            Trouble::Memory => "memory",
        };
        count(&self.troubles, &TROUBLES, word);
    }

    /// Postfix was told how mail to a domain must be encrypted.
    pub fn policy_answer(&self, level: &'static str) {
        count(&self.tls_answers, &LEVELS, level);
    }

    /// The policy of a domain was fetched; whether it could be had.
    pub fn policy_fetch(&self, had: bool) {
        count(&self.policy_fetches, &FETCHES, if had { "fetched" } else { "failed" });
    }

    /// Something came to pass with the policy of a domain.
    pub fn policy_event(&self, kind: TlsEventKind) {
        count(&self.policy_events, &EVENTS, kind);
    }

    /// A row was made of a message; whether it was taken.
    pub fn row(&self, taken: bool) {
        if taken { self.rows.one() } else { self.lost_rows.one() }
    }

    /// The configuration was read again; whether it took over.
    pub fn reload(&self, took_over: bool) {
        if took_over { self.reloads.one() } else { self.refused_reloads.one() }
    }
}

/// The word for what Postfix was told.
pub fn level(level: &Level) -> &'static str {
    match level {
        Level::Nothing => "nothing",
        Level::Dane => "dane",
        Level::DaneOnly => "dane-only",
        Level::Secure(_) => "secure",
        Level::Defer(_) => "defer",
    }
}

fn count<T: PartialEq>(counters: &[Counter], words: &[T], word: T) {
    counters.iter().zip(words).filter(|(_, known)| **known == word).for_each(|(counter, _)| counter.one());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serve::parts::Parts;

    fn count(metrics: &Metrics, name: &str, labels: &[(&str, &str)]) -> u64 {
        let mut families = metrics.families(Parts::new(&[])).into_iter();
        let family = families.find(|family| family.name == name).unwrap();
        let Values::Counters(all) = family.values else { panic!("{name} does not only grow") };
        let found = all.into_iter().find(|(found, _)| found == labels);
        found.unwrap_or_else(|| panic!("{name} has no {labels:?}")).1
    }

    #[test]
    fn every_word_has_its_counter() {
        let metrics = Metrics::default();
        for direction in [Direction::Inbound, Direction::Outbound, Direction::Neither] {
            metrics.message(direction);
            let labels = [("direction", direction.as_str())];
            assert_eq!(count(&metrics, "mailward_messages_total", &labels), 1);
        }
        for word in spf::Outcome::ALL.map(|outcome| outcome.as_str()) {
            assert!(RESULTS.contains(&word), "{word}");
        }
        for signed in [Signed::Yes, Signed::Left, Signed::Failed, Signed::Unsigned] {
            metrics.outbound(signed, 1);
        }
        for word in SIGNED {
            assert_eq!(count(&metrics, "mailward_outbound_total", &[("result", word)]), 1);
        }
        assert_eq!(count(&metrics, "mailward_signatures_total", &[]), 4);
        for trouble in [Trouble::Panic, Trouble::Deadline, Trouble::Edit, Trouble::Protocol, Trouble::Memory]
        {
            metrics.trouble(trouble);
        }
        for word in TROUBLES {
            assert_eq!(count(&metrics, "mailward_troubles_total", &[("kind", word)]), 1);
        }
    }

    #[test]
    fn a_time_is_in_the_bucket_whose_end_it_reaches() {
        let histogram = Histogram::default();
        for micros in [0, 100, 101, 30_000_000, 30_000_001] {
            histogram.took(Duration::from_micros(micros));
        }
        let Values::Histogram { counts, micros } = histogram.values() else { panic!() };
        assert_eq!((counts[0], counts[1], counts[11], counts[12], micros), (2, 1, 1, 1, 60_000_202));
    }
}
