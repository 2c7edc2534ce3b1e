//! What the server serves, and what can go wrong with it.

use std::io;

use crate::netstring::NetstringError;
use crate::reply::Reply;
use crate::request::{Request, RequestError};

/// Tables. A lookup changes nothing that who asks could see.
pub trait Lookup: Send + Sync + 'static {
    /// What the table named in the request has for its key. A name that is no table's is for the lookup to refuse, with
    /// [`Reply::Perm`].
    fn lookup(&self, request: Request<'_>) -> impl Future<Output = Reply> + Send;

    /// Something went wrong: for the log.
    fn trouble(&self, trouble: &Trouble);
}

/// What can go wrong. But for [`Trouble::Request`] and [`Trouble::Late`] it ends a connection, or none came about.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// With taking connections, or a lookup has panicked.
    #[error(transparent)]
    Server(#[from] accept::Trouble),
    /// What came is not the protocol; it was answered with `PERM`.
    #[error("a client broke the protocol: {0}")]
    Broken(#[from] NetstringError),
    /// A request that is none; it was answered with `PERM`.
    #[error("a client asked nothing that can be looked up: {0}")]
    Request(#[from] RequestError),
    /// The connection was lost with a request begun or an answer on its way.
    #[error("the connection was lost: {0}")]
    Lost(#[source] io::Error),
    /// The rest of a request did not come in time.
    #[error("the rest of a request did not come in time")]
    Slow,
    /// The lookup took too long; it was answered with `TIMEOUT`.
    #[error("no answer to a request in time")]
    Late,
}
