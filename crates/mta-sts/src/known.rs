//! What is known of a domain's policy, and what to do about it: a pure function of that, of what the DNS says now, and of the
//! time (RFC 8461 §3.3, §5.1, §10.2).

use mail::UnixTime;

use crate::kept::{Fraction, Kept, Weakened, may_retry};
use crate::lookup::Lookup;
use crate::policy::{Mode, Policy};
use crate::record::Id;

/// What is known of a domain's policy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// The last that was fetched, in force or not, and from when on it should be fetched again.
    pub kept: Option<(Kept, UnixTime)>,
    /// The last try, if nothing came of it: for which id, and when.
    pub failed: Option<(Id, UnixTime)>,
}

/// Whether to fetch the policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fetch {
    /// Not now.
    No,
    /// For this id, and whoever asks should wait for it a little: it may change the answer.
    Now(Id),
    /// For this id; nobody has to wait, as the one that is kept is in force.
    Meanwhile(Id),
}

impl Known {
    /// The policy that is in force, whatever DNS and HTTPS say.
    pub fn in_force(&self, now: UnixTime) -> Option<&Kept> {
        self.kept.as_ref().map(|(kept, _)| kept).filter(|kept| kept.is_fresh(now))
    }

    /// What to do, by what the DNS says.
    pub fn fetch(&self, published: &Lookup, now: UnixTime) -> Fetch {
        let in_force = self.kept.as_ref().filter(|(kept, _)| kept.is_fresh(now));
        let fetch = match (published, in_force) {
            (Lookup::Found(record, _), Some((kept, refresh_at))) if record.id == kept.id => {
                if now < *refresh_at { Fetch::No } else { Fetch::Meanwhile(record.id.clone()) }
            }
            (Lookup::Found(record, _), _) => Fetch::Now(record.id.clone()),
            // RFC 8461 §10.2: whoever keeps the DNS from answering does not keep the policy from being renewed.
            (Lookup::Unknown(_), Some((kept, refresh_at))) if now >= *refresh_at => {
                Fetch::Meanwhile(kept.id.clone())
            }
            // RFC 8461 §3.1: without a record there is nothing to be fetched. What is kept lives to its end.
            (Lookup::Unknown(_) | Lookup::Nothing | Lookup::Several(_) | Lookup::Invalid(_), _) => Fetch::No,
        };
        match (&fetch, &self.failed) {
            // RFC 8461 §3.3: five minutes between tries for the same id.
            (Fetch::Now(id) | Fetch::Meanwhile(id), Some((failed, at)))
                if id == failed && !may_retry(*at, now) =>
            {
                Fetch::No
            }
            _ => fetch,
        }
    }

    /// What to do where the policy in force lets nobody deliver, whatever its id: hosts change the file and forget the id, and take
    /// the record away while the file says `none`.
    pub fn fetch_again(&self, published: &Lookup, now: UnixTime) -> Fetch {
        let fetch = self.fetch(published, now);
        let (Fetch::No, Some(kept)) = (&fetch, self.in_force(now)) else { return fetch };
        // RFC 8461 §10.2: a live policy may be fetched "regardless of the state" of its record. It takes the certificate of its
        // host to change it, with a record or without.
        let id = match published {
            Lookup::Found(record, _) => &record.id,
            Lookup::Unknown(_) | Lookup::Nothing | Lookup::Several(_) | Lookup::Invalid(_) => &kept.id,
        };
        // RFC 8461 §3.3: five minutes; and who was asked just now need not be asked again.
        let tried = self.failed.as_ref().map_or(kept.fetched, |(_, at)| kept.fetched.max(*at));
        if may_retry(tried, now) { Fetch::Meanwhile(id.clone()) } else { Fetch::No }
    }

    /// Whether nothing comes of what was fetched: it is what is kept, and its record is gone. Whoever took that away wants the
    /// policy to end in its time, so it does not live longer because somebody looked (RFC 8461 §8.3).
    pub fn is_no_news(&self, policy: &Policy, published: &Lookup, now: UnixTime) -> bool {
        self.has_vanished(published, now) && self.in_force(now).is_some_and(|kept| kept.policy == *policy)
    }

    /// What is known once a policy was fetched; and in which way it is weaker than one that was in force.
    #[must_use]
    pub fn fetched(
        &self,
        policy: Policy,
        id: Id,
        now: UnixTime,
        random: Fraction,
    ) -> (Self, Option<Weakened>) {
        let weakened = self.in_force(now).and_then(|kept| kept.weakened_by(&policy));
        let kept = Kept { policy, id, fetched: now };
        let refresh_at = kept.refresh_at(random);
        (Self { kept: Some((kept, refresh_at)), failed: None }, weakened)
    }

    /// What is known once nothing came of a fetch.
    #[must_use]
    pub fn failed(&self, id: Id, now: UnixTime) -> Self {
        Self { kept: self.kept.clone(), failed: Some((id, now)) }
    }

    /// Whether the policy in force is one in mode none: its domain is opting out, and neither failures nor a record that is
    /// gone are worth a warning (RFC 8461 §3.3, §8.3, §10.2).
    pub fn is_leaving(&self, now: UnixTime) -> bool {
        self.in_force(now).is_some_and(|kept| kept.policy.mode() == Mode::None)
    }

    /// Whether the record is gone, for certain, while its policy is in force: somebody may want it to be forgotten
    /// (RFC 8461 §10.2).
    pub fn has_vanished(&self, published: &Lookup, now: UnixTime) -> bool {
        let gone = match published {
            Lookup::Nothing | Lookup::Several(_) | Lookup::Invalid(_) => true,
            Lookup::Found(..) | Lookup::Unknown(_) => false,
        };
        gone && self.in_force(now).is_some() && !self.is_leaving(now)
    }
}

#[cfg(test)]
mod tests {
    use dns::Failure;

    use super::*;
    use crate::record::Record;

    const FETCHED: u64 = 1_000_000;

    fn at(age: u64) -> UnixTime {
        UnixTime(FETCHED + age)
    }

    fn id(text: &str) -> Id {
        Id::parse(text.as_bytes()).unwrap()
    }

    fn policy(mode: &str) -> Policy {
        Policy::parse(format!("version: STSv1\nmode: {mode}\nmx: a.example\nmax_age: 10000").as_bytes())
            .value
            .unwrap()
    }

    /// Fetched under the id 1, in force for 10,000 s, due after 2,500 s.
    fn known() -> Known {
        Known::default().fetched(policy("enforce"), id("1"), at(0), Fraction(0)).0
    }

    fn published(text: &str) -> Lookup {
        match text {
            "nothing" => Lookup::Nothing,
            "several" => Lookup::Several(2),
            "invalid" => Lookup::Invalid(b"v=STSv1;".to_vec()),
            "unknown" => Lookup::Unknown(Failure::TimeOut),
            text => Lookup::Found(Record { id: id(text) }, 60),
        }
    }

    fn said(fetch: Fetch) -> String {
        match fetch {
            Fetch::No => "no".to_owned(),
            Fetch::Now(id) => format!("now {id}"),
            Fetch::Meanwhile(id) => format!("meanwhile {id}"),
        }
    }

    #[track_caller]
    fn check(known: &Known, record: &str, age: u64, expected: &str) {
        assert_eq!(said(known.fetch(&published(record), at(age))), expected, "{record} {age}");
    }

    #[test]
    fn nothing_is_kept() {
        let none = Known::default();
        check(&none, "1", 0, "now 1");
        for record in ["nothing", "several", "invalid", "unknown"] {
            check(&none, record, 0, "no");
        }
    }

    #[test]
    fn sts_10_one_in_force_is_renewed_well_before_its_end() {
        check(&known(), "1", 2_499, "no");
        check(&known(), "1", 2_500, "meanwhile 1");
        check(&known(), "unknown", 2_499, "no");
        check(&known(), "unknown", 2_500, "meanwhile 1");
        for record in ["nothing", "several", "invalid"] {
            check(&known(), record, 9_000, "no");
        }
        assert!(known().in_force(at(10_000)).is_some() && known().in_force(at(10_001)).is_none());
    }

    /// Stalwart, KumoMTA: a new id and a fetch that fails cost the policy that is in force.
    #[test]
    fn sts_10_a_new_id_that_can_not_be_fetched_changes_nothing() {
        let failed = known().failed(id("2"), at(100));
        assert_eq!(failed.in_force(at(101)), known().in_force(at(101)));
        assert_eq!(failed.in_force(at(10_000)), known().in_force(at(10_000)));
        assert!(failed.in_force(at(10_001)).is_none());
    }

    /// chasquid and postfix-tlspol do not look at the id while a policy lives.
    #[test]
    fn another_id_or_the_end_of_max_age_is_worth_waiting_for() {
        check(&known(), "2", 1, "now 2");
        check(&known(), "1", 10_001, "now 1");
        check(&known(), "unknown", 10_001, "no");
    }

    #[test]
    fn sts_17_five_minutes_between_tries_for_an_id() {
        let failed = known().failed(id("2"), at(100));
        check(&failed, "2", 399, "no");
        check(&failed, "2", 400, "now 2");
        check(&failed, "3", 101, "now 3");
        check(&failed, "1", 2_500, "meanwhile 1");
        check(&known().failed(id("1"), at(2_500)), "unknown", 2_799, "no");
        let (known, _) = failed.fetched(policy("enforce"), id("2"), at(400), Fraction(0));
        assert_eq!(known.failed, None);
    }

    #[track_caller]
    fn check_again(known: &Known, record: &str, age: u64, expected: &str) {
        let found = said(known.fetch_again(&published(record), at(age)));
        assert_eq!(found, expected, "{record} {age}");
    }

    #[test]
    fn sts_21_one_that_stops_all_mail_is_fetched_again_whatever_its_id() {
        for record in ["1", "nothing", "several", "invalid", "unknown"] {
            check_again(&known(), record, 299, "no");
            check_again(&known(), record, 300, "meanwhile 1");
            check_again(&known().failed(id("1"), at(700)), record, 999, "no");
            check_again(&known().failed(id("2"), at(700)), record, 999, "no");
            check_again(&known().failed(id("1"), at(700)), record, 1_000, "meanwhile 1");
            // Nothing in force stops anything.
            check_again(&Known::default(), record, 300, if record == "1" { "now 1" } else { "no" });
            check_again(&known(), record, 10_001, if record == "1" { "now 1" } else { "no" });
        }
        // Another id is worth a try at once, and as often as without it.
        check_again(&known(), "2", 1, "now 2");
        check_again(&known().failed(id("2"), at(100)), "2", 399, "no");
        check_again(&known().failed(id("2"), at(100)), "2", 400, "now 2");
    }

    #[test]
    fn sts_21_a_policy_without_a_record_lives_no_longer_for_being_looked_at() {
        let no_news = |mode, record, age| known().is_no_news(&policy(mode), &published(record), at(age));
        for (record, gone) in [
            ("1", false),
            ("2", false),
            ("unknown", false),
            ("nothing", true),
            ("several", true),
            ("invalid", true),
        ] {
            assert_eq!(no_news("enforce", record, 500), gone, "{record}");
            assert!(!no_news("none", record, 500) && !no_news("enforce", record, 10_001), "{record}");
        }
    }

    #[test]
    fn sts_11_weaker_policies_are_told_only_of_one_in_force() {
        let weakened = |known: &Known, age| known.fetched(policy("none"), id("2"), at(age), Fraction(0)).1;
        assert!(weakened(&known(), 1).is_some());
        assert!(weakened(&known(), 10_001).is_none());
        assert!(weakened(&Known::default(), 1).is_none());
    }

    /// RFC 8461 §8.3, §10.2: a policy in mode none may go away without a word.
    #[test]
    fn who_opted_out_is_let_go() {
        let out = Known::default().fetched(policy("none"), id("1"), at(0), Fraction(0)).0;
        for record in ["nothing", "several", "invalid"] {
            assert!(!out.has_vanished(&published(record), at(1)), "{record}");
        }
        let shorter = Policy::parse(b"version: STSv1\nmode: none\nmax_age: 1").value.unwrap();
        assert_eq!(out.fetched(shorter, id("2"), at(1), Fraction(0)).1, None);
        assert!(out.is_leaving(at(10_000)) && !out.is_leaving(at(10_001)));
        assert!(!known().is_leaving(at(1)) && !Known::default().is_leaving(at(1)));
        let testing = Known::default().fetched(policy("testing"), id("1"), at(0), Fraction(0)).0;
        assert!(!testing.is_leaving(at(1)) && testing.has_vanished(&Lookup::Nothing, at(1)));
    }

    #[test]
    fn sts_10_a_record_that_vanishes_is_told() {
        for record in ["nothing", "several", "invalid"] {
            assert!(known().has_vanished(&published(record), at(1)), "{record}");
            assert!(!known().has_vanished(&published(record), at(10_001)), "{record}");
            assert!(!Known::default().has_vanished(&published(record), at(1)), "{record}");
        }
        assert!(
            !known().has_vanished(&published("2"), at(1))
                && !known().has_vanished(&published("unknown"), at(1))
        );
    }
}
