//! Rows in and out, what is removed, what local policy remembers.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use mail::{Domain, UnixTime};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use store::{
    Action, BATCH, DeferralKey, Deferred, History, HistoryLimits, MAX_DKIM_RESULTS, MessageRow, Mode,
    Removed, Retention,
};

use crate::base::{Base, DAY, history, row_at};
use crate::on_both;
use crate::testing::{NOW, any_row, full_row, sparse_row};

on_both!(
    rows_are_read_back_as_they_were,
    the_same_row_counts_once,
    large_rows_in_large_batches,
    messages_come_in_pages,
    the_shadow_of_a_mode,
    what_is_too_old_goes,
    what_is_too_much_goes_oldest_first,
    what_policy_remembers_is_loaded,
    loading_goes_over_pages,
    deferrals_in_any_order,
);

async fn rows_are_read_back_as_they_were(base: Base) {
    let store = base.store().await;
    let mut rows = vec![full_row(1), sparse_row(2)];
    let mut runner = TestRunner::deterministic();
    rows.extend((0..200).map(|_| any_row().new_tree(&mut runner).unwrap().current()));
    assert_eq!(store.insert(&rows).await, Ok(rows.len() as u64));
    for row in &rows {
        assert_eq!(store.message(row.id).await.unwrap().as_ref(), Some(row));
    }
    assert_eq!(base.audit(&store).await, rows.len() as u64);
    assert_eq!(store.message(full_row(3).id).await, Ok(None));
}

async fn the_same_row_counts_once(base: Base) {
    let store = base.store().await;
    let rows = [full_row(1), full_row(2), full_row(1)];
    assert_eq!(store.insert(&rows).await, Ok(2), "within a batch");
    assert_eq!(store.insert(&rows).await, Ok(0), "and again");
    let other = MessageRow { listener: store::Note::new("other"), ..full_row(1) };
    assert_eq!(store.insert(&[other, full_row(3)]).await, Ok(1));
    assert_eq!(store.message(full_row(1).id).await, Ok(Some(full_row(1))), "the first one stays");
    assert_eq!(base.audit(&store).await, 3);
}

async fn large_rows_in_large_batches(base: Base) {
    let store = base.store().await;
    let large = |number| {
        let mut row = full_row(number);
        row.dkim = vec![row.dkim[1].clone(); MAX_DKIM_RESULTS];
        row.dkim.iter_mut().for_each(|result| result.human = Some(store::Note::new([0; 999])));
        row
    };
    for count in [BATCH - 1, BATCH, BATCH + 1] {
        let start = u32::try_from(count * 1_000).unwrap();
        let rows: Vec<_> = (start..).take(count).map(large).collect();
        assert_eq!(store.insert(&rows).await, Ok(count as u64));
        assert_eq!(store.message(rows[count - 1].id).await.unwrap().as_ref(), rows.last());
    }
    base.audit(&store).await;
}

async fn messages_come_in_pages(base: Base) {
    let store = base.store().await;
    let rows: Vec<_> = (0..25).map(|number| row_at(NOW.0 + u64::from(number / 5), number)).collect();
    store.insert(&rows).await.unwrap();
    let (from, to) = (UnixTime(NOW.0 + 1), UnixTime(NOW.0 + 4));
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = store.messages(from, to, after, 4).await.unwrap();
        assert!(page.len() <= 4);
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        all.extend(page);
    }
    assert_eq!(all, rows[5..20]);
}

async fn the_shadow_of_a_mode(base: Base) {
    let store = base.store().await;
    let refused = |number: u32, author: &str| MessageRow {
        author_domain: Domain::parse(author).ok(),
        taken: Action::Mark,
        ..row_at(NOW.0 + u64::from(number), number)
    };
    let mut rows: Vec<_> = (1..4).map(|number| refused(number, "a.example")).collect();
    rows.push(refused(4, "b.example"));
    rows.push(MessageRow { taken: Action::Refuse, ..refused(5, "a.example") });
    rows.push(refused(1_000, "a.example"));
    store.insert(&rows).await.unwrap();
    let to = UnixTime(NOW.0 + 1_000);
    let shadow = async |mode, limit| {
        let lines = store.shadow(mode, NOW, to, limit).await.unwrap();
        let line = |line: &store::Shadow| {
            (line.action, line.author_domain.as_ref().unwrap().to_string(), line.messages, line.latest)
        };
        lines.iter().map(line).collect::<Vec<_>>()
    };
    let a = (Action::Refuse, "a.example".to_owned(), 3, rows[2].id);
    let b = (Action::Refuse, "b.example".to_owned(), 1, rows[3].id);
    assert_eq!(shadow(Mode::Enforce, 10).await, [a.clone(), b]);
    assert_eq!(shadow(Mode::Enforce, 1).await, [a]);
    assert_eq!(shadow(Mode::Quarantine, 10).await, [(Action::Mark, "a.example".to_owned(), 1, rows[4].id)]);
    assert_eq!(shadow(Mode::Observe, 10).await, []);
}

async fn what_is_too_old_goes(base: Base) {
    let store = base.store().await;
    let rows: Vec<_> = (0..5_000).map(|number| row_at(NOW.0 + u64::from(number) * 60, number)).collect();
    store.insert(&rows).await.unwrap();
    let keep = Retention { days: 1, bytes: u64::MAX };
    // The first 2,300 minutes are more than a day ago.
    let now = UnixTime(NOW.0 + 2_300 * 60 + DAY);
    assert_eq!(store.retain(keep, now).await, Ok(Removed { by_age: 2_300, by_size: 0 }));
    assert_eq!(base.audit(&store).await, 2_700);
    assert_eq!(store.message(rows[2_299].id).await, Ok(None));
    assert!(store.message(rows[2_300].id).await.unwrap().is_some());
    assert_eq!(store.retain(keep, now).await, Ok(Removed::default()), "nothing more");
    store.retain(keep, UnixTime(NOW.0 + 365 * DAY)).await.unwrap();
    assert_eq!(base.audit(&store).await, 0);
    for table in ["message_days", "signing_days", "passing_networks", "deferrals"] {
        assert_eq!(base.number(&format!("SELECT COUNT(*) FROM {table}")).await, 0, "{table}");
    }
}

async fn what_is_too_much_goes_oldest_first(base: Base) {
    let store = base.store().await;
    let rows: Vec<_> = (0..5_000).map(|number| row_at(NOW.0 + u64::from(number) * 60, number)).collect();
    store.insert(&rows).await.unwrap();
    let (_, bytes) = store.size().await.unwrap();
    let each = bytes / 5_000;
    let keep = |bytes| Retention { days: 10_000, bytes };
    assert_eq!(
        store.retain(keep(bytes), NOW).await,
        Ok(Removed::default()),
        "exactly as much as there may be"
    );
    assert_eq!(store.retain(keep(bytes - 1), NOW).await, Ok(Removed { by_age: 0, by_size: 1 }));
    assert_eq!(store.retain(keep(each * 1_000), NOW).await, Ok(Removed { by_age: 0, by_size: 3_999 }));
    assert_eq!(store.message(rows[3_999].id).await, Ok(None));
    assert!(store.message(rows[4_000].id).await.unwrap().is_some());
    assert_eq!(base.audit(&store).await, 1_000);
    assert_eq!(store.retain(keep(0), NOW).await, Ok(Removed { by_age: 0, by_size: 1_000 }));
    if base.postgres.is_none() {
        assert_eq!(base.number("PRAGMA freelist_count").await, 0, "the space is given back");
        let left = base.number("PRAGMA page_count").await;
        assert!(left < 100, "{left} pages");
    }
}

/// What a history answers about the domains, networks and keys of `rows`.
fn answers(history: &History, rows: &[MessageRow], now: UnixTime) -> Vec<(u32, bool, Option<Deferred>)> {
    let answer = |row: &MessageRow| {
        let org = row.org_domain.as_ref().map_or(0, |org| history.days_signed(org, now));
        let passed = row.author_domain.as_ref().zip(row.client_ip);
        let passed = passed.is_some_and(|(author, ip)| history.passed_from(author, ip, now));
        (org, passed, row.deferral.map(|key| history.deferred(&key, now)))
    };
    rows.iter().map(answer).collect()
}

async fn what_policy_remembers_is_loaded(base: Base) {
    let store = base.store().await;
    let mut runner = TestRunner::deterministic();
    let start = NOW.0 - 100 * DAY;
    let mut rows = Vec::new();
    for number in 0..2_000u32 {
        // Few domains and networks, many times between them.
        let mut row = any_row().new_tree(&mut runner).unwrap().current();
        let at = start + u64::from(number) * 4_321;
        row.id = row_at(at, number).id;
        let name = |modulus: u32| Domain::parse(format!("d{}.example", number % modulus)).ok();
        (row.author_domain, row.org_domain) = (name(37), name(23));
        row.client_ip = Some([10, 0, (number % 41) as u8, 1].into());
        row.dmarc = if number % 3 == 0 { dmarc::Outcome::Fail } else { dmarc::Outcome::Pass };
        row.dkim_aligned = number % 29 < 9 && number % 23 < 15;
        rows.push(row);
    }
    let now = rows.last().unwrap().at();
    let noted = history();
    rows.iter().for_each(|row| noted.note(row));
    let loaded = history();
    for half in [&rows[1_000..], &rows[..1_000], &rows[..]] {
        // Out of order, and twice.
        store.insert(half).await.unwrap();
        store.load(&loaded, now).await.unwrap();
    }
    let expected = answers(&noted, &rows, now);
    assert_eq!(answers(&loaded, &rows, now), expected);
    assert!(expected.iter().any(|(days, ..)| *days >= 3) && expected.iter().any(|(days, ..)| *days == 0));
    assert!(expected.iter().any(|(_, passed, _)| *passed) && expected.iter().any(|(_, passed, _)| !*passed));
    let since = |(.., deferred): &(_, _, Option<Deferred>)| matches!(deferred, Some(Deferred::Since(_)));
    assert!(expected.iter().any(since) && !expected.iter().all(since));
    let fresh = history();
    store.load(&fresh, now).await.unwrap();
    assert_eq!(answers(&fresh, &rows, now), expected);
    // NET-16: for a moment the clock was a year ahead.
    let signer = rows.iter().rev().find(|row| row.dkim_aligned).unwrap().clone();
    let id = row_at(now.0 + 365 * DAY, 0).id;
    let ahead = MessageRow { id, dmarc: dmarc::Outcome::Fail, deferral: None, ..signer };
    store.insert(&[ahead]).await.unwrap();
    let fresh = history();
    store.load(&fresh, now).await.unwrap();
    assert_eq!(answers(&fresh, &rows, now), expected);
}

async fn loading_goes_over_pages(base: Base) {
    let store = base.store().await;
    // One domain that is known to sign, in the middle of very many that are not.
    let row = |number: u32| {
        let name = match number {
            0..3 => "m0.example".to_owned(),
            odd if odd % 2 == 1 => format!("a{odd}.example"),
            even => format!("z{even}.example"),
        };
        let at = NOW.0 - if number < 3 { u64::from(number) * DAY } else { 0 };
        let domain = Domain::parse(name).ok();
        MessageRow { author_domain: domain.clone(), org_domain: domain, deferral: None, ..row_at(at, number) }
    };
    let rows: Vec<_> = (0..21_000).map(row).collect();
    store.insert(&rows).await.unwrap();
    let small = History::new(HistoryLimits { established: 10, young: 10, deferrals: 10 });
    store.load(&small, NOW).await.unwrap();
    assert_eq!(small.days_signed(&Domain::parse("m0.example").unwrap(), NOW), 3);
    let all = history();
    store.load(&all, NOW).await.unwrap();
    let known = rows.iter().filter(|row| all.days_signed(row.org_domain.as_ref().unwrap(), NOW) > 0).count();
    assert_eq!(known, 16_384 + 3, "as many as there is room for");
}

async fn deferrals_in_any_order(base: Base) {
    let store = base.store().await;
    const HOUR: u64 = 3_600;
    let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    // The hours at which mail was put off, and those at which it is asked since which hour.
    for (troubles, asked) in [
        ([0, 3, 23], [(3, Some(0)), (4, Some(0)), (46, Some(0)), (47, None)]),
        ([0, 30, 33], [(30, Some(30)), (33, Some(30)), (34, Some(30)), (57, None)]),
        ([0, 1, 60], [(60, Some(60)), (63, Some(60)), (64, Some(60)), (84, None)]),
    ] {
        let now = UnixTime(NOW.0 + troubles[2] * HOUR);
        for (number, order) in (0..).zip(orders) {
            let key = DeferralKey::of([10, 0, number, 1].into(), &[troubles[2] as u8], None);
            let noted = history();
            for index in order {
                let hour = troubles[index];
                let row = row_at(
                    NOW.0 + hour * HOUR,
                    u32::from(number) * 1_000 + troubles[2] as u32 * 10 + hour as u32,
                );
                let row = MessageRow { deferral: Some(key), ..row };
                noted.note(&row);
                store.insert(&[row]).await.unwrap();
            }
            let loaded = history();
            store.load(&loaded, now).await.unwrap();
            for history in [&noted, &loaded] {
                for (hour, since) in asked {
                    let at = UnixTime(NOW.0 + hour * HOUR);
                    let since: Option<u64> = since;
                    let want =
                        since.map_or(Deferred::Never, |hour| Deferred::Since(UnixTime(NOW.0 + hour * HOUR)));
                    assert_eq!(
                        history.deferred(&key, at),
                        want,
                        "hour {hour} after {troubles:?} in order {order:?}"
                    );
                }
            }
        }
    }
}

#[tokio::test]
async fn net_14_the_files_are_their_owners_alone() {
    let base = Base::sqlite().unwrap();
    base.store().await.insert(&[full_row(1)]).await.unwrap();
    let writer = base.writer(&base.node());
    let mode = |path: &str| fs::metadata(base.folder.path().join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!([mode("data"), mode("journal")], [0o700; 2]);
    assert_eq!(["data/mailward.db", "data/mailward.db-wal", "data/mailward.db-shm"].map(mode), [0o600; 3]);
    writer.close().await;
}
