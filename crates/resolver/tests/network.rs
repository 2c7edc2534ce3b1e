//! The resolver against servers on loopback that behave, misbehave, or are not there.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod server;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use dns::{Answer, Dns, Name, Question, Reply};
use futures_util::FutureExt;
use futures_util::stream::{FuturesUnordered, StreamExt};
use hickory_resolver::proto::op::{Message, ResponseCode};
use resolver::{Resolver, Server, Settings};
use server::{Act, Over, World, alias, empty, text};

fn resolver(servers: impl IntoIterator<Item = Server>) -> Resolver {
    Resolver::new(Settings::new(servers.into_iter().collect())).unwrap()
}

fn question(text: &str) -> Question {
    let (rtype, name) = text.split_once(' ').unwrap();
    Question::new(Name::from_presentation(name).unwrap(), rtype.parse().unwrap())
}

fn show(answer: &Answer) -> String {
    match &answer.reply {
        Reply::Records(data) => data.iter().map(ToString::to_string).collect::<Vec<_>>().join(" | "),
        reply => format!("{reply:?}"),
    }
}

#[track_caller]
fn check(answer: &Answer, expected: &str) {
    assert_eq!(show(answer), expected);
}

/// A server whose every query is answered with these bytes, over UDP and TCP.
async fn sending(bytes: impl Fn(&Message) -> Vec<u8> + Send + Sync + 'static) -> World {
    World::new(move |query, _| vec![Act::Send(bytes(query))]).await
}

const ZONE: &str = r#"
$TTL 300
.           SOA a. b. 1 1 1 1 200
a.example.  TXT "one " "" "t\255\000w\"o"
a.example.  A   192.0.2.1
alias.example. CNAME a.example.
*.bytes.example. TXT "wild"
;! servfail bad.example.
"#;

#[tokio::test]
async fn records_and_every_kind_of_no() {
    let world = World::of_zone(ZONE).await;
    let resolver = resolver([world.server()]);
    for (asked, expected, ttl) in [
        ("TXT a.example", r#""one " "" "t\255\000w\"o""#, 300),
        ("A a.example", "192.0.2.1", 300),
        ("TXT example", "NoData", 200),
        ("TXT no.example", "NoSuchName", 200),
        ("A bad.example", "ServerFailure", 1),
    ] {
        let answer = resolver.ask(&question(asked)).await;
        check(&answer, expected);
        assert_eq!((answer.ttl, answer.authenticated, answer.alias), (ttl, false, false), "{asked}");
    }
}

#[tokio::test]
async fn an_answer_says_whether_the_name_is_an_alias() {
    // The alias and what it leads to in one message, as servers send it.
    let world = sending(|query| {
        let mut message = alias(query, "a.example.");
        if query.queries[0].query_type.to_string() == "TXT" {
            let mut end = text(query, "end").answers.remove(0);
            end.name = "a.example.".parse().unwrap();
            message.answers.push(end);
        }
        message.to_vec().unwrap()
    })
    .await;
    let resolver = resolver([world.server()]);
    for (asked, expected, is_alias) in
        [("TXT b.example", r#""end""#, true), ("CNAME b.example", "a.example.", false)]
    {
        let answer = resolver.ask(&question(asked)).await;
        check(&answer, expected);
        assert_eq!(answer.alias, is_alias, "{asked}");
    }
}

#[tokio::test]
async fn dns_11_every_other_code_is_a_failure_and_never_a_no() {
    for code in [
        ResponseCode::Refused,
        ResponseCode::FormErr,
        ResponseCode::NotImp,
        ResponseCode::NotAuth,
        ResponseCode::YXDomain,
    ] {
        let world = sending(move |query| empty(query, code).to_vec().unwrap()).await;
        check(&resolver([world.server()]).ask(&question("TXT a.example")).await, "ServerFailure");
    }
}

#[tokio::test]
async fn dns_01_names_of_any_bytes_are_asked_as_they_are() {
    let world = World::of_zone(ZONE).await;
    let answer = resolver([world.server()]).ask(&question(r"TXT a+b=c\.d\000\255\032.bytes.example")).await;
    check(&answer, r#""wild""#);
    let seen = world.seen.lock().unwrap();
    let label = seen[0].0.queries[0].name.iter().next().unwrap().to_ascii_lowercase();
    assert_eq!(label, b"a+b=c.d\0\xff ");
}

#[tokio::test]
async fn dns_14_names_are_absolute() {
    let world = World::of_zone("").await;
    check(&resolver([world.server()]).ask(&question("A mail")).await, "NoSuchName");
    let seen = world.seen.lock().unwrap();
    let names: Vec<_> =
        seen.iter().map(|(query, _)| query.queries[0].name.to_lowercase().to_string()).collect();
    assert_eq!(names, ["mail."]);
}

#[tokio::test(start_paused = true)]
async fn dns_13_silence_is_a_time_out() {
    let world = World::new(|_, _| vec![]).await;
    let answer = resolver([world.server()]).ask(&question("TXT a.example")).await;
    check(&answer, "TimeOut");
    assert_eq!((answer.took, answer.ttl), (resolver::QUERY_TIMEOUT, 1));
}

#[tokio::test(start_paused = true)]
async fn who_joins_a_query_under_way_waits_for_the_rest_of_it() {
    let world = World::new(|_, _| vec![]).await;
    let resolver = resolver([world.server()]);
    let asked = question("TXT a.example");
    let late = async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        resolver.ask(&asked).await
    };
    let (first, late) = tokio::join!(resolver.warm(&asked), late);
    assert_eq!(first.unwrap().took, resolver::QUERY_TIMEOUT);
    assert_eq!(late.took, resolver::QUERY_TIMEOUT - Duration::from_secs(2));
    assert_eq!(resolver.ask(&asked).await.took, Duration::ZERO);
}

/// A server that takes no connections.
fn nobody() -> Server {
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    Server::parse(&format!("tls://{address}")).unwrap()
}

#[tokio::test(start_paused = true)]
async fn dns_13_a_slow_zone_fills_a_queue_and_no_more() {
    let world = World::new(|_, _| vec![]).await;
    let resolver = resolver([world.server()]);
    let askers: Vec<_> = (0..=resolver::ZONE_WAITING)
        .map(|number| {
            let resolver = resolver.clone();
            tokio::spawn(async move { resolver.ask(&question(&format!("TXT n{number}.slow.example"))).await })
        })
        .collect();
    let mut answers = Vec::new();
    for asker in askers {
        answers.push(asker.await.unwrap());
    }
    let last = answers.pop().unwrap();
    assert_eq!((last.reply, last.ttl, last.took), (Reply::ServerFailure, 0, Duration::ZERO));
    assert!(
        answers.iter().all(|answer| answer.reply == Reply::TimeOut && answer.took == resolver::QUERY_TIMEOUT)
    );
    let seen = world.seen.lock().unwrap();
    let names: std::collections::HashSet<_> =
        seen.iter().map(|(query, _)| query.queries[0].name.to_lowercase()).collect();
    assert_eq!(names.len(), resolver::ZONE_IN_FLIGHT);
}

#[tokio::test]
async fn dos_10_a_slow_zone_slows_nobody_else() {
    let world = World::new(|query, _| {
        let is_slow = query.queries[0].name.to_lowercase().to_string().ends_with("slow.example.");
        if is_slow { vec![] } else { vec![Act::Send(text(query, "x").to_vec().unwrap())] }
    })
    .await;
    let resolver = resolver([world.server()]);
    let mut stuck = FuturesUnordered::new();
    for number in 0..resolver::ZONE_WAITING {
        let asked = question(&format!("TXT n{number}.slow.example"));
        let resolver = resolver.clone();
        stuck.push(async move { resolver.ask(&asked).await });
    }
    assert!(stuck.next().now_or_never().is_none(), "all of them are asked and none has an answer");
    for number in 0..200 {
        let asked = question(&format!("TXT n{number}.quick{number}.example"));
        // The slow ones end after five seconds: whoever had to wait for their turns would have to wait for that.
        let quick = tokio::time::timeout(resolver::QUERY_TIMEOUT / 2, resolver.ask(&asked));
        check(&quick.await.unwrap(), r#""x""#);
    }
    assert!(stuck.next().now_or_never().is_none());
}

#[tokio::test]
async fn asked_ahead_is_at_hand_when_it_is_asked() {
    let world = World::of_zone(ZONE).await;
    let resolver = resolver([world.server()]);
    let asked = question("A a.example");
    check(&resolver.warm(&asked).await.unwrap(), "192.0.2.1");
    let answer = resolver.ask(&asked).await;
    check(&answer, "192.0.2.1");
    assert_eq!((answer.took, world.count(Over::Udp)), (Duration::ZERO, 1));
    // Dropped on its way, it is under way all the same.
    let (next, other) = (question("TXT a.example"), question("A no.example"));
    assert!(resolver.warm(&next).now_or_never().is_none());
    check(&resolver.ask(&next).await, r#""one " "" "t\255\000w\"o""#);
    check(&resolver.ask(&other).await, "NoSuchName");
    assert_eq!(world.count(Over::Udp), 3);
}

#[tokio::test]
async fn asking_ahead_takes_nobodys_turn() {
    let world = World::new(|_, _| vec![]).await;
    let resolver = resolver([world.server()]);
    let asked = |number: usize| question(&format!("TXT n{number}.slow.example"));
    for number in 0..resolver::ZONE_IN_FLIGHT {
        assert!(resolver.warm(&asked(number)).now_or_never().is_none(), "asked, and waited for");
        tokio::task::yield_now().await;
    }
    assert_eq!(resolver.warm(&asked(resolver::ZONE_IN_FLIGHT)).now_or_never(), Some(None), "not asked");
    assert!(resolver.warm(&question("TXT quick.example.net")).now_or_never().is_none());
}

#[tokio::test]
async fn nobody_there_is_a_failure() {
    check(&resolver([nobody()]).ask(&question("TXT a.example")).await, "ServerFailure");
}

#[tokio::test]
async fn dns_02_03_what_is_no_message_is_a_failure() {
    let pointer_to_itself = |query: &Message| {
        let mut bytes = empty(query, ResponseCode::NoError).to_vec().unwrap();
        bytes[7] = 1;
        let here = 0xc000 | u16::try_from(bytes.len()).unwrap();
        bytes.extend(here.to_be_bytes());
        bytes.extend([0, 16, 0, 1, 0, 0, 0, 60, 0, 2, 1, b'x']);
        bytes
    };
    let count_that_lies = |query: &Message| {
        let mut bytes = text(query, "x").to_vec().unwrap();
        bytes[6..8].fill(0xff);
        bytes
    };
    let long_string = |query: &Message| {
        let mut bytes = text(query, "123456789").to_vec().unwrap();
        let at = bytes.len() - 10;
        bytes[at] = 255;
        bytes
    };
    let cut = |query: &Message| text(query, "123456789").to_vec().unwrap()[..30].to_vec();
    let cases: [fn(&Message) -> Vec<u8>; 4] = [pointer_to_itself, count_that_lies, long_string, cut];
    for case in cases {
        let world = sending(case).await;
        check(&resolver([world.server()]).ask(&question("TXT a.example")).await, "ServerFailure");
    }
}

#[tokio::test]
async fn dns_05_forged_datagrams_are_passed_over() {
    let world = World::new(|query, _| {
        let forged = |change: fn(&mut Message)| {
            let mut message = text(query, "forged");
            change(&mut message);
            message.to_vec().unwrap()
        };
        vec![
            Act::Send(forged(|m| m.metadata.id = m.metadata.id.wrapping_add(1))),
            Act::Send(forged(|m| {
                m.queries[0].name = hickory_resolver::proto::rr::Name::from_ascii("b.example.").unwrap()
            })),
            Act::Send(forged(|m| m.queries.clear())),
            Act::Send(vec![]),
            Act::Send(vec![0]),
            Act::SendFromElsewhere(forged(|_| ())),
            Act::Send(text(query, "true").to_vec().unwrap()),
            Act::Send(forged(|_| ())),
        ]
    })
    .await;
    check(&resolver([world.server()]).ask(&question("TXT a.example")).await, r#""true""#);
    assert_eq!((world.count(Over::Udp), world.count(Over::Tcp)), (1, 0));
}

#[tokio::test]
async fn dns_05_a_question_in_other_letters_is_asked_again_over_tcp() {
    let world = World::new(|query, over| {
        let mut message = text(query, if over == Over::Tcp { "true" } else { "forged" });
        if over == Over::Udp {
            // The forger knows the name, but not in which letters it was asked.
            message.queries[0].name = message.queries[0].name.to_lowercase();
        }
        vec![Act::Send(message.to_vec().unwrap())]
    })
    .await;
    // So many letters that they are not all small by chance.
    let name = format!("TXT {}.{}", "a".repeat(60), "b".repeat(60));
    check(&resolver([world.server()]).ask(&question(&name)).await, r#""true""#);
}

#[tokio::test]
async fn dns_04_what_does_not_fit_comes_over_tcp() {
    let long = "x".repeat(250);
    let world = World::new({
        let long = long.clone();
        move |query, over| {
            let mut message = text(query, &long);
            for _ in 0..20 {
                message.answers.push(message.answers[0].clone());
            }
            if over == Over::Udp {
                message.answers.clear();
                message.metadata.truncation = true;
            }
            vec![Act::Send(message.to_vec().unwrap())]
        }
    })
    .await;
    let resolver = resolver([world.server()]);
    let answer = resolver.ask(&question("TXT a.example")).await;
    assert_eq!(answer.records().len(), 21);
    assert_eq!(answer.records()[0].text().unwrap(), long.as_bytes());
    assert_eq!((world.count(Over::Udp), world.count(Over::Tcp)), (1, 1));
    resolver.ask(&question("TXT b.example")).await;
    assert_eq!((world.count(Over::Udp), world.count(Over::Tcp)), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn dns_04_a_slow_drip_ends_in_time() {
    let world = World::new(|query, over| {
        let mut message = text(query, "x");
        message.metadata.truncation = over == Over::Udp;
        let bytes = message.to_vec().unwrap();
        vec![if over == Over::Udp { Act::Send(bytes) } else { Act::Drip(bytes) }]
    })
    .await;
    let answer = resolver([world.server()]).ask(&question("TXT a.example")).await;
    check(&answer, "TimeOut");
    assert_eq!(answer.took, resolver::QUERY_TIMEOUT);
}

#[tokio::test]
async fn a_connection_that_was_closed_is_opened_again() {
    let world = World::new(|query, over| {
        let mut message = text(query, "x");
        message.metadata.truncation = over == Over::Udp;
        let send = Act::Send(message.to_vec().unwrap());
        if over == Over::Udp { vec![send] } else { vec![send, Act::Close] }
    })
    .await;
    let resolver = resolver([world.server()]);
    for name in ["TXT a.example", "TXT b.example", "TXT c.example"] {
        check(&resolver.ask(&question(name)).await, r#""x""#);
    }
}

#[tokio::test]
async fn one_query_in_flight_however_many_ask() {
    let world = World::of_zone(ZONE).await;
    let resolver = resolver([world.server()]);
    let askers: Vec<_> = (0..100)
        .map(|n| {
            let resolver = resolver.clone();
            let asked = question(if n % 2 == 0 { "TXT a.example" } else { "TXT A.EXAMPLE" });
            tokio::spawn(async move { resolver.ask(&asked).await })
        })
        .collect();
    for (n, asker) in askers.into_iter().enumerate() {
        if n == 0 {
            // The one that began the query no longer waits.
            asker.abort();
        } else {
            assert_eq!(asker.await.unwrap().records().len(), 1);
        }
    }
    assert_eq!(world.count(Over::Udp), 1);
}

#[tokio::test]
async fn an_asker_that_goes_away_takes_nothing_with_it() {
    let world = World::of_zone(ZONE).await;
    let resolver = resolver([world.server()]);
    let asked = question("TXT a.example");
    // Polled once, so that the query is under way, and dropped.
    tokio::select! {
        biased;
        _ = resolver.ask(&asked) => panic!("nothing was answered yet"),
        () = std::future::ready(()) => {}
    }
    assert_eq!(resolver.ask(&asked).await.records().len(), 1);
    assert_eq!(world.count(Over::Udp), 1);
}

#[tokio::test]
async fn dns_12_answers_are_kept_for_their_time() {
    let world = World::of_zone("$TTL 0\na.example. TXT x\nb.example. 100 TXT x").await;
    let resolver = resolver([world.server()]);
    let later = async |seconds| {
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(seconds)).await;
        tokio::time::resume();
    };
    let ask = async |name: &str, ttl: u32, queries: usize| {
        let answer = resolver.ask(&question(name)).await;
        assert_eq!((answer.ttl, world.count(Over::Udp)), (ttl, queries), "{name}");
    };
    ask("TXT a.example", 30, 1).await;
    ask("TXT b.example", 100, 2).await;
    later(20).await;
    ask("TXT a.example", 10, 2).await;
    ask("TXT b.example", 80, 2).await;
    later(10).await;
    ask("TXT a.example", 30, 3).await;
    ask("TXT b.example", 70, 3).await;
}

#[tokio::test]
async fn dns_12_failures_are_soon_forgotten() {
    let asked = Arc::new(AtomicUsize::new(0));
    let world = World::new(move |query, _| {
        let first = asked.fetch_add(1, Ordering::Relaxed) == 0;
        let message = if first { empty(query, ResponseCode::ServFail) } else { text(query, "back") };
        vec![Act::Send(message.to_vec().unwrap())]
    })
    .await;
    let resolver = resolver([world.server()]);
    check(&resolver.ask(&question("TXT a.example")).await, "ServerFailure");
    check(&resolver.ask(&question("TXT a.example")).await, "ServerFailure");
    assert_eq!(world.count(Over::Udp), 1);
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(1)).await;
    tokio::time::resume();
    check(&resolver.ask(&question("TXT a.example")).await, r#""back""#);
}

#[tokio::test]
async fn dns_12_the_cache_is_bounded_in_bytes() {
    let world = sending(|query| text(query, &"x".repeat(200)).to_vec().unwrap()).await;
    let settings = Settings { cache_bytes: 20_000, ..Settings::new(vec![world.server()]) };
    let resolver = Resolver::new(settings).unwrap();
    for number in 0..100 {
        check(
            &resolver.ask(&question(&format!("TXT n{number}.example"))).await,
            &format!("\"{}\"", "x".repeat(200)),
        );
        assert!(resolver.cached_bytes() <= 20_000);
    }
    assert!(resolver.cached_bytes() > 10_000);
}

#[tokio::test]
async fn dns_15_aliases_that_the_server_leaves_to_us() {
    let world = World::new(|query, _| {
        let first = query.queries[0].name.iter().next().unwrap().to_ascii_lowercase();
        let left: usize = std::str::from_utf8(&first).unwrap().strip_prefix('n').unwrap().parse().unwrap();
        let message = match left {
            0 => text(query, "end"),
            99 => alias(query, "n99.example."),
            _ => alias(query, &format!("n{}.example.", left - 1)),
        };
        vec![Act::Send(message.to_vec().unwrap())]
    })
    .await;
    let resolver = resolver([world.server()]);
    for (asked, is_alias) in [("TXT n0.example", false), ("TXT n1.example", true), ("TXT n8.example", true)] {
        let answer = resolver.ask(&question(asked)).await;
        check(&answer, r#""end""#);
        assert_eq!(answer.alias, is_alias, "{asked}");
        assert_eq!(resolver.ask(&question(asked)).await.alias, is_alias, "{asked}, kept");
    }
    check(&resolver.ask(&question("TXT n9.example")).await, "ServerFailure");
    let before = world.count(Over::Udp);
    check(&resolver.ask(&question("TXT n99.example")).await, "ServerFailure");
    assert_eq!(world.count(Over::Udp) - before, 1);
}

#[tokio::test]
async fn the_next_server_is_asked_when_one_does_not_know() {
    let failing = sending(|query| empty(query, ResponseCode::ServFail).to_vec().unwrap()).await;
    let refusing = sending(|query| empty(query, ResponseCode::Refused).to_vec().unwrap()).await;
    let world = World::of_zone(ZONE).await;
    let asked = resolver([nobody(), failing.server(), world.server()]);
    check(&asked.ask(&question("A a.example")).await, "192.0.2.1");
    // From now on the one that knew is asked first.
    check(&asked.ask(&question("A b.example")).await, "NoSuchName");
    assert_eq!((failing.count(Over::Udp), world.count(Over::Udp)), (1, 2));
    check(&resolver([refusing.server(), nobody()]).ask(&question("A a.example")).await, "ServerFailure");
    // A firm "no" of the first is the answer.
    let empty = World::of_zone("").await;
    check(&resolver([empty.server(), world.server()]).ask(&question("A a.example")).await, "NoSuchName");
}

#[tokio::test]
async fn dns_06_authentic_is_what_a_trusted_server_says_is() {
    let zone = "$TTL 300\na.example. TXT x\nb.example. TXT x\nc.example. CNAME a.example.\n;! authenticated a.example.";
    let world = World::of_zone(zone).await;
    let ask = async |server: Server, name: &str| resolver([server]).ask(&question(name)).await.authenticated;
    assert!(ask(world.server().trusted(), "TXT a.example").await);
    assert!(!ask(world.server().trusted(), "TXT b.example").await);
    assert!(!ask(world.server(), "TXT a.example").await);
    let seen = world.seen.lock().unwrap();
    assert_eq!(seen.iter().map(|(q, _)| q.metadata.authentic_data).collect::<Vec<_>>(), [true, true, false]);
}

#[tokio::test]
async fn dns_06_who_is_not_trusted_may_say_what_it_likes() {
    let world = sending(|query| {
        let mut message = text(query, "x");
        message.metadata.authentic_data = true;
        message.to_vec().unwrap()
    })
    .await;
    assert!(!resolver([world.server()]).ask(&question("TXT a.example")).await.authenticated);
    assert!(resolver([world.server().trusted()]).ask(&question("TXT a.example")).await.authenticated);
}

#[tokio::test]
async fn dns_06_a_no_can_be_authentic_too() {
    let world = World::of_zone(";! authenticated").await;
    let answer = resolver([world.server().trusted()]).ask(&question("TXT a.example")).await;
    assert_eq!((answer.reply, answer.authenticated), (Reply::NoSuchName, true));
}

#[tokio::test]
async fn over_tls_with_the_right_certificate_only() {
    let key =
        rcgen::generate_simple_self_signed(vec!["dns.example".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let server_side = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![key.cert.der().clone()],
            rustls::pki_types::PrivateKeyDer::try_from(key.signing_key.serialize_der()).unwrap(),
        )
        .unwrap();
    let (address, seen) = server::tls(
        server_side,
        Arc::new(|query: &Message, _| {
            let mut message = text(query, "over tls");
            message.metadata.authentic_data = true;
            vec![Act::Send(message.to_vec().unwrap())]
        }),
    )
    .await;
    let mut roots = rustls::RootCertStore::empty();
    roots.add(key.cert.der().clone()).unwrap();
    let client_side = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let ask = async |server: &str, tls: Option<rustls::ClientConfig>| {
        let servers = vec![Server::parse(server).unwrap().trusted()];
        let resolver = Resolver::new(Settings { tls, ..Settings::new(servers) }).unwrap();
        resolver.ask(&question("TXT a.example")).await
    };
    let named = format!("tls://{address}#dns.example");
    let answer = ask(&named, Some(client_side.clone())).await;
    check(&answer, r#""over tls""#);
    assert!(answer.authenticated);
    check(&ask(&format!("tls://{address}"), Some(client_side.clone())).await, r#""over tls""#);
    assert_eq!(seen.lock().unwrap().len(), 2);
    check(&ask(&format!("tls://{address}#other.example"), Some(client_side)).await, "ServerFailure");
    check(&ask(&named, None).await, "ServerFailure");
    assert_eq!(seen.lock().unwrap().len(), 2, "nothing is asked of a stranger");
}

#[test]
fn dns_09_no_recursor_is_built_in() {
    let lock = include_str!("../../../Cargo.lock");
    // What hickory-resolver needs for its recursor.
    for name in ["async-recursion", "lru-cache", "hickory-recursor"] {
        assert!(!lock.contains(&format!("name = \"{name}\"\n")), "{name} is in the tree");
    }
}

#[tokio::test]
async fn it_may_be_asked_from_outside_its_runtime() {
    let world = World::of_zone(ZONE).await;
    let resolver = resolver([world.server()]);
    let answer =
        tokio::task::spawn_blocking(move || pollster::block_on(resolver.ask(&question("A a.example"))));
    check(&answer.await.unwrap(), "192.0.2.1");
}
