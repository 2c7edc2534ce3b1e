//! The daemon as a process, and what it says on standard error. Shared by the tests that start it.
#![allow(dead_code, unreachable_pub, reason = "not all that share it use all of it")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use testkit::real::wait_until;

/// A process, until it is dropped.
pub struct Process {
    child: Child,
    lines: Arc<Mutex<String>>,
}

impl Process {
    pub fn start(command: Command) -> Self {
        let lines = Arc::default();
        Self { child: run(command, &lines), lines }
    }

    /// Another one in its place, behind the same log.
    pub fn start_again(&mut self, command: Command) {
        self.child = run(command, &self.lines);
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        // It may be gone.
        let _ = self.child.kill();
        self.child.wait().unwrap();
    }

    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().cast_signed()), signal).unwrap();
    }

    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Waits until it has ended by itself; whether well.
    pub fn ended(&mut self) -> bool {
        assert!(wait_until(|| self.has_ended()), "{}", self.log());
        self.child.wait().unwrap().success()
    }

    pub fn log(&self) -> String {
        self.lines.lock().unwrap().clone()
    }

    pub fn forget_log(&self) {
        self.lines.lock().unwrap().clear();
    }

    /// Waits until something stands in the log so often.
    pub fn says(&self, what: &str, times: usize) {
        let said = wait_until(|| self.log().matches(what).count() >= times);
        assert!(said, "{what} is not there {times} times:\n{}", self.log());
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

    /// How much time of a processor it took, in hundredths of a second.
    pub fn processor(&self) -> u64 {
        processor(self.child.id())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How much time of a processor a process took, in hundredths of a second.
pub fn processor(pid: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

/// Runs it; what it says goes to `lines`.
fn run(mut command: Command, lines: &Arc<Mutex<String>>) -> Child {
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    drop(command);
    let (all, stderr) = (Arc::clone(lines), BufReader::new(child.stderr.take().unwrap()));
    std::thread::spawn(move || {
        for line in stderr.lines().map_while(Result::ok) {
            all.lock().unwrap().push_str(&format!("{line}\n"));
        }
    });
    child
}
