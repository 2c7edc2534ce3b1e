//! How many lookups a second the socketmap server answers, asked like Postfix asks, over TCP; beside postfix-mta-sts-resolver
//! where there is one. The table is a map in memory: what is measured is the protocol and its connections.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use socketmap::netstring::Frames;
use socketmap::reply::MAX_REPLY;
use socketmap::{Listener, Lookup, Reply, Request, Settings, Trouble, Value};

use crate::table::{head, row, spread};

/// Domains in the table; every lookup finds one.
const DOMAINS: usize = 5000;
/// How long one measurement takes.
const TIME: Duration = Duration::from_secs(2);
/// Connections, and requests on their way on each.
const SHAPES: [(usize, usize); 4] = [(1, 1), (16, 1), (1, 64), (16, 16)];

/// The other program, with its cache in memory full.
const PEER: &str = include_str!("socketmap_peer.py");

struct Table(HashMap<Vec<u8>, Value>);

impl Lookup for Table {
    async fn lookup(&self, request: Request<'_>) -> Reply {
        self.0.get(request.key).map_or(Reply::NotFound, |value| Reply::Ok(value.clone()))
    }

    fn trouble(&self, trouble: &Trouble) {
        eprintln!("{trouble}");
    }
}

/// Prints lookups a second and how long one takes; `python` has postfix-mta-sts-resolver.
pub fn socketmap(python: Option<&Path>, rounds: usize) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let socket = TcpListener::bind("127.0.0.1:0").expect("a port");
    let ours = socket.local_addr().expect("its address");
    let value = Value::new("secure match=mx.example.com servername=hostname").expect("a value");
    let table = (0..DOMAINS).map(|number| (domain(number).into_bytes(), value.clone())).collect();
    let guard = runtime.enter();
    let listener = Listener::tcp(socket).expect("a listener");
    let table = Arc::new(Table(table));
    runtime.spawn(socketmap::serve(listener, table, Settings::default(), std::future::pending()));
    drop(guard);
    let peer = python.map(Peer::start);
    head(
        &format!(
            "Socketmap over TCP, {DOMAINS} domains in memory, {rounds} rounds of {} s, clients on the same cores:",
            TIME.as_secs()
        ),
        ["connections × requests on their way", "program", "lookups/s", "median ms", "p99 ms"],
    );
    for shape in SHAPES {
        let mut all = vec![("mailward", ours, Vec::new())];
        all.extend(peer.iter().map(|peer| ("postfix-mta-sts-resolver", peer.addr, Vec::new())));
        for _ in 0..rounds {
            for (_, addr, runs) in &mut all {
                runs.push(measure(*addr, shape));
            }
        }
        for (program, _, runs) in all {
            let of = |what: fn(&Run) -> f64, decimals| spread(runs.iter().map(what), decimals);
            row([
                &format!("{} × {}", shape.0, shape.1),
                program,
                &of(|run| run.rate, 0),
                &of(|run| run.median, 3),
                &of(|run| run.p99, 3),
            ]);
        }
    }
}

fn domain(number: usize) -> String {
    format!("domain{number}.example")
}

struct Run {
    rate: f64,
    median: f64,
    p99: f64,
}

fn measure(addr: SocketAddr, (connections, depth): (usize, usize)) -> Run {
    let barrier = Barrier::new(connections);
    let mut times: Vec<Duration> = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..connections)
            .map(|number| {
                let barrier = &barrier;
                scope.spawn(move || client(addr, depth, number * 313, barrier))
            })
            .collect();
        clients.into_iter().flat_map(|client| client.join().expect("a client")).collect()
    });
    times.sort_unstable();
    let at = |share: f64| times[(times.len() as f64 * share) as usize].as_secs_f64() * 1e3;
    Run { rate: times.len() as f64 / TIME.as_secs_f64(), median: at(0.5), p99: at(0.99) }
}

/// Keeps so many requests on their way until the time is over; how long each took.
fn client(addr: SocketAddr, depth: usize, mut number: usize, barrier: &Barrier) -> Vec<Duration> {
    let mut stream = TcpStream::connect(addr).expect("a connection");
    stream.set_nodelay(true).expect("no delay");
    let mut frames = Frames::new(MAX_REPLY);
    let (mut out, mut block) = (Vec::new(), vec![0; 64 << 10]);
    let mut times = Vec::with_capacity(1 << 18);
    barrier.wait();
    let end = Instant::now() + TIME;
    while Instant::now() < end {
        out.clear();
        for _ in 0..depth {
            number = (number + 1) % DOMAINS;
            Request { map: b"policy", key: domain(number).as_bytes() }.encode(&mut out);
        }
        let start = Instant::now();
        stream.write_all(&out).expect("the server takes it");
        let mut left = depth;
        while left > 0 {
            let count = stream.read(&mut block).expect("an answer");
            assert!(count > 0, "the server hung up");
            frames.push(&block[..count]);
            while let Some(answer) = frames.take().expect("a netstring") {
                assert!(answer.starts_with(b"OK secure match="), "{}", answer.escape_ascii());
                times.push(start.elapsed());
                left -= 1;
            }
        }
    }
    times
}

struct Peer {
    addr: SocketAddr,
    child: Child,
}

impl Peer {
    fn start(python: &Path) -> Self {
        let addr = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a port");
        let mut command = Command::new(python);
        command.args(["-c", PEER, &addr.port().to_string(), &DOMAINS.to_string()]).stdout(Stdio::piped());
        let mut child = command.spawn().expect("Python");
        let mut line = String::new();
        let out = child.stdout.take().expect("a pipe");
        BufReader::new(out).read_line(&mut line).expect("its first line");
        assert_eq!(line, "ready\n", "postfix-mta-sts-resolver starts");
        Self { addr, child }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
