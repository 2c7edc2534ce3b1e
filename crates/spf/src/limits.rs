//! How much work a check may cause (RFC 7208 §4.6.4), as values, and what was spent of it.

use std::time::Duration;

/// Terms that look something up, in one check: `include`, `a`, `mx`, `ptr`, `exists`, `redirect`, and each use of `%{p}`.
pub const MAX_LOOKUPS: u8 = 10;
/// Terms of those for which the DNS has no records.
pub const MAX_VOIDS: u8 = 2;
/// MX records of one `mx`.
pub const MAX_MX: u8 = 10;
/// Names of the client's address that `ptr` and `%{p}` look at.
pub const MAX_PTR: u8 = 10;
/// Waiting for answers, in one check.
pub const MAX_TIME: Duration = Duration::from_secs(20);

/// The most that [`Limits::lookups`] can allow. Includes and redirects are evaluated by recursion, and each of them is a
/// look-up, so this is also how deep the stack can get.
pub const MOST_LOOKUPS: u8 = 50;

/// The limits of one check. [`Limits::default`] has those of RFC 7208 §4.6.4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Terms that look something up; one more is a permerror. Above [`MOST_LOOKUPS`] it counts as that.
    pub lookups: u8,
    /// Terms for which the DNS has no records; one more is a permerror.
    pub voids: u8,
    /// MX records of one `mx`; one more is a permerror.
    pub mx: u8,
    /// Names of the client's address that are looked at; the others are ignored. With zero the reverse tree is not asked
    /// at all: `ptr` never matches and `%{p}` is `unknown`.
    pub ptr: u8,
    /// The sum of the waiting for one answer after the other; more is a temperror.
    pub time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { lookups: MAX_LOOKUPS, voids: MAX_VOIDS, mx: MAX_MX, ptr: MAX_PTR, time: MAX_TIME }
    }
}

/// The limit that a check ran into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// [`Limits::lookups`]; how many are allowed.
    Lookups(u8),
    /// [`Limits::voids`]; how many are allowed.
    Voids(u8),
    /// [`Limits::mx`]; how many are allowed.
    Mx(u8),
    /// [`Limits::time`]; how long is allowed.
    Time(Duration),
}

/// What is left of the limits. There is one for a whole check, passed down through includes and redirects.
#[derive(Clone, Debug)]
pub(crate) struct Budget {
    limits: Limits,
    lookups: u8,
    voids: u8,
    took: Duration,
}

impl Budget {
    pub(crate) fn new(limits: &Limits) -> Self {
        let limits = Limits { lookups: limits.lookups.min(MOST_LOOKUPS), ..*limits };
        Self { limits, lookups: 0, voids: 0, took: Duration::ZERO }
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(crate) fn lookups(&self) -> u8 {
        self.lookups
    }

    pub(crate) fn voids(&self) -> u8 {
        self.voids
    }

    /// One more term that looks something up.
    pub(crate) fn spend_lookup(&mut self) -> Result<(), Limit> {
        if self.lookups >= self.limits.lookups {
            return Err(Limit::Lookups(self.limits.lookups));
        }
        self.lookups += 1;
        Ok(())
    }

    /// One more term for which there is nothing in the DNS.
    pub(crate) fn spend_void(&mut self) -> Result<(), Limit> {
        if self.voids >= self.limits.voids {
            return Err(Limit::Voids(self.limits.voids));
        }
        self.voids += 1;
        Ok(())
    }

    /// Whether there is time for another question.
    pub(crate) fn time_left(&self) -> Result<(), Limit> {
        if self.took >= self.limits.time { Err(Limit::Time(self.limits.time)) } else { Ok(()) }
    }

    /// An answer that took so long.
    pub(crate) fn spend_time(&mut self, took: Duration) -> Result<(), Limit> {
        self.took = self.took.saturating_add(took);
        if self.took > self.limits.time { Err(Limit::Time(self.limits.time)) } else { Ok(()) }
    }
}
