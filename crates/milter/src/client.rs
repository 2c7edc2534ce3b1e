//! The other side: what an MTA does on a connection to a filter. For tests and for measuring; it waits for ever.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::command::{Command, Stage};
use crate::options::{Offer, Steps};
use crate::packet::{FrameError, Frames, Packet};
use crate::reply::Reply;
use crate::wire::{DecodeError, Letter};

/// A connection to a filter.
#[derive(Debug)]
pub struct Client<IO> {
    io: IO,
    frames: Frames,
    out: Vec<u8>,
    agreed: Steps,
}

/// What a filter said to one command: packets, the last of them the one that answers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Replies {
    packets: Vec<(Letter, Vec<u8>)>,
    /// How many signs of life came before.
    pub progress: usize,
}

/// What can go wrong.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// With the connection.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// With a packet's length.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// With a packet.
    #[error(transparent)]
    Decode(#[from] DecodeError),
}

impl Replies {
    /// The replies in their order, without signs of life.
    pub fn iter(&self) -> impl Iterator<Item = Result<Reply<'_>, DecodeError>> {
        self.packets.iter().map(|(letter, data)| Reply::decode(Packet { letter: *letter, data }))
    }

    /// The reply that answers.
    pub fn last(&self) -> Result<Reply<'_>, DecodeError> {
        self.iter().last().unwrap_or(Ok(Reply::Continue))
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin> Client<IO> {
    /// Negotiates over a connection.
    pub async fn open(io: IO, offer: Offer) -> Result<(Self, Replies), ClientError> {
        let mut client = Self { io, frames: Frames::default(), out: Vec::new(), agreed: Steps(0) };
        let replies = client.ask(&Command::Negotiate(offer)).await?;
        if let Reply::Negotiate(agreed, _) = replies.last()? {
            client.agreed = agreed.steps;
        }
        Ok((client, replies))
    }

    /// Puts a command that is not answered (macros, an abort, an end) before the next one.
    pub fn queue(&mut self, command: &Command<'_>) {
        command.encode(&mut self.out);
    }

    /// Sends what is queued.
    pub async fn flush(&mut self) -> Result<(), ClientError> {
        let sent = self.io.write_all(&self.out).await;
        self.out.clear();
        Ok(sent?)
    }

    /// Sends a command and waits for its answer. One that the filter does not answer waits for the next, as with Postfix.
    pub async fn ask(&mut self, command: &Command<'_>) -> Result<Replies, ClientError> {
        self.queue(command);
        let silent = Stage::of(command.letter()).map_or(Steps(0), Steps::no_reply);
        if self.agreed & silent != Steps(0) {
            return Ok(Replies::default());
        }
        self.flush().await?;
        let mut replies = Replies::default();
        loop {
            while let Some(packet) = self.frames.take()? {
                let reply = Reply::decode(packet)?;
                if reply == Reply::Progress {
                    replies.progress += 1;
                    continue;
                }
                let last = reply.is_final();
                replies.packets.push((packet.letter, packet.data.to_vec()));
                if last {
                    return Ok(replies);
                }
            }
            if self.io.read_buf(self.frames.space()).await? == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
        }
    }

    /// The connection itself.
    pub fn into_inner(self) -> IO {
        self.io
    }
}
