//! Much of it, with the program itself: kills, slow policy hosts, policies while the database is gone. In
//! short with all tests, as long as the real thing with `MAILWARD_LONG=1` (docs/faults.md).

use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use socketmap::Reply;
use socketmap::client::Client;
use testkit::https::{Authority, Flaw, Host, end, ok};
use testkit::long;
use testkit::real::postgres::Postgres;
use testkit::real::{Knot, knot};
use tokio::net::TcpStream;

use super::program::{Program, config_with};

/// Domains d0, d1, ... of mass.test with a policy each, at one host that can be told to say 404; and s0, s1, ... of slow.test,
/// whose host takes connections and says nothing.
struct World {
    knot: Knot,
    authority: Authority,
    host: Host,
    is_off: Arc<AtomicBool>,
    _silent: TcpListener,
}

const SILENT: &str = "127.0.0.5";

impl World {
    fn start(domains: usize) -> Option<Self> {
        let zone = format!(
            ". 300 SOA . . 1 1 1 1 300\n. 300 NS .\n*.mass.test. 300 TXT \"v=STSv1; id=1;\"\n*.mass.test. 300 A 127.0.0.1\n\
             *.mass.test. 300 MX 10 mx.mass.test.\n*.slow.test. 300 TXT \"v=STSv1; id=1;\"\n*.slow.test. 300 A {SILENT}\n\
             *.slow.test. 300 MX 10 mx.slow.test.\n"
        );
        let knot = knot(&zone)?;
        let authority = Authority::new();
        let certified = (0..domains).map(|number| {
            let name = format!("mta-sts.d{number}.mass.test");
            let certified = authority.certificate(&[&name], Flaw::None);
            (name, certified)
        });
        // Nobody takes the connections: the system does, as many as wait in its queue, and is silent to the others.
        let silent = TcpListener::bind((SILENT, 0)).unwrap();
        let at = format!("127.0.0.1:{}", silent.local_addr().unwrap().port());
        let is_off = Arc::new(AtomicBool::new(false));
        let off = Arc::clone(&is_off);
        let host = Host::named(&at, certified, move |tls| {
            let policy = "version: STSv1\nmode: enforce\nmx: mx.mass.test\nmax_age: 604800\n";
            let _ = tls.write_all(&match off.load(Ordering::SeqCst) {
                false => ok(policy),
                true => b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_vec(),
            });
            end(tls);
        });
        Some(Self { knot, authority, host, is_off, _silent: silent })
    }

    fn program(&self, store: &str) -> Program {
        let addr = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let lines = format!("address = '{addr}'\nhttps_port = {}\n", self.host.address.port());
        let config = config_with(self.knot.addr, &lines).replace("path = 'data'", store);
        Program::start_with(&self.authority, &config, addr, None)
    }

    fn off(&self, is_off: bool) {
        self.is_off.store(is_off, Ordering::SeqCst);
    }
}

fn mass(number: usize) -> String {
    format!("d{number}.mass.test")
}

fn is_secure(reply: &Reply) -> bool {
    matches!(reply, Reply::Ok(value) if value.as_str().starts_with("secure match=mx.mass.test"))
}

/// Asks each of these over a connection of its own, so many at once; what is said to each, and after how long. Ends early where the
/// program is gone.
fn ask_all(addr: SocketAddr, keys: &[String], at_once: usize, said: impl Fn(&str, &Reply, Duration)) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let lane = async |lane: usize| {
            let mut client = Client::new(TcpStream::connect(addr).await.ok()?);
            for key in keys.iter().skip(lane).step_by(at_once) {
                let start = Instant::now();
                let reply = client.ask(b"tls-policy", key.as_bytes()).await.ok()?;
                said(key, &reply, start.elapsed());
            }
            Some(())
        };
        futures_util::future::join_all((0..at_once).map(lane)).await;
    });
}

fn all_secure(program: &Program, keys: &[String]) {
    let count = std::cell::Cell::new(0);
    ask_all(program.addr, keys, 8, |key, reply, _| {
        assert!(is_secure(reply), "{key}: {reply:?}\n{}", program.log());
        count.set(count.get() + 1);
    });
    assert_eq!(count.get(), keys.len());
}

#[test]
fn sts_22_killed_while_policies_are_written_none_that_was_told_is_lost() {
    let (kills, each) = if long() { (1_000, 8) } else { (8, 8) };
    let Some(world) = World::start(kills * each) else { return };
    let mut program = world.program("path = 'data'");
    let mut all = Vec::new();
    for kill in 0..kills {
        let keys: Vec<String> = (kill * each..(kill + 1) * each).map(mass).collect();
        let (tell, told) = channel();
        let (addr, asked) = (program.addr, keys.clone());
        let asking = std::thread::spawn(move || {
            ask_all(addr, &asked, 4, |key, reply, _| {
                if is_secure(reply) {
                    tell.send(key.to_owned()).unwrap();
                }
            });
        });
        // At any moment from before the first answer to behind the last.
        std::thread::sleep(Duration::from_micros((kill as u64 * 79_190) % 400_000));
        program.kill_and_start();
        asking.join().unwrap();
        let secure: Vec<String> = told.iter().collect();
        world.off(true);
        all_secure(&program, &secure);
        world.off(false);
        all.extend(secure);
    }
    println!("killed {kills} times, {} of {} policies were told", all.len(), kills * each);
    assert!(all.len() > kills && all.len() < kills * each, "each kill came before all or behind all");
    program.kill_and_start();
    world.off(true);
    all_secure(&program, &all);
}

#[test]
fn sts_03_thousands_of_slow_hosts_keep_nobody_elses_policy_away() {
    let slow = if long() { 10_000 } else { 600 };
    let Some(world) = World::start(40) else { return };
    let program = world.program("path = 'data'");
    let known: Vec<String> = (0..20).map(mass).collect();
    all_secure(&program, &known);
    let before = program.resident();
    let addr = program.addr;
    let flood = std::thread::spawn(move || {
        let keys: Vec<String> = (0..slow).map(|number| format!("s{number}.slow.test")).collect();
        let longest = std::cell::Cell::new(Duration::ZERO);
        ask_all(addr, &keys, 500, |key, reply, took| {
            assert_eq!(*reply, Reply::NotFound, "{key}");
            longest.set(longest.get().max(took));
        });
        longest.get()
    });
    std::thread::sleep(Duration::from_secs(1));
    // What is known is known at once; what is not, as soon as those before it have had their few seconds.
    let start = Instant::now();
    all_secure(&program, &known);
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    let start = Instant::now();
    let new = mass(30);
    while !program.ask(&new).starts_with("OK secure") {
        assert!(start.elapsed() < Duration::from_secs(30), "{}", program.log());
    }
    println!("a new domain has its policy after {:?}", start.elapsed());
    let longest = flood.join().unwrap();
    println!(
        "{slow} slow hosts, the longest answer after {longest:?}; {before} KiB before, {} KiB now",
        program.resident()
    );
    assert!(longest < Duration::from_secs(15), "{longest:?}");
    assert!(program.resident() < before + (100 << 10));
    assert!(program.log().lines().count() < 100, "{}", program.log());
}

#[test]
fn the_database_away_and_back_what_is_known_is_told_and_what_was_fetched_is_kept() {
    let Some(world) = World::start(60) else { return };
    let Some(mut postgres) = Postgres::start() else { return };
    let mut program = world.program(&format!("url = '{}'", postgres.url()));
    let keys = |range: Range<usize>| range.map(mass).collect::<Vec<_>>();
    all_secure(&program, &keys(0..20));
    postgres.stop();
    let begun = Instant::now();
    // In memory, and fetched afresh.
    all_secure(&program, &keys(0..40));
    let outage = Duration::from_secs(if long() { 60 } else { 2 });
    while begun.elapsed() < outage {
        all_secure(&program, &keys(0..40));
        std::thread::sleep(Duration::from_millis(100));
    }
    world.off(true);
    all_secure(&program, &keys(0..40));
    // Nobody knows whether there is one.
    assert!(program.ask(&mass(50)).starts_with("TEMP "), "{}", program.log());
    postgres.run();
    let back = Instant::now();
    // It may have been asked a moment before.
    while !program.ask(&mass(51)).starts_with("NOTFOUND") {
        assert!(back.elapsed() < Duration::from_secs(10), "{}", program.log());
        std::thread::sleep(Duration::from_millis(50));
    }
    println!("asked again after {:?}", back.elapsed());
    // All that was fetched meanwhile is kept now.
    std::thread::sleep(Duration::from_secs(10).saturating_sub(back.elapsed()));
    program.kill_and_start();
    all_secure(&program, &keys(0..40));
}
