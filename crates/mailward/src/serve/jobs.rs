//! What is done beside the mail: too old rows are removed. And for a process that does nothing else with the database, whether
//! it is there.

use std::sync::LazyLock;
use std::time::Duration;

use aws_lc_rs::rand;
use store::{Retention, Store};
use tokio::sync::watch;
use tokio::time::sleep;

use super::log::{Line, Log};
use crate::input::now;

/// How often too old rows are looked for.
const TIDY: Duration = Duration::from_secs(6 * 60 * 60);
/// How often a database that is away is tried again.
const RETRY: Duration = Duration::from_secs(60);
/// How long a node may take for that, in seconds.
const LEASE: u64 = 60 * 60;
/// How often it is looked whether the database is there.
pub(super) const LOOK: Duration = Duration::from_secs(10);

/// This process among all nodes.
static HOLDER: LazyLock<String> = LazyLock::new(|| {
    let mut random = [0; 8];
    // Without randomness the number of the process has to do: two nodes may do the same at once, which costs time alone.
    let _ = rand::fill(&mut random);
    format!("{}-{:016x}", std::process::id(), u64::from_be_bytes(random))
});

/// Has one node at a time do a job, which may take so many seconds; `None` while another does it.
pub(super) async fn alone<T>(
    store: &Store,
    job: &str,
    seconds: u64,
    work: impl Future<Output = Result<T, store::Error>>,
) -> Result<Option<T>, store::Error> {
    let Some(lease) = store.claim(job, &HOLDER, now(), seconds).await? else { return Ok(None) };
    let done = work.await;
    let released = store.release(lease).await;
    let done = done?;
    released.map(|_| Some(done))
}

/// Removes what is too old, until it is ended.
pub(super) async fn tidy(store: &Store, keep: Retention, log: &Log) {
    loop {
        let result = once(store, keep).await;
        let pause = if result.is_ok() { TIDY } else { RETRY };
        if let Err(error) = result {
            log.trouble("retention", Line::new("warning").show("why", error));
        }
        sleep(pause).await;
    }
}

async fn once(store: &Store, keep: Retention) -> Result<(), store::Error> {
    store.migrate(now()).await?;
    alone(store, "retention", LEASE, store.retain(keep, now())).await.map(drop)
}

/// Looks whether the database is there, until it is ended.
pub(super) async fn look(store: &Store, is_there: &watch::Sender<bool>, log: &Log) {
    loop {
        let result = store.version().await;
        is_there.send_replace(result.is_ok());
        if let Err(error) = result {
            log.trouble(
                "store",
                Line::new("store").text("result", "the database is away").show("why", error),
            );
        }
        sleep(LOOK).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_does_a_job_at_a_time_and_another_the_next_whatever_came_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(&store::Place::Sqlite(folder.path().join("db"))).unwrap();
        store.migrate(now()).await.unwrap();
        let others = || store.claim("job", "another", now(), 60);
        let work = async {
            assert_eq!(others().await, Ok(None));
            Err::<(), _>(store::Error::Refused("no".to_owned()))
        };
        assert!(alone(&store, "job", 60, work).await.is_err());
        let theirs = others().await.unwrap().unwrap();
        assert_eq!(alone(&store, "job", 60, async { Ok(1) }).await, Ok(None));
        store.release(theirs).await.unwrap();
        assert_eq!(alone(&store, "job", 60, async { Ok(2) }).await, Ok(Some(2)));
    }
}
