//! Key records that were parsed before. A record says the same whenever and wherever it is published, so nothing here can
//! be out of date: how long an answer holds is for whoever asks the DNS to know.

use std::sync::Arc;

use dns::{Memo, Strings};
use mail::Finding;

use crate::key::KeyRecord;

/// Parsed key records, for all messages of a receiver.
#[derive(Debug, Default)]
pub struct KeyCache(Memo<Text>);

/// A text that was read as a key record.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Text {
    /// Its strings put together.
    pub(crate) text: Arc<[u8]>,
    /// What it says, if it is one.
    pub(crate) record: Option<Arc<KeyRecord>>,
    pub(crate) findings: Vec<Finding>,
}

impl Text {
    /// Reads a text; from the cache, where it knows it.
    pub(crate) fn read(strings: &Strings, cache: Option<&KeyCache>) -> Arc<Self> {
        // RFC 6376 §3.6.2.2: strings are put together with nothing between.
        let read = || {
            let text: Arc<[u8]> = strings.concat().into();
            let parsed = KeyRecord::parse(&text);
            Self { text, record: parsed.value.map(Arc::new), findings: parsed.findings }
        };
        match cache {
            Some(cache) => cache.0.get(strings, |_| true, read),
            None => Arc::new(read()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_with_and_without() {
        let cache = KeyCache::default();
        let long = format!("v=DKIM1; p={}", " ".repeat(dns::memo::MAX_REMEMBERED));
        for text in ["v=DKIM1; n=1; p=", "v=DKIM1; n=2; p=", "v=DKIM1", "\u{e9}", "", &long] {
            let (front, back) = text.as_bytes().split_at(text.len() / 2);
            let strings: Strings = [front.into(), back.into()].into();
            let known = Text::read(&strings, Some(&cache));
            for cache in [Some(&cache), None] {
                assert_eq!(Text::read(&strings, cache), known, "{text}");
            }
            assert_eq!(&*known.text, text.as_bytes());
            let is_kept = Arc::ptr_eq(&Text::read(&strings, Some(&cache)), &known);
            assert_eq!(is_kept, text.len() <= dns::memo::MAX_REMEMBERED, "{text}");
        }
    }
}
