//! The way back: what is in the journal goes into the database when that is there again.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::time::timeout;

use super::{RETRY_EVERY, Shared};
use crate::journal::Reader;
use crate::queue::Queue;
use crate::row::Columns;
use crate::{BATCH, Error, MessageRow, State};

/// A part of a segment, decoded.
struct Part {
    reader: Reader,
    rows: Vec<MessageRow>,
    /// Records that hold no row.
    unreadable: u64,
    last: bool,
}

impl Shared {
    /// Looks once in a while whether there is something to do: a journal that is not empty, a database that was away.
    pub(super) async fn replay(self: Arc<Self>) {
        loop {
            let empty = self.journal_bytes.load(Ordering::Relaxed) == 0;
            if !empty || matches!(*self.state.borrow(), State::Spilling(_)) {
                match self.recover().await {
                    // A batch that is stuck finds out for itself.
                    Ok(()) if matches!(*self.state.borrow(), State::Stuck(_)) => {}
                    Ok(()) => self.enter(State::Storing),
                    Err(error) if self.is_storing() => self.enter(State::Spilling(error.to_string())),
                    Err(_) => {}
                }
            }
            let _ = timeout(RETRY_EVERY, self.queue.until(Queue::is_closed)).await;
            if self.queue.is_closed() {
                return;
            }
        }
    }

    /// Brings the database up to date and everything in the journal into it.
    async fn recover(self: &Arc<Self>) -> Result<(), Error> {
        if !self.is_storing() {
            self.store.migrate((self.now)()).await?;
        }
        let failed = |error: io::Error| Error::File(format!("the journal: {error}"));
        while let Some((number, path)) = self.on_disk(|journal| Ok(journal.oldest())).await.map_err(failed)? {
            let mut reader = self.on_disk(move |_| Reader::open(&path)).await.map_err(failed)?;
            loop {
                let part = self.on_disk(move |_| read(reader)).await.map_err(failed)?;
                let stored = self.insert(&part.rows).await?;
                part.rows.iter().for_each(|row| self.history.note(row));
                self.counters.replayed.add(stored);
                self.counters.refused.add(part.unreadable);
                // From here on the others need not go by the disk any more.
                if stored > 0 && matches!(*self.state.borrow(), State::Spilling(_)) {
                    self.enter(State::Storing);
                }
                reader = part.reader;
                if part.last || self.queue.is_closed() {
                    break;
                }
            }
            if self.queue.is_closed() {
                return Ok(());
            }
            self.counters.torn_bytes.add(reader.torn());
            self.on_disk(move |journal| journal.remove(number)).await.map_err(failed)?;
        }
        Ok(())
    }
}

/// The next rows of a segment.
fn read(mut reader: Reader) -> io::Result<Part> {
    let (mut rows, mut unreadable) = (Vec::new(), 0);
    while rows.len() < BATCH {
        let Some(payload) = reader.next()? else {
            return Ok(Part { reader, rows, unreadable, last: true });
        };
        match Columns::from_json(&payload).and_then(Columns::read) {
            Ok(row) => rows.push(row),
            Err(_) => unreadable += 1,
        }
    }
    Ok(Part { reader, rows, unreadable, last: false })
}
