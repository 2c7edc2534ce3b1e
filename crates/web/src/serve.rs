//! The server: a connection is one question and one answer, within bounds of size and time.

use std::sync::Arc;
use std::time::Duration;

use accept::{Connection, Limits, Listener};
use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::time::timeout;

use crate::Source;
use crate::pages::router;

/// Most connections that are open; more are closed at once.
pub const MAX_CONNECTIONS: usize = 64;
/// Longest header of a request, in bytes.
pub const MAX_HEADER: usize = 16 * 1024;
/// Most fields in it.
pub const MAX_FIELDS: usize = 64;
/// How long a client may take for the header.
pub const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a connection may take from its begin to its end.
pub const TIMEOUT: Duration = Duration::from_secs(30);
/// How long answers that are on their way may take after shutdown was asked for.
pub const GRACE: Duration = Duration::from_secs(2);

/// What the server goes by.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Names under which the pages may be asked for, beside addresses and `localhost`.
    pub names: Vec<String>,
    /// How many connections may be open.
    pub connections: usize,
    /// How long the header may take.
    pub header: Duration,
    /// How long all of a connection may take.
    pub whole: Duration,
}

impl Default for Settings {
    /// The constants, and no names.
    fn default() -> Self {
        Self { names: Vec::new(), connections: MAX_CONNECTIONS, header: HEADER_TIMEOUT, whole: TIMEOUT }
    }
}

/// Serves the pages of `source` until `shutdown` is ready; then answers that are on their way are finished, within
/// [`GRACE`].
pub async fn serve<S: Source>(
    listener: Listener,
    source: Arc<S>,
    settings: Settings,
    shutdown: impl Future<Output = ()> + Send,
) {
    let pages = router(Arc::clone(&source), settings.names.into());
    let (header, whole) = (settings.header, settings.whole);
    let answer = move |connection| {
        let answer = answer(connection, pages.clone(), header);
        async move {
            // A client that is gone or too slow hurts nobody but itself.
            let _ = timeout(whole, answer).await;
        }
    };
    let limits = Limits { connections: settings.connections, grace: GRACE };
    accept::serve(listener, limits, shutdown, answer, |trouble| source.trouble(&trouble)).await;
}

/// One connection.
async fn answer(connection: Connection, pages: Router, header: Duration) {
    let Connection { stream, mut stop, .. } = connection;
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(header)
        .max_buf_size(MAX_HEADER)
        .max_headers(MAX_FIELDS)
        .keep_alive(false);
    let connection = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(pages));
    tokio::pin!(connection);
    tokio::select! {
        // What goes wrong is told to the client, where there is one.
        _ = &mut connection => {}
        _ = stop.changed() => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
}
