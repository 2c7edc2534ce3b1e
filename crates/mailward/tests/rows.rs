//! The rows that are kept of messages: what they say for reports, and what `mailward shadow` makes of them.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, clippy::disallowed_methods)]

use std::process::{Command, Output};

use dns::Zone;
use mail::authres::AuthservId;
use mail::{Domain, UnixTime};
use mailward::serve::row::Judged;
use serde_json::Value;
use store::{MessageRow, OverrideKind, Place, Store};
use testkit::sealer::Sealer;
use testkit::signer::TestKey;
use verdict::local::{Case, History, Kind, Listed, LocalPolicy, Mode, Recipients, existence};
use verdict::network::Network;
use verdict::suffix::BuiltIn;
use verdict::{Envelope, Settings, judge};

/// When the samples were made, and a time on that day.
const NOW: u64 = 1_795_168_805;
const DAY: u64 = 24 * 60 * 60;

fn sample(name: &str) -> Vec<u8> {
    let path = format!("{}/../../samples/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).unwrap().replace("\r\n", "\n").replace('\n', "\r\n").into_bytes()
}

/// A message that comes from somewhere, and what is known here.
struct Came {
    message: Vec<u8>,
    client: &'static str,
    sender: &'static str,
    recipient: &'static [u8],
    policy: LocalPolicy,
    trusted: &'static [&'static str],
    at: u64,
}

impl Came {
    /// A deception by somebody who is in order for himself, under `enforce`.
    fn forged() -> Self {
        let mut policy = LocalPolicy::default();
        policy.modes.global = Mode::Enforce;
        Self {
            message: sample("spf-deception.eml"),
            client: "203.0.113.66",
            sender: "<bob@spoofing.example>",
            recipient: b"<alice@receiver.test>",
            policy,
            trusted: &[],
            at: NOW,
        }
    }

    fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    fn row(&self, number: u8) -> MessageRow {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../samples/world.zone");
        let key = TestKey::ed25519(1).record();
        let zone = std::fs::read_to_string(path).unwrap();
        let zone = Zone::parse(format!("{zone}\nk._domainkey.forward.example. TXT \"{key}\"\n")).unwrap();
        let envelope = Envelope {
            client: Some(self.client.parse().unwrap()),
            helo: Some(b"mail.spoofing.example".to_vec()),
            mail_from: Some(self.sender.into()),
            rcpt_to: Vec::new(),
            smtputf8: false,
        };
        let mut settings = Settings::new(AuthservId::parse("mx.receiver.test").unwrap());
        settings.trusted_sealers = self.trusted.iter().map(|name| Domain::parse(name).unwrap()).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let now = UnixTime(self.at);
        runtime.block_on(async {
            let verdict = judge(&zone, &envelope, &self.message, now, &settings, &BuiltIn).await;
            let (header, _) = mail::header::split(&self.message);
            let decision = self.policy.decide(&Case {
                verdict: &verdict,
                header: &header,
                envelope: &envelope,
                recipients: &Recipients::of([self.recipient], false, &self.policy.modes),
                listener: None,
                existence: existence(&zone, &verdict).await,
                history: &History { passed_from_network: Some(false), ..History::unknown() },
                now,
                queue: None,
            });
            let judged = Judged {
                verdict: &verdict,
                decision: &decision,
                envelope: &envelope,
                listener: "milter",
                now,
                deferred: false,
            };
            judged.row([number; 10])
        })
    }
}

/// What a report would say of it: what was done, and why not what was asked for.
#[track_caller]
fn check(came: &Came, want: &str) {
    let row = came.row(1);
    let overrides = row.overrides.iter().map(|reason| {
        let comment = reason.comment.as_ref().map(ToString::to_string).unwrap_or_default();
        format!(" {}: {comment}", reason.kind.as_str())
    });
    assert_eq!(format!("{}{}", row.disposition.as_str(), overrides.collect::<String>()), want);
}

fn own(came: &mut Came) {
    came.policy.own = [Domain::parse("trust.example").unwrap()].into_iter().collect();
}

#[test]
fn why_less_was_done_than_the_domain_asks_for() {
    check(&Came::forged().with(own), "reject");
    check(&Came::forged(), "quarantine local_policy: signing-unknown");
    check(
        &Came::forged().with(|c| c.policy.modes.global = Mode::Observe),
        "none local_policy: signing-unknown",
    );
    let observed = |c: &mut Came| c.policy.modes.global = Mode::Observe;
    check(&Came::forged().with(own).with(observed), "none local_policy: mode observe");
    check(
        &Came::forged().with(own).with(|c| c.recipient = b"<postmaster@receiver.test>"),
        "none local_policy: mode exempt",
    );
    let known = |kind: Kind| {
        move |c: &mut Came| c.policy.known_networks = vec![(Network::parse("203.0.113.0/24").unwrap(), kind)]
    };
    for (kind, want) in [
        (Kind::Forwarder, "quarantine trusted_forwarder: known-forwarder"),
        (Kind::List, "quarantine mailing_list: known-list"),
        (Kind::Exempt, "quarantine local_policy: exempt-client"),
    ] {
        check(&Came::forged().with(own).with(known(kind)), want);
    }
    let list = |c: &mut Came| c.message = [b"List-Id: <l.example>\r\n", &c.message[..]].concat();
    check(&Came::forged().with(own).with(list), "quarantine mailing_list: list-field");
    let allowed = |c: &mut Came| {
        let author = Domain::parse("trust.example").unwrap();
        c.policy.authors = [(author, Listed::Allow)].into_iter().collect();
    };
    check(&Came::forged().with(own).with(allowed), "none local_policy: allowed");
    let good = |c: &mut Came| (c.message, c.client) = (sample("good.eml"), "192.0.2.10");
    check(&Came::forged().with(own).with(good), "pass");
}

#[test]
fn arc_09_what_a_trusted_sealer_saw_is_said_with_its_chain() {
    let sealed = |c: &mut Came| {
        let saw =
            " mx.forward.example; dmarc=pass header.from=trust.example; arc=none smtp.remote-ip=192.0.2.10";
        let set = Sealer::new(1, "forward.example", "k", &TestKey::ed25519(1)).results(saw);
        c.message = set.seal(&c.message);
    };
    let trusted = |c: &mut Came| c.trusted = &["forward.example"];
    check(
        &Came::forged().with(own).with(sealed).with(trusted),
        "none local_policy: arc=pass as[1].d=forward.example as[1].s=k remote-ip[1]=192.0.2.10",
    );
    check(&Came::forged().with(own).with(sealed), "quarantine local_policy: arc-chain");
    assert_eq!(Came::forged().with(sealed).with(trusted).row(1).overrides[0].kind, OverrideKind::LocalPolicy);
}

fn shadow(folder: &std::path::Path, more: &[&str]) -> Output {
    let config = folder.join("mailward.toml");
    std::fs::write(&config, "[store]\npath = 'data'\n").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_mailward"));
    command.arg("shadow").arg("--config").arg(&config).args(["--now", &(NOW + DAY).to_string()]).args(more);
    command.env("NO_COLOR", "1").output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn an_administrator_sees_what_would_have_been_done() {
    let folder = tempfile::tempdir().unwrap();
    let none = shadow(folder.path(), &[]);
    assert_eq!(none.status.code(), Some(2));
    assert!(text(&none.stderr).contains("there is no database"), "{}", text(&none.stderr));
    assert!(!folder.path().join("data").exists(), "who looks makes nothing");
    let observed = |c: &mut Came| c.policy.modes.global = Mode::Observe;
    let forged = || Came::forged().with(own).with(observed);
    let no_author = |c: &mut Came| c.message = b"Subject: x\r\n\r\nbody\r\n".to_vec();
    let kept = |c: &mut Came| c.policy.own = Default::default();
    let good = |c: &mut Came| {
        (c.message, c.client, c.sender) = (sample("good.eml"), "192.0.2.10", "<bob@trust.example>")
    };
    let rows = [
        forged().row(1),
        forged().with(|c| c.message = sample("dkim-deception.eml")).row(2),
        forged().with(no_author).row(3),
        forged().with(kept).row(4),
        forged().with(good).row(5),
        // Two weeks before.
        forged().with(|c| c.at -= 14 * DAY).row(6),
        // It was refused, so there is no shadow.
        Came::forged().with(own).row(7),
    ];
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let store = Store::new(&Place::Sqlite(folder.path().join("data/mailward.db"))).unwrap();
        let old = shadow(folder.path(), &[]);
        assert_eq!(old.status.code(), Some(2), "{}", text(&old.stdout));
        assert!(text(&old.stderr).contains("the database is at version 0"), "{}", text(&old.stderr));
        store.migrate(UnixTime(NOW)).await.unwrap();
        store.insert(&rows).await.unwrap();
        // Somebody else may have it open.
        let said = shadow(folder.path(), &[]);
        assert_eq!((said.status.code(), text(&said.stderr)), (Some(0), String::new()));
        assert_eq!(
            text(&said.stdout),
            "With enforce, 3 messages of 2 senders would have been refused in the last 7 days.\n\
             With enforce, 1 message of 1 sender would have been quarantined in the last 7 days.\n\n  \
             would be     messages  sender         latest                client        MAIL FROM         by rule\n  \
             refused      2         trust.example  2026-11-20T10:00:05Z  203.0.113.66  spoofing.example  dmarc-reject\n  \
             quarantined  1         trust.example  2026-11-20T10:00:05Z  203.0.113.66  spoofing.example  dmarc-reject\n  \
             refused      1         (no author)    2026-11-20T10:00:05Z  203.0.113.66  spoofing.example  missing-from\n"
        );
        let said = text(&shadow(folder.path(), &["--mode", "quarantine", "--days", "30", "--senders", "1"]).stdout);
        // The one that was refused would have been, too.
        let first = "With quarantine, 6 messages of 2 senders would have been quarantined in the last 30 days.\n";
        assert!(said.starts_with(first) && said.ends_with("1 more: --senders shows them.\n"), "{said}");
        let json: Value = serde_json::from_slice(&shadow(folder.path(), &["--json"]).stdout).unwrap();
        assert_eq!(json["totals"][0], serde_json::json!({ "would_be": "refused", "messages": 3, "senders": 2 }));
        let latest = &json["senders"][0]["latest"];
        assert_eq!((&latest["dmarc"], &latest["taken"]), (&"fail".into(), &"accept".into()), "{json}");
        let quiet = text(&shadow(folder.path(), &["--now", "1700000000"]).stdout);
        assert!(quiet.is_empty() || quiet.starts_with("With enforce, nothing"), "{quiet}");
        store.close().await;
    });
}
