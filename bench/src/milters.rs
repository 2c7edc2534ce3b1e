//! `mailward serve` as an MTA meets it, beside OpenDKIM and OpenDMARC in a row: processor time, messages a second, how long
//! the MTA waits, memory.

mod filter;
mod mta;

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use testkit::real::{Knot, Root, knot};

use self::filter::{Chain, Filter};
use self::mta::{Connection, PIECE, Script, Scripts, Trip};
use crate::clock::{pin, pin_to};
use crate::table::{head, row, spread};
use crate::workload::{Mail, Sizes, Workload};

/// Messages that go through both.
const MESSAGES: usize = 400;
/// How often they go through mailward in a round, which is over sooner.
const REPEATED: usize = 5;
/// The size of the smaller ones, in bytes.
const SMALL: usize = 20 * 1024;
/// Messages at once, where there are several.
const MANY: usize = 16;
/// The messages a second at which the waiting is measured, for how many seconds.
const RATE: (usize, usize) = (1000, 5);
/// The most of them at once.
const SENDERS: usize = 32;
/// Connections that are idle.
const IDLE: usize = 10_000;
/// How long the long body is, in bytes.
const LONG: usize = 1 << 30;

/// Prints the tables; `folder` is for what mailward keeps.
pub fn milters(mailward: &Path, folder: &Path, rounds: usize, cores: usize) {
    let limit = getrlimit(Resource::RLIMIT_NOFILE).expect("the kernel tells");
    setrlimit(Resource::RLIMIT_NOFILE, limit.1, limit.1).expect("up to the limit it is allowed");
    let mixed = Workload::new(MESSAGES, Sizes::Mixed);
    let small = Workload::new(MESSAGES, Sizes::SignedTwice(SMALL));
    // From here on, everything on one core: filters, name server, and who sends.
    pin(1);
    // The same world, in one zone that begins at the root.
    let names = mixed.zone_text.lines().filter(|line| !line.contains(" SOA ")).collect::<Vec<_>>().join("\n");
    let dns = knot(&format!(". 86400 SOA . . 1 7200 3600 1209600 86400\n. 86400 NS ns.\n{names}\n"));
    let dns = dns.expect("a root with knot");
    let mean = mixed.bytes() / MESSAGES / 1024;
    let ours = Chain::mailward(mailward, &folder.join("one"), &dns);
    let peers = Root::find(&["opendkim", "opendmarc"]).map(|root| Chain::opendkim_opendmarc(&root, &dns));
    let chains: Vec<Chain> = [Some(ours), peers].into_iter().flatten().collect();
    one_core(
        &format!("{MESSAGES} messages, {mean} KiB on average, {rounds} rounds:"),
        &mixed,
        &chains,
        rounds,
    );
    one_core(
        &format!("{MESSAGES} messages of 20 KiB with two signatures, {rounds} rounds:"),
        &small,
        &chains,
        rounds,
    );
    drop(chains);
    pin_to(0..cores);
    all_cores(mailward, &folder.join("all"), &dns, &small, rounds);
}

/// What it took to get messages through.
struct Pass {
    /// The processor time of each filter.
    used: Vec<Duration>,
    clock: Duration,
    count: usize,
}

impl Pass {
    fn cpu(&self) -> f64 {
        self.used.iter().sum::<Duration>().as_secs_f64() * 1000.0 / self.count as f64
    }

    fn rate(&self) -> f64 {
        self.count as f64 / self.clock.as_secs_f64()
    }
}

/// The messages as each filter of a chain wants them.
struct Load {
    scripts: Vec<Vec<Scripts>>,
}

impl Load {
    fn new(workload: &Workload, chain: &Chain) -> Self {
        let scripts = chain.filters.iter().map(|filter| {
            let agreed = open(filter).agreed();
            workload.mails.iter().map(|mail| Scripts::new(mail, agreed)).collect()
        });
        Self { scripts: scripts.collect() }
    }

    /// Shows one message to one filter after the other.
    fn show(&self, chain: &Chain, number: usize) -> Trip {
        let (mut fields, mut end) = (Vec::new(), Duration::ZERO);
        for (filter, scripts) in chain.filters.iter().zip(&self.scripts) {
            let mut connection = open(filter);
            let trip = connection.show(&scripts[number % scripts.len()], &fields).expect("it goes through");
            fields.splice(0..0, trip.fields);
            end += trip.end;
        }
        Trip { fields, end }
    }

    /// Shows so many messages, so many of them at once.
    fn pass(&self, chain: &Chain, count: usize, at_once: usize) -> Pass {
        let used = || chain.filters.iter().map(Filter::used).collect::<Vec<_>>();
        let next = AtomicUsize::new(0);
        let (before, start) = (used(), Instant::now());
        std::thread::scope(|scope| {
            for _ in 0..at_once {
                scope.spawn(|| {
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        if number >= count {
                            return;
                        }
                        self.show(chain, number);
                    }
                });
            }
        });
        let clock = start.elapsed();
        let used = used().into_iter().zip(before).map(|(after, before)| after - before).collect();
        Pass { used, clock, count }
    }

    /// Shows every message once, and prints how many results of DMARC are not as they should be.
    fn check(&self, chain: &Chain, mails: &[Mail]) {
        let is_wrong = |(number, mail): &(usize, &Mail)| {
            let trip = self.show(chain, *number);
            let said = |(_, value): &mta::Field| {
                let value = String::from_utf8_lossy(value).into_owned();
                let rest = value.split_once("dmarc=")?.1;
                rest.split(|c: char| !c.is_ascii_alphabetic()).next().map(str::to_owned)
            };
            trip.fields.iter().find_map(said).as_deref() != Some(mail.expected.dmarc)
        };
        let wrong = mails.iter().enumerate().filter(is_wrong).count();
        println!("- {}: {wrong} of {} results of DMARC are not those expected", chain.name, mails.len());
    }
}

fn open(filter: &Filter) -> Connection {
    Connection::open(&filter.socket).expect("the filter answers")
}

fn one_core(title: &str, workload: &Workload, chains: &[Chain], rounds: usize) {
    println!();
    let loads: Vec<Load> = chains.iter().map(|chain| Load::new(workload, chain)).collect();
    for (chain, load) in chains.iter().zip(&loads) {
        load.check(chain, &workload.mails);
    }
    // By chain, then one at a time and several at once.
    let mut passes: Vec<[Vec<Pass>; 2]> = chains.iter().map(|_| Default::default()).collect();
    for _ in 0..rounds {
        for ((chain, load), passes) in chains.iter().zip(&loads).zip(&mut passes) {
            let count = if chain.filters.len() == 1 { MESSAGES * REPEATED } else { MESSAGES };
            for (passes, at_once) in passes.iter_mut().zip([1, MANY]) {
                passes.push(load.pass(chain, count, at_once));
            }
        }
    }
    head(
        &format!("{title} everything on one core"),
        ["", "at once", "CPU s per 1,000", "messages/s", "CPU, × mailward", "mailward's messages/s, × these"],
    );
    for (index, at_once) in [1, MANY].into_iter().enumerate() {
        for (chain, passes_of) in chains.iter().zip(&passes) {
            let (ours, own) = (&passes[0][index], &passes_of[index]);
            let ratio = |of: fn(&Pass, &Pass) -> f64| {
                spread(own.iter().zip(ours).map(|(own, ours)| of(own, ours)), 1)
            };
            row([
                chain.name,
                &at_once.to_string(),
                &cpu(own),
                &spread(own.iter().map(Pass::rate), 0),
                &ratio(|own, ours| own.cpu() / ours.cpu()),
                &ratio(|own, ours| ours.rate() / own.rate()),
            ]);
        }
    }
}

/// What all filters of a chain have used, and each of them.
fn cpu(passes: &[Pass]) -> String {
    let all = spread(passes.iter().map(Pass::cpu), 3);
    let filters = passes.first().map_or(0, |pass| pass.used.len());
    let part = |filter: usize| {
        let cpu = |pass: &Pass| pass.used[filter].as_secs_f64() * 1000.0 / pass.count as f64;
        spread(passes.iter().map(cpu), 2)
    };
    let parts: Vec<String> = (0..filters).filter(|_| filters > 1).map(part).collect();
    if parts.is_empty() { all } else { format!("{all} = {}", parts.join(" + ")) }
}

fn all_cores(mailward: &Path, folder: &Path, dns: &Knot, small: &Workload, rounds: usize) {
    let chain = Chain::mailward(mailward, folder, dns);
    let load = Load::new(small, &chain);
    load.pass(&chain, MESSAGES, MANY);
    let passes: Vec<Pass> = (0..rounds).map(|_| load.pass(&chain, MESSAGES * REPEATED, MANY)).collect();
    head("20 KiB with two signatures, all cores (who sends has its part of them):", ["", ""]);
    row(["messages/s, 16 at once", &spread(passes.iter().map(Pass::rate), 0)]);
    row(["CPU s per 1,000", &spread(passes.iter().map(Pass::cpu), 3)]);
    let (rate, seconds) = RATE;
    let waits: Vec<[Waits; 2]> = (0..rounds).map(|_| wait(&load, &chain)).collect();
    for (index, name) in
        ["from the first command to the last word", "from the end of the message to the last word"]
            .into_iter()
            .enumerate()
    {
        for (share, label) in [(0.5, "median"), (0.99, "p99")] {
            let millis = spread(waits.iter().map(|waits| waits[index].at(share).as_secs_f64() * 1e3), 2);
            row([&format!("{rate} messages/s for {seconds} s, ms {name}, {label}"), &millis]);
        }
    }
    long_body(&load, &chain);
    idle(&load, &chain);
}

/// How long it took, sorted.
struct Waits(Vec<Duration>);

impl Waits {
    fn new(mut all: Vec<Duration>) -> Self {
        all.sort();
        Self(all)
    }

    fn at(&self, share: f64) -> Duration {
        self.0[((self.0.len() - 1) as f64 * share) as usize]
    }
}

/// Sends at an even rate, whether or not answers come. Counted from when a message was due.
fn wait(load: &Load, chain: &Chain) -> [Waits; 2] {
    let (rate, seconds) = RATE;
    let waits = Mutex::new((Vec::new(), Vec::new()));
    let start = Instant::now() + Duration::from_millis(50);
    std::thread::scope(|scope| {
        for sender in 0..SENDERS {
            let waits = &waits;
            scope.spawn(move || {
                for number in (sender..rate * seconds).step_by(SENDERS) {
                    let due = start + Duration::from_secs_f64(number as f64 / rate as f64);
                    std::thread::sleep(due.saturating_duration_since(Instant::now()));
                    let trip = load.show(chain, number);
                    let mut waits = waits.lock().expect("no panic");
                    waits.0.push(due.elapsed());
                    waits.1.push(trip.end);
                }
            });
        }
    });
    let (whole, end) = waits.into_inner().expect("no panic");
    [Waits::new(whole), Waits::new(end)]
}

fn long_body(load: &Load, chain: &Chain) {
    let filter = &chain.filters[0];
    let mail = &load.scripts[0][0];
    let mut connection = open(filter);
    let line = [&[b'x'; 76][..], b"\r\n"].concat();
    let piece: Vec<u8> = line.into_iter().cycle().take(PIECE).collect();
    let piece = Script::piece(connection.agreed(), &piece);
    connection.show(mail, &[]).expect("it goes through");
    let mut connection = open(filter);
    let before = filter.memory(false);
    filter.forget_most();
    let start = Instant::now();
    connection.begin(mail, &[]).expect("it goes through");
    for _ in 0..LONG / PIECE {
        connection.play(&piece).expect("it goes through");
    }
    connection.end(mail).expect("it goes through");
    let seconds = start.elapsed().as_secs_f64();
    let more = filter.memory(true).saturating_sub(before);
    row(["a body of 1 GiB: memory at most, KiB more", &more.to_string()]);
    row(["a body of 1 GiB: seconds", &format!("{seconds:.1}")]);
}

fn idle(load: &Load, chain: &Chain) {
    let filter = &chain.filters[0];
    let before = filter.memory(false);
    let (scripts, mut connections) = (&load.scripts[0], Vec::with_capacity(IDLE));
    for number in 0..IDLE {
        let mut connection = open(filter);
        connection.show(&scripts[number % scripts.len()], &[]).expect("it goes through");
        connections.push(connection);
    }
    let after = filter.memory(false);
    row([
        &format!("{IDLE} idle connections, each after a message: memory in all, MiB"),
        &format!("{} ({} before)", after / 1024, before / 1024),
    ]);
}
