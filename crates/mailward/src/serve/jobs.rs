//! What is done beside the mail: too old rows are removed. And for a process that does nothing else with the database, whether
//! it is there.

use std::time::Duration;

use store::{Retention, Store};
use tokio::sync::watch;
use tokio::time::sleep;

use super::log::{Line, Log};
use crate::input::now;

/// How often too old rows are looked for.
const TIDY: Duration = Duration::from_secs(6 * 60 * 60);
/// How often a database that is away is tried again.
const RETRY: Duration = Duration::from_secs(60);
/// How long a node may take for its work, in seconds.
const LEASE: u64 = 60 * 60;
/// How often it is looked whether the database is there.
pub(super) const LOOK: Duration = Duration::from_secs(10);

/// Removes what is too old, until it is ended.
pub(super) async fn tidy(store: &Store, keep: Retention, log: &Log) {
    let holder = format!("{}-{}", std::process::id(), now().0);
    loop {
        let result = once(store, keep, &holder).await;
        let pause = if result.is_ok() { TIDY } else { RETRY };
        if let Err(error) = result {
            log.trouble("retention", Line::new("warning").show("why", error));
        }
        sleep(pause).await;
    }
}

async fn once(store: &Store, keep: Retention, holder: &str) -> Result<(), store::Error> {
    store.migrate(now()).await?;
    if let Some(lease) = store.claim("retention", holder, now(), LEASE).await? {
        store.retain(keep, now()).await?;
        store.release(lease).await?;
    }
    Ok(())
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
