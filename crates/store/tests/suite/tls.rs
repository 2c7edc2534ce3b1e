//! Policies of other domains.

use mail::{Domain, UnixTime};
use mta_sts::{Id, Kept, MAX_AGE, Policy};
use store::{
    Error, Forgotten, MAX_TLS_EVENT, Store, TLS_DOMAIN_EVENTS, TLS_RENEW_AFTER, TLS_STALE_DAYS, TlsEvent,
    TlsEventKind, TlsPolicy,
};

use crate::base::{Base, DAY};
use crate::on_both;
use crate::testing::NOW;

on_both!(
    a_policy_comes_back,
    an_earlier_fetch_changes_nothing,
    sts_16_domains_in_use_stay,
    policies_that_are_due,
    what_is_over_goes,
    sts_22_a_row_that_is_broken_is_an_error,
    history_of_a_domain,
    what_a_domain_does_again_and_again_is_history_only_for_a_while,
    a_short_life_is_no_reason_to_be_renewed_all_the_time,
    sts_21_what_is_forgotten_does_not_come_back,
    sts_21_forgetting_and_keeping_at_once,
);

/// Nothing is known of a forgetting.
const NEVER: Forgotten = Forgotten::NEVER;

fn at(seconds: u64) -> UnixTime {
    UnixTime(NOW.0 + seconds)
}

fn domain(text: &str) -> Domain {
    Domain::parse(text).unwrap()
}

fn policy(name: &str, max_age: u64, fetched: UnixTime) -> TlsPolicy {
    let text = format!("version: STSv1\nmode: enforce\nmx: *.{name}\nmx: mx.example\nmax_age: {max_age}\n");
    let kept = Kept {
        policy: Policy::parse(text.as_bytes()).value.unwrap(),
        id: Id::parse(b"20260101T000000").unwrap(),
        fetched,
    };
    TlsPolicy { domain: domain(name), kept, refresh_at: UnixTime(fetched.0 + max_age / 2) }
}

async fn names(store: &Store, all: &[&str]) -> String {
    let mut found = Vec::new();
    for name in all {
        if store.tls_policy(&domain(name)).await.unwrap().is_some() {
            found.push(*name);
        }
    }
    found.join(" ")
}

async fn a_policy_comes_back(base: Base) {
    let store = base.store().await;
    let one = policy("a.example", 1_000, NOW);
    assert_eq!(store.tls_policy(&one.domain).await, Ok(None));
    store.put_tls_policy(&one, NEVER).await.unwrap();
    assert_eq!(store.tls_policy(&one.domain).await, Ok(Some(one.clone())));
    store.close().await;
    let store = base.node();
    assert_eq!(store.tls_policy(&one.domain).await, Ok(Some(one.clone())));
    assert!(store.tls_policy_bytes().await.unwrap() > 300);
}

async fn an_earlier_fetch_changes_nothing(base: Base) {
    let store = base.store().await;
    let (early, late) = (policy("a.example", 1_000, at(0)), policy("a.example", 2_000, at(10)));
    assert_eq!(store.put_tls_policy(&late, NEVER).await, Ok(true));
    assert_eq!(store.put_tls_policy(&early, NEVER).await, Ok(false));
    assert_eq!(store.tls_policy(&early.domain).await, Ok(Some(late)));
    let later = policy("a.example", 500, at(11));
    store.put_tls_policy(&later, NEVER).await.unwrap();
    assert_eq!(store.tls_policy(&early.domain).await, Ok(Some(later)));
}

async fn sts_16_domains_in_use_stay(base: Base) {
    let store = base.store().await;
    let year = 31_557_600;
    // Mail goes to it on two days; a flood comes later, each of it once.
    store.put_tls_policy(&policy("used.example", year, at(0)), NEVER).await.unwrap();
    let used = [domain("used.example"), domain("unknown.example")];
    store.use_tls_policies(&used, at(DAY)).await.unwrap();
    store.use_tls_policies(&used, at(DAY + 1)).await.unwrap();
    for number in 0..1_200 {
        store.put_tls_policy(&policy(&format!("f{number}.example"), year, at(2 * DAY)), NEVER).await.unwrap();
    }
    let one = store.tls_policy_bytes().await.unwrap() / 1_201;
    assert_eq!(store.trim_tls(10 * one, at(2 * DAY)).await.map(|gone| gone > 1_180), Ok(true));
    assert!(store.tls_policy_bytes().await.unwrap() <= 10 * one);
    assert_eq!(names(&store, &["used.example"]).await, "used.example");
    assert_eq!(store.trim_tls(10 * one, at(2 * DAY)).await, Ok(0));
    assert_eq!(base.number("SELECT days_used FROM tls_policies WHERE domain = 'used.example'").await, 2);
}

async fn policies_that_are_due(base: Base) {
    let store = base.store().await;
    for (name, max_age, fetched) in
        [("a.example", 10_000, 0), ("b.example", 20_000, 0), ("c.example", 4_000, 0)]
    {
        store.put_tls_policy(&policy(name, max_age, at(fetched)), NEVER).await.unwrap();
    }
    let due = async |seconds| {
        let due = store.due_tls_policies(at(seconds), 30, 10).await.unwrap();
        due.iter().map(|policy| policy.domain.to_string()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(due(1_999).await, "");
    assert_eq!(due(2_000).await, "c.example");
    // c is past its time, b not due.
    assert_eq!(due(5_000).await, "a.example");
    store.postpone_tls_policy(&domain("a.example"), at(8_000)).await.unwrap();
    assert_eq!(due(7_999).await, "");
    assert_eq!(due(10_000).await, "a.example b.example");
    assert_eq!(store.due_tls_policies(at(10_000), 30, 1).await.unwrap().len(), 1);
    // Nobody writes to them any more.
    let long = policy("d.example", 31_557_600, at(0));
    store.put_tls_policy(&long, NEVER).await.unwrap();
    let year = at(300 * DAY);
    assert!(store.due_tls_policies(year, 30, 10).await.unwrap().is_empty());
    store.use_tls_policies(&[long.domain], at(290 * DAY)).await.unwrap();
    assert_eq!(store.due_tls_policies(year, 30, 10).await.unwrap().len(), 1);
}

async fn what_is_over_goes(base: Base) {
    let store = base.store().await;
    store.put_tls_policy(&policy("a.example", 1_000, at(0)), NEVER).await.unwrap();
    let stale = 1_000 + TLS_STALE_DAYS * DAY;
    assert_eq!(store.trim_tls(u64::MAX, at(stale)).await, Ok(0));
    assert_eq!(store.trim_tls(u64::MAX, at(stale + 1)).await, Ok(1));
}

async fn sts_22_a_row_that_is_broken_is_an_error(base: Base) {
    let store = base.store().await;
    for name in ["a.example", "b.example"] {
        store.put_tls_policy(&policy(name, 10_000, at(0)), NEVER).await.unwrap();
    }
    base.sql("UPDATE tls_policies SET policy = 'version: STSv1' WHERE domain = 'a.example'").await;
    let found = store.tls_policy(&domain("a.example")).await;
    assert!(matches!(found, Err(Error::Unreadable(_))), "{found:?}");
    let due = store.due_tls_policies(at(6_000), 30, 10).await.unwrap();
    assert_eq!(due.len(), 1, "the other is not held up");
    // A fetch mends it.
    store.put_tls_policy(&policy("a.example", 1_000, at(1)), NEVER).await.unwrap();
    assert!(store.tls_policy(&domain("a.example")).await.unwrap().is_some());
}

async fn history_of_a_domain(base: Base) {
    let store = base.store().await;
    let event = |name: &str, seconds, kind, text: &str| TlsEvent {
        domain: domain(name),
        at: at(seconds),
        kind,
        text: text.to_owned(),
    };
    let events = [
        event("a.example", 1, TlsEventKind::Fetched, "mode: enforce"),
        event("a.example", 5, TlsEventKind::Answered, "TEMP x"),
        event("a.example", 9, TlsEventKind::Failed, "'; DROP TABLE tls_history; --\n\u{1b}"),
        event("b.example", 5, TlsEventKind::Vanished, ""),
    ];
    store.note_tls(&events).await.unwrap();
    store.note_tls(&events).await.unwrap();
    let history = store.tls_history(&domain("a.example"), at(1), at(9), 10).await.unwrap();
    assert_eq!(history, [&events[2], &events[1], &events[0]].map(Clone::clone));
    let some = store.tls_history(&domain("a.example"), at(0), at(8), 1).await.unwrap();
    assert_eq!(some, [events[1].clone()]);
    let long = "é".repeat(MAX_TLS_EVENT);
    store
        .note_tls(&[
            event("c.example", 1, TlsEventKind::Weakened, &long),
            event("d.example", 1, TlsEventKind::Weakened, "a\0b"),
        ])
        .await
        .unwrap();
    let kept = async |name| store.tls_history(&domain(name), at(0), at(9), 10).await.unwrap()[0].text.clone();
    assert_eq!((kept("c.example").await.len(), kept("d.example").await.as_str()), (MAX_TLS_EVENT, "a"));
    store.trim_tls(u64::MAX, at(5 + 90 * DAY)).await.unwrap();
    let left = store.tls_history(&domain("a.example"), at(0), at(9), 10).await.unwrap();
    assert_eq!(left, [&events[2], &events[1]].map(Clone::clone));
}

async fn what_a_domain_does_again_and_again_is_history_only_for_a_while(base: Base) {
    let store = base.store().await;
    let event = |name: &str, seconds: u64, kind| TlsEvent {
        domain: domain(name),
        at: at(seconds),
        kind,
        text: seconds.to_string(),
    };
    // What Postfix was told once is not pushed out by failures, nor by what others do.
    store.note_tls(&[event("a.example", 0, TlsEventKind::Answered)]).await.unwrap();
    store.note_tls(&[event("b.example", 0, TlsEventKind::Failed)]).await.unwrap();
    for round in 0..4 {
        let some = (1..=40).map(|number| event("a.example", round * 40 + number, TlsEventKind::Failed));
        store.note_tls(&some.collect::<Vec<_>>()).await.unwrap();
    }
    let history = store.tls_history(&domain("a.example"), at(0), at(1_000), 1_000).await.unwrap();
    let failed: Vec<_> = history.iter().filter(|event| event.kind == TlsEventKind::Failed).collect();
    assert_eq!(failed.len() as u64, TLS_DOMAIN_EVENTS);
    assert_eq!((failed[0].at, failed[failed.len() - 1].at), (at(160), at(161 - TLS_DOMAIN_EVENTS)));
    assert_eq!(history.last().unwrap().kind, TlsEventKind::Answered);
    assert_eq!(store.tls_history(&domain("b.example"), at(0), at(1_000), 1_000).await.unwrap().len(), 1);
}

async fn a_short_life_is_no_reason_to_be_renewed_all_the_time(base: Base) {
    let store = base.store().await;
    store.put_tls_policy(&policy("a.example", 10, at(0)), NEVER).await.unwrap();
    store.put_tls_policy(&policy("b.example", 2 * TLS_RENEW_AFTER, at(0)), NEVER).await.unwrap();
    store.postpone_tls_policy(&domain("b.example"), at(1)).await.unwrap();
    base.sql("UPDATE tls_policies SET refresh_at = 0").await;
    let due = async |seconds| store.due_tls_policies(at(seconds), 30, 10).await.unwrap().len();
    assert_eq!(due(5).await, 0);
    assert_eq!(due(TLS_RENEW_AFTER - 1).await, 0);
    assert_eq!(due(TLS_RENEW_AFTER).await, 1);
    // One that a clock fetched which was ahead.
    store.put_tls_policy(&policy("c.example", 100_000, at(50_000)), NEVER).await.unwrap();
    base.sql("UPDATE tls_policies SET refresh_at = 0 WHERE domain = 'c.example'").await;
    assert_eq!(due(TLS_RENEW_AFTER).await, 2);
}

async fn sts_21_what_is_forgotten_does_not_come_back(base: Base) {
    let store = base.store().await;
    let (old, name) = (policy("a.example", 31_557_600, at(0)), domain("a.example"));
    store.put_tls_policy(&old, NEVER).await.unwrap();
    store.use_tls_policies(std::slice::from_ref(&name), at(DAY)).await.unwrap();
    let before = store.forget_tls_policy(&name, at(100)).await.unwrap();
    assert_eq!((before.policy, before.forgotten), (Ok(Some(old.clone())), NEVER));
    assert_eq!(store.tls_policy(&name).await, Ok(None));
    assert!(store.due_tls_policies(UnixTime(u64::MAX >> 1), 0, 10).await.unwrap().is_empty());
    // Whoever knows nothing of it may have begun the fetch before.
    assert_eq!(store.put_tls_policy(&old, NEVER).await, Ok(false));
    assert_eq!(store.put_tls_policy(&policy("a.example", 1_000, at(500)), NEVER).await, Ok(false));
    assert_eq!(store.tls_policy(&name).await, Ok(None));
    // Who does keeps what was fetched since, also by a clock that is behind.
    let once = store.tls_stored(&name).await.unwrap().forgotten;
    assert!(once > NEVER);
    let new = policy("a.example", 1_000, at(50));
    assert_eq!(store.put_tls_policy(&new, once).await, Ok(true));
    assert_eq!(store.tls_policy(&name).await, Ok(Some(new.clone())));
    // Again, in the same second, and by a clock that is behind.
    for now in [100, 7] {
        store.put_tls_policy(&new, store.tls_stored(&name).await.unwrap().forgotten).await.unwrap();
        let before = store.forget_tls_policy(&name, at(now)).await.unwrap();
        assert_eq!(before.policy, Ok(Some(new.clone())));
        assert!(store.tls_stored(&name).await.unwrap().forgotten > before.forgotten);
        assert_eq!(store.put_tls_policy(&new, before.forgotten).await, Ok(false));
    }
    // One that nothing is known of, and one that can't be read.
    store.put_tls_policy(&policy("b.example", 1_000, at(0)), NEVER).await.unwrap();
    base.sql("UPDATE tls_policies SET policy = 'version' WHERE domain = 'b.example'").await;
    for other in ["b.example", "c.example"] {
        store.forget_tls_policy(&domain(other), at(200)).await.unwrap();
        assert_eq!(store.tls_policy(&domain(other)).await, Ok(None), "{other}");
    }
    // Others learn of it, by clocks that differ by a day at most.
    let all = store.forgotten_tls_policies(NEVER).await.unwrap();
    let newest = all.iter().map(|(_, forgotten)| *forgotten).max().unwrap();
    assert_eq!(all.len(), 3);
    store.forget_tls_policy(&domain("d.example"), at(200 + DAY)).await.unwrap();
    assert_eq!(store.forgotten_tls_policies(newest).await.unwrap().len(), 4);
    store.forget_tls_policy(&domain("e.example"), at(200 + 2 * DAY + 1)).await.unwrap();
    let newest = store.forgotten_tls_policies(newest).await.unwrap().iter().map(|(_, f)| *f).max().unwrap();
    assert_eq!(store.forgotten_tls_policies(newest).await.unwrap().len(), 1);
    // It is history; and room is not made by forgetting that it was forgotten.
    let texts = async |name| {
        let events = store.tls_history(&domain(name), at(0), at(999), 10).await.unwrap();
        events.iter().map(|event| (event.kind.as_str(), event.text.clone())).collect::<Vec<_>>()
    };
    assert_eq!(texts("a.example").await.len(), 2, "of one second, the last");
    assert!(texts("a.example").await[0].1.starts_with("id: 20260101T000000\nversion: STSv1"));
    assert_eq!(texts("b.example").await, [("forgotten", "one that could not be read".to_owned())]);
    assert_eq!(texts("c.example").await, [("forgotten", "none was kept".to_owned())]);
    store.trim_tls(0, at(200)).await.unwrap();
    assert_eq!(store.forgotten_tls_policies(NEVER).await.unwrap().len(), 5);
    // As long as a policy from before could be in force.
    let over = at(200 + u64::from(MAX_AGE) + TLS_STALE_DAYS * DAY + 1);
    store.trim_tls(u64::MAX, over).await.unwrap();
    assert_eq!(store.forgotten_tls_policies(NEVER).await.unwrap().len(), 2);
}

async fn sts_21_forgetting_and_keeping_at_once(base: Base) {
    let store = base.store().await;
    for number in 0..40 {
        let old = policy(&format!("a{number}.example"), 1_000, at(0));
        if number % 2 == 0 {
            store.put_tls_policy(&old, NEVER).await.unwrap();
        }
        let other = base.node();
        let (put, forgotten) = tokio::join!(store.put_tls_policy(&old, NEVER), async {
            other.forget_tls_policy(&old.domain, at(1)).await
        });
        put.unwrap();
        forgotten.unwrap();
        // Whichever was first.
        assert_eq!(store.tls_policy(&old.domain).await, Ok(None));
    }
}
