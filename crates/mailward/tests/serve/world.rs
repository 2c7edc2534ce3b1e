//! A Postfix, a name server behind a resolver, and mailward in this process, so that a test can turn the clock.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use mail::UnixTime;
use mailward::config::{Config, LogFormat};
use mailward::serve::log::Log;
use mailward::serve::milter::{Listening, WISH};
use mailward::serve::past::Past;
use mailward::serve::shared::{Ground, Shared};
use mailward::serve::site::Site;
use resolver::{Resolver, Server};
use testkit::real::postfix::Postfix;
use testkit::real::smtp::Conversation;
use testkit::real::unbound::{Unbound, unbound};
use testkit::real::{Knot, Root, knot};
use tokio::runtime::Runtime;

/// When the samples were made.
pub const NOW: u64 = 1_795_168_805;
/// A day, in seconds.
pub const DAY: u64 = 24 * 60 * 60;

/// The world of the samples with these lines more.
pub fn zone(more: &str) -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../samples/world.zone");
    format!("{}\n{more}\n", std::fs::read_to_string(path).unwrap())
}

/// A file of the samples, with CRLF.
pub fn sample(name: &str) -> Vec<u8> {
    let path = format!("{}/../../samples/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).unwrap().replace("\r\n", "\n").replace('\n', "\r\n").into_bytes()
}

/// A configuration without mistakes.
pub fn config(text: &str) -> Config {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    Config::load(Some(file.path())).unwrap_or_else(|error| panic!("{error}")).0
}

/// What listeners of a test are for.
pub const NO_PORT: &str = "[[listener]]\nname = 'milter'\naddress = '127.0.0.1:0'\n";

/// The name servers of a world: knot, which knows all of it, and unbound, which is asked.
pub struct Names {
    _knot: Knot,
    pub resolver: Unbound,
}

impl Names {
    /// Of the samples' world, with more lines. `None` where a program is not there.
    pub fn start(more: &str) -> Option<Self> {
        let knot = knot(&zone(more))?;
        let resolver = unbound(knot.addr, "", "")?;
        Some(Self { _knot: knot, resolver })
    }
}

fn site(text: &str) -> Site {
    let text = format!("{NO_PORT}[receiving]\nauthserv_id = 'mx.receiver.test'\ndeadline = '5s'\n{text}");
    Site::new(config(&text)).unwrap().0
}

/// Everything, in this process.
pub struct World {
    pub postfix: Postfix,
    pub clock: Arc<AtomicU64>,
    pub shared: Arc<Shared<Resolver>>,
    pub lines: Arc<Mutex<Vec<String>>>,
    _names: Names,
    _runtime: Runtime,
}

impl World {
    /// With this configuration behind that of the listener, and more lines of the zone. `None` where a program is not there.
    pub fn start(text: &str, more: &str) -> Option<Self> {
        Some(Self::with(&Root::find(&["postfix"])?, Names::start(more)?, text, ""))
    }

    /// The same story with each version of Postfix.
    pub fn each(text: &str, more: &str, story: impl Fn(&Self)) {
        for root in Root::all(&["postfix"]) {
            let Some(names) = Names::start(more) else { return };
            story(&Self::with(&root, names, text, ""));
        }
    }

    /// With these name servers, the Postfix of this root, and more lines of its main.cf.
    pub fn with(root: &Root, names: Names, text: &str, main_cf: &str) -> Self {
        let runtime = Runtime::new().unwrap();
        let guard = runtime.enter();
        let clock = Arc::new(AtomicU64::new(NOW));
        let lines = Arc::new(Mutex::new(Vec::new()));
        let written = Arc::clone(&lines);
        let log = Log::new(LogFormat::Json, move |line| written.lock().unwrap().push(line.to_owned()));
        let dns = Resolver::new(resolver::Settings::new(vec![Server::plain(names.resolver.addr)])).unwrap();
        let site = site(text);
        let time = Arc::clone(&clock);
        let now = Arc::new(move || UnixTime(time.load(Ordering::Relaxed)));
        let shared = Arc::new(Shared::new(Ground::new(dns, log, now), site, Past::in_memory()));
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = socket.local_addr().unwrap();
        let listener = milter::Listener::tcp(socket).unwrap();
        let service = Arc::new(Listening::new(Arc::clone(&shared), "milter"));
        runtime.spawn(milter::serve(listener, service, milter::Settings::new(WISH), std::future::pending()));
        drop(guard);
        let settings = format!(
            "smtpd_milters = inet:{addr}\nnon_smtpd_milters = inet:{addr}\n\
             internal_mail_filter_classes = bounce\nsmtpd_authorized_xclient_hosts = 127.0.0.0/8\n\
             smtpd_forbid_bare_newline = normalize\n{main_cf}"
        );
        let postfix = Postfix::start(root, &settings);
        Self { postfix, clock, shared, lines, _names: names, _runtime: runtime }
    }

    /// Has another configuration take over, as a reload does.
    pub fn reconfigure(&self, text: &str) {
        self.shared.take_over(site(text));
    }

    /// Sets the clock by that of the machine: other programs believe no signature of the future.
    pub fn set_clock_right(&self) {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        self.clock.store(now.as_secs(), Ordering::Relaxed);
    }

    /// The lines of the log about messages.
    pub fn log(&self) -> String {
        self.lines.lock().unwrap().join("\n")
    }

    /// What becomes of a message from an address outside.
    pub fn send_outside(&self, ip: &str, helo: &str, from: &str, content: &[u8]) -> String {
        let mut client = outside(&self.postfix, ip, helo);
        let reply = client.message(from, &["alice@receiver.test"], content);
        client.say("QUIT");
        reply
    }

    /// The message that arrives behind those that did before.
    pub fn delivered(&self, send: impl FnOnce(&Self) -> String) -> String {
        let before = self.postfix.sink.arrived().len();
        let reply = send(self);
        assert!(reply.starts_with("250 2.0.0"), "{reply}\n{}\n{}", self.log(), self.postfix.log());
        let arrived = self.postfix.sink.wait_for(before + 1);
        String::from_utf8_lossy(&arrived[before].content).into_owned()
    }
}

/// A conversation as if from this address.
pub fn outside(postfix: &Postfix, ip: &str, helo: &str) -> Conversation {
    let mut client = postfix.converse();
    client.say("EHLO xclient.test");
    let reply = client.say(&format!("XCLIENT NAME={helo} ADDR={ip}"));
    assert!(reply.starts_with("220"), "{reply}");
    client.say(&format!("EHLO {helo}"));
    client
}
