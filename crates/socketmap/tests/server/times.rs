//! Time: silence, requests that drip, lookups that take too long, clients that take no answers. The clock stands still and
//! jumps when everybody waits.

use std::sync::Arc;
use std::time::Duration;

use socketmap::Settings;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};

use super::common::{Table, start};
use super::{ask, connect};

#[tokio::test(start_paused = true)]
async fn silence_ends_a_connection_without_a_word() {
    let table = Arc::new(Table::default());
    let server = start(&table, Settings::default());
    let mut client = connect(server.addr).await;
    for _ in 0..3 {
        sleep(Duration::from_secs(119)).await;
        assert_eq!(ask(&mut client, "a").await, "OK may key=a");
    }
    let begun = Instant::now();
    assert_eq!(client.into_inner().read(&mut [0]).await.unwrap(), 0);
    assert_eq!(begun.elapsed().as_secs(), 120);
    assert_eq!(table.troubles(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_drips_is_not_waited_for() {
    // The second begins in the same segment as the first ends.
    for (begin, drips, expected) in [("", "13:policy abcdef,", 4), ("8:policy a,1", "3:policy abcdef,", 3)] {
        let table = Arc::new(Table::default());
        let server = start(&table, Settings::default());
        let mut stream = TcpStream::connect(server.addr).await.unwrap();
        stream.write_all(begin.as_bytes()).await.unwrap();
        let mut sent = 0;
        for octet in drips.bytes() {
            sleep(Duration::from_secs(9)).await;
            if !table.troubles().is_empty() || stream.write_all(&[octet]).await.is_err() {
                break;
            }
            sent += 1;
        }
        assert_eq!(table.troubles(), ["the rest of a request did not come in time"]);
        assert_eq!(sent, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_late_answer_is_for_later_and_the_connection_goes_on() {
    let table = Arc::new(Table::default());
    let server = start(&table, Settings::default());
    let mut client = connect(server.addr).await;
    let begun = Instant::now();
    assert_eq!(ask(&mut client, "slow").await, "TIMEOUT no answer in time");
    assert_eq!(begun.elapsed().as_secs(), 60);
    assert_eq!(ask(&mut client, "a").await, "OK may key=a");
    assert_eq!(table.troubles(), ["no answer to a request in time"]);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_takes_no_answers_is_not_waited_for() {
    let table = Arc::new(Table::default());
    let server = start(&table, Settings::default());
    let mut client = connect(server.addr).await;
    for _ in 0..300 {
        client.queue(b"policy", b"large");
    }
    client.flush().await.unwrap();
    let begun = Instant::now();
    while table.troubles().is_empty() {
        sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(table.troubles(), ["the connection was lost: timed out"]);
    assert!((29..=33).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
    assert!(table.asked().len() < 300, "nothing is looked up ahead of what is taken");
}

#[tokio::test(start_paused = true)]
async fn net_10_what_is_behind_a_broken_request_is_listened_to_for_a_second() {
    let table = Arc::new(Table::default());
    let server = start(&table, Settings::default());
    let mut stream = TcpStream::connect(server.addr).await.unwrap();
    stream.write_all(b"00").await.unwrap();
    let begun = Instant::now();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    while table.troubles().is_empty() {
        sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(begun.elapsed().as_secs(), 1);
}
