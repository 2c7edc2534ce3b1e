//! How `mailward reload` tells a running daemon to read its configuration again: a unix socket in the folder of the data, for
//! its owner alone. One line asks, one line of JSON answers with what came of it.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use accept::{BoundUnix, Connection, Limits};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader as AsyncBufReader};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::log::{Line, Log};
use super::reload::Order;
use crate::input::InputError;

const NAME: &str = "reload.sock";
const ASK: &str = "reload\n";
/// Whoever connects may ask; a few at a time is enough.
const CONNECTIONS: usize = 4;
/// How long whoever asks may take to do so.
const TIMEOUT: Duration = Duration::from_secs(5);
/// How long the answer may take.
const ANSWER: Duration = Duration::from_secs(60);
/// Longest answer, in bytes.
const MAX_ANSWER: u64 = 64 * 1024;

/// What came of a new configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Outcome {
    /// Whether it took over; otherwise what was in force stays.
    pub taken_over: bool,
    /// Why not.
    pub why: Option<Why>,
}

/// Why a configuration does not take over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Why {
    /// The file, or the part of the configuration.
    pub file: String,
    /// The line in the file, from 1, where it is known.
    pub line: Option<usize>,
    /// The character in the line, from 1, where it is known.
    pub column: Option<usize>,
    /// What is wrong.
    pub message: String,
    /// What to do about it, if something is known.
    pub help: Option<String>,
}

impl From<&InputError> for Why {
    fn from(error: &InputError) -> Self {
        Self {
            file: error.file.clone(),
            line: error.position.map(|position| position.line),
            column: error.position.and_then(|position| position.column),
            message: error.message.clone(),
            help: error.help.clone(),
        }
    }
}

fn path(data: &Path) -> PathBuf {
    data.join(NAME)
}

/// Opens the socket in the folder of the data.
pub(super) fn open(data: &Path) -> Result<BoundUnix, InputError> {
    let path = path(data);
    let failed = |error: io::Error| {
        InputError::new(crate::input::error::shown(&path), format!("mailward reload will not work: {error}"))
    };
    BoundUnix::bind(&path, 0o600, None).map_err(failed)
}

/// Takes orders until `shutdown` is ready.
pub(super) async fn serve(
    socket: BoundUnix,
    orders: mpsc::Sender<Order>,
    log: &Log,
    shutdown: impl Future<Output = ()> + Send,
) {
    let trouble = |why: String| log.trouble("reload-socket", Line::new("warning").text("why", why));
    let listener = match socket.listen() {
        Ok(listener) => listener,
        Err(error) => return trouble(format!("mailward reload will not work: {error}")),
    };
    let limits = Limits { connections: CONNECTIONS, grace: Duration::ZERO };
    let answer = |connection| answer(connection, orders.clone());
    accept::serve(listener, limits, shutdown, answer, |error| trouble(error.to_string())).await;
}

/// Whoever does not ask gets no answer.
async fn answer(connection: Connection, orders: mpsc::Sender<Order>) {
    let mut stream = AsyncBufReader::new(connection.stream);
    let mut line = String::new();
    let asked = timeout(TIMEOUT, (&mut stream).take(ASK.len() as u64).read_line(&mut line)).await;
    if !matches!(asked, Ok(Ok(_))) || line != ASK {
        return;
    }
    let Some(outcome) = outcome(&orders, ANSWER).await else { return };
    if let Ok(mut line) = serde_json::to_vec(&outcome) {
        line.push(b'\n');
        // Who is gone does not want to know it.
        let _ = timeout(TIMEOUT, stream.get_mut().write_all(&line)).await;
    }
}

/// What comes of an order. Whoever asks waits no longer than so long, and a disk that does not answer keeps no connections.
async fn outcome(orders: &mpsc::Sender<Order>, within: Duration) -> Option<Outcome> {
    let (tell, told) = oneshot::channel();
    let outcome = async {
        orders.send(Some(tell)).await.ok()?;
        told.await.ok()
    };
    timeout(within, outcome).await.ok()?
}

/// Tells the daemon whose data are in this folder to read its configuration again, and waits for what comes of it.
pub fn reload(data: &Path) -> Result<Outcome, InputError> {
    let path = path(data);
    let name = crate::input::error::shown(&path);
    let mut stream = UnixStream::connect(&path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
            InputError::new(&*name, "no mailward serves here").with_help(
                "start it: systemctl start mailward, or mailward serve; if it runs with another [store] path, restart it",
            )
        }
        io::ErrorKind::PermissionDenied => InputError::new(&*name, "permission denied")
            .with_help("reload as root, or as the user that mailward runs as"),
        _ => InputError::new(&*name, error.to_string()),
    })?;
    let lost = |error: &dyn std::fmt::Display| InputError::new(&*name, format!("no answer came: {error}"));
    let ask = |stream: &mut UnixStream| -> io::Result<String> {
        stream.set_read_timeout(Some(ANSWER))?;
        stream.write_all(ASK.as_bytes())?;
        let mut line = String::new();
        BufReader::new(stream.take(MAX_ANSWER)).read_line(&mut line)?;
        Ok(line)
    };
    let line = ask(&mut stream).map_err(|error| lost(&error))?;
    serde_json::from_str(&line).map_err(|error| lost(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn net_15_nobody_waits_for_ever() {
        let (orders, mut ordered) = mpsc::channel(1);
        let soon = Duration::from_millis(1);
        // The first order waits for its turn, the second for a place.
        assert_eq!(outcome(&orders, soon).await, None);
        assert_eq!(outcome(&orders, soon).await, None);
        let good = Outcome { taken_over: true, why: None };
        let obey = async {
            while let Some(order) = ordered.recv().await {
                let _ = order.map(|order| order.send(good.clone()));
            }
        };
        tokio::select! {
            () = obey => panic!("it goes on"),
            answer = outcome(&orders, ANSWER) => assert_eq!(answer.as_ref(), Some(&good)),
        }
    }
}
