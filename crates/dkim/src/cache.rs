//! Key records that were parsed before, by their text. A record says the same whenever and wherever it is published, so
//! nothing here can be out of date: how long an answer holds is for whoever asks the DNS to know.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use dns::memo::cost;
use mail::Parsed;

use crate::key::KeyRecord;

/// Longest text that is kept, in bytes.
pub const MAX_CACHED_RECORD: usize = 2_048;
/// Most bytes that all that is kept may count, by [`dns::memo::cost`].
pub const MAX_CACHED: usize = 4 * 1024 * 1024;

type Known = BTreeMap<Box<[u8]>, Arc<Parsed<KeyRecord>>>;

/// Parsed key records, for all messages of a receiver. What was not asked for since half of the cache was filled goes.
#[derive(Debug, Default)]
pub struct KeyCache(Mutex<Halves>);

#[derive(Debug, Default)]
struct Halves {
    young: Known,
    old: Known,
    /// What the young half counts, in bytes.
    bytes: usize,
}

impl KeyCache {
    /// The same as [`KeyRecord::parse`].
    pub(crate) fn parse(&self, text: &[u8]) -> Parsed<KeyRecord> {
        if text.len() > MAX_CACHED_RECORD {
            return KeyRecord::parse(text);
        }
        let known = self.halves(|halves| halves.get(text));
        let parsed = known.unwrap_or_else(|| {
            let parsed = Arc::new(KeyRecord::parse(text));
            self.halves(|halves| halves.put(text, &parsed));
            parsed
        });
        (*parsed).clone()
    }

    fn halves<T>(&self, act: impl FnOnce(&mut Halves) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Halves {
    fn get(&mut self, text: &[u8]) -> Option<Arc<Parsed<KeyRecord>>> {
        if let Some(parsed) = self.young.get(text) {
            return Some(Arc::clone(parsed));
        }
        let parsed = self.old.remove(text)?;
        self.put(text, &parsed);
        Some(parsed)
    }

    fn put(&mut self, text: &[u8], parsed: &Arc<Parsed<KeyRecord>>) {
        let cost = cost([text]);
        if self.bytes + cost > MAX_CACHED / 2 {
            self.old = std::mem::take(&mut self.young);
            self.bytes = 0;
        }
        if self.young.insert(text.into(), Arc::clone(parsed)).is_none() {
            self.bytes += cost;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(number: usize) -> Vec<u8> {
        format!("v=DKIM1; n={number}; p=").into_bytes()
    }

    fn kept(cache: &KeyCache) -> usize {
        cache.halves(|halves| halves.young.len() + halves.old.len())
    }

    #[test]
    fn the_same_with_and_without() {
        let cache = KeyCache::default();
        let long = [text(0), vec![b' '; MAX_CACHED_RECORD]].concat();
        for text in [text(1), text(2), text(1), b"v=DKIM1".to_vec(), b"\xff".to_vec(), Vec::new(), long] {
            for _ in 0..2 {
                assert_eq!(cache.parse(&text), KeyRecord::parse(&text), "{}", mail::printable(&text));
            }
        }
        assert_eq!(kept(&cache), 5);
    }

    #[test]
    fn texts_of_many_words_count_for_what_is_made_of_them() {
        let cache = KeyCache::default();
        for number in 0..1000 {
            cache.parse(format!("v=DKIM1; n={number}; h={}sha256; p=", "a:".repeat(1000)).as_bytes());
        }
        assert!(
            (1..=MAX_CACHED / cost([&b":".repeat(1000)[..]])).contains(&kept(&cache)),
            "{}",
            kept(&cache)
        );
    }

    #[test]
    fn what_is_used_stays_and_memory_is_bounded() {
        let cache = KeyCache::default();
        for number in 0..40_000 {
            cache.parse(&text(number));
            cache.parse(&text(7));
            assert!(cache.halves(|halves| halves.bytes) <= MAX_CACHED / 2);
        }
        let most = MAX_CACHED / (MAX_CACHED_RECORD / 4);
        assert!(kept(&cache) <= most, "{}", kept(&cache));
        assert!(
            cache.halves(|halves| halves.young.contains_key(&*text(7)) || halves.old.contains_key(&*text(7)))
        );
        assert!(cache.halves(|halves| halves.get(&text(8)).is_none()));
    }
}
