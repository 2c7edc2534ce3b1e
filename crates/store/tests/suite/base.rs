//! A database for a test: SQLite in a folder of its own, or a PostgreSQL.

use std::any::Any;
use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use mail::UnixTime;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row, SqliteConnection};
use store::{
    Error, History, HistoryLimits, JournalLimits, MessageRow, Place, PostgresUrl, QueueLimits, RowId, State,
    Store, Writer, WriterSettings,
};
use tempfile::TempDir;
use testkit::real::postgres::Postgres;

use crate::testing::{NOW, full_row};

/// Seconds of a day.
pub const DAY: u64 = 86_400;

/// A database.
pub struct Base {
    pub folder: TempDir,
    pub postgres: Option<Postgres>,
    /// What is added to the URL of PostgreSQL.
    pub options: &'static str,
}

impl Base {
    pub fn sqlite() -> Option<Self> {
        Some(Self { folder: tempfile::tempdir().unwrap(), postgres: None, options: "" })
    }

    pub fn postgres() -> Option<Self> {
        Some(Self { postgres: Some(Postgres::start()?), ..Self::sqlite()? })
    }

    /// As the writer of another process is told.
    pub fn url(&self) -> String {
        match &self.postgres {
            Some(postgres) => postgres.url() + self.options,
            None => self.folder.path().join("data/mailward.db").display().to_string(),
        }
    }

    /// One more store on it: another node.
    pub fn node(&self) -> Store {
        Store::new(&place(&self.url())).unwrap()
    }

    /// The same, migrated.
    pub async fn store(&self) -> Store {
        let store = self.node();
        until_answers(|| store.migrate(NOW)).await;
        store
    }

    /// A writer with its journal in the folder.
    pub fn writer(&self, store: &Store) -> Writer {
        Writer::start(store.clone(), history(), &self.settings()).unwrap()
    }

    pub fn settings(&self) -> WriterSettings {
        settings(self.folder.path().join("journal"))
    }

    /// Runs a statement of the test's own.
    pub async fn sql(&self, sql: &str) {
        match &self.postgres {
            Some(_) => {
                let mut conn = PgConnection::connect(&self.url()).await.unwrap();
                conn.execute(sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))).await.unwrap();
            }
            None => {
                let mut conn = SqliteConnection::connect(&self.url()).await.unwrap();
                conn.execute(sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))).await.unwrap();
            }
        }
    }

    /// Runs a statement and keeps its connection, with the locks that it took, until what comes back is dropped.
    pub async fn hold(&self, sql: &'static str) -> Box<dyn Any> {
        match &self.postgres {
            Some(_) => {
                let mut conn = PgConnection::connect(&self.url()).await.unwrap();
                conn.execute(sqlx::raw_sql(sql)).await.unwrap();
                Box::new(conn)
            }
            None => {
                let mut conn = SqliteConnection::connect(&self.url()).await.unwrap();
                conn.execute(sqlx::raw_sql(sql)).await.unwrap();
                Box::new(conn)
            }
        }
    }

    /// One number out of the database.
    pub async fn number(&self, sql: &str) -> i64 {
        let sql = AssertSqlSafe(sql.to_owned());
        match &self.postgres {
            Some(_) => {
                let mut conn = PgConnection::connect(&self.url()).await.unwrap();
                conn.fetch_one(sqlx::query(sql)).await.unwrap().get(0)
            }
            None => {
                let mut conn = SqliteConnection::connect(&self.url()).await.unwrap();
                conn.fetch_one(sqlx::query(sql)).await.unwrap().get(0)
            }
        }
    }

    /// Each row is there once, the days' sums are right, and gives how many rows there are.
    pub async fn audit(&self, store: &Store) -> u64 {
        let (messages, bytes) = store.size().await.unwrap();
        assert_eq!(i64::try_from(messages).unwrap(), self.number("SELECT COUNT(*) FROM messages").await);
        let sum = "SELECT CAST(COALESCE(SUM(bytes), 0) AS BIGINT) FROM messages";
        assert_eq!(i64::try_from(bytes).unwrap(), self.number(sum).await);
        messages
    }
}

/// SQLite by path, PostgreSQL by URL.
pub fn place(url: &str) -> Place {
    match PostgresUrl::parse(url) {
        Ok(url) => Place::Postgres(url),
        Err(_) => Place::Sqlite(url.into()),
    }
}

pub fn settings(journal: PathBuf) -> WriterSettings {
    WriterSettings { journal, limits: JournalLimits::default(), queue: QueueLimits::default(), now: || NOW }
}

pub fn history() -> Arc<History> {
    Arc::new(History::new(HistoryLimits::default()))
}

/// A row judged at that time.
pub fn row_at(at: u64, number: u32) -> MessageRow {
    let [a, b, c, d] = number.to_be_bytes();
    MessageRow { id: RowId::new(UnixTime(at), [1, 0, 0, 0, 0, 0, a, b, c, d]), ..full_row(number) }
}

/// Waits until the database that was just started answers.
pub async fn until_answers<F: Future<Output = Result<(), Error>>>(ask: impl Fn() -> F) {
    let mut last = Ok(());
    for _ in 0..3_000 {
        last = ask().await;
        match last {
            Err(Error::Away(_)) => tokio::time::sleep(Duration::from_millis(10)).await,
            _ => break,
        }
    }
    last.unwrap();
}

/// Waits until the writer is in such a state, and its journal is empty if `empty`.
pub async fn until(writer: &Writer, empty: bool, mut state: impl FnMut(&State) -> bool) {
    for _ in 0..6_000 {
        let status = writer.status();
        if state(&status.state) && (!empty || status.journal_bytes == 0) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("{:?}", writer.status());
}

/// Makes of each `async fn(Base)` two tests: on SQLite and on PostgreSQL.
#[macro_export]
macro_rules! on_both {
    ($($(#[$about:meta])* $name:ident,)*) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            $(#[$about])*
            async fn $name() {
                let Some(base) = $crate::base::Base::sqlite() else { return };
                super::$name(base).await;
            })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            $(#[$about])*
            async fn $name() {
                let Some(base) = $crate::base::Base::postgres() else { return };
                super::$name(base).await;
            })*
        }
    };
}
