//! The program itself, and what it has written into its database.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use mail::UnixTime;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use store::{MAX_PAGE, MessageRow, Place, Store};
use tempfile::TempDir;
use testkit::real::wait_until;
use tokio::runtime::Runtime;

/// The program, until it is dropped.
pub struct Program {
    child: Child,
    lines: Arc<Mutex<String>>,
    /// Where it runs; its data are in `mailward-data`, unless the configuration says otherwise.
    pub folder: TempDir,
    /// Its configuration.
    pub file: PathBuf,
    wrapper: Vec<String>,
}

impl Program {
    /// Starts it with this configuration and waits until it listens.
    pub fn start(text: &str) -> Self {
        Self::start_by(|_| Vec::new(), text)
    }

    /// The same by a command, made for the folder where it runs, behind which ours stands.
    pub fn start_by(wrapper: impl FnOnce(&TempDir) -> Vec<String>, text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("mailward.toml");
        fs::write(&file, text).unwrap();
        // The data are made in it, also by a user who has no rights here.
        fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
        let (wrapper, lines) = (wrapper(&folder), Arc::default());
        let child = run(&wrapper, &folder, &file, &lines);
        let program = Self { child, lines, folder, file, wrapper };
        program.says("event=listening", 1);
        program
    }

    /// Starts it again, at the same address, with what is in its folder.
    pub fn restart(&mut self) {
        let starts = self.log().matches("event=listening").count();
        let text = fs::read_to_string(&self.file).unwrap();
        if text.contains("127.0.0.1:0") {
            fs::write(&self.file, text.replace("127.0.0.1:0", &self.addr().to_string())).unwrap();
        }
        self.child = run(&self.wrapper, &self.folder, &self.file, &self.lines);
        self.says("event=listening", starts + 1);
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Tells it to end and waits until it has.
    pub fn end(&mut self) {
        self.signal(Signal::SIGTERM);
        assert!(wait_until(|| self.has_ended()), "{}", self.log());
    }

    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    pub fn log(&self) -> String {
        self.lines.lock().unwrap().clone()
    }

    /// Waits until something stands in the log so often.
    pub fn says(&self, what: &str, times: usize) {
        let said = wait_until(|| self.lines.lock().unwrap().matches(what).count() >= times);
        assert!(said, "{what} is not there {times} times:\n{}", self.log());
    }

    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().cast_signed()), signal).unwrap();
    }

    /// Where its first listener is.
    pub fn addr(&self) -> SocketAddr {
        let log = self.log();
        let at = log.split(" at=inet:").nth(1).unwrap();
        at.split_whitespace().next().unwrap().parse().unwrap()
    }

    /// A file of `/proc` about it.
    pub fn proc(&self, file: &str) -> PathBuf {
        format!("/proc/{}/{file}", self.child.id()).into()
    }

    /// A line of its status there.
    pub fn status(&self, name: &str) -> String {
        let status = fs::read_to_string(self.proc("status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim_start_matches(':').trim().to_owned()
    }

    /// Its memory, in KiB: `VmRSS` now, `VmHWM` the most there was.
    pub fn kib(&self, name: &str) -> u64 {
        self.status(name).split_whitespace().next().unwrap().parse().unwrap()
    }

    /// How many files and connections it has open.
    pub fn open_files(&self) -> usize {
        fs::read_dir(self.proc("fd")).unwrap().count()
    }

    /// Its database, where it is SQLite.
    pub fn place(&self) -> Place {
        Place::Sqlite(self.folder.path().join("mailward-data/mailward.db"))
    }
}

fn run(wrapper: &[String], folder: &TempDir, file: &std::path::Path, lines: &Arc<Mutex<String>>) -> Child {
    let mut words = wrapper.iter().map(String::as_str).chain([env!("CARGO_BIN_EXE_mailward")]);
    let mut command = Command::new(words.next().unwrap());
    command.args(words).arg("serve").arg("--config").arg(file).current_dir(folder.path());
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let (all, stderr) = (Arc::clone(lines), BufReader::new(child.stderr.take().unwrap()));
    std::thread::spawn(move || {
        for line in stderr.lines().map_while(Result::ok) {
            all.lock().unwrap().push_str(&format!("{line}\n"));
        }
    });
    child
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A configuration with one listener and this name server.
pub fn text(server: SocketAddr, more: &str) -> String {
    format!(
        "[[listener]]\nname = 'milter'\naddress = '127.0.0.1:0'\n[receiving]\nauthserv_id = 'mx.receiver.test'\n\
         deadline = '3s'\n[dns]\nservers = '{server}'\n{more}"
    )
}

/// The same with a listener for mail that comes in, whoever sends it.
pub fn inbound(server: SocketAddr, more: &str) -> String {
    text(server, more).replace("[receiving]", "for = 'inbound'\n[receiving]")
}

/// All rows of a database; none where it does not answer.
pub fn rows(place: &Place) -> Vec<MessageRow> {
    Runtime::new().unwrap().block_on(async {
        let Ok(store) = Store::new(place) else { return Vec::new() };
        let mut all: Vec<MessageRow> = Vec::new();
        loop {
            let after = all.last().map(|row| row.id);
            let page =
                store.messages(UnixTime(0), UnixTime(1 << 40), after, MAX_PAGE).await.unwrap_or_default();
            if page.is_empty() {
                store.close().await;
                return all;
            }
            all.extend(page);
        }
    })
}
