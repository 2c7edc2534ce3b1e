//! A connection on which something is done. Dropped before the end of that, for whatever reason, it is closed and not used again.

use sqlx::pool::PoolConnection;
use sqlx::postgres::Postgres;
use sqlx::sqlite::Sqlite;
use sqlx::{AssertSqlSafe, Executor as _};

use crate::Error;
use crate::dialect::{Bulk, postgres, sqlite};
use crate::value::{Row, Value};

/// A connection on which a transaction may be open, or an answer on its way.
#[derive(Debug)]
pub(crate) struct Conn(Option<Inner>);

#[derive(Debug)]
enum Inner {
    Sqlite(PoolConnection<Sqlite>),
    Postgres(PoolConnection<Postgres>),
}

impl Drop for Conn {
    fn drop(&mut self) {
        // An answer may still be on its way and a transaction open: this connection is good for nobody.
        match self.0.take() {
            Some(Inner::Sqlite(conn)) => drop(conn.detach()),
            Some(Inner::Postgres(conn)) => drop(conn.detach()),
            None => {}
        }
    }
}

impl Conn {
    pub(crate) fn sqlite(conn: PoolConnection<Sqlite>) -> Self {
        Self(Some(Inner::Sqlite(conn)))
    }

    pub(crate) fn postgres(conn: PoolConnection<Postgres>) -> Self {
        Self(Some(Inner::Postgres(conn)))
    }

    fn inner(&mut self) -> Result<&mut Inner, Error> {
        self.0.as_mut().ok_or_else(|| Error::Away("the connection was given back".into()))
    }

    /// Starts a transaction. SQLite takes the right to write at once: asked for later, it could be refused.
    pub(crate) async fn begin(&mut self) -> Result<(), Error> {
        let begin = self.choose("BEGIN IMMEDIATE", "BEGIN")?;
        self.script(begin).await
    }

    /// Ends the transaction and gives the connection back.
    pub(crate) async fn commit(mut self) -> Result<(), Error> {
        self.script("COMMIT").await?;
        self.give_back();
        Ok(())
    }

    /// Gives the connection back: no transaction is open, and no answer on its way.
    pub(crate) fn give_back(mut self) {
        self.0 = None;
    }

    /// Several statements without parameters, such as a migration.
    pub(crate) async fn script(&mut self, sql: &'static str) -> Result<(), Error> {
        match self.inner()? {
            Inner::Sqlite(conn) => conn.execute(sqlx::raw_sql(sql)).await.map(drop)?,
            Inner::Postgres(conn) => conn.execute(sqlx::raw_sql(sql)).await.map(drop)?,
        }
        Ok(())
    }

    /// One statement with parameters `$1`, `$2`, …; gives the number of rows that it touched.
    pub(crate) async fn execute(&mut self, sql: &'static str, values: Vec<Value>) -> Result<u64, Error> {
        Ok(match self.inner()? {
            Inner::Sqlite(conn) => {
                let query = values.into_iter().fold(sqlx::query(sql), sqlite::bind);
                query.execute(&mut **conn).await?.rows_affected()
            }
            Inner::Postgres(conn) => {
                let query = values.into_iter().fold(sqlx::query(sql), postgres::bind);
                query.execute(&mut **conn).await?.rows_affected()
            }
        })
    }

    /// One statement with parameters; gives the rows that come back.
    pub(crate) async fn fetch(&mut self, sql: &'static str, values: Vec<Value>) -> Result<Vec<Row>, Error> {
        Ok(match self.inner()? {
            Inner::Sqlite(conn) => {
                let query = values.into_iter().fold(sqlx::query(sql), sqlite::bind);
                query.fetch_all(&mut **conn).await?.into_iter().map(Row::Sqlite).collect()
            }
            Inner::Postgres(conn) => {
                let query = values.into_iter().fold(sqlx::query(sql), postgres::bind);
                query.fetch_all(&mut **conn).await?.into_iter().map(Row::Postgres).collect()
            }
        })
    }

    /// Puts many rows in; gives what the statement returns.
    pub(crate) async fn bulk(
        &mut self,
        bulk: &'static Bulk,
        mut rows: Vec<Vec<Value>>,
    ) -> Result<Vec<Row>, Error> {
        debug_assert!(
            rows.iter().flat_map(|row| row.iter().zip(bulk.columns)).all(|(v, (_, kind))| v.kind() == *kind)
        );
        let mut returned = Vec::new();
        match self.inner()? {
            Inner::Sqlite(conn) => {
                for size in sqlite::SIZES {
                    while rows.len() >= size {
                        // Only names of our own and question marks.
                        let query = sqlx::query(AssertSqlSafe(sqlite::statement(bulk, size)));
                        let some = rows.split_off(rows.len() - size);
                        let query = some.into_iter().flatten().fold(query, sqlite::bind);
                        returned.extend(query.fetch_all(&mut **conn).await?.into_iter().map(Row::Sqlite));
                    }
                }
            }
            Inner::Postgres(conn) => {
                if rows.is_empty() {
                    return Ok(returned);
                }
                let mut query = sqlx::query(AssertSqlSafe(postgres::statement(bulk)));
                for (column, (_, kind)) in bulk.columns.iter().enumerate() {
                    query = postgres::bind_column(query, &mut rows, column, *kind);
                }
                returned.extend(query.fetch_all(&mut **conn).await?.into_iter().map(Row::Postgres));
            }
        }
        Ok(returned)
    }

    /// Which of two scripts is for this database.
    pub(crate) fn choose(
        &mut self,
        sqlite: &'static str,
        postgres: &'static str,
    ) -> Result<&'static str, Error> {
        Ok(match self.inner()? {
            Inner::Sqlite(_) => sqlite,
            Inner::Postgres(_) => postgres,
        })
    }
}
