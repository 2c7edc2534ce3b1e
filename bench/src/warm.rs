//! DNS warm: processor time on one core in alternating rounds, and how it grows with cores.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use resolver::Resolver;
use tokio::runtime::{Builder, Handle, Runtime};

use crate::clock::{pin, spent, thread_time};
use crate::floor::Floor;
use crate::ours::Ours;
use crate::peer::Peer;
use crate::server::Server;
use crate::table::{head, micros, ratios, row, spread};
use crate::workload::{Mail, Words, Workload};

/// Both receivers over one server, in a runtime of their own.
pub struct Bench {
    runtime: Runtime,
    ours: Ours<Resolver>,
    peer: Peer,
}

impl Bench {
    /// With warm caches; prints how many verdicts were not as expected.
    pub fn new(workload: &Workload) -> Self {
        let server = Server::start(workload.zone.clone(), Duration::ZERO);
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let _entered = runtime.enter();
        let ours = Ours::with_server(server.address);
        let peer = Peer::with_server(server.address);
        drop(_entered);
        let bench = Self { runtime, ours, peer };
        bench.compare("mailward", workload, |mail| bench.ours(mail));
        bench.compare("mail-auth", workload, |mail| bench.peer(mail));
        bench
    }

    /// Judges all messages once and prints what differs, by kind.
    fn compare(&self, name: &str, workload: &Workload, judge: impl Fn(&Mail) -> Words) {
        let mut differences: BTreeMap<String, usize> = BTreeMap::new();
        for mail in &workload.mails {
            let (got, expected) = (judge(mail), mail.expected);
            let parts = [
                ("SPF", expected.spf, got.spf),
                ("DKIM", expected.dkim, got.dkim),
                ("DMARC", expected.dmarc, got.dmarc),
            ];
            for (part, right, got) in parts.into_iter().filter(|(_, right, got)| right != got) {
                *differences.entry(format!("{part} {got} for {right}")).or_default() += 1;
            }
        }
        let differences: Vec<String> =
            differences.into_iter().map(|(what, count)| format!("{count} × {what}")).collect();
        let said = if differences.is_empty() { "none".to_owned() } else { differences.join(", ") };
        println!(
            "- {name}: differences from the expected verdicts of {} messages: {said}",
            workload.mails.len()
        );
    }

    fn ours(&self, mail: &Mail) -> Words {
        self.runtime.block_on(self.ours.judge(mail))
    }

    fn peer(&self, mail: &Mail) -> Words {
        self.runtime.block_on(self.peer.judge(mail))
    }

    /// Ours alone, so many times: for a profiler.
    pub fn profile(&self, workload: &Workload, rounds: usize) {
        (0..rounds).for_each(|_| self.all(workload, async |mail| _ = self.ours.judge(mail).await));
    }

    /// All messages, one after the other. The runtime is entered once for all of them: a server is in it already when a
    /// message comes.
    fn all(&self, workload: &Workload, judge: impl AsyncFn(&Mail)) {
        self.runtime.block_on(async {
            for mail in &workload.mails {
                judge(mail).await;
            }
        });
    }

    /// Prints the table of one core.
    pub fn one_core(&self, title: &str, workload: &Workload, rounds: usize) {
        let floor = Floor::new();
        let all = &workload.mails;
        let mut times: [Vec<Duration>; 4] = Default::default();
        for round in 0..rounds {
            let mut works: [(usize, &dyn Fn()); 4] = [
                (0, &|| all.iter().for_each(|mail| floor.hash(mail))),
                (1, &|| all.iter().for_each(|mail| floor.work(mail))),
                (2, &|| self.all(workload, async |mail| _ = self.ours.judge(mail).await)),
                (3, &|| self.all(workload, async |mail| _ = self.peer.judge(mail).await)),
            ];
            // Whoever comes first in one round comes later in the next.
            works.rotate_left(round % 4);
            for (which, work) in works {
                times[which].push(spent(work));
            }
        }
        let [hash, floor, ours, peer] = &times;
        let speed = |times: &[Duration]| {
            spread(times.iter().map(|t| workload.bytes() as f64 / (1 << 20) as f64 / t.as_secs_f64()), 0)
        };
        let columns =
            ["DKIM+SPF+DMARC, DNS warm, one core", "µs a message", "MiB/s", "× floor", "× mailward"];
        head(title, columns);
        for (name, of) in [
            ("SHA-256 alone", hash),
            ("floor: SHA-256 and one verification", floor),
            ("mailward", ours),
            ("mail-auth 0.15", peer),
        ] {
            let cells = [
                spread(micros(of, all.len()), 1),
                speed(of),
                spread(ratios(of, floor), 2),
                spread(ratios(of, ours), 2),
            ];
            row([name, &cells[0], &cells[1], &cells[2], &cells[3]]);
        }
    }

    /// Prints how much faster more cores are.
    pub fn cores(&self, workload: &Workload, rounds: usize, cores: usize) {
        head(
            &format!("All {cores} cores, a thread each, one cache for all:"),
            ["", "1 core, msg/s", &format!("{cores} cores, msg/s"), "× by the clock", "× by processor time"],
        );
        let handle = self.runtime.handle();
        for name in ["mailward", "mail-auth 0.15"] {
            let mut results: Vec<[(Duration, Duration); 2]> = Vec::new();
            for _ in 0..rounds {
                results.push([1, cores].map(|threads| match name {
                    "mailward" => {
                        run(workload, threads, handle, async |mail| _ = self.ours.judge(mail).await)
                    }
                    _ => run(workload, threads, handle, async |mail| _ = self.peer.judge(mail).await),
                }));
            }
            let speed = |which: usize| {
                spread(results.iter().map(|r| workload.mails.len() as f64 / r[which].0.as_secs_f64()), 0)
            };
            let clock = results.iter().map(|[one, all]| one.0.as_secs_f64() / all.0.as_secs_f64());
            let processor =
                results.iter().map(|[one, all]| cores as f64 * one.1.as_secs_f64() / all.1.as_secs_f64());
            row([name, &speed(0), &speed(1), &spread(clock, 2), &spread(processor, 2)]);
        }
    }
}

/// All messages on so many threads, each on a core of its own: the time by the clock, and of all processors.
fn run(
    workload: &Workload,
    threads: usize,
    handle: &Handle,
    judge: impl AsyncFn(&Mail) + Sync,
) -> (Duration, Duration) {
    let next = AtomicUsize::new(0);
    let start = Instant::now();
    let worker = |core: usize| {
        pin(core);
        let start = thread_time();
        handle.block_on(async {
            while let Some(mail) = workload.mails.get(next.fetch_add(1, Ordering::Relaxed)) {
                judge(mail).await;
            }
        });
        thread_time().saturating_sub(start)
    };
    let worker = &worker;
    let spent = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|core| scope.spawn(move || worker(core))).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).sum()
    });
    (start.elapsed(), spent)
}
