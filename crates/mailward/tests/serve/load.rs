//! Mail that keeps coming while something goes wrong, and the sums in the end.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use store::{EnvelopeFrom, MessageRow};
use testkit::real::postfix::Postfix;
use testkit::real::smtp::Conversation;
use testkit::real::wait_until;

use super::world::sample;

/// A message that was sent, as its sender knows it.
#[derive(Clone, Debug)]
pub struct Sent {
    /// What no other message has: a label of MAIL FROM and a field of the message.
    pub mark: String,
    /// The last reply.
    pub reply: String,
    pub begun: Instant,
    pub ended: Instant,
}

impl Sent {
    pub fn accepted(&self) -> bool {
        self.reply.starts_with("250 2.0.0")
    }
}

/// What is sent: the content, of a mark.
pub type Content = Arc<dyn Fn(&str) -> Vec<u8> + Send + Sync>;

/// Good mail of `trust.example`.
pub fn good() -> Content {
    let good = sample("good.eml");
    Arc::new(move |_| good.clone())
}

/// Sends one message in a conversation of its own.
pub fn send(addr: SocketAddr, mark: &str, content: &[u8]) -> Sent {
    let begun = Instant::now();
    let content = [format!("X-Mark: {mark}\r\n").as_bytes(), content].concat();
    let (mut client, greeting) = Conversation::greeted(addr);
    let reply = match greeting.starts_with("220") {
        true => {
            client.say("EHLO load.example");
            let reply =
                client.message(&format!("bob@{mark}.load.example"), &["alice@receiver.test"], &content);
            client.raw(b"QUIT\r\n");
            reply
        }
        false => greeting,
    };
    Sent { mark: mark.to_owned(), reply, begun, ended: Instant::now() }
}

/// Senders, each of which sends one message after the other.
pub struct Load {
    stop: Arc<AtomicBool>,
    sent: Arc<Mutex<Vec<Sent>>>,
    senders: Vec<JoinHandle<()>>,
}

impl Load {
    pub fn start(addr: SocketAddr, senders: usize, pause: Duration, content: &Content) -> Self {
        // Marks of several loads of one test differ.
        static LOADS: AtomicUsize = AtomicUsize::new(0);
        let load = LOADS.fetch_add(1, Ordering::Relaxed);
        let (stop, sent) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
        let start = |sender| {
            let (stop, sent, content) = (Arc::clone(&stop), Arc::clone(&sent), Arc::clone(content));
            std::thread::spawn(move || {
                for number in 0.. {
                    if stop.load(Ordering::Relaxed) {
                        return;
                    }
                    let mark = format!("l{load}s{sender}n{number}");
                    let one = send(addr, &mark, &content(&mark));
                    sent.lock().unwrap().push(one);
                    std::thread::sleep(pause);
                }
            })
        };
        let senders = (0..senders).map(start).collect();
        Self { stop, sent, senders }
    }

    /// How many messages were answered so far.
    pub fn count(&self) -> usize {
        self.sent.lock().unwrap().len()
    }

    /// Waits until so many more were answered.
    pub fn wait_for(&self, more: usize) {
        let wanted = self.count() + more;
        assert!(wait_until(|| self.count() >= wanted), "{} of {wanted} were answered", self.count());
    }

    /// Ends, and gives what was sent.
    pub fn end(self) -> Vec<Sent> {
        self.stop.store(true, Ordering::Relaxed);
        self.senders.into_iter().for_each(|sender| sender.join().unwrap());
        std::mem::take(&mut self.sent.lock().unwrap())
    }
}

/// Holds what was sent against what arrived: all that was accepted did, once, and nothing else. Gives it by its marks.
pub fn audit(postfix: &Postfix, sent: &[Sent]) -> BTreeMap<String, String> {
    let accepted = sent.iter().filter(|sent| sent.accepted()).count();
    let mut arrived = BTreeMap::new();
    for one in postfix.sink.wait_for(accepted) {
        let content = String::from_utf8_lossy(&one.content).into_owned();
        let mark = content.split("X-Mark: ").nth(1).and_then(|rest| rest.split("\r\n").next()).unwrap();
        let before = arrived.insert(mark.to_owned(), content.clone());
        assert!(before.is_none(), "{mark} has arrived twice");
    }
    for sent in sent {
        assert_eq!(sent.accepted(), arrived.contains_key(&sent.mark), "lost or uncalled for: {sent:?}");
        assert!(sent.reply.starts_with(['2', '4', '5']), "{sent:?}");
    }
    arrived
}

/// Whether mailward has seen it.
pub fn is_tagged(content: &str) -> bool {
    content.starts_with("Authentication-Results: mx.receiver.test;\r\n")
}

/// How many rows there are of each mark.
pub fn by_mark(rows: &[MessageRow]) -> BTreeMap<String, usize> {
    let mut all = BTreeMap::new();
    for row in rows {
        let EnvelopeFrom::Domain(domain) = &row.envelope_from else { panic!("{row:?}") };
        let mark = domain.as_str().strip_suffix(".load.example").unwrap();
        *all.entry(mark.to_owned()).or_default() += 1;
    }
    all
}
