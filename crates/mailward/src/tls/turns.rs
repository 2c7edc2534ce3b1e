//! Turns for fetches: many at once while they are quick, fewer that are slow. So hosts that take their time, of which somebody
//! may have thousands, keep nobody else's policy from being fetched (STS-03, STS-17).

use std::future::Future;
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

/// Most fetches at once that are quick so far.
pub const FETCHES: usize = 256;
/// How long one counts as quick.
pub const QUICK: Duration = Duration::from_secs(4);
/// Most fetches at once that take longer than that. Where there are as many, another one ends.
pub const SLOW: usize = 64;

/// Turns.
pub(super) struct Turns {
    quick: Semaphore,
    slow: Semaphore,
}

impl Turns {
    pub(super) fn new() -> Self {
        Self { quick: Semaphore::new(FETCHES), slow: Semaphore::new(SLOW) }
    }

    /// Waits for a turn.
    pub(super) async fn wait(&self) -> Option<Turn<'_>> {
        Some(Turn { quick: self.quick.acquire().await.ok()?, slow: &self.slow })
    }
}

/// Whose turn it is.
pub(super) struct Turn<'a> {
    quick: SemaphorePermit<'a>,
    slow: &'a Semaphore,
}

impl Turn<'_> {
    /// Does some work; `None` where it was slow and too many others are.
    pub(super) async fn work<T>(self, mut work: impl Future<Output = T> + Unpin) -> Option<T> {
        if let Ok(done) = timeout(QUICK, &mut work).await {
            return Some(done);
        }
        let _slow = self.slow.try_acquire().ok()?;
        drop(self.quick);
        Some(work.await)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::{join, join_all};
    use tokio::time::{Instant, sleep};

    use super::*;

    /// Some work that takes so long, at its turn.
    async fn work(turns: &Turns, seconds: u64) -> Option<&'static str> {
        let turn = turns.wait().await.unwrap();
        let work = async {
            sleep(Duration::from_secs(seconds)).await;
            "done"
        };
        turn.work(Box::pin(work)).await
    }

    #[tokio::test(start_paused = true)]
    async fn sts_03_ten_thousand_slow_hosts_keep_nobody_from_his_turn_for_long() {
        let turns = Turns::new();
        let started = Instant::now();
        let hosts = join_all((0..10_000).map(|_| work(&turns, 60)));
        let other = async {
            let found = work(&turns, 1).await;
            (found, started.elapsed())
        };
        let (hosts, (found, after)) = join(hosts, other).await;
        assert_eq!(found, Some("done"));
        // Each took its few seconds, so many at once.
        assert!(after <= QUICK * (10_000 / FETCHES as u32 + 1), "{after:?}");
        let done = hosts.iter().filter(|done| done.is_some()).count();
        assert!((SLOW..10_000 / 20).contains(&done), "{done}");
    }

    #[tokio::test(start_paused = true)]
    async fn limits_on_both_sides() {
        let turns = Turns::new();
        let done = |all: Vec<Option<_>>| all.into_iter().flatten().count();
        assert_eq!(done(join_all((0..2 * FETCHES).map(|_| work(&turns, 3))).await), 2 * FETCHES);
        assert_eq!(done(join_all((0..SLOW).map(|_| work(&turns, 59))).await), SLOW);
        assert_eq!(done(join_all((0..SLOW + 1).map(|_| work(&turns, 59))).await), SLOW);
    }
}
