//! A database that is away, slow or broken, and a clock that jumps.

use std::time::Instant;

use super::*;

fn domain(name: &str) -> Domain {
    Domain::parse(name).unwrap()
}

/// A keeper whose database takes connections, and says nothing.
fn hanging(world: &Made) -> Keeper<Made> {
    // The system takes connections for it.
    let listener = Box::leak(Box::new(std::net::TcpListener::bind("127.0.0.1:0").unwrap()));
    let url = format!("postgres://u@{}/d", listener.local_addr().unwrap());
    let place = Place::Postgres(store::PostgresUrl::parse(&url).unwrap());
    Keeper::new(world.clone(), Store::new(&place).unwrap())
}

#[tokio::test]
async fn a_database_that_says_nothing_is_waited_for_once() {
    let zone: String =
        (0..300).map(|number| format!("_mta-sts.d{number}.example. TXT \"v=STSv1; id=1\"\n")).collect();
    let world = Made::new(&zone);
    world.hosts(&[Ok(ENFORCE)]);
    let keeper = hanging(&world);
    let names: Vec<Domain> = (0..300).map(|number| domain(&format!("d{number}.example"))).collect();
    let started = Instant::now();
    // The first pays for all who come after it.
    let (first, others) = names.split_at(1);
    for some in [first, others] {
        let all = futures_util::future::join_all(some.iter().map(|name| keeper.sts(name, WAIT))).await;
        assert!(all.iter().all(|found| matches!(found.sts, Sts::Policy(_))));
    }
    assert!(started.elapsed() < WAIT, "{:?}", started.elapsed());
}

#[tokio::test]
async fn what_waits_for_the_database_counts_as_soon_as_it_is_back() {
    let folder = tempfile::tempdir().unwrap();
    let away = Store::new(&Place::Sqlite(folder.path().join("db"))).unwrap();
    let world = Made::new(ONE);
    world.hosts(&[Ok(ENFORCE), Err("HTTP 500")]);
    let lab = Lab { keeper: Keeper::new(world.clone(), away.clone()), world, folder };
    assert_eq!(lab.sts().await, "enforce mx.v.example");
    // A flood drives what is known out of the memory.
    for number in 0..80_000 {
        lab.keeper.told(&domain(&format!("f{number}.example")), "", true, String::new);
    }
    away.migrate(UnixTime(1)).await.unwrap();
    lab.world.pass(10);
    lab.world.zone("");
    assert_eq!(lab.sts().await, "enforce mx.v.example");
    lab.keeper.flush().await;
    assert!(away.tls_policy(&domain("v.example")).await.unwrap().is_some());
}

#[tokio::test]
async fn sts_22_a_broken_row_is_not_none_though_the_dns_says_so() {
    let mut lab = Lab::new(ONE, &[Ok(ENFORCE), Err("HTTP 500")]).await;
    lab.sts().await;
    lab.restart().await;
    let path = lab.folder.path().join("db");
    let mut database = SqliteConnection::connect(path.to_str().unwrap()).await.unwrap();
    database.execute("UPDATE tls_policies SET policy = 'version'").await.unwrap();
    for zone in ["", "_mta-sts.v.example. TXT \"v=STSv1;\"", SILENT, ONE] {
        lab.world.zone(zone);
        assert_eq!(lab.sts().await, "unknown", "{zone}");
    }
    lab.world.zone("");
    lab.world.pass(100_001);
    assert_eq!(lab.sts().await, "absent", "its time is over, whatever it was");
}

#[tokio::test]
async fn a_policy_that_is_over_here_may_have_been_renewed_elsewhere() {
    let lab = Lab::new(ONE, &[Ok(ENFORCE)]).await;
    let other = Keeper::new(lab.world.clone(), store(&lab.folder).await);
    lab.sts().await;
    let name = domain("v.example");
    assert!(matches!(other.sts(&name, WAIT).await.sts, Sts::Policy(_)));
    lab.world.pass(50_000);
    assert_eq!(lab.keeper.renew(10).await, 1);
    lab.keeper.landed().await;
    lab.world.pass(60_000);
    lab.world.zone("");
    assert!(matches!(other.sts(&name, WAIT).await.sts, Sts::Policy(_)));
}

#[tokio::test]
async fn a_clock_that_is_set_back_makes_nothing_last() {
    let lab = Lab::new(SILENT, &[Err("HTTP 500"), Ok(ENFORCE)]).await;
    let back = || lab.world.0.now.fetch_sub(1_000_000, Ordering::SeqCst);
    // The DNS failed, by the clock in a far future.
    assert_eq!(lab.sts().await, "absent");
    back();
    lab.world.zone(ONE);
    assert_eq!(lab.sts().await, "unfetchable");
    assert_eq!(lab.world.fetches(), 1);
    // And so did the fetch.
    back();
    assert_eq!(lab.sts().await, "enforce mx.v.example");
    back();
    assert_eq!(lab.sts().await, "enforce mx.v.example");
}

#[tokio::test]
async fn a_database_that_was_away_before_the_clock_was_set_back_is_asked_again() {
    let folder = tempfile::tempdir().unwrap();
    let away = Store::new(&Place::Sqlite(folder.path().join("db"))).unwrap();
    let world = Made::new("");
    let lab = Lab { keeper: Keeper::new(world.clone(), away.clone()), world, folder };
    assert_eq!(lab.sts().await, "absent");
    lab.world.zone(SILENT);
    assert_eq!(lab.sts().await, "unknown");
    away.migrate(UnixTime(1)).await.unwrap();
    lab.world.0.now.fetch_sub(1_000_000, Ordering::SeqCst);
    assert_eq!(lab.sts().await, "absent");
}

#[tokio::test]
async fn what_a_wrong_clock_has_written_does_not_come_back() {
    let lab = Lab::new(ONE, &[Ok(ENFORCE), Ok(OTHER), Err("HTTP 500")]).await;
    // It is a week ahead, and then right again.
    lab.world.pass(7 * 86_400);
    lab.sts().await;
    lab.keeper.flush().await;
    lab.world.0.now.fetch_sub(7 * 86_400, Ordering::SeqCst);
    let other = Keeper::new(lab.world.clone(), store(&lab.folder).await);
    let name = domain("v.example");
    assert!(matches!(other.sts(&name, WAIT).await.sts, Sts::Policy(_)), "better than none");
    lab.world.zone(TWO);
    let hosts = async || match other.sts(&name, WAIT).await.sts {
        Sts::Policy(policy) => policy.mx()[0].to_string(),
        found => format!("{found:?}"),
    };
    assert_eq!(hosts().await, "mx2.v.example");
    // Each flight begins with a look at the database.
    lab.world.zone("_mta-sts.v.example. TXT \"v=STSv1; id=3\"");
    assert_eq!(hosts().await, "mx2.v.example");
}

#[tokio::test]
async fn what_postfix_was_told_is_known_after_a_restart() {
    let mut lab = Lab::new("", &[]).await;
    let told = |lab: &Lab, answer: &str, is_nothing| {
        let text = format!("{answer}\nsteps");
        lab.keeper.told(&domain("v.example"), answer, is_nothing, || text);
    };
    lab.sts().await;
    told(&lab, "dane-only", false);
    lab.keeper.flush().await;
    for _ in 0..2 {
        lab.restart().await;
        lab.sts().await;
        told(&lab, "dane-only", false);
        lab.keeper.flush().await;
    }
    assert_eq!(lab.world.events(), "answered: dane-only\nsteps");
    // Else history would have it that the old answer is still given.
    lab.restart().await;
    lab.sts().await;
    told(&lab, "NOTFOUND", true);
    assert_eq!(lab.world.events(), "answered: NOTFOUND\nsteps");
}

#[tokio::test]
async fn sts_11_what_a_domain_does_again_and_again_does_not_fill_the_log() {
    let lab = Lab::new(ONE, &[Ok(ENFORCE)]).await;
    lab.sts().await;
    for _ in 0..1_000 {
        lab.world.zone("");
        lab.sts().await;
        lab.world.zone(ONE);
        lab.sts().await;
    }
    assert_eq!(lab.world.events().matches("vanished").count(), 19);
    // Another domain has lines of its own; so has the next hour.
    lab.keeper.looked_at(&domain("w.example"), TlsEventKind::Unready, "x".to_owned());
    assert_eq!(lab.world.events(), "unready: x");
    lab.world.pass(3_600);
    lab.world.zone("");
    lab.sts().await;
    assert_eq!(lab.world.events(), "vanished: no record any more");
}

#[tokio::test]
async fn all_that_waits_is_written_down_part_by_part() {
    let lab = Lab::new("", &[]).await;
    for number in 0..1_201 {
        lab.keeper.looked_at(&domain(&format!("d{number}.example")), TlsEventKind::Probed, "x".to_owned());
    }
    lab.keeper.flush().await;
    let store = store(&lab.folder).await;
    for number in [0, 499, 500, 1_000, 1_200] {
        let name = domain(&format!("d{number}.example"));
        let history = store.tls_history(&name, UnixTime(0), lab.world.now(), 10).await.unwrap();
        assert_eq!(history.len(), 1, "{number}");
    }
}
