//! Faults: clients that go away, too many of them, no file descriptors, a lookup that panics, and the end.

use std::fs;
use std::process::Command as Process;
use std::sync::Arc;
use std::time::Duration;

use socketmap::Settings;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::common::{Table, start};
use super::{ask, connect, until};

fn open_files() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

#[tokio::test]
async fn clients_that_go_away_leave_nothing() {
    let table = Arc::new(Table::default());
    let server = start(&table, Settings::default());
    let before = open_files();
    let request = b"8:policy a,";
    for _ in 0..50 {
        for length in 0..=request.len() {
            let mut stream = TcpStream::connect(server.addr).await.unwrap();
            stream.write_all(&request[..length]).await.unwrap();
            #[expect(deprecated, reason = "a reset, which waits for nothing")]
            stream.set_linger(Some(Duration::ZERO)).unwrap();
        }
    }
    let mut client = connect(server.addr).await;
    assert_eq!(ask(&mut client, "b").await, "OK may key=b");
    drop(client);
    until(|| open_files() <= before).await;
    assert!(table.troubles().iter().all(|trouble| trouble.starts_with("the connection was lost")));
    server.end().await;
}

#[tokio::test]
async fn one_connection_too_many_is_closed_at_once() {
    let table = Arc::new(Table::default());
    let server = start(&table, Settings { connections: 2, ..Settings::default() });
    let mut one = connect(server.addr).await;
    ask(&mut one, "a").await;
    let mut two = connect(server.addr).await;
    ask(&mut two, "a").await;
    let mut three = TcpStream::connect(server.addr).await.unwrap();
    let read = timeout(Duration::from_secs(10), three.read(&mut [0])).await;
    assert_eq!(read.expect("closed at once").unwrap_or(0), 0);
    assert_eq!(table.troubles(), ["refused a connection: 2 are open"]);
    drop(one);
    let mut served = false;
    for _ in 0..2_000 {
        let mut four = connect(server.addr).await;
        served = four.ask(b"policy", b"a").await.is_ok();
        if served {
            break;
        }
        sleep(Duration::from_millis(1)).await;
    }
    assert!(served, "there is room again");
    assert_eq!(ask(&mut two, "a").await, "OK may key=a");
    server.end().await;
}

/// Run by the next test, with few file descriptors.
#[tokio::test]
#[ignore = "run by net_13, which gives it few file descriptors"]
async fn with_few_file_descriptors() {
    let table = Arc::new(Table::default());
    let server = start(&table, Settings::default());
    let mut held: Vec<fs::File> = std::iter::from_fn(|| fs::File::open("/dev/null").ok()).collect();
    held.pop();
    let mut client = connect(server.addr).await;
    let mut asking = Box::pin(ask(&mut client, "a"));
    tokio::select! {
        _ = &mut asking => panic!("served without a file descriptor"),
        () = sleep(Duration::from_millis(550)) => {}
    }
    let troubles = table.troubles();
    assert!((2..=7).contains(&troubles.len()), "it waits and does not spin: {}", troubles.len());
    assert!(troubles[0].starts_with("cannot accept a connection: Too many open files"), "{troubles:?}");
    held.clear();
    let answer = timeout(Duration::from_secs(5), asking).await.expect("served again");
    assert_eq!(answer, "OK may key=a");
}

#[test]
fn net_13_without_file_descriptors_it_waits_and_recovers() {
    let program = std::env::current_exe().unwrap();
    let script = "ulimit -n 40; exec \"$0\" --ignored --exact faults::with_few_file_descriptors";
    let output = Process::new("bash").args(["-c", script]).arg(program).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}{complaint}");
}

#[tokio::test]
async fn a_lookup_that_panics_takes_its_own_connection_only() {
    let table = Arc::new(Table::default());
    let server = start(&table, Settings::default());
    let mut other = connect(server.addr).await;
    ask(&mut other, "a").await;
    let mut client = connect(server.addr).await;
    assert!(client.ask(b"policy", b"panic").await.is_err());
    until(|| table.troubles() == ["what served a connection has panicked"]).await;
    assert_eq!(ask(&mut other, "a").await, "OK may key=a");
    server.end().await;
}

#[tokio::test]
async fn shutdown_closes_idle_connections_and_answers_what_was_asked() {
    let table = Arc::new(Table::default());
    let mut server = start(&table, Settings::default());
    let mut idle = connect(server.addr).await;
    ask(&mut idle, "a").await;
    let mut busy = connect(server.addr).await;
    busy.queue(b"policy", b"gate");
    busy.queue(b"policy", b"b");
    busy.flush().await.unwrap();
    until(|| table.asked().len() == 2).await;
    drop(server.stop.take());
    assert_eq!(idle.into_inner().read(&mut [0]).await.unwrap(), 0, "closed");
    assert!(TcpStream::connect(server.addr).await.is_err(), "nobody listens");
    table.gate.notify_one();
    assert!(busy.reply().await.is_ok());
    assert!(busy.reply().await.is_ok());
    assert_eq!(busy.into_inner().read(&mut [0]).await.unwrap(), 0, "closed behind the answers");
    server.task.await.unwrap();
    assert_eq!(table.asked(), ["a", "gate", "b"]);
    assert_eq!(table.troubles(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn shutdown_does_not_wait_for_ever() {
    for asked in [b"11:policy gate,".as_slice(), b"11:poli"] {
        let table = Arc::new(Table::default());
        let mut server = start(&table, Settings::default());
        let mut stream = TcpStream::connect(server.addr).await.unwrap();
        stream.write_all(asked).await.unwrap();
        sleep(Duration::from_secs(1)).await;
        let begun = tokio::time::Instant::now();
        drop(server.stop.take());
        server.task.await.unwrap();
        assert_eq!(begun.elapsed().as_secs(), 10);
        assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
    }
}
