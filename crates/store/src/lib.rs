//! The database of mailward: rows of messages, history, leases, TLS policies; SQLite or PostgreSQL from the same code.
//!
#![doc = include_str!("../STATES.md")]
#![forbid(unsafe_code)]

mod conn;
mod dialect;
mod error;
mod history;
mod insert;
mod journal;
mod lease;
mod load;
mod migrate;
mod place;
mod pool;
mod query;
mod queue;
mod retain;
mod row;
mod status;
mod tls;
mod together;
mod value;
mod writer;

use mail::UnixTime;
use pool::Pool;
use together::Together;

pub use error::Error;
pub use history::{
    DEFERRAL_KEPT, DeferralKey, Deferred, ESTABLISHED_DAYS, History, HistoryLimits, MAX_NETWORKS, Network,
    PASSING_DAYS, SIGNING_DAYS,
};
pub use insert::BATCH;
pub use journal::{JournalError, JournalLimits, MAX_RECORD};
pub use lease::{Lease, MAX_LEASE_NAME};
pub use migrate::VERSION;
pub use place::{Place, PostgresUrl, UrlError};
pub use pool::{ANSWER_WITHIN, CONNECT_WITHIN, CONNECTIONS, READERS, RETRIES};
pub use query::{MAX_PAGE, Shadow};
pub use queue::QueueLimits;
pub use retain::{Removed, Retention};
pub use row::{
    Action, Disposition, DkimResult, EnvelopeFrom, MAX_DKIM_RESULTS, MAX_NOTE, MAX_OVERRIDES, MessageRow,
    Mode, Note, Override, OverrideKind, PublishedPolicy, RowId, SpfResult, SpfScope, Would,
};
pub use status::{Counts, State, Status};
pub use tls::{
    Forgotten, MAX_TLS_EVENT, MAX_TLS_PAGE, TLS_DOMAIN_EVENTS, TLS_HISTORY_DAYS, TLS_HISTORY_ROWS,
    TLS_POLICY_BYTES, TLS_RENEW_AFTER, TLS_STALE_DAYS, TlsEvent, TlsEventKind, TlsPolicy, TlsStored,
};
pub use writer::{FLUSH_EVERY, Put, RETRY_EVERY, Writer, WriterSettings};

/// A database. Clones share its connections.
#[derive(Clone, Debug)]
pub struct Store {
    pool: Pool,
    /// Policies on their way into it.
    policies: Together,
}

impl Store {
    /// A database that nobody has talked to yet. For SQLite, the file and its folder are made where they are missing; that
    /// is all that can fail. Needs a tokio runtime.
    pub fn new(place: &Place) -> Result<Self, Error> {
        Pool::new(place).map(|pool| Self { pool, policies: Together::default() })
    }

    /// Brings the database to [`VERSION`]; several nodes may do so at once. [`Error::Newer`] where a newer program made
    /// it: then nothing else may be done with it.
    pub async fn migrate(&self, now: UnixTime) -> Result<(), Error> {
        self.migrate_to(VERSION, now).await
    }

    /// The same up to an earlier version: for tests of what comes after it.
    #[doc(hidden)]
    pub async fn migrate_to(&self, version: u32, now: UnixTime) -> Result<(), Error> {
        migrate::migrate(&self.pool, version, now).await
    }

    /// Whether the database is at [`VERSION`], for those who do not bring it there: [`Error::Newer`] or [`Error::Older`] where it is not.
    pub async fn check_version(&self) -> Result<(), Error> {
        migrate::check(&self.pool).await
    }

    /// The version that the database has: [`VERSION`] or less; `None` where no mailward has been at it. Changes nothing.
    /// [`Error::Newer`] as with [`Store::migrate`].
    pub async fn version(&self) -> Result<Option<u32>, Error> {
        migrate::version(&self.pool).await
    }

    /// Ends all connections; for SQLite, the write-ahead log goes into the file.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

#[cfg(test)]
extern crate self as store;
#[cfg(test)]
mod testing;
