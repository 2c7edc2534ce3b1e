//! MTA-STS policies of other domains, and what came to pass with them. How long a policy is in force is not decided here: a row
//! is what was fetched, and when.

use std::collections::BTreeSet;

use mail::{Domain, UnixTime};
use mta_sts::{Id, Kept, MAX_AGE, Policy};

use crate::conn::Conn;
use crate::history::{DAY, day_of};
use crate::pool::Work;
use crate::value::{Row, Value, int};
use crate::{Error, Store};

/// Most bytes of policies that are kept, by default, what they take beside their text counted in.
pub const TLS_POLICY_BYTES: u64 = 256 << 20;
/// A policy whose time is over is kept for so many days more, to tell "stale" from "never".
pub const TLS_STALE_DAYS: u64 = 30;
/// What came to pass is kept for so many days.
pub const TLS_HISTORY_DAYS: u64 = 90;
/// Most events of all domains that are kept.
pub const TLS_HISTORY_ROWS: u64 = 100_000;
/// Most events of one kind that are kept of a domain: what a domain does again and again is no reason to forget the others.
pub const TLS_DOMAIN_EVENTS: u64 = 50;
/// A policy is not due for so many seconds after it was fetched, however short its life: whoever has one that ends with each
/// minute has it fetched when mail goes to him, and not for weeks in each minute.
pub const TLS_RENEW_AFTER: u64 = 1_800;
/// Longest text of an event, in bytes.
pub const MAX_TLS_EVENT: usize = 4 << 10;
/// Most policies or events that one query gives.
pub const MAX_TLS_PAGE: u32 = 1_000;
/// What a row takes beside its texts, indexes counted in.
const OVERHEAD: usize = 300;
/// Rows that go in one transaction.
const CHUNK: i64 = 500;

/// A policy that was fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsPolicy {
    /// Whose.
    pub domain: Domain,
    /// The policy, its id, and when it was fetched.
    pub kept: Kept,
    /// From when on it should be fetched again.
    pub refresh_at: UnixTime,
}

/// The last time that what is kept of a domain was to be forgotten: rises with each. In seconds since 1970 by the clock of whoever
/// wanted it; zero for never.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Forgotten(pub u64);

impl Forgotten {
    /// Never.
    pub const NEVER: Self = Self(0);
}

/// What the database knows of a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsStored {
    /// Its policy, if one is kept; an error if what is kept can't be read.
    pub policy: Result<Option<TlsPolicy>, Error>,
    /// Until when it is in force, also if it can't be read.
    pub expires: UnixTime,
    /// What came before that is not to be kept any more.
    pub forgotten: Forgotten,
}

/// What came to pass with a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsEventKind {
    /// This policy was fetched, and is another than before.
    Fetched,
    /// The policy could not be fetched: why.
    Failed,
    /// The record that announces it is gone while it is in force.
    Vanished,
    /// It asks for less than before.
    Weakened,
    /// The administrator wanted it to be forgotten: what was kept.
    Forgotten,
    /// Its MX hosts were looked at: what would become of mail to each if the policy were enforced. None would lose its mail.
    Probed,
    /// The same, and one of them at least would.
    Unready,
    /// The mail server was told this, which is something else than before: the answer and the steps to it.
    Answered,
}

/// What came to pass with a domain, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsEvent {
    /// Which domain.
    pub domain: Domain,
    /// When.
    pub at: UnixTime,
    /// What.
    pub kind: TlsEventKind,
    /// More of it, in lines; cut to [`MAX_TLS_EVENT`].
    pub text: String,
}

impl TlsStored {
    /// Nothing.
    const NONE: Self = Self { policy: Ok(None), expires: UnixTime(0), forgotten: Forgotten::NEVER };
}

impl TlsPolicy {
    /// About how many bytes it takes in the database.
    pub fn bytes(&self) -> u64 {
        (self.kept.policy.to_string().len() + 3 * self.domain.as_str().len() + OVERHEAD) as u64
    }
}

impl TlsEventKind {
    const ALL: [Self; 8] = [
        Self::Fetched,
        Self::Failed,
        Self::Vanished,
        Self::Weakened,
        Self::Forgotten,
        Self::Probed,
        Self::Unready,
        Self::Answered,
    ];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fetched => "fetched",
            Self::Failed => "failed",
            Self::Vanished => "vanished",
            Self::Weakened => "weakened",
            Self::Forgotten => "forgotten",
            Self::Probed => "probed",
            Self::Unready => "unready",
            Self::Answered => "answered",
        }
    }
}

/// A statement that gives rows.
struct Select(&'static str, Vec<Value>);

impl Work for Select {
    type Output = Vec<Row>;

    async fn run(&self, conn: &mut Conn) -> Result<Vec<Row>, Error> {
        conn.fetch(self.0, self.1.clone()).await
    }
}

/// Statements, in their order, that give a number of rows together.
struct All(Vec<(&'static str, Vec<Value>)>);

impl Work for All {
    type Output = u64;

    async fn run(&self, conn: &mut Conn) -> Result<u64, Error> {
        let mut touched = 0;
        for (sql, values) in &self.0 {
            touched += conn.execute(sql, values.clone()).await?;
        }
        Ok(touched)
    }
}

const GET: &str = "SELECT domain, policy_id, policy, fetched_at, refresh_at, forgotten_at, expires_at \
    FROM tls_policies WHERE domain = $1";
const ANSWERED: &str =
    "SELECT text FROM tls_history WHERE domain = $1 AND kind = 'answered' ORDER BY at DESC LIMIT 1";
const DUE: &str = "SELECT domain, policy_id, policy, fetched_at, refresh_at FROM tls_policies \
    WHERE refresh_at <= $1 AND expires_at >= $1 AND last_day >= $2 AND (fetched_at <= $4 OR fetched_at > $1) \
    ORDER BY refresh_at LIMIT $3";
/// Another node may have fetched a later one, or it may be from before it was forgotten.
const PUT: &str = "INSERT INTO tls_policies \
    (domain, policy_id, policy, fetched_at, expires_at, refresh_at, days_used, last_day, bytes) \
    VALUES ($1, $2, $3, $4, $5, $6, 1, $7, $8) \
    ON CONFLICT (domain) DO UPDATE SET policy_id = excluded.policy_id, policy = excluded.policy, \
    fetched_at = excluded.fetched_at, expires_at = excluded.expires_at, refresh_at = excluded.refresh_at, \
    bytes = excluded.bytes \
    WHERE tls_policies.fetched_at <= excluded.fetched_at AND tls_policies.forgotten_at <= $9";
/// The row stays, without a policy, as long as one could be in force that was fetched before: whoever writes one by then finds it.
const FORGET: &str = "INSERT INTO tls_policies \
    (domain, policy_id, policy, fetched_at, expires_at, refresh_at, days_used, last_day, bytes, forgotten_at) \
    VALUES ($1, '', '', 0, $3, $3, 0, $4, $5, $2) \
    ON CONFLICT (domain) DO UPDATE SET policy_id = '', policy = '', fetched_at = 0, expires_at = excluded.expires_at, \
    refresh_at = excluded.refresh_at, bytes = excluded.bytes, forgotten_at = CASE \
    WHEN excluded.forgotten_at > tls_policies.forgotten_at THEN excluded.forgotten_at \
    ELSE tls_policies.forgotten_at + 1 END";
/// The second condition is that of the index.
const FORGOTTEN: &str =
    "SELECT domain, forgotten_at FROM tls_policies WHERE forgotten_at > $1 AND forgotten_at > 0";
const POSTPONE: &str = "UPDATE tls_policies SET refresh_at = $2 WHERE domain = $1 AND refresh_at < $2";
const USED: &str =
    "UPDATE tls_policies SET days_used = days_used + 1, last_day = $2 WHERE domain = $1 AND last_day < $2";
const EXPIRED: &str = "DELETE FROM tls_policies WHERE expires_at < $1";
const SIZE: &str = "SELECT CAST(COALESCE(SUM(bytes), 0) AS BIGINT) FROM tls_policies";
const UNUSED: &str = "SELECT domain, bytes FROM tls_policies WHERE policy <> '' \
    ORDER BY days_used, last_day, domain LIMIT $1";
const DELETE: &str = "DELETE FROM tls_policies WHERE domain = $1 AND policy <> ''";
const NOTE: &str = "INSERT INTO tls_history (domain, at, kind, text) VALUES ($1, $2, $3, $4) \
    ON CONFLICT (domain, at, kind) DO UPDATE SET text = excluded.text";
const ENOUGH: &str = "DELETE FROM tls_history WHERE domain = $1 AND kind = $2 AND at <= (SELECT at FROM tls_history \
    WHERE domain = $1 AND kind = $2 ORDER BY at DESC LIMIT 1 OFFSET $3)";
const HISTORY: &str = "SELECT domain, at, kind, text FROM tls_history \
    WHERE domain = $1 AND at >= $2 AND at <= $3 ORDER BY at DESC, kind LIMIT $4";
const OLD_HISTORY: &str = "DELETE FROM tls_history WHERE at < $1";
const HISTORY_OVER: &str = "SELECT at FROM tls_history ORDER BY at DESC LIMIT 1 OFFSET $1";

impl Store {
    /// The policy that is kept of a domain, in force or not.
    pub async fn tls_policy(&self, domain: &Domain) -> Result<Option<TlsPolicy>, Error> {
        self.tls_stored(domain).await?.policy
    }

    /// The policy that is kept of a domain, and what is not to be kept any more. An error if the database does not answer.
    pub async fn tls_stored(&self, domain: &Domain) -> Result<TlsStored, Error> {
        let rows = self.pool.read(&Select(GET, vec![domain.as_str().into()])).await?;
        rows.first().map_or(Ok(TlsStored::NONE), stored_of)
    }

    /// What the mail server was told last, as far as that is history: the answer, without the steps to it.
    pub async fn tls_answered(&self, domain: &Domain) -> Result<Option<String>, Error> {
        let rows = self.pool.read(&Select(ANSWERED, vec![domain.as_str().into()])).await?;
        let text = rows.first().map(|row| row.text(0)).transpose()?.flatten();
        Ok(text.map(|text| text.lines().next().unwrap_or_default().to_owned()))
    }

    /// Keeps a policy; false if one is there that was fetched later, or if what was known before a later time than `known` is to
    /// be forgotten. `known` is what [`Store::tls_stored`] gave before the policy was fetched.
    pub async fn put_tls_policy(&self, policy: &TlsPolicy, known: Forgotten) -> Result<bool, Error> {
        let TlsPolicy { domain, kept, refresh_at } = policy;
        let text = kept.policy.to_string();
        let values = vec![
            domain.as_str().into(),
            kept.id.as_str().into(),
            text.as_str().into(),
            int(kept.fetched.0).into(),
            int(kept.expires().0).into(),
            int(refresh_at.0).into(),
            i64::from(day_of(kept.fetched)).into(),
            int(policy.bytes()).into(),
            int(known.0).into(),
        ];
        self.pool.write(&All(vec![(PUT, values)])).await.map(|rows| rows > 0)
    }

    /// Forgets the policy of a domain, and has it in the history. A policy whose fetch began before is not kept
    /// ([`Store::put_tls_policy`]), and other nodes learn of it by [`Store::forgotten_tls_policies`]. Gives what was kept.
    pub async fn forget_tls_policy(&self, domain: &Domain, now: UnixTime) -> Result<TlsStored, Error> {
        self.pool.write(&Forget { domain, now }).await
    }

    /// What was forgotten after a day before `newest`, and when: the clocks of nodes differ.
    pub async fn forgotten_tls_policies(&self, newest: Forgotten) -> Result<Vec<(Domain, Forgotten)>, Error> {
        let since = int(newest.0.saturating_sub(DAY));
        let rows = self.pool.read(&Select(FORGOTTEN, vec![since.into()])).await?;
        rows.iter().map(|row| Ok((domain_of(row)?, Forgotten(row.count(1)?)))).collect()
    }

    /// Has a policy be due later.
    pub async fn postpone_tls_policy(&self, domain: &Domain, refresh_at: UnixTime) -> Result<(), Error> {
        let values = vec![domain.as_str().into(), int(refresh_at.0).into()];
        self.pool.write(&All(vec![(POSTPONE, values)])).await.map(drop)
    }

    /// Policies in force that should be fetched again, of domains that were used within so many days; at most
    /// [`MAX_TLS_PAGE`].
    pub async fn due_tls_policies(
        &self,
        now: UnixTime,
        days: u32,
        limit: u32,
    ) -> Result<Vec<TlsPolicy>, Error> {
        let since = day_of(now).saturating_sub(days);
        let values = vec![
            int(now.0).into(),
            i64::from(since).into(),
            i64::from(limit.min(MAX_TLS_PAGE)).into(),
            int(now.0.saturating_sub(TLS_RENEW_AFTER)).into(),
        ];
        let rows = self.pool.read(&Select(DUE, values)).await?;
        // One that can't be read is no reason to leave the others.
        Ok(rows.iter().filter_map(|row| policy_of(row).ok()).collect())
    }

    /// Counts a day of use of each of these domains, once a day.
    pub async fn use_tls_policies(&self, domains: &[Domain], now: UnixTime) -> Result<(), Error> {
        let today: Value = i64::from(day_of(now)).into();
        let mut domains: Vec<&Domain> = domains.iter().collect();
        // All take locks in one order.
        domains.sort();
        let used = domains.into_iter().map(|domain| (USED, vec![domain.as_str().into(), today.clone()]));
        self.pool.write(&All(used.collect())).await.map(drop)
    }

    /// Removes what is too old, and what is too much: first the policies that were used on the fewest days, so that a flood
    /// of new domains drives out itself and not those that mail goes to (STS-16). Gives how many policies went.
    pub async fn trim_tls(&self, bytes: u64, now: UnixTime) -> Result<u64, Error> {
        let before = |days: u64| Value::from(int(now.0.saturating_sub(days * DAY)));
        let mut gone = self.pool.write(&All(vec![(EXPIRED, vec![before(TLS_STALE_DAYS)])])).await?;
        self.pool.write(&All(vec![(OLD_HISTORY, vec![before(TLS_HISTORY_DAYS)])])).await?;
        let over = self.pool.read(&Select(HISTORY_OVER, vec![int(TLS_HISTORY_ROWS).into()])).await?;
        if let Some(row) = over.first() {
            self.pool.write(&All(vec![(OLD_HISTORY, vec![(row.int(0)? + 1).into()])])).await?;
        }
        loop {
            let chunk = self.pool.write(&Trim(int(bytes))).await?;
            gone += chunk;
            if chunk == 0 {
                return Ok(gone);
            }
        }
    }

    /// How many bytes the policies take.
    pub async fn tls_policy_bytes(&self) -> Result<u64, Error> {
        let rows = self.pool.read(&Select(SIZE, Vec::new())).await?;
        rows.first().map_or(Ok(0), |row| row.count(0))
    }

    /// Keeps what came to pass. Of the same kind in one second, the last; of each kind the last [`TLS_DOMAIN_EVENTS`].
    pub async fn note_tls(&self, events: &[TlsEvent]) -> Result<(), Error> {
        let mut events: Vec<&TlsEvent> = events.iter().collect();
        events.sort_by(|a, b| (&a.domain, a.at, a.kind).cmp(&(&b.domain, b.at, b.kind)));
        let mut all: Vec<_> = events.iter().map(|event| (NOTE, values_of(event))).collect();
        let kinds: BTreeSet<_> = events.iter().map(|event| (&event.domain, event.kind)).collect();
        all.extend(kinds.into_iter().map(|(domain, kind)| {
            (ENOUGH, vec![domain.as_str().into(), kind.as_str().into(), int(TLS_DOMAIN_EVENTS).into()])
        }));
        self.pool.write(&All(all)).await.map(drop)
    }

    /// What came to pass with a domain from one time to another, both included, latest first; at most [`MAX_TLS_PAGE`].
    pub async fn tls_history(
        &self,
        domain: &Domain,
        from: UnixTime,
        to: UnixTime,
        limit: u32,
    ) -> Result<Vec<TlsEvent>, Error> {
        let limit = i64::from(limit.min(MAX_TLS_PAGE));
        let values = vec![domain.as_str().into(), int(from.0).into(), int(to.0).into(), limit.into()];
        let rows = self.pool.read(&Select(HISTORY, values)).await?;
        rows.iter().map(event_of).collect()
    }
}

/// Forgets the policy of a domain.
struct Forget<'a> {
    domain: &'a Domain,
    now: UnixTime,
}

impl Work for Forget<'_> {
    type Output = TlsStored;

    async fn run(&self, conn: &mut Conn) -> Result<TlsStored, Error> {
        let Self { domain, now } = self;
        let rows = conn.fetch(GET, vec![domain.as_str().into()]).await?;
        let before = rows.first().map(stored_of).transpose()?;
        let text = match before.as_ref().map(|before| &before.policy) {
            Some(Ok(Some(TlsPolicy { kept, .. }))) => format!("id: {}\n{}", kept.id, kept.policy),
            Some(Err(_)) => "one that could not be read".to_owned(),
            Some(Ok(None)) | None => "none was kept".to_owned(),
        };
        let values = vec![
            domain.as_str().into(),
            int(now.0).into(),
            int(now.0.saturating_add(MAX_AGE.into())).into(),
            i64::from(day_of(*now)).into(),
            int((3 * domain.as_str().len() + OVERHEAD) as u64).into(),
        ];
        conn.execute(FORGET, values).await?;
        let event = TlsEvent { domain: (*domain).clone(), at: *now, kind: TlsEventKind::Forgotten, text };
        conn.execute(NOTE, values_of(&event)).await?;
        Ok(before.unwrap_or(TlsStored::NONE))
    }
}

/// Removes some of the policies that are used least, as long as all together take more than so many bytes.
struct Trim(i64);

impl Work for Trim {
    type Output = u64;

    async fn run(&self, conn: &mut Conn) -> Result<u64, Error> {
        let size = conn.fetch(SIZE, Vec::new()).await?;
        let mut over = size.first().map_or(Ok(0), |row| row.int(0))? - self.0;
        let mut gone = 0;
        if over <= 0 {
            return Ok(0);
        }
        for row in conn.fetch(UNUSED, vec![CHUNK.into()]).await? {
            if over <= 0 {
                break;
            }
            let domain = row.text(0)?.unwrap_or_default();
            gone += conn.execute(DELETE, vec![domain.as_str().into()]).await?;
            over -= row.int(1)?;
        }
        Ok(gone)
    }
}

fn wrong(column: &str) -> Error {
    Error::Unreadable(format!("the column {column} of TLS policies"))
}

fn domain_of(row: &Row) -> Result<Domain, Error> {
    row.text(0)?.and_then(|text| Domain::parse(text).ok()).ok_or_else(|| wrong("domain"))
}

fn values_of(event: &TlsEvent) -> Vec<Value> {
    let text = cut(&event.text);
    vec![event.domain.as_str().into(), int(event.at.0).into(), event.kind.as_str().into(), text.into()]
}

fn stored_of(row: &Row) -> Result<TlsStored, Error> {
    let forgotten = Forgotten(row.count(5)?);
    let policy = match row.text(2)?.as_deref() {
        Some("") => Ok(None),
        _ => policy_of(row).map(Some),
    };
    Ok(TlsStored { policy, expires: UnixTime(row.count(6)?), forgotten })
}

fn policy_of(row: &Row) -> Result<TlsPolicy, Error> {
    let text = |column| Ok::<_, Error>(row.text(column)?.unwrap_or_default());
    let policy = Policy::parse(text(2)?.as_bytes()).value.ok_or_else(|| wrong("policy"))?;
    let id = Id::parse(text(1)?.as_bytes()).ok_or_else(|| wrong("policy_id"))?;
    Ok(TlsPolicy {
        domain: domain_of(row)?,
        kept: Kept { policy, id, fetched: UnixTime(row.count(3)?) },
        refresh_at: UnixTime(row.count(4)?),
    })
}

fn event_of(row: &Row) -> Result<TlsEvent, Error> {
    let kind = row.text(2)?.unwrap_or_default();
    let kind =
        TlsEventKind::ALL.into_iter().find(|known| known.as_str() == kind).ok_or_else(|| wrong("kind"))?;
    Ok(TlsEvent {
        domain: domain_of(row)?,
        at: UnixTime(row.count(1)?),
        kind,
        text: row.text(3)?.unwrap_or_default(),
    })
}

/// The text up to [`MAX_TLS_EVENT`], without NUL, which PostgreSQL does not take.
fn cut(text: &str) -> &str {
    let end = text.find('\0').unwrap_or(text.len()).min(MAX_TLS_EVENT);
    let end = (0..=end).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
    text.get(..end).unwrap_or_default()
}
