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
    let part = health.parts(Parts::new(&[parts::Part::Milter]), Duration::from_secs(at)).remove(1);
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
    let servers = Parts::new(&[parts::Part::Milter, parts::Part::TlsPolicy, parts::Part::Jobs]);
    let states = || {
        let parts = health.parts(servers, Duration::ZERO);
        parts.into_iter().map(|part| (part.name, part.state)).collect::<Vec<_>>()
    };
    let closed = State::Bad("not all listeners are open");
    let all = |state| [("milter", state), ("tls-policy", state), ("dns", State::Good)];
    assert_eq!(states(), all(closed));
    health.listening(true);
    assert_eq!(states(), all(State::Good));
    health.listening(false);
    assert_eq!(states(), all(closed));
}

fn pages(parts: &[parts::Part], store: State) -> Pages {
    let log = Arc::new(Log::new(crate::config::LogFormat::Json, |_| {}));
    let asks = parts.iter().any(|part| matches!(part, parts::Part::Milter | parts::Part::TlsPolicy));
    let asking = asks.then(|| (Arc::default(), Arc::default()));
    Pages { parts: Parts::new(parts), asking, store: Box::new(move || store), log }
}

/// A process shows what it knows, and no zeros in the place of what another one counts.
#[test]
fn nothing_is_said_of_parts_that_run_elsewhere() {
    let away = State::Bad("the database is away");
    for (part, lines, counted, elsewhere) in [
        (parts::Part::Web, vec!["store"], "mailward_build_info", "_total"),
        (
            parts::Part::TlsPolicy,
            vec!["tls-policy", "dns", "store"],
            "mailward_tls_answers_total",
            "messages_total",
        ),
        (parts::Part::Milter, vec!["milter", "dns", "store"], "mailward_messages_total", "tls_answers_total"),
    ] {
        let pages = pages(&[part, parts::Part::Web], away);
        let health = web::Source::health(&pages);
        assert_eq!(health.iter().map(|part| part.name).collect::<Vec<_>>(), lines);
        assert_eq!(health.last().unwrap().state, away);
        let mut page = web::Metrics::default();
        web::Source::metrics(&pages, &mut page);
        let text = format!("{page:?}");
        assert!(text.contains(counted) && !text.contains(elsewhere), "{text}");
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
    let pages = pages(&[], State::Good);
    let pages = Pages { asking: Some(Default::default()), ..pages };
    let metrics = Arc::clone(&pages.asking.as_ref().unwrap().0);
    metrics.message(Direction::Outbound);
    metrics.connected();
    metrics.latency(Duration::from_millis(2));
    let families = metrics.families(pages.parts);
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
    for Family { name, help, values } in families {
        assert!(page.contains(&format!("# HELP {name} {help}\n# TYPE {name} ")), "{name}");
        let lines = page
            .lines()
            .filter(|line| line.starts_with(&format!("{name}{{")) || line.starts_with(&format!("{name} ")));
        let count = match values {
            Values::Counters(all) => all.len(),
            Values::Gauge(_) => 1,
            Values::Histogram { .. } => 0,
        };
        assert_eq!(lines.count(), count, "{name}");
    }
    let page = tokio::task::spawn_blocking(move || get(address, "/healthz")).await.unwrap();
    assert!(page.contains(" 503 ") && page.contains("milter: bad: not all listeners are open\n"), "{page}");
    assert!(page.ends_with("store: good\n"), "{page}");
    served.abort();
}
