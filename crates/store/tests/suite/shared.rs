//! Several nodes on one database: leases, and transactions that are in each other's way.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use mail::UnixTime;
use store::{Error, MAX_LEASE_NAME};

use crate::base::{Base, row_at};
use crate::on_both;
use crate::testing::{NOW, full_row};

on_both!(
    a_job_has_one_holder,
    names_of_leases_are_bounded,
    of_many_nodes_one_gets_the_job,
    nodes_that_write_the_same_days,
);

fn at(seconds: u64) -> UnixTime {
    UnixTime(NOW.0 + seconds)
}

async fn a_job_has_one_holder(base: Base) {
    let (one, two) = (base.store().await, base.node());
    let lease = one.claim("retain", "one", at(0), 60).await.unwrap().unwrap();
    assert_eq!((lease.job(), lease.expires(), lease.token()), ("retain", at(60), 1));
    assert_eq!(two.claim("retain", "two", at(59), 60).await, Ok(None));
    assert!(two.claim("reports", "two", at(59), 60).await.unwrap().is_some(), "another job");
    let lease = one.renew(lease, at(59), 60).await.unwrap().unwrap();
    assert_eq!((lease.expires(), lease.token()), (at(119), 1));
    assert_eq!(two.claim("retain", "two", at(118), 60).await, Ok(None));
    // The first one hangs; its time is over.
    let other = two.claim("retain", "two", at(119), 60).await.unwrap().unwrap();
    assert_eq!(other.token(), 2);
    assert_eq!(one.renew(lease, at(119), 60).await, Ok(None));
    assert_eq!(one.claim("retain", "one", at(120), 60).await, Ok(None));
    assert_eq!(two.release(other).await, Ok(true));
    let lease = one.claim("retain", "one", at(121), 60).await.unwrap().unwrap();
    assert_eq!(lease.token(), 3, "tokens go on growing");
    // The process is killed and started again under the same name.
    let again = one.claim("retain", "one", at(122), 60).await.unwrap().unwrap();
    assert_eq!(again.token(), 4);
    assert_eq!(one.release(lease).await, Ok(false), "the older one is void");
    assert_eq!(two.claim("retain", "two", at(123), 60).await, Ok(None));
    let over = one.renew(again, at(182), 60).await;
    assert_eq!(over, Ok(None), "over, though nobody took it");
}

async fn names_of_leases_are_bounded(base: Base) {
    let store = base.store().await;
    let claim =
        async |job: &str, holder: &str| store.claim(job, holder, NOW, 60).await.map(|lease| lease.is_some());
    let (longest, longer) = ("x".repeat(MAX_LEASE_NAME), "x".repeat(MAX_LEASE_NAME + 1));
    assert_eq!(claim(&longest, &longest).await, Ok(true));
    for (job, holder) in [(&*longer, "a"), ("a", &*longer), ("", "a"), ("a", ""), ("a\0", "a")] {
        assert!(matches!(claim(job, holder).await, Err(Error::Refused(_))));
    }
}

async fn of_many_nodes_one_gets_the_job(base: Base) {
    base.store().await;
    for round in 0..10 {
        let claims = (0..6).map(|node| {
            let store = base.node();
            tokio::spawn(async move {
                let lease = store.claim("job", &format!("node {node}"), at(round * 100), 60).await.unwrap();
                store.close().await;
                lease
            })
        });
        let mut leases = Vec::new();
        for claim in claims.collect::<Vec<_>>() {
            leases.extend(claim.await.unwrap());
        }
        assert_eq!(leases.len(), 1, "round {round}: {leases:?}");
        assert_eq!(leases[0].token(), round + 1);
    }
}

async fn nodes_that_write_the_same_days(base: Base) {
    let store = base.store().await;
    let rows = Arc::new(AtomicU64::new(0));
    let writers = (0..4u32).map(|node| {
        let (store, rows) = (base.node(), Arc::clone(&rows));
        tokio::spawn(async move {
            for batch in 0..10u32 {
                // Half of them the same for all nodes.
                let number = |index: u32| {
                    if index.is_multiple_of(2) {
                        batch * 100 + index
                    } else {
                        100_000 * (node + 1) + batch * 100 + index
                    }
                };
                let batch: Vec<_> =
                    (0..100).map(|index| row_at(NOW.0 + u64::from(index) * 5_000, number(index))).collect();
                rows.fetch_add(store.insert(&batch).await.unwrap(), Ordering::Relaxed);
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    assert_eq!(rows.load(Ordering::Relaxed), 500 + 4 * 500);
    assert_eq!(base.audit(&store).await, 2_500);
}

/// A statement that fails its first `$times` times with this SQLSTATE, when a row with the listener `sore` comes.
fn failing(sqlstate: &str, times: u32) -> String {
    format!(
        "CREATE SEQUENCE tries;
        CREATE FUNCTION fail() RETURNS trigger AS $$ BEGIN
            IF nextval('tries') <= {times} THEN RAISE EXCEPTION 'not now' USING ERRCODE = '{sqlstate}'; END IF;
            RETURN NEW;
        END $$ LANGUAGE plpgsql;
        CREATE TRIGGER fail BEFORE INSERT ON messages FOR EACH ROW EXECUTE FUNCTION fail();"
    )
}

/// What comes of an insert that fails so often, and how often it was tried.
async fn tries(sqlstate: &str, times: u32) -> Option<(Result<u64, Error>, i64)> {
    let base = Base::postgres()?;
    let store = base.store().await;
    base.sql(&failing(sqlstate, times)).await;
    let result = store.insert(&[full_row(1)]).await;
    Some((result, base.number("SELECT last_value FROM tries").await))
}

#[tokio::test(flavor = "multi_thread")]
async fn serialisation_failures_are_retried() {
    let most = i64::from(store::RETRIES);
    for sqlstate in ["40001", "40P01"] {
        let Some((result, tried)) = tries(sqlstate, 3).await else { return };
        assert_eq!((result, tried), (Ok(1), 4), "{sqlstate}");
    }
    assert_eq!(tries("40001", store::RETRIES).await.unwrap(), (Ok(1), most + 1));
    let (result, tried) = tries("40001", store::RETRIES + 1).await.unwrap();
    assert!(matches!(result, Err(Error::Conflict(_))) && tried == most + 1, "{result:?} after {tried}");
    let (result, tried) = tries("22000", 1).await.unwrap();
    assert!(matches!(result, Err(Error::Refused(_))) && tried == 1, "{result:?} after {tried}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_strictest_isolation_works_too() {
    let Some(mut base) = Base::postgres() else { return };
    base.options = "&options=-c%20default_transaction_isolation%3Dserializable";
    let isolation =
        "SELECT CASE current_setting('transaction_isolation') WHEN 'serializable' THEN 1::bigint ELSE 0 END";
    base.store().await;
    assert_eq!(base.number(isolation).await, 1);
    nodes_that_write_the_same_days(base).await;
}
