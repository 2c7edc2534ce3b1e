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
fn listeners() {
    let health = Health::default();
    let state = || health.parts(Duration::ZERO)[0];
    let closed = State::Bad("not all listeners are open");
    assert_eq!(state(), Part { name: "milter", state: closed });
    health.listening(true);
    assert_eq!(state(), Part { name: "milter", state: State::Good });
    health.listening(false);
    assert_eq!(state(), Part { name: "milter", state: closed });
}

fn pages(milter: Option<(Arc<Metrics>, Arc<Health>)>, store: State) -> Pages {
    let log = Arc::new(Log::new(crate::config::LogFormat::Json, |_| {}));
    Pages { milter, store: Box::new(move || store), log }
}

/// A process shows what it knows, and no zeros in the place of what another one counts.
#[test]
fn without_the_milter_nothing_is_said_of_it() {
    let away = State::Bad("the database is away");
    let pages = pages(None, away);
    assert_eq!(web::Source::health(&pages), [Part { name: "store", state: away }]);
    let mut page = web::Metrics::default();
    web::Source::metrics(&pages, &mut page);
    let text = format!("{page:?}");
    assert!(text.contains("mailward_build_info") && !text.contains("_total"), "{text}");
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
    let metrics = Arc::new(Metrics::default());
    metrics.message(Direction::Outbound);
    metrics.connected();
    metrics.latency(Duration::from_millis(2));
    let families = metrics.families();
    let pages = pages(Some((metrics, Arc::default())), State::Good);
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
    assert!(page.ends_with("store: good\n"), "{page}");
    served.abort();
}
