//! Whether a message could be refused if the answers were known that are missing: what would become of it if they turned
//! out worst. Only then is it worth asking the client to come again.

use dmarc::{Outcome, Policy, Reason, Relation, Testing};
use mail::Domain;

use super::existence::Existence;
use super::history::organizations;
use super::policy::{Case, LocalPolicy, Refuse};
use super::refusal::{Supposed, Vouchers, examine, is_known_client};
use super::rule::{Action, Rule};

/// The rule by which the message could be refused, if a missing answer turned out worst; `None` where none could, or
/// where nothing is missing. `certain` is whether the conditions for a refusal hold by what is known.
pub(super) fn refusing_rule(policy: &LocalPolicy, case: &Case<'_>, certain: bool) -> Option<Rule> {
    let refuses = |rule| policy.rules.action(rule) == Action::Refuse;
    let dmarc = case.verdict.dmarc();
    let open = dmarc.outcome() == Outcome::TempError;
    let worlds = worlds(case);
    let could_reject = |world: &World| {
        world.asked == Policy::Reject
            && match policy.refuse {
                Refuse::Policy => open,
                Refuse::Known => !certain && could_hold(policy, case, world.existence),
            }
    };
    if refuses(Rule::DmarcReject) && worlds.iter().any(could_reject) {
        return Some(Rule::DmarcReject);
    }
    let could_quarantine = worlds.iter().any(|world| world.asked == Policy::Quarantine);
    if open && refuses(Rule::DmarcQuarantine) && could_quarantine {
        return Some(Rule::DmarcQuarantine);
    }
    if matches!(dmarc.reason(), Reason::RecordUnknown(_)) && refuses(Rule::DmarcRecord) {
        return Some(Rule::DmarcRecord);
    }
    by_spf(policy, case, open).filter(|rule| refuses(*rule))
}

/// The rule about SPF that could hold.
fn by_spf(policy: &LocalPolicy, case: &Case<'_>, open: bool) -> Option<Rule> {
    if case.verdict.dmarc().outcome() == Outcome::Pass || is_known_client(policy, case) {
        return None;
    }
    match case.verdict.spf().mail_from.as_ref()?.outcome() {
        spf::Outcome::TempError => {
            let refuses = |rule: &Rule| policy.rules.action(*rule) == Action::Refuse;
            [Rule::SpfFail, Rule::SpfPermError].into_iter().find(refuses)
        }
        // DMARC might pass yet, so SPF alone does not refuse now.
        spf::Outcome::Fail => open.then_some(Rule::SpfFail),
        spf::Outcome::PermError => open.then_some(Rule::SpfPermError),
        _ => None,
    }
}

/// One way in which the missing answers could turn out.
struct World {
    /// What the author domain asks to be done with the message, if that fails.
    asked: Policy,
    existence: Existence,
}

/// The ways that matter: in each the message fails.
fn worlds(case: &Case<'_>) -> Vec<World> {
    let dmarc = case.verdict.dmarc();
    let existence = match case.existence {
        Existence::Unknown(_) => Existence::DoesNotExist,
        known => known,
    };
    let world = |asked| World { asked, existence };
    match dmarc.reason() {
        // What has the author domain itself as its proof is aligned by any record.
        Reason::RecordUnknown(_) if is_vouched_for(case, dmarc.author_domain()) => Vec::new(),
        Reason::RecordUnknown(_) => vec![world(Policy::Quarantine), world(Policy::Reject)],
        Reason::AlignmentUnknown(_) | Reason::EvidenceUnknown(_) | Reason::ExistenceUnknown(_) => {
            let Some(applied) = dmarc.applied() else { return Vec::new() };
            let record = &applied.published.record;
            let asked = |policy: Policy| match record.testing() {
                Testing::Off => policy,
                Testing::On => policy.while_testing(),
            };
            if let Some((policy, _)) = applied.policy {
                return vec![world(asked(policy))];
            }
            let either =
                [(Relation::Subdomain, Existence::Exists), (Relation::NonExistent, Existence::DoesNotExist)];
            let world = |(relation, existence)| {
                Some(World { asked: asked(record.policy_for(relation)?.0), existence })
            };
            either.into_iter().filter_map(world).collect()
        }
        Reason::NotAligned
        | Reason::Aligned(_)
        | Reason::NoRecord
        | Reason::UnusableRecord
        | Reason::Author(_) => vec![world(dmarc.disposition())],
    }
}

/// Whether SPF or DKIM passed for this very domain.
fn is_vouched_for(case: &Case<'_>, author: Option<&Domain>) -> bool {
    let by_spf = |check: &spf::Check| check.pass().is_some() && !check.is_permissive();
    let spf =
        case.verdict.spf().mail_from.as_ref().filter(|check| by_spf(check)).and_then(spf::Check::domain);
    let dkim =
        case.verdict.dkim().iter().filter(|check| check.pass().is_some()).filter_map(dkim::Check::domain);
    author.is_some_and(|author| spf.into_iter().chain(dkim).any(|domain| domain == author))
}

/// Whether the conditions for a refusal could all hold.
fn could_hold(policy: &LocalPolicy, case: &Case<'_>, existence: Existence) -> bool {
    organizations(case.verdict).iter().any(|organization| {
        let supposed = Supposed { organization: Some(organization), existence, vouchers: Vouchers::Fail };
        examine(policy, case, &supposed).holds()
    })
}
