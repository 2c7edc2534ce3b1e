//! One connection: packets in, callbacks, replies out.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};

use crate::handler::{
    Answer, Client, Context, End, Greeting, Message, Mta, Piece, Service, Trouble, Verdict,
};
use crate::listener::Stream;
use crate::packet::Frames;
use crate::reply::Reply;
use crate::serve::Settings;
use crate::session::{Answered, Broken, Event, Session, State};

/// Talks with an MTA until one of the two has enough.
pub(crate) async fn converse<S: Service>(
    stream: &mut dyn Stream,
    mta: Mta,
    service: &S,
    settings: &Settings,
    stop: watch::Receiver<bool>,
) -> Result<(), Trouble> {
    let Some(mut client) = service.accept(mta) else { return Ok(()) };
    let mut talk = Talk { stream, frames: Frames::default(), settings, stop };
    let Some(mut session) = talk.open().await? else {
        client.close();
        return Ok(());
    };
    loop {
        let mut message = None;
        let ended = talk.client(&mut session, &mut client, &mut message, service).await;
        message.into_iter().for_each(Message::abort);
        client.close();
        match ended? {
            Ended::NewClient => {}
            Ended::Connection => return Ok(()),
        }
        let Some(next) = service.accept(mta) else { return Ok(()) };
        client = next;
    }
}

/// Why a client is gone.
enum Ended {
    NewClient,
    Connection,
}

/// What is to be said, and what it means for the session.
struct Said {
    reply: Option<Reply<'static>>,
    /// A refusal in the filter's own words.
    words: Option<Vec<u8>>,
    answered: Answered,
}

struct Talk<'a> {
    stream: &'a mut dyn Stream,
    frames: Frames,
    settings: &'a Settings,
    stop: watch::Receiver<bool>,
}

impl Talk<'_> {
    /// Negotiates. `None`: the MTA has nothing to say, or we are to stop.
    async fn open(&mut self) -> Result<Option<Session>, Trouble> {
        if !self.packet(None).await? {
            return Ok(None);
        }
        let mut out = Vec::new();
        let packet = self.frames.take().map_err(Broken::from)?;
        let Some(packet) = packet else { return Ok(None) };
        let session = Session::open(packet, &self.settings.wish, &mut out)?;
        self.write(&out, None).await?;
        Ok(session)
    }

    /// Serves one client of the MTA. The message in flight is left in `message`.
    async fn client<S: Service>(
        &mut self,
        session: &mut Session,
        client: &mut S::Client,
        message: &mut Option<<S::Client as Client>::Message>,
        service: &S,
    ) -> Result<Ended, Trouble> {
        loop {
            if !self.packet(Some(session.state())).await? {
                return Ok(Ended::Connection);
            }
            let Some(packet) = self.frames.take().map_err(Broken::from)? else { continue };
            let event = session.receive(packet)?;
            let (agreed, macros) = (session.agreed(), session.macros());
            let context = Context { agreed, macros };
            let state = session.state();
            let clock = Clock { limit: self.settings.answer, state };
            if matches!(event, Event::Mail(_) | Event::Helo(_) | Event::Abort) {
                message.take().into_iter().for_each(Message::abort);
            }
            let said = match (event, &mut *message) {
                (Event::Macros | Event::Abort, _) => continue,
                (Event::NewConnection, _) => return Ok(Ended::NewClient),
                (Event::Quit, _) => return Ok(Ended::Connection),
                (Event::Nothing, _) => Ok(Said::go_on()),
                (Event::Connect(connect), _) => {
                    clock.hold(client.connect(connect, context)).await.map(Said::greeting)
                }
                (Event::Helo(name), _) => clock.hold(client.helo(name, context)).await.map(Said::greeting),
                (Event::Mail(arguments), _) => {
                    clock.hold(client.mail(arguments, context)).await.map(|begun| match begun {
                        Ok(begun) => {
                            *message = Some(begun);
                            Said::go_on()
                        }
                        Err(verdict) => Said::of_command(Answer::Verdict(verdict)),
                    })
                }
                (Event::Rcpt(arguments), Some(message)) => {
                    clock.hold(message.rcpt(arguments, context)).await.map(Said::of_command)
                }
                (Event::Data, Some(message)) => clock.hold(message.data(context)).await.map(Said::of_command),
                (Event::Header(name, value), Some(message)) => {
                    clock.hold(message.header(name, &value, context)).await.map(Said::of_message)
                }
                (Event::EndOfHeader, Some(message)) => {
                    clock.hold(message.end_of_header(context)).await.map(Said::of_message)
                }
                (Event::Body(piece), Some(message)) => {
                    let skip = agreed.skip();
                    clock.hold(message.body(piece, context)).await.map(|piece| Said::of_piece(piece, skip))
                }
                (Event::EndOfBody(last), whole) => match whole.take() {
                    Some(whole) => {
                        let out = end(self.stream, self.settings, whole, last, context, service).await?;
                        self.write(&out, Some(state)).await?;
                        session.answered(Answered::MessageOver);
                        continue;
                    }
                    None => Ok(Said::go_on()),
                },
                // The table of states leads to these only behind a MAIL that was taken.
                (
                    Event::Rcpt(_) | Event::Data | Event::Header(..) | Event::EndOfHeader | Event::Body(_),
                    None,
                ) => Ok(Said::go_on()),
            };
            let said = match said {
                Ok(said) => said,
                Err(late) => {
                    self.say(&Reply::Tempfail, state).await?;
                    return Err(late);
                }
            };
            session.answered(said.answered);
            if said.answered == Answered::MessageOver {
                *message = None;
            }
            match (said.words, said.reply) {
                (Some(words), _) => self.say(&Reply::ReplyCode(&words), state).await?,
                (None, Some(reply)) => self.say(&reply, state).await?,
                (None, None) => {}
            }
        }
    }

    /// Waits until a whole packet is here. `false`: the MTA has closed the connection between two messages, or we are to
    /// stop and nothing is in flight.
    async fn packet(&mut self, state: Option<State>) -> Result<bool, Trouble> {
        let between = matches!(state, None | Some(State::Ready | State::Connected | State::Over));
        if between {
            self.frames.release();
        }
        let patience = match state {
            None => self.settings.packet,
            Some(State::Rcpt | State::Data) => self.settings.content,
            Some(_) => self.settings.idle,
        };
        let mut deadline = Instant::now() + patience;
        let mut begun = !self.frames.is_empty();
        if begun {
            deadline = Instant::now() + self.settings.packet;
        }
        while !self.frames.is_whole().map_err(Broken::from)? {
            let idle = between && !begun;
            if idle && *self.stop.borrow() {
                return Ok(false);
            }
            let read = timeout_at(deadline, self.stream.read_buf(self.frames.space()));
            let read = tokio::select! {
                biased;
                changed = self.stop.changed(), if idle => match changed {
                    Ok(()) => continue,
                    Err(_) => return Ok(false),
                },
                read = read => read.map_err(|_| Trouble::Idle { state })?,
            };
            match read {
                Ok(0) if idle => return Ok(false),
                Ok(0) => {
                    return Err(Trouble::Lost { state, error: io::ErrorKind::UnexpectedEof.into() });
                }
                Ok(_) if !begun => {
                    begun = true;
                    deadline = Instant::now() + self.settings.packet;
                }
                Ok(_) => {}
                Err(error) => return Err(Trouble::Lost { state, error }),
            }
        }
        Ok(true)
    }

    async fn say(&mut self, reply: &Reply<'_>, state: State) -> Result<(), Trouble> {
        let mut out = Vec::with_capacity(64);
        reply.encode(&mut out);
        self.write(&out, Some(state)).await
    }

    async fn write(&mut self, out: &[u8], state: Option<State>) -> Result<(), Trouble> {
        write(self.stream, self.settings.packet, out).await.map_err(|error| Trouble::Lost { state, error })
    }
}

/// Writes all at once, so that the MTA never waits for a second half.
async fn write(stream: &mut dyn Stream, limit: Duration, out: &[u8]) -> io::Result<()> {
    timeout(limit, stream.write_all(out)).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

/// How long a callback may take.
#[derive(Clone, Copy)]
struct Clock {
    limit: Duration,
    state: State,
}

impl Clock {
    async fn hold<T>(self, callback: impl Future<Output = T>) -> Result<T, Trouble> {
        timeout(self.limit, callback).await.map_err(|_| Trouble::Late { state: self.state })
    }
}

/// The end of a message: the last piece of its body, the filter's last word, and meanwhile signs of life. Gives what is to
/// be said.
async fn end<S: Service>(
    stream: &mut dyn Stream,
    settings: &Settings,
    mut message: impl Message,
    last: &[u8],
    context: Context<'_>,
    service: &S,
) -> Result<Vec<u8>, Trouble> {
    let state = State::Body;
    let whole = async {
        if !last.is_empty()
            && let Piece::Verdict(verdict) = message.body(last, context).await
        {
            return verdict.into();
        }
        message.end_of_body(context).await
    };
    let lively = alive(stream, settings, whole);
    let answer = timeout(settings.end, lively).await;
    let answer = answer.unwrap_or_else(|_| {
        service.trouble(&Trouble::Late { state });
        Ok(Verdict::Tempfail.into())
    });
    let End { edits, verdict } = answer.map_err(|error| Trouble::Lost { state: Some(state), error })?;
    let mut out = Vec::with_capacity(256);
    if verdict == Verdict::Accept
        && let Err(not_allowed) = edits.encode(context.agreed, &mut out)
    {
        service.trouble(&not_allowed.into());
        Reply::Tempfail.encode(&mut out);
        return Ok(out);
    }
    let (reply, words) = last_word(verdict);
    words.as_deref().map_or(reply, Reply::ReplyCode).encode(&mut out);
    Ok(out)
}

/// Waits for the filter. libmilter allows signs of life at the end of a message only, and Sendmail understands them nowhere
/// else.
async fn alive<T>(
    stream: &mut dyn Stream,
    settings: &Settings,
    work: impl Future<Output = T>,
) -> io::Result<T> {
    let mut progress = Vec::new();
    Reply::Progress.encode(&mut progress);
    let every = settings.mta_timeout / 3;
    tokio::pin!(work);
    loop {
        match timeout(every, &mut work).await {
            Ok(done) => return Ok(done),
            Err(_) => write(stream, settings.packet, &progress).await?,
        }
    }
}

fn last_word(verdict: Verdict) -> (Reply<'static>, Option<Vec<u8>>) {
    match verdict {
        Verdict::Accept => (Reply::Accept, None),
        Verdict::Discard => (Reply::Discard, None),
        Verdict::Tempfail => (Reply::Tempfail, None),
        Verdict::Refuse(words) => (Reply::Reject, Some(words.to_wire())),
    }
}

impl Said {
    fn go_on() -> Self {
        Self { reply: Some(Reply::Continue), words: None, answered: Answered::Continue }
    }

    /// Of CONNECT and HELO.
    fn greeting(greeting: Greeting) -> Self {
        match greeting {
            Greeting::Continue => Self::go_on(),
            Greeting::Accept => {
                Self { reply: Some(Reply::Accept), words: None, answered: Answered::ClientOver }
            }
            Greeting::Refuse(words) => {
                Self { reply: None, words: Some(words.to_wire()), answered: Answered::Continue }
            }
        }
    }

    /// Of MAIL, RCPT and DATA: a refusal is of the command.
    fn of_command(answer: Answer) -> Self {
        let refused = matches!(&answer, Answer::Verdict(Verdict::Refuse(_) | Verdict::Tempfail));
        let said = Self::of_message(answer);
        if refused { Self { answered: Answered::Refused, ..said } } else { said }
    }

    fn of_message(answer: Answer) -> Self {
        match answer {
            Answer::Continue => Self::go_on(),
            Answer::Verdict(verdict) => {
                let (reply, words) = last_word(verdict);
                Self { reply: Some(reply), words, answered: Answered::MessageOver }
            }
        }
    }

    /// Where the MTA cannot be asked to send no more, it is let go on, and the session drops what it sends.
    fn of_piece(piece: Piece, skip: bool) -> Self {
        match piece {
            Piece::Continue => Self::go_on(),
            Piece::Skip => Self {
                reply: Some(if skip { Reply::Skip } else { Reply::Continue }),
                words: None,
                answered: Answered::Skip,
            },
            Piece::Verdict(verdict) => Self::of_message(Answer::Verdict(verdict)),
        }
    }
}

#[cfg(test)]
mod tests;
