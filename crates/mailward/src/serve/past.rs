//! What is kept of messages, and read again for others: rows go to the store, and local policy asks what it remembers.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use aws_lc_rs::rand;
use mail::UnixTime;
use store::{
    Deferred, HistoryLimits, JournalLimits, Put, QueueLimits, State as Rows, Store, Writer, WriterSettings,
};
use tokio::time::{Instant, interval_at};
use verdict::local::{Copies, Deferral, History, SIGNING_DAYS, Subjects};
use verdict::{Envelope, Verdict};
use web::State;

use super::log::{Line, Log};
use super::row::{Judged, deferral_key};
use crate::config;
use crate::input::{InputError, now};

/// How often a database that was away at the start is tried again.
const RETRY: Duration = Duration::from_secs(1);
const THERE: &str = "the database is there";
/// Most signatures that are counted: about 10 MiB.
const MAX_SIGNATURES: usize = 65_536;

/// How often is learned what other nodes saw.
pub const LEARN: Duration = Duration::from_secs(15 * 60);

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
        let store = database(config)?;
        let memory = Arc::new(store::History::new(HistoryLimits::default()));
        let loaded = match load(&store, &memory).await {
            Ok(()) => true,
            Err(error @ store::Error::Newer { .. }) => return Err(failed(config, &error)),
            Err(error) => {
                let line = Line::new("warning").show("why", failed(config, &error));
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
        let writer = RwLock::new(Some(writer.map_err(|error| failed(config, &error))?));
        let copies = Mutex::new(Copies::new(MAX_SIGNATURES));
        Ok((Self { memory, loaded: AtomicBool::new(loaded), writer, copies }, store))
    }

    /// Brings the database to its version and learns what it knows as soon as it is there; then says where rows go, whenever
    /// that changes, and learns every so often what other nodes saw.
    pub async fn tend(&self, store: &Store, log: &Log, learn: Duration) {
        while !self.loaded.load(Ordering::Relaxed) {
            tokio::time::sleep(RETRY).await;
            if load(store, &self.memory).await.is_ok() {
                self.loaded.store(true, Ordering::Relaxed);
                log.write(&Line::new("store").text("result", THERE));
            }
        }
        let writer = self.writer.read().unwrap_or_else(PoisonError::into_inner).as_ref().map(Writer::watch);
        let Some(mut states) = writer else { return };
        let mut often = interval_at(Instant::now() + learn, learn);
        loop {
            tokio::select! {
                changed = states.changed() => if changed.is_err() { return },
                _ = often.tick() => {
                    if let Err(error) = store.load(&self.memory, now()).await {
                        log.trouble("learn", Line::new("warning").show("why", error));
                    }
                    continue;
                }
            }
            let line = match &*states.borrow_and_update() {
                Rows::Storing => Line::new("store").text("result", "rows go to the database again"),
                Rows::Spilling(why) => {
                    Line::new("store").text("result", "rows go to the journal").show("why", why)
                }
                Rows::Stuck(why) => Line::new("store").text("result", "rows go nowhere").show("why", why),
            };
            log.trouble("store", line);
        }
    }

    /// How the store is doing.
    pub fn state(&self) -> State {
        if !self.loaded.load(Ordering::Relaxed) {
            return State::Strained("the database is away since the start; nothing is known of the past");
        }
        let writer = self.writer.read().unwrap_or_else(PoisonError::into_inner);
        match writer.as_ref().map(|writer| writer.status().state) {
            None | Some(Rows::Storing) => State::Good,
            Some(Rows::Spilling(_)) => State::Strained("the database is away; rows go to the journal"),
            Some(Rows::Stuck(_)) => State::Bad("the database is away, and the journal takes no rows"),
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
        let deferred = deferral_key(envelope, verdict).map(|key| self.memory.deferred(&key, now));
        let deferral = match deferred {
            Some(Deferred::Never) => Deferral::Never,
            Some(Deferred::Since(first)) => Deferral::Since(first),
            // What can't be remembered is not deferred: it might go on for ever.
            Some(Deferred::NoRoom) | None => Deferral::Unknown,
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

/// Brings a database that was away at the start to its version as soon as it is there, for parts that keep no rows of messages.
pub(super) async fn migrate(store: &Store, log: &Log) {
    while store.migrate(now()).await.is_err() {
        tokio::time::sleep(RETRY).await;
    }
    log.write(&Line::new("store").text("result", THERE));
}

/// The database, for parts that write no rows of messages. One that is away is no error, one that is too new is.
pub(super) async fn known_database(config: &config::Store) -> Result<Store, InputError> {
    let store = database(config)?;
    match store.version().await {
        Err(error @ store::Error::Newer { .. }) => Err(failed(config, &error)),
        _ => Ok(store),
    }
}

/// The database, to which nobody has talked yet.
fn database(config: &config::Store) -> Result<Store, InputError> {
    Store::new(&config.place()).map_err(|error| failed(config, &error))
}

fn failed(config: &config::Store, error: &dyn std::fmt::Display) -> InputError {
    InputError::new(config.place().to_string(), error.to_string())
}

async fn load(store: &Store, memory: &store::History) -> Result<(), store::Error> {
    store.migrate(now()).await?;
    store.load(memory, now()).await
}

/// Makes the folder of the data, for its owner alone, before the right to do so is given up; `false` where there is one.
pub(super) fn make_folder(path: &Path) -> Result<bool, InputError> {
    if path.is_dir() {
        return Ok(false);
    }
    let made = std::os::unix::fs::DirBuilderExt::mode(std::fs::DirBuilder::new().recursive(true), 0o700)
        .create(path);
    made.map(|()| true).map_err(|error| {
        let error =
            InputError::new(crate::input::error::shown(path), format!("the folder can't be made: {error}"));
        error.with_help("[store] path names the folder where the data are")
    })
}

#[cfg(test)]
mod tests {
    use mail::Domain;
    use store::{Action, Disposition, EnvelopeFrom, MessageRow, Mode, Note, RowId, Would};

    use super::*;
    use crate::config::LogFormat;

    #[tokio::test]
    async fn what_another_node_saw_is_known_here_too() {
        let folder = tempfile::tempdir().unwrap();
        let config = config::Store { path: folder.path().to_owned(), ..config::Store::default() };
        let log = Log::new(LogFormat::Json, |_| {});
        let (past, store) = Past::open(&config, &log).await.unwrap();
        let org = Domain::parse("a.example").unwrap();
        let row = MessageRow {
            id: RowId::new(now(), [1; 10]),
            listener: Note::new("in"),
            mode: Mode::Observe,
            client_ip: None,
            envelope_from: EnvelopeFrom::Null,
            author_domain: Some(org.clone()),
            org_domain: Some(org.clone()),
            dmarc: dmarc::Outcome::Pass,
            dkim_aligned: true,
            spf_aligned: false,
            policy: None,
            spf_mail_from: None,
            spf_helo: None,
            dkim: Vec::new(),
            disposition: Disposition::None,
            overrides: Vec::new(),
            rule: Note::new(""),
            taken: Action::Accept,
            would: Would { observe: Action::Accept, quarantine: Action::Accept, enforce: Action::Accept },
            deferral: None,
        };
        store.insert(&[row]).await.unwrap();
        let known = async {
            while past.memory.days_signed(&org, now()) == 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            () = past.tend(&store, &log, Duration::from_millis(1)) => panic!("it goes on"),
            known = tokio::time::timeout(Duration::from_secs(20), known) => known.unwrap(),
        }
    }
}
