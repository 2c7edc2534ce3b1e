//! Real programs for tests: knot, OpenDKIM, dkimpy and others out of a Debian root, talking over loopback.
//! A program lives in its own process, mount and root namespace and dies with the test; nothing is left to clean up.

use std::fs;
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio, id};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{LazyLock, Mutex, mpsc};
use std::time::{Duration, Instant};

pub mod mx;
pub mod opendkim;
pub mod postfix;
pub mod postgres;
pub mod sasl;
pub mod smtp;
pub mod unbound;

/// How long [`wait_until`] waits before it gives up.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// The variables that name a Debian root, in the order in which they are searched; `cargo xtask roots` makes the roots.
const ROOTS: &[&str] = &["MAILWARD_ROOT_BOOKWORM", "MAILWARD_ROOT_TRIXIE"];

/// Where programs lie in a root; the Python environment comes first.
const BIN: &[&str] = &["opt/venv/bin", "usr/sbin", "usr/bin"];

/// A Debian root that has the programs that a test needs.
#[derive(Debug, Clone)]
pub struct Root {
    path: PathBuf,
}

impl Root {
    /// The first root that has all `programs`. Without one: says so loudly and gives `None`; panics where `CI=true`.
    #[must_use]
    pub fn find(programs: &[&str]) -> Option<Self> {
        Self::all(programs).into_iter().next()
    }

    /// Every root that has all `programs`: the same test with several versions of them. Without one: says so loudly;
    /// panics where `CI=true`.
    #[must_use]
    pub fn all(programs: &[&str]) -> Vec<Self> {
        let roots = ROOTS.iter().filter_map(std::env::var_os).map(PathBuf::from);
        let found: Vec<Self> = roots
            .filter(|root| programs.iter().all(|program| program_in(root, program).is_some()))
            .map(|path| Self { path })
            .collect();
        let privileged = fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
        let why = match found.is_empty() {
            false if privileged => return found,
            false => "it has to be root",
            true => "no Debian root has them (made by: cargo xtask roots)",
        };
        not_run(&format!("a test with {}", programs.join(", ")), why);
        Vec::new()
    }

    /// Where the root lies on this machine.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A command that runs `program` inside the root, in namespaces of its own but on this machine's loopback.
    /// It is killed when the thread that starts it ends; for what must outlive that, see [`Running::start`].
    #[must_use]
    pub fn command(&self, program: &str) -> Command {
        self.command_over(program, &[])
    }

    /// The same, and for this command alone other files stand in the places of some of the root's own: each a path in the
    /// root (`etc/resolv.conf`), where there is a file, and what is seen there.
    #[must_use]
    pub fn command_over(&self, program: &str, files: &[(&str, &Path)]) -> Command {
        const MOUNT: &str =
            r#"while [ "$1" != -- ]; do mount --bind "$1" "$2"; shift 2; done; shift; exec "$@""#;
        let Some(file) = program_in(&self.path, program) else {
            panic!("no {program} in {}", self.path.display())
        };
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL"]);
        if !files.is_empty() {
            command.args(["unshare", "--mount", "sh", "-ec", MOUNT, "sh"]);
            for (place, file) in files {
                command.arg(file).arg(self.path.join(place));
            }
            command.arg("--");
        }
        // Killed with whoever started it, a process takes those in its PID namespace along. A program that takes on another
        // user's rights, as Postfix does, is no longer killed so; who keeps the outer namespace is.
        command.args(["unshare", "--pid", "--fork", "--kill-child"]);
        command.args(["unshare", "--mount", "--pid", "--fork", "--kill-child"]);
        command.arg("--mount-proc").arg(format!("--root={}", self.path.display())).arg("--wd=/");
        command.arg(Path::new("/").join(file));
        command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("HOME", "/").env("TMPDIR", "/tmp");
        command
    }

    /// A new, empty folder that both the test and programs in the root can see; it goes away when dropped.
    #[must_use]
    pub fn work(&self) -> Work {
        let inside = Path::new("/srv").join(format!("{}-{}", id(), next()));
        let outside = self.path.join(inside.strip_prefix("/").unwrap_or(&inside));
        fs::create_dir_all(&outside).expect("a work folder in the root (are the tests run as root?)");
        Work { inside, outside }
    }
}

/// The path of `program` relative to `root`.
fn program_in(root: &Path, program: &str) -> Option<PathBuf> {
    let mut candidates = BIN.iter().map(|bin| Path::new(bin).join(program));
    candidates.find(|file| root.join(file).symlink_metadata().is_ok())
}

/// Says loudly that `what` did not run and why. Panics where `CI=true`: there everything must run.
pub fn not_run(what: &str, why: &str) {
    let message = format!("{what} did NOT run: {why}");
    assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "{message}");
    eprintln!("{message}");
}

/// A folder that is visible inside a root; removed when dropped.
#[derive(Debug)]
pub struct Work {
    inside: PathBuf,
    outside: PathBuf,
}

impl Work {
    /// The folder as a program in the root sees it.
    #[must_use]
    pub fn inside(&self) -> &Path {
        &self.inside
    }

    /// The folder as the test sees it.
    #[must_use]
    pub fn outside(&self) -> &Path {
        &self.outside
    }

    /// Writes the file `name` and gives its path inside the root.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        fs::write(self.outside.join(name), content).expect("a file in the work folder");
        self.inside.join(name)
    }

    /// The content of the file `name`.
    #[must_use]
    pub fn read(&self, name: &str) -> Vec<u8> {
        let file = self.outside.join(name);
        fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        // A program may have been killed in the middle of a write: what is left of it harms nobody.
        let _ = fs::remove_dir_all(&self.outside);
    }
}

/// A program that runs until this value is dropped, or the test's process ends in whatever way.
#[derive(Debug)]
pub struct Running {
    child: Child,
    log: PathBuf,
}

impl Running {
    /// Starts a command of [`Root::command`]; what it prints goes to the file `log` in `work`.
    #[must_use]
    pub fn start(mut command: Command, work: &Work) -> Self {
        let log = work.outside.join("log");
        let out = fs::File::create(&log).expect("the log");
        command.stdin(Stdio::null()).stderr(out.try_clone().expect("the log")).stdout(out);
        let child = spawn(command).expect("setpriv and unshare of util-linux");
        Self { child, log }
    }

    /// The number of the program's own process, as this machine counts; panics where it has not been started yet.
    #[must_use]
    pub fn pid(&self) -> u32 {
        // Each `unshare` waits for its child.
        [(), ()].iter().fold(self.child.id(), |unshare, ()| {
            let children = fs::read_to_string(format!("/proc/{unshare}/task/{unshare}/children"));
            let first = children.expect("the program runs").split_whitespace().next().map(str::parse);
            first.expect("the program runs").expect("a number")
        })
    }

    /// Waits until `answers`; panics with the program's log when it ends before that, or at the [`DEADLINE`].
    pub fn wait_until_answers(&mut self, mut answers: impl FnMut() -> bool) {
        let mut ended = None;
        let answered = wait_until(|| {
            ended = self.child.try_wait().ok().flatten();
            ended.is_some() || answers()
        });
        if !answered || ended.is_some() {
            let log = fs::read_to_string(&self.log).unwrap_or_default();
            panic!("the program does not answer (ended: {ended:?}):\n{log}");
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks `condition` again and again until it holds (true) or the [`DEADLINE`] has passed (false).
#[must_use]
pub fn wait_until(mut condition: impl FnMut() -> bool) -> bool {
    let start = Instant::now();
    loop {
        if condition() {
            return true;
        }
        if start.elapsed() > DEADLINE {
            return false;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

type Job = (Command, mpsc::Sender<io::Result<Child>>);

/// Starts programs from a thread that lives as long as the process. The kernel kills them when the *thread* that started
/// them ends (`setpriv --pdeathsig`), and a test's own thread may end while other tests still use the program.
fn spawn(command: Command) -> io::Result<Child> {
    static SPAWNER: LazyLock<Mutex<mpsc::Sender<Job>>> = LazyLock::new(|| {
        let (sender, jobs) = mpsc::channel::<Job>();
        std::thread::spawn(move || {
            for (mut command, reply) in jobs {
                let _ = reply.send(command.spawn());
            }
        });
        Mutex::new(sender)
    });
    let (reply, child) = mpsc::channel();
    let spawner = SPAWNER.lock().expect("no one panics while holding it");
    spawner.send((command, reply)).expect("the spawner lives as long as the process");
    child.recv().expect("the spawner answers")
}

/// A number that no other call in this process gets.
fn next() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// So many addresses are each process's own.
const PER_PROCESS: u32 = 1024;

/// An address of loopback where nothing listens yet, at `port` for UDP and TCP, different for every call in every process.
/// Where something of this machine listens at that port everywhere, the port is another one.
fn free_address(port: u16) -> SocketAddr {
    let free = |address: Ipv4Addr, port| -> io::Result<SocketAddr> {
        let tcp = TcpListener::bind((address, port))?;
        UdpSocket::bind(tcp.local_addr()?)?;
        tcp.local_addr()
    };
    // Another process has an address of these where one of the two asks for very many.
    let mut addresses = std::iter::repeat_with(|| {
        let unique = id().wrapping_mul(PER_PROCESS).wrapping_add(next());
        let [_, a, b, c] = unique.to_be_bytes();
        Ipv4Addr::new(127, 64 | (a & 63), b, c)
    });
    let found = addresses.by_ref().take(20).find_map(|address| free(address, port).ok());
    found.or_else(|| free(addresses.next()?, 0).ok()).expect("a free address of loopback")
}

/// A knot that serves one zone, authoritatively, until it is dropped.
#[derive(Debug)]
pub struct Knot {
    /// Where it answers, UDP and TCP: an address of 127.0.0.0/8, port 53 unless this machine has that in use.
    pub addr: SocketAddr,
    /// Its process.
    pub running: Running,
    _work: Work,
}

const KNOT_CONF: &str = "\
server:
    listen: ADDRESS@PORT
    rundir: DIRECTORY
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
log:
  - target: stderr
    any: info
database:
    storage: DIRECTORY
zone:
  - domain: .
    storage: DIRECTORY
    file: zone
    journal-content: none
    zonefile-load: whole
    zonefile-sync: -1
SIGNING";

/// Serves `zone`, a master file (RFC 1035 §5) whose origin is the root: it opens with `. SOA`, so that one file is a whole world.
/// `None` where no root has knot ([`Root::find`]); panics with knot's log when knot does not take the zone.
#[must_use]
pub fn knot(zone: &str) -> Option<Knot> {
    knot_with(zone, "")
}

/// The same, with all of the zone signed (DNSSEC): the server, and its key as a trust anchor (`. DNSKEY ...`).
#[must_use]
pub fn signed_knot(zone: &str) -> Option<(Knot, String)> {
    let knot = knot_with(zone, "    dnssec-signing: on\n")?;
    let root = Root::find(&["kdig"])?;
    let mut anchor = None;
    let found = wait_until(|| {
        let mut command = root.command("kdig");
        command.args(["+short", "+tcp", ".", "DNSKEY"]).arg(format!("@{}", knot.addr.ip()));
        command.arg("-p").arg(knot.addr.port().to_string());
        let keys = String::from_utf8_lossy(&output(command, b"")).into_owned();
        anchor = keys.lines().find(|key| key.starts_with("257 ")).map(|key| format!(". DNSKEY {key}"));
        anchor.is_some()
    });
    assert!(found, "knot does not sign");
    Some((knot, anchor?))
}

fn knot_with(zone: &str, signing: &str) -> Option<Knot> {
    let root = Root::find(&["knotd"])?;
    let work = root.work();
    let addr = free_address(53);
    work.write("zone", zone);
    let conf = KNOT_CONF.replace("ADDRESS", &addr.ip().to_string()).replace("PORT", &addr.port().to_string());
    let conf = conf.replace("SIGNING", signing);
    let conf = work.write("knot.conf", conf.replace("DIRECTORY", &work.inside().display().to_string()));
    let mut command = root.command("knotd");
    command.arg("-c").arg(conf);
    let mut running = Running::start(command, &work);
    running.wait_until_answers(|| has_root_soa(addr).unwrap_or(false));
    Some(Knot { addr, running, _work: work })
}

/// Does the server at `addr` answer `. SOA` from its own zone?
fn has_root_soa(addr: SocketAddr) -> io::Result<bool> {
    // RFC 1035 §4.1: the header (id, flags, one question), the root name, type SOA, class IN.
    const QUERY: &[u8] = &[0x4d, 0x57, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 6, 0, 1];
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.set_read_timeout(Some(Duration::from_millis(200)))?;
    socket.connect(addr)?;
    socket.send(QUERY)?;
    let mut answer = [0; 512];
    let length = socket.recv(&mut answer)?;
    // The same id; a response (QR), authoritative (AA), NOERROR; at least one answer.
    Ok(length > 12
        && matches!(answer, [0x4d, 0x57, flags, code, _, _, 0, count, ..] if count > 0 && flags & 0x84 == 0x84 && code & 0x0f == 0))
}

/// Runs a Python script, in which dkimpy (`dkim`), pyspf (`spf`), PyNaCl and dnspython can be imported, and gives what it printed.
/// `None` where no root has Python ([`Root::find`]); panics with the script's complaint when it fails.
#[must_use]
pub fn python(script: &str, stdin: &[u8]) -> Option<Vec<u8>> {
    let root = Root::find(&["python", "dkimsign"])?;
    let mut command = root.command("python");
    command.args(["-I", "-c", script]);
    Some(output(command, stdin))
}

/// Runs `command` with `stdin` to its end and gives what it printed; panics with its complaint when it fails.
#[must_use]
pub fn output(mut command: Command, stdin: &[u8]) -> Vec<u8> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("setpriv and unshare of util-linux");
    let input = child.stdin.take();
    let output = std::thread::scope(|scope| {
        // A program may stop reading before the end: its exit code says whether that was a failure.
        scope.spawn(move || input.map(|mut input| input.write_all(stdin)));
        child.wait_with_output().expect("the program's output")
    });
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{complaint}", output.status);
    output.stdout
}
