//! `/metrics`: numbers in the text format 0.0.4 of Prometheus. Names and labels are texts of the program, so that no
//! stranger can make one up: neither put something of his onto the page nor let the number of series grow.

use std::fmt::{Display, Write};

/// What the page is, as Prometheus asks to be told.
pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The page, while it is written. Each family of numbers is written once, with all its samples.
#[derive(Debug, Default)]
pub struct Metrics(String);

/// Names and values of labels: a list or an array of them. Empty for a family of one number.
pub trait Labels: AsRef<[(&'static str, &'static str)]> {}
impl<T: AsRef<[(&'static str, &'static str)]>> Labels for T {}

impl Metrics {
    /// Numbers that only grow while the program runs; their name ends with `_total`.
    pub fn counters<L: Labels>(
        &mut self,
        name: &'static str,
        help: &'static str,
        samples: impl IntoIterator<Item = (L, u64)>,
    ) {
        self.head(name, help, "counter");
        for (labels, value) in samples {
            self.line(name, labels.as_ref(), None, value);
        }
    }

    /// Numbers that go up and down.
    pub fn gauges<L: Labels>(
        &mut self,
        name: &'static str,
        help: &'static str,
        samples: impl IntoIterator<Item = (L, f64)>,
    ) {
        self.head(name, help, "gauge");
        for (labels, value) in samples {
            self.line(name, labels.as_ref(), None, Float(value));
        }
    }

    /// How often something was how large. `buckets` are upper bounds, rising, each with how many were not larger than it and
    /// larger than the one before; `beyond` were larger than all; `sum` is all together.
    pub fn histogram(
        &mut self,
        name: &'static str,
        help: &'static str,
        buckets: &[(f64, u64)],
        beyond: u64,
        sum: f64,
    ) {
        self.head(name, help, "histogram");
        let mut count = 0_u64;
        let all = buckets.iter().copied().chain([(f64::INFINITY, beyond)]);
        for (bound, within) in all {
            count = count.saturating_add(within);
            let _ = writeln!(self.0, "{name}_bucket{{le=\"{}\"}} {count}", Float(bound));
        }
        self.line(name, &[], Some("_sum"), Float(sum));
        self.line(name, &[], Some("_count"), count);
    }

    /// The page as it is sent.
    pub(crate) fn into_text(self) -> String {
        self.0
    }

    fn head(&mut self, name: &str, help: &str, kind: &str) {
        debug_assert!(!self.0.contains(&format!("# TYPE {name} ")), "{name} is written once");
        let help = help.replace('\\', r"\\").replace('\n', r"\n");
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn line(
        &mut self,
        name: &str,
        labels: &[(&'static str, &'static str)],
        ending: Option<&str>,
        value: impl Display,
    ) {
        self.0.push_str(name);
        self.0.push_str(ending.unwrap_or_default());
        for (index, (label, text)) in labels.iter().enumerate() {
            let text = text.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n");
            let _ = write!(self.0, "{}{label}=\"{text}\"", if index == 0 { '{' } else { ',' });
        }
        let _ = writeln!(self.0, "{} {value}", if labels.is_empty() { "" } else { "}" });
    }
}

/// A number as Prometheus reads it.
struct Float(f64);

impl Display for Float {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            f64::INFINITY => f.write_str("+Inf"),
            f64::NEG_INFINITY => f.write_str("-Inf"),
            number => number.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(write: impl Fn(&mut Metrics), want: &str) {
        let mut page = Metrics::default();
        write(&mut page);
        assert_eq!(page.into_text(), want);
    }

    #[test]
    fn families() {
        check(
            |page| page.counters("a_total", "How often.", [([], u64::MAX)]),
            "# HELP a_total How often.\n# TYPE a_total counter\na_total 18446744073709551615\n",
        );
        check(
            |page| {
                let samples = [([("x", "1"), ("y", "a")], 2), ([("x", "2"), ("y", "b")], 3)];
                page.counters("b_total", "Twice.", samples);
            },
            "# HELP b_total Twice.\n# TYPE b_total counter\nb_total{x=\"1\",y=\"a\"} 2\nb_total{x=\"2\",y=\"b\"} 3\n",
        );
        check(
            |page| {
                let all = [0.25, -1e21, f64::INFINITY, f64::NEG_INFINITY, f64::NAN];
                page.gauges("c", "Now.", all.map(|number| ([], number)));
            },
            "# HELP c Now.\n# TYPE c gauge\nc 0.25\nc -1000000000000000000000\nc +Inf\nc -Inf\nc NaN\n",
        );
    }

    #[test]
    fn buckets_count_what_is_below() {
        check(
            |page| page.histogram("h", "Took.", &[(0.001, 2), (0.01, 0), (1.0, 3)], 4, 12.5),
            "# HELP h Took.\n# TYPE h histogram\nh_bucket{le=\"0.001\"} 2\nh_bucket{le=\"0.01\"} 2\n\
             h_bucket{le=\"1\"} 5\nh_bucket{le=\"+Inf\"} 9\nh_sum 12.5\nh_count 9\n",
        );
    }

    #[test]
    fn web_09_texts_are_of_the_program_and_escaped_all_the_same() {
        check(
            |page| page.counters("d_total", "a\\b\nc", [([("l", "\"\\\n}")], 1)]),
            "# HELP d_total a\\\\b\\nc\n# TYPE d_total counter\nd_total{l=\"\\\"\\\\\\n}\"} 1\n",
        );
    }

    #[test]
    #[should_panic(expected = "a is written once")]
    fn a_family_is_written_once() {
        check(|page| [1.0, 2.0].into_iter().for_each(|n| page.gauges("a", "", [([], n)])), "");
    }
}
