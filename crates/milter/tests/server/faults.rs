//! Faults: an MTA that goes away, too many connections, no file descriptors, a filter that panics, and the end.

use std::fs;
use std::process::Command as Process;
use std::sync::atomic::Ordering;
use std::time::Duration;

use milter::command::{Command, Stage};
use milter::reply::Reply;
use milter::{Edits, End, Settings, Verdict};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::common::{Filter, Plan, SILENT, WISH, start};
use super::mta::{CONNECT, OFFER, connected, go_on, head, message, negotiated};
use super::until;

fn open_files() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

#[tokio::test]
async fn net_05_a_reset_at_every_state_leaves_nothing() {
    let filter = Filter::with(Plan::default());
    let server = start(&filter, Settings::new(WISH));
    let mut all = vec![CONNECT, Command::Helo(b"x")];
    all.extend(head());
    all.push(Command::Body(b"x"));
    let before = open_files();
    for _ in 0..100 {
        for steps in 0..=all.len() {
            let mut mta = negotiated(server.addr).await;
            go_on(&mut mta, &all[..steps]).await;
            let stream = mta.into_inner();
            #[expect(deprecated, reason = "a reset, which waits for nothing")]
            stream.set_linger(Some(Duration::ZERO)).unwrap();
        }
    }
    until(|| filter.alive.load(Ordering::SeqCst) == 0).await;
    until(|| open_files() <= before).await;
    let begun = all.len() - 2;
    assert_eq!(filter.seen().len(), 100 * begun);
    assert!(filter.seen().iter().all(|seen| seen.ended == "aborted"));
    server.end().await;
}

#[tokio::test]
async fn a_refusal_where_no_answer_was_agreed_on_ends_the_connection() {
    let filter = Filter::with(Plan { rcpt: Some(Verdict::Tempfail), ..Plan::default() });
    let server = start(&filter, Settings::new(SILENT));
    let mut mta = connected(server.addr).await;
    go_on(&mut mta, &head()).await;
    assert!(mta.ask(&Command::Body(b"x")).await.is_err());
    assert_eq!(filter.troubles(), ["an answer in state Rcpt, where none was agreed on"]);
    server.end().await;
}

#[tokio::test]
async fn net_06_one_connection_too_many_is_closed_at_once() {
    let filter = Filter::with(Plan::default());
    let server = start(&filter, Settings { connections: 2, ..Settings::new(WISH) });
    let one = connected(server.addr).await;
    let mut two = connected(server.addr).await;
    let mut three = TcpStream::connect(server.addr).await.unwrap();
    let read = timeout(Duration::from_secs(10), three.read(&mut [0])).await;
    assert_eq!(read.expect("closed at once").unwrap_or(0), 0);
    assert_eq!(filter.troubles(), ["refused a connection: 2 are open"]);
    assert_eq!(message(&mut two, &[b"x"]).await.unwrap().last().unwrap(), Reply::Accept);
    drop(one);
    until(|| filter.alive.load(Ordering::SeqCst) == 1).await;
    let mut four = connected(server.addr).await;
    assert_eq!(message(&mut four, &[b"x"]).await.unwrap().last().unwrap(), Reply::Accept);
    server.end().await;
}

#[tokio::test]
async fn net_18_whom_the_filter_does_not_know_is_closed_at_once() {
    let filter = Filter::with(Plan { refuses: true, ..Plan::default() });
    let server = start(&filter, Settings::new(WISH));
    let mut stream = TcpStream::connect(server.addr).await.unwrap();
    let read = timeout(Duration::from_secs(10), stream.read(&mut [0])).await;
    assert_eq!(read.expect("closed at once").unwrap_or(0), 0);
    filter.plan.lock().unwrap().refuses = false;
    let mut mta = connected(server.addr).await;
    filter.plan.lock().unwrap().refuses = true;
    mta.queue(&Command::QuitNewConnection);
    assert!(mta.ask(&CONNECT).await.is_err(), "the next client is asked for too");
    assert_eq!(filter.alive.load(Ordering::SeqCst), 0);
    server.end().await;
}

/// Run by the next test, with few file descriptors.
#[tokio::test]
#[ignore = "run by net_13, which gives it few file descriptors"]
async fn with_few_file_descriptors() {
    let filter = Filter::with(Plan::default());
    let server = start(&filter, Settings::new(WISH));
    let mut held: Vec<fs::File> = std::iter::from_fn(|| fs::File::open("/dev/null").ok()).collect();
    held.pop();
    let mut client = Box::pin(negotiated(server.addr));
    tokio::select! {
        _ = &mut client => panic!("served without a file descriptor"),
        () = sleep(Duration::from_millis(550)) => {}
    }
    let troubles = filter.troubles();
    assert!((2..=7).contains(&troubles.len()), "it waits and does not spin: {}", troubles.len());
    assert!(troubles[0].starts_with("cannot accept a connection: Too many open files"), "{troubles:?}");
    held.clear();
    let mut mta = timeout(Duration::from_secs(5), client).await.expect("served again");
    go_on(&mut mta, &[CONNECT]).await;
    assert_eq!(message(&mut mta, &[b"x"]).await.unwrap().last().unwrap(), Reply::Accept);
}

#[test]
fn net_13_without_file_descriptors_it_waits_and_recovers() {
    let program = std::env::current_exe().unwrap();
    let script = "ulimit -n 40; exec \"$0\" --ignored --exact faults::with_few_file_descriptors";
    let output = Process::new("bash").args(["-c", script]).arg(program).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[tokio::test]
async fn a_filter_that_panics_takes_its_own_connection_only() {
    let filter = Filter::with(Plan { panics: true, ..Plan::default() });
    let server = start(&filter, Settings::new(WISH));
    let mut mta = connected(server.addr).await;
    let mut other = connected(server.addr).await;
    let head = head();
    go_on(&mut mta, &head[..4]).await;
    assert!(mta.ask(&head[4]).await.is_err());
    until(|| filter.troubles() == ["what served a connection has panicked"]).await;
    filter.plan.lock().unwrap().panics = false;
    assert_eq!(message(&mut other, &[b"x"]).await.unwrap().last().unwrap(), Reply::Accept);
    server.end().await;
}

#[tokio::test]
async fn nothing_is_half_done_where_the_mta_does_not_do_all() {
    let filter = Filter::ending(|_| {
        let mut edits = Edits::default();
        edits.add(b"A", b"b").unwrap();
        edits.quarantine("x");
        End { edits, verdict: Verdict::Accept }
    });
    let server = start(&filter, Settings::new(WISH));
    let stream = TcpStream::connect(server.addr).await.unwrap();
    let offer = milter::options::Offer { actions: milter::Actions(0x11), ..OFFER };
    let mut mta = milter::client::Client::open(stream, offer).await.unwrap().0;
    go_on(&mut mta, &[CONNECT]).await;
    let replies = message(&mut mta, &[b"x"]).await.unwrap();
    let all: Vec<Reply<'_>> = replies.iter().map(Result::unwrap).collect();
    assert_eq!(all, [Reply::Tempfail]);
    assert_eq!(filter.troubles(), ["the MTA did not offer the actions 0x21"]);
    server.end().await;
}

#[tokio::test(start_paused = true)]
async fn shutdown_closes_idle_connections_and_lets_messages_end() {
    let slow = Some((Stage::EndOfBody, Duration::from_secs(5)));
    let filter = Filter::with(Plan { slow, ..Plan::default() });
    let mut server = start(&filter, Settings::new(WISH));
    let mut idle = connected(server.addr).await.into_inner();
    let mut busy = connected(server.addr).await;
    go_on(&mut busy, &head()[..3]).await;
    drop(server.stop.take());
    assert_eq!(idle.read(&mut [0]).await.unwrap(), 0, "closed");
    assert!(TcpStream::connect(server.addr).await.is_err(), "nobody listens");
    go_on(&mut busy, &head()[3..]).await;
    let replies = busy.ask(&Command::EndOfBody(b"")).await.unwrap();
    assert_eq!(replies.last().unwrap(), Reply::Accept);
    assert_eq!(busy.into_inner().read(&mut [0]).await.unwrap(), 0, "closed behind the message");
    server.task.await.unwrap();
    assert_eq!(filter.seen()[0].ended, "whole");
    assert_eq!(filter.troubles(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn shutdown_does_not_wait_for_the_rest_of_a_packet_between_messages() {
    let filter = Filter::with(Plan::default());
    let mut server = start(&filter, Settings::new(WISH));
    let mut half = connected(server.addr).await.into_inner();
    half.write_all(b"\0\0\0\x10M<a").await.unwrap();
    let mut nothing = [0];
    // It has been read.
    assert!(tokio::time::timeout(Duration::from_secs(1), half.read(&mut nothing)).await.is_err());
    let begun = tokio::time::Instant::now();
    drop(server.stop.take());
    server.task.await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    assert_eq!(filter.troubles(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn shutdown_does_not_wait_for_ever() {
    let filter = Filter::with(Plan::default());
    let mut server = start(&filter, Settings::new(WISH));
    let mut busy = connected(server.addr).await;
    go_on(&mut busy, &head()[..3]).await;
    let begun = tokio::time::Instant::now();
    drop(server.stop.take());
    server.task.await.unwrap();
    assert_eq!(begun.elapsed().as_secs(), 30);
    until(|| filter.alive.load(Ordering::SeqCst) == 0).await;
    drop(busy);
}
