//! A set of days near each other, as bits.

use mail::UnixTime;

/// Seconds of a day.
pub(crate) const DAY: u64 = 86_400;

/// The day of a time, counted from 1970-01-01, in UTC.
pub(crate) fn day_of(at: UnixTime) -> u32 {
    u32::try_from(at.0 / DAY).unwrap_or(u32::MAX)
}

/// The last day that was added, and which of the 63 days before it were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Days {
    last: u32,
    /// Bit n: the day `last - n`.
    bits: u64,
}

impl Days {
    /// Adds a day. Of two that lie too far apart only the new one is kept: if it is the earlier one, the clock was ahead.
    pub(crate) fn add(&mut self, day: u32) {
        if self.bits == 0 || self.last.saturating_sub(day) >= u64::BITS {
            *self = Self { last: day, bits: 1 };
        } else if day > self.last {
            self.bits = self.bits.checked_shl(day.saturating_sub(self.last)).unwrap_or(0) | 1;
            self.last = day;
        } else {
            self.bits |= 1 << (self.last - day);
        }
    }

    /// The last day that was added.
    pub(crate) fn last(self) -> u32 {
        self.last
    }

    /// How many of the `span` days up to `today` are in the set, today among them. Days to come don't count.
    pub(crate) fn count(self, today: u32, span: u32) -> u32 {
        (0..span.min(today.saturating_add(1)))
            .filter(|back| self.has(today - back))
            .count()
            .try_into()
            .unwrap_or(u32::MAX)
    }

    fn has(self, day: u32) -> bool {
        let bit = self.last.checked_sub(day).and_then(|back| 1u64.checked_shl(back));
        bit.is_some_and(|bit| self.bits & bit != 0)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::Days;

    /// Counts the way one would with paper.
    fn naive(days: &[u32], today: u32, span: u32) -> u32 {
        let set: BTreeSet<u32> =
            days.iter().copied().filter(|day| *day <= today && today - day < span).collect();
        u32::try_from(set.len()).unwrap()
    }

    fn check(days: &[u32], today: u32, expected: u32) {
        let mut set = Days::default();
        days.iter().for_each(|day| set.add(*day));
        assert_eq!(set.count(today, 30), expected, "{days:?} on {today}");
    }

    #[test]
    fn the_edges_of_the_span() {
        check(&[], 0, 0);
        check(&[0], 0, 1);
        check(&[100], 129, 1);
        check(&[100], 130, 0);
        check(&[100, 100, 100], 100, 1);
        check(&[100, 101, 129], 129, 3);
        check(&[100, 101, 129], 130, 2);
        check(&[129, 101, 100], 129, 3);
        check(&[200], 100, 0);
        check(&[u32::MAX, 5], 5, 1);
        check(&[163, 100], 163, 1);
        check(&[164, 100], 164, 0);
    }

    proptest! {
        #[test]
        fn as_on_paper(mut days in proptest::collection::vec(1_000u32..1_060, 0..40), today in 1_000u32..1_090) {
            let mut set = Days::default();
            days.iter().for_each(|day| set.add(*day));
            prop_assert_eq!(set.count(today, 30), naive(&days, today, 30));
            days.reverse();
            let mut other = Days::default();
            days.iter().for_each(|day| other.add(*day));
            prop_assert_eq!(other, set, "the order does not matter");
        }
    }
}
