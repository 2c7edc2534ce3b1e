//! A writer that is killed at any moment: what it said was safe is there once, and nothing is there twice.
//! `MAILWARD_RANDOM` says how often, for a long run.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use mail::UnixTime;
use store::{MAX_PAGE, Store, Writer};
use testkit::how_many;

use crate::base::{Base, history, place, settings, until};
use crate::on_both;
use crate::testing::{NOW, full_row};

on_both!(killed_at_random_points,);

/// Rows of one round.
const ROUND: u32 = 100_000;

/// Starts a writer that says after which row it is sure, and kills it after it has said so `times` times.
fn run_and_kill(base: &Base, round: u32, times: usize) -> Option<u32> {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL"]).arg(std::env::current_exe().unwrap());
    command.args(["--exact", "killed::the_writer", "--ignored", "--nocapture"]);
    command.env("STORE_URL", base.url()).env("STORE_JOURNAL", base.folder.path().join("journal"));
    command.env("STORE_ROUND", round.to_string()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let safe = lines.filter_map(|line| line.strip_prefix("safe ")?.parse().ok()).take(times).last();
    child.kill().unwrap();
    child.wait().unwrap();
    safe
}

async fn killed_at_random_points(base: Base) {
    let store = base.store().await;
    // Sure of the first n rows of each round; the seeds are fixed, the moments are not.
    let mut sure = Vec::new();
    for round in 0..u32::try_from(how_many(4)).unwrap() {
        let times = 1 + (round as usize * 7) % 11;
        sure.push(run_and_kill(&base, round, times).expect("the writer said something"));
    }
    let writer = base.writer(&store);
    until(&writer, true, |state| *state == store::State::Storing).await;
    writer.close().await;
    base.audit(&store).await;
    let (mut there, mut after) = (BTreeSet::new(), None);
    loop {
        let page = store.messages(NOW, UnixTime(NOW.0 + 1), after, MAX_PAGE).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        there.extend(page.iter().map(|row| row.id));
    }
    for (round, safe) in (0..).zip(sure) {
        let lost = (0..safe).filter(|number| !there.contains(&full_row(round * ROUND + number).id)).count();
        assert_eq!(lost, 0, "of {safe} in round {round}");
    }
}

/// Puts rows as fast as it can, on both ways at once: its queue is short.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "started and killed by the tests above"]
async fn the_writer() {
    let var = |name| std::env::var(name).expect("started by a test");
    let first = var("STORE_ROUND").parse::<u32>().unwrap() * ROUND;
    let store = Store::new(&place(&var("STORE_URL"))).unwrap();
    store.migrate(NOW).await.unwrap();
    let mut settings = settings(var("STORE_JOURNAL").into());
    settings.queue.rows = 900;
    let writer = Writer::start(store, history(), &settings).unwrap();
    for number in 0..ROUND {
        while writer.put(full_row(first + number)) == store::Put::Dropped {
            tokio::task::yield_now().await;
        }
        if number % 1_370 == 1_369 {
            writer.flush().await;
            println!("safe {}", number + 1);
        }
    }
}
