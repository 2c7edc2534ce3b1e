//! What systemd is told, and the sockets that it gives. In its place stands the test.

use std::ffi::OsString;
use std::fs;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use tempfile::TempDir;
use testkit::real::not_run;

use super::program::{Program, get, mailward};

const CONFIG: &str = "[[listener]]\nname = 'milter'\naddress = '127.0.0.1:0'\n";

/// What systemd hears.
struct Ear(UnixDatagram);

impl Ear {
    fn next(&self) -> String {
        let mut said = [0; 4096];
        self.0.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let length = self.0.recv(&mut said).expect("something is said");
        String::from_utf8(said[..length].to_vec()).unwrap()
    }

    /// What is said next beside signs of life.
    fn word(&self) -> String {
        std::iter::repeat_with(|| self.next()).find(|said| said.trim() != "WATCHDOG=1").unwrap()
    }
}

#[test]
fn systemd_is_told_what_is_going_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let ear = Ear(UnixDatagram::bind(&path).unwrap());
    let mut program = Program::start_with(CONFIG, &[], |command| {
        command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "4000000").env_remove("WATCHDOG_PID");
    });
    assert_eq!(ear.word().trim(), "READY=1");
    // Signs of life come at half of the time: the first at once, the next after two seconds.
    assert_eq!(ear.next().trim(), "WATCHDOG=1");
    let begun = Instant::now();
    assert_eq!(ear.next().trim(), "WATCHDOG=1");
    assert!((1_500..3_900).contains(&begun.elapsed().as_millis()), "{:?}", begun.elapsed());
    for _ in 0..2 {
        program.signal(Signal::SIGHUP);
        let said = ear.word();
        let (first, second) = said.trim().split_once('\n').unwrap();
        let time = second.strip_prefix("MONOTONIC_USEC=").and_then(|time| time.parse::<u64>().ok());
        assert!(first == "RELOADING=1" && time.is_some_and(|time| time > 0), "{said}");
        assert_eq!(ear.word().trim(), "READY=1");
    }
    let reload = mailward(program.folder.path(), &["reload", "--config", "mailward.toml"]);
    assert!(reload.status.success());
    assert!(ear.word().starts_with("RELOADING=1"));
    assert_eq!(ear.word().trim(), "READY=1");
    program.signal(Signal::SIGTERM);
    assert_eq!(ear.word().trim(), "STOPPING=1");
    program.end();
}

/// Starts it with these sockets, as systemd does.
fn given(sockets: [OwnedFd; 2], names: &str, config: &str) -> Program {
    let script = "export LISTEN_PID=$$ LISTEN_FDS=2 LISTEN_FDNAMES=\"$1\"; shift; exec 3<&0 4<&1 0</dev/null 1>&2; exec \"$@\"";
    let [first, second] = sockets;
    Program::start_with(config, &[], |command| {
        let words: Vec<OsString> = command.get_args().map(OsString::from).collect();
        let folder = command.get_current_dir().unwrap().to_owned();
        *command = Command::new("sh");
        command.args(["-c", script, "sh", names, env!("CARGO_BIN_EXE_mailward")]).args(words);
        command
            .current_dir(folder)
            .stdin(Stdio::from(first))
            .stdout(Stdio::from(second))
            .stderr(Stdio::piped());
    })
}

#[test]
fn sockets_that_systemd_gives_are_used_by_their_names() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("milter.sock");
    let pages = TcpListener::bind("127.0.0.1:0").unwrap();
    let web = pages.local_addr().unwrap();
    let milter = UnixListener::bind(&path).unwrap();
    let config =
        "[[listener]]\nname = 'milter'\naddress = '/nowhere/milter.sock'\n[web]\naddress = '127.0.0.1:1'\n";
    let mut program = given([pages.into(), milter.into()], "web:milter", config);
    assert_eq!(get(web, "/healthz").0, 200, "{}", program.log());
    program.says(&format!("at=unix:{}", path.display()), 1);
    program.end();
    assert!(path.exists(), "it belongs to systemd");
}

#[test]
fn sockets_that_systemd_gives_without_names_are_used_in_their_order() {
    let sockets = [0, 1].map(|_| TcpListener::bind("127.0.0.1:0").unwrap());
    let [first, second] = sockets.each_ref().map(|socket| socket.local_addr().unwrap());
    let config = format!("{CONFIG}[[listener]]\nname = 'other'\naddress = '/nowhere/other.sock'\n");
    let mut program = given(sockets.map(OwnedFd::from), "a.socket:a.socket", &config);
    program.says("event=listening", 2);
    for (name, addr) in [("milter", first), ("other", second)] {
        assert!(program.log().contains(&format!("listener={name} at=inet:{addr}")), "{}", program.log());
    }
    program.end();
}

/// The unit hides it (`ProcSubset=pid`).
#[test]
fn the_name_of_the_host_is_known_without_proc_sys() {
    if !nix::unistd::Uid::effective().is_root() {
        return not_run("a daemon that does not see /proc/sys", "it takes the rights of root to hide that");
    }
    let hide = |_: &TempDir| {
        let script = "mount -t tmpfs tmpfs /proc/sys && exec \"$@\"";
        ["unshare", "--mount", "sh", "-c", script, "sh"].map(str::to_owned).into()
    };
    let text =
        format!("{CONFIG}for = 'inbound'\n[dns]\nservers = '127.0.0.1:1'\n[receiving]\ndeadline = '1s'\n");
    let mut program = Program::start_by(hide, &text);
    let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    let said = program.show("client.test", "x@a.example");
    let (_, value) = &said.inserted[0];
    assert!(value.trim_start().starts_with(&format!("{};", name.trim())), "{name}: {value}");
    program.end();
}
