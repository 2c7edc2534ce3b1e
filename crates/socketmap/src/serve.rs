//! The server: takes connections, not too many, and on shutdown answers what was asked.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{sleep, timeout};

use crate::connection::converse;
use crate::listener::Listener;
use crate::lookup::{Lookup, Trouble};

/// How long to wait after the system refused to give a connection, for want of file descriptors most likely.
const PAUSE: Duration = Duration::from_millis(100);

/// What the server goes by.
#[derive(Debug, Clone)]
pub struct Settings {
    /// So many connections may be open; more are closed at once. Each process of Postfix that asks has one.
    pub connections: usize,
    /// How long nothing may be asked on a connection. More than Postfix's own limit for one (100 s), so that it is Postfix
    /// that ends it.
    pub idle: Duration,
    /// How long a request may take from its first octet to its last, and answers to be taken.
    pub transfer: Duration,
    /// How long a lookup may take. Less than Postfix waits for the answer (100 s).
    pub answer: Duration,
    /// How long lookups that are begun may take after shutdown was asked for.
    pub grace: Duration,
}

impl Default for Settings {
    /// Settings that suit Postfix as it is by default.
    fn default() -> Self {
        Self {
            connections: 10_000,
            idle: Duration::from_secs(120),
            transfer: Duration::from_secs(30),
            answer: Duration::from_secs(60),
            grace: Duration::from_secs(10),
        }
    }
}

/// Serves until `shutdown` is ready. Then no more connections are taken, what has been asked is answered, and each
/// connection closed behind that, or when [`Settings::grace`] is over.
pub async fn serve<L: Lookup>(
    listener: Listener,
    lookup: Arc<L>,
    settings: Settings,
    shutdown: impl Future<Output = ()> + Send,
) {
    let settings = Arc::new(settings);
    let (stop, stopped) = watch::channel(false);
    let mut connections = JoinSet::new();
    tokio::pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut shutdown => break,
            Some(ended) = connections.join_next() => {
                report(&*lookup, ended);
                continue;
            }
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok(mut stream) if connections.len() < settings.connections => {
                let (lookup, settings) = (Arc::clone(&lookup), Arc::clone(&settings));
                let stopped = stopped.clone();
                connections.spawn(async move {
                    let ended = converse(&mut stream, &*lookup, &settings, stopped).await;
                    ended.unwrap_or_else(|trouble| lookup.trouble(&trouble));
                });
            }
            Ok(_) => lookup.trouble(&Trouble::TooMany(connections.len())),
            Err(error) => {
                lookup.trouble(&Trouble::Accept(error));
                tokio::select! {
                    () = &mut shutdown => break,
                    () = sleep(PAUSE) => {}
                }
            }
        }
    }
    drop(listener);
    // Nobody hears it if there is no connection.
    let _ = stop.send(true);
    let all = async {
        while let Some(ended) = connections.join_next().await {
            report(&*lookup, ended);
        }
    };
    // What has no answer by now is cut off: Postfix asks again.
    let _ = timeout(settings.grace, all).await;
}

fn report<L: Lookup>(lookup: &L, ended: Result<(), JoinError>) {
    if ended.is_err_and(|error| error.is_panic()) {
        lookup.trouble(&Trouble::Panicked);
    }
}
