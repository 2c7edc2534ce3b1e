//! How many answers a second Postfix gets about the policies of domains that are known: from `mailward serve`, and from
//! postfix-mta-sts-resolver where there is one. Each is a process of its own, one after the other asked by the same client.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Barrier;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use dns::Zone;
use mail::{Domain, UnixTime};
use mta_sts::{Id, Kept, Policy};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::time::ClockId;
use socketmap::Request;
use socketmap::netstring::Frames;
use socketmap::reply::MAX_REPLY;
use store::{Forgotten, Store, TlsPolicy};
use testkit::real::wait_until;

use crate::clock::{of_process, used};
use crate::server::Server;
use crate::table::{head, row, spread};

/// Domains whose policies are known; every question is about one of them.
const DOMAINS: usize = 5000;
/// How long one measurement takes.
const TIME: Duration = Duration::from_secs(2);
/// How the client asks.
const SHAPES: [Shape; 5] = [
    Shape { connections: 1, depth: 1, threads: 1 },
    Shape { connections: 16, depth: 1, threads: 16 },
    Shape { connections: 16, depth: 1, threads: 2 },
    Shape { connections: 1, depth: 64, threads: 1 },
    Shape { connections: 16, depth: 16, threads: 2 },
];

/// The other program, with its cache in memory full.
const PEER: &str = include_str!("socketmap_peer.py");

#[derive(Clone, Copy)]
struct Shape {
    connections: usize,
    /// Questions on their way on each.
    depth: usize,
    /// Threads of the client, which share the connections.
    threads: usize,
}

/// Where a program answers.
#[derive(Clone)]
enum Place {
    Unix(PathBuf),
    Tcp(SocketAddr),
}

/// A program that answers, until it is dropped.
struct Program {
    name: &'static str,
    place: Place,
    child: Child,
    clock: ClockId,
}

/// Prints answers a second, how long one takes, and its processor time; `folder` is for what mailward keeps, `python` has
/// postfix-mta-sts-resolver.
pub fn socketmap(mailward: &Path, folder: &Path, python: Option<&Path>, rounds: usize) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(keep_policies(&folder.join("data/mailward.db")));
    let names = Server::start(Zone::parse(zone()).expect("a zone"), Duration::ZERO);
    for is_unix in [true, false] {
        let place = |name: &str| match is_unix {
            true => Place::Unix(folder.join(name)),
            false => Place::Tcp(free_address()),
        };
        let mut programs = vec![mailward_serve(mailward, folder, names.address, place("mailward.sock"))];
        // `pip install` alone brings no uvloop, which it uses where there is one.
        for (name, event_loop) in
            [("postfix-mta-sts-resolver", "asyncio"), ("the same with uvloop", "uvloop")]
        {
            programs.extend(python.map(|python| peer(python, name, event_loop, place(event_loop))));
        }
        compare(if is_unix { "a unix socket" } else { "TCP" }, &programs, rounds);
    }
}

fn compare(over: &str, programs: &[Program], rounds: usize) {
    for program in programs {
        know_all(&program.place);
    }
    head(
        &format!(
            "Policies of {DOMAINS} domains, over {over}, {rounds} rounds of {} s for each, clients on the same cores:",
            TIME.as_secs()
        ),
        [
            "connections × questions on their way, threads that ask",
            "program",
            "answers/s",
            "median ms",
            "p99 ms",
            "its processor µs an answer",
            "mailward's answers/s, × these",
        ],
    );
    for shape in SHAPES {
        let mut runs: Vec<Vec<Run>> = programs.iter().map(|_| Vec::new()).collect();
        for _ in 0..rounds {
            for (program, runs) in programs.iter().zip(&mut runs) {
                runs.push(measure(program, shape));
            }
        }
        for (program, these) in programs.iter().zip(&runs) {
            let of = |what: fn(&Run) -> f64, decimals| spread(these.iter().map(what), decimals);
            let ratios = runs[0].iter().zip(these).map(|(ours, this)| ours.rate / this.rate);
            row([
                &format!("{} × {}, {}", shape.connections, shape.depth, shape.threads),
                program.name,
                &of(|run| run.rate, 0),
                &of(|run| run.median, 3),
                &of(|run| run.p99, 3),
                &of(|run| run.processor, 1),
                &spread(ratios, 1),
            ]);
        }
    }
}

fn domain(number: usize) -> String {
    format!("domain{number}.example")
}

fn zone() -> String {
    let records = |domain| {
        format!("_mta-sts.{domain}. 86400 TXT \"v=STSv1; id=1\"\n{domain}. 86400 MX 10 mx.example.com.\n")
    };
    (0..DOMAINS).map(|number| records(domain(number))).collect()
}

/// Writes a policy for each domain into the database.
async fn keep_policies(path: &Path) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    let store = Store::new(&store::Place::Sqlite(path.to_owned())).expect("the folder can be written to");
    store.migrate(UnixTime(now)).await.expect("a new database");
    let policy = Policy::parse(b"version: STSv1\nmode: enforce\nmx: mx.example.com\nmax_age: 604800\n");
    let kept = Kept {
        policy: policy.value.expect("a policy"),
        id: Id::parse(b"1").expect("an id"),
        fetched: UnixTime(now),
    };
    for number in 0..DOMAINS {
        let domain = Domain::parse(&domain(number)).expect("a name");
        let policy = TlsPolicy { domain, kept: kept.clone(), refresh_at: UnixTime(now + 80_000) };
        store.put_tls_policy(&policy, Forgotten::NEVER).await.expect("it is kept");
    }
    store.close().await;
}

fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a port")
}

fn mailward_serve(program: &Path, folder: &Path, names: SocketAddr, place: Place) -> Program {
    let address = match &place {
        Place::Unix(path) => path.display().to_string(),
        Place::Tcp(addr) => addr.to_string(),
    };
    let text = format!(
        "[[listener]]\nname = 'milter'\naddress = '127.0.0.1:0'\n[dns]\nservers = '{names}'\n[store]\npath = '{}'\n\
         [web]\naddress = ''\n[tls_policy]\naddress = '{address}'\n",
        folder.join("data").display()
    );
    let config = folder.join("mailward.toml");
    fs::write(&config, text).expect("the folder can be written to");
    let log = fs::File::create(folder.join("log")).expect("the folder can be written to");
    let mut command = Command::new(program);
    command.arg("serve").arg("--config").arg(config).stdout(Stdio::null()).stderr(log);
    let child = command.spawn().expect("mailward starts");
    assert!(wait_until(|| place.connect().is_ok()), "mailward does not answer");
    Program { name: "mailward", place, clock: of_process(child.id()), child }
}

fn peer(python: &Path, name: &'static str, event_loop: &str, place: Place) -> Program {
    let mut command = Command::new(python);
    command.args(["-c", PEER]);
    match &place {
        Place::Unix(path) => command.arg(path),
        Place::Tcp(addr) => command.arg(addr.port().to_string()),
    };
    let mut child =
        command.args([&DOMAINS.to_string(), event_loop]).stdout(Stdio::piped()).spawn().expect("Python");
    let mut line = String::new();
    let out = child.stdout.take().expect("a pipe");
    BufReader::new(out).read_line(&mut line).expect("its first line");
    assert_eq!(line, "ready\n", "postfix-mta-sts-resolver starts");
    Program { name, place, clock: of_process(child.id()), child }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks once about each domain.
fn know_all(place: &Place) {
    let mut connection = Connection::open(place, 0);
    for _ in 0..DOMAINS {
        connection.ask(1);
        while connection.left > 0 {
            connection.read(&mut Vec::new());
        }
    }
}

struct Run {
    rate: f64,
    median: f64,
    p99: f64,
    processor: f64,
}

fn measure(program: &Program, Shape { connections, depth, threads }: Shape) -> Run {
    let barrier = Barrier::new(threads + 1);
    let (mut times, processor) = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..threads)
            .map(|thread| {
                let own = (thread..connections).step_by(threads);
                let own: Vec<_> = own.map(|number| Connection::open(&program.place, number * 313)).collect();
                let barrier = &barrier;
                scope.spawn(move || client(own, depth, barrier))
            })
            .collect();
        barrier.wait();
        let before = used(program.clock);
        let times: Vec<Duration> =
            clients.into_iter().flat_map(|client| client.join().expect("a client")).collect();
        (times, used(program.clock) - before)
    });
    times.sort_unstable();
    let at = |share: f64| times[(times.len() as f64 * share) as usize].as_secs_f64() * 1e3;
    Run {
        rate: times.len() as f64 / TIME.as_secs_f64(),
        median: at(0.5),
        p99: at(0.99),
        processor: processor.as_secs_f64() * 1e6 / times.len() as f64,
    }
}

/// Keeps so many questions on their way on each connection until the time is over; how long each took.
fn client(mut connections: Vec<Connection>, depth: usize, barrier: &Barrier) -> Vec<Duration> {
    let mut times = Vec::with_capacity(1 << 20);
    barrier.wait();
    let end = Instant::now() + TIME;
    connections.iter_mut().for_each(|connection| connection.ask(depth));
    while Instant::now() < end {
        // Who has one connection waits where it reads, as Postfix does.
        if let [connection] = &mut *connections {
            connection.turn(depth, &mut times);
            continue;
        }
        let mut ready: Vec<PollFd<'_>> = connections
            .iter()
            .map(|connection| PollFd::new(connection.stream.as_fd(), PollFlags::POLLIN))
            .collect();
        poll(&mut ready, PollTimeout::NONE).expect("poll");
        let ready: Vec<bool> = ready.iter().map(|fd| fd.any() == Some(true)).collect();
        for (connection, _) in connections.iter_mut().zip(ready).filter(|(_, ready)| *ready) {
            connection.turn(depth, &mut times);
        }
    }
    // What was asked is waited for: who hangs up before has the server complain.
    for connection in &mut connections {
        while connection.left > 0 {
            connection.read(&mut Vec::new());
        }
    }
    times
}

trait Stream: Read + Write + AsFd + Send {}
impl<T: Read + Write + AsFd + Send> Stream for T {}

impl Place {
    fn connect(&self) -> std::io::Result<Box<dyn Stream>> {
        Ok(match self {
            Self::Unix(path) => Box::new(UnixStream::connect(path)?),
            Self::Tcp(addr) => {
                let stream = TcpStream::connect(addr)?;
                stream.set_nodelay(true)?;
                Box::new(stream)
            }
        })
    }
}

/// A connection of the client.
struct Connection {
    stream: Box<dyn Stream>,
    frames: Frames,
    block: Vec<u8>,
    out: Vec<u8>,
    /// The domain asked about last.
    number: usize,
    asked: Instant,
    /// Answers that have not come yet.
    left: usize,
}

impl Connection {
    fn open(place: &Place, number: usize) -> Self {
        let stream = place.connect().expect("a connection");
        let (frames, block) = (Frames::new(MAX_REPLY), vec![0; 64 << 10]);
        Self { stream, frames, block, out: Vec::new(), number, asked: Instant::now(), left: 0 }
    }

    fn ask(&mut self, depth: usize) {
        self.out.clear();
        for _ in 0..depth {
            self.number = (self.number + 1) % DOMAINS;
            Request { map: b"tls-policy", key: domain(self.number).as_bytes() }.encode(&mut self.out);
        }
        self.asked = Instant::now();
        self.stream.write_all(&self.out).expect("the server takes it");
        self.left = depth;
    }

    /// Reads what there is, or what comes first.
    fn read(&mut self, times: &mut Vec<Duration>) {
        let count = self.stream.read(&mut self.block).expect("an answer");
        assert!(count > 0, "the server hung up");
        self.frames.push(&self.block[..count]);
        while let Some(answer) = self.frames.take().expect("a netstring") {
            let right = answer == b"OK secure match=mx.example.com servername=hostname";
            assert!(right, "{}", answer.escape_ascii());
            times.push(self.asked.elapsed());
            self.left -= 1;
        }
    }

    /// Reads, and asks again once all is answered.
    fn turn(&mut self, depth: usize, times: &mut Vec<Duration>) {
        self.read(times);
        if self.left == 0 {
            self.ask(depth);
        }
    }
}
