//! Answers from the network: a stub resolver with a cache bounded in bytes, one query in flight per question, and
//! every kind of "no" kept apart. Recursion and validation are the business of the servers that it asks.
#![forbid(unsafe_code)]
// An adapter: time here is the clock's, and the servers of the system are read from its file.
#![allow(clippy::disallowed_methods)]

mod cache;
mod deadline;
mod flight;
mod gate;
mod message;
mod server;
mod upstream;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use dns::{Answer, Dns, Question, Reply};
use tokio::runtime::Handle;
use tokio::time::Instant;

pub use deadline::Deadline;
pub use server::{Server, ServerError};

use cache::Cache;
use flight::Flights;
use gate::Gate;
use upstream::Upstream;

/// Longest that one question may take, waiting for its turn, aliases and all servers included.
pub const QUERY_TIMEOUT: Duration = Duration::from_secs(5);
/// Most servers that are asked one question.
pub const MAX_SERVERS: usize = 3;
/// Most questions that are with the servers at once.
pub const MAX_IN_FLIGHT: usize = 1000;
/// Most questions that wait for their turn or are with the servers; more fail at once.
pub const MAX_WAITING: usize = 10_000;
/// Most questions about one zone (mostly: the last two labels of the name) that are with the servers at once.
pub const ZONE_IN_FLIGHT: usize = 50;
/// Most questions about one zone that wait or are with the servers; more fail at once.
pub const ZONE_WAITING: usize = 500;
/// The shortest time for which a record or a firm "no" is kept, in seconds.
pub const MIN_TTL: u32 = 30;
/// The longest time for which a record or a firm "no" is kept, in seconds.
pub const MAX_TTL: u32 = 24 * 60 * 60;
/// How long a failure is kept, in seconds (RFC 9520 §3.2 asks for one at least).
pub const FAILURE_TTL: u32 = 1;
/// Default bound of the cache, in bytes.
pub const CACHE_BYTES: usize = 64 << 20;

/// What a resolver is made of.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The servers, best first; [`MAX_SERVERS`] of them are used.
    pub servers: Vec<Server>,
    /// How many bytes the cache may take.
    pub cache_bytes: usize,
    /// Whom to trust for DNS over TLS; `None` for the web's certificate authorities.
    pub tls: Option<rustls::ClientConfig>,
}

impl Settings {
    /// These servers, and defaults for the rest.
    pub fn new(servers: Vec<Server>) -> Self {
        Self { servers, cache_bytes: CACHE_BYTES, tls: None }
    }

    /// The servers of the system (`/etc/resolv.conf`), none of them trusted to validate. Its search list and options
    /// are left alone: every name is absolute.
    pub fn system() -> Result<Self, ResolverError> {
        server::of_system().map(Self::new)
    }
}

/// Why there is no resolver.
#[derive(Debug, thiserror::Error)]
pub enum ResolverError {
    /// No server to ask.
    #[error("no DNS server is given")]
    NoServers,
    /// The system's list of servers can't be read.
    #[error("the system's DNS servers can't be read: {0}")]
    System(String),
    /// TLS can't be set up.
    #[error("DNS over TLS can't be set up: {0}")]
    Tls(String),
    /// There is no runtime to work in.
    #[error("a resolver is made inside a tokio runtime")]
    NoRuntime,
}

/// Asks servers over the network. Clones share everything.
#[derive(Clone)]
pub struct Resolver {
    shared: Arc<Shared>,
    runtime: Handle,
}

struct Shared {
    cache: Cache,
    flights: Flights,
    gate: Gate,
    upstream: Upstream,
}

impl Resolver {
    /// A resolver whose queries run in the current tokio runtime; it may be asked from anywhere.
    pub fn new(settings: Settings) -> Result<Self, ResolverError> {
        let runtime = Handle::try_current().map_err(|_| ResolverError::NoRuntime)?;
        let shared = Shared {
            cache: Cache::new(settings.cache_bytes),
            flights: Flights::default(),
            gate: Gate::default(),
            upstream: Upstream::new(settings)?,
        };
        Ok(Self { shared: Arc::new(shared), runtime })
    }

    /// How many bytes the cache takes now.
    pub fn cached_bytes(&self) -> usize {
        self.shared.cache.bytes()
    }

    async fn answer(&self, question: &Question) -> Answer {
        let start = Instant::now();
        if let Some(answer) = self.shared.cache.get(question, start) {
            return answer;
        }
        // Most answers are in the cache; boxed, the rest makes no future large that only waits for one of those.
        Box::pin(self.fly(question, start)).await
    }

    /// The answer of the servers.
    async fn fly(&self, question: &Question, start: Instant) -> Answer {
        let shared = Arc::clone(&self.shared);
        let query = || {
            let question = question.clone();
            async move { shared.query(&question).await }
        };
        let answer = self.shared.flights.join(question, &self.runtime, query).await;
        Answer { took: start.elapsed(), ..answer }
    }
}

impl Shared {
    /// One question put to the servers, within [`QUERY_TIMEOUT`]; the answer goes into the cache.
    async fn query(&self, question: &Question) -> Answer {
        // Between the asker's look into the cache and here the same question may have been answered.
        if let Some(answer) = self.cache.get(question, Instant::now()) {
            return answer;
        }
        let resolved = tokio::time::timeout(QUERY_TIMEOUT, async {
            match self.gate.enter(&question.name).await {
                Some(_turn) => Some(self.upstream.resolve(question).await),
                None => None,
            }
        });
        let answer = match resolved.await {
            Ok(Some(answer)) => answer,
            // Our own limit says nothing about the name: not kept.
            Ok(None) => return Answer::new(Reply::ServerFailure),
            Err(_) => Answer::new(Reply::TimeOut),
        };
        self.cache.put(question, answer, Instant::now())
    }
}

impl Dns for Resolver {
    fn ask(&self, question: &Question) -> impl Future<Output = Answer> + Send {
        self.answer(question)
    }

    /// Nobody waits in a queue for what may not be needed, nor is anybody who needs an answer kept waiting by it.
    async fn warm(&self, question: &Question) -> Option<Answer> {
        if self.shared.gate.is_full(&question.name) {
            return None;
        }
        Some(self.answer(question).await)
    }
}
