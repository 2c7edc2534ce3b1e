//! What waits for the database, within bounds: policies that it did not take, uses to be counted, and what came to pass.

use std::collections::{HashMap, HashSet};
use std::mem::size_of;

use mail::Domain;
use mta_sts::Kept;
use store::{Forgotten, MAX_TLS_EVENT, TlsEvent, TlsPolicy};

/// How much memory policies that wait may take, in bytes. More are not written down; they are in force as long as memory lasts.
pub(super) const MAX_UNSAVED: usize = 8 << 20;
/// How much memory events that wait may take, in bytes; more are only logged.
pub(super) const MAX_EVENTS: usize = 8 << 20;
/// Most domains whose use waits to be counted; of more it is not.
pub(super) const MAX_USED: usize = 50_000;
/// What a piece takes beside its texts.
const OVERHEAD: usize = 100;

/// What waits.
#[derive(Default)]
pub(super) struct Waiting {
    /// What the database did not take, and of which forgetting was known when its fetch began.
    unsaved: HashMap<Domain, (TlsPolicy, Forgotten)>,
    unsaved_bytes: usize,
    /// Who was used on a new day.
    used: HashSet<Domain>,
    events: Vec<TlsEvent>,
    event_bytes: usize,
}

impl Waiting {
    /// Keeps a policy, unless one waits already that was fetched later.
    pub(super) fn keep(&mut self, policy: TlsPolicy, known: Forgotten) {
        let before = self.unsaved.get(&policy.domain).map(|(before, _)| before);
        if before.is_some_and(|before| before.kept.fetched > policy.kept.fetched) {
            return;
        }
        let others = self.unsaved_bytes - before.map_or(0, unsaved_bytes);
        let bytes = unsaved_bytes(&policy);
        if others + bytes <= MAX_UNSAVED {
            self.unsaved_bytes = others + bytes;
            self.unsaved.insert(policy.domain.clone(), (policy, known));
        }
    }

    /// The policy of a domain that waits.
    pub(super) fn policy(&self, domain: &Domain) -> Option<&(TlsPolicy, Forgotten)> {
        self.unsaved.get(domain)
    }

    /// All policies that wait. They wait on, until they are saved.
    pub(super) fn policies(&self) -> Vec<(TlsPolicy, Forgotten)> {
        self.unsaved.values().cloned().collect()
    }

    /// This policy waits no more; one that was fetched since does.
    pub(super) fn is_saved(&mut self, policy: &TlsPolicy) {
        if self.policy(&policy.domain).is_some_and(|(waits, _)| waits == policy) {
            self.remove(&policy.domain);
        }
    }

    /// What was fetched before this forgetting waits no more.
    pub(super) fn forget(&mut self, domain: &Domain, forgotten: Forgotten) {
        if self.policy(domain).is_some_and(|(_, known)| *known < forgotten) {
            self.remove(domain);
        }
    }

    fn remove(&mut self, domain: &Domain) {
        if let Some((policy, _)) = self.unsaved.remove(domain) {
            self.unsaved_bytes -= unsaved_bytes(&policy);
        }
    }

    /// This domain was used.
    pub(super) fn count_use(&mut self, domain: Domain) {
        if self.used.len() < MAX_USED {
            self.used.insert(domain);
        }
    }

    pub(super) fn take_used(&mut self) -> Vec<Domain> {
        self.used.drain().collect()
    }

    /// This came to pass.
    pub(super) fn note(&mut self, mut event: TlsEvent) {
        event.text.truncate(event.text.floor_char_boundary(MAX_TLS_EVENT));
        event.text.shrink_to_fit();
        let bytes = event_bytes(&event);
        if self.event_bytes + bytes <= MAX_EVENTS {
            self.event_bytes += bytes;
            self.events.push(event);
        }
    }

    pub(super) fn take_events(&mut self) -> Vec<TlsEvent> {
        self.event_bytes = 0;
        std::mem::take(&mut self.events)
    }
}

/// How much memory the patterns of a policy take, in bytes.
pub(super) fn policy_bytes(kept: &Kept) -> usize {
    kept.policy.mx().iter().map(|p| size_of::<mta_sts::Pattern>() + p.to_string().len()).sum()
}

fn unsaved_bytes(policy: &TlsPolicy) -> usize {
    OVERHEAD + size_of::<TlsPolicy>() + 2 * policy.domain.as_str().len() + policy_bytes(&policy.kept)
}

fn event_bytes(event: &TlsEvent) -> usize {
    OVERHEAD + event.domain.as_str().len() + event.text.len()
}

#[cfg(test)]
mod tests {
    use mail::UnixTime;
    use mta_sts::{Id, Policy};
    use store::TlsEventKind;

    use super::*;

    fn domain(number: usize) -> Domain {
        Domain::parse(format!("d{number}.example")).unwrap()
    }

    fn policy(number: usize, fetched: u64, hosts: usize) -> TlsPolicy {
        let mx: String = (0..hosts).map(|host| format!("mx: m{host}.a-rather-long-name.example\n")).collect();
        let text = format!("version: STSv1\nmode: enforce\n{mx}max_age: 86400\n");
        let policy = Policy::parse(text.as_bytes()).value.unwrap();
        let kept = Kept { policy, id: Id::parse(b"1").unwrap(), fetched: UnixTime(fetched) };
        TlsPolicy { domain: domain(number), kept, refresh_at: UnixTime(0) }
    }

    fn event(number: usize, length: usize) -> TlsEvent {
        let text = "é".repeat(length / 2);
        TlsEvent { domain: domain(number), at: UnixTime(0), kind: TlsEventKind::Fetched, text }
    }

    #[test]
    fn sts_16_what_waits_for_a_database_that_is_away_is_bounded() {
        let mut waiting = Waiting::default();
        for number in 0..2_000 {
            waiting.keep(policy(number, 1, 1_000), Forgotten::NEVER);
            waiting.note(event(number, 60_000));
        }
        let policies = waiting.policies();
        assert!((50..1_000).contains(&policies.len()), "{}", policies.len());
        assert!(waiting.unsaved_bytes <= MAX_UNSAVED);
        let events = waiting.take_events();
        let bytes: usize = events.iter().map(|event| event.text.capacity()).sum();
        assert!((MAX_EVENTS / 2..=MAX_EVENTS).contains(&bytes), "{bytes}");
        // Where it is full, a newer one still takes the place of an older.
        let (first, _) = policies.first().unwrap();
        let newer = TlsPolicy { kept: policy(0, 2, 1).kept, ..first.clone() };
        waiting.keep(newer.clone(), Forgotten::NEVER);
        assert_eq!(waiting.policy(&first.domain).map(|(waits, _)| waits), Some(&newer));
        policies.iter().for_each(|(policy, _)| waiting.is_saved(policy));
        assert_eq!(waiting.policies(), [(newer.clone(), Forgotten::NEVER)]);
        waiting.is_saved(&newer);
        assert_eq!((waiting.unsaved_bytes, waiting.event_bytes), (0, 0));
        (0..MAX_USED + 10).for_each(|number| waiting.count_use(domain(number)));
        assert_eq!(waiting.take_used().len(), MAX_USED);
    }

    #[test]
    fn the_policy_that_was_fetched_last_waits() {
        let mut waiting = Waiting::default();
        waiting.keep(policy(0, 5, 1), Forgotten::NEVER);
        waiting.keep(policy(0, 4, 2), Forgotten::NEVER);
        assert_eq!(waiting.policies(), [(policy(0, 5, 1), Forgotten::NEVER)]);
        waiting.keep(policy(0, 5, 2), Forgotten::NEVER);
        assert_eq!(waiting.policies(), [(policy(0, 5, 2), Forgotten::NEVER)]);
    }
}
