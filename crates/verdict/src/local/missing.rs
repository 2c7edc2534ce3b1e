//! Whether a message could be refused if the answers were known that are missing: what would become of it if they turned
//! out worst. Only then is it worth asking the client to come again.

use dmarc::{Found, Outcome, Place, Policy, Psd, Reason, Record, Relation, Step, Testing};
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
                Refuse::Known => !certain && could_hold(policy, case, world),
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

/// One way in which the missing answers could turn out, in which the message fails.
#[derive(Clone)]
struct World {
    /// What the author domain asks to be done with it.
    asked: Policy,
    existence: Existence,
    /// What may be the author's organizational domain then.
    organizations: Vec<Domain>,
}

/// The ways that matter. A few are among them that no answers could bring about: what a missing record asks for, and
/// whether it makes something aligned that passed, is not weighed together.
fn worlds(case: &Case<'_>) -> Vec<World> {
    let dmarc = case.verdict.dmarc();
    if dmarc.outcome() != Outcome::TempError && dmarc.disposition() != Policy::Reject {
        return Vec::new();
    }
    let worst = World {
        asked: Policy::Reject,
        existence: match case.existence {
            Existence::Unknown(_) => Existence::DoesNotExist,
            known => known,
        },
        organizations: organizations(case.verdict),
    };
    match dmarc.reason() {
        // What has the author domain itself as its proof is aligned by any record.
        Reason::RecordUnknown(_) if is_vouched_for(case, dmarc.author_domain()) => Vec::new(),
        Reason::RecordUnknown(_) => any_record(case, &worst),
        Reason::AlignmentUnknown(_) | Reason::EvidenceUnknown(_) | Reason::ExistenceUnknown(_) => {
            let Some(applied) = dmarc.applied() else { return Vec::new() };
            let record = &applied.published.record;
            match applied.policy {
                Some((policy, _)) => vec![World { asked: after_test(record, policy), ..worst }],
                None => inherited(case, record, &worst),
            }
        }
        Reason::NotAligned
        | Reason::Aligned(_)
        | Reason::NoRecord
        | Reason::UnusableRecord
        | Reason::Author(_) => vec![World { asked: dmarc.disposition(), ..worst }],
    }
}

/// The ways in which an unknown record could turn out.
fn any_record(case: &Case<'_>, worst: &World) -> Vec<World> {
    let places = case.verdict.dmarc().steps().iter().filter_map(|step| match step {
        Step::Asked(place) => Some(place),
        _ => None,
    });
    let places: Vec<&Place> = places.collect();
    let Some((own, above)) = places.split_first() else { return Vec::new() };
    let is_unknown = |place: &&&Place| matches!(place.found, Found::Unknown(_));
    let asking =
        |world: World| [Policy::Quarantine, Policy::Reject].map(|asked| World { asked, ..world.clone() });
    let mut worlds = Vec::new();
    // RFC 8020 §2: an author domain that has a record of its own exists.
    if is_unknown(&own) && case.existence != Existence::DoesNotExist {
        worlds.extend(asking(World { existence: Existence::Exists, ..worst.clone() }));
    }
    // RFC 9989 §4.10.2: the organization is the domain that the record stands at, or with psd=y the one right below.
    let below = |place: &Place| own.domain.last_labels(place.domain.label_count() + 1);
    let of = |organization: Option<Domain>| World {
        organizations: organization.into_iter().collect(),
        ..worst.clone()
    };
    let record_of = |domain: &Option<Domain>| {
        above.iter().find(|place| Some(&place.domain) == domain.as_ref()).and_then(|place| place.published())
    };
    for place in above.iter().filter(is_unknown) {
        worlds.extend(asking(of(Some(place.domain.clone()))));
        let below = below(place);
        match record_of(&below) {
            // RFC 9989 §4.10.1: the organization's record comes before that of its public suffix.
            Some(published) => worlds.extend(inherited(case, &published.record, &of(below))),
            None => worlds.extend(asking(of(below))),
        }
    }
    if let Some((place, published)) =
        inherited_from(above).and_then(|place| Some((place, place.published()?)))
    {
        let is_suffix = place.psd() == Some(Psd::Yes);
        let organization = if is_suffix { below(place) } else { Some(place.domain.clone()) };
        worlds.extend(inherited(case, &published.record, &of(organization)));
    }
    worlds
}

/// RFC 9989 §4.10.1: without a record of its own an author domain has that of its organizational domain, or else that of
/// its public suffix.
fn inherited_from<'a>(above: &[&'a Place]) -> Option<&'a Place> {
    let mut published = above.iter().rev().filter(|place| place.published().is_some());
    let top = published.next()?;
    let is_right_below = |place: &&&Place| place.domain.parent().as_ref() == Some(&top.domain);
    match top.psd() {
        Some(Psd::Yes) => Some(published.find(is_right_below).unwrap_or(top)),
        _ => Some(top),
    }
}

/// What an inherited record asks for, by whether the author domain exists, as far as that is open.
fn inherited(case: &Case<'_>, record: &Record, worst: &World) -> Vec<World> {
    let both = [(Relation::Subdomain, Existence::Exists), (Relation::NonExistent, Existence::DoesNotExist)];
    let open = both.into_iter().filter(|(_, existence)| match case.existence {
        Existence::Unknown(_) | Existence::NotAsked => true,
        known => known == *existence,
    });
    let world = |(relation, existence)| {
        let (policy, _) = record.policy_for(relation)?;
        Some(World { asked: after_test(record, policy), existence, ..worst.clone() })
    };
    open.filter_map(world).collect()
}

fn after_test(record: &Record, policy: Policy) -> Policy {
    match record.testing() {
        Testing::Off => policy,
        Testing::On => policy.while_testing(),
    }
}

/// Whether SPF or DKIM passed for this very domain.
fn is_vouched_for(case: &Case<'_>, author: Option<&Domain>) -> bool {
    let spf = case.verdict.spf().mail_from.iter().filter(|check| check.pass().is_some());
    let dkim = case.verdict.dkim().iter().filter(|check| check.pass().is_some());
    let mut domains = spf.filter_map(spf::Check::domain).chain(dkim.filter_map(dkim::Check::domain));
    author.is_some_and(|author| domains.any(|domain| domain == author))
}

/// Whether the conditions for a refusal could all hold.
fn could_hold(policy: &LocalPolicy, case: &Case<'_>, world: &World) -> bool {
    world.organizations.iter().any(|organization| {
        let organization = Some(organization);
        let supposed = Supposed { organization, existence: world.existence, vouchers: Vouchers::Fail };
        examine(policy, case, &supposed).holds()
    })
}
