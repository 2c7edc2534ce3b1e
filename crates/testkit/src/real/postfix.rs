//! A Postfix of a test's own, at an address of its own: what comes in is shown to a milter, and what was accepted is
//! handed on to a sink of the test.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use super::smtp::{Conversation, Sink};
use super::{Root, Running, Work, free_address, output};

/// A Postfix that runs until it is dropped. It takes mail for `receiver.test` from anybody, and for nobody else.
#[derive(Debug)]
pub struct Postfix {
    /// Where it takes mail.
    pub addr: SocketAddr,
    /// Where accepted mail arrives.
    pub sink: Sink,
    root: Root,
    _running: Running,
    work: Work,
}

const MAIN_CF: &str = "\
compatibility_level = 3.6
queue_directory = DIRECTORY/queue
data_directory = DIRECTORY/data
maillog_file = DIRECTORY/maillog
maillog_file_prefixes = DIRECTORY
myhostname = mx.receiver.test
mydestination =
local_recipient_maps =
alias_maps =
mynetworks = 127.255.255.255/32
relay_domains = receiver.test
relay_transport = smtp:[SINK]:PORT
default_transport = smtp:[SINK]:PORT
smtpd_relay_restrictions = reject_unauth_destination
smtpd_peername_lookup = no
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
message_size_limit = 0
in_flow_delay = 0
local_header_rewrite_clients =
milter_default_action = tempfail
";

const MASTER_CF: &str = "\
LISTEN inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
tlsmgr unix - - n 1000? 1 tlsmgr
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
";

impl Postfix {
    /// Starts the Postfix of a root with these lines of main.cf behind its own. Panics with its log when it doesn't start.
    #[must_use]
    pub fn start(root: &Root, settings: &str) -> Self {
        Self::start_with(root, settings, "")
    }

    /// The same with these lines of master.cf too.
    #[must_use]
    pub fn start_with(root: &Root, settings: &str, services: &str) -> Self {
        Self::start_in(root, root.work(), settings, services, &[])
    }

    /// The same as [`Postfix::start_with`], with a DNS of the test's own, at port 53 of an address of loopback.
    #[must_use]
    pub fn start_with_dns(root: &Root, settings: &str, services: &str, dns: SocketAddr) -> Self {
        assert_eq!(dns.port(), 53, "resolv.conf has no room for a port");
        let work = root.work();
        work.write("resolv.conf", format!("nameserver {}\n", dns.ip()));
        let file = work.outside().join("resolv.conf");
        Self::start_in(root, work, settings, services, &[("etc/resolv.conf", &file)])
    }

    fn start_in(root: &Root, work: Work, settings: &str, services: &str, files: &[(&str, &Path)]) -> Self {
        let sink = Sink::start();
        let addr = free_address(25);
        let main = MAIN_CF
            .replace("DIRECTORY", &work.inside().display().to_string())
            .replace("SINK", &sink.addr.ip().to_string())
            .replace("PORT", &sink.addr.port().to_string());
        fs::create_dir(work.outside().join("queue")).expect("a folder in the work folder");
        work.write("main.cf", main + settings);
        work.write("master.cf", MASTER_CF.replace("LISTEN", &addr.to_string()) + services);
        let mut command = root.command_over("postfix", files);
        command.arg("-c").arg(work.inside()).arg("start-fg");
        let mut running = Running::start(command, &work);
        let log = work.outside().join("maillog");
        running.wait_until_answers(|| {
            let started = fs::read_to_string(&log).is_ok_and(|log| log.contains("daemon started"));
            started && std::net::TcpStream::connect(addr).is_ok()
        });
        Self { addr, sink, root: root.clone(), _running: running, work }
    }

    /// Its folder as the test sees it: `main.cf`, `queue`, `data`.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.work.outside()
    }

    /// What it has written to its log so far.
    #[must_use]
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&self.work.read("maillog")).into_owned()
    }

    /// A client's conversation with it, behind its greeting.
    #[must_use]
    pub fn converse(&self) -> Conversation {
        Conversation::open(self.addr)
    }

    /// Hands a message over on the machine itself: its recipients are read from its header.
    pub fn sendmail(&self, message: &[u8]) {
        let mut command = self.command("sendmail");
        command.args(["-t", "-i"]);
        let _ = output(command, message);
    }

    /// A command of its root that reads its `main.cf`: `postmap`, `postqueue`.
    #[must_use]
    pub fn command(&self, program: &str) -> Command {
        let mut command = self.root.command(program);
        command.env("MAIL_CONFIG", self.work.inside());
        command
    }

    /// How many messages lie in the queue of that name (`hold`, `deferred`).
    #[must_use]
    pub fn queued(&self, queue: &str) -> usize {
        fn files(folder: &Path) -> usize {
            let entries = fs::read_dir(folder).into_iter().flatten().flatten();
            entries
                .map(|entry| {
                    let path = entry.path();
                    if path.is_dir() { files(&path) } else { 1 }
                })
                .sum()
        }
        files(&self.work.outside().join("queue").join(queue))
    }
}

/// The version of a root's Postfix, like `3.7.11`.
#[must_use]
pub fn version(root: &Root) -> String {
    let mut command = root.command("postconf");
    command.args(["-d", "-h", "mail_version"]);
    String::from_utf8_lossy(&output(command, b"")).trim().to_owned()
}
