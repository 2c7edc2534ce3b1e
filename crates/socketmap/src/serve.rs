//! The server: takes connections, not too many, and on shutdown answers what was asked.

use std::sync::Arc;
use std::time::Duration;

use accept::{Connection, Limits, Listener};

use crate::connection::converse;
use crate::lookup::Lookup;

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
    let limits = Limits { connections: settings.connections, grace: settings.grace };
    let settings = Arc::new(settings);
    let asked = Arc::clone(&lookup);
    let answer = move |Connection { mut stream, stop, .. }| {
        let (lookup, settings) = (Arc::clone(&asked), Arc::clone(&settings));
        async move {
            let ended = converse(&mut *stream, &*lookup, &settings, stop).await;
            ended.unwrap_or_else(|trouble| lookup.trouble(&trouble));
        }
    };
    accept::serve(listener, limits, shutdown, answer, |trouble| lookup.trouble(&trouble.into())).await;
}
