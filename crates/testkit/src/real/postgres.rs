//! A PostgreSQL out of the Debian root, that can be stopped and started again.

use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::chown;
use std::path::PathBuf;
use std::process::Command;

use super::{Root, Running, Work, output};

/// A PostgreSQL that runs until it is dropped.
#[derive(Debug)]
pub struct Postgres {
    root: Root,
    work: Work,
    bin: PathBuf,
    user: (u32, u32),
    port: u16,
    running: Option<Running>,
}

impl Postgres {
    /// Makes an empty database and starts it; `None` where there is no PostgreSQL.
    #[must_use]
    pub fn start() -> Option<Self> {
        let root = Root::find(&["pg_createcluster", "setpriv"])?;
        let versions = fs::read_dir(root.path().join("usr/lib/postgresql")).expect("PostgreSQL");
        let version = versions.map(|entry| entry.unwrap().file_name()).max().expect("a version");
        let bin = PathBuf::from("/usr/lib/postgresql").join(version).join("bin");
        let passwd = fs::read_to_string(root.path().join("etc/passwd")).unwrap();
        let line = passwd.lines().find(|line| line.starts_with("postgres:")).expect("the user postgres");
        let ids: Vec<&str> = line.split(':').collect();
        let user = (ids[2].parse().unwrap(), ids[3].parse().unwrap());
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let work = root.work();
        chown(work.outside(), Some(user.0), Some(user.1)).unwrap();
        let mut postgres = Self { root, work, bin, user, port, running: None };
        let mut initdb = postgres.command("initdb");
        initdb.args(["-U", "mailward", "-A", "trust", "--no-sync", "--locale=C", "-E", "UTF8"]);
        let _ = output(initdb, b"");
        postgres.run();
        Some(postgres)
    }

    /// PostgreSQL refuses to run as root; in an IPC namespace of its own, it leaves nothing behind when it is killed.
    /// Whoever changes his user is not killed with his parent any more: the first process stays root, and takes all with it.
    fn command(&self, program: &str) -> Command {
        let mut command = self.root.command("unshare");
        command.args(["--ipc", "--fork", "setpriv", "--clear-groups"]);
        command.args([format!("--reuid={}", self.user.0), format!("--regid={}", self.user.1)]);
        command.arg(self.bin.join(program)).arg("-D").arg(self.work.inside().join("data"));
        command
    }

    /// Starts it (again).
    pub fn run(&mut self) {
        let mut command = self.command("postgres");
        command.args(["-p", &self.port.to_string(), "-c", "listen_addresses=127.0.0.1"]);
        for setting in ["unix_socket_directories=", "fsync=off", "dynamic_shared_memory_type=mmap"] {
            command.args(["-c", setting]);
        }
        // What was killed leaves this behind; its process number may be somebody else's by now.
        let _ = fs::remove_file(self.work.outside().join("data/postmaster.pid"));
        let mut running = Running::start(command, &self.work);
        let port = self.port;
        running.wait_until_answers(|| TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok());
        self.running = Some(running);
    }

    /// Kills it.
    pub fn stop(&mut self) {
        self.running = None;
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> String {
        format!("postgres://mailward@127.0.0.1:{}/postgres?sslmode=disable", self.port)
    }
}
