//! Leases: of several nodes, one does a job, until it says that it is done or its time is over. One row a job, changed by
//! single statements: no advisory locks, no agreement among nodes but that of the database.
//!
//! Time is an argument: the nodes' clocks have to agree to well within the length of a lease.

use mail::UnixTime;

use crate::conn::Conn;
use crate::pool::Work;
use crate::value::{Value, int};
use crate::{Error, Store};

/// Longest name of a job or a holder, in bytes.
pub const MAX_LEASE_NAME: usize = 255;

/// The right to do a job until a time. Only [`Store::claim`] and [`Store::renew`] make one.
#[derive(Debug, PartialEq, Eq)]
pub struct Lease {
    job: String,
    expires: UnixTime,
    token: u64,
}

impl Lease {
    /// The job.
    pub fn job(&self) -> &str {
        &self.job
    }

    /// From when on others may take it.
    pub fn expires(&self) -> UnixTime {
        self.expires
    }

    /// Grows with every claim of this job: what is written under an older one can be told from it.
    pub fn token(&self) -> u64 {
        self.token
    }
}

/// Free or over, or left behind by the same holder before it was started again.
const CLAIM: &str = "INSERT INTO leases (job, holder, expires, token) VALUES ($1, $2, $3, 1) \
    ON CONFLICT (job) DO UPDATE SET holder = excluded.holder, expires = excluded.expires, token = leases.token + 1 \
    WHERE leases.expires <= $4 OR leases.holder = excluded.holder RETURNING token";
const RENEW: &str =
    "UPDATE leases SET expires = $3 WHERE job = $1 AND token = $2 AND expires > $4 RETURNING token";
/// The row stays, so that tokens go on growing.
const RELEASE: &str =
    "UPDATE leases SET expires = 0, holder = '' WHERE job = $1 AND token = $2 RETURNING token";

impl Store {
    /// Takes `job` for `holder` from `now` on, for `seconds`; `None` while somebody else has it. `holder` names one
    /// process, such as the node's name and its part: the same holder gets its own lease again, and the older one is void.
    pub async fn claim(
        &self,
        job: &str,
        holder: &str,
        now: UnixTime,
        seconds: u64,
    ) -> Result<Option<Lease>, Error> {
        for name in [job, holder] {
            if name.is_empty() || name.len() > MAX_LEASE_NAME || name.contains('\0') {
                return Err(Error::Refused(format!("a name of a lease has 1 to {MAX_LEASE_NAME} bytes")));
            }
        }
        let expires = UnixTime(now.0.saturating_add(seconds));
        let values = vec![job.into(), holder.into(), int(expires.0).into(), int(now.0).into()];
        let token = self.pool.write(&Change(CLAIM, values)).await?;
        Ok(token.map(|token| Lease { job: job.to_owned(), expires, token }))
    }

    /// Keeps a lease for `seconds` from `now` on; `None` when it is over or somebody else has it: then stop.
    pub async fn renew(&self, lease: Lease, now: UnixTime, seconds: u64) -> Result<Option<Lease>, Error> {
        let expires = UnixTime(now.0.saturating_add(seconds));
        let values = vec![
            lease.job.as_str().into(),
            int(lease.token).into(),
            int(expires.0).into(),
            int(now.0).into(),
        ];
        let token = self.pool.write(&Change(RENEW, values)).await?;
        Ok(token.map(|_| Lease { expires, ..lease }))
    }

    /// Gives a lease back; false when it was not in force any more.
    pub async fn release(&self, lease: Lease) -> Result<bool, Error> {
        let values = vec![lease.job.as_str().into(), int(lease.token).into()];
        self.pool.write(&Change(RELEASE, values)).await.map(|token| token.is_some())
    }
}

/// One of the statements above; gives the token when it changed the row.
struct Change(&'static str, Vec<Value>);

impl Work for Change {
    type Output = Option<u64>;

    async fn run(&self, conn: &mut Conn) -> Result<Option<u64>, Error> {
        let rows = conn.fetch(self.0, self.1.clone()).await?;
        rows.first().map(|row| row.count(0)).transpose()
    }
}
