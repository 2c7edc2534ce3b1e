//! The question for a key (RFC 6376 §3.6.2, §6.1.2) and what its answer comes to.

use std::sync::Arc;

use dns::{Data, Dns, Failure, Name, Question, RecordType, Reply};
use mail::{Domain, Finding};

use crate::cache::KeyCache;
use crate::key::KeyRecord;
use crate::who::{Selector, key_name};

/// What is published under a selector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyAnswer {
    /// One key record.
    Found(FoundKey),
    /// No text there, or nothing at all.
    NoKey,
    /// Texts there, none of them a key record.
    NotAKey {
        /// The first of them.
        text: Arc<[u8]>,
        /// What is wrong with it.
        findings: Vec<Finding>,
    },
    /// More than one key record.
    Several,
    /// The DNS did not say.
    Failed(Failure),
}

/// A key record and where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundKey {
    /// The record.
    pub record: Arc<KeyRecord>,
    /// Its text.
    pub text: Arc<[u8]>,
    /// What was noticed in it.
    pub findings: Vec<Finding>,
    /// Whether DNSSEC vouches for the answer, in the words of a trusted resolver.
    pub authenticated: bool,
}

/// Asks for the key of a selector. A name too long to ask for has no key.
pub async fn lookup<D: Dns>(dns: &D, selector: &Selector, domain: &Domain) -> KeyAnswer {
    match key_name(selector, domain) {
        Ok(name) => ask(dns, name, None).await,
        Err(_) => KeyAnswer::NoKey,
    }
}

/// Asks for the key at a name. An answer that the cache knows is not read again.
pub(crate) async fn ask<D: Dns>(dns: &D, name: Name, cache: Option<&KeyCache>) -> KeyAnswer {
    let answer = dns.ask(&Question::new(name, RecordType::Txt)).await;
    let read = match (&answer.reply, cache) {
        // RFC 6376 §6.1.2 step 3: PERMFAIL, no key for signature.
        (Reply::NoData | Reply::NoSuchName, _) => KeyAnswer::NoKey,
        // RFC 6376 §6.1.2 step 2: TEMPFAIL, key unavailable.
        (Reply::ServerFailure, _) => KeyAnswer::Failed(Failure::ServerFailure),
        (Reply::TimeOut, _) => KeyAnswer::Failed(Failure::TimeOut),
        (Reply::Bogus, _) => KeyAnswer::Failed(Failure::Bogus),
        (Reply::Records(records), Some(cache)) => cache.get(records, || read(records)),
        (Reply::Records(records), None) => read(records),
    };
    match read {
        KeyAnswer::Found(key) => KeyAnswer::Found(FoundKey { authenticated: answer.authenticated, ..key }),
        other => other,
    }
}

/// What records come to, wherever they came from.
///
/// RFC 6376 §3.6.2.2 leaves several key records undefined: texts that are none don't count, whatever their order; two
/// that are leave no key.
fn read(records: &[Data]) -> KeyAnswer {
    let mut answer = KeyAnswer::NoKey;
    for data in records {
        let Some(text) = data.text() else { continue };
        let parsed = KeyRecord::parse(&text);
        let (text, findings) = (Arc::from(&*text), parsed.findings);
        answer = match (parsed.value, answer) {
            (Some(_), KeyAnswer::Found(_)) => return KeyAnswer::Several,
            (Some(record), _) => {
                let record = Arc::new(record);
                KeyAnswer::Found(FoundKey { record, text, findings, authenticated: false })
            }
            (None, KeyAnswer::NoKey) => KeyAnswer::NotAKey { text, findings },
            (None, answer) => answer,
        };
    }
    answer
}

#[cfg(test)]
mod tests {
    use dns::Answer;

    use super::*;

    #[test]
    fn the_same_with_and_without_a_cache() {
        let cache = KeyCache::default();
        let long = format!("v=DKIM1; p={}", " ".repeat(dns::memo::MAX_REMEMBERED));
        let key = "v=DKIM1; n=1; p=";
        for texts in
            [&[key][..], &[key, key], &["other", key], &["other", "\u{e9}"], &["v=DKIM1"], &[""], &[&long]]
        {
            let records: Arc<[Data]> = texts.iter().map(Data::txt).collect();
            for authenticated in [true, false] {
                let reply = Reply::Records(Arc::clone(&records));
                let world = World(Answer { authenticated, ..Answer::new(reply) });
                let asked = |cache| pollster::block_on(ask(&world, Name::root(), cache));
                let plain = asked(None);
                assert_eq!(asked(Some(&cache)), plain, "{texts:?}");
                assert_eq!(asked(Some(&cache)), plain, "{texts:?}, known");
                assert!(!matches!(&plain, KeyAnswer::Found(key) if key.authenticated != authenticated));
            }
        }
    }

    /// Answers everything alike.
    struct World(Answer);

    impl Dns for World {
        async fn ask(&self, _: &Question) -> Answer {
            self.0.clone()
        }
    }
}
