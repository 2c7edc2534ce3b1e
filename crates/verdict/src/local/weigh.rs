//! Which rules hold for a message, and what each wants: everything but the mode, so that it is done once for all modes.

use arc::Grounds;
use dmarc::{Outcome, Policy, Reason};

use super::decision::Held;
use super::history::organizations;
use super::missing::refusing_rule;
use super::policy::{Case, Listed, LocalPolicy, Refuse};
use super::refusal::{Refusal, Supposed, Vouchers, examine, is_known_client};
use super::rule::{Action, Rule};
use super::step::Step;
use super::voucher::Voucher;

/// What came of it.
#[derive(Debug, Default)]
pub(super) struct Weighed {
    /// In the order of [`Rule`].
    pub(super) held: Vec<Held>,
    pub(super) refusal: Option<Refusal>,
    pub(super) sealed: Option<Grounds>,
    pub(super) steps: Vec<Step>,
}

pub(super) fn weigh(policy: &LocalPolicy, case: &Case<'_>) -> Weighed {
    let mut weighed = Weighed::default();
    if weighed.read_lists(policy, case) {
        return weighed;
    }
    if let Err(error) = case.verdict.author() {
        let rule = Rule::of_author(error);
        weighed.hold(rule, policy.rules.action(rule));
    }
    weighed.judge_dmarc(policy, case);
    weighed.judge_replay(policy, case);
    weighed.judge_spf(policy, case);
    weighed.judge_missing(policy, case);
    weighed
}

impl Weighed {
    fn hold(&mut self, rule: Rule, action: Action) {
        let held = Held { rule, action };
        self.held.push(held);
        self.steps.push(Step::Held(held));
    }

    /// The allow and deny lists. True where nothing else counts.
    fn read_lists(&mut self, policy: &LocalPolicy, case: &Case<'_>) -> bool {
        let author = case.verdict.dmarc().author_domain();
        if let Some((entry, listed)) = author.and_then(|author| policy.authors.find(author)) {
            self.steps.push(Step::Listed { entry: entry.clone(), listed: *listed });
            if *listed == Listed::Deny {
                self.hold(Rule::Denied, policy.rules.action(Rule::Denied));
            }
            return true;
        }
        if let Voucher::Known { domain, .. } = Voucher::find(case.verdict, &policy.vouchers) {
            self.steps.push(Step::Vouched(domain.clone()));
            return true;
        }
        false
    }

    fn judge_dmarc(&mut self, policy: &LocalPolicy, case: &Case<'_>) {
        let dmarc = case.verdict.dmarc();
        if *dmarc.reason() == Reason::UnusableRecord {
            self.hold(Rule::DmarcRecord, policy.rules.action(Rule::DmarcRecord));
        }
        let rule = match dmarc.disposition() {
            // RFC 9989 §5.4: p=none changes nothing in how mail is handled.
            Policy::None => return,
            Policy::Quarantine => Rule::DmarcQuarantine,
            Policy::Reject => Rule::DmarcReject,
        };
        match (case.verdict.local_decision(), rule) {
            (Some(arc::Decision::Override(grounds)), rule) => {
                self.steps.push(Step::Sealed(grounds.clone()));
                self.sealed = Some(grounds.clone());
                // RFC 8617 §7.2.1: what a trusted sealer saw may be a reason to do less than the domain asks for.
                self.hold(rule, policy.rules.action(rule).min(Action::Mark));
            }
            (_, Rule::DmarcReject) => self.judge_reject(policy, case),
            (_, rule) => self.hold(rule, policy.rules.action(rule)),
        }
    }

    fn judge_reject(&mut self, policy: &LocalPolicy, case: &Case<'_>) {
        let known = case.verdict.dmarc().organization().is_some();
        let organizations = organizations(case.verdict);
        let supposed = Supposed {
            organization: organizations.first().filter(|_| known),
            existence: case.existence,
            vouchers: Vouchers::MayPass,
        };
        let refusal = examine(policy, case, &supposed);
        self.steps.extend(refusal.ground.clone().map(Step::Ground));
        self.steps.extend(refusal.findings.iter().cloned().map(Step::Condition));
        let wants = match (policy.rules.action(Rule::DmarcReject), policy.refuse) {
            // RFC 9989 §7.4: without other knowledge, as if the policy were quarantine.
            (Action::Refuse, Refuse::Known) if !refusal.holds() => Action::Quarantine,
            (action, _) => action,
        };
        self.hold(Rule::DmarcReject, wants);
        self.refusal = Some(refusal);
    }

    fn judge_replay(&mut self, policy: &LocalPolicy, case: &Case<'_>) {
        let Some(replayed) = policy.replay.find(case.verdict, case.history.copies) else { return };
        // A forwarder or list that is known here is expected to send copies.
        if !is_known_client(policy, case) {
            self.steps.push(Step::Replayed(replayed));
            self.hold(Rule::Replayed, policy.rules.action(Rule::Replayed));
        }
    }

    fn judge_spf(&mut self, policy: &LocalPolicy, case: &Case<'_>) {
        let Some(check) = &case.verdict.spf().mail_from else { return };
        let rule = match check.outcome() {
            spf::Outcome::Fail => Rule::SpfFail,
            spf::Outcome::PermError => Rule::SpfPermError,
            _ => return,
        };
        // RFC 9989 §7.1: what DMARC lets pass may have been forwarded; and a known forwarder is expected to fail.
        let dmarc = case.verdict.dmarc().outcome();
        let sealed = matches!(case.verdict.trusted_sealers_saw(), Some(arc::Decision::Override(_)));
        if dmarc == Outcome::Pass || sealed || is_known_client(policy, case) {
            return;
        }
        let wants = match (policy.rules.action(rule), dmarc) {
            (Action::Refuse, Outcome::TempError) => Action::Quarantine,
            (action, _) => action,
        };
        self.hold(rule, wants);
    }

    /// Has these rules refuse nothing; gives the first that would have.
    fn soften(&mut self, which: impl Fn(Rule) -> bool) -> Option<Rule> {
        let refusing = self.held.iter_mut().filter(|held| held.action == Action::Refuse && which(held.rule));
        let softened = refusing.map(|held| {
            held.action = Action::Quarantine;
            held.rule
        });
        // All of them, though the first is what is told.
        softened.fold(None, |first, rule| first.or(Some(rule)))
    }

    /// Missing answers: those of DMARC, and those that stand between the message and its refusal.
    fn judge_missing(&mut self, policy: &LocalPolicy, case: &Case<'_>) {
        if self.sealed.is_some() {
            return;
        }
        let certain = self.refusal.as_ref().is_some_and(Refusal::holds);
        let mut refusing = match case.verdict.trusted_sealers_saw() {
            // Whatever the answers are: if DMARC fails, this counts.
            Some(arc::Decision::Override(grounds)) => {
                self.steps.push(Step::Sealed(grounds.clone()));
                None
            }
            _ => refusing_rule(policy, case, certain),
        };
        if let Voucher::Unknown(domain) = Voucher::find(case.verdict, &policy.vouchers) {
            // A domain whose word would let the message in may have given it: nothing is refused for good.
            refusing = refusing.or(self.soften(|_| true));
            self.steps.push(Step::VoucherUnknown(domain.clone()));
        }
        if let Some(arc::Decision::Keep(why @ arc::Refusal::ChainUnknown)) = case.verdict.local_decision() {
            // So may a trusted sealer, whose word counts against failures of SPF and DMARC.
            let outweighed = [Rule::DmarcReject, Rule::DmarcQuarantine, Rule::SpfFail, Rule::SpfPermError];
            refusing = refusing.or(self.soften(|rule| outweighed.contains(&rule)));
            self.steps.push(Step::SealUnknown(why.clone()));
        }
        if case.verdict.dmarc().outcome() != Outcome::TempError && refusing.is_none() {
            return;
        }
        let wants = match (policy.rules.action(Rule::DnsTempError), refusing) {
            // RFC 9989 §5.3.6 leaves it to the receiver; §7.2: 4yz where the policy can't be known.
            (Action::Defer, Some(rule)) => {
                let may = case.history.deferral.may_go_on(case.now);
                self.steps.push(Step::CouldBeRefused { rule, deferral: case.history.deferral, may });
                if may { Action::Defer } else { Action::Mark }
            }
            (Action::Defer, None) => {
                self.steps.push(Step::CouldNotBeRefused);
                Action::Mark
            }
            (action, _) => action,
        };
        self.hold(Rule::DnsTempError, wants);
    }
}
