//! Seeded messages whose verdicts are known by construction.

use std::net::IpAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use dns::Zone;
use testkit::signer::Signer;
use verdict::Envelope;

use crate::random::Random;
use crate::text;
use crate::world::{Algorithm, Keys, Sender, senders};

/// Local parts that MAIL FROM has, and that a record with `%{l}` allows.
pub const USERS: usize = 20;
/// The host that judges.
pub const RECEIVER: &str = "mx.receiver.example";

/// Three words of RFC 8601: of SPF's MAIL FROM, of the signature, of DMARC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Words {
    /// SPF of MAIL FROM.
    pub spf: &'static str,
    /// DKIM, of the only signature.
    pub dkim: &'static str,
    /// DMARC.
    pub dmarc: &'static str,
}

/// One message.
pub struct Mail {
    /// All of it.
    pub bytes: Vec<u8>,
    /// Where its body begins.
    pub body: usize,
    /// What the client said.
    pub envelope: Envelope,
    /// The same as text: HELO.
    pub helo: String,
    /// The same as text: MAIL FROM without its brackets.
    pub mail_from: String,
    /// How it is signed.
    pub signed: Option<Algorithm>,
    /// What is right.
    pub expected: Words,
}

/// Messages and the world that they come from.
pub struct Workload {
    /// The messages.
    pub mails: Vec<Mail>,
    /// What their senders publish.
    pub zone: Zone,
    /// The same as a text.
    pub zone_text: String,
}

/// How long messages are.
#[derive(Clone, Copy)]
pub enum Sizes {
    /// From 5 KiB to 1 MiB, about 90 KiB on average.
    Mixed,
    /// All of this many bytes, about.
    All(usize),
    /// The same, with a second signature.
    SignedTwice(usize),
}

/// What is special about a message.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Case {
    Good,
    BodyChanged,
    WrongClient,
    Forged,
    Unaligned,
    Subdomain,
    NoKey,
    Unsigned,
}

impl Case {
    fn of(random: &mut Random) -> Self {
        match random.below(100) {
            0..=2 => Self::BodyChanged,
            3..=7 => Self::WrongClient,
            8 => Self::Forged,
            9 => Self::Unaligned,
            10..=13 => Self::Subdomain,
            14 => Self::NoKey,
            15 => Self::Unsigned,
            _ => Self::Good,
        }
    }
}

impl Workload {
    /// So many messages, made on all cores; the same in every run.
    pub fn new(count: usize, sizes: Sizes) -> Self {
        let keys = Keys::new();
        let (senders, zone_text) = senders(&keys);
        let zone = Zone::parse(&zone_text).expect("the zone is well-formed");
        let next = AtomicUsize::new(0);
        let made = Mutex::new(Vec::with_capacity(count));
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        std::thread::scope(|scope| {
            for _ in 0..cores {
                scope.spawn(|| {
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        if number >= count {
                            return;
                        }
                        let mail = make(number, sizes, &senders, &keys);
                        made.lock().expect("no panic").push((number, mail));
                    }
                });
            }
        });
        let mut made = made.into_inner().expect("no panic");
        made.sort_by_key(|(number, _)| *number);
        Self { mails: made.into_iter().map(|(_, mail)| mail).collect(), zone, zone_text }
    }

    /// How many bytes the messages have together.
    pub fn bytes(&self) -> usize {
        self.mails.iter().map(|mail| mail.bytes.len()).sum()
    }
}

fn size(random: &mut Random, sizes: Sizes) -> usize {
    match sizes {
        Sizes::All(bytes) | Sizes::SignedTwice(bytes) => bytes,
        Sizes::Mixed => (5.0 * 1024.0 * 204.8_f64.powf(random.share().powf(2.6))) as usize,
    }
}

fn make(number: usize, sizes: Sizes, senders: &[Sender], keys: &Keys) -> Mail {
    let random = &mut Random::new(0x6d61_696c ^ (number as u64) << 20);
    let case = Case::of(random);
    let at = random.below(senders.len());
    let sender = &senders[at];
    // Who is in From; of an unaligned message, somebody else than who sent and signed it.
    let author = match case {
        Case::Unaligned => &senders[(at + 1) % senders.len()],
        _ => sender,
    };
    let from = match case {
        Case::Subdomain => format!("shop@news.{}", author.domain),
        _ => format!("shop@{}", author.domain),
    };
    let algorithm = match random.below(10) {
        0 => Algorithm::Ed25519,
        1 => Algorithm::Rsa1024,
        _ => Algorithm::Rsa2048,
    };
    let fields = 20 + random.below(16);
    let wanted = size(random, sizes).saturating_sub(fields * 95);
    let (body, content_type) = text::body(random, wanted);
    let header = text::header(random, fields - 1, &from, &sender.domain, content_type);
    let mut bytes = format!("{header}\r\n{body}").into_bytes();
    let signed = (case != Case::Unsigned).then_some(algorithm);
    let second = matches!(sizes, Sizes::SignedTwice(_)).then_some(match algorithm {
        Algorithm::Ed25519 => Algorithm::Rsa2048,
        Algorithm::Rsa2048 | Algorithm::Rsa1024 => Algorithm::Ed25519,
    });
    for algorithm in second.into_iter().chain([algorithm]).filter(|_| signed.is_some()) {
        let selector = if case == Case::NoKey { "gone" } else { algorithm.selector() };
        let canon = [
            "relaxed/relaxed",
            "relaxed/relaxed",
            "relaxed/relaxed",
            "relaxed/relaxed",
            "relaxed/simple",
            "simple/simple",
        ];
        bytes = Signer::new(&sender.domain, selector, &keys.of(at, algorithm))
            .tag("c", random.pick(&canon))
            .tag("h", "from:to:subject:date:message-id:mime-version:content-type:list-unsubscribe")
            .tag("t", "1795168800")
            .sign(&bytes);
    }
    if matches!(case, Case::BodyChanged | Case::Forged) {
        let last = bytes.len() - 3;
        bytes[last] = if bytes[last] == b'#' { b'+' } else { b'#' };
    }
    let stranger = matches!(case, Case::WrongClient | Case::Forged);
    let client = if stranger { "203.0.113.66" } else { sender.client.as_str() };
    let mail_from = format!("bounce-{}@{}", random.below(USERS), sender.domain);
    let helo = format!("mta.{}", sender.domain);
    let spf = sender.spf[usize::from(stranger)];
    let dkim = match case {
        Case::BodyChanged | Case::Forged => "fail",
        Case::NoKey => "permerror",
        Case::Unsigned => "none",
        Case::Good | Case::WrongClient | Case::Unaligned | Case::Subdomain => "pass",
    };
    let aligned = match case {
        Case::Unaligned => false,
        Case::Subdomain => !author.strict,
        _ => true,
    };
    let dmarc = match (author.dmarc, aligned && (spf == "pass" || dkim == "pass")) {
        (false, _) => "none",
        (true, true) => "pass",
        (true, false) => "fail",
    };
    let envelope = Envelope {
        client: Some(client.parse::<IpAddr>().expect("an address")),
        helo: Some(helo.clone().into_bytes()),
        mail_from: Some(mail_from.clone().into_bytes()),
        rcpt_to: vec![b"alice@receiver.example".to_vec()],
        smtputf8: false,
    };
    let body = bytes.windows(4).position(|four| four == b"\r\n\r\n").map_or(bytes.len(), |at| at + 4);
    Mail { bytes, body, envelope, helo, mail_from, signed, expected: Words { spf, dkim, dmarc } }
}
