//! Every rule, the lists, the modes, replies, markings and logs.

use super::*;

fn with_header(header: &str) -> Try {
    Try::from("signer.example").with(|t| t.header = format!("{header}|Subject: s"))
}

#[test]
fn messages_without_one_author() {
    check(with_header("To: a@b.example"), "refuse by missing-from");
    check(with_header("From:"), "refuse by missing-from");
    check(with_header("From: Nobody:;"), "refuse by missing-from");
    check(with_header("From: a@calm.example, b@own.example"), "refuse by several-from");
    check(with_header("From: a@calm.example|From: a@calm.example"), "refuse by several-from");
    check(with_header("From: a@calm.example <"), "refuse by unparsable-from");
    check(with_header("From: a@b..example"), "refuse by unparsable-from");
    check(with_header("From: root@localhost"), "mark by unqualified-from");
    check(with_header("From: a@[192.0.2.1]"), "mark by unqualified-from");
    check(with_header("From: =?utf-8?q?a=40own.example=3E?=@calm.example"), "mark by encoded-from");
    check(with_header("From: a@calm.example|rubbish"), "mark by malformed-header");
    for mode in [Mode::Observe, Mode::Quarantine] {
        let want = if mode == Mode::Observe { "accept" } else { "quarantine by missing-from" };
        check(with_header("To: a@b.example").mode(mode), want);
    }
    check(with_header("To: a@b.example").action(Rule::MissingFrom, Action::Mark), "mark by missing-from");
}

#[test]
fn from_of_several_domains_is_evaluated_if_asked() {
    let attempt = with_header("From: a@calm.example, b@own.example").action(Rule::SeveralFrom, Action::Mark);
    check(attempt.clone(), "mark by several-from");
    let attempt = attempt.with(|t| t.settings.evaluate_several_authors = true);
    check(attempt.clone(), "quarantine by dmarc-reject, kept by no-author");
    check(attempt.with(|t| t.policy.refuse = Refuse::Policy), "refuse by dmarc-reject");
}

#[test]
fn records_with_errors() {
    check(Try::from("odd.example"), "mark by dmarc-record");
    check(Try::from("plain.example").sender("<a@bad-spf.example>"), "mark by spf-permerror");
    let passes = Try::from("signer.example").with(|t| t.signed_by = vec!["signer.example"]);
    check(passes.sender("<a@bad-spf.example>"), "accept");
}

#[test]
fn spf_refuses_only_by_option_and_never_what_dmarc_lets_pass() {
    let fails = Try::from("plain.example").sender("<a@plain.example>");
    check(fails.clone(), "accept");
    let refuse = |t: Try| t.action(Rule::SpfFail, Action::Refuse);
    check(refuse(fails.clone()), "refuse by spf-fail");
    check(refuse(Try::from("signer.example").with(|t| t.signed_by = vec!["signer.example"])), "accept");
    let passes = Try::from("signer.example")
        .sender("<a@signer.example>")
        .with(|t| t.signed_by = vec!["signer.example"]);
    check(refuse(passes), "accept");
    let network = Network::parse("203.0.113.0/24").unwrap();
    check(refuse(fails).with(|t| t.policy.known_networks = vec![(network, Kind::Forwarder)]), "accept");
    // While DMARC may pass yet, a failure of SPF is no refusal.
    let open = Try::from("slow-key.example").sender("<a@slow-key.example>").field(SLOW_KEY);
    check(refuse(open.clone()), "defer by dns-temperror");
    check(refuse(open).with(|t| t.history.deferral = Deferral::Unknown), "quarantine by spf-fail");
}

const SLOW_KEY: &str = "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=slow-key.example; s=k; h=from:to:subject; \
    bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=AAAA";

#[test]
fn of_several_rules_the_strictest_counts() {
    let attempt = Try::from("suspect.example").sender("<a@plain.example>");
    let attempt = attempt.action(Rule::SpfFail, Action::Refuse);
    check(attempt.clone(), "refuse by spf-fail");
    check(attempt.clone().action(Rule::SpfFail, Action::Mark), "quarantine by dmarc-quarantine");
    check(attempt.clone().action(Rule::SpfFail, Action::Quarantine), "quarantine by dmarc-quarantine");
    check(attempt.mode(Mode::Quarantine), "quarantine by dmarc-quarantine");
}

#[test]
fn lists() {
    let list = |name: &str, listed: Listed| {
        let entry = (domain(name), listed);
        move |t: &mut Try| {
            t.policy.authors = t.policy.authors.iter().map(|(d, l)| (d.clone(), *l)).chain([entry]).collect();
        }
    };
    check(Try::from("own.example").with(list("own.example", Listed::Allow)), "accept");
    check(Try::from("a.signer.example").with(list("signer.example", Listed::Allow)), "accept");
    check(Try::from("calm.example").with(list("example", Listed::Deny)), "refuse by denied");
    let passes = Try::from("signer.example").with(|t| t.signed_by = vec!["signer.example"]);
    check(passes.clone().with(list("signer.example", Listed::Deny)), "refuse by denied");
    // The most specific entry counts.
    let both = |one: Listed, other: Listed| {
        Try::from("a.signer.example").with(list("signer.example", one)).with(list("a.signer.example", other))
    };
    check(both(Listed::Allow, Listed::Deny), "refuse by denied");
    check(both(Listed::Deny, Listed::Allow), "accept");
    // There must be one author whom it means.
    check(
        with_header("From: =?utf-8?q?a=40own.example=3E?=@calm.example")
            .with(list("calm.example", Listed::Deny)),
        "mark by encoded-from",
    );
    let action = Try::from("calm.example")
        .with(list("example", Listed::Deny))
        .action(Rule::Denied, Action::Quarantine);
    check(action, "quarantine by denied");
}

#[test]
fn vouchers() {
    let allow = |name: &str| {
        let name = domain(name);
        move |t: &mut Try| t.policy.vouchers = [name].into_iter().collect()
    };
    check(Try::from("signer.example").with(allow("spoof.example")), "accept");
    check(Try::from("signer.example").with(allow("forward.example")), "refuse by dmarc-reject");
    let forwarded = Try::from("signer.example").with(|t| t.signed_by = vec!["forward.example"]);
    check(forwarded.clone().with(allow("forward.example")), "accept");
    check(forwarded.with(allow("a.forward.example")), "refuse by dmarc-reject");
    check(
        Try::from("signer.example").sender("<a@open.example>").with(allow("open.example")),
        "refuse by dmarc-reject",
    );
    // Denied is denied.
    let denied = Try::from("signer.example")
        .with(allow("spoof.example"))
        .with(|t| t.policy.authors = [(domain("signer.example"), Listed::Deny)].into_iter().collect());
    check(denied, "refuse by denied");
    // An answer is missing that could have let it in: nothing is refused for good.
    let open = Try::from("signer.example").sender("<a@slow-plain.example>").with(allow("slow-plain.example"));
    check(open.clone(), "defer by dns-temperror");
    check(open.with(|t| t.history.deferral = Deferral::Unknown), "quarantine by dmarc-reject");
    let missing =
        with_header("To: a@b.example").sender("<a@slow-plain.example>").with(allow("slow-plain.example"));
    check(missing, "defer by dns-temperror");
}

#[test]
fn modes_and_recipients() {
    let forged = Try::from("signer.example");
    check(forged.clone().mode(Mode::Observe), "accept");
    check(forged.clone().mode(Mode::Quarantine), "quarantine by dmarc-reject");
    check(
        forged.clone().mode(Mode::Observe).with(|t| t.listener = Some(Mode::Enforce)),
        "refuse by dmarc-reject",
    );
    let strict = |t: &mut Try| {
        t.policy.modes.recipients = [(domain("strict.test"), Mode::Enforce)].into_iter().collect();
        t.recipients.push("<b@strict.test>");
    };
    check(forged.clone().with(strict), "refuse by dmarc-reject");
    check(forged.clone().mode(Mode::Observe).with(strict), "quarantine by dmarc-reject");
    let slow = Try::from("slow-spf.example").sender("<a@slow-spf.example>");
    check(slow.clone().with(strict), "defer by dns-temperror");
    check(slow.mode(Mode::Observe).with(strict), "mark by dns-temperror");
    check(
        forged.clone().with(|t| t.recipients = vec!["<Postmaster@receiver.test>", "<abuse@a.test>"]),
        "accept",
    );
    check(forged.with(|t| t.recipients.push("<postmaster@receiver.test>")), "refuse by dmarc-reject");
}

#[test]
fn hold_is_an_option() {
    let hold = |hold: bool| Try::from("suspect.example").with(|t| t.policy.hold = hold).decide().1;
    assert_eq!(*hold(true).disposition(), Disposition::Quarantine { hold: true });
    assert_eq!(*hold(false).disposition(), Disposition::Quarantine { hold: false });
}

#[test]
fn the_shadow_of_other_modes() {
    let under = |attempt: &Try| {
        let decision = attempt.decide().1;
        Mode::ALL.map(|mode| decision.under(mode).map_or("accept", |held| held.action.as_str())).join(" ")
    };
    for mode in Mode::ALL {
        assert_eq!(under(&Try::from("signer.example").mode(mode)), "accept quarantine refuse");
        assert_eq!(under(&Try::from("other.example").mode(mode)), "accept quarantine quarantine");
        assert_eq!(under(&Try::from("calm.example").mode(mode)), "accept accept accept");
        let slow = Try::from("slow-spf.example").sender("<a@slow-spf.example>");
        assert_eq!(under(&slow.mode(mode)), "accept mark defer");
        let exempt = Try::from("signer.example").with(|t| t.recipients = vec!["<postmaster>"]);
        assert_eq!(under(&exempt.mode(mode)), "accept accept accept");
    }
    // A rule that does nothing is counted all the same.
    let decision = Try::from("plain.example").sender("<a@plain.example>").decide().1;
    assert_eq!(decision.held(), [Held { rule: Rule::SpfFail, action: Action::Accept }]);
}

#[test]
fn replies() {
    let check = |attempt: &Try, want: &str| match attempt.decide().1.disposition() {
        Disposition::Refuse(reply) | Disposition::Defer(reply) => assert_eq!(reply.to_string(), want),
        other => panic!("{other:?}"),
    };
    check(
        &Try::from("a.signer.example"),
        "550 5.7.26 DMARC: nothing proves that this is from a.signer.example, and signer.example asks to refuse it",
    );
    check(
        &Try::from("slow-spf.example").sender("<a@slow-spf.example>"),
        "451 4.4.3 DMARC: the DNS gives no answer about slow-spf.example; try again later",
    );
    let spf = Try::from("plain.example").sender("<a@plain.example>").action(Rule::SpfFail, Action::Refuse);
    check(&spf, "550 5.7.23 SPF: plain.example does not let 203.0.113.66 send its mail");
    let own = Template::parse("554 5.7.1 %{rule} %{queue} at %{receiver}").unwrap();
    let own = Try::from("signer.example").with(|t| t.policy.rules.set_reply(Rule::DmarcReject, own).unwrap());
    check(&own, "554 5.7.1 dmarc-reject 4Xy at localhost");
}

#[test]
fn markings() {
    let check = |attempt: &Try, want: &str| {
        let (verdict, decision) = attempt.decide();
        let marking = Marking::of(&decision, &verdict);
        assert_eq!(marking.map_or("none".to_owned(), |marking| marking.to_string()), want);
    };
    let forged = Try::from("signer.example");
    check(&forged, "none");
    check(
        &forged.clone().mode(Mode::Quarantine),
        "quarantine; mode=quarantine; rule=dmarc-reject; dmarc=fail; author=signer.example; enforce=refuse",
    );
    check(
        &forged.clone().mode(Mode::Observe),
        "accept; mode=observe; rule=dmarc-reject; dmarc=fail; author=signer.example; enforce=refuse",
    );
    check(
        &forged.field("List-Id: <l.example>").sender("<a@bad-spf.example>"),
        "quarantine; mode=enforce; rule=dmarc-reject,spf-permerror; dmarc=fail; author=signer.example; kept=list-field",
    );
    check(&with_header("From: root@localhost"), "mark; mode=enforce; rule=unqualified-from; dmarc=permerror");
    check(&Try::from("calm.example"), "accept; mode=enforce; dmarc=fail; author=calm.example");
    // A rule that wants nothing is not named.
    let spf = Try::from("plain.example").sender("<a@plain.example>");
    check(&spf, "accept; mode=enforce; dmarc=none; author=plain.example");
    let exempt = Try::from("calm.example").with(|t| t.recipients = vec!["<postmaster>"]);
    check(&exempt, "accept; mode=exempt; dmarc=fail; author=calm.example");
}

#[test]
fn ar_12_the_marking_of_others_is_removed() {
    let removed = |policy: &LocalPolicy| {
        let patterns = policy.removed_fields();
        let mut names = vec!["X-Ours", "Received-SPF", "X-Mailward"];
        names.retain(|name| is_removed(&patterns, name.as_bytes()));
        names.join(" ")
    };
    let mut policy = LocalPolicy::default();
    assert_eq!(removed(&policy), "X-Mailward");
    policy.strip = vec![FieldPattern::parse("Received-SPF").unwrap()];
    assert_eq!(removed(&policy), "Received-SPF X-Mailward");
    policy.marking = FieldName::parse("X-Ours").unwrap();
    assert_eq!(removed(&policy), "X-Ours Received-SPF");
}

#[test]
fn the_log_says_why() {
    let check = |attempt: &Try, want: &str| assert_eq!(attempt.decide().1.to_string(), want);
    check(
        &Try::from("signer.example").mode(Mode::Quarantine).field("Resent-To: x@y.example"),
        "quarantine by dmarc-reject: DMARC fails, and the domain asks to refuse such mail; mode quarantine; not to be \
         refused: somebody sent it again, resent-to",
    );
    check(
        &Try::from("signer.example").mode(Mode::Observe),
        "accept; mode observe; enforce would refuse by dmarc-reject",
    );
    check(&Try::from("calm.example"), "accept; mode enforce");
    check(
        &Try::from("slow-spf.example").sender("<a@slow-spf.example>"),
        "defer by dns-temperror: an answer of the DNS is missing; the missing answers could lead to a refusal by \
         dmarc-reject; no such mail was deferred before; mode enforce",
    );
    let allowed = [(domain("signer.example"), Listed::Allow)];
    check(
        &Try::from("signer.example").with(|t| t.policy.authors = allowed.into_iter().collect()),
        "accept; the allow list has signer.example: nothing else counts; mode enforce",
    );
}

#[test]
fn only_who_matters_is_asked_about() {
    let ask = |attempt: &Try| {
        let (verdict, _) = attempt.decide();
        Subjects::of(&verdict, &attempt.envelope()).map(|subjects| {
            let domains = subjects.organizations.iter().map(Domain::as_str).collect::<Vec<_>>().join(" ");
            format!("{domains} {}", subjects.client.map_or("-".to_owned(), |network| network.to_string()))
        })
    };
    assert_eq!(ask(&Try::from("a.signer.example")).unwrap(), "signer.example 203.0.113.0/24");
    assert_eq!(ask(&Try::from("calm.example")), None);
    assert_eq!(ask(&Try::from("suspect.example")), None);
    assert_eq!(ask(&with_header("To: a@b.example")), None);
    assert_eq!(ask(&Try::from("sub.wide.example")).unwrap(), "sub.wide.example wide.example 203.0.113.0/24");
    let spf = Try::from("plain.example").sender("<a@slow-plain.example>");
    assert_eq!(ask(&spf).unwrap(), "plain.example 203.0.113.0/24");
    let key = Subjects::of(&Try::from("signer.example").decide().0, &Try::from("signer.example").envelope());
    let key = key.unwrap().deferral;
    assert_eq!((key.mail_from.as_str(), key.author), ("<bob@spoof.example>", Some(domain("signer.example"))));
}
