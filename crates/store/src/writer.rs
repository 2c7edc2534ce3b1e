//! The writer: takes rows without ever waiting, and sees to it that they end up in the database once. `STATES.md` says
//! what survives what.

mod replay;

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mail::UnixTime;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::journal::Journal;
use crate::queue::{Batch, Queue, QueueLimits};
use crate::row::Columns;
use crate::status::Counters;
use crate::{BATCH, Error, History, JournalError, JournalLimits, MessageRow, State, Status, Store};

/// Longest time for which a row waits for others to be stored with, while the database answers.
pub const FLUSH_EVERY: Duration = Duration::from_millis(100);
/// How often a database that is away is tried again.
pub const RETRY_EVERY: Duration = Duration::from_secs(1);

/// How a writer works.
#[derive(Clone, Debug)]
pub struct WriterSettings {
    /// The folder of the journal, for this process alone.
    pub journal: PathBuf,
    /// How much the journal may hold.
    pub limits: JournalLimits,
    /// How much may wait in memory. From half of it on, the journal helps a slow database.
    pub queue: QueueLimits,
    /// The time, for the record of a migration that could not be done at the start.
    pub now: fn() -> UnixTime,
}

/// What became of a row that was put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// It waits to be stored.
    Queued,
    /// It is lost, and counted: the queue is full, or the writer is closing.
    Dropped,
}

/// Takes rows and brings them into the database.
#[derive(Debug)]
pub struct Writer {
    shared: Arc<Shared>,
    /// Ended when the writer is dropped: what still waits is lost then. [`Writer::close`] waits.
    tasks: JoinSet<()>,
}

#[derive(Debug)]
struct Shared {
    store: Store,
    history: Arc<History>,
    now: fn() -> UnixTime,
    queue: Queue,
    journal: Mutex<Journal>,
    /// Beside it, for who must not wait for the disk.
    journal_bytes: AtomicU64,
    counters: Counters,
    state: watch::Sender<State>,
}

impl Writer {
    /// Opens the journal and starts. The database need not be there; [`Store::migrate`] should have been tried. Each row is
    /// noted in `history`, also those that an earlier run left in the journal. Needs a tokio runtime with its timer on.
    pub fn start(
        store: Store,
        history: Arc<History>,
        settings: &WriterSettings,
    ) -> Result<Self, JournalError> {
        let journal = Journal::open(&settings.journal, settings.limits)?;
        let shared = Arc::new(Shared {
            store,
            history,
            now: settings.now,
            queue: Queue::new(settings.queue),
            journal_bytes: AtomicU64::new(journal.bytes()),
            journal: Mutex::new(journal),
            counters: Counters::default(),
            state: watch::Sender::new(State::Storing),
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(Arc::clone(&shared).store_rows());
        tasks.spawn(Arc::clone(&shared).relieve());
        tasks.spawn(Arc::clone(&shared).replay());
        Ok(Self { shared, tasks })
    }

    /// Takes a row. Never waits: for no disk, no database, no other row.
    pub fn put(&self, row: MessageRow) -> Put {
        self.shared.history.note(&row);
        if self.shared.queue.put(row) {
            return Put::Queued;
        }
        self.shared.counters.dropped.add(1);
        Put::Dropped
    }

    /// Waits until every row that was put before is in the database or in the journal, or lost and counted.
    pub async fn flush(&self) {
        self.shared.queue.until_settled(self.shared.queue.last()).await;
    }

    /// Takes no more rows, brings those that wait into the database or the journal, and ends. What neither takes at the
    /// first try is lost and counted. Takes at most [`crate::ANSWER_WITHIN`] and a few writes to the disk, if that works.
    pub async fn close(mut self) -> Status {
        self.shared.queue.close();
        while self.tasks.join_next().await.is_some() {}
        self.status()
    }

    /// How it is doing.
    pub fn status(&self) -> Status {
        Status {
            state: self.shared.state.borrow().clone(),
            counts: self.shared.counters.read(),
            waiting: self.shared.queue.len(),
            journal_bytes: self.shared.journal_bytes.load(Ordering::Relaxed),
        }
    }

    /// The state, and every change of it.
    pub fn watch(&self) -> watch::Receiver<State> {
        self.shared.state.subscribe()
    }
}

impl Shared {
    /// Work on the journal, on a thread that may wait for the disk.
    async fn on_disk<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&mut Journal) -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let shared = Arc::clone(self);
        let work = move || {
            let mut journal = shared.journal.lock().unwrap_or_else(PoisonError::into_inner);
            let result = work(&mut journal);
            shared.journal_bytes.store(journal.bytes(), Ordering::Relaxed);
            result
        };
        tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
    }

    fn enter(&self, state: State) {
        self.state.send_if_modified(|old| {
            let other = *old != state;
            *old = state;
            other
        });
    }

    fn is_storing(&self) -> bool {
        *self.state.borrow() == State::Storing
    }

    /// The way of most rows: a batch at a time into the database.
    async fn store_rows(self: Arc<Self>) {
        loop {
            self.queue.until(|queue| queue.len() > 0).await;
            let _ = timeout(FLUSH_EVERY, self.queue.until(|queue| queue.len() >= BATCH)).await;
            let batch = self.queue.take(BATCH);
            if batch.rows.is_empty() && self.queue.is_closed() {
                return;
            }
            let storing = self.is_storing();
            self.keep(batch, storing).await;
        }
    }

    /// The way of rows that come faster than the database takes them: into the journal, beside.
    async fn relieve(self: Arc<Self>) {
        loop {
            self.queue.until(Queue::is_high).await;
            if self.queue.is_closed() {
                return;
            }
            self.keep(self.queue.take(BATCH), false).await;
        }
    }

    /// Brings a batch to where it can't get lost: the database, if that is to be tried; else the journal. Where neither
    /// takes it, again and again, while the queue fills up behind.
    async fn keep(self: &Arc<Self>, mut batch: Batch, mut try_database: bool) {
        while !batch.rows.is_empty() {
            let mut away = None;
            if try_database {
                match self.insert(&batch.rows).await {
                    Ok(stored) => {
                        self.counters.stored.add(stored);
                        self.enter(State::Storing);
                        break;
                    }
                    Err(error) => away = Some(error.to_string()),
                }
            }
            let closing = self.queue.is_closed();
            match self.spill(&mut batch.rows).await {
                Ok(()) => {
                    if let Some(why) = away {
                        self.enter(State::Spilling(why));
                    }
                    break;
                }
                Err(error) => self.enter(State::Stuck(match away {
                    Some(why) => format!("{why}; the journal: {error}"),
                    None => format!("the journal: {error}"),
                })),
            }
            if closing {
                self.counters.dropped.add(batch.rows.len() as u64);
                break;
            }
            let _ = timeout(RETRY_EVERY, self.queue.until(Queue::is_closed)).await;
            try_database = true;
        }
        self.queue.settle(batch);
    }

    /// Appends rows to the journal; after an error, those are left that are not in it.
    async fn spill(self: &Arc<Self>, rows: &mut Vec<MessageRow>) -> io::Result<()> {
        let payloads: Vec<_> = rows.iter().map(|row| Columns::from(row).to_json()).collect();
        let spilled = self.on_disk(move |journal| journal.append(&payloads)).await?;
        self.counters.spilled.add(spilled as u64);
        rows.drain(..spilled.min(rows.len()));
        if rows.is_empty() { Ok(()) } else { Err(io::Error::other("it is as large as it may be")) }
    }

    /// Puts rows into the database and gives how many it took. One that it will never take is counted and left out: it must
    /// not keep the others.
    async fn insert(&self, rows: &[MessageRow]) -> Result<u64, Error> {
        let mut left = vec![rows];
        let mut stored = 0;
        while let Some(some) = left.pop() {
            match self.store.insert(some).await {
                Ok(_) => stored += some.len() as u64,
                Err(error) if error.may_pass() => return Err(error),
                Err(_) if some.len() <= 1 => self.counters.refused.add(some.len() as u64),
                Err(_) => {
                    let (one, two) = some.split_at(some.len() / 2);
                    left.extend([two, one]);
                }
            }
        }
        Ok(stored)
    }
}
