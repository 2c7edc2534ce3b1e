//! The filters: `mailward serve`, and OpenDKIM with OpenDMARC behind it, out of a Debian root.

use std::fs;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::time::ClockId;
use testkit::real::{Knot, Root, Running, Work, wait_until};

use crate::clock::{of_process, used};
use crate::workload::RECEIVER;

/// Filters through which a message goes one after the other.
pub struct Chain {
    /// What it is called in tables.
    pub name: &'static str,
    /// They themselves.
    pub filters: Vec<Filter>,
}

/// One running filter; it ends when this is dropped.
pub struct Filter {
    /// Where it listens.
    pub socket: PathBuf,
    pid: u32,
    clock: ClockId,
    _running: Process,
}

enum Process {
    Own(Child),
    Foreign { _running: Running, _work: Work },
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Self::Own(child) = self {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Chain {
    /// `mailward serve` with its data in this folder.
    pub fn mailward(program: &Path, folder: &Path, dns: &Knot) -> Self {
        fs::create_dir_all(folder).expect("the folder can be written to");
        let (config, socket, log) =
            (folder.join("mailward.toml"), folder.join("milter.sock"), folder.join("log"));
        let text = format!(
            "[[listener]]\nname = 'milter'\naddress = '{}'\n[receiving]\nauthserv_id = '{RECEIVER}'\n\
             [dns]\nservers = '{}'\n[store]\npath = '{}'\n",
            socket.display(),
            dns.addr,
            folder.join("data").display()
        );
        fs::write(&config, text).expect("the folder can be written to");
        let log = fs::File::create(log).expect("the folder can be written to");
        let mut command = Command::new(program);
        command.arg("serve").arg("--config").arg(config).stdout(Stdio::null()).stderr(log);
        let child = command.spawn().expect("mailward starts");
        assert!(wait_until(|| UnixStream::connect(&socket).is_ok()), "mailward does not answer");
        let pid = child.id();
        let filter = Filter { socket, pid, clock: of_process(pid), _running: Process::Own(child) };
        Self { name: "mailward", filters: vec![filter] }
    }

    /// OpenDKIM and OpenDMARC, as Debian has them. OpenDMARC asks the server in the root's resolv.conf.
    pub fn opendkim_opendmarc(root: &Root, dns: &Knot) -> Self {
        let resolv = format!("nameserver {}\n", dns.addr.ip());
        fs::write(root.path().join("etc/resolv.conf"), resolv).expect("the root can be written to");
        let opendkim =
            format!("Nameservers {}\nMode v\nAlwaysAddARHeader yes\nAuthservID {RECEIVER}\n", dns.addr.ip());
        // Without the list, it takes every name for an organizational domain.
        let opendmarc = format!(
            "AuthservID {RECEIVER}\nTrustedAuthservIDs {RECEIVER}\nSPFSelfValidate yes\nSPFIgnoreResults yes\n\
             PublicSuffixList DIRECTORY/suffixes\n"
        );
        let filters = vec![foreign(root, "opendkim", &opendkim), foreign(root, "opendmarc", &opendmarc)];
        Self { name: "OpenDKIM + OpenDMARC", filters }
    }
}

fn foreign(root: &Root, name: &'static str, config: &str) -> Filter {
    let work = root.work();
    let directory = work.inside().display().to_string();
    work.write("suffixes", "example\n");
    let common = format!("Socket local:{directory}/sock\nSyslog no\nBackground no\n");
    let config = work.write("conf", common + &config.replace("DIRECTORY", &directory));
    let mut command = root.command(name);
    command.arg("-f").arg(if name == "opendkim" { "-x" } else { "-c" }).arg(config);
    let socket = work.outside().join("sock");
    let mut running = Running::start(command, &work);
    running.wait_until_answers(|| UnixStream::connect(&socket).is_ok());
    let pid = running.pid();
    let process = Process::Foreign { _running: running, _work: work };
    Filter { socket, pid, clock: of_process(pid), _running: process }
}

impl Filter {
    /// The processor time that it has used since it was started.
    pub fn used(&self) -> Duration {
        used(self.clock)
    }

    /// The memory that it holds now, in KiB; with `most`, the most that it has held since [`Filter::forget_most`].
    pub fn memory(&self, most: bool) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid)).expect("the process is there");
        let key = if most { "VmHWM:" } else { "VmRSS:" };
        let line = status.lines().find_map(|line| line.strip_prefix(key)).expect("the kernel says it");
        line.split_whitespace().next().and_then(|number| number.parse().ok()).expect("a number")
    }

    /// Begins anew with the most memory that it has held.
    pub fn forget_most(&self) {
        fs::write(format!("/proc/{}/clear_refs", self.pid), "5").expect("the process is ours");
    }
}
