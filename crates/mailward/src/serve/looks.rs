//! Whose MX hosts are looked at without anybody asking: domains that test their policies, when these were fetched, on a budget.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use mail::{Domain, UnixTime};
use mta_sts::{Mode, Policy};
use store::TlsEventKind;
use tokio::sync::mpsc;

use crate::tls::probe::{Fate, Probe, Seen};

/// Most domains that are looked at in a day.
pub const PER_DAY: usize = 1_000;
/// A domain is looked at again after so many seconds at the earliest: twelve hours, as policies are fetched once a day.
pub const AGAIN: u64 = 43_200;
const DAY: u64 = 86_400;

/// What is to be looked at, one domain after the other.
pub(super) struct Looks {
    sender: mpsc::Sender<(Domain, Policy)>,
    wanted: tokio::sync::Mutex<mpsc::Receiver<(Domain, Policy)>>,
    budget: Mutex<Budget>,
}

/// What was spent of a day.
#[derive(Default)]
struct Budget {
    day: u64,
    spent: usize,
    /// When a domain was looked at last, of the last two days: at most twice [`PER_DAY`].
    last: HashMap<Domain, UnixTime>,
}

impl Default for Looks {
    fn default() -> Self {
        let (sender, wanted) = mpsc::channel(PER_DAY);
        Self { sender, wanted: tokio::sync::Mutex::new(wanted), budget: Mutex::default() }
    }
}

impl Looks {
    /// This policy was fetched: its hosts are looked at if it is in mode `testing` and the budget allows it.
    pub(super) fn fetched(&self, domain: &Domain, policy: &Policy, now: UnixTime) {
        let allowed = || self.budget.lock().unwrap_or_else(PoisonError::into_inner).take(domain, now);
        if policy.mode() == Mode::Testing && allowed() {
            // Where a thousand wait already, the next day will do.
            let _ = self.sender.try_send((domain.clone(), policy.clone()));
        }
    }

    /// Waits for the next.
    pub(super) async fn next(&self) -> (Domain, Policy) {
        match self.wanted.lock().await.recv().await {
            Some(wanted) => wanted,
            // We hold the other end ourselves.
            None => std::future::pending().await,
        }
    }
}

impl Budget {
    fn take(&mut self, domain: &Domain, now: UnixTime) -> bool {
        // A clock that was set back proves nothing.
        let is_recent = |at: &UnixTime| now.0.abs_diff(at.0) < AGAIN;
        if self.day != now.0 / DAY {
            self.day = now.0 / DAY;
            self.spent = 0;
            self.last.retain(|_, at| is_recent(at));
        }
        if self.spent >= PER_DAY || self.last.get(domain).is_some_and(is_recent) {
            return false;
        }
        self.spent += 1;
        self.last.insert(domain.clone(), now);
        true
    }
}

/// What is kept of a look: how it ended, and a line for each host.
pub(super) fn event(probe: &Probe) -> (TlsEventKind, String) {
    let is_lost = |seen: &Seen| matches!(seen.under_enforce(), Fate::NoMail(_));
    let kind = match probe.hosts.iter().any(is_lost) {
        true => TlsEventKind::Unready,
        false => TlsEventKind::Probed,
    };
    let line = |seen: &Seen| {
        let dane = match seen.under_dane_only() {
            Fate::NotAsked => String::new(),
            fate => format!("; if dane-only: {fate}"),
        };
        format!("{}: if enforced: {}{dane}", seen.name, seen.under_enforce())
    };
    let left = (probe.left > 0).then(|| format!("{} more MX hosts were not looked at", probe.left));
    let none = probe.hosts.is_empty().then(|| "no MX host is known".to_owned());
    (kind, probe.hosts.iter().map(line).chain(left).chain(none).collect::<Vec<_>>().join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::probe::Fit;

    fn domain(number: usize) -> Domain {
        Domain::parse(format!("d{number}.example")).unwrap()
    }

    #[test]
    fn a_day_has_its_limit() {
        let mut budget = Budget::default();
        let now = UnixTime(20_000 * DAY);
        let taken = (0..PER_DAY + 10).filter(|number| budget.take(&domain(*number), now)).count();
        assert_eq!(taken, PER_DAY);
        let tomorrow = UnixTime(now.0 + DAY);
        assert!(!budget.take(&domain(PER_DAY), UnixTime(tomorrow.0 - 1)));
        assert!(budget.take(&domain(PER_DAY), tomorrow));
        assert_eq!(budget.last.len(), 1, "what is old is forgotten");
    }

    #[test]
    fn a_domain_has_its_limit() {
        let mut budget = Budget::default();
        let mut take =
            |domain: usize, at: u64| budget.take(&self::domain(domain), UnixTime(20_000 * DAY + at));
        assert!(take(1, 0));
        assert!(take(2, 1));
        assert!(!take(1, AGAIN - 1));
        assert!(take(1, AGAIN));
        // Over midnight too.
        assert!(take(2, AGAIN + 2));
        assert!(!take(2, DAY));
        assert!(!take(2, 2 * AGAIN + 1));
        assert!(take(2, 2 * AGAIN + 2));
        // A clock that was set back a little, and much.
        assert!(!take(2, 2 * AGAIN));
        assert!(take(2, 0));
    }

    #[test]
    fn a_clock_that_was_ahead_leaves_nothing() {
        let mut budget = Budget::default();
        for number in 0..500 {
            assert!(budget.take(&domain(number), UnixTime(30_000 * DAY)));
        }
        assert!(budget.take(&domain(0), UnixTime(20_000 * DAY)));
        assert_eq!(budget.last.len(), 1);
    }

    #[tokio::test]
    async fn only_policies_in_mode_testing() {
        let looks = Looks::default();
        let policy = |mode: &str| {
            let text = format!("version: STSv1\nmode: {mode}\nmx: mx.v.example\nmax_age: 86400\n");
            Policy::parse(text.as_bytes()).value.unwrap()
        };
        for (number, mode) in (0..).zip(["enforce", "none", "testing", "enforce"]) {
            looks.fetched(&domain(number), &policy(mode), UnixTime(20_000 * DAY));
        }
        assert_eq!(looks.next().await.0, domain(2));
        assert!(looks.wanted.lock().await.try_recv().is_err());
    }

    #[test]
    fn what_is_kept() {
        let seen = |name: &str, tlsa, allowed| Seen {
            name: dns::Name::from_dotted(name).unwrap(),
            found: Err("no answer in time".to_owned()),
            tlsa,
            allowed,
        };
        let known = seen("a.example", Fit::No("x".to_owned()), Some(true));
        let probe = Probe { hosts: vec![known, seen("b.example", Fit::NoRecords, None)], left: 2 };
        let (kind, text) = event(&probe);
        assert_eq!(kind, TlsEventKind::Unready);
        assert_eq!(
            text,
            "a.example: if enforced: no mail: no answer in time; if dane-only: no mail: no answer in time\n\
             b.example: if enforced: nothing is asked for\n2 more MX hosts were not looked at"
        );
        let (kind, text) = event(&Probe { hosts: Vec::new(), left: 0 });
        assert_eq!((kind, text.as_str()), (TlsEventKind::Probed, "no MX host is known"));
    }
}
