//! A DNS server on loopback, on a thread of its own, that answers from a zone after a set time.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use dns::{Data, Name, Question, Reply, Zone};
use hickory_resolver::proto::op::{Message, MessageType, OpCode, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, AAAA, MX, SOA, TXT};
use hickory_resolver::proto::rr::{self, RData, Record};
use tokio::net::UdpSocket;

/// Two questions that come further apart than this, with the delay of a cold run, were asked one after the other.
const WAVE: Duration = Duration::from_millis(10);

/// A running server; it ends with the process.
pub struct Server {
    /// Where it listens, over UDP.
    pub address: SocketAddr,
    asked: Arc<Mutex<Vec<Instant>>>,
}

impl Server {
    /// Serves a zone; each answer is sent this long after its question came.
    pub fn start(zone: Zone, delay: Duration) -> Self {
        let asked: Arc<Mutex<Vec<Instant>>> = Arc::default();
        let seen = Arc::clone(&asked);
        let (sender, receiver) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async move {
                let socket = Arc::new(UdpSocket::bind("127.0.0.1:0").await.expect("a port"));
                sender.send(socket.local_addr().expect("bound")).expect("somebody waits");
                serve(&socket, Arc::new(zone), delay, &seen).await;
            });
        });
        Self { address: receiver.recv().expect("the server has started"), asked }
    }

    /// How many questions came since this was last asked, and in how many waves.
    pub fn take(&self) -> (usize, usize) {
        let asked = std::mem::take(&mut *self.asked.lock().expect("no panic"));
        let gaps = asked.windows(2).filter(|two| two[1] - two[0] > WAVE).count();
        (asked.len(), gaps + usize::from(!asked.is_empty()))
    }
}

async fn serve(socket: &Arc<UdpSocket>, zone: Arc<Zone>, delay: Duration, seen: &Mutex<Vec<Instant>>) {
    let mut buffer = vec![0; 4096];
    while let Ok((length, client)) = socket.recv_from(&mut buffer).await {
        seen.lock().expect("no panic").push(Instant::now());
        let Ok(query) = Message::from_vec(&buffer[..length]) else { continue };
        let Some(bytes) = answer(&query, &zone) else { continue };
        let socket = Arc::clone(socket);
        tokio::spawn(async move {
            if !delay.is_zero() {
                tokio::time::sleep(delay).await;
            }
            let _ = socket.send_to(&bytes, client).await;
        });
    }
}

fn answer(query: &Message, zone: &Zone) -> Option<Vec<u8>> {
    let [asked] = query.queries.as_slice() else { return None };
    let rtype = asked.query_type.to_string().parse().ok()?;
    let answer = zone.answer(&Question::new(Name::from_labels(asked.name.iter()).ok()?, rtype));
    let mut response = Message::new(query.metadata.id, MessageType::Response, OpCode::Query);
    response.metadata.recursion_available = true;
    response.queries.clone_from(&query.queries);
    response.metadata.response_code = match answer.reply {
        Reply::Records(_) | Reply::NoData => ResponseCode::NoError,
        Reply::NoSuchName => ResponseCode::NXDomain,
        Reply::ServerFailure | Reply::TimeOut | Reply::Bogus => ResponseCode::ServFail,
    };
    for data in answer.records() {
        let data = match data {
            Data::A(address) => RData::A(A(*address)),
            Data::Aaaa(address) => RData::AAAA(AAAA(*address)),
            Data::Txt(strings) => RData::TXT(TXT::from_bytes(strings.iter().map(|s| &**s).collect())),
            Data::Mx { preference, exchange } => {
                RData::MX(MX::new(*preference, rr::Name::from_labels(exchange.labels()).ok()?))
            }
            Data::Ptr(_) | Data::Tlsa { .. } | Data::Ns(_) | Data::Soa { .. } | Data::Cname(_) => {
                return None;
            }
        };
        response.answers.push(Record::from_rdata(asked.name.clone(), answer.ttl, data));
    }
    if answer.reply.is_void() {
        // RFC 2308 §3: a "no" comes with the SOA that says how long it is kept.
        let root = rr::Name::root();
        let soa = SOA::new(root.clone(), root.clone(), 1, 1, 1, 1, answer.ttl);
        response.authorities.push(Record::from_rdata(root, answer.ttl, RData::SOA(soa)));
    }
    response.to_vec().ok()
}
