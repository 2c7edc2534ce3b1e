//! A DNS server on loopback that does what a test tells it to.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dns::{Data, Name, Question, Reply, Zone};
use hickory_resolver::proto::op::{Message, MessageType, OpCode, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, CNAME, SOA, TXT};
use hickory_resolver::proto::rr::{self, RData, Record, RecordType};
use resolver::Server;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};

/// How a query came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Over {
    Udp,
    Tcp,
}

/// What is done with one query.
pub(crate) enum Act {
    /// These bytes are sent.
    Send(Vec<u8>),
    /// These bytes are sent from another port than the one that was asked.
    SendFromElsewhere(Vec<u8>),
    /// These bytes are sent, one a second.
    Drip(Vec<u8>),
    /// The connection is closed.
    Close,
}

pub(crate) type Handler = dyn Fn(&Message, Over) -> Vec<Act> + Send + Sync;

/// A server, and the queries that it saw.
pub(crate) struct World {
    pub(crate) address: SocketAddr,
    pub(crate) seen: Arc<Mutex<Vec<(Message, Over)>>>,
}

impl World {
    pub(crate) async fn new(handler: impl Fn(&Message, Over) -> Vec<Act> + Send + Sync + 'static) -> Self {
        let (udp, tcp) = sockets().await;
        let address = udp.local_addr().unwrap();
        let seen = Arc::default();
        let handler: Arc<Handler> = Arc::new(handler);
        tokio::spawn(serve_udp(udp, Arc::clone(&handler), Arc::clone(&seen)));
        let all = Arc::clone(&seen);
        tokio::spawn(async move {
            while let Ok((stream, _)) = tcp.accept().await {
                tokio::spawn(serve_stream(stream, Arc::clone(&handler), Arc::clone(&all)));
            }
        });
        Self { address, seen }
    }

    /// Answers from a zone.
    pub(crate) async fn of_zone(text: &str) -> Self {
        let zone = Zone::parse(text).unwrap();
        Self::new(move |query, _| vec![Act::Send(from_zone(query, &zone).to_vec().unwrap())]).await
    }

    pub(crate) fn server(&self) -> Server {
        Server::plain(self.address)
    }

    /// How many queries came that way; the same one sent again, because a busy machine was slow, is one.
    pub(crate) fn count(&self, over: Over) -> usize {
        let seen = self.seen.lock().unwrap();
        let ids = seen.iter().filter(|(_, o)| *o == over).map(|(query, _)| query.metadata.id);
        ids.collect::<std::collections::HashSet<_>>().len()
    }
}

/// A UDP and a TCP socket on the same port.
async fn sockets() -> (UdpSocket, TcpListener) {
    loop {
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        if let Ok(udp) = UdpSocket::bind(tcp.local_addr().unwrap()).await {
            return (udp, tcp);
        }
    }
}

async fn serve_udp(socket: UdpSocket, handler: Arc<Handler>, seen: Arc<Mutex<Vec<(Message, Over)>>>) {
    let mut buffer = vec![0; 65_536];
    while let Ok((length, client)) = socket.recv_from(&mut buffer).await {
        let query = Message::from_vec(&buffer[..length]).unwrap();
        seen.lock().unwrap().push((query.clone(), Over::Udp));
        for act in handler(&query, Over::Udp) {
            match act {
                Act::Send(bytes) => drop(socket.send_to(&bytes, client).await.unwrap()),
                Act::SendFromElsewhere(bytes) => {
                    let other = UdpSocket::bind("127.0.0.1:0").await.unwrap();
                    other.send_to(&bytes, client).await.unwrap();
                }
                Act::Drip(_) | Act::Close => {}
            }
        }
    }
}

pub(crate) async fn serve_stream<S>(
    mut stream: S,
    handler: Arc<Handler>,
    seen: Arc<Mutex<Vec<(Message, Over)>>>,
) where
    S: AsyncRead + AsyncWrite + Unpin,
{
    while let Ok(length) = stream.read_u16().await {
        let mut buffer = vec![0; length.into()];
        if stream.read_exact(&mut buffer).await.is_err() {
            return;
        }
        let query = Message::from_vec(&buffer).unwrap();
        seen.lock().unwrap().push((query.clone(), Over::Tcp));
        for act in handler(&query, Over::Tcp) {
            let sent = match act {
                Act::Send(bytes) => stream.write_all(&framed(&bytes)).await,
                Act::Drip(bytes) => drip(&mut stream, &framed(&bytes)).await,
                Act::SendFromElsewhere(_) => Ok(()),
                Act::Close => return,
            };
            if sent.is_err() || stream.flush().await.is_err() {
                return;
            }
        }
    }
}

fn framed(bytes: &[u8]) -> Vec<u8> {
    let mut framed = u16::try_from(bytes.len()).unwrap().to_be_bytes().to_vec();
    framed.extend(bytes);
    framed
}

async fn drip(stream: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> std::io::Result<()> {
    for byte in bytes {
        stream.write_all(&[*byte]).await?;
        stream.flush().await?;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    Ok(())
}

/// A response to a query without anything in it.
pub(crate) fn empty(query: &Message, code: ResponseCode) -> Message {
    let mut response = Message::new(query.metadata.id, MessageType::Response, OpCode::Query);
    response.metadata.response_code = code;
    response.metadata.recursion_available = true;
    response.queries.clone_from(&query.queries);
    response
}

/// A response with one text for the name asked.
pub(crate) fn text(query: &Message, text: &str) -> Message {
    let mut response = empty(query, ResponseCode::NoError);
    let data = RData::TXT(TXT::new(vec![text.to_owned()]));
    response.answers.push(Record::from_rdata(query.queries[0].name.clone(), 60, data));
    response
}

/// A response that says that the name is another name for this one.
pub(crate) fn alias(query: &Message, target: &str) -> Message {
    let mut response = empty(query, ResponseCode::NoError);
    let target = rr::Name::from_ascii(target).unwrap();
    response.answers.push(Record::from_rdata(query.queries[0].name.clone(), 60, RData::CNAME(CNAME(target))));
    response
}

/// What the zone says of addresses and texts.
fn from_zone(query: &Message, zone: &Zone) -> Message {
    let asked = &query.queries[0];
    let rtype = if asked.query_type == RecordType::A { dns::RecordType::A } else { dns::RecordType::Txt };
    let answer = zone.answer(&Question::new(Name::from_labels(asked.name.iter()).unwrap(), rtype));
    let code = match answer.reply {
        Reply::Records(_) | Reply::NoData => ResponseCode::NoError,
        Reply::NoSuchName => ResponseCode::NXDomain,
        Reply::ServerFailure | Reply::TimeOut | Reply::Bogus => ResponseCode::ServFail,
    };
    let mut response = empty(query, code);
    response.metadata.authentic_data = answer.authenticated && query.metadata.authentic_data;
    for data in answer.records() {
        let data = match data {
            Data::A(address) => RData::A(A(*address)),
            Data::Txt(strings) => RData::TXT(TXT::from_bytes(strings.iter().map(|s| &**s).collect())),
            other => panic!("{other:?} is not served here"),
        };
        response.answers.push(Record::from_rdata(asked.name.clone(), answer.ttl, data));
    }
    if answer.reply.is_void() {
        let root = rr::Name::root();
        let soa = SOA::new(root.clone(), root.clone(), 1, 1, 1, 1, answer.ttl);
        response.authorities.push(Record::from_rdata(root, answer.ttl, RData::SOA(soa)));
    }
    response
}

/// Takes TLS connections in front of a handler.
pub(crate) async fn tls(
    config: tokio_rustls::rustls::ServerConfig,
    handler: Arc<Handler>,
) -> (SocketAddr, Arc<Mutex<Vec<(Message, Over)>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let seen: Arc<Mutex<Vec<(Message, Over)>>> = Arc::default();
    let all = Arc::clone(&seen);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, handler, all) = (acceptor.clone(), Arc::clone(&handler), Arc::clone(&all));
            tokio::spawn(async move {
                if let Ok(stream) = acceptor.accept(stream as TcpStream).await {
                    serve_stream(stream, handler, all).await;
                }
            });
        }
    });
    (address, seen)
}
