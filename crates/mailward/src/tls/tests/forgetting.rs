//! STS-21: a policy that somebody planted, or that is wrong, and how it ends before its time.

use super::*;

const VANISHED: &str = "vanished: no record any more";

fn name() -> Domain {
    Domain::parse("v.example").unwrap()
}

impl Lab {
    /// As `mailward tls-policy --forget` does: another process.
    async fn forget(&self) {
        store(&self.folder).await.forget_tls_policy(&name(), self.world.now()).await.unwrap();
    }

    /// The answer to a question was that mail has to wait.
    async fn stops_mail(&self) -> bool {
        let published = self.keeper.sts(&name(), WAIT).await.published;
        let looks = self.keeper.stops_mail(&name(), &published);
        self.keeper.landed().await;
        looks
    }
}

#[tokio::test]
async fn sts_21_forgotten_at_once_by_all_who_use_the_database() {
    let lab = Lab::new(ONE, &[Ok(ENFORCE), Ok(OTHER)]).await;
    let other = Keeper::new(lab.world.clone(), store(&lab.folder).await);
    for keeper in [&lab.keeper, &other] {
        assert!(matches!(keeper.sts(&name(), WAIT).await.sts, Sts::Policy(_)));
    }
    lab.world.events();
    let epochs = [lab.keeper.epoch(), other.epoch()];
    lab.forget().await;
    for keeper in [&lab.keeper, &other] {
        keeper.catch_up().await;
        keeper.catch_up().await;
    }
    assert!(lab.keeper.epoch() > epochs[0] && other.epoch() > epochs[1]);
    let told = lab.world.events();
    assert_eq!(told.matches("forgotten: id: 1\nversion: STSv1").count(), 2, "{told}");
    // It starts afresh, without five minutes in between.
    assert_eq!(lab.sts().await, "enforce mx2.v.example");
    assert!(matches!(other.sts(&name(), WAIT).await.sts, Sts::Policy(policy) if policy == parsed(OTHER)));
    assert_eq!(lab.world.fetches(), 2);
    // And stays: what was forgotten before is not forgotten again.
    for keeper in [&lab.keeper, &other] {
        keeper.catch_up().await;
    }
    assert_eq!(lab.world.events(), "fetched");
    lab.world.zone("");
    lab.forget().await;
    lab.keeper.catch_up().await;
    assert_eq!(lab.sts().await, "absent");
}

fn parsed(text: &str) -> Policy {
    Policy::parse(text.as_bytes()).value.unwrap()
}

#[tokio::test]
async fn sts_21_a_fetch_in_flight_brings_nothing_back() {
    // Whether the keeper learns of it before the fetch ends, or not.
    for learns in [true, false] {
        let lab = Lab::new(ONE, &[Ok(ENFORCE), Ok(OTHER)]).await;
        let closed = lab.world.0.gate.acquire_many(PERMITS).await.unwrap();
        let first = tokio::spawn({
            let keeper = lab.keeper.clone();
            async move { keeper.sts(&name(), WAIT).await }
        });
        while lab.world.fetches() == 0 {
            tokio::task::yield_now().await;
        }
        lab.forget().await;
        if learns {
            lab.keeper.catch_up().await;
        }
        drop(closed);
        // Who waited for it gets what is fetched afresh.
        let Sts::Policy(policy) = first.await.unwrap().sts else { panic!("{learns}") };
        lab.keeper.catch_up().await;
        lab.keeper.landed().await;
        if learns {
            assert_eq!(policy, parsed(OTHER));
        }
        assert_eq!(lab.sts().await, "enforce mx2.v.example", "{learns}");
        let row = store(&lab.folder).await.tls_policy(&name()).await.unwrap().unwrap();
        assert_eq!(row.kept.policy, parsed(OTHER), "{learns}");
    }
}

#[tokio::test]
async fn sts_21_what_waits_for_the_database_brings_nothing_back() {
    let lab = Lab::new(ONE, &[Ok(ENFORCE), Ok(OTHER)]).await;
    lab.world.zone("");
    assert_eq!(lab.sts().await, "absent");
    lab.world.zone(ONE);
    lab.away(true).await;
    assert_eq!(lab.sts().await, "enforce mx.v.example");
    lab.keeper.flush().await;
    assert!(lab.world.0.troubles.load(Ordering::SeqCst) > 0, "it is not written down");
    lab.away(false).await;
    lab.forget().await;
    // In the order of the daemon, and in the other.
    lab.keeper.flush().await;
    assert_eq!(store(&lab.folder).await.tls_policy(&name()).await.unwrap(), None);
    lab.keeper.catch_up().await;
    lab.keeper.flush().await;
    assert_eq!(lab.sts().await, "enforce mx2.v.example");
}

#[tokio::test]
async fn sts_21_a_database_that_was_away_is_caught_up_with() {
    let lab = Lab::new(ONE, &[Ok(ENFORCE), Ok(OTHER)]).await;
    let other = store(&lab.folder).await;
    lab.away(true).await;
    // Fetched afresh, as nothing can be read.
    assert_eq!(lab.sts().await, "enforce mx.v.example");
    lab.keeper.catch_up().await;
    lab.away(false).await;
    other.forget_tls_policy(&name(), lab.world.now()).await.unwrap();
    lab.world.pass(60);
    lab.keeper.catch_up().await;
    lab.keeper.flush().await;
    assert_eq!(other.tls_policy(&name()).await.unwrap(), None);
    assert_eq!(lab.sts().await, "enforce mx2.v.example");
}

#[tokio::test]
async fn sts_21_a_row_that_breaks_after_it_was_forgotten_is_mended() {
    let mut lab = Lab::new(ONE, &[Ok(ENFORCE)]).await;
    lab.forget().await;
    assert_eq!(lab.sts().await, "enforce mx.v.example");
    lab.sql("UPDATE tls_policies SET policy = 'version'").await;
    lab.restart().await;
    assert_eq!(lab.sts().await, "enforce mx.v.example", "fetched afresh");
    lab.restart().await;
    assert_eq!(lab.sts().await, "enforce mx.v.example", "and kept");
    assert_eq!(lab.world.fetches(), 2);
}

#[tokio::test]
async fn sts_21_a_policy_that_stops_all_mail_is_looked_at_every_five_minutes() {
    let lab = Lab::new(ONE, &[Ok(ENFORCE), Err("HTTP 500"), Ok(ENFORCE), Ok(OTHER)]).await;
    lab.sts().await;
    // The file was changed, and the id was not.
    for (pass, looks, fetches, sts) in [
        (299, false, 1, "enforce mx.v.example"),
        (1, true, 2, "enforce mx.v.example"),
        (299, false, 2, "enforce mx.v.example"),
        (1, true, 3, "enforce mx.v.example"),
        (299, false, 3, "enforce mx.v.example"),
        (1, true, 4, "enforce mx2.v.example"),
    ] {
        lab.world.pass(pass);
        assert_eq!(lab.stops_mail().await, looks, "{fetches}");
        assert_eq!((lab.world.fetches(), lab.sts().await.as_str()), (fetches, sts));
    }
    assert_eq!(lab.world.events(), "fetched, failed: HTTP 500, fetched");
}

#[tokio::test]
async fn sts_21_a_policy_without_a_record_is_looked_at_and_lives_no_longer_for_it() {
    let lab = Lab::new(ONE, &[Ok(ENFORCE)]).await;
    lab.sts().await;
    lab.world.zone("");
    for _ in 0..333 {
        lab.world.pass(300);
        assert!(lab.stops_mail().await);
    }
    assert_eq!(lab.sts().await, "enforce mx.v.example");
    lab.world.pass(101);
    assert_eq!(lab.sts().await, "stale", "max_age is over");
    assert!(!lab.stops_mail().await);
    // The policy host takes it back, though the record is gone.
    let lab = Lab::new(ONE, &[Ok(ENFORCE), Ok(NONE)]).await;
    lab.sts().await;
    lab.world.zone("");
    lab.world.pass(300);
    assert!(lab.stops_mail().await);
    assert_eq!(lab.sts().await, "none");
    assert_eq!(
        lab.world.events(),
        format!("fetched, {VANISHED}, fetched, weakened: mode enforce became none")
    );
}

impl Lab {
    /// The database can't be used, or can be again.
    async fn away(&self, is_away: bool) {
        self.sql(match is_away {
            true => "ALTER TABLE tls_policies RENAME TO away",
            false => "ALTER TABLE away RENAME TO tls_policies",
        })
        .await;
    }

    async fn sql(&self, sql: &'static str) {
        let path = self.folder.path().join("db");
        let mut database = SqliteConnection::connect(path.to_str().unwrap()).await.unwrap();
        database.execute(sql).await.unwrap();
    }
}
