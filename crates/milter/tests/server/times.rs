//! Time: signs of life, late answers, silence. The clock stands still and jumps when everybody waits.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use milter::command::{Command, Stage};
use milter::reply::Reply;
use milter::{Settings, Verdict};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};

use super::common::{Filter, Plan, WISH, start};
use super::mta::{CONNECT, OFFER, connected, go_on, head, message, negotiated};

fn slow(stage: Stage, seconds: u64) -> Arc<Filter> {
    Filter::with(Plan { slow: Some((stage, Duration::from_secs(seconds))), ..Plan::default() })
}

#[tokio::test(start_paused = true)]
async fn net_07_signs_of_life_while_the_end_takes_its_time() {
    for (seconds, progress) in [(0, 0), (9, 0), (11, 1), (25, 2), (59, 5)] {
        let filter = slow(Stage::EndOfBody, seconds);
        let server = start(&filter, Settings::new(WISH));
        let mut mta = connected(server.addr).await;
        let replies = message(&mut mta, &[b"x"]).await.unwrap();
        assert_eq!((replies.progress, replies.last().unwrap()), (progress, Reply::Accept), "{seconds} s");
        assert_eq!(filter.troubles(), [""; 0]);
    }
}

#[tokio::test(start_paused = true)]
async fn signs_of_life_come_as_often_as_the_mta_needs_them() {
    let filter = slow(Stage::EndOfBody, 50);
    let settings = Settings { mta_timeout: Duration::from_secs(3), ..Settings::new(WISH) };
    let server = start(&filter, settings);
    let mut mta = connected(server.addr).await;
    assert_eq!(message(&mut mta, &[b"x"]).await.unwrap().progress, 49);
}

#[tokio::test(start_paused = true)]
async fn net_07_a_late_end_is_for_later_and_the_connection_goes_on() {
    let filter = slow(Stage::EndOfBody, 61);
    let server = start(&filter, Settings::new(WISH));
    let mut mta = connected(server.addr).await;
    let begun = Instant::now();
    assert_eq!(message(&mut mta, &[b"x"]).await.unwrap().last().unwrap(), Reply::Tempfail);
    assert_eq!(begun.elapsed().as_secs(), 60);
    assert_eq!(filter.troubles(), ["no answer in time in state Body"]);
    *filter.plan.lock().unwrap() = Plan::default();
    assert_eq!(message(&mut mta, &[b"x"]).await.unwrap().last().unwrap(), Reply::Accept);
    let seen = filter.seen();
    assert_eq!(seen.iter().map(|seen| seen.ended).collect::<Vec<_>>(), ["aborted", "whole"]);
}

#[tokio::test(start_paused = true)]
async fn net_07_a_late_answer_elsewhere_is_for_later_and_the_last() {
    for (stage, commands) in [(Stage::Mail, 1), (Stage::EndOfHeader, 5)] {
        let filter = slow(stage, 24);
        let server = start(&filter, Settings::new(WISH));
        let mut mta = connected(server.addr).await;
        let replies = mta_until(&mut mta, commands).await;
        assert_eq!((replies.0, replies.1), (Reply::Continue.letter(), 0), "in time, and no sign of life");
        let filter = slow(stage, 26);
        let server = start(&filter, Settings::new(WISH));
        let mut mta = connected(server.addr).await;
        let begun = Instant::now();
        assert_eq!(mta_until(&mut mta, commands).await.0, Reply::Tempfail.letter());
        assert_eq!(begun.elapsed().as_secs(), 25);
        assert!(mta.ask(&Command::Abort).await.is_err(), "closed");
        let state = if stage == Stage::Mail { "Mail" } else { "Body" };
        assert_eq!(filter.troubles(), [format!("no answer in time in state {state}")]);
        assert_eq!(filter.alive.load(Ordering::SeqCst), 0);
    }
}

/// Sends so many commands of a message; gives the last answer's letter, and how many signs of life came before it.
async fn mta_until(mta: &mut super::mta::Mta, commands: usize) -> (milter::wire::Letter, usize) {
    let head = head();
    go_on(mta, &head[..commands - 1]).await;
    let replies = mta.ask(&head[commands - 1]).await.unwrap();
    (replies.last().unwrap().letter(), replies.progress)
}

/// How long a connection lives on which nothing more is said, in seconds.
async fn lives(commands: usize) -> u64 {
    let filter = Filter::with(Plan::default());
    let server = start(&filter, Settings::new(WISH));
    let mut mta = negotiated(server.addr).await;
    let mut all = vec![CONNECT];
    all.extend(head());
    go_on(&mut mta, &all[..commands]).await;
    let begun = Instant::now();
    let mut stream = mta.into_inner();
    assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
    let lived = begun.elapsed().as_secs();
    assert_eq!(filter.troubles().len(), 1, "{:?}", filter.troubles());
    assert!(filter.troubles()[0].starts_with("nothing came for too long"));
    assert_eq!(filter.alive.load(Ordering::SeqCst), 0);
    lived
}

#[tokio::test(start_paused = true)]
async fn net_06_silence_ends_a_connection_and_a_slow_client_does_not() {
    let lived = [
        lives(0).await,
        lives(1).await,
        lives(2).await,
        lives(3).await,
        lives(4).await,
        lives(5).await,
        lives(6).await,
    ];
    assert_eq!(lived, [7_210, 7_210, 7_210, 7_210, 7_210, 400, 400]);
}

#[tokio::test(start_paused = true)]
async fn net_06_a_packet_that_drips_is_not_waited_for() {
    for before in [0, 1] {
        let filter = Filter::with(Plan::default());
        let server = start(&filter, Settings::new(WISH));
        let mut stream = TcpStream::connect(server.addr).await.unwrap();
        let mut bytes = Vec::new();
        if before == 1 {
            let mut mta = milter::client::Client::open(stream, OFFER).await.unwrap().0;
            go_on(&mut mta, &[CONNECT]).await;
            stream = mta.into_inner();
            Command::Helo(b"client.example").encode(&mut bytes);
        } else {
            Command::Negotiate(OFFER).encode(&mut bytes);
        }
        let begun = Instant::now();
        let mut sent = 0;
        for byte in bytes {
            if stream.write_all(&[byte]).await.is_err() {
                break;
            }
            sent += 1;
            sleep(Duration::from_secs(29)).await;
            if !filter.troubles().is_empty() {
                break;
            }
        }
        assert_eq!(sent, 3, "{:?}", filter.troubles());
        assert!(begun.elapsed().as_secs() < 100);
    }
}

#[tokio::test(start_paused = true)]
async fn an_mta_that_takes_no_replies_is_not_waited_for() {
    let filter = Filter::ending(|_| {
        let mut edits = milter::Edits::default();
        let value = vec![b'x'; 40_000];
        for _ in 0..500 {
            edits.add(b"X-Large", &value).unwrap();
        }
        milter::End { edits, verdict: Verdict::Accept }
    });
    let server = start(&filter, Settings::new(WISH));
    let mut mta = connected(server.addr).await;
    go_on(&mut mta, &head()).await;
    mta.queue(&Command::EndOfBody(b""));
    mta.flush().await.unwrap();
    let begun = Instant::now();
    super::until(|| filter.seen().len() == 1).await;
    while filter.troubles().is_empty() {
        sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(filter.troubles(), ["the connection was lost in state Connected: timed out"]);
    assert!((59..=62).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
    drop(mta);
}
