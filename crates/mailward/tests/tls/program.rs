//! The program under test.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::ops::{Deref, DerefMut};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use socketmap::client::Client;
use tempfile::TempDir;
use testkit::https::Authority;
use tokio::net::TcpStream;

use super::lab::Lab;
use super::process::Process;

/// The program, until it is dropped.
pub(crate) struct Program {
    process: Process,
    folder: TempDir,
    pub(crate) addr: SocketAddr,
    /// The socket of the table, where it is given as systemd does: it stays open while there is no program.
    given: Option<TcpListener>,
    /// More words of its command line.
    words: &'static [&'static str],
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
        Self::begin(authority, config, addr, given, &[])
    }

    /// The part that answers, alone.
    pub(crate) fn start_part(lab: &Lab, version: &str) -> Self {
        let addr = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let config = config(lab, version, &format!("'{addr}'"));
        Self::begin(&lab.authority, &config, addr, None, &["--only", "tls-policy"])
    }

    fn begin(
        authority: &Authority,
        config: &str,
        addr: SocketAddr,
        given: Option<TcpListener>,
        words: &'static [&'static str],
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("ca.pem"), authority.pem()).unwrap();
        fs::write(folder.path().join("mailward.toml"), config).unwrap();
        let process = Process::start(command(&folder, given.as_ref(), words));
        let program = Self { process, folder, addr, given, words };
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
        self.kib("VmRSS")
    }

    /// Killed without a word, and started again.
    pub(crate) fn kill_and_start(&mut self) {
        self.kill();
        self.start_again();
    }

    /// Killed, and started again with something else in the configuration.
    pub(crate) fn reconfigure(&mut self, from: &str, to: &str) {
        let text = fs::read_to_string(self.config()).unwrap();
        assert!(text.contains(from));
        fs::write(self.config(), text.replace(from, to)).unwrap();
        self.kill_and_start();
    }

    pub(crate) fn start_again(&mut self) {
        self.forget_log();
        self.process.start_again(command(&self.folder, self.given.as_ref(), self.words));
        self.says("for=\"TLS policies\"", 1);
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

impl Deref for Program {
    type Target = Process;

    fn deref(&self) -> &Process {
        &self.process
    }
}

impl DerefMut for Program {
    fn deref_mut(&mut self) -> &mut Process {
        &mut self.process
    }
}

fn command(folder: &TempDir, given: Option<&TcpListener>, words: &[&str]) -> Command {
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
    command.args(words).stdout(Stdio::null());
    command
}
