//! One connection: requests in, answers out, in their order.

use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use accept::Stream;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};

use crate::lookup::{Lookup, Trouble};
use crate::netstring::Frames;
use crate::reply::{Reason, Reply};
use crate::request::{MAX_REQUEST, Request};
use crate::serve::Settings;

/// Answers are sent once there are so many octets of them, whether more are ready or not.
const WRITE: usize = 64 << 10;

/// How long to listen, behind the answer to what is not the protocol, to what the client still says. A connection that is
/// closed with octets unread is reset, and the answer may be lost with it.
const LINGER: Duration = Duration::from_secs(1);

/// Answers a client until one of the two has enough.
pub(crate) async fn converse<L: Lookup>(
    stream: &mut dyn Stream,
    lookup: &L,
    settings: &Settings,
    stop: watch::Receiver<bool>,
) -> Result<(), Trouble> {
    let frames = Frames::new(MAX_REQUEST);
    let mut talk = Talk { stream, frames, out: Vec::new(), lookup, settings, stop };
    while talk.request().await? {
        if let Err(trouble) = talk.answer_all().await {
            if matches!(trouble, Trouble::Broken(_)) {
                talk.refuse(&trouble).await?;
            }
            return Err(trouble);
        }
    }
    Ok(())
}

struct Talk<'a, L> {
    stream: &'a mut dyn Stream,
    frames: Frames,
    /// Answers that are not sent yet.
    out: Vec<u8>,
    lookup: &'a L,
    settings: &'a Settings,
    stop: watch::Receiver<bool>,
}

impl<L: Lookup> Talk<'_, L> {
    /// Waits until a whole request is here, or what is none. `false`: nothing is asked any more, or we are to stop.
    async fn request(&mut self) -> Result<bool, Trouble> {
        let mut idle = self.frames.is_empty();
        let mut deadline = Instant::now() + if idle { self.settings.idle } else { self.settings.transfer };
        while !self.frames.is_ready() {
            if idle && *self.stop.borrow() {
                return Ok(false);
            }
            let read = timeout_at(deadline, self.stream.read_buf(self.frames.space()));
            let read = tokio::select! {
                biased;
                read = read => read,
                changed = self.stop.changed(), if idle => match changed {
                    Ok(()) => continue,
                    Err(_) => return Ok(false),
                },
            };
            match read {
                Err(_) if idle => return Ok(false),
                Err(_) => return Err(Trouble::Slow),
                // A client that was reset while it asked nothing has lost nothing.
                Ok(Ok(0) | Err(_)) if idle => return Ok(false),
                Ok(Ok(0)) => return Err(Trouble::Lost(io::ErrorKind::UnexpectedEof.into())),
                Ok(Err(error)) => return Err(Trouble::Lost(error)),
                Ok(Ok(_)) if idle => {
                    idle = false;
                    deadline = Instant::now() + self.settings.transfer;
                }
                Ok(Ok(_)) => {}
            }
        }
        Ok(true)
    }

    /// Answers every request that is here whole. Answers that are ready go out before one that is not is waited for.
    async fn answer_all(&mut self) -> Result<(), Trouble> {
        while let Some(octets) = self.frames.take()? {
            let reply = match Request::parse(octets) {
                Err(error) => {
                    self.lookup.trouble(&error.into());
                    Reply::Perm(Reason::new(&error.to_string()))
                }
                Ok(request) => {
                    let mut answer = pin!(self.lookup.lookup(request));
                    match poll_fn(|context| Poll::Ready(answer.as_mut().poll(context))).await {
                        Poll::Ready(reply) => reply,
                        Poll::Pending => {
                            send(self.stream, &mut self.out, self.settings.transfer).await?;
                            timeout(self.settings.answer, answer).await.unwrap_or_else(|_| {
                                self.lookup.trouble(&Trouble::Late);
                                Reply::Timeout(Reason::new("no answer in time"))
                            })
                        }
                    }
                }
            };
            reply.encode(&mut self.out);
            if self.out.len() >= WRITE {
                send(self.stream, &mut self.out, self.settings.transfer).await?;
            }
        }
        send(self.stream, &mut self.out, self.settings.transfer).await
    }

    /// Says why no more is answered, behind what was.
    async fn refuse(&mut self, why: &Trouble) -> Result<(), Trouble> {
        Reply::Perm(Reason::new(&why.to_string())).encode(&mut self.out);
        send(self.stream, &mut self.out, self.settings.transfer).await?;
        let mut rest = vec![0; 4096];
        let listening = async {
            self.stream.shutdown().await?;
            while self.stream.read(&mut rest).await? > 0 {}
            io::Result::Ok(())
        };
        // Whatever comes of it, the connection is at its end.
        let _ = timeout(LINGER, listening).await;
        Ok(())
    }
}

/// Sends all that is ready.
async fn send(stream: &mut dyn Stream, out: &mut Vec<u8>, limit: Duration) -> Result<(), Trouble> {
    if out.is_empty() {
        return Ok(());
    }
    let written = timeout(limit, stream.write_all(out)).await;
    out.clear();
    // A few large answers are no reason to keep their room for ever.
    out.shrink_to(2 * WRITE);
    written.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())).map_err(Trouble::Lost)
}

#[cfg(test)]
mod tests;
