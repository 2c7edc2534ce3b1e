//! Migrations.

use store::{Error, VERSION};

use crate::base::{Base, until_answers};
use crate::on_both;
use crate::testing::{NOW, full_row};

on_both!(
    from_each_earlier_version,
    several_nodes_at_once,
    a_newer_database_is_left_alone,
    a_migration_is_whole_or_not_at_all,
);

const DONE: &str = "SELECT COUNT(*) FROM schema_versions";

async fn from_each_earlier_version(base: Base) {
    // One database that grows a version at a time: each step starts from what all before it made.
    let store = base.node();
    until_answers(|| async { store.version().await.map(|version| assert_eq!(version, None)) }).await;
    for version in 1..VERSION {
        until_answers(|| store.migrate_to(version, NOW)).await;
        assert_eq!(base.number(DONE).await, i64::from(version));
        assert_eq!(store.version().await, Ok(Some(version)));
        if version == 1 {
            // What the first version could hold is still there at the end.
            let one = "INSERT INTO message_days (day, messages, bytes) VALUES (1, 0, 0)";
            base.sql(one).await;
        }
    }
    for _ in 0..2 {
        store.migrate(NOW).await.unwrap();
        assert_eq!(base.number(DONE).await, i64::from(VERSION));
    }
    assert_eq!(base.number("SELECT COUNT(*) FROM message_days WHERE day = 1").await, 1);
    assert_eq!(store.insert(&[full_row(1)]).await, Ok(1));
}

async fn several_nodes_at_once(base: Base) {
    let first = base.node();
    // A server that was just started may not answer yet; reading nothing does no harm.
    until_answers(|| async {
        match first.message(full_row(1).id).await {
            Err(Error::Away(why)) if !why.contains("messages") => Err(Error::Away(why)),
            _ => Ok(()),
        }
    })
    .await;
    let nodes = (0..6).map(|_| {
        let store = base.node();
        tokio::spawn(async move { store.migrate(NOW).await })
    });
    for node in nodes.collect::<Vec<_>>() {
        assert_eq!(node.await.unwrap(), Ok(()));
    }
    assert_eq!(base.number(DONE).await, i64::from(VERSION));
}

async fn a_newer_database_is_left_alone(base: Base) {
    base.store().await.close().await;
    let next = VERSION + 1;
    base.sql(&format!("INSERT INTO schema_versions VALUES ({next}, '0099_keys', 0, '9.9.9')")).await;
    let error = base.node().migrate(NOW).await.unwrap_err();
    let Error::Newer { found, known, .. } = &error else { panic!("{error}") };
    assert_eq!((*found, *known), (next, VERSION));
    let text = error.to_string();
    for part in ["0099_keys", "9.9.9", env!("CARGO_PKG_VERSION"), &format!("version {next}")] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(base.node().version().await, Err(error.clone()));
    assert_eq!(base.number(DONE).await, i64::from(next));
    assert_eq!(base.node().check_version().await.unwrap_err(), error);
}

async fn a_migration_is_whole_or_not_at_all(base: Base) {
    let store = base.node();
    until_answers(|| store.migrate_to(1, NOW)).await;
    let older = store.check_version().await;
    assert!(matches!(older, Err(Error::Older { found: 1, needed: VERSION, .. })), "{older:?}");
    // The second table of the next migration is in its way.
    base.sql("CREATE TABLE deferrals (other BIGINT)").await;
    assert!(store.migrate(NOW).await.is_err());
    assert_eq!(base.number(DONE).await, 1);
    base.sql("DROP TABLE deferrals").await;
    store.migrate(NOW).await.unwrap();
    assert_eq!(base.number(DONE).await, i64::from(VERSION));
}
