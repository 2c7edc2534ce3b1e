//! ValiMail's ARC suite. A test whose result is another one here has its reason in an exceptions file; one that is excepted
//! and has the suite's result all the same fails the run.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods
)]

mod suite;

use arc::{Chain, Outcome};
use dkim::BodyHasher;
use mail::UnixTime;

use suite::{Exceptions, Scenario, Test};

/// The tests of the file: 171, and four once more under the same names.
const VALIDATIONS: usize = 175;

fn outcome(scenario: &Scenario, test: &Test) -> Outcome {
    let (header, body) = mail::header::split(&test.message);
    // Its signatures were made at 12345, in seconds since 1970, and so on; its other messages in 2017.
    let chain = Chain::read(&header, &dkim::Policy::default(), UnixTime(1_500_000_000));
    let mut hasher = BodyHasher::new(chain.forms());
    hasher.update(body);
    let keys = pollster::block_on(chain.keys(&scenario.zone, None));
    let check = chain.check(&header, &keys, &hasher.finish());
    assert_eq!(check.oldest_pass().is_some(), check.outcome() == Outcome::Pass);
    check.outcome()
}

#[test]
fn arc_01_validation() {
    let Some(scenarios) = suite::load("arc-draft-validation-tests.yml") else { return };
    let mut exceptions = Exceptions::load("validation.toml");
    let (mut count, mut wrong) = (0, Vec::new());
    for scenario in &scenarios {
        for test in &scenario.tests {
            count += 1;
            let expected = match test.text("cv").as_str() {
                "None" => Outcome::None,
                "Pass" => Outcome::Pass,
                "Fail" => Outcome::Fail,
                // The suite leaves these three open, as their newest seal says cv=fail. RFC 8617 §5.2 step 2: fail.
                "" => Outcome::Fail,
                other => panic!("{other}"),
            };
            let outcome = outcome(scenario, test);
            if let Some(problem) = exceptions.hold(&test.name, outcome.as_str(), expected.as_str()) {
                wrong.push(problem);
            }
        }
    }
    assert_eq!(count, VALIDATIONS);
    wrong.extend(exceptions.unused());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
