//! The connections, and how a piece of work becomes a transaction: within a deadline, and again when another was in the way.

use std::collections::hash_map::RandomState;
use std::fs::{DirBuilder, OpenOptions};
use std::hash::BuildHasher as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::time::Duration;

use sqlx::ConnectOptions as _;
use sqlx::postgres::{PgPool, PgPoolOptions};
use sqlx::sqlite::{
    SqliteAutoVacuum, SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteSynchronous,
};

use crate::conn::Conn;
use crate::{Error, Place};

/// Longest wait for a connection.
pub const CONNECT_WITHIN: Duration = Duration::from_secs(3);
/// Longest time for one transaction with all its retries; then its connection is closed and the database counts as away.
pub const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// How often a transaction is tried again after a serialisation failure or a deadlock, within [`ANSWER_WITHIN`].
pub const RETRIES: u32 = 30;
/// Most connections to PostgreSQL. SQLite has one that writes and [`READERS`].
pub const CONNECTIONS: u32 = 8;
/// Connections to SQLite that only read.
pub const READERS: u32 = 4;
/// The longest wait before the first retry; before each further one it is twice as long, up to 32 times.
const PAUSE: Duration = Duration::from_millis(4);
/// How long SQLite waits for another process that writes.
const BUSY: Duration = Duration::from_secs(5);

/// What happens inside one transaction, or one statement that only reads. It may be run several times.
pub(crate) trait Work: Sync {
    type Output: Send;

    fn run(&self, conn: &mut Conn) -> impl Future<Output = Result<Self::Output, Error>> + Send;
}

#[derive(Clone, Debug)]
pub(crate) enum Pool {
    Sqlite { write: SqlitePool, read: SqlitePool },
    Postgres(PgPool),
}

impl Pool {
    /// Connects to nothing yet; for SQLite, makes the folder and the file where they are missing.
    pub(crate) fn new(place: &Place) -> Result<Self, Error> {
        match place {
            Place::Sqlite(path) => {
                make_private(path).map_err(|error| Error::File(format!("{}: {error}", path.display())))?;
                let options = SqliteConnectOptions::new()
                    .filename(path)
                    .journal_mode(SqliteJournalMode::Wal)
                    // A commit is on the disk when it is reported: a report is deleted from a mailbox only after it.
                    .synchronous(SqliteSynchronous::Full)
                    .auto_vacuum(SqliteAutoVacuum::Incremental)
                    .busy_timeout(BUSY)
                    // A large statement keeps notes for its undoing, else in a file in /tmp, where a process in a sandbox
                    // can't write: the database would count as away.
                    .pragma("temp_store", "memory")
                    .disable_statement_logging();
                let connections = |most| {
                    SqlitePoolOptions::new()
                        .max_connections(most)
                        .acquire_timeout(CONNECT_WITHIN)
                        // A file does not hang up.
                        .test_before_acquire(false)
                };
                let write = connections(1).connect_lazy_with(options.clone());
                let read = connections(READERS).connect_lazy_with(options.pragma("query_only", "1"));
                Ok(Self::Sqlite { write, read })
            }
            Place::Postgres(url) => Ok(Self::Postgres(
                PgPoolOptions::new()
                    .max_connections(CONNECTIONS)
                    .acquire_timeout(CONNECT_WITHIN)
                    .connect_lazy_with(url.options().disable_statement_logging()),
            )),
        }
    }

    /// A transaction that writes.
    pub(crate) async fn write<W: Work>(&self, work: &W) -> Result<W::Output, Error> {
        self.transact(work, true).await
    }

    /// One statement that only reads, which needs no transaction.
    pub(crate) async fn read<W: Work>(&self, work: &W) -> Result<W::Output, Error> {
        self.transact(work, false).await
    }

    async fn transact<W: Work>(&self, work: &W, writes: bool) -> Result<W::Output, Error> {
        let again = self.again(work, writes);
        tokio::time::timeout(ANSWER_WITHIN, again)
            .await
            .unwrap_or_else(|_| Err(Error::no_answer(ANSWER_WITHIN)))
    }

    async fn again<W: Work>(&self, work: &W, writes: bool) -> Result<W::Output, Error> {
        let mut tried = 0;
        loop {
            match self.once(work, writes).await {
                Err(Error::Conflict(_)) if tried < RETRIES => {
                    tokio::time::sleep(pause(tried)).await;
                    tried += 1;
                }
                result => return result,
            }
        }
    }

    async fn once<W: Work>(&self, work: &W, writes: bool) -> Result<W::Output, Error> {
        let mut conn = self.acquire(writes).await?;
        if !writes {
            let output = work.run(&mut conn).await?;
            conn.give_back();
            return Ok(output);
        }
        conn.begin().await?;
        let output = work.run(&mut conn).await?;
        conn.commit().await?;
        Ok(output)
    }

    async fn acquire(&self, writes: bool) -> Result<Conn, Error> {
        Ok(match self {
            Self::Sqlite { write, .. } if writes => Conn::sqlite(write.acquire().await?),
            Self::Sqlite { read, .. } => Conn::sqlite(read.acquire().await?),
            Self::Postgres(pool) => Conn::postgres(pool.acquire().await?),
        })
    }

    /// Closes all connections; for SQLite, the write-ahead log goes into the file.
    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite { write, read } => {
                read.close().await;
                write.close().await;
            }
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

/// How long to wait before a retry: anything up to the longest, so that two that met do not meet again.
fn pause(tried: u32) -> Duration {
    let random = RandomState::new().hash_one(tried) % 1_000;
    PAUSE * (1 << tried.min(5)) * u32::try_from(random).unwrap_or_default() / 1_000
}

/// Makes the file and its folder for their owner alone. What exists is left as it is: its rights are the operator's.
fn make_private(path: &Path) -> std::io::Result<()> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn nothing_is_written_beside_the_database() {
        let folder = tempfile::tempdir().unwrap();
        let pool = Pool::new(&Place::Sqlite(folder.path().join("x.db"))).unwrap();
        for writes in [true, false] {
            let mut conn = pool.acquire(writes).await.unwrap();
            let rows = conn.fetch("PRAGMA temp_store", Vec::new()).await.unwrap();
            // 2: memory.
            assert_eq!(rows.first().unwrap().int(0).unwrap(), 2, "writes: {writes}");
        }
    }
}
