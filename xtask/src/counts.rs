//! What a test runner says at its end: how many tests passed, failed, were skipped; and which said that they did not run.

use std::fmt;
use std::ops::AddAssign;

/// The sum over the test runners' closing lines.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
}

impl Counts {
    /// Reads the closing lines in `output`: nextest's `Summary [...] 3 tests run: 2 passed, 1 failed, 0 skipped`,
    /// and libtest's `test result: ok. 2 passed; 1 failed; 0 ignored; ...`.
    pub(crate) fn read(output: &str) -> Self {
        // nextest shows each test's own libtest lines, too: they are indented, and its summary says the same once.
        let nextest = output.lines().rfind(|line| line.starts_with("     Summary ["));
        let libtest = output.lines().filter(|line| line.starts_with("test result: "));
        let closing: Vec<&str> = match nextest {
            Some(line) => vec![line],
            None => libtest.collect(),
        };
        let mut counts = Self::default();
        for line in closing {
            let words: Vec<&str> = line.split_whitespace().collect();
            for pair in words.windows(2) {
                let [number, what] = pair else { continue };
                let Ok(number) = number.trim_start_matches('(').parse::<u64>() else { continue };
                match what.trim_end_matches([',', ';', ')']) {
                    "passed" => counts.passed += number,
                    "failed" => counts.failed += number,
                    // nextest lists these beside the failed ones.
                    "timed" => counts.failed += number,
                    "skipped" | "ignored" => counts.skipped += number,
                    _ => {}
                }
            }
        }
        let returned_early = tests_not_run(output);
        counts.passed = counts.passed.saturating_sub(returned_early);
        counts.skipped += returned_early;
        counts
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

/// How a test that could not run says so, before it returns as if it had passed.
const NOT_RUN: &str = "did NOT run";

/// The number of passing tests that printed [`NOT_RUN`], however often.
fn tests_not_run(output: &str) -> u64 {
    let (mut number, mut passing, mut said) = (0, false, false);
    // The failures come last; in libtest's output each binary's successes come before them.
    for line in output.lines() {
        let start = line.trim_start();
        if start.starts_with("PASS [") || line == "successes:" || line.starts_with("---- ") {
            (passing, said) = (passing || !line.starts_with("---- "), false);
        } else if start.starts_with("FAIL [") || line == "failures:" {
            passing = false;
        } else if passing && !said && line.contains(NOT_RUN) {
            (number, said) = (number + 1, true);
        }
    }
    number
}

/// The lines by which tests say that something `did NOT run`, each once.
pub(crate) fn not_run(output: &str) -> Vec<String> {
    let mut lines: Vec<String> =
        output.lines().filter(|line| line.contains(NOT_RUN)).map(|line| line.trim().to_owned()).collect();
    lines.sort();
    lines.dedup();
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(output: &str, passed: u64, failed: u64, skipped: u64) {
        assert_eq!(Counts::read(output), Counts { passed, failed, skipped }, "{output}");
    }

    #[test]
    fn nextest() {
        check("     Summary [   0.018s] 12 tests run: 12 passed, 3 skipped", 12, 0, 3);
        check(
            "     Summary [   0.018s] 13 tests run: 10 passed (1 slow), 2 failed, 1 timed out, 4 skipped",
            10,
            3,
            4,
        );
        check(
            "     Summary [   0.018s] 1 test run: 1 passed (1 leaky), 0 skipped\n        PASS a 5 failed",
            1,
            0,
            0,
        );
        check(
            "    test result: ok. 1 passed; 0 failed; 0 ignored\n     Summary [ 0.1s] 1 test run: 1 passed, 0 skipped",
            1,
            0,
            0,
        );
    }

    #[test]
    fn libtest_sums_its_binaries() {
        let binary =
            "test result: ok. 8 passed; 1 failed; 2 ignored; 0 measured; 5 filtered out; finished in 0.35s\n";
        check(binary, 8, 1, 2);
        check(&binary.repeat(3), 24, 3, 6);
    }

    #[test]
    fn a_test_that_returned_early_is_skipped() {
        let nextest = "        PASS [ 0.0s] (1/3) a\n  stderr ---\n    x did NOT run: y\n    z did NOT run: y\n\
                       \x20       PASS [ 0.0s] (2/3) b\n        FAIL [ 0.0s] (3/3) c\n    x did NOT run: y\n\
                       \x20    Summary [ 0.1s] 3 tests run: 2 passed, 1 failed, 0 skipped";
        check(nextest, 1, 1, 1);
        let libtest = "successes:\n\n---- a stdout ----\nx did NOT run: y\nx did NOT run: y\n---- b stdout ----\n\
                       x did NOT run: y\n\nsuccesses:\n    a\n    b\n\nfailures:\n\n---- c stdout ----\nx did NOT run: y\n\n\
                       test result: FAILED. 2 passed; 1 failed; 0 ignored\n";
        check(libtest, 0, 1, 2);
        check(&libtest.repeat(2), 0, 2, 4);
    }

    #[test]
    fn nothing_ran() {
        check("error: could not compile `spf`", 0, 0, 0);
    }

    #[test]
    fn what_did_not_run_is_said_once() {
        let output = "  b did NOT run: no root\nx\na did NOT run: y\n  b did NOT run: no root\n";
        assert_eq!(not_run(output), ["a did NOT run: y", "b did NOT run: no root"]);
    }
}
