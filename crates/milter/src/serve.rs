//! The server: on each connection that is taken, messages one behind the other.

use std::sync::Arc;
use std::time::Duration;

use accept::{Connection, Limits, Listener};

use crate::connection::converse;
use crate::handler::Service;
use crate::options::Wish;

/// What the server goes by.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What is asked of the MTA.
    pub wish: Wish,
    /// So many connections may be open; more are closed at once.
    pub connections: usize,
    /// How long an MTA may say nothing but in the content of a message. As long as libmilter waits: that is up to the MTA's
    /// client, who may send a large message over a slow line, or commands that no filter is told of.
    pub client: Duration,
    /// How long it may say nothing in the content. More than Postfix waits for anybody (300 s).
    pub content: Duration,
    /// How long a packet may take from its first octet to its last, and a reply to be taken.
    pub packet: Duration,
    /// How long a callback may take but the last one; less than the MTA's time-out for it (Postfix: 30 s).
    pub answer: Duration,
    /// How long [`Message::end_of_body`](crate::Message::end_of_body) may take.
    pub end: Duration,
    /// How long the MTA waits for a sign of life. At the end of a message it gets one three times in that time.
    pub mta_timeout: Duration,
    /// How long messages in flight may take after shutdown was asked for.
    pub grace: Duration,
}

impl Settings {
    /// Settings that suit Postfix and Sendmail as they are by default.
    #[must_use]
    pub fn new(wish: Wish) -> Self {
        Self {
            wish,
            connections: 10_000,
            client: Duration::from_secs(7_210),
            content: Duration::from_secs(400),
            packet: Duration::from_secs(60),
            answer: Duration::from_secs(25),
            end: Duration::from_secs(60),
            mta_timeout: Duration::from_secs(30),
            grace: Duration::from_secs(30),
        }
    }
}

/// Serves until `shutdown` is ready. Then no more connections are taken, those between two messages are closed, and the
/// others when their message is at its end or [`Settings::grace`] is over: the MTA then does what it was told to do when a
/// filter is away.
pub async fn serve<S: Service>(
    listener: Listener,
    service: Arc<S>,
    settings: Settings,
    shutdown: impl Future<Output = ()> + Send,
) {
    let limits = Limits { connections: settings.connections, grace: settings.grace };
    let settings = Arc::new(settings);
    let filter = Arc::clone(&service);
    let answer = move |connection: Connection| {
        let (service, settings) = (Arc::clone(&filter), Arc::clone(&settings));
        async move {
            let Connection { mut stream, peer, stop } = connection;
            let ended = converse(&mut *stream, peer, &*service, &settings, stop).await;
            ended.unwrap_or_else(|trouble| service.trouble(&trouble));
        }
    };
    accept::serve(listener, limits, shutdown, answer, |trouble| service.trouble(&trouble.into())).await;
}
