//! The question for a key (RFC 6376 §3.6.2, §6.1.2) and what its answer comes to.

use std::sync::Arc;

use dns::{Data, Dns, Failure, Name, Question, RecordType, Strings};
use mail::{Domain, Finding};

use crate::cache::{KeyCache, Text};
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

/// Asks for the key at a name. Texts that the cache knows are not parsed again.
pub(crate) async fn ask<D: Dns>(dns: &D, name: Name, cache: Option<&KeyCache>) -> KeyAnswer {
    let answer = dns.ask(&Question::new(name, RecordType::Txt)).await;
    // RFC 6376 §6.1.2 step 2: TEMPFAIL, key unavailable.
    if let Some(failure) = answer.reply.failure() {
        return KeyAnswer::Failed(failure);
    }
    let texts = answer.records().iter().filter_map(|data| match data {
        Data::Txt(strings) => Some(strings),
        _ => None,
    });
    read(texts, answer.authenticated, cache)
}

/// RFC 6376 §3.6.2.2 leaves several records undefined: texts that are no key records don't count, whatever their
/// order; two that are leave no key.
fn read<'a>(
    texts: impl Iterator<Item = &'a Strings>,
    authenticated: bool,
    cache: Option<&KeyCache>,
) -> KeyAnswer {
    // RFC 6376 §6.1.2 step 3: PERMFAIL, no key for signature.
    let mut answer = KeyAnswer::NoKey;
    for text in texts {
        let read = Text::read(text, cache);
        let (text, findings) = (Arc::clone(&read.text), read.findings.clone());
        answer = match (&read.record, answer) {
            (Some(_), KeyAnswer::Found(_)) => return KeyAnswer::Several,
            (Some(record), _) => {
                KeyAnswer::Found(FoundKey { record: Arc::clone(record), text, findings, authenticated })
            }
            (None, KeyAnswer::NoKey) => KeyAnswer::NotAKey { text, findings },
            (None, answer) => answer,
        };
    }
    answer
}
