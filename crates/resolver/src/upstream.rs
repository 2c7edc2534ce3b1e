//! The servers: connections to them, which of them to ask, and aliases that they leave to us.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use dns::{Answer, MAX_CNAMES, Question, Reply};
use hickory_resolver::config::{ConnectionConfig, ResolverOpts};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::xfer::{DnsExchange, DnsHandle, FirstAnswer};
use hickory_resolver::proto::op::{DnsRequest, DnsRequestOptions, DnsResponse, Query, ResponseCode};
use hickory_resolver::proto::rr::Name;
use hickory_resolver::{ConnectionProvider, PoolContext, TlsConfig};
use tokio::sync::Mutex;

use crate::message::{Said, is_alias, read, type_of};
use crate::server::{Server, Transport};
use crate::{MAX_IN_FLIGHT, MAX_SERVERS, QUERY_TIMEOUT, ResolverError, Settings};

pub(crate) struct Upstream {
    channels: Vec<Channel>,
    /// The server to ask first: the one that answered last.
    first: AtomicUsize,
}

/// What came of asking.
enum Got {
    Response(Box<DnsResponse>, /* believed */ bool),
    TimeOut,
    Nothing,
}

impl Upstream {
    pub(crate) fn new(settings: Settings) -> Result<Self, ResolverError> {
        if settings.servers.is_empty() {
            return Err(ResolverError::NoServers);
        }
        let tls = match settings.tls {
            Some(config) => TlsConfig { config },
            None => TlsConfig::new().map_err(|e| ResolverError::Tls(e.to_string()))?,
        };
        let mut options = ResolverOpts::default();
        options.timeout = QUERY_TIMEOUT;
        options.max_active_requests = MAX_IN_FLIGHT;
        let context = Arc::new(PoolContext::new(options, tls));
        let servers = settings.servers.into_iter().take(MAX_SERVERS);
        Ok(Self {
            channels: servers.map(|server| Channel::new(server, Arc::clone(&context))).collect(),
            first: AtomicUsize::new(0),
        })
    }

    /// Asks until the chain of aliases ends. The caller limits the time.
    pub(crate) async fn resolve(&self, question: &Question) -> Answer {
        let mut asked = question.clone();
        let mut answer = Answer { ttl: u32::MAX, authenticated: true, ..Answer::new(Reply::ServerFailure) };
        let mut left = MAX_CNAMES;
        loop {
            let (response, believed) = match self.ask(&asked).await {
                Got::Response(response, believed) => (response, believed),
                Got::TimeOut => return Answer::new(Reply::TimeOut),
                Got::Nothing => return Answer::new(Reply::ServerFailure),
            };
            answer.authenticated &= believed && response.metadata.authentic_data;
            answer.alias |= is_alias(&asked, &response);
            match read(&asked, &response, left) {
                Said::Alias(target, links, ttl) => {
                    left = left.saturating_sub(links);
                    answer.ttl = answer.ttl.min(ttl);
                    asked.name = target;
                }
                Said::Reply(reply, _) if reply.failure().is_some() => return Answer::new(reply),
                Said::Reply(reply, ttl) => return Answer { reply, ttl: answer.ttl.min(ttl), ..answer },
            }
        }
    }

    /// Asks one server after the other, each for its share of the time, until one knows.
    async fn ask(&self, question: &Question) -> Got {
        let count = self.channels.len();
        let first = self.first.load(Ordering::Relaxed);
        let share = QUERY_TIMEOUT / u32::try_from(count).unwrap_or(1);
        let mut worst = Got::TimeOut;
        for offset in 0..count {
            let index = (first + offset) % count;
            let Some(channel) = self.channels.get(index) else { break };
            let Ok(result) = tokio::time::timeout(share, channel.ask(question)).await else { continue };
            match result {
                Ok(response) => {
                    let knows = matches!(
                        response.metadata.response_code,
                        ResponseCode::NoError | ResponseCode::NXDomain
                    );
                    let got = Got::Response(Box::new(response), channel.server.is_believed());
                    if knows {
                        self.first.store(index, Ordering::Relaxed);
                        return got;
                    }
                    worst = got;
                }
                Err(NetError::Timeout) => {}
                Err(_) if matches!(worst, Got::TimeOut) => worst = Got::Nothing,
                Err(_) => {}
            }
        }
        worst
    }
}

type Exchange = DnsExchange<TokioRuntimeProvider>;

/// One server, and the connections to it that are open.
struct Channel {
    server: Server,
    context: Arc<PoolContext>,
    provider: TokioRuntimeProvider,
    /// Every datagram has a socket of its own; this opens them.
    datagrams: Mutex<Option<Exchange>>,
    stream: Mutex<Option<Stream>>,
    /// The stream over which an answer failed to come.
    suspect: AtomicU64,
}

#[derive(Clone)]
struct Stream {
    exchange: Exchange,
    number: u64,
}

impl Channel {
    fn new(server: Server, context: Arc<PoolContext>) -> Self {
        Self {
            server,
            context,
            provider: TokioRuntimeProvider::default(),
            datagrams: Mutex::default(),
            stream: Mutex::default(),
            suspect: AtomicU64::new(0),
        }
    }

    async fn ask(&self, question: &Question) -> Result<DnsResponse, NetError> {
        if let Transport::Tls { name } = &self.server.transport {
            return self.over_stream(question, &ConnectionConfig::tls(Arc::clone(name))).await;
        }
        match self.over_datagrams(question).await {
            // RFC 7766 §5: what doesn't fit into a datagram is asked for again.
            Ok(response) if response.metadata.truncation => {}
            // Somebody answers with the question in other letters than we sent: nothing that comes by datagram is believed.
            Err(NetError::QueryCaseMismatch) => {}
            result => return result,
        }
        self.over_stream(question, &ConnectionConfig::tcp()).await
    }

    async fn over_datagrams(&self, question: &Question) -> Result<DnsResponse, NetError> {
        let exchange = {
            let mut open = self.datagrams.lock().await;
            match &*open {
                Some(exchange) => exchange.clone(),
                None => open.insert(self.connect(&ConnectionConfig::udp()).await?).clone(),
            }
        };
        let mut options = DnsRequestOptions::default();
        // draft-vixie-dnsext-dns0x20: a forger must guess the case of every letter too.
        options.case_randomization = true;
        exchange.send(self.request(question, options)?).first_answer().await
    }

    /// A connection that was open already may have been closed at the other end: then once more over a new one.
    async fn over_stream(
        &self,
        question: &Question,
        config: &ConnectionConfig,
    ) -> Result<DnsResponse, NetError> {
        let request = self.request(question, DnsRequestOptions::default())?;
        match self.send(request.clone(), config).await {
            Ok(response) => Ok(response),
            Err(NetError::Timeout) => Err(NetError::Timeout),
            Err(_) => self.send(request, config).await,
        }
    }

    async fn send(&self, request: DnsRequest, config: &ConnectionConfig) -> Result<DnsResponse, NetError> {
        let stream = self.stream(config).await?;
        let doubt = Doubt { suspect: &self.suspect, number: stream.number };
        let response = stream.exchange.send(request).first_answer().await?;
        std::mem::forget(doubt);
        Ok(response)
    }

    /// The stream that is open, or a new one; all who need one wait for the one who opens it.
    async fn stream(&self, config: &ConnectionConfig) -> Result<Stream, NetError> {
        let mut open = self.stream.lock().await;
        let suspect = self.suspect.load(Ordering::Relaxed);
        let number = match &*open {
            Some(stream) if stream.number != suspect => return Ok(stream.clone()),
            Some(stream) => stream.number + 1,
            None => 1,
        };
        Ok(open.insert(Stream { exchange: self.connect(config).await?, number }).clone())
    }

    async fn connect(&self, config: &ConnectionConfig) -> Result<Exchange, NetError> {
        let mut config = config.clone();
        config.port = self.server.address.port();
        self.provider.new_connection(self.server.address.ip(), &config, &self.context)?.await
    }

    fn request(&self, question: &Question, options: DnsRequestOptions) -> Result<DnsRequest, NetError> {
        let mut name = Name::from_labels(question.name.labels())?;
        name.set_fqdn(true);
        let mut request = DnsRequest::from_query(Query::query(name, type_of(question.rtype)), options);
        // RFC 6840 §5.7: asks the server to say whether it holds the answer for authentic.
        request.metadata.authentic_data = self.server.is_believed();
        Ok(request)
    }
}

/// Dropped before an answer came, by an error or because nobody waits any longer, it makes the stream a suspect: the
/// next query opens a new one.
struct Doubt<'a> {
    suspect: &'a AtomicU64,
    number: u64,
}

impl Drop for Doubt<'_> {
    fn drop(&mut self) {
        self.suspect.store(self.number, Ordering::Relaxed);
    }
}
