//! A policy in a cache: until when it is in force, and when to look whether there is a newer one (RFC 8461 §3.3, §5.1).

use mail::UnixTime;

use crate::policy::{Mode, Policy};
use crate::record::Id;

/// The longest that a policy goes without a look at its host, in seconds (RFC 8461 §3.3 suggests once a day).
pub const REFRESH_EVERY: u64 = 86_400;
/// The shortest time between two tries for the same id, in seconds (RFC 8461 §3.3).
pub const MIN_RETRY: u64 = 300;

/// A part of one, in parts of 65,536: what a random number comes in as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fraction(pub u16);

/// A policy that was fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The policy.
    pub policy: Policy,
    /// The id that the record had then.
    pub id: Id,
    /// When it was fetched, or last found to be the same.
    pub fetched: UnixTime,
}

/// How a policy got weaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weakened {
    /// It asks for less than before: the mode before and now.
    Mode(Mode, Mode),
    /// It lives less than half as long.
    Age,
}

impl Kept {
    /// When it stops to be in force, whatever DNS or its host say until then.
    pub fn expires(&self) -> UnixTime {
        UnixTime(self.fetched.0.saturating_add(self.policy.max_age().into()))
    }

    /// Whether it is in force: its age is not more than its `max_age`.
    pub fn is_fresh(&self, now: UnixTime) -> bool {
        // RFC 8461 §5.1 step 1: "has not exceeded".
        now <= self.expires()
    }

    /// From when on it should be fetched again: at a moment that nobody can foresee, between a quarter and half of its life
    /// and at most [`REFRESH_EVERY`] after it was fetched, so that nobody can be in the way at its end only (RFC 8461 §10.2).
    pub fn refresh_at(&self, random: Fraction) -> UnixTime {
        let latest = (u64::from(self.policy.max_age()) / 2).min(REFRESH_EVERY);
        let earliest = latest / 2;
        let part = (latest - earliest) * u64::from(random.0) / 65_536;
        UnixTime(self.fetched.0.saturating_add(earliest + part))
    }

    /// What got weaker with a newer policy: it is obeyed, and somebody should know (RFC 8461 §10.1).
    pub fn weakened_by(&self, newer: &Policy) -> Option<Weakened> {
        if newer.mode() < self.policy.mode() {
            return Some(Weakened::Mode(self.policy.mode(), newer.mode()));
        }
        // RFC 8461 §8.3: one that asks for nothing is made short on the way out.
        let asks = self.policy.mode() != Mode::None;
        (asks && newer.max_age() < self.policy.max_age() / 2).then_some(Weakened::Age)
    }
}

/// Whether a fetch that failed at `failed` may be tried again for the same id.
pub fn may_retry(failed: UnixTime, now: UnixTime) -> bool {
    // A clock that was set back would have it wait for as long as it was ahead.
    now < failed || now.0 >= failed.0.saturating_add(MIN_RETRY)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FETCHED: u64 = 1_000_000;

    fn policy(mode: &str, max_age: u32) -> Policy {
        let body = format!("version: STSv1\nmode: {mode}\nmx: a.example\nmax_age: {max_age}");
        Policy::parse(body.as_bytes()).value.unwrap()
    }

    fn kept(max_age: u32) -> Kept {
        Kept { policy: policy("enforce", max_age), id: Id::parse(b"1").unwrap(), fetched: UnixTime(FETCHED) }
    }

    fn at(age: u64) -> UnixTime {
        UnixTime(FETCHED + age)
    }

    #[test]
    fn sts_10_in_force_until_max_age() {
        for (max_age, age, fresh) in
            [(100, 0, true), (100, 100, true), (100, 101, false), (0, 0, true), (0, 1, false)]
        {
            assert_eq!(kept(max_age).is_fresh(at(age)), fresh, "{max_age} {age}");
        }
        assert!(kept(1).is_fresh(UnixTime(0)), "a clock set back");
        let never = Kept { fetched: UnixTime(u64::MAX), ..kept(100) };
        assert!(never.is_fresh(UnixTime(u64::MAX)));
    }

    #[test]
    fn refreshed_well_before_the_end_at_a_random_time() {
        for (max_age, random, age) in [
            (31_557_600, 0, 43_200),
            (31_557_600, 32_768, 64_800),
            (31_557_600, 65_535, 86_399),
            (172_800, 0, 43_200),
            (86_400, 0, 21_600),
            (86_400, 65_535, 43_199),
            (4, 0, 1),
            (0, 65_535, 0),
        ] {
            let kept = kept(max_age);
            assert_eq!(kept.refresh_at(Fraction(random)), at(age), "{max_age} {random}");
        }
    }

    #[test]
    fn sts_17_five_minutes_between_tries() {
        assert!(!may_retry(at(0), at(299)) && may_retry(at(0), at(300)) && !may_retry(at(0), at(0)));
        assert!(may_retry(UnixTime(u64::MAX), UnixTime(u64::MAX)));
        assert!(may_retry(at(0), UnixTime(FETCHED - 1)), "a clock set back");
    }

    #[test]
    fn sts_11_a_weaker_policy_is_noticed() {
        let weakened = |newer: Policy| kept(1000).weakened_by(&newer);
        assert_eq!(weakened(policy("none", 1000)), Some(Weakened::Mode(Mode::Enforce, Mode::None)));
        assert_eq!(weakened(policy("testing", 9000)), Some(Weakened::Mode(Mode::Enforce, Mode::Testing)));
        assert_eq!(weakened(policy("enforce", 499)), Some(Weakened::Age));
        assert_eq!(weakened(policy("enforce", 500)), None);
    }
}
