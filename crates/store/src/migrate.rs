//! Migrations: forward only, each in a transaction together with the row that says that it was done.
//!
//! A new one: two files in `migrations/` (one a dialect) and a row in [`MIGRATIONS`]. Files that were released never change.

use mail::UnixTime;

use crate::Error;
use crate::conn::Conn;
use crate::pool::{Pool, Work};
use crate::value::{Value, int};

/// A step from one version of the database to the next.
#[derive(Clone, Copy, Debug)]
struct Migration {
    name: &'static str,
    sqlite: &'static str,
    postgres: &'static str,
}

macro_rules! migration {
    ($name:literal) => {
        Migration {
            name: $name,
            sqlite: include_str!(concat!("../migrations/", $name, ".sqlite.sql")),
            postgres: include_str!(concat!("../migrations/", $name, ".postgres.sql")),
        }
    };
}

/// All migrations. The first leads to version 1.
const MIGRATIONS: &[Migration] = &[
    migration!("0001_messages"),
    migration!("0002_history"),
    migration!("0003_leases"),
    migration!("0004_tls_policies"),
    migration!("0005_tls_forgotten"),
];

/// The version of the database that this program makes and needs.
pub const VERSION: u32 = {
    assert!(MIGRATIONS.len() < 10_000);
    MIGRATIONS.len() as u32
};

/// The version of this program.
const US: &str = env!("CARGO_PKG_VERSION");

const SCHEMA: &str = "CREATE TABLE IF NOT EXISTS schema_versions (
    version BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL, applied_at BIGINT NOT NULL, applied_by TEXT NOT NULL)";

/// Brings the database to `target`, which is [`VERSION`] outside of tests.
pub(crate) async fn migrate(pool: &Pool, target: u32, now: UnixTime) -> Result<(), Error> {
    let mut raced = 0;
    loop {
        match step(pool, target, now).await {
            Ok(true) => return Ok(()),
            Ok(false) => {}
            // Two nodes at once: the other one's row, or its table, was there first. Look again.
            Err(Error::Refused(_)) if raced < 100 => raced += 1,
            Err(error) => return Err(error),
        }
    }
}

/// [`Error::Newer`] and [`Error::Older`] for a database that is not at [`VERSION`].
pub(crate) async fn check(pool: &Pool) -> Result<(), Error> {
    match version(pool).await? {
        Some(VERSION) => Ok(()),
        older => Err(Error::Older { found: older.unwrap_or(0), us: US, needed: VERSION }),
    }
}

/// The version of the database.
pub(crate) async fn version(pool: &Pool) -> Result<Option<u32>, Error> {
    if !pool.read(&IsMade).await? {
        return Ok(None);
    }
    let Some(newest) = pool.read(&Newest).await? else { return Ok(None) };
    newest.known().map(Some)
}

/// Does the next migration; true when there is none.
async fn step(pool: &Pool, target: u32, now: UnixTime) -> Result<bool, Error> {
    pool.write(&Schema).await?;
    let Some(newest) = pool.read(&Newest).await? else {
        return pool.write(&Apply { version: 1, now }).await.map(|()| false);
    };
    let version = newest.known()?;
    if version >= target {
        return Ok(true);
    }
    pool.write(&Apply { version: version + 1, now }).await.map(|()| false)
}

/// Whether there is a table of versions.
struct IsMade;

impl Work for IsMade {
    type Output = bool;

    async fn run(&self, conn: &mut Conn) -> Result<bool, Error> {
        let sql = conn.choose(
            "SELECT 1 FROM sqlite_master WHERE name = 'schema_versions'",
            "SELECT 1 WHERE to_regclass('schema_versions') IS NOT NULL",
        )?;
        Ok(!conn.fetch(sql, Vec::new()).await?.is_empty())
    }
}

/// Makes the table of versions.
struct Schema;

impl Work for Schema {
    type Output = ();

    async fn run(&self, conn: &mut Conn) -> Result<(), Error> {
        conn.script(SCHEMA).await
    }
}

/// Reads the newest version.
struct Newest;

struct Newer {
    version: u32,
    name: String,
    by: String,
}

impl Newer {
    /// The version, where this program knows it.
    fn known(self) -> Result<u32, Error> {
        let Self { version: found, name, by } = self;
        if found > VERSION {
            return Err(Error::Newer { found, name, by, us: US, known: VERSION });
        }
        Ok(found)
    }
}

impl Work for Newest {
    type Output = Option<Newer>;

    async fn run(&self, conn: &mut Conn) -> Result<Option<Newer>, Error> {
        const SQL: &str =
            "SELECT version, name, applied_by FROM schema_versions ORDER BY version DESC LIMIT 1";
        let Some(row) = conn.fetch(SQL, Vec::new()).await?.pop() else { return Ok(None) };
        let text = |column| Ok::<_, Error>(mail::printable(row.text(column)?.unwrap_or_default()));
        let version = u32::try_from(row.int(0)?).unwrap_or(u32::MAX);
        Ok(Some(Newer { version, name: text(1)?, by: text(2)? }))
    }
}

/// Does one migration.
struct Apply {
    version: u32,
    now: UnixTime,
}

impl Work for Apply {
    type Output = ();

    async fn run(&self, conn: &mut Conn) -> Result<(), Error> {
        const SQL: &str =
            "INSERT INTO schema_versions (version, name, applied_at, applied_by) VALUES ($1, $2, $3, $4)";
        let index = usize::try_from(self.version.saturating_sub(1)).unwrap_or(usize::MAX);
        let Some(migration) = MIGRATIONS.get(index) else { return Ok(()) };
        // First its row: of two nodes, the second waits here for the first, and then learns that it was done.
        let row: Vec<Value> =
            vec![i64::from(self.version).into(), migration.name.into(), int(self.now.0).into(), US.into()];
        conn.execute(SQL, row).await?;
        let script = conn.choose(migration.sqlite, migration.postgres)?;
        conn.script(script).await
    }
}
