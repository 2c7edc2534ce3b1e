//! The program itself, as it is started by people and by systemd.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;
use testkit::real::wait_until;
use tokio::runtime::Runtime;

use super::mta::{Said, Shown, talk};

/// The program, until it is dropped.
pub struct Program {
    pub child: Child,
    lines: Arc<Mutex<String>>,
    folder: TempDir,
    pub file: PathBuf,
}

impl Program {
    /// With this configuration, and without pages where it does not speak of them. It listens.
    pub fn start(text: &str) -> Self {
        let program = Self::start_with(text, &[], |_| {});
        program.says("event=listening", 1);
        program
    }

    /// The same with more words on the command line, and what else is to be done to the command. It has begun.
    pub fn start_with(text: &str, words: &[&str], change: impl FnOnce(&mut Command)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("mailward.toml");
        fs::write(&file, complete(text)).unwrap();
        // The data are made in it, also by a user who has no rights here.
        fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o777)).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_mailward"));
        command.stdin(Stdio::null()).stdout(Stdio::null());
        change(&mut command);
        command.arg("serve").arg("--config").arg(&file).args(words).current_dir(folder.path());
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        drop(command);
        let lines = Arc::new(Mutex::new(String::new()));
        let (all, stderr) = (Arc::clone(&lines), BufReader::new(child.stderr.take().unwrap()));
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                all.lock().unwrap().push_str(&format!("{line}\n"));
            }
        });
        let program = Self { child, lines, folder, file };
        program.says("event=start", 1);
        program
    }

    /// Another configuration, which is not read yet.
    pub fn write(&self, text: &str) {
        fs::write(&self.file, complete(text)).unwrap();
    }

    /// The folder in which it was started.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn log(&self) -> String {
        self.lines.lock().unwrap().clone()
    }

    /// Waits until something stands in the log so often.
    pub fn says(&self, what: &str, times: usize) {
        let said = wait_until(|| self.log().matches(what).count() >= times);
        assert!(said, "{what} is not there {times} times:\n{}", self.log());
    }

    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().cast_signed()), signal).unwrap();
    }

    /// Tells it to end and waits until it has, by itself and well.
    pub fn end(&mut self) {
        self.signal(Signal::SIGTERM);
        assert!(wait_until(|| self.child.try_wait().unwrap().is_some()), "{}", self.log());
        assert!(self.child.wait().unwrap().success(), "{}", self.log());
    }

    /// Where its first listener is.
    pub fn addr(&self) -> SocketAddr {
        self.place(" at=inet:")
    }

    /// Where its pages are.
    pub fn web(&self) -> SocketAddr {
        self.says("listener=web", 1);
        self.place("listener=web at=http://")
    }

    fn place(&self, front: &str) -> SocketAddr {
        let log = self.log();
        let at = log.split(front).nth(1).unwrap_or_else(|| panic!("{front} is not in\n{log}"));
        at.split_whitespace().next().unwrap().trim_end_matches('/').parse().unwrap()
    }

    /// Shows it a message from outside.
    pub fn show(&self, helo: &str, author: &str) -> Said {
        let (from, name) = (format!("<{author}>"), format!(" {author}"));
        let shown = Shown {
            ip: Some("203.0.113.66"),
            helo: helo.as_bytes(),
            mail: vec![from.as_bytes()],
            header: vec![(b"From", name.as_bytes())],
            body: b"body\r\n",
            slow: Duration::ZERO,
        };
        Runtime::new().unwrap().block_on(async {
            talk(tokio::net::TcpStream::connect(self.addr()).await.unwrap(), &shown).await
        })
    }

    /// A page: its status and all of its text.
    pub fn page(&self, path: &str) -> (u16, String) {
        get(self.web(), path)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Nobody else's port is taken where nobody asks for pages.
fn complete(text: &str) -> String {
    if text.contains("[web]") { text.to_owned() } else { format!("{text}\n[web]\naddress = ''\n") }
}

/// A page: its status and all of its text.
pub fn get(addr: SocketAddr, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(addr).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {addr}\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    (status, answer.split_once("\r\n\r\n").unwrap().1.to_owned())
}

/// Another command of the program.
pub fn mailward(folder: &Path, words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_mailward")).args(words).current_dir(folder).output().unwrap()
}
