//! The memory of local policy out of the database, page by page, in the order of the keys: all days of a domain stand
//! together, so that who is established is so at once, however many others there are.

use mail::{Domain, UnixTime};

use crate::conn::Conn;
use crate::history::{DEFERRAL_KEPT, DeferralKey, History, Network, day_of};
use crate::pool::Work;
use crate::value::{Row, Value, int};
use crate::{Error, PASSING_DAYS, SIGNING_DAYS, Store};

/// Rows of a page.
const PAGE: usize = 10_000;

/// A page of a table: those behind a key of two columns, from a day or time on.
struct Page {
    sql: &'static str,
    since: i64,
    behind: (Value, Value),
}

impl Work for Page {
    type Output = Vec<Row>;

    async fn run(&self, conn: &mut Conn) -> Result<Vec<Row>, Error> {
        let (first, second) = self.behind.clone();
        conn.fetch(self.sql, vec![self.since.into(), first, second, int(PAGE as u64).into()]).await
    }
}

const SIGNING: &str = "SELECT org_domain, day FROM signing_days \
    WHERE day >= $1 AND (org_domain, day) > ($2, $3) ORDER BY org_domain, day LIMIT $4";
const PASSING: &str = "SELECT author_domain, network, first_day, last_day FROM passing_networks \
    WHERE last_day >= $1 AND (author_domain, network) > ($2, $3) ORDER BY author_domain, network LIMIT $4";
const DEFERRED: &str = "SELECT key, first_at, last_at FROM deferrals \
    WHERE last_at > $1 AND (key, first_at) > ($2, $3) ORDER BY key, first_at LIMIT $4";

impl Store {
    /// Adds to `history` what the database knows. Called at the start; called again, it learns what other nodes saw.
    pub async fn load(&self, history: &History, now: UnixTime) -> Result<(), Error> {
        let today = day_of(now);
        let since = i64::from(today.saturating_sub(SIGNING_DAYS));
        self.each(SIGNING, since, ("".into(), (-1).into()), |row| {
            let (domain, day) = (domain(row)?, row.int(1)?);
            // One to come is a clock's mistake, and would push out those that were.
            if day <= i64::from(today) {
                history.load_signed(&domain, day_number(day)?);
            }
            Ok((domain.as_str().into(), day.into()))
        })
        .await?;
        let since = i64::from(today.saturating_sub(PASSING_DAYS));
        self.each(PASSING, since, ("".into(), "".into()), |row| {
            let (domain, text) = (domain(row)?, row.text(1)?.unwrap_or_default());
            let network = Network::stored(&text).ok_or_else(|| wrong("network"))?;
            history.load_passed(&domain, network, day_number(row.int(2)?)?, day_number(row.int(3)?)?);
            Ok((domain.as_str().into(), text.as_str().into()))
        })
        .await?;
        let since = int(now.0.saturating_sub(DEFERRAL_KEPT));
        self.each(DEFERRED, since, ([].as_slice().into(), (-1).into()), |row| {
            let key = row.blob(0)?.and_then(|key| key.try_into().ok()).ok_or_else(|| wrong("key"))?;
            history.load_deferred(DeferralKey::from_bytes(key), row.count(1)?, row.count(2)?);
            Ok((key.as_slice().into(), row.int(1)?.into()))
        })
        .await
    }

    /// Every row of a table, page by page; `take` gives the key of the row that it took.
    async fn each(
        &self,
        sql: &'static str,
        since: i64,
        mut behind: (Value, Value),
        take: impl Fn(&Row) -> Result<(Value, Value), Error>,
    ) -> Result<(), Error> {
        loop {
            let rows = self.pool.read(&Page { sql, since, behind: behind.clone() }).await?;
            for row in &rows {
                behind = take(row)?;
            }
            if rows.len() < PAGE {
                return Ok(());
            }
        }
    }
}

fn domain(row: &Row) -> Result<Domain, Error> {
    Domain::parse(row.text(0)?.unwrap_or_default()).map_err(|_| wrong("domain"))
}

fn day_number(day: i64) -> Result<u32, Error> {
    u32::try_from(day).map_err(|_| wrong("day"))
}

fn wrong(what: &str) -> Error {
    Error::Unreadable(format!("a {what} that nobody could have written"))
}
