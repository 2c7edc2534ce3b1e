//! The program under test.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use socketmap::client::Client;
use tempfile::TempDir;
use testkit::https::Authority;
use testkit::real::wait_until;
use tokio::net::TcpStream;

use super::lab::Lab;

/// The program, until it is dropped.
pub(crate) struct Program {
    child: Child,
    lines: Arc<Mutex<String>>,
    folder: TempDir,
    pub(crate) addr: SocketAddr,
    /// The socket of the table, where it is given as systemd does: it stays open while there is no program.
    given: Option<TcpListener>,
}

/// The configuration; the place of the table is TOML, and more lines of `[tls_policy]` may stand behind it.
pub(crate) fn config(lab: &Lab, version: &str, place: &str) -> String {
    let more = format!(
        "address = {place}\npostfix_version = '{version}'\npostfix_dane = true\nhttps_port = {}\n",
        lab.host.address.port()
    );
    config_with(lab.resolver.addr, &more)
}

/// One that asks this name server, with these lines of `[tls_policy]`.
pub(crate) fn config_with(resolver: SocketAddr, tls_policy: &str) -> String {
    format!(
        "[[listener]]\nname = 'milter'\naddress = '127.0.0.1:0'\n[dns]\nservers = '{resolver}'\ntrusted = true\n\
         [store]\npath = 'data'\n[web]\naddress = ''\n\
         [tls_policy]\nauthorities = 'ca.pem'\nallowed_networks = '127.0.0.0/8'\n{tls_policy}",
    )
}

impl Program {
    /// At a free port.
    pub(crate) fn start(lab: &Lab, version: &str) -> Self {
        Self::start_by(lab, |place| config(lab, version, place))
    }

    /// At a free port, with the configuration that is made for it.
    pub(crate) fn start_by(lab: &Lab, config: impl Fn(&str) -> String) -> Self {
        let addr = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        Self::start_with(&lab.authority, &config(&format!("'{addr}'")), addr, None)
    }

    /// At an address as the configuration has it; what is asked over TCP goes to `addr`.
    pub(crate) fn start_at(lab: &Lab, version: &str, place: &str, addr: SocketAddr) -> Self {
        Self::start_with(&lab.authority, &config(lab, version, place), addr, None)
    }

    /// With a socket that outlives it.
    pub(crate) fn start_given(lab: &Lab, version: &str) -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = socket.local_addr().unwrap();
        Self::start_with(&lab.authority, &config(lab, version, &format!("'{addr}'")), addr, Some(socket))
    }

    /// One that believes this authority, in a file `ca.pem`; what is asked over TCP goes to `addr`.
    pub(crate) fn start_with(
        authority: &Authority,
        config: &str,
        addr: SocketAddr,
        given: Option<TcpListener>,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("ca.pem"), authority.pem()).unwrap();
        fs::write(folder.path().join("mailward.toml"), config).unwrap();
        let lines = Arc::default();
        let child = spawn(&folder, &lines, given.as_ref());
        let program = Self { child, lines, folder, addr, given };
        program.says("for=\"TLS policies\"", 1);
        program
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.folder.path().join("mailward.toml")
    }

    /// Its database.
    pub(crate) fn database(&self) -> PathBuf {
        self.folder.path().join("data/mailward.db")
    }

    /// How much memory it takes, in KiB.
    pub(crate) fn resident(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    /// How much time of a processor it took, in hundredths of a second.
    pub(crate) fn processor(&self) -> u64 {
        processor(self.child.id())
    }

    /// Killed without a word, and started again.
    pub(crate) fn kill_and_start(&mut self) {
        self.kill();
        self.start_again();
    }

    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        self.child.wait().unwrap();
    }

    /// Killed, and left so.
    pub(crate) fn shoot(&self) {
        kill(self.pid(), Signal::SIGKILL).unwrap();
    }

    /// Told to end.
    pub(crate) fn terminate(&self) {
        kill(self.pid(), Signal::SIGTERM).unwrap();
    }

    /// Waits until it has ended.
    pub(crate) fn ended(&mut self) {
        assert!(wait_until(|| self.child.try_wait().unwrap().is_some()), "{}", self.log());
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().try_into().unwrap())
    }

    /// Killed, and started again with something else in the configuration.
    pub(crate) fn reconfigure(&mut self, from: &str, to: &str) {
        let text = fs::read_to_string(self.config()).unwrap();
        assert!(text.contains(from));
        fs::write(self.config(), text.replace(from, to)).unwrap();
        self.kill_and_start();
    }

    pub(crate) fn start_again(&mut self) {
        self.lines.lock().unwrap().clear();
        self.child = spawn(&self.folder, &self.lines, self.given.as_ref());
        self.says("for=\"TLS policies\"", 1);
    }

    pub(crate) fn log(&self) -> String {
        self.lines.lock().unwrap().clone()
    }

    /// Waits until something stands in the log so often.
    pub(crate) fn says(&self, what: &str, times: usize) {
        let said = wait_until(|| self.log().matches(what).count() >= times);
        assert!(said, "{what} is not there {times} times:\n{}", self.log());
    }

    /// What `mailward tls-policy` says with its configuration, and how it ends.
    pub(crate) fn tell(&self, args: &[&str]) -> (i32, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mailward"));
        command.arg("tls-policy").args(args).arg("--config").arg(self.config());
        let output = command.current_dir(self.folder.path()).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
        (output.status.code().unwrap(), text)
    }

    /// What it answers to a key.
    pub(crate) fn ask(&self, key: &str) -> String {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut client = Client::new(TcpStream::connect(self.addr).await.unwrap());
            let reply = client.ask(b"tls-policy", key.as_bytes()).await.unwrap();
            let mut out = Vec::new();
            reply.encode(&mut out);
            let text = String::from_utf8(out).unwrap();
            text.split_once(':').unwrap().1.trim_end_matches(',').to_owned()
        })
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How much time of a processor a process took, in hundredths of a second.
pub(crate) fn processor(pid: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

fn spawn(folder: &TempDir, lines: &Arc<Mutex<String>>, given: Option<&TcpListener>) -> Child {
    const GIVEN: &str =
        "export LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=tls-policy; exec 3<&0 0</dev/null; exec \"$@\"";
    let program = env!("CARGO_BIN_EXE_mailward");
    let mut command = match given {
        None => Command::new(program),
        Some(_) => Command::new("sh"),
    };
    if let Some(socket) = given {
        command.args(["-c", GIVEN, "sh", program]).stdin(OwnedFd::from(socket.try_clone().unwrap()));
    }
    command.arg("serve").arg("--config").arg(folder.path().join("mailward.toml")).current_dir(folder.path());
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let (all, stderr) = (Arc::clone(lines), BufReader::new(child.stderr.take().unwrap()));
    std::thread::spawn(move || {
        for line in stderr.lines().map_while(Result::ok) {
            all.lock().unwrap().push_str(&format!("{line}\n"));
        }
    });
    child
}
