//! Rows into the database: the row, the day's sums and what local policy remembers, in one transaction. A row that is
//! there already changes nothing, so that the same batch may come twice.

use std::collections::{BTreeMap, BTreeSet};

use crate::conn::Conn;
use crate::dialect::Bulk;
use crate::history::{DAY, DEFERRAL_KEPT, Network, day_of};
use crate::pool::Work;
use crate::row::{COLUMNS, Columns};
use crate::value::Kind::{Blob, Int, Text};
use crate::value::{Row, Value, int};
use crate::{DeferralKey, Error, MessageRow, Store};

/// Most rows of one statement and one transaction.
pub const BATCH: usize = 500;

static MESSAGES: Bulk =
    Bulk { table: "messages", columns: COLUMNS, tail: "ON CONFLICT (id) DO NOTHING RETURNING at, bytes" };

static MESSAGE_DAYS: Bulk = Bulk {
    table: "message_days",
    columns: &[("day", Int), ("messages", Int), ("bytes", Int)],
    tail: "ON CONFLICT (day) DO UPDATE SET messages = message_days.messages + excluded.messages, \
           bytes = message_days.bytes + excluded.bytes",
};

static SIGNING_DAYS: Bulk = Bulk {
    table: "signing_days",
    columns: &[("org_domain", Text), ("day", Int)],
    tail: "ON CONFLICT (org_domain, day) DO NOTHING",
};

static PASSING_NETWORKS: Bulk = Bulk {
    table: "passing_networks",
    columns: &[("author_domain", Text), ("network", Text), ("first_day", Int), ("last_day", Int)],
    tail: "ON CONFLICT (author_domain, network) DO UPDATE SET \
           first_day = CASE WHEN excluded.first_day < passing_networks.first_day THEN excluded.first_day ELSE passing_networks.first_day END, \
           last_day = CASE WHEN excluded.last_day > passing_networks.last_day THEN excluded.last_day ELSE passing_networks.last_day END \
           WHERE excluded.first_day < passing_networks.first_day OR excluded.last_day > passing_networks.last_day",
};

static DEFERRALS: Bulk = Bulk {
    table: "deferrals",
    columns: &[("key", Blob), ("first_at", Int), ("last_at", Int)],
    // 86400: DEFERRAL_KEPT.
    tail: "ON CONFLICT (key) DO UPDATE SET \
           first_at = CASE WHEN deferrals.last_at <= excluded.first_at - 86400 THEN excluded.first_at \
           WHEN excluded.last_at > deferrals.first_at - 86400 AND excluded.first_at < deferrals.first_at THEN excluded.first_at \
           ELSE deferrals.first_at END, \
           last_at = CASE WHEN excluded.last_at > deferrals.last_at THEN excluded.last_at ELSE deferrals.last_at END",
};

const _: () = assert!(DEFERRAL_KEPT == 86_400);

impl Store {
    /// Puts rows in, [`BATCH`] a transaction, and gives how many were new. After an error, some of them may be in: putting
    /// all of them again is always right.
    pub async fn insert(&self, rows: &[MessageRow]) -> Result<u64, Error> {
        let mut new = 0;
        for batch in rows.chunks(BATCH) {
            new += self.pool.write(&Insert(batch)).await?;
        }
        Ok(new)
    }
}

/// One batch.
struct Insert<'a>(&'a [MessageRow]);

impl Work for Insert<'_> {
    type Output = u64;

    async fn run(&self, conn: &mut Conn) -> Result<u64, Error> {
        // PostgreSQL refuses to meet the same row twice in one statement with DO UPDATE, and all take locks in one order.
        let rows: BTreeMap<_, _> = self.0.iter().map(|row| (row.id, row)).collect();
        let columns = rows.values().map(|row| Columns::from(*row).0).collect();
        let new = conn.bulk(&MESSAGES, columns).await?;
        let days = by_day(&new)?.into_iter();
        let days = days.map(|(day, (messages, bytes))| vec![int(day).into(), messages.into(), bytes.into()]);
        conn.bulk(&MESSAGE_DAYS, days.collect()).await?;
        conn.bulk(&SIGNING_DAYS, signing_days(self.0)).await?;
        conn.bulk(&PASSING_NETWORKS, passing_networks(self.0)).await?;
        conn.bulk(&DEFERRALS, deferrals(self.0)).await?;
        Ok(new.len() as u64)
    }
}

/// Of rows that give `at` and `bytes`: how many there are of each day, and their bytes.
pub(crate) fn by_day(rows: &[Row]) -> Result<BTreeMap<u64, (i64, i64)>, Error> {
    let mut days: BTreeMap<u64, (i64, i64)> = BTreeMap::new();
    for row in rows {
        let (messages, bytes) = days.entry(row.count(0)? / DAY).or_default();
        *messages += 1;
        *bytes += row.int(1)?;
    }
    Ok(days)
}

fn signing_days(rows: &[MessageRow]) -> Vec<Vec<Value>> {
    let days: BTreeSet<_> =
        rows.iter().filter_map(|row| Some((row.signs()?.as_str(), day_of(row.at())))).collect();
    days.into_iter().map(|(domain, day)| vec![domain.into(), i64::from(day).into()]).collect()
}

fn passing_networks(rows: &[MessageRow]) -> Vec<Vec<Value>> {
    let mut seen: BTreeMap<(&str, Network), (u32, u32)> = BTreeMap::new();
    for row in rows {
        let Some((author, network)) = row.passes_from() else { continue };
        let day = day_of(row.at());
        let (first, last) = seen.entry((author.as_str(), network)).or_insert((day, day));
        (*first, *last) = ((*first).min(day), (*last).max(day));
    }
    seen.into_iter()
        .map(|((author, network), (first, last))| {
            vec![
                author.into(),
                network.to_string().as_str().into(),
                i64::from(first).into(),
                i64::from(last).into(),
            ]
        })
        .collect()
}

fn deferrals(rows: &[MessageRow]) -> Vec<Vec<Value>> {
    let mut seen: BTreeMap<DeferralKey, (u64, u64)> = BTreeMap::new();
    for row in rows {
        let (Some(key), at) = (row.deferral, row.at().0) else { continue };
        let (first, last) = seen.entry(key).or_insert((at, at));
        (*first, *last) = ((*first).min(at), (*last).max(at));
    }
    let values = |(key, (first, last)): (DeferralKey, (u64, u64))| {
        vec![key.as_bytes().as_slice().into(), int(first).into(), int(last).into()]
    };
    seen.into_iter().map(values).collect()
}
