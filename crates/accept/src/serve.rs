//! The loop that takes connections.

use std::io;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{sleep, timeout};

use crate::listener::{Listener, Peer, Stream};

/// How long to wait after the system refused to give a connection, for want of file descriptors most likely.
const PAUSE: Duration = Duration::from_millis(100);

/// A connection that was taken.
pub struct Connection {
    /// Both directions of it.
    pub stream: Box<dyn Stream>,
    /// Who has connected.
    pub peer: Peer,
    /// Becomes true when the server is to end: what is in flight may come to its end, nothing new begins.
    pub stop: watch::Receiver<bool>,
}

/// How much a server takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// So many connections may be open; more are closed at once.
    pub connections: usize,
    /// How long what is in flight may take after shutdown was asked for.
    pub grace: Duration,
}

/// What can go wrong, and concerns more than one client. To be said in the log, at a rate that the log can bear.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// No connection could be accepted; tried again after a pause.
    #[error("cannot accept a connection: {0}")]
    Accept(#[source] io::Error),
    /// As many connections as are allowed are open.
    #[error("refused a connection: {0} are open")]
    TooMany(usize),
    /// What served a connection has panicked; the connection is closed.
    #[error("what served a connection has panicked")]
    Panicked,
}

/// Takes connections until `shutdown` is ready, and has `answer` serve each in a task of its own. Then no more are taken, and
/// what is in flight comes to its end, or is cut off when [`Limits::grace`] is over.
pub async fn serve<A: Future<Output = ()> + Send + 'static>(
    listener: Listener,
    limits: Limits,
    shutdown: impl Future<Output = ()> + Send,
    answer: impl Fn(Connection) -> A + Send,
    trouble: impl Fn(Trouble) + Send,
) {
    let (tell, stop) = watch::channel(false);
    let mut connections = JoinSet::new();
    tokio::pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut shutdown => break,
            Some(ended) = connections.join_next() => {
                look(ended, &trouble);
                continue;
            }
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) if connections.len() < limits.connections => {
                connections.spawn(answer(Connection { stream, peer, stop: stop.clone() }));
            }
            Ok(_) => trouble(Trouble::TooMany(connections.len())),
            Err(error) => {
                trouble(Trouble::Accept(error));
                tokio::select! {
                    () = &mut shutdown => break,
                    () = sleep(PAUSE) => {}
                }
            }
        }
    }
    drop(listener);
    // Nobody hears it if there is no connection.
    let _ = tell.send(true);
    let all = async {
        while let Some(ended) = connections.join_next().await {
            look(ended, &trouble);
        }
    };
    // What is not at its end now is cut off.
    let _ = timeout(limits.grace, all).await;
}

fn look(ended: Result<(), JoinError>, trouble: &impl Fn(Trouble)) {
    if ended.is_err_and(|error| error.is_panic()) {
        trouble(Trouble::Panicked);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;
    use tokio::sync::oneshot;

    use super::*;

    /// Says `x` to whoever has said something, `p` has it panic, and ends when it is told to stop.
    async fn answer(mut connection: Connection) {
        let mut octet = [0];
        loop {
            let read = tokio::select! {
                read = connection.stream.read(&mut octet) => read,
                _ = connection.stop.changed() => return,
            };
            match read {
                Ok(1) if octet == *b"p" => panic!("as it was told to"),
                Ok(1) => connection.stream.write_all(b"x").await.unwrap(),
                _ => return,
            }
        }
    }

    /// Whether the server answers on this connection.
    async fn answers(stream: &mut TcpStream) -> bool {
        let mut octet = [0];
        stream.write_all(b"a").await.is_ok() && matches!(stream.read(&mut octet).await, Ok(1))
    }

    #[tokio::test]
    async fn net_13_too_many_are_closed_at_once_and_a_panic_costs_one_connection() {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = socket.local_addr().unwrap();
        let listener = Listener::tcp(socket).unwrap();
        let said = Arc::new(Mutex::new(Vec::new()));
        let (all, (stop, stopped)) = (Arc::clone(&said), oneshot::channel::<()>());
        let limits = Limits { connections: 2, grace: Duration::from_secs(60) };
        let shutdown = async {
            let _ = stopped.await;
        };
        let trouble = move |trouble: Trouble| all.lock().unwrap().push(trouble.to_string());
        let server = tokio::spawn(serve(listener, limits, shutdown, answer, trouble));
        let mut first = TcpStream::connect(addr).await.unwrap();
        let mut second = TcpStream::connect(addr).await.unwrap();
        assert!(answers(&mut first).await && answers(&mut second).await);
        let mut third = TcpStream::connect(addr).await.unwrap();
        assert!(!answers(&mut third).await);
        first.write_all(b"p").await.unwrap();
        assert!(!answers(&mut first).await);
        let mut fourth = TcpStream::connect(addr).await.unwrap();
        assert!(answers(&mut fourth).await && answers(&mut second).await);
        let panicked = Trouble::Panicked.to_string();
        assert_eq!(*said.lock().unwrap(), ["refused a connection: 2 are open", &*panicked]);
        stop.send(()).unwrap();
        server.await.unwrap();
        assert!(!answers(&mut second).await);
        assert!(TcpStream::connect(addr).await.is_err());
    }
}
