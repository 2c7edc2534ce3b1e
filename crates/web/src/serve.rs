//! The server: a connection is one question and one answer, within bounds of size and time.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{sleep, timeout};

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
/// How long to wait after the system refused to give a connection, for want of file descriptors most likely.
const PAUSE: Duration = Duration::from_millis(100);

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

/// What can go wrong, and concerns more than one client.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// No connection could be accepted; tried again after a pause.
    #[error("cannot accept a connection: {0}")]
    Accept(#[source] io::Error),
    /// As many connections as are allowed are open.
    #[error("refused a connection: {0} are open")]
    TooMany(usize),
    /// A page failed on a mistake in the program.
    #[error("a page panicked")]
    Panicked,
}

/// Serves the pages of `source` until `shutdown` is ready; then answers that are on their way are finished, within
/// [`GRACE`].
pub async fn serve<S: Source>(
    listener: TcpListener,
    source: Arc<S>,
    settings: Settings,
    shutdown: impl Future<Output = ()> + Send,
) {
    let pages = router(Arc::clone(&source), settings.names.clone().into());
    let (stop, stopped) = watch::channel(());
    let mut connections = JoinSet::new();
    tokio::pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut shutdown => break,
            Some(ended) = connections.join_next() => {
                report(&*source, ended);
                continue;
            }
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) if connections.len() < settings.connections => {
                let answer = answer(stream, pages.clone(), settings.header, stopped.clone());
                let whole = settings.whole;
                connections.spawn(async move {
                    // A client that is gone or too slow hurts nobody but itself.
                    let _ = timeout(whole, answer).await;
                });
            }
            Ok(_) => source.trouble(&Trouble::TooMany(connections.len())),
            Err(error) => {
                source.trouble(&Trouble::Accept(error));
                tokio::select! {
                    () = &mut shutdown => break,
                    () = sleep(PAUSE) => {}
                }
            }
        }
    }
    drop(listener);
    drop(stop);
    let all = async {
        while let Some(ended) = connections.join_next().await {
            report(&*source, ended);
        }
    };
    // What is not at its end now is cut off.
    let _ = timeout(GRACE, all).await;
}

/// One connection.
async fn answer(stream: TcpStream, pages: Router, header: Duration, mut stopped: watch::Receiver<()>) {
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
        _ = stopped.changed() => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
}

fn report<S: Source>(source: &S, ended: Result<(), JoinError>) {
    if ended.is_err_and(|error| error.is_panic()) {
        source.trouble(&Trouble::Panicked);
    }
}
