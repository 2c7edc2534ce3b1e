//! The server: takes connections, not too many, and on shutdown lets the messages in flight come to their end.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{sleep, timeout};

use crate::connection::converse;
use crate::handler::{Service, Trouble};
use crate::listener::Listener;
use crate::options::Wish;

/// How long to wait after the system refused to give a connection, for want of file descriptors most likely.
const PAUSE: Duration = Duration::from_millis(100);

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
/// others when their message is at its end or [`Settings::grace`] is over.
pub async fn serve<S: Service>(
    listener: Listener,
    service: Arc<S>,
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
                report(&*service, ended);
                continue;
            }
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((mut stream, mta)) if connections.len() < settings.connections => {
                let (service, settings) = (Arc::clone(&service), Arc::clone(&settings));
                let stopped = stopped.clone();
                connections.spawn(async move {
                    let ended = converse(&mut stream, mta, &*service, &settings, stopped).await;
                    ended.unwrap_or_else(|trouble| service.trouble(&trouble));
                });
            }
            Ok(_) => service.trouble(&Trouble::TooMany(connections.len())),
            Err(error) => {
                service.trouble(&Trouble::Accept(error));
                tokio::select! {
                    () = &mut shutdown => break,
                    () = sleep(PAUSE) => {}
                }
            }
        }
    }
    drop(listener);
    // Nobody listens if there is no connection.
    let _ = stop.send(true);
    let all = async {
        while let Some(ended) = connections.join_next().await {
            report(&*service, ended);
        }
    };
    // What is not at its end now is cut off: the MTA does what it was told to do when a filter is away.
    let _ = timeout(settings.grace, all).await;
}

fn report<S: Service>(service: &S, ended: Result<(), JoinError>) {
    if ended.is_err_and(|error| error.is_panic()) {
        service.trouble(&Trouble::Panicked);
    }
}
