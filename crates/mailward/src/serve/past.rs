//! What is kept of messages, and read again for others: rows go to the store, and local policy asks what it remembers.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use aws_lc_rs::rand;
use mail::UnixTime;
use store::{HistoryLimits, JournalLimits, Put, QueueLimits, Retention, Store, Writer, WriterSettings};
use verdict::local::{Copies, Deferral, History, SIGNING_DAYS, Subjects};
use verdict::{Envelope, Verdict};

use super::log::{Line, Log};
use super::row::{Judged, deferral_key};
use crate::config;
use crate::input::{InputError, now};

/// How often a database that was away at the start is tried again.
const RETRY: Duration = Duration::from_secs(1);
/// How often too old rows are looked for.
const TIDY: Duration = Duration::from_secs(6 * 60 * 60);
/// Most signatures that are counted: about 10 MiB.
const MAX_SIGNATURES: usize = 65_536;
/// How long a node may take for that, in seconds.
const LEASE: u64 = 60 * 60;

/// The past.
pub struct Past {
    memory: Arc<store::History>,
    /// Whether the memory holds what the database knows; until then nothing is known.
    loaded: AtomicBool,
    writer: RwLock<Option<Writer>>,
    copies: Mutex<Copies>,
}

impl Past {
    /// One that is kept in memory alone, and knows everything since its beginning.
    pub fn in_memory() -> Self {
        let memory = Arc::new(store::History::new(HistoryLimits::default()));
        let copies = Mutex::new(Copies::new(MAX_SIGNATURES));
        Self { memory, loaded: AtomicBool::new(true), writer: RwLock::new(None), copies }
    }

    /// Opens the database. One that is away is no error: rows wait in the journal, and nothing is known until it is back.
    pub async fn open(config: &config::Store, log: &Log) -> Result<(Self, Store), InputError> {
        let place = config.place();
        let failed = |error: &dyn std::fmt::Display| InputError::new(place.to_string(), error.to_string());
        let store = Store::new(&place).map_err(|error| failed(&error))?;
        let memory = Arc::new(store::History::new(HistoryLimits::default()));
        let loaded = match load(&store, &memory).await {
            Ok(()) => true,
            Err(error @ store::Error::Newer { .. }) => return Err(failed(&error)),
            Err(error) => {
                let line = Line::new("warning").show("why", format_args!("{place}: {error}"));
                log.write(&line.text("until", "rows go to the journal, and nothing is known of the past"));
                false
            }
        };
        let settings = WriterSettings {
            journal: config.path.join("journal"),
            limits: JournalLimits::default(),
            queue: QueueLimits::default(),
            now,
        };
        let writer = Writer::start(store.clone(), Arc::clone(&memory), &settings);
        let writer = RwLock::new(Some(writer.map_err(|error| failed(&error))?));
        let copies = Mutex::new(Copies::new(MAX_SIGNATURES));
        Ok((Self { memory, loaded: AtomicBool::new(loaded), writer, copies }, store))
    }

    /// Brings the database to its version, learns what it knows as soon as it is there, and removes from it what is too old.
    pub async fn tend(&self, store: &Store, keep: Retention, log: &Log) {
        while !self.loaded.load(Ordering::Relaxed) {
            tokio::time::sleep(RETRY).await;
            if load(store, &self.memory).await.is_ok() {
                self.loaded.store(true, Ordering::Relaxed);
                log.write(&Line::new("store").text("result", "the database is there"));
            }
        }
        let mut often = tokio::time::interval(TIDY);
        let holder = format!("{}-{}", std::process::id(), now().0);
        loop {
            often.tick().await;
            if let Err(error) = tidy(store, keep, &holder).await {
                log.trouble("retention", Line::new("warning").show("why", error));
            }
        }
    }

    /// What is known of the past of a message.
    pub fn history(
        &self,
        subjects: &Subjects,
        envelope: &Envelope,
        verdict: &Verdict,
        now: UnixTime,
    ) -> History {
        if !self.loaded.load(Ordering::Relaxed) {
            return History::unknown();
        }
        let days = |domain: &&mail::Domain| self.memory.days_signed(domain, now) as usize >= SIGNING_DAYS;
        let deferral = match deferral_key(envelope, verdict) {
            Some(key) if self.memory.may_defer(&key, now) => Deferral::Never,
            // Whether it was deferred for too long or can't be remembered: it is not deferred.
            Some(_) | None => Deferral::Unknown,
        };
        History {
            signers: Some(subjects.organizations.iter().filter(days).cloned().collect()),
            passed_from_network: subjects
                .author
                .as_ref()
                .zip(envelope.client)
                .map(|(author, client)| self.memory.passed_from(author, client, now)),
            deferral,
            copies: None,
        }
    }

    /// Counts a message: how often its signature was seen since this process began, if it was not forgotten.
    pub fn count(&self, verdict: &Verdict, now: UnixTime) -> Option<u32> {
        self.copies.lock().unwrap_or_else(PoisonError::into_inner).count(verdict, now)
    }

    /// Keeps what has to be kept of a message. Never waits for a disk or a database.
    pub fn keep(&self, judged: &Judged<'_>) -> Put {
        let mut random = [0; 10];
        // Without randomness rows of one second could be taken for one; the next second is another.
        let _ = rand::fill(&mut random);
        let row = judged.row(random);
        match &*self.writer.read().unwrap_or_else(PoisonError::into_inner) {
            Some(writer) => writer.put(row),
            None => {
                self.memory.note(&row);
                Put::Queued
            }
        }
    }

    /// Ends: what waits goes into the database or the journal.
    pub async fn close(&self) {
        let writer = self.writer.write().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(writer) = writer {
            writer.close().await;
        }
    }
}

async fn load(store: &Store, memory: &store::History) -> Result<(), store::Error> {
    store.migrate(now()).await?;
    store.load(memory, now()).await
}

async fn tidy(store: &Store, keep: Retention, holder: &str) -> Result<(), store::Error> {
    if let Some(lease) = store.claim("retention", holder, now(), LEASE).await? {
        store.retain(keep, now()).await?;
        store.release(lease).await?;
    }
    Ok(())
}

/// Makes the folder of the data, for its owner alone, before the right to do so is given up.
pub(super) fn make_folder(path: &Path) -> Result<(), InputError> {
    let made = std::os::unix::fs::DirBuilderExt::mode(std::fs::DirBuilder::new().recursive(true), 0o700)
        .create(path);
    made.map_err(|error| {
        let error =
            InputError::new(crate::input::error::shown(path), format!("the folder can't be made: {error}"));
        error.with_help("[store] path names the folder where the data are")
    })
}
