//! What is kept how long. Rows go oldest first, a few thousand a transaction, so that nobody waits for it.

use mail::UnixTime;

use crate::conn::Conn;
use crate::history::{DAY, DEFERRAL_KEPT, day_of};
use crate::insert::by_day;
use crate::pool::Work;
use crate::value::int;
use crate::{Error, PASSING_DAYS, RowId, SIGNING_DAYS, Store};

/// Rows that go in one transaction.
const CHUNK: i64 = 2_000;

/// How much is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Messages are kept for so many days.
    pub days: u32,
    /// All messages together take about so many bytes at most, indexes counted in ([`Store::size`]).
    pub bytes: u64,
}

impl Default for Retention {
    fn default() -> Self {
        Self { days: 90, bytes: 4 << 30 }
    }
}

/// What went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// Messages that were too old.
    pub by_age: u64,
    /// Messages that were too many.
    pub by_size: u64,
}

impl Store {
    /// Removes what is too old or too much, and what local policy need not remember any more. A job for one node
    /// ([`Store::claim`]), a few times a day; it may be stopped at any time.
    pub async fn retain(&self, keep: Retention, now: UnixTime) -> Result<Removed, Error> {
        let mut removed = Removed::default();
        let oldest = RowId::first_of(UnixTime(now.0.saturating_sub(u64::from(keep.days) * DAY)));
        loop {
            let chunk = self.pool.write(&Oldest { before: oldest, count: CHUNK, bytes: i64::MAX }).await?;
            removed.by_age += chunk;
            if chunk == 0 {
                break;
            }
        }
        loop {
            let (_, bytes) = self.size().await?;
            let Some(over) = bytes.checked_sub(keep.bytes).filter(|over| *over > 0) else { break };
            let last = RowId::from_bytes([0xff; 16]);
            let chunk = self.pool.write(&Oldest { before: last, count: CHUNK, bytes: int(over) }).await?;
            removed.by_size += chunk;
            if chunk == 0 {
                break;
            }
        }
        self.pool.write(&Forget(now)).await?;
        let mut left = u64::MAX;
        loop {
            let rest = self.pool.write(&GiveBack).await?;
            // A file that was not made by us may give nothing back.
            if rest == 0 || rest >= left {
                break;
            }
            left = rest;
        }
        Ok(removed)
    }
}

/// The oldest messages before an identity: at most `count`, and no more than it takes to free `bytes`.
struct Oldest {
    before: RowId,
    count: i64,
    bytes: i64,
}

const OLDEST: &str = "SELECT id, bytes FROM messages WHERE id < $1 ORDER BY id LIMIT $2";
const DELETE: &str = "DELETE FROM messages WHERE id <= $1 RETURNING at, bytes";
const SUBTRACT: &str = "UPDATE message_days SET messages = messages - $2, bytes = bytes - $3 WHERE day = $1";

impl Work for Oldest {
    type Output = u64;

    async fn run(&self, conn: &mut Conn) -> Result<u64, Error> {
        let oldest =
            conn.fetch(OLDEST, vec![self.before.as_bytes().as_slice().into(), self.count.into()]).await?;
        let mut freed = 0;
        let mut last = None;
        for row in &oldest {
            if freed >= self.bytes {
                break;
            }
            freed += row.int(1)?;
            last = row.blob(0)?;
        }
        let Some(last) = last else { return Ok(0) };
        let gone = conn.fetch(DELETE, vec![last.as_slice().into()]).await?;
        for (day, (messages, bytes)) in by_day(&gone)? {
            conn.execute(SUBTRACT, vec![int(day).into(), messages.into(), bytes.into()]).await?;
        }
        conn.execute("DELETE FROM message_days WHERE messages <= 0", Vec::new()).await?;
        Ok(gone.len() as u64)
    }
}

/// What local policy need not remember any more.
struct Forget(UnixTime);

impl Work for Forget {
    type Output = ();

    async fn run(&self, conn: &mut Conn) -> Result<(), Error> {
        let today = day_of(self.0);
        let day = |back| i64::from(today.saturating_sub(back)).into();
        conn.execute("DELETE FROM signing_days WHERE day < $1", vec![day(SIGNING_DAYS)]).await?;
        conn.execute("DELETE FROM passing_networks WHERE last_day < $1", vec![day(PASSING_DAYS)]).await?;
        let over = int(self.0.0.saturating_sub(DEFERRAL_KEPT));
        conn.execute("DELETE FROM deferrals WHERE last_at <= $1", vec![over.into()]).await?;
        Ok(())
    }
}

/// Some of the pages of SQLite that nobody uses, for the file system; how many are left.
struct GiveBack;

impl Work for GiveBack {
    type Output = u64;

    async fn run(&self, conn: &mut Conn) -> Result<u64, Error> {
        // 500: a file that shrinks by gigabytes does so in many transactions, none of which takes long.
        let pages = conn.choose("PRAGMA incremental_vacuum(500)", "SELECT 1")?;
        conn.script(pages).await?;
        let left = conn.choose("PRAGMA freelist_count", "SELECT CAST(0 AS BIGINT)")?;
        let left = conn.fetch(left, Vec::new()).await?;
        left.first().map_or(Ok(0), |row| row.count(0))
    }
}
