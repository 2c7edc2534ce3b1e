//! What the tests of whole messages share: a zone, a clock, and a verifier fed in every cut.

#![allow(dead_code, reason = "each test file uses a part of it")]

use dkim::{Check, KeyCache, Policy, Verifier};
use dns::{Data, Name, Zone};
use mail::{Domain, Splitter, SuffixList, UnixTime};
use testkit::signer::TestKey;

/// When all messages come in.
pub(crate) const NOW: u64 = 1_700_000_000;

/// An honest message without a signature.
pub(crate) const MESSAGE: &str = "From: Ann <ann@victim.example>\r\n\
    To: bob@example.test\r\n\
    Subject: a test\r\n\
    Date: Tue, 14 Nov 2023 22:13:20 +0000\r\n\
    Message-ID: <1@victim.example>\r\n\
    \r\n\
    Hello,\r\n\
    this is \t a test. \r\n\
    \r\n";

/// Everything that a verification needs beside the message.
pub(crate) struct World {
    pub(crate) zone: Zone,
    pub(crate) policy: Policy,
    pub(crate) now: UnixTime,
    pub(crate) author: Option<Domain>,
    pub(crate) suffixes: Option<Box<dyn SuffixList>>,
    pub(crate) cache: KeyCache,
}

impl World {
    /// The keys of `victim.example` (`s1`, RSA-2048; `ed`) and `attacker.example` (`a1`).
    pub(crate) fn new() -> Self {
        let mut world = Self {
            zone: Zone::new(),
            policy: Policy::default(),
            now: UnixTime(NOW),
            author: Some(Domain::parse("victim.example").unwrap()),
            suffixes: None,
            cache: KeyCache::default(),
        };
        world.publish("s1._domainkey.victim.example", &victim().record());
        world.publish("ed._domainkey.victim.example", &TestKey::ed25519(1).record());
        world.publish("a1._domainkey.attacker.example", &TestKey::ed25519(66).record());
        world
    }

    /// Adds a text to a name.
    pub(crate) fn publish(&mut self, name: &str, text: &str) {
        self.zone.add(Name::from_dotted(name).unwrap(), 300, Data::txt(text));
    }

    /// A world in which only this is published, at `s1._domainkey.victim.example`.
    pub(crate) fn with_record(record: &str) -> Self {
        let mut world = Self::new();
        world.zone = Zone::new();
        world.publish("s1._domainkey.victim.example", record);
        world
    }

    /// The checks of a message, the same in every cut.
    pub(crate) fn verify(&self, message: &[u8]) -> Vec<Check> {
        let whole = self.verify_cut(message, message.len().max(1));
        for size in [1, 2, 3, 7, 64] {
            assert_eq!(self.verify_cut(message, size), whole, "chunks of {size}");
        }
        for check in &whole {
            assert_eq!(check.pass().is_some(), check.outcome() == dkim::Outcome::Pass);
            for step in check.steps() {
                assert!(step.to_string().bytes().all(|b| (b' '..=b'~').contains(&b)), "{step}");
            }
        }
        whole
    }

    /// The checks of a message that comes in chunks of this size.
    pub(crate) fn verify_cut(&self, message: &[u8], size: usize) -> Vec<Check> {
        let mut splitter = Splitter::default();
        let mut body = Vec::new();
        for chunk in message.chunks(size) {
            body.extend(Some(splitter.push(chunk)).filter(|part| !part.is_empty()));
        }
        let header = splitter.into_header();
        let verifier =
            Verifier::new(&header, self.author.as_ref(), &self.policy, self.now, self.suffixes.as_deref());
        let mut hasher = verifier.body();
        body.into_iter().for_each(|part| hasher.update(part));
        let keys = pollster::block_on(verifier.keys(&self.zone, Some(&self.cache)));
        assert_eq!(keys, pollster::block_on(verifier.keys(&self.zone, None)));
        verifier.finish(&header, &keys, &hasher.finish())
    }

    /// How many names are asked for, for a message's keys.
    pub(crate) fn questions(&self, message: &[u8]) -> usize {
        let (header, _) = mail::header::split(message);
        let verifier =
            Verifier::new(&header, self.author.as_ref(), &self.policy, self.now, self.suffixes.as_deref());
        pollster::block_on(verifier.keys(&self.zone, None)).iter().count()
    }

    /// `outcome code` of each signature.
    pub(crate) fn results(&self, message: impl AsRef<[u8]>) -> Vec<String> {
        self.verify(message.as_ref())
            .iter()
            .map(|c| format!("{} {}", c.outcome(), c.reason().code()))
            .collect()
    }

    /// Asserts `outcome code` of the only signature.
    pub(crate) fn check(&self, message: impl AsRef<[u8]>, want: &str) {
        let message = message.as_ref();
        assert_eq!(self.results(message), [want], "{}", mail::printable(message));
    }
}

/// The key of `victim.example`.
pub(crate) fn victim() -> TestKey {
    TestKey::rsa(2048)
}

/// The same text with something in front of it.
pub(crate) fn prepend(front: &str, message: &[u8]) -> Vec<u8> {
    [front.as_bytes(), message].concat()
}

/// The message with one piece of text replaced, which must be there once.
pub(crate) fn edit(message: &[u8], from: &str, to: &str) -> Vec<u8> {
    let from = from.as_bytes();
    let places: Vec<usize> = (0..message.len()).filter(|at| message[*at..].starts_with(from)).collect();
    assert_eq!(places.len(), 1, "{} in {}", mail::printable(from), mail::printable(message));
    [&message[..places[0]], to.as_bytes(), &message[places[0] + from.len()..]].concat()
}
