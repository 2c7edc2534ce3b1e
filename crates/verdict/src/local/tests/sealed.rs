//! Failures of DMARC that a trusted sealer saw pass, and those of which somebody else says so.

use super::*;

const PASS: &str = "dmarc=pass header.from=signer.example";

/// A failure under p=reject that would be refused for its policy alone, sealed, where `forward.example` and
/// `open.example` are trusted.
fn sealed(sealed_by: &[(&'static str, &'static str)]) -> Try {
    Try::from("signer.example").with(|t| {
        t.policy.refuse = Refuse::Policy;
        t.sealed_by = sealed_by.to_vec();
        t.settings.trusted_sealers =
            ["forward.example", "open.example", "slow-sealer.example"].map(domain).into_iter().collect();
    })
}

#[test]
fn arc_09_who_is_not_trusted_is_not_believed() {
    check(sealed(&[("forward.example", PASS)]), "mark by dmarc-reject");
    check(sealed(&[("spoof.example", PASS)]), "refuse by dmarc-reject");
    let nobody =
        sealed(&[("forward.example", PASS)]).with(|t| t.settings.trusted_sealers = Default::default());
    check(nobody.clone(), "refuse by dmarc-reject");
    check(nobody.with(|t| t.policy.refuse = Refuse::Known), "quarantine by dmarc-reject, kept by arc-chain");
}

#[test]
fn arc_10_that_domain_and_no_other() {
    for other in ["a.forward.example", "example", "forward.example.spoof.example", "xforward.example"] {
        let attempt = sealed(&[("forward.example", PASS)])
            .with(|t| t.settings.trusted_sealers = [domain(other)].into_iter().collect());
        check(attempt, "refuse by dmarc-reject");
    }
    let written = sealed(&[("forward.example", PASS)])
        .with(|t| t.settings.trusted_sealers = [domain("FORWARD.Example.")].into_iter().collect());
    check(written, "mark by dmarc-reject");
}

#[test]
fn arc_11_everybody_on_the_way_is_trusted_and_saw_it_pass() {
    let refused = "refuse by dmarc-reject";
    check(sealed(&[("forward.example", PASS), ("open.example", "dmarc=fail")]), "mark by dmarc-reject");
    check(sealed(&[("spoof.example", "none"), ("forward.example", PASS)]), "mark by dmarc-reject");
    check(sealed(&[("forward.example", PASS), ("spoof.example", "none")]), refused);
    check(
        sealed(&[("spoof.example", PASS), ("forward.example", "dmarc=fail header.from=signer.example")]),
        refused,
    );
    check(sealed(&[("forward.example", "dmarc=none header.from=signer.example")]), refused);
    check(sealed(&[("forward.example", "spf=pass; dkim=fail")]), refused);
}

#[test]
fn arc_12_for_the_author_of_now() {
    let refused = "refuse by dmarc-reject";
    check(sealed(&[("forward.example", "dmarc=pass header.from=other.example")]), refused);
    check(sealed(&[("forward.example", "dmarc=pass header.from=a.signer.example")]), refused);
    check(sealed(&[("forward.example", "dmarc=pass")]), refused);
}

#[test]
fn what_a_trusted_sealer_saw_is_a_reason_and_no_result() {
    let attempt = sealed(&[("forward.example", PASS)]);
    let (verdict, decision) = attempt.decide();
    assert_eq!(verdict.dmarc().outcome(), dmarc::Outcome::Fail);
    assert_eq!(
        decision.to_string(),
        "mark by dmarc-reject: DMARC fails, and the domain asks to refuse such mail; forward.example, which is \
         trusted here, saw DMARC pass for signer.example (ARC set 1); mode enforce"
    );
    assert_eq!(
        Marking::of(&decision, &verdict).unwrap().to_string(),
        "mark; mode=enforce; rule=dmarc-reject; dmarc=fail; author=signer.example; kept=trusted-sealer"
    );
    let under = Mode::ALL.map(|mode| decision.under(mode).map(|held| held.action));
    assert_eq!(under, [None, Some(Action::Mark), Some(Action::Mark)]);
    check(attempt.clone().mode(Mode::Observe), "accept");
    check(attempt.clone().action(Rule::DmarcReject, Action::Accept), "accept");
    // A domain that is denied is denied, whoever saw what.
    let denied = [(domain("signer.example"), Listed::Deny)];
    check(attempt.with(|t| t.policy.authors = denied.into_iter().collect()), "refuse by denied");
}

#[test]
fn it_counts_under_p_quarantine_and_against_spf_too() {
    let suspect = |t: &mut Try| t.header = t.header.replace("signer.example", "suspect.example");
    let saw = "dmarc=pass header.from=suspect.example";
    check(sealed(&[("forward.example", saw)]).with(suspect), "mark by dmarc-quarantine");
    check(sealed(&[("spoof.example", saw)]).with(suspect), "quarantine by dmarc-quarantine");
    let fails = sealed(&[("forward.example", PASS)]).sender("<a@plain.example>");
    check(fails.action(Rule::SpfFail, Action::Refuse), "mark by dmarc-reject");
    let calm = |sealer: &'static str| {
        sealed(&[(sealer, "dmarc=pass header.from=calm.example")])
            .sender("<a@plain.example>")
            .action(Rule::SpfFail, Action::Refuse)
            .with(|t| t.header = t.header.replace("signer.example", "calm.example"))
    };
    check(calm("forward.example"), "accept");
    check(calm("spoof.example"), "refuse by spf-fail");
}

#[test]
fn while_nobody_knows_whether_the_chain_is_valid_nothing_is_refused_for_good() {
    let open = sealed(&[("slow-sealer.example", PASS)]);
    check(open.clone(), "defer by dns-temperror, kept by arc-chain");
    let late = open.clone().with(|t| t.history.deferral = Deferral::Unknown);
    check(late, "quarantine by dmarc-reject, kept by arc-chain");
    // Whose word would count for nothing is not waited for.
    let stranger =
        open.with(|t| t.settings.trusted_sealers = [domain("forward.example")].into_iter().collect());
    check(stranger, "refuse by dmarc-reject");
}

#[test]
fn what_a_trusted_sealer_saw_is_not_waited_for_to_fail() {
    let slow = |sealer: &'static str| {
        sealed(&[(sealer, "dmarc=pass header.from=slow-spf.example")]).sender("<a@slow-spf.example>").with(
            |t| {
                t.header = t.header.replace("signer.example", "slow-spf.example");
            },
        )
    };
    check(slow("forward.example"), "mark by dns-temperror");
    check(slow("spoof.example"), "defer by dns-temperror");
    let (verdict, _) = slow("forward.example").decide();
    assert!(verdict.local_decision().is_none(), "nothing has failed yet");
}
