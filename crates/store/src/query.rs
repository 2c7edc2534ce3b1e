//! Rows out of the database.

use mail::{Domain, UnixTime};

use crate::conn::Conn;
use crate::pool::Work;
use crate::row::{Action, Columns, MessageRow, Mode, RowId, read};
use crate::value::{Row, Value, int};
use crate::{Error, Store};

/// Most rows that one query gives.
pub const MAX_PAGE: u32 = 10_000;

/// Messages of one author domain with which another mode would have done more than was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shadow {
    /// What would have been done.
    pub action: Action,
    /// The author domain; `None` for messages without one.
    pub author_domain: Option<Domain>,
    /// How many messages.
    pub messages: u64,
    /// The latest of them.
    pub latest: RowId,
}

/// A statement with its parameters.
struct Select(&'static str, Vec<Value>);

impl Work for Select {
    type Output = Vec<Row>;

    async fn run(&self, conn: &mut Conn) -> Result<Vec<Row>, Error> {
        conn.fetch(self.0, self.1.clone()).await
    }
}

/// The same question in the words of each database.
struct Either {
    sqlite: &'static str,
    postgres: &'static str,
    values: Vec<Value>,
}

impl Work for Either {
    type Output = Vec<Row>;

    async fn run(&self, conn: &mut Conn) -> Result<Vec<Row>, Error> {
        let sql = conn.choose(self.sqlite, self.postgres)?;
        conn.fetch(sql, self.values.clone()).await
    }
}

macro_rules! message_columns {
    () => {
        "id, at, bytes, listener, mode, client_ip, envelope_from, author_domain, org_domain, dmarc, dkim_aligned, \
         spf_aligned, policy_domain, published, spf, dkim, disposition, overrides, rule, taken, would_observe, \
         would_quarantine, would_enforce, deferral"
    };
}

/// The largest identity is taken as text: PostgreSQL before 18 has no `MAX` of bytes.
macro_rules! shadow {
    ($would:literal, $latest:literal) => {
        concat!(
            "SELECT ",
            $would,
            ", author_domain, COUNT(*), ",
            $latest,
            " FROM messages WHERE at >= $1 AND at < $2 \
             AND (would_enforce <> taken OR would_quarantine <> taken) AND ",
            $would,
            " <> taken \
             GROUP BY ",
            $would,
            ", author_domain ORDER BY 3 DESC, 4 DESC LIMIT $3"
        )
    };
}

impl Store {
    /// One message.
    pub async fn message(&self, id: RowId) -> Result<Option<MessageRow>, Error> {
        const SQL: &str = concat!("SELECT ", message_columns!(), " FROM messages WHERE id = $1");
        let rows = self.pool.read(&Select(SQL, vec![id.as_bytes().as_slice().into()])).await?;
        rows.first().map(|row| Columns::fetched(row)?.read()).transpose()
    }

    /// Messages from `from` until before `to`, oldest first: those behind `after`, at most [`MAX_PAGE`].
    pub async fn messages(
        &self,
        from: UnixTime,
        to: UnixTime,
        after: Option<RowId>,
        limit: u32,
    ) -> Result<Vec<MessageRow>, Error> {
        const SQL: &str = concat!(
            "SELECT ",
            message_columns!(),
            " FROM messages WHERE id >= $1 AND id < $2 AND id > $3 ORDER BY id LIMIT $4"
        );
        let bound = |at| Value::from(RowId::first_of(at).as_bytes().as_slice());
        let after = after.map_or_else(|| [].as_slice().into(), |id| id.as_bytes().as_slice().into());
        let values = vec![bound(from), bound(to), after, i64::from(limit.min(MAX_PAGE)).into()];
        let rows = self.pool.read(&Select(SQL, values)).await?;
        rows.iter().map(|row| Columns::fetched(row)?.read()).collect()
    }

    /// How many messages there are of all days, and about how many bytes they take.
    pub async fn size(&self) -> Result<(u64, u64), Error> {
        const SQL: &str = "SELECT CAST(COALESCE(SUM(messages), 0) AS BIGINT), CAST(COALESCE(SUM(bytes), 0) AS BIGINT) FROM message_days";
        let rows = self.pool.read(&Select(SQL, Vec::new())).await?;
        rows.first().map_or(Ok((0, 0)), |row| Ok((row.count(0)?, row.count(1)?)))
    }

    /// What `mode` would have done otherwise than what was done, from `from` until before `to`: most messages first, at
    /// most [`MAX_PAGE`] lines.
    pub async fn shadow(
        &self,
        mode: Mode,
        from: UnixTime,
        to: UnixTime,
        limit: u32,
    ) -> Result<Vec<Shadow>, Error> {
        let (sqlite, postgres) = match mode {
            // Nothing does less than observe: it never stands in a shadow.
            Mode::Observe => return Ok(Vec::new()),
            Mode::Quarantine => (
                shadow!("would_quarantine", "LOWER(HEX(MAX(id)))"),
                shadow!("would_quarantine", "MAX(ENCODE(id, 'hex'))"),
            ),
            Mode::Enforce => (
                shadow!("would_enforce", "LOWER(HEX(MAX(id)))"),
                shadow!("would_enforce", "MAX(ENCODE(id, 'hex'))"),
            ),
        };
        let values = vec![int(from.0).into(), int(to.0).into(), i64::from(limit.min(MAX_PAGE)).into()];
        let rows = self.pool.read(&Either { sqlite, postgres, values }).await?;
        rows.iter().map(shadow_of).collect()
    }
}

fn shadow_of(row: &Row) -> Result<Shadow, Error> {
    let wrong = |column: &str| Error::Unreadable(format!("the column {column} of messages"));
    let author =
        row.text(1)?.map(|text| Domain::parse(text).map_err(|_| wrong("author_domain"))).transpose()?;
    let latest = row.text(3)?.and_then(|id| RowId::from_hex(&id)).ok_or_else(|| wrong("id"))?;
    Ok(Shadow {
        action: row.text(0)?.as_deref().and_then(read).ok_or_else(|| wrong("would"))?,
        author_domain: author,
        messages: row.count(2)?,
        latest,
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_columns_are_those_of_a_row() {
        let names: Vec<&str> = crate::row::COLUMNS.iter().map(|(name, _)| *name).collect();
        assert_eq!(message_columns!(), names.join(", "));
    }
}
