//! The other side: what Postfix does on a connection to a server. For tests and for measuring; it waits for ever.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::netstring::{Frames, NetstringError};
use crate::reply::{MAX_REPLY, Reply, ReplyError};
use crate::request::Request;

/// A connection to a server.
#[derive(Debug)]
pub struct Client<IO> {
    io: IO,
    frames: Frames,
    out: Vec<u8>,
}

/// What can go wrong.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// With the connection.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// With an answer's netstring.
    #[error(transparent)]
    Netstring(#[from] NetstringError),
    /// With an answer.
    #[error(transparent)]
    Reply(#[from] ReplyError),
}

impl<IO: AsyncRead + AsyncWrite + Unpin> Client<IO> {
    /// Over a connection.
    pub fn new(io: IO) -> Self {
        Self { io, frames: Frames::new(MAX_REPLY), out: Vec::new() }
    }

    /// Puts a request before the next ones.
    pub fn queue(&mut self, map: &[u8], key: &[u8]) {
        Request { map, key }.encode(&mut self.out);
    }

    /// Sends what is queued.
    pub async fn flush(&mut self) -> Result<(), ClientError> {
        let sent = self.io.write_all(&self.out).await;
        self.out.clear();
        Ok(sent?)
    }

    /// Waits for the next answer.
    pub async fn reply(&mut self) -> Result<Reply, ClientError> {
        loop {
            if let Some(octets) = self.frames.take()? {
                return Ok(Reply::decode(octets)?);
            }
            if self.io.read_buf(self.frames.space()).await? == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
        }
    }

    /// Asks, and waits for the answer.
    pub async fn ask(&mut self, map: &[u8], key: &[u8]) -> Result<Reply, ClientError> {
        self.queue(map, key);
        self.flush().await?;
        self.reply().await
    }

    /// The connection itself.
    pub fn into_inner(self) -> IO {
        self.io
    }
}
