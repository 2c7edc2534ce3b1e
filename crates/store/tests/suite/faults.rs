//! The database goes and comes back, the disk fills up, a row is refused: the mail path never notices.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use store::{BATCH, Counts, History, HistoryLimits, MessageRow, Note, Put, State, Store, Writer};
use testkit::real::not_run;

use crate::base::{Base, history, place, row_at, settings, until};
use crate::on_both;
use crate::testing::{NOW, full_row};

on_both!(
    what_is_put_is_stored,
    closing_brings_everything_in,
    a_database_that_hangs,
    a_row_that_is_refused_does_not_keep_the_others,
    a_full_queue_drops_and_says_so,
    what_an_earlier_run_left_is_replayed,
    a_journal_torn_at_any_byte_is_replayed_up_to_there,
    a_newer_database_makes_the_writer_spill,
);

fn storing(state: &State) -> bool {
    *state == State::Storing
}

fn spilling(state: &State) -> bool {
    matches!(state, State::Spilling(_))
}

/// Puts rows with these numbers.
fn put(writer: &Writer, numbers: std::ops::Range<u32>) {
    for number in numbers {
        assert_eq!(writer.put(full_row(number)), Put::Queued);
    }
}

async fn what_is_put_is_stored(base: Base) {
    let store = base.store().await;
    let writer = base.writer(&store);
    writer.flush().await;
    put(&writer, 0..1_200);
    writer.flush().await;
    assert_eq!(base.audit(&store).await, 1_200);
    put(&writer, 1_000..1_201);
    writer.flush().await;
    assert_eq!(base.audit(&store).await, 1_201, "the same rows count once");
    let status = writer.close().await;
    assert_eq!((status.state, status.waiting, status.journal_bytes), (State::Storing, 0, 0));
    assert_eq!(status.counts, Counts { stored: 1_401, ..Counts::default() });
}

async fn closing_brings_everything_in(base: Base) {
    let store = base.store().await;
    let writer = base.writer(&store);
    put(&writer, 0..5_000);
    let status = writer.close().await;
    assert_eq!((status.counts.stored + status.counts.spilled, status.counts.dropped), (5_000, 0));
    let next = base.writer(&store);
    until(&next, true, storing).await;
    assert_eq!(base.audit(&store).await, 5_000);
}

/// Somebody holds what the writer needs; the rest of the time is waited for, not slept.
async fn a_database_that_hangs(base: Base) {
    let store = base.store().await;
    let writer = base.writer(&store);
    put(&writer, 0..100);
    writer.flush().await;
    let begin = match &base.postgres {
        Some(_) => "BEGIN; LOCK TABLE messages IN ACCESS EXCLUSIVE MODE",
        None => "BEGIN EXCLUSIVE",
    };
    let holder = base.hold(begin).await;
    let start = Instant::now();
    put(&writer, 100..15_000);
    assert!(start.elapsed() < Duration::from_secs(2), "put does not wait");
    // A queue more than half full is relieved at once, long before the database counts as away.
    until(&writer, false, |_| writer.status().counts.spilled > 0).await;
    assert_eq!(writer.status().state, State::Storing);
    until(&writer, false, spilling).await;
    writer.flush().await;
    put(&writer, 15_000..16_000);
    writer.flush().await;
    let status = writer.status();
    assert_eq!((status.waiting, status.counts.dropped), (0, 0));
    assert!(status.journal_bytes > 0);
    drop(holder);
    until(&writer, true, storing).await;
    assert_eq!(base.audit(&store).await, 16_000);
    put(&writer, 16_000..16_001);
    let status = writer.close().await;
    assert_eq!(status.counts.replayed, status.counts.spilled);
    assert_eq!(status.counts.stored + status.counts.spilled, 16_001);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgresql_that_is_killed_and_comes_back() {
    let Some(mut base) = Base::postgres() else { return };
    let store = base.store().await;
    let writer = base.writer(&store);
    for round in 0..3u32 {
        let first = round * 1_000;
        put(&writer, first..first + 300);
        // In the middle of things.
        base.postgres.as_mut().unwrap().stop();
        put(&writer, first + 300..first + 600);
        until(&writer, false, spilling).await;
        put(&writer, first + 600..first + 1_000);
        writer.flush().await;
        assert_eq!(writer.status().waiting, 0);
        base.postgres.as_mut().unwrap().run();
        let back = Instant::now();
        until(&writer, true, storing).await;
        assert!(back.elapsed() < Duration::from_secs(5), "back to normal within 5 s");
        assert_eq!(base.audit(&store).await, u64::from(first) + 1_000);
    }
    assert_eq!(writer.close().await.counts.dropped, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgresql_that_is_not_there_at_the_start() {
    let Some(mut base) = Base::postgres() else { return };
    base.postgres.as_mut().unwrap().stop();
    let store = base.node();
    assert!(matches!(store.migrate(NOW).await, Err(store::Error::Away(_))));
    let writer = base.writer(&store);
    put(&writer, 0..700);
    until(&writer, false, spilling).await;
    base.postgres.as_mut().unwrap().run();
    until(&writer, true, storing).await;
    assert_eq!(base.audit(&store).await, 700, "the writer has made the tables");
}

async fn a_row_that_is_refused_does_not_keep_the_others(base: Base) {
    let store = base.store().await;
    base.sql(match &base.postgres {
        Some(_) => {
            "CREATE FUNCTION sore() RETURNS trigger AS $$ BEGIN
                IF NEW.listener = 'sore' THEN RAISE EXCEPTION 'no' USING ERRCODE = '22000'; END IF; RETURN NEW;
             END $$ LANGUAGE plpgsql;
             CREATE TRIGGER sore BEFORE INSERT ON messages FOR EACH ROW EXECUTE FUNCTION sore();"
        }
        None => {
            "CREATE TRIGGER sore BEFORE INSERT ON messages WHEN NEW.listener = 'sore'
             BEGIN SELECT RAISE(ABORT, 'no'); END;"
        }
    })
    .await;
    let sore = |number| MessageRow { listener: Note::new("sore"), ..full_row(number) };
    let writer = base.writer(&store);
    put(&writer, 0..700);
    writer.put(sore(700));
    writer.put(sore(701));
    put(&writer, 702..1_000);
    writer.flush().await;
    assert_eq!(base.audit(&store).await, 998);
    let status = writer.close().await;
    assert_eq!((status.counts.stored, status.counts.refused, status.state), (998, 2, State::Storing));
}

async fn a_full_queue_drops_and_says_so(base: Base) {
    let store = base.store().await;
    let mut settings = base.settings();
    // Neither journal nor database: the rows wait.
    (settings.queue.rows, settings.limits.bytes) = (100, 0);
    let database = base.folder.path().join("elsewhere/mailward.db");
    let away = Store::new(&place(&database.display().to_string())).unwrap();
    std::fs::write(&database, "this is no database, and long enough that everybody sees it. ".repeat(100))
        .unwrap();
    let writer = Writer::start(away, history(), &settings).unwrap();
    let mut queued = 0;
    until(&writer, false, |state| {
        let taken = writer.put(full_row(queued)) == Put::Queued;
        queued += u32::from(taken);
        matches!(state, State::Stuck(_)) && !taken
    })
    .await;
    let status = writer.status();
    assert_eq!(status.waiting, 100);
    assert!(status.counts.dropped >= 1);
    let before = status.counts.dropped;
    let status = writer.close().await;
    assert_eq!(status.counts.dropped - before, u64::from(queued), "{status:?}");
    drop(store);
}

async fn what_an_earlier_run_left_is_replayed(base: Base) {
    let store = base.store().await;
    let unreachable = Store::new(&place("postgres://nobody@127.0.0.1:1/none?sslmode=disable")).unwrap();
    let writer = Writer::start(unreachable, history(), &base.settings()).unwrap();
    put(&writer, 0..1_100);
    let status = writer.close().await;
    assert_eq!((status.counts.spilled, status.counts.dropped), (1_100, 0));
    store.insert(&(0..30).map(full_row).collect::<Vec<_>>()).await.unwrap();
    let known = Arc::new(History::new(HistoryLimits::default()));
    let writer = Writer::start(store.clone(), Arc::clone(&known), &base.settings()).unwrap();
    until(&writer, true, storing).await;
    assert_eq!(base.audit(&store).await, 1_100, "once each");
    assert_eq!(writer.close().await.counts.replayed, 1_100);
    assert_eq!(known.days_signed(&full_row(1).org_domain.unwrap(), NOW), 1, "replayed rows are noted");
}

async fn a_journal_torn_at_any_byte_is_replayed_up_to_there(base: Base) {
    let store = base.store().await;
    let unreachable = Store::new(&place("postgres://nobody@127.0.0.1:1/none?sslmode=disable")).unwrap();
    let writer = Writer::start(unreachable, history(), &base.settings()).unwrap();
    put(&writer, 0..3);
    writer.close().await;
    let segment = "0000000000000001.rows";
    let whole = std::fs::read(base.folder.path().join("journal").join(segment)).unwrap();
    // Every byte of the last record; what comes before is the same reading (see the tests of the journal).
    let size = (whole.len() - 8) / 3;
    let cuts = if base.postgres.is_some() {
        (whole.len() - 3..=whole.len()).step_by(1)
    } else {
        (whole.len() - size..=whole.len()).step_by(97)
    };
    for cut in cuts {
        base.sql("DELETE FROM messages; DELETE FROM message_days;").await;
        let folder = base.folder.path().join(format!("journal {cut}"));
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join(segment), &whole[..cut]).unwrap();
        let writer = Writer::start(store.clone(), history(), &settings(folder)).unwrap();
        until(&writer, true, storing).await;
        let rows = if cut == whole.len() { 3 } else { 2 };
        assert_eq!(base.audit(&store).await, rows, "cut at {cut}");
        let status = writer.close().await;
        assert_eq!(status.counts.torn_bytes, (cut - 8 - usize::try_from(rows).unwrap() * size) as u64);
    }
}

async fn a_newer_database_makes_the_writer_spill(base: Base) {
    let store = base.store().await;
    base.sql(
        "INSERT INTO schema_versions VALUES (9999, 'x', 0, '9.9.9'); ALTER TABLE messages RENAME TO letters;",
    )
    .await;
    let writer = base.writer(&store);
    put(&writer, 0..10);
    until(&writer, false, spilling).await;
    until(&writer, false, |state| !storing(state) && writer.status().counts.spilled == 10).await;
    base.sql("DELETE FROM schema_versions WHERE version = 9999; ALTER TABLE letters RENAME TO messages;")
        .await;
    until(&writer, true, storing).await;
    assert_eq!(base.audit(&store).await, 10);
}

/// Runs a test of this file in a process of its own, with a file system of `kib` KiB at `folder`.
fn on_a_small_disk(folder: &std::path::Path, kib: u32, test: &str) -> Option<()> {
    if std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self").unwrap()) != 0 {
        not_run(test, "it has to be root");
        return None;
    }
    let script = r#"mount -t tmpfs -o "size=$1k" tmpfs "$2" && exec "$3" --exact "$4" --ignored --nocapture"#;
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", script, "sh", &kib.to_string()]).arg(folder);
    command.arg(std::env::current_exe().unwrap()).arg(test).env("SMALL_DISK", folder);
    let output = command.stdin(Stdio::null()).output().unwrap();
    let said = [output.stdout, output.stderr].map(|out| String::from_utf8_lossy(&out).into_owned()).concat();
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
    Some(())
}

#[test]
fn a_full_disk() {
    let folder = tempfile::tempdir().unwrap();
    on_a_small_disk(folder.path(), 16_000, "faults::on_the_small_disk");
}

/// Database and journal both lie on a disk that is full before all rows are in.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "started by a_full_disk, on a small disk"]
async fn on_the_small_disk() {
    let folder = std::path::PathBuf::from(std::env::var_os("SMALL_DISK").expect("started by a_full_disk"));
    let store = Store::new(&place(&folder.join("mailward.db").display().to_string())).unwrap();
    store.migrate(NOW).await.unwrap();
    let ballast = folder.join("ballast");
    std::fs::write(&ballast, vec![0; 11 << 20]).unwrap();
    let mut settings = settings(folder.join("journal"));
    settings.queue.rows = 3_000;
    let writer = Writer::start(store.clone(), history(), &settings).unwrap();
    let mut queued = BTreeSet::new();
    let mut number = 0;
    until(&writer, false, |state| {
        let start = Instant::now();
        for _ in 0..100 {
            let row = row_at(NOW.0, number);
            number += 1;
            let id = row.id;
            if writer.put(row) == Put::Queued {
                queued.insert(id);
            }
        }
        assert!(start.elapsed() < Duration::from_secs(1), "put does not wait");
        matches!(state, State::Stuck(_)) && writer.status().counts.dropped > 0
    })
    .await;
    let dropped = writer.status().counts.dropped;
    assert_eq!(dropped + queued.len() as u64, u64::from(number));
    // There is room again: everything that was taken gets in, once.
    std::fs::remove_file(ballast).unwrap();
    until(&writer, true, |state| storing(state) && writer.status().waiting == 0).await;
    writer.flush().await;
    let (mut after, mut stored) = (None, BTreeSet::new());
    loop {
        let page = store.messages(NOW, mail::UnixTime(NOW.0 + 1), after, 1_000).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        stored.extend(page.iter().map(|row| row.id));
    }
    assert_eq!(stored, queued);
    assert_eq!(store.size().await.unwrap().0, queued.len() as u64);
    assert_eq!(writer.close().await.counts.dropped, dropped);
    assert!(queued.len() > BATCH);
}
