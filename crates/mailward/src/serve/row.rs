//! The row that is kept of a message: what reports and local policy need of it, and no more.

use dmarc::{AlignedBy, Testing};
use mail::authres::RegisteredProperty;
use mail::{PathDomain, ReversePath, UnixTime};
use store::{
    Action as Taken, DeferralKey, Disposition, DkimResult, EnvelopeFrom, MAX_NOTE, MessageRow, Mode, Note,
    Override, OverrideKind, PublishedPolicy, RowId, SpfResult, Would,
};
use verdict::local::{Action, Ceiling, Decision, Exemption, Kind, Mode as Local, Obstacle, Rule};
use verdict::{Envelope, Verdict};

/// A message that was judged, for what is kept of it.
#[derive(Clone, Copy)]
pub struct Judged<'a> {
    /// The verdict.
    pub verdict: &'a Verdict,
    /// What was decided.
    pub decision: &'a Decision,
    /// The envelope that was judged.
    pub envelope: &'a Envelope,
    /// The name of the listener.
    pub listener: &'a str,
    /// When.
    pub now: UnixTime,
    /// Whether it was deferred for missing answers.
    pub deferred: bool,
}

impl Judged<'_> {
    /// The row; `random` is what no other row has.
    pub fn row(&self, random: [u8; 10]) -> MessageRow {
        let (verdict, decision) = (self.verdict, self.decision);
        let dmarc = verdict.dmarc();
        let aligned = |by: AlignedBy| matches!(dmarc.aligned_by(), Some(found) if found == by || found == AlignedBy::Both);
        let policy = dmarc.applied().zip(dmarc.method()).and_then(|(applied, method)| {
            PublishedPolicy::of(applied.domain.clone(), method, &applied.published.record)
        });
        let disposition = self.disposition(policy.as_ref());
        let under = |mode| decision.under(mode).map_or(Taken::Accept, |held| taken(held.action));
        // Where nothing was done, it is of interest what would have been.
        let rule = decision.rule().or_else(|| decision.under(Local::Enforce).map(|held| held.rule));
        MessageRow {
            id: RowId::new(self.now, random),
            listener: Note::new(self.listener),
            mode: mode(decision.ceiling()),
            client_ip: self.envelope.client,
            envelope_from: self.envelope_from(),
            author_domain: dmarc.author_domain().cloned(),
            org_domain: dmarc.organization().map(|organization| organization.domain.clone()),
            dmarc: dmarc.outcome(),
            dkim_aligned: aligned(AlignedBy::Dkim),
            spf_aligned: aligned(AlignedBy::Spf),
            overrides: self.overrides(policy.as_ref(), disposition),
            policy,
            spf_mail_from: verdict.spf().mail_from.as_ref().and_then(spf_result),
            spf_helo: verdict.spf().helo.as_ref().and_then(spf_result),
            dkim: verdict.dkim().iter().filter_map(dkim_result).collect(),
            disposition,
            rule: Note::new(rule.map_or("", Rule::as_str)),
            taken: taken(decision.disposition().action()),
            would: Would {
                observe: under(Local::Observe),
                quarantine: under(Local::Quarantine),
                enforce: under(Local::Enforce),
            },
            deferral: self.deferral_key().filter(|_| self.deferred),
        }
    }

    /// What the message is deferred by; `None` where its client is not known.
    pub fn deferral_key(&self) -> Option<DeferralKey> {
        deferral_key(self.envelope, self.verdict)
    }

    fn envelope_from(&self) -> EnvelopeFrom {
        let Some(raw) = &self.envelope.mail_from else { return EnvelopeFrom::Unknown };
        match ReversePath::parse(raw, self.envelope.smtputf8) {
            ReversePath::Null => EnvelopeFrom::Null,
            ReversePath::Mailbox { domain: PathDomain::Name(domain), .. } => EnvelopeFrom::Domain(domain),
            ReversePath::Mailbox { .. } | ReversePath::Invalid(_) => EnvelopeFrom::Unknown,
        }
    }

    /// RFC 9990: what was done because of the policy.
    fn disposition(&self, policy: Option<&PublishedPolicy>) -> Disposition {
        let by_policy = matches!(self.decision.rule(), Some(Rule::DmarcReject | Rule::DmarcQuarantine));
        let asks = policy.is_some_and(|policy| policy.p != dmarc::Policy::None);
        match self.decision.disposition().action() {
            Action::Quarantine if by_policy => Disposition::Quarantine,
            Action::Refuse if by_policy => Disposition::Reject,
            _ if self.verdict.dmarc().outcome() == dmarc::Outcome::Pass && asks => Disposition::Pass,
            _ => Disposition::None,
        }
    }

    /// RFC 9990: why that is less than the policy asks for.
    fn overrides(&self, policy: Option<&PublishedPolicy>, done: Disposition) -> Vec<Override> {
        let dmarc = self.verdict.dmarc();
        if dmarc.outcome() != dmarc::Outcome::Fail {
            return Vec::new();
        }
        let mut overrides = Vec::new();
        if policy.is_some_and(|policy| policy.testing == Testing::On) {
            overrides.push(Override { kind: OverrideKind::PolicyTestMode, comment: None });
        }
        let is_done = match dmarc.disposition() {
            dmarc::Policy::None => true,
            dmarc::Policy::Quarantine => done != Disposition::None,
            dmarc::Policy::Reject => done == Disposition::Reject,
        };
        if !is_done {
            let (kind, comment) = match self.decision.exemption() {
                Some(exemption) => (override_kind(exemption), self.comment(exemption)),
                None => (OverrideKind::LocalPolicy, format!("mode {}", self.decision.ceiling())),
            };
            overrides.push(Override { kind, comment: Some(Note::new(comment)) });
        }
        overrides
    }

    fn comment(&self, exemption: Exemption<'_>) -> String {
        match exemption {
            Exemption::TrustedSealer(_) => chain(self.verdict.arc()),
            Exemption::Allowed | Exemption::Obstacle(_) => exemption.as_str().to_owned(),
        }
    }
}

/// RFC 9990: what kind of an exception it is.
fn override_kind(exemption: Exemption<'_>) -> OverrideKind {
    match exemption {
        Exemption::Obstacle(
            Obstacle::ListField(_) | Obstacle::ListPrecedence | Obstacle::Listed(Kind::List),
        ) => OverrideKind::MailingList,
        Exemption::Obstacle(Obstacle::Listed(Kind::Forwarder)) => OverrideKind::TrustedForwarder,
        // RFC 8617 §7.2.2: what a chain shows is local policy.
        Exemption::Allowed | Exemption::TrustedSealer(_) | Exemption::Obstacle(_) => {
            OverrideKind::LocalPolicy
        }
    }
}

/// RFC 8617 §7.2.2: the status of the chain, who sealed it, newest first, and where the message came from in the first place.
fn chain(arc: &arc::Check) -> String {
    let mut words = vec![format!("arc={}", arc.outcome())];
    for hop in arc.hops().iter().rev() {
        let (number, sealer) = (hop.instance, &hop.sealer);
        words.push(format!("as[{number}].d={} as[{number}].s={}", sealer.domain, sealer.selector));
    }
    let results = arc.hops().first().and_then(|hop| hop.results.as_ref().ok());
    let mut properties =
        results.iter().flat_map(|results| &results.results).flat_map(|result| &result.properties);
    if let Some(ip) = properties.find(|property| property.is(RegisteredProperty::SmtpRemoteIp)) {
        words.push(format!("remote-ip[1]={}", ip.value.as_str()));
    }
    // As many as a note holds, each whole.
    let fits = |line: String, word: String| match line.len() + word.len() < MAX_NOTE {
        true => format!("{line}{word} "),
        false => line,
    };
    words.into_iter().fold(String::new(), fits).trim_end().to_owned()
}

/// What a message is deferred by; `None` where its client is not known.
pub(super) fn deferral_key(envelope: &Envelope, verdict: &Verdict) -> Option<DeferralKey> {
    let sender = envelope.mail_from.as_deref().unwrap_or_default();
    Some(DeferralKey::of(envelope.client?, sender, verdict.dmarc().author_domain()))
}

fn mode(ceiling: Ceiling) -> Mode {
    match ceiling {
        Ceiling::All(mode) | Ceiling::Mixed { strictest: mode } => match mode {
            Local::Observe => Mode::Observe,
            Local::Quarantine => Mode::Quarantine,
            Local::Enforce => Mode::Enforce,
        },
        Ceiling::Exempt => Mode::Observe,
    }
}

/// A row knows marks for quarantine only.
fn taken(action: Action) -> Taken {
    match action {
        Action::Accept | Action::Mark => Taken::Accept,
        Action::Quarantine => Taken::Mark,
        Action::Defer => Taken::Defer,
        Action::Refuse => Taken::Refuse,
    }
}

fn spf_result(check: &spf::Check) -> Option<SpfResult> {
    Some(SpfResult { domain: check.domain()?.clone(), outcome: check.outcome() })
}

fn dkim_result(check: &dkim::Check) -> Option<DkimResult> {
    Some(DkimResult {
        domain: check.domain()?.clone(),
        selector: check.selector()?.clone(),
        outcome: check.outcome(),
        human: (check.outcome() != dkim::Outcome::Pass).then(|| Note::new(check.reason().to_string())),
    })
}
