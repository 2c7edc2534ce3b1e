//! The program itself, as it is started by people and by systemd, and what it has written into its database.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::ops::{Deref, DerefMut};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use mail::UnixTime;
use nix::sys::signal::Signal;
use store::{MAX_PAGE, MessageRow, Place, Store};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::mta::{Said, Shown, talk};
use super::process::Process;

/// The program, until it is dropped.
pub struct Program {
    process: Process,
    /// Where it runs; its data are in `mailward-data`, unless the configuration says otherwise.
    pub folder: TempDir,
    /// Its configuration.
    pub file: PathBuf,
    wrapper: Vec<String>,
}

impl Program {
    /// Starts it with this configuration, without pages where that does not speak of them, and waits until it listens.
    pub fn start(text: &str) -> Self {
        Self::start_by(|_| Vec::new(), text)
    }

    /// The same by a command, made for the folder where it runs, behind which ours stands.
    pub fn start_by(wrapper: impl FnOnce(&TempDir) -> Vec<String>, text: &str) -> Self {
        let program = Self::begin(wrapper, text, &[], |_| {});
        program.says("event=listening", 1);
        program
    }

    /// Starts it with more words on the command line, and what else is to be done to the command. It has begun.
    pub fn start_with(text: &str, words: &[&str], change: impl FnOnce(&mut Command)) -> Self {
        let program = Self::begin(|_| Vec::new(), text, words, change);
        program.says("event=start", 1);
        program
    }

    fn begin(
        wrapper: impl FnOnce(&TempDir) -> Vec<String>,
        text: &str,
        words: &[&str],
        change: impl FnOnce(&mut Command),
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("mailward.toml");
        fs::write(&file, complete(text)).unwrap();
        // The data are made in it, also by a user who has no rights here.
        fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o777)).unwrap();
        let wrapper = wrapper(&folder);
        let process = Process::start(command(&wrapper, &folder, &file, words, change));
        Self { process, folder, file, wrapper }
    }

    /// Another configuration, which is not read yet.
    pub fn write(&self, text: &str) {
        fs::write(&self.file, complete(text)).unwrap();
    }

    /// Starts it again, at the same address, with what is in its folder.
    pub fn restart(&mut self) {
        let starts = self.log().matches("event=listening").count();
        let text = fs::read_to_string(&self.file).unwrap();
        if text.contains("127.0.0.1:0") {
            fs::write(&self.file, text.replace("127.0.0.1:0", &self.addr().to_string())).unwrap();
        }
        self.process.start_again(command(&self.wrapper, &self.folder, &self.file, &[], |_| {}));
        self.says("event=listening", starts + 1);
    }

    /// Tells it to end and waits until it has, by itself and well.
    pub fn end(&mut self) {
        self.signal(Signal::SIGTERM);
        assert!(self.ended(), "{}", self.log());
    }

    /// Where its first listener is.
    pub fn addr(&self) -> SocketAddr {
        self.at(" at=inet:")
    }

    /// Where its pages are.
    pub fn web(&self) -> SocketAddr {
        self.says("listener=web", 1);
        self.at("listener=web at=http://")
    }

    /// What stands behind this in its log.
    pub fn at(&self, front: &str) -> SocketAddr {
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

    /// Its database, where it is SQLite.
    pub fn place(&self) -> Place {
        Place::Sqlite(self.folder.path().join("mailward-data/mailward.db"))
    }
}

/// The program, behind these words, in this folder with this configuration and more words.
fn command(
    wrapper: &[String],
    folder: &TempDir,
    file: &Path,
    more: &[&str],
    change: impl FnOnce(&mut Command),
) -> Command {
    let mut words = wrapper.iter().map(String::as_str).chain([env!("CARGO_BIN_EXE_mailward")]);
    let mut command = Command::new(words.next().unwrap());
    command.args(words).arg("serve").arg("--config").arg(file).args(more).current_dir(folder.path());
    command.stdin(Stdio::null()).stdout(Stdio::null());
    change(&mut command);
    command
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
