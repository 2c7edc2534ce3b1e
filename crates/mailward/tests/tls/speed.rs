//! How many cached answers there are in a second: `cargo nextest run --release -p mailward --test tls --run-ignored all speed
//! --no-capture`.

use std::time::{Duration, Instant};

use socketmap::client::Client;
use sqlx::{Connection, Executor, SqliteConnection};
use tokio::net::TcpStream;

use super::lab::Lab;
use super::program::Program;

/// Like so many processes of Postfix.
const CONNECTIONS: usize = 16;
const WARM: Duration = Duration::from_millis(500);
const MEASURED: Duration = Duration::from_secs(3);

#[test]
#[ignore = "a measurement"]
fn cached_answers() {
    let Some(lab) = Lab::start() else { return };
    let program = Program::start(&lab, "3.10.13");
    let domains =
        ["sts-good.test", "sts-wild.test", "plain.test", "dane-good.test", "sts-dane.test", "three.test"];
    domains
        .map(|domain| program.ask(domain))
        .iter()
        .for_each(|answer| println!("{}", answer.split('{').next().unwrap()));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (addr, before) = (program.addr, program.processor());
    let mut times = runtime.block_on(async move {
        let start = Instant::now();
        let one = |number: usize| async move {
            let stream = TcpStream::connect(addr).await.unwrap();
            stream.set_nodelay(true).unwrap();
            let mut client = Client::new(stream);
            let mut times = Vec::new();
            let mut turn = number;
            while start.elapsed() < WARM + MEASURED {
                let asked = Instant::now();
                client.ask(b"tls-policy", domains[turn % domains.len()].as_bytes()).await.unwrap();
                if start.elapsed() > WARM {
                    times.push(asked.elapsed());
                }
                turn += 1;
            }
            times
        };
        let all: Vec<_> = (0..CONNECTIONS).map(|number| tokio::spawn(one(number))).collect();
        let mut times = Vec::new();
        for one in all {
            times.extend(one.await.unwrap());
        }
        times
    });
    times.sort();
    let at = |part: f64| times[(times.len() as f64 * part) as usize];
    let rate = times.len() as f64 / MEASURED.as_secs_f64();
    println!("{rate:.0} answers/s, p50 {:?}, p99 {:?}", at(0.5), at(0.99));
    // Load on the machine does not change that much.
    let all = times.len() as f64 * (WARM + MEASURED).as_secs_f64() / MEASURED.as_secs_f64();
    let processor = (program.processor() - before) as f64 * 10_000.0;
    println!(
        "about {:.1} microseconds of a processor an answer, the kernel's part counted in",
        processor / all
    );
}

/// Policies that stand in the database.
const POLICIES: usize = 100_000;
/// How many of them are asked for.
const ASKED: usize = 10_000;

#[test]
#[ignore = "a measurement"]
fn memory_with_many_policies() {
    let Some(lab) = Lab::start() else { return };
    let program = Program::start(&lab, "3.10.13");
    let before = program.resident();
    let now = mailward::input::now().0;
    let policy = "'version: STSv1' || char(10) || 'mode: enforce' || char(10) || 'mx: mx.plain.test' || char(10) || 'max_age: 604800'";
    let sql = format!(
        "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {POLICIES}) \
         INSERT INTO tls_policies (domain, policy_id, policy, fetched_at, expires_at, refresh_at, days_used, last_day, bytes) \
         SELECT 'd' || n || '.mass.test', '1', {policy}, {now}, {now} + 604800, {now} + 80000, 1, \
         {now} / 86400, 400 FROM numbers"
    );
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (path, addr) = (program.database(), program.addr);
    let took = runtime.block_on(async move {
        let mut database = SqliteConnection::connect(path.to_str().unwrap()).await.unwrap();
        database.execute(sqlx::raw_sql(sqlx::AssertSqlSafe(sql))).await.unwrap();
        let start = Instant::now();
        let mut client = Client::new(TcpStream::connect(addr).await.unwrap());
        for number in 1..=ASKED {
            let reply = client.ask(b"tls-policy", format!("d{number}.mass.test").as_bytes()).await.unwrap();
            assert!(matches!(reply, socketmap::Reply::Ok(_)), "{number}: {reply:?}");
        }
        start.elapsed()
    });
    println!(
        "{POLICIES} policies in the database, {ASKED} asked for in {took:?}: {before} KiB before, {} KiB now",
        program.resident()
    );
}
