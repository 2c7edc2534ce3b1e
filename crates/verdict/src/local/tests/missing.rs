//! Missing answers: a message is deferred only if it could be refused were they known, and not for ever.

use super::*;

const DEFERRED: &str = "defer by dns-temperror";
const MARKED: &str = "mark by dns-temperror";

fn slow(author: &str) -> Try {
    Try::from(author).sender(&format!("<bob@{author}>"))
}

#[test]
fn dns_13_the_record_is_missing() {
    check(Try::from("down.example"), DEFERRED);
    check(Try::from("down.example").mode(Mode::Quarantine), MARKED);
    check(Try::from("down.example").mode(Mode::Observe), "accept");
    // Whatever the record says, SPF for the author domain itself is aligned.
    let passes = |t: &mut Try| t.client = Some("203.0.113.7");
    check(slow("down.example").with(passes), MARKED);
    // Not known to sign, and it exists: no record could make it refused.
    check(Try::from("down.example").with(|t| t.history.signers = Some(Default::default())), MARKED);
    // A domain with a record of its own exists, so whether it does is no question where only that record is missing...
    check(Try::from("gone.example"), MARKED);
    // ...but one below may not exist, and be refused by the record above.
    check(Try::from("silent.gone.example"), DEFERRED);
    check(Try::from("silent.gone.example").field("List-Id: <l.example>"), MARKED);
}

#[test]
fn the_organizations_record_comes_before_that_of_the_registry() {
    check(Try::from("silent.org.registry"), MARKED);
}

#[test]
fn every_other_condition_counts() {
    check(Try::from("down.example").field("List-Id: <l.example>"), MARKED);
    check(Try::from("down.example").field("ARC-Seal: i=1"), MARKED);
    check(Try::from("down.example").field("Resent-To: a@b.example"), MARKED);
    check(Try::from("down.example").sender("<SRS0=a=b=c=d@spoof.example>"), MARKED);
    check(Try::from("down.example").with(|t| t.history.passed_from_network = Some(true)), MARKED);
    check(Try::from("down.example").with(|t| t.history.passed_from_network = None), MARKED);
    check(Try::from("down.example").with(|t| t.client = None), MARKED);
    let signature = "DKIM-Signature: v=1; a=rsa-sha256; d=down.example; s=x; h=from; bh=AAAA; b=AAAA";
    check(Try::from("down.example").field(signature), MARKED);
    let network = Network::parse("203.0.113.0/24").unwrap();
    let known = |t: &mut Try| t.policy.known_networks = vec![(network, Kind::Exempt)];
    check(Try::from("down.example").with(known), MARKED);
}

#[test]
fn the_evidence_is_missing() {
    check(slow("slow-spf.example"), DEFERRED);
    check(slow("slow-calm.example"), MARKED);
    check(slow("slow-test.example"), MARKED);
    check(slow("slow-test.example").action(Rule::DmarcQuarantine, Action::Refuse), DEFERRED);
    // No policy, so nothing depends on SPF, unless the site refuses by it.
    check(slow("slow-plain.example"), "accept");
    check(slow("slow-plain.example").action(Rule::SpfFail, Action::Refuse), DEFERRED);
    check(slow("slow-plain.example").action(Rule::SpfPermError, Action::Refuse), DEFERRED);
    check(slow("slow-plain.example").action(Rule::SpfFail, Action::Quarantine), "accept");
    // A signature whose key is missing is a signature: at worst a broken one, which is never refused.
    let key = "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=slow-key.example; s=k; h=from:to:subject; \
               bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=AAAA";
    check(Try::from("slow-key.example").field(key), MARKED);
    check(Try::from("slow-key.example").field(key).with(|t| t.policy.refuse = Refuse::Policy), DEFERRED);
    check(Try::from("slow-key.example"), "refuse by dmarc-reject");
}

#[test]
fn whether_the_author_domain_exists_is_missing() {
    // Inherited policies that differ: reject only if it does not exist, or only if it does.
    check(Try::from("unsure.below.example"), DEFERRED);
    check(Try::from("unsure.above.example"), MARKED);
    let signs = |t: &mut Try| t.history.signers = Some([domain("above.example")].into_iter().collect());
    check(Try::from("unsure.above.example").with(signs), DEFERRED);
    // The same policy either way, so the failure is certain; but only one that does not exist would be refused.
    check(Try::from("unsure.other.example"), "defer by dns-temperror, kept by not-known-to-sign");
    check(Try::from("unsure.signer.example"), "refuse by dmarc-reject");
    let late = |t: &mut Try| t.history.deferral = Deferral::Unknown;
    check(
        Try::from("unsure.other.example").with(late),
        "quarantine by dmarc-reject, kept by not-known-to-sign",
    );
}

#[test]
fn the_organizational_domain_is_missing() {
    let signs = |name: &str| {
        let name = domain(name);
        move |t: &mut Try| t.history.signers = Some([name].into_iter().collect())
    };
    // It could be either.
    check(Try::from("sub.wide.example").with(signs("wide.example")), DEFERRED);
    check(Try::from("sub.wide.example").with(signs("sub.wide.example")), DEFERRED);
    check(Try::from("sub.wide.example").with(signs("example")), MARKED);
    check(Try::from("sub.wide.example"), MARKED);
    // The record is there, and what it asks for is known.
    check(
        Try::from("part.half.example").with(signs("half.example")),
        "defer by dns-temperror, kept by organization-unknown",
    );
    check(Try::from("part.half.example"), "quarantine by dmarc-reject, kept by organization-unknown");
    // SPF passed for what may or may not be the organization.
    let aligned = Try::from("sub.wide.example").sender("<a@wide.example>");
    check(aligned.with(signs("wide.example")), DEFERRED);
}

#[test]
fn not_for_ever() {
    let since = |ago: u64| {
        slow("slow-spf.example").with(|t| t.history.deferral = Deferral::Since(UnixTime(NOW.0 - ago)))
    };
    check(since(0), DEFERRED);
    check(since(MAX_DEFERRAL - 1), DEFERRED);
    check(since(MAX_DEFERRAL), MARKED);
    check(since(1_000_000), MARKED);
    check(slow("slow-spf.example").with(|t| t.history.deferral = Deferral::Unknown), MARKED);
}

#[test]
fn what_a_site_may_choose() {
    for (action, want) in [
        (Action::Accept, "accept"),
        (Action::Mark, MARKED),
        (Action::Quarantine, "quarantine by dns-temperror"),
        (Action::Defer, DEFERRED),
    ] {
        check(slow("slow-spf.example").action(Rule::DnsTempError, action), want);
    }
    // Where nothing is refused, nothing is deferred.
    check(slow("slow-spf.example").action(Rule::DmarcReject, Action::Quarantine), MARKED);
    check(Try::from("down.example").action(Rule::DmarcReject, Action::Mark), MARKED);
    check(
        Try::from("down.example")
            .action(Rule::DmarcReject, Action::Mark)
            .action(Rule::DmarcRecord, Action::Refuse),
        DEFERRED,
    );
    check(Try::from("down.example").with(|t| t.recipients = vec!["<postmaster>"]), "accept");
}
