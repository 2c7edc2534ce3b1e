//! Rows for tests, of this crate and of its integration tests.

use std::net::IpAddr;

use dkim::Selector;
use mail::{Domain, UnixTime};
use proptest::prelude::*;
use proptest::{collection, option, sample};
use store::{
    Action, DeferralKey, Disposition, DkimResult, EnvelopeFrom, MessageRow, Mode, Note, Override,
    OverrideKind, PublishedPolicy, RowId, SpfResult, Would,
};

/// When the rows of tests were judged.
pub(crate) const NOW: UnixTime = UnixTime(1_800_000_000);

fn domain(text: &str) -> Domain {
    Domain::parse(text).expect("a domain")
}

fn policy(text: &str) -> PublishedPolicy {
    let record = dmarc::Record::parse(text.as_bytes()).value.expect("a record");
    PublishedPolicy::of(domain("example.org"), dmarc::Method::TreeWalk, &record).expect("a usable one")
}

/// A row in which everything is there; rows of other numbers have other identities.
pub(crate) fn full_row(number: u32) -> MessageRow {
    let [a, b, c, d] = number.to_be_bytes();
    MessageRow {
        id: RowId::new(NOW, [0, 0, 0, 0, 0, 0, a, b, c, d]),
        listener: Note::new("inbound"),
        mode: Mode::Quarantine,
        client_ip: Some(IpAddr::from([203, 0, 113, 9])),
        envelope_from: EnvelopeFrom::Domain(domain("bounce.example.org")),
        author_domain: Some(domain("news.example.org")),
        org_domain: Some(domain("example.org")),
        dmarc: dmarc::Outcome::Pass,
        dkim_aligned: true,
        spf_aligned: false,
        policy: Some(policy(
            "v=DMARC1; p=reject; sp=quarantine; np=reject; adkim=s; fo=1:d; t=y; rua=mailto:a@b.example",
        )),
        spf_mail_from: Some(SpfResult {
            domain: domain("bounce.example.org"),
            outcome: spf::Outcome::SoftFail,
        }),
        spf_helo: Some(SpfResult { domain: domain("mx.example.net"), outcome: spf::Outcome::None }),
        dkim: vec![
            DkimResult {
                domain: domain("example.org"),
                selector: Selector::parse("s2026").expect("a selector"),
                outcome: dkim::Outcome::Pass,
                human: None,
            },
            DkimResult {
                domain: domain("example.net"),
                selector: Selector::parse("a._b").expect("a selector"),
                outcome: dkim::Outcome::PermError,
                human: Some(Note::new("no key \u{1b}[1m\"'\\ %00")),
            },
        ],
        disposition: Disposition::None,
        overrides: vec![
            Override { kind: OverrideKind::PolicyTestMode, comment: None },
            Override { kind: OverrideKind::Other, comment: Some(Note::new("'; DROP TABLE messages; --")) },
        ],
        rule: Note::new("known-forwarder"),
        taken: Action::Mark,
        would: Would { observe: Action::Accept, quarantine: Action::Mark, enforce: Action::Refuse },
        deferral: Some(DeferralKey::of(IpAddr::from([203, 0, 113, 9]), b"a@b.example", None)),
    }
}

/// A row in which nothing is there that need not be.
pub(crate) fn sparse_row(number: u32) -> MessageRow {
    MessageRow {
        client_ip: None,
        envelope_from: EnvelopeFrom::Unknown,
        author_domain: None,
        org_domain: None,
        dmarc: dmarc::Outcome::PermError,
        dkim_aligned: false,
        policy: None,
        spf_mail_from: None,
        spf_helo: None,
        dkim: Vec::new(),
        overrides: Vec::new(),
        rule: Note::new(""),
        deferral: None,
        ..full_row(number)
    }
}

/// Any row.
pub(crate) fn any_row() -> impl Strategy<Value = MessageRow> {
    let name = || "[a-z0-9_]{1,10}(\\.[a-z]{1,12}){0,3}".prop_map(|text| domain(&text));
    let note = || collection::vec(any::<u8>(), 0..300).prop_map(Note::new);
    let action = || sample::select(vec![Action::Accept, Action::Mark, Action::Defer, Action::Refuse]);
    let envelope_from = prop_oneof![
        Just(EnvelopeFrom::Unknown),
        Just(EnvelopeFrom::Null),
        name().prop_map(EnvelopeFrom::Domain)
    ];
    let policies = [
        "v=DMARC1; p=none",
        "v=DMARC1; p=reject; sp=none; aspf=s; fo=0:s",
        "v=DMARC1; p=quarantine; np=none",
    ];
    let policy = (name(), sample::select(policies.to_vec()))
        .prop_map(|(domain, text)| PublishedPolicy { domain, ..policy(text) });
    let spf = || {
        (name(), sample::select(vec![spf::Outcome::Pass, spf::Outcome::Fail, spf::Outcome::TempError]))
            .prop_map(|(domain, outcome)| SpfResult { domain, outcome })
    };
    let dkim =
        (name(), "[a-z0-9]{1,9}", option::of(note())).prop_map(|(domain, selector, human)| DkimResult {
            domain,
            selector: Selector::parse(selector).expect("a selector"),
            outcome: dkim::Outcome::Fail,
            human,
        });
    let reason =
        option::of(note()).prop_map(|comment| Override { kind: OverrideKind::TrustedForwarder, comment });
    let who = (any::<u32>(), any::<u64>(), option::of(any::<IpAddr>()), envelope_from, note());
    let what =
        (option::of(name()), option::of(name()), option::of(policy), option::of(spf()), option::of(spf()));
    let lists = (collection::vec(dkim, 0..4), collection::vec(reason, 0..3), any::<bool>(), any::<bool>());
    let done = (action(), action(), action(), note(), option::of(any::<[u8; 4]>()));
    (who, what, lists, done).prop_map(|(who, what, lists, done)| {
        let (number, at, client_ip, envelope_from, listener) = who;
        let (author_domain, org_domain, policy, spf_mail_from, spf_helo) = what;
        let (dkim, overrides, dkim_aligned, spf_aligned) = lists;
        let (taken, quarantine, enforce, rule, deferral) = done;
        let [a, b, c, d] = number.to_be_bytes();
        MessageRow {
            id: RowId::new(UnixTime(at % (1 << 40)), [9, 9, 9, 9, 9, 9, a, b, c, d]),
            listener,
            client_ip,
            envelope_from,
            author_domain,
            org_domain,
            dkim_aligned,
            spf_aligned,
            policy,
            spf_mail_from,
            spf_helo,
            dkim,
            overrides,
            rule,
            taken,
            would: Would { observe: Action::Accept, quarantine, enforce },
            deferral: deferral.map(|key| DeferralKey::of(IpAddr::from(key), b"", None)),
            ..full_row(number)
        }
    })
}
