//! What is told of a running program, through a real connection where that matters.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use dns::Reply;
use verdict::direction::Direction;

use super::*;

/// `dns` in a story: at so many seconds an answer, and in the end whether all is well at the second.
#[track_caller]
fn check(story: &[(u64, Reply, bool)], at: u64, good: bool) {
    let health = Health::default();
    for (second, reply, cached) in story {
        let took = Duration::from_millis(u64::from(!cached));
        let answer = Answer { took, ..Answer::new(reply.clone()) };
        health.dns_at(&answer, Duration::from_secs(*second));
    }
    let part = health.parts(Duration::from_secs(at)).remove(1);
    assert_eq!((part.name, part.state == State::Good), ("dns", good), "{story:?} at {at}");
}

#[test]
fn dns_is_away_after_a_minute_of_time_outs() {
    let late = |second| (second, Reply::TimeOut, false);
    let other = |second| (second, Reply::ServerFailure, false);
    check(&[], 1000, true);
    check(&[late(0)], 59, true);
    check(&[late(0), late(30)], 59, true);
    check(&[late(0), late(30)], 60, false);
    check(&[late(0), late(30)], 89, false);
    check(&[late(0), late(30)], 90, true);
    check(&[late(0), late(30), late(500)], 501, false);
    check(&[late(0), other(20), late(30)], 70, true);
    check(&[late(0), other(20), late(30), late(85)], 90, false);
    check(&[late(0), (20, Reply::NoData, true), late(30)], 70, false);
    check(&[late(0), (20, Reply::NoData, false), late(30)], 70, true);
}

#[test]
fn listeners_and_store() {
    let health = Health::default();
    let states = || {
        let parts = health.parts(Duration::ZERO);
        parts.iter().map(|part| (part.name, part.state)).collect::<Vec<_>>()
    };
    let closed = State::Bad("not all listeners are open");
    assert_eq!(states(), [("milter", closed), ("dns", State::Good), ("store", State::Good)]);
    health.listening(true);
    for (store, want) in [
        (Store::Spilling, State::Strained("the database is away; rows go to the journal")),
        (Store::Lost, State::Bad("the database is away, and the journal takes no rows")),
        (Store::Reachable, State::Good),
    ] {
        health.store(store);
        assert_eq!(states(), [("milter", State::Good), ("dns", State::Good), ("store", want)]);
    }
}

fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn web_09_all_that_is_counted_is_on_the_page() {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let listener = web::Listener::tcp(socket).unwrap();
    let pages = Pages { metrics: Arc::default(), health: Arc::default() };
    pages.metrics.message(Direction::Outbound);
    pages.metrics.connected();
    pages.metrics.latency(Duration::from_millis(2));
    let families = pages.metrics.families();
    let served =
        tokio::spawn(web::serve(listener, Arc::new(pages), web::Settings::default(), std::future::pending()));
    let page = tokio::task::spawn_blocking(move || get(address, "/metrics")).await.unwrap();
    for line in [
        "mailward_messages_total{direction=\"outbound\"} 1\n",
        "mailward_messages_total{direction=\"inbound\"} 0\n",
        "mailward_connections 1\n",
        "mailward_latency_seconds_bucket{le=\"0.001\"} 0\n",
        "mailward_latency_seconds_bucket{le=\"0.0025\"} 1\n",
        "mailward_latency_seconds_bucket{le=\"30\"} 1\n",
        "mailward_latency_seconds_bucket{le=\"+Inf\"} 1\n",
        "mailward_latency_seconds_sum 0.002\n",
        "mailward_latency_seconds_count 1\n",
    ] {
        assert!(page.contains(line), "{line:?} is not in\n{page}");
    }
    for Family { name, help, samples } in families {
        assert!(page.contains(&format!("# HELP {name} {help}\n# TYPE {name} ")), "{name}");
        let lines = page
            .lines()
            .filter(|line| line.starts_with(&format!("{name}{{")) || line.starts_with(&format!("{name} ")));
        let histogram = matches!(samples[0].1, Value::Histogram { .. });
        assert_eq!(lines.count(), if histogram { 0 } else { samples.len() }, "{name}");
    }
    let page = tokio::task::spawn_blocking(move || get(address, "/healthz")).await.unwrap();
    assert!(page.contains(" 503 ") && page.contains("milter: bad: not all listeners are open\n"), "{page}");
    served.abort();
}
