//! What is counted, for whoever shows it: of each part that runs in this process, and nothing of what another one counts.

use std::sync::atomic::Ordering;

use store::TlsEventKind;
use verdict::local::{Action, Rule};

use super::{
    ACTIONS, BUCKETS, COPIES, Counter, DIRECTIONS, EVENTS, FETCHES, LEVELS, METHODS, MODES, Metrics, REPLIES,
    RESULTS, SEALED, SIGNED, TROUBLES,
};
use crate::serve::parts::{Part, Parts};

/// One thing that is counted, for whoever shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Family {
    /// Its name.
    pub name: &'static str,
    /// What it says, in a sentence.
    pub help: &'static str,
    /// Its values.
    pub values: Values,
}

/// What is counted, each value with its labels.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// They only grow.
    Counters(Vec<(Labels, u64)>),
    /// It goes up and down.
    Gauge(i64),
    /// How long something took.
    Histogram {
        /// How many in each bucket alone: up to each of [`BUCKETS`], and beyond the last.
        counts: [u64; BUCKETS.len() + 1],
        /// All together, in microseconds.
        micros: u64,
    },
}

/// Names and values, all of them words of ours.
pub type Labels = Vec<(&'static str, &'static str)>;

impl Metrics {
    /// All that these parts count, in an order that stays.
    pub fn families(&self, parts: Parts) -> Vec<Family> {
        let milter = if parts.has(Part::Milter) { self.of_mail() } else { Vec::new() };
        let table = if parts.has(Part::TlsPolicy) { self.of_table() } else { Vec::new() };
        [milter, table, self.of_both()].into_iter().flatten().collect()
    }

    fn of_mail(&self) -> Vec<Family> {
        let actions = ACTIONS.map(Action::as_str);
        let rules = Rule::ALL.map(Rule::as_str);
        vec![
            family("mailward_messages_total", "Messages that came to their end.", {
                by("direction", &DIRECTIONS, &self.messages)
            }),
            family("mailward_results_total", "Results of checks; a message may have several of DKIM.", {
                by_two(("method", &METHODS), ("result", &RESULTS), &self.results)
            }),
            family("mailward_dispositions_total", "What was done with inbound messages.", {
                by_two(("mode", &MODES), ("action", &actions), &self.dispositions)
            }),
            family("mailward_shadow_total", "What enforce would have done beyond what was done.", {
                by_two(("rule", &rules), ("action", &actions), &self.shadow)
            }),
            family("mailward_outbound_total", "What became of outbound messages.", {
                by("result", &SIGNED, &self.signed)
            }),
            family("mailward_signatures_total", "DKIM signatures made.", counter(&self.signatures)),
            family(
                "mailward_copies_total",
                "Inbound messages by how often their author's signature was seen.",
                by("copies", &COPIES, &self.copies),
            ),
            family("mailward_seals_total", "ARC seals on inbound messages that leave again.", {
                by("result", &SEALED, &self.sealed)
            }),
            family("mailward_forged_total", "Messages with forged results removed.", counter(&self.forged)),
            family("mailward_connections_total", "Connections of MTAs.", counter(&self.connections)),
            family("mailward_connections_refused_total", "Connections closed at once: too many.", {
                counter(&self.refused_connections)
            }),
            family("mailward_connections", "Connections of MTAs now.", {
                Values::Gauge(self.open_connections.load(Ordering::Relaxed))
            }),
            family("mailward_latency_seconds", "How long the MTA waited at the end of messages.", {
                self.latency.values()
            }),
            family("mailward_rows_total", "Rows for the database.", counter(&self.rows)),
            family("mailward_rows_lost_total", "Rows that nothing took.", counter(&self.lost_rows)),
            family("mailward_reloads_total", "Configurations that took over.", counter(&self.reloads)),
            family("mailward_reloads_refused_total", "Configurations that did not.", {
                counter(&self.refused_reloads)
            }),
        ]
    }

    fn of_table(&self) -> Vec<Family> {
        vec![
            family(
                "mailward_tls_answers_total",
                "What Postfix was told about the encryption of mail to domains.",
                by("level", &LEVELS, &self.tls_answers),
            ),
            family("mailward_policy_fetches_total", "MTA-STS policies that were asked for.", {
                by("result", &FETCHES, &self.policy_fetches)
            }),
            family(
                "mailward_policy_events_total",
                "New policies, those that vanished, became weaker or were forgotten, and looks at MX hosts.",
                by("event", &EVENTS.map(TlsEventKind::as_str), &self.policy_events),
            ),
        ]
    }

    fn of_both(&self) -> Vec<Family> {
        vec![
            family("mailward_dns_answers_total", "Answers of the DNS, the cache included.", {
                by("reply", &REPLIES, &self.replies)
            }),
            family("mailward_dns_seconds", "How long answers of the DNS took.", self.dns_time.values()),
            family("mailward_troubles_total", "Trouble of our own.", {
                by("kind", &TROUBLES, &self.troubles)
            }),
        ]
    }
}

const fn family(name: &'static str, help: &'static str, values: Values) -> Family {
    Family { name, help, values }
}

fn counter(counter: &Counter) -> Values {
    Values::Counters(vec![(Vec::new(), counter.get())])
}

fn by(label: &'static str, words: &[&'static str], counters: &[Counter]) -> Values {
    Values::Counters(
        words.iter().zip(counters).map(|(word, counter)| (vec![(label, *word)], counter.get())).collect(),
    )
}

fn by_two<const N: usize>(
    (first, rows): (&'static str, &[&'static str]),
    (second, words): (&'static str, &[&'static str]),
    counters: &[[Counter; N]],
) -> Values {
    let mut all = Vec::new();
    for (row, counters) in rows.iter().zip(counters) {
        let labels = |word: &&'static str| vec![(first, *row), (second, *word)];
        all.extend(words.iter().zip(counters).map(|(word, counter)| (labels(word), counter.get())));
    }
    Values::Counters(all)
}
