//! A zone served by a real knot, asked through the resolver.

use std::net::SocketAddr;

use dns::{Answer, Dns, Name, Question};
use mail::UnixTime;
use mail::authres::AuthservId;
use resolver::{Resolver, Server};
use testkit::real::{Knot, knot};
use tokio::runtime::{Builder, Runtime};
use verdict::suffix::BuiltIn;
use verdict::{Envelope, Settings, Verdict, judge};

/// When the signatures are made.
pub(crate) const SIGNED: u64 = 1_700_000_000;
/// When the messages are judged.
pub(crate) const NOW: UnixTime = UnixTime(SIGNED + 60);

/// What opens a zone of the whole world.
pub(crate) const APEX: &str = "\
$ORIGIN .
$TTL 3600
@ SOA ns.root. hostmaster.root. 1 3600 600 86400 300
@ NS ns.root.
ns.root. A 127.0.0.1
";

/// A server on loopback and a resolver that asks it.
pub(crate) struct Served {
    runtime: Runtime,
    resolver: Resolver,
    pub(crate) addr: SocketAddr,
    _knot: Option<Knot>,
}

impl Served {
    /// Serves a zone; `None` where there is no knot.
    pub(crate) fn new(zone: &str) -> Option<Self> {
        let knot = knot(zone)?;
        let mut served = Self::at(knot.addr);
        served._knot = Some(knot);
        Some(served)
    }

    /// Asks the server at an address.
    pub(crate) fn at(addr: SocketAddr) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let guard = runtime.enter();
        let resolver = Resolver::new(resolver::Settings::new(vec![Server::plain(addr)])).unwrap();
        drop(guard);
        Self { runtime, resolver, addr, _knot: None }
    }

    pub(crate) fn ask(&self, question: &Question) -> Answer {
        self.runtime.block_on(self.resolver.ask(question))
    }

    pub(crate) fn judge(&self, envelope: &Envelope, message: &[u8]) -> Verdict {
        let settings = Settings::new(AuthservId::parse("mx.receiver.test").unwrap());
        self.runtime.block_on(judge(&self.resolver, envelope, message, NOW, &settings, &BuiltIn))
    }
}

/// A question written as `TXT name`.
pub(crate) fn question(text: &str) -> Question {
    let (rtype, name) = text.split_once(' ').unwrap();
    Question::new(Name::from_presentation(name).unwrap(), rtype.parse().unwrap())
}
