//! Each reply is one write.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context as Wake, Poll};

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf, duplex};

use super::*;
use crate::Edits;
use crate::client::Client as MtaClient;
use crate::command::{Command, Connect, Peer};
use crate::options::{Actions, Offer, Steps, Wish};
use crate::wire::Strings;

/// A connection that counts how often it is written to.
struct Counted {
    inner: DuplexStream,
    writes: Arc<AtomicUsize>,
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        wake: &mut Wake<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(wake, buffer)
    }
}

impl AsyncWrite for Counted {
    fn poll_write(mut self: Pin<&mut Self>, wake: &mut Wake<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.writes.fetch_add(1, Ordering::SeqCst);
        Pin::new(&mut self.inner).poll_write(wake, bytes)
    }
    fn poll_flush(mut self: Pin<&mut Self>, wake: &mut Wake<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(wake)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, wake: &mut Wake<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(wake)
    }
}

struct Editor;

impl Service for Editor {
    type Client = Self;
    fn accept(&self, _: Mta) -> Option<Self> {
        Some(Self)
    }
    fn trouble(&self, trouble: &Trouble) {
        panic!("{trouble}");
    }
}

impl Client for Editor {
    type Message = Self;
    async fn mail(&mut self, _: Strings<'_>, _: Context<'_>) -> Result<Self, Verdict> {
        Ok(Self)
    }
}

impl Message for Editor {
    async fn header(&mut self, _: &[u8], _: &[u8], _: Context<'_>) -> Answer {
        Answer::Continue
    }
    async fn body(&mut self, _: &[u8], _: Context<'_>) -> Piece {
        Piece::Continue
    }
    async fn end_of_body(self, _: Context<'_>) -> End {
        let mut edits = Edits::default();
        for index in 1..=50 {
            edits.delete(b"A", index).unwrap();
            edits.add(b"B", b"value").unwrap();
        }
        edits.quarantine("why");
        End { edits, verdict: Verdict::Accept }
    }
}

#[tokio::test]
async fn each_reply_is_one_write() {
    let writes = Arc::new(AtomicUsize::new(0));
    let (inner, ours) = duplex(1 << 20);
    let mut counted = Counted { inner, writes: Arc::clone(&writes) };
    let wish = Wish {
        needed: Actions(0x31),
        wanted: Actions(0),
        refused_recipients: false,
        unanswered: &[],
        macros: &[],
    };
    let server = tokio::spawn(async move {
        let (_stop, stopped) = watch::channel(false);
        converse(&mut counted, Mta::Unix, &Editor, &Settings::new(wish), stopped).await
    });
    let offer = Offer { version: 6, actions: Actions(0x1ff), steps: Steps(0x1f_ffff) };
    let (mut mta, _) = MtaClient::open(ours, offer).await.unwrap();
    let mut expected = 1;
    let commands = [
        Command::Connect(Connect { host: b"h", peer: Peer::Unknown }),
        Command::Mail(Strings::new(b"<>\0").unwrap()),
        Command::Header { name: b"A", value: b"b" },
        Command::EndOfHeader,
        Command::EndOfBody(b"x"),
    ];
    for command in commands {
        let replies = mta.ask(&command).await.unwrap();
        expected += 1;
        assert_eq!(writes.load(Ordering::SeqCst), expected, "{command:?}");
        let count = if matches!(command, Command::EndOfBody(_)) { 102 } else { 1 };
        assert_eq!(replies.iter().count(), count);
    }
    mta.queue(&Command::Quit);
    mta.flush().await.unwrap();
    server.await.unwrap().unwrap();
}
