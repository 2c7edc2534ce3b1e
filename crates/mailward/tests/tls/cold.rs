//! How many domains in a second are answered that nobody has asked about before: `cargo nextest run --release -p mailward --test
//! tls --run-ignored all cold --no-capture`. The whole program, knot as its name server, a policy host with a certificate for
//! each name.

use std::fmt::Write as _;
use std::io::Write as _;
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use socketmap::client::Client;
use testkit::https::{Authority, Flaw, Host, end, ok};
use testkit::real::knot;
use tokio::net::TcpStream;

use super::process::processor;
use super::program::{Program, config_with};

/// Domains, each of which is asked about once; all have a policy of their own.
const DOMAINS: usize = 4_000;
/// Like so many processes of Postfix, each of which waits for its answer.
const CONNECTIONS: [usize; 2] = [16, 64];

fn domain(number: usize) -> String {
    format!("d{number}.cold.test")
}

fn zone() -> String {
    let mut zone = String::from(". 300 SOA . . 1 1 1 1 300\n. 300 NS .\n");
    for domain in (0..DOMAINS).map(domain) {
        writeln!(zone, "_mta-sts.{domain}. 300 TXT \"v=STSv1; id=1;\"").unwrap();
        writeln!(zone, "mta-sts.{domain}. 300 A 127.0.0.1\n{domain}. 300 MX 10 mx.{domain}.").unwrap();
        writeln!(zone, "mx.{domain}. 300 A 127.0.0.2").unwrap();
    }
    zone
}

#[test]
#[ignore = "a measurement"]
fn cold_domains() {
    let Some(knot) = knot(&zone()) else { return };
    let authority = Authority::new();
    let certified = (0..DOMAINS).map(|number| {
        let name = format!("mta-sts.{}", domain(number));
        let certified = authority.certificate(&[&name], Flaw::None);
        (name, certified)
    });
    let host = Host::named("127.0.0.1:0", certified, |tls| {
        let domain = tls.conn.server_name().and_then(|name| name.strip_prefix("mta-sts."));
        let mx = domain.unwrap_or_default();
        let policy = format!("version: STSv1\nmode: enforce\nmx: mx.{mx}\nmax_age: 604800\n");
        let _ = tls.write_all(&ok(&policy));
        end(tls);
    });
    for connections in CONNECTIONS {
        let addr = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let tls_policy = format!("address = '{addr}'\nhttps_port = {}\n", host.address.port());
        let program = Program::start_with(&authority, &config_with(knot.addr, &tls_policy), addr, None);
        let fetched = host.connections();
        let spent = || [program.processor(), processor(knot.running.pid()), processor(std::process::id())];
        let (before, start) = (spent(), Instant::now());
        let mut times = ask(&program, connections);
        let (took, after) = (start.elapsed(), spent());
        assert_eq!(host.connections() - fetched, DOMAINS, "each policy is fetched, once");
        times.sort();
        let at = |part: f64| times[(times.len() as f64 * part) as usize];
        let rate = DOMAINS as f64 / took.as_secs_f64();
        let [ours, names, host] =
            [0, 1, 2].map(|which| (after[which] - before[which]) as f64 / 100.0 / took.as_secs_f64());
        println!(
            "{connections} connections: {rate:.0} domains/s, p50 {:?}, p99 {:?}; processors at work: {ours:.2} mailward, \
             {names:.2} knot, {host:.2} policy host and clients; {} KiB",
            at(0.5),
            at(0.99),
            program.resident()
        );
    }
}

/// Asks about each domain once, over so many connections; gives how long each answer took.
fn ask(program: &Program, connections: usize) -> Vec<std::time::Duration> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (addr, next) = (program.addr, AtomicUsize::new(0));
    runtime.block_on(async {
        let one = async || {
            let stream = TcpStream::connect(addr).await.unwrap();
            stream.set_nodelay(true).unwrap();
            let (mut client, mut times) = (Client::new(stream), Vec::new());
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= DOMAINS {
                    return times;
                }
                let (domain, start) = (domain(number), Instant::now());
                let reply = client.ask(b"tls-policy", domain.as_bytes()).await.unwrap();
                times.push(start.elapsed());
                let right = format!("secure match=mx.{domain} servername=hostname");
                assert!(
                    matches!(&reply, socketmap::Reply::Ok(value) if value.as_str() == right),
                    "{reply:?}"
                );
            }
        };
        futures_util::future::join_all((0..connections).map(|_| one())).await.concat()
    })
}
