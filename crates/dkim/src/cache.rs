//! Key records that were read before. What is kept is known by the answer that it was read from, so nothing here can be
//! out of date: how long an answer holds is for whoever asks the DNS to know.

use std::sync::Arc;

use dns::{Data, Memo};

use crate::lookup::KeyAnswer;

/// Parsed key records, for all messages of a receiver.
#[derive(Debug, Default)]
pub struct KeyCache(Memo<KeyAnswer>);

impl KeyCache {
    /// What these records come to, if they are known here, or else by `read`.
    pub(crate) fn get(&self, records: &Arc<[Data]>, read: impl FnOnce() -> KeyAnswer) -> KeyAnswer {
        self.0.get(records, |_| true, read)
    }
}
