//! Decisions on real verdicts: a world in memory, messages as text, and what comes of each in one line.

mod missing;
mod property;
mod refusal;
mod replay;
mod rules;
mod sealed;

use std::net::IpAddr;

use dns::Zone;
use mail::{Domain, Suffix, SuffixList, UnixTime};
use testkit::sealer::Sealer;
use testkit::signer::{Signer, TestKey};

use super::*;
use crate::network::Network;
use crate::settings::{Envelope, Settings};
use crate::verdict::Verdict;

pub(super) const NOW: UnixTime = UnixTime(1_795_168_800);
pub(super) const OUTSIDE: &str = "203.0.113.66";

const ZONE: &str = r#"
own.example.             TXT "v=spf1 ip4:192.0.2.10 -all"
_dmarc.own.example.      TXT "v=DMARC1; p=reject"
signer.example.          TXT "v=spf1 ip4:192.0.2.10 -all"
_dmarc.signer.example.   TXT "v=DMARC1; p=reject"
a.signer.example.        A   192.0.2.10
strict.example.          TXT "v=spf1 ip4:192.0.2.10 -all"
_dmarc.strict.example.   TXT "v=DMARC1; p=reject; adkim=s; aspf=s"
other.example.           TXT "v=spf1 ip4:192.0.2.10 -all"
_dmarc.other.example.    TXT "v=DMARC1; p=reject"
a.other.example.         A   192.0.2.10
suspect.example.         TXT "v=spf1 ip4:192.0.2.10 -all"
_dmarc.suspect.example.  TXT "v=DMARC1; p=quarantine"
testing.example.         TXT "v=spf1 ip4:192.0.2.10 -all"
_dmarc.testing.example.  TXT "v=DMARC1; p=reject; t=y"
calm.example.            TXT "v=spf1 ip4:192.0.2.10 -all"
_dmarc.calm.example.     TXT "v=DMARC1; p=none"
below.example.           A   192.0.2.10
_dmarc.below.example.    TXT "v=DMARC1; p=none; sp=none; np=reject"
here.below.example.      A   192.0.2.10
above.example.           A   192.0.2.10
_dmarc.above.example.    TXT "v=DMARC1; p=none; sp=reject; np=none"
odd.example.             TXT "v=spf1 ip4:192.0.2.10 -all"
_dmarc.odd.example.      TXT "v=DMARC1; p=perhaps"
bad-spf.example.         TXT "v=spf1 ip4:192.0.2.999 -all"
plain.example.           TXT "v=spf1 ip4:192.0.2.10 -all"
spoof.example.           TXT "v=spf1 ip4:203.0.113.66 -all"
open.example.            TXT "v=spf1 +all"
forward.example.         TXT "v=spf1 ip4:203.0.113.66 -all"

; Silence, in each of the places where an answer matters.
down.example.            TXT "v=spf1 ip4:192.0.2.10 ip4:203.0.113.7 -all"
;! servfail _dmarc.down.example. TXT
gone.example.            A   192.0.2.10
;! servfail _dmarc.gone.example. TXT
;! servfail gone.example. TXT
;! servfail silent.gone.example. TXT
_dmarc.registry.         TXT "v=DMARC1; p=reject; psd=y"
_dmarc.org.registry.     TXT "v=DMARC1; p=none"
;! servfail _dmarc.silent.org.registry. TXT
;! servfail silent.org.registry. TXT
slow-spf.example.        TXT "v=spf1 include:silent.example -all"
_dmarc.slow-spf.example. TXT "v=DMARC1; p=reject"
;! timeout silent.example. TXT
slow-calm.example.       TXT "v=spf1 include:silent.example -all"
_dmarc.slow-calm.example. TXT "v=DMARC1; p=none"
slow-test.example.       TXT "v=spf1 include:silent.example -all"
_dmarc.slow-test.example. TXT "v=DMARC1; p=reject; t=y"
slow-plain.example.      TXT "v=spf1 include:silent.example -all"
;! timeout k._domainkey.slow-key.example. TXT
;! timeout k._domainkey.slow-sealer.example. TXT
slow-key.example.        TXT "v=spf1 ip4:192.0.2.10 -all"
_dmarc.slow-key.example. TXT "v=DMARC1; p=reject"
;! servfail unsure.signer.example. TXT
;! servfail unsure.other.example. TXT
;! servfail unsure.below.example. TXT
;! servfail unsure.above.example. TXT
;! servfail _dmarc.sub.wide.example. TXT
sub.wide.example.        A   192.0.2.10
wide.example.            TXT "v=spf1 ip4:203.0.113.66 -all"
_dmarc.wide.example.     TXT "v=DMARC1; p=reject"
part.half.example.       A   192.0.2.10
_dmarc.part.half.example. TXT "v=DMARC1; p=reject"
;! servfail _dmarc.half.example. TXT
"#;

/// A list without rules: every top-level domain is a suffix.
struct Bare;

impl SuffixList for Bare {
    fn suffix(&self, _: &Domain) -> Suffix {
        Suffix { labels: 1, section: None }
    }
}

pub(super) fn domain(text: &str) -> Domain {
    Domain::parse(text).unwrap()
}

/// One message and all that its decision rests on.
#[derive(Clone, Debug)]
pub(super) struct Try {
    pub(super) policy: LocalPolicy,
    /// Fields with `|` between.
    pub(super) header: String,
    /// Who signs the message as it is, with the selector `k`.
    pub(super) signed_by: Vec<&'static str>,
    /// When, t=.
    pub(super) signed_at: Option<u64>,
    /// Who seals it then, and what he says that he saw.
    pub(super) sealed_by: Vec<(&'static str, &'static str)>,
    pub(super) client: Option<&'static str>,
    pub(super) helo: &'static str,
    pub(super) mail_from: String,
    pub(super) recipients: Vec<&'static str>,
    pub(super) listener: Option<Mode>,
    pub(super) history: History,
    pub(super) settings: Settings,
}

impl Try {
    /// A forged message of `author` from outside, under `enforce`, where everything that can be known is.
    pub(super) fn from(author: &str) -> Self {
        let policy = LocalPolicy {
            modes: Modes { global: Mode::Enforce, ..Modes::default() },
            own: [domain("own.example")].into_iter().collect(),
            ..LocalPolicy::default()
        };
        let signers =
            ["signer.example", "strict.example", "slow-spf.example", "slow-key.example", "down.example"];
        Self {
            policy,
            header: format!("From: Bob <bob@{author}>|To: a@receiver.test|Subject: s"),
            signed_by: Vec::new(),
            signed_at: None,
            sealed_by: Vec::new(),
            client: Some(OUTSIDE),
            helo: "mail.spoof.example",
            mail_from: "<bob@spoof.example>".to_owned(),
            recipients: vec!["<a@receiver.test>"],
            listener: None,
            history: History {
                signers: Some(signers.map(domain).into_iter().collect()),
                passed_from_network: Some(false),
                deferral: Deferral::Never,
                copies: None,
            },
            settings: Settings::default(),
        }
    }

    pub(super) fn mode(mut self, mode: Mode) -> Self {
        self.policy.modes.global = mode;
        self
    }

    pub(super) fn sender(mut self, mail_from: &str) -> Self {
        self.mail_from = mail_from.to_owned();
        self
    }

    pub(super) fn field(mut self, field: &str) -> Self {
        self.header = format!("{field}|{}", self.header);
        self
    }

    pub(super) fn action(mut self, rule: Rule, action: Action) -> Self {
        self.policy.rules.set_action(rule, action).unwrap();
        self
    }

    pub(super) fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    fn message(&self) -> Vec<u8> {
        let key = TestKey::ed25519(1);
        let mut message = format!("{}||body|", self.header).replace('|', "\r\n").into_bytes();
        for signer in &self.signed_by {
            let maker = Signer::new(signer, "k", &key).tag("h", "from:to:subject");
            let time = self.signed_at.map(|time| time.to_string());
            message = time.iter().fold(maker, |maker, time| maker.tag("t", time)).sign(&message);
        }
        for (number, (sealer, saw)) in (1..).zip(&self.sealed_by) {
            message = Sealer::new(number, sealer, "k", &key)
                .results(&format!(" mx.{sealer}; {saw}"))
                .seal(&message);
        }
        message
    }

    fn zone(&self) -> Zone {
        let key = TestKey::ed25519(1).record();
        let signers =
            ["signer.example", "a.signer.example", "spoof.example", "forward.example", "open.example"];
        let keys = signers.map(|signer| format!("k._domainkey.{signer}. TXT \"{key}\"\n"));
        Zone::parse(format!("{ZONE}{}", keys.concat())).unwrap()
    }

    fn envelope(&self) -> Envelope {
        Envelope {
            client: self.client.map(|ip| ip.parse::<IpAddr>().unwrap()),
            helo: Some(self.helo.into()),
            mail_from: Some(self.mail_from.clone().into()),
            rcpt_to: self.recipients.iter().map(|r| r.as_bytes().to_vec()).collect(),
            smtputf8: false,
        }
    }

    pub(super) fn decide(&self) -> (Verdict, Decision) {
        let (zone, envelope, message) = (self.zone(), self.envelope(), self.message());
        let (header, _) = mail::header::split(&message);
        let verdict =
            pollster::block_on(crate::judge(&zone, &envelope, &message, NOW, &self.settings, &Bare));
        let raw = envelope.rcpt_to.iter().map(Vec::as_slice);
        let decision = self.policy.decide(&Case {
            verdict: &verdict,
            header: &header,
            envelope: &envelope,
            recipients: &Recipients::of(raw, false, &self.policy.modes),
            listener: self.listener,
            existence: pollster::block_on(existence(&zone, &verdict)),
            history: &self.history,
            now: NOW,
            queue: Some(b"4Xy"),
        });
        (verdict, decision)
    }
}

/// `refuse by dmarc-reject`, `quarantine by dmarc-reject, kept by signed`, `accept`.
pub(super) fn show(decision: &Decision) -> String {
    let mut out = decision.disposition().action().to_string();
    if let Some(rule) = decision.rule() {
        out += &format!(" by {rule}");
    }
    if let Some(obstacle) = decision.obstacle() {
        out += &format!(", kept by {}", obstacle.as_str());
    }
    out
}

pub(super) fn check(attempt: Try, want: &str) {
    let (verdict, decision) = attempt.decide();
    let story: Vec<String> = decision.steps().iter().map(ToString::to_string).collect();
    assert_eq!(show(&decision), want, "{}\n{}\n{attempt:?}", verdict.summary(), story.join("\n"));
}
