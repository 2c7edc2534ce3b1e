//! What `enforce` refuses under p=reject: each condition on both its sides.

use super::*;

const REFUSED: &str = "refuse by dmarc-reject";

/// Everything else being so that it would be refused, this keeps it from that.
fn check_kept(change: impl FnOnce(&mut Try), obstacle: &str) {
    check(
        Try::from("signer.example").with(change),
        &format!("quarantine by dmarc-reject, kept by {obstacle}"),
    );
}

#[test]
fn whose_failures_mean_something() {
    check(Try::from("signer.example"), REFUSED);
    check(Try::from("a.signer.example"), REFUSED);
    check(Try::from("own.example"), REFUSED);
    check(Try::from("no-such.other.example"), REFUSED);
    check(Try::from("other.example"), "quarantine by dmarc-reject, kept by not-known-to-sign");
    check(Try::from("a.other.example"), "quarantine by dmarc-reject, kept by not-known-to-sign");
}

#[test]
fn the_past_counts_for_nothing_where_it_is_not_known() {
    let unknown = |t: &mut Try| t.history = History::unknown();
    check(Try::from("signer.example").with(unknown), "quarantine by dmarc-reject, kept by signing-unknown");
    for author in ["own.example", "no-such.other.example"] {
        check(Try::from(author).with(unknown), "quarantine by dmarc-reject, kept by passes-unknown");
        check(Try::from(author).with(|t| t.history.signers = None), REFUSED);
    }
    check_kept(|t| t.history.signers = Some(Default::default()), "not-known-to-sign");
    check_kept(|t| t.history.passed_from_network = None, "passes-unknown");
    check_kept(|t| t.history.passed_from_network = Some(true), "passed-before");
}

#[test]
fn a_signature_of_the_organization_even_a_broken_one() {
    let signature =
        |d: &str| format!("DKIM-Signature: v=1; a=rsa-sha256; d={d}; s=x; h=from; bh=AAAA; b=AAAA");
    check_kept(|t| t.header = format!("{}|{}", signature("signer.example"), t.header), "signed");
    check_kept(|t| t.header = format!("{}|{}", signature("b.a.Signer.example"), t.header), "signed");
    check_kept(|t| t.header = format!("DKIM-Signature: v=1; d=signer.example|{}", t.header), "signed");
    check_kept(|t| t.header = format!("DKIM-Signature: rubbish|{}", t.header), "unreadable-signature");
    let foreign = ["spoof.example", "xsigner.example", "ner.example", "signer.example.spoof.example"];
    for domain in foreign {
        check(Try::from("signer.example").field(&signature(domain)), REFUSED);
    }
    // The classic deception: a signature that passes, for somebody else.
    check(Try::from("signer.example").with(|t| t.signed_by = vec!["spoof.example"]), REFUSED);
    // One that passes for the organization, and is not aligned in strict mode.
    let strict = "DKIM-Signature: v=1; a=rsa-sha256; d=b.strict.example; s=x; h=from; bh=AAAA; b=AAAA";
    check(Try::from("strict.example").field(strict), "quarantine by dmarc-reject, kept by signed");
}

#[test]
fn indirect_flows() {
    let field = |field: &'static str| move |t: &mut Try| t.header = format!("{field}|{}", t.header);
    check_kept(field("List-Id: <l.example>"), "list-field");
    check_kept(field("List-Unsubscribe: <https://l.example>"), "list-field");
    check_kept(field("Precedence: list"), "precedence");
    check_kept(field("ARC-Seal: i=1; cv=none"), "arc-chain");
    check_kept(field("Resent-From: x@y.example"), "resent");
    check_kept(|t| t.mail_from = "<SRS0=a=b=signer.example=bob@spoof.example>".into(), "rewritten-sender");
    check_kept(
        |t| t.mail_from = "<srs1=a=b==c=d=signer.example=bob@spoof.example>".into(),
        "rewritten-sender",
    );
    check(Try::from("signer.example").sender("<prvs=1234567890=bob@spoof.example>"), REFUSED);
    check(Try::from("signer.example").sender("<>"), REFUSED);
    check(Try::from("signer.example").field("Precedence: first-class"), REFUSED);
}

#[test]
fn known_clients() {
    let network = |net: &str, kind: Kind| {
        let network = Network::parse(net).unwrap();
        move |t: &mut Try| t.policy.known_networks = vec![(network, kind)]
    };
    check_kept(network("203.0.113.0/24", Kind::Forwarder), "known-forwarder");
    check_kept(network("203.0.113.66", Kind::List), "known-list");
    check_kept(network("203.0.113.66", Kind::Exempt), "exempt-client");
    check(Try::from("signer.example").with(network("203.0.114.0/24", Kind::Exempt)), REFUSED);
    let known = |name: &str| {
        let entry = (domain(name), Kind::Forwarder);
        move |t: &mut Try| t.policy.known_domains = [entry].into_iter().collect()
    };
    // SPF of MAIL FROM, DKIM, SPF of HELO.
    check_kept(known("spoof.example"), "known-forwarder");
    check_kept(
        |t| {
            known("forward.example")(t);
            t.signed_by = vec!["forward.example"];
        },
        "known-forwarder",
    );
    check_kept(
        |t| {
            known("forward.example")(t);
            t.helo = "forward.example";
        },
        "known-forwarder",
    );
    // A name proves nothing, nor does a record that lets everybody pass.
    let unproved = Try::from("signer.example").with(known("forward.example"));
    check(unproved.clone().with(|t| t.helo = "mail.forward.example"), REFUSED);
    check(unproved.field("Sender: x@forward.example"), REFUSED);
    check(Try::from("signer.example").sender("<a@open.example>").with(known("open.example")), REFUSED);
    check_kept(|t| t.client = None, "client-unknown");
}

#[test]
fn an_answer_about_a_listed_domain_is_missing() {
    let known = |t: &mut Try| {
        t.policy.known_domains = [(domain("slow-plain.example"), Kind::List)].into_iter().collect()
    };
    let attempt = Try::from("signer.example").sender("<l@slow-plain.example>");
    check(attempt.clone(), REFUSED);
    check(attempt.clone().with(known), "defer by dns-temperror, kept by voucher-unknown");
    let late = |t: &mut Try| t.history.deferral = Deferral::Since(UnixTime(NOW.0 - MAX_DEFERRAL));
    check(attempt.with(known).with(late), "quarantine by dmarc-reject, kept by voucher-unknown");
}

/// The same for a key that can't be had, and for a signature that is worth nothing.
#[test]
fn only_a_signature_that_passes_vouches() {
    let signature = |d: &str| {
        format!(
            "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d={d}; s=k; h=from:to:subject; \
             bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=AAAA"
        )
    };
    let known = |name: &str| {
        let entry = (domain(name), Kind::List);
        move |t: &mut Try| t.policy.known_domains = [entry].into_iter().collect()
    };
    let attempt = |name: &str| Try::from("signer.example").field(&signature(name)).with(known(name));
    check(attempt("slow-key.example"), "defer by dns-temperror, kept by voucher-unknown");
    check(attempt("plain.example"), REFUSED);
    check(attempt("forward.example"), REFUSED);
}

#[test]
fn a_signature_while_the_organization_is_open() {
    let own = |t: &mut Try| t.policy.own = [domain("half.example")].into_iter().collect();
    check(Try::from("part.half.example").with(own), REFUSED);
    let signed = |d: &str| format!("DKIM-Signature: v=1; a=rsa-sha256; d={d}; s=x; h=from; bh=AAAA; b=AAAA");
    let attempt = |d: &str| Try::from("part.half.example").with(own).field(&signed(d));
    check(attempt("half.example"), "defer by dns-temperror, kept by organization-unknown");
    check(attempt("part.half.example"), "quarantine by dmarc-reject, kept by organization-unknown");
}

#[test]
fn what_the_domain_does_not_ask_for_is_not_refused() {
    check(Try::from("suspect.example"), "quarantine by dmarc-quarantine");
    check(Try::from("testing.example"), "quarantine by dmarc-quarantine");
    check(Try::from("calm.example"), "accept");
    check(Try::from("plain.example"), "accept");
    check(Try::from("here.below.example"), "accept");
    check(Try::from("no-such.below.example"), REFUSED);
    check(Try::from("no-such.above.example"), "accept");
}

#[test]
fn what_passes_is_accepted() {
    check(
        Try::from("signer.example").sender("<bob@signer.example>").with(|t| t.client = Some("192.0.2.10")),
        "accept",
    );
    check(Try::from("signer.example").with(|t| t.signed_by = vec!["signer.example"]), "accept");
}

#[test]
fn the_policy_alone_for_those_who_insist() {
    let insist = |t: &mut Try| {
        t.policy.refuse = Refuse::Policy;
        t.history = History::unknown();
        t.header = format!("List-Id: <l.example>|{}", t.header);
    };
    check(Try::from("other.example").with(insist), REFUSED);
    check(Try::from("suspect.example").with(insist), "quarantine by dmarc-quarantine");
    check(Try::from("testing.example").with(insist), "quarantine by dmarc-quarantine");
    check(Try::from("calm.example").with(insist), "accept");
}

#[test]
fn every_condition_is_told() {
    let (_, decision) = Try::from("signer.example").decide();
    let conditions: Vec<Condition> =
        decision.refusal().unwrap().findings.iter().map(|finding| finding.condition).collect();
    use Condition::*;
    let all =
        [KnownSender, Unsigned, NoList, NoArc, NotResent, NotRewritten, UnlistedClient, NewNetwork].to_vec();
    assert_eq!(conditions, all);
    assert_eq!(decision.refusal().unwrap().ground, Some(Ground::KnownToSign(domain("signer.example"))));
    let ground = |author: &str| Try::from(author).decide().1.refusal().unwrap().ground.clone();
    assert_eq!(ground("own.example"), Some(Ground::Own(domain("own.example"))));
    assert_eq!(ground("no-such.other.example"), Some(Ground::DoesNotExist));
    assert_eq!(ground("other.example"), None);
}

/// The samples: after good mail on three days the two classic deceptions are refused, and what a forwarder changed is not.
#[test]
fn the_samples() {
    let zone = Zone::parse(include_str!("../../../../../samples/world.zone")).unwrap();
    let check = |client: &str, sender: &str, message: &[u8], mode: Mode, want: &str| {
        let message = String::from_utf8(message.to_vec()).unwrap().replace('\n', "\r\n").into_bytes();
        let envelope = Envelope {
            client: Some(client.parse().unwrap()),
            helo: Some(b"mail.spoofing.example".to_vec()),
            mail_from: Some(sender.into()),
            ..Envelope::unknown()
        };
        let settings = Settings::default();
        let verdict = pollster::block_on(crate::judge(&zone, &envelope, &message, NOW, &settings, &Bare));
        let subjects = Subjects::of(&verdict, &envelope).unwrap();
        assert_eq!(subjects.organizations, [domain("trust.example")]);
        let signed_on = [2_u64, 9, 27].map(|ago| UnixTime(NOW.0 - ago * 86_400));
        let known = is_known_to_sign(signed_on, NOW);
        let history = History {
            signers: Some(subjects.organizations.into_iter().filter(|_| known).collect()),
            passed_from_network: Some(false),
            deferral: Deferral::Never,
            copies: None,
        };
        let policy =
            LocalPolicy { modes: Modes { global: mode, ..Modes::default() }, ..LocalPolicy::default() };
        let (header, _) = mail::header::split(&message);
        let decision = policy.decide(&Case {
            verdict: &verdict,
            header: &header,
            envelope: &envelope,
            recipients: &Recipients::of([&b"<a@receiver.test>"[..]], false, &policy.modes),
            listener: None,
            existence: pollster::block_on(existence(&zone, &verdict)),
            history: &history,
            now: NOW,
            queue: None,
        });
        assert_eq!(show(&decision), want);
    };
    let spf = include_bytes!("../../../../../samples/spf-deception.eml");
    let dkim = include_bytes!("../../../../../samples/dkim-deception.eml");
    let changed = include_bytes!("../../../../../samples/changed-body.eml");
    for deception in [&spf[..], dkim] {
        check(OUTSIDE, "<bob@spoofing.example>", deception, Mode::Enforce, REFUSED);
        check(OUTSIDE, "<bob@spoofing.example>", deception, Mode::Observe, "accept");
    }
    let kept = "quarantine by dmarc-reject, kept by signed";
    check("198.51.100.25", "<bob@trust.example>", changed, Mode::Enforce, kept);
}
