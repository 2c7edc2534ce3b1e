//! One connection: packets in, callbacks, replies out.

use std::borrow::Cow;
use std::io;
use std::time::Duration;

use accept::Stream;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};

use crate::handler::{
    Answer, Client, Context, End, Greeting, Message, Mta, Piece, Service, Trouble, Verdict,
};
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
    let Some(mut session) = talk.open().await? else { return Ok(()) };
    loop {
        match talk.client(&mut session, &mut client, service).await? {
            Ended::NewClient => drop(client),
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

/// The packet that says "go on".
const GO_ON: &[u8] = &[0, 0, 0, 1, b'c'];

/// What is to be said, and what it means for the session.
struct Said {
    packets: Cow<'static, [u8]>,
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

    /// Serves one client of the MTA.
    async fn client<S: Service>(
        &mut self,
        session: &mut Session,
        client: &mut S::Client,
        service: &S,
    ) -> Result<Ended, Trouble> {
        let mut message = None;
        loop {
            if !self.packet(Some(session)).await? {
                return Ok(Ended::Connection);
            }
            let Some(packet) = self.frames.take().map_err(Broken::from)? else { continue };
            let event = session.receive(packet)?;
            let state = session.state();
            let context = Context { agreed: session.agreed(), macros: session.macros() };
            if matches!(event, Event::Mail(_) | Event::Helo(_) | Event::Abort) {
                message = None;
            }
            let (said, late) = match event {
                Event::Macros | Event::Abort => continue,
                Event::NewConnection => return Ok(Ended::NewClient),
                Event::Quit => return Ok(Ended::Connection),
                Event::EndOfBody(last) => match message.take() {
                    Some(whole) => {
                        (end(self.stream, self.settings, whole, last, context, service).await?, None)
                    }
                    None => (Said::go_on(), None),
                },
                event => {
                    let answer = callback(event, client, &mut message, context);
                    match timeout(self.settings.answer, answer).await {
                        Ok(said) => (said, None),
                        Err(_) => (Said::to_message(Verdict::Tempfail), Some(Trouble::Late { state })),
                    }
                }
            };
            if session.is_awaited() {
                self.write(&said.packets, Some(state)).await?;
            }
            if let Some(late) = late {
                return Err(late);
            }
            if !session.is_awaited() && *said.packets != *GO_ON {
                return Err(Trouble::Unasked { state });
            }
            session.answered(said.answered);
            if said.answered == Answered::MessageOver {
                message = None;
            }
        }
    }

    /// Waits until a whole packet is here. `false`: the MTA has closed the connection between two messages, or we are to
    /// stop and nothing is in flight.
    async fn packet(&mut self, session: Option<&Session>) -> Result<bool, Trouble> {
        let state = session.map(Session::state);
        let between = matches!(state, None | Some(State::Ready | State::Connected | State::Over));
        if between {
            self.frames.release();
        }
        if self.frames.is_whole().map_err(Broken::from)? {
            return Ok(true);
        }
        let patience = match state {
            None => self.settings.packet,
            Some(State::Header | State::Body) => self.settings.content,
            Some(_) => self.settings.client,
        };
        // Half a packet may stand here for as long as the MTA's client says nothing.
        let half = match session {
            Some(session) if session.is_held_back() => self.settings.client,
            _ => self.settings.packet,
        };
        let mut begun = !self.frames.is_empty();
        let mut deadline = Instant::now() + if begun { half } else { patience };
        while !self.frames.is_whole().map_err(Broken::from)? {
            let idle = between && !begun;
            // Half a packet is no message: the MTA may keep the rest of it for hours.
            if between && *self.stop.borrow() {
                return Ok(false);
            }
            let read = timeout_at(deadline, self.stream.read_buf(self.frames.space()));
            let read = tokio::select! {
                biased;
                changed = self.stop.changed(), if between => match changed {
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
                    deadline = Instant::now() + half;
                }
                Ok(_) => {}
                Err(error) => return Err(Trouble::Lost { state, error }),
            }
        }
        Ok(true)
    }

    async fn write(&mut self, out: &[u8], state: Option<State>) -> Result<(), Trouble> {
        write(self.stream, self.settings.packet, out).await.map_err(|error| Trouble::Lost { state, error })
    }
}

/// Writes all at once, so that the MTA never waits for a second half.
async fn write(stream: &mut dyn Stream, limit: Duration, out: &[u8]) -> io::Result<()> {
    timeout(limit, stream.write_all(out)).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

/// Shows the filter an event, and gives its answer.
async fn callback<C: Client>(
    event: Event<'_>,
    client: &mut C,
    message: &mut Option<C::Message>,
    context: Context<'_>,
) -> Said {
    match (event, message) {
        (Event::Connect(connect), _) => Said::greeting(client.connect(connect, context).await),
        (Event::Helo(name), _) => Said::greeting(client.helo(name, context).await),
        (Event::Mail(arguments), message) => match client.mail(arguments, context).await {
            Ok(begun) => {
                *message = Some(begun);
                Said::go_on()
            }
            Err(verdict) => Said::of_command(Answer::Verdict(verdict)),
        },
        (Event::Rcpt(arguments), Some(message)) => Said::of_command(message.rcpt(arguments, context).await),
        (Event::Data, Some(message)) => Said::of_command(message.data(context).await),
        (Event::Header(name, value), Some(message)) => {
            Said::of_message(message.header(name, &value, context).await)
        }
        (Event::EndOfHeader, Some(message)) => Said::of_message(message.end_of_header(context).await),
        (Event::Body(piece), Some(message)) => {
            Said::of_piece(message.body(piece, context).await, context.agreed.skip())
        }
        // Nobody wants to know it; or it belongs to a message, and the table of states leads there only behind a MAIL
        // that was taken.
        _ => Said::go_on(),
    }
}

/// The end of a message: the last piece of its body, the filter's last word, and meanwhile signs of life.
async fn end<S: Service>(
    stream: &mut dyn Stream,
    settings: &Settings,
    mut message: impl Message,
    last: &[u8],
    context: Context<'_>,
    service: &S,
) -> Result<Said, Trouble> {
    let state = State::Body;
    let whole = async {
        if !last.is_empty()
            && let Piece::Verdict(verdict) = message.body(last, context).await
        {
            return verdict.into();
        }
        message.end_of_body(context).await
    };
    let answer = timeout(settings.end, alive(stream, settings, whole)).await;
    let answer = answer.unwrap_or_else(|_| {
        service.trouble(&Trouble::Late { state });
        Ok(Verdict::Tempfail.into())
    });
    let End { edits, verdict } = answer.map_err(|error| Trouble::Lost { state: Some(state), error })?;
    let mut packets = Vec::with_capacity(256);
    let verdict = match verdict {
        Verdict::Accept => match edits.encode(context.agreed, &mut packets) {
            Ok(()) => Verdict::Accept,
            Err(not_allowed) => {
                service.trouble(&not_allowed.into());
                Verdict::Tempfail
            }
        },
        refused => refused,
    };
    packets.append(&mut last_word(verdict));
    Ok(Said { packets: packets.into(), answered: Answered::MessageOver })
}

/// Waits for the filter. libmilter allows signs of life at the end of a message only, and Sendmail understands them nowhere
/// else.
async fn alive<T>(
    stream: &mut dyn Stream,
    settings: &Settings,
    work: impl Future<Output = T>,
) -> io::Result<T> {
    let progress = packet(&Reply::Progress);
    let every = settings.mta_timeout / 3;
    tokio::pin!(work);
    loop {
        match timeout(every, &mut work).await {
            Ok(done) => return Ok(done),
            Err(_) => write(stream, settings.packet, &progress).await?,
        }
    }
}

fn packet(reply: &Reply<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(64);
    reply.encode(&mut out);
    out
}

fn last_word(verdict: Verdict) -> Vec<u8> {
    packet(&match verdict {
        Verdict::Accept => Reply::Accept,
        Verdict::Discard => Reply::Discard,
        Verdict::Tempfail => Reply::Tempfail,
        Verdict::Refuse(words) => return packet(&Reply::ReplyCode(&words.to_wire())),
    })
}

impl Said {
    fn new(reply: &Reply<'_>, answered: Answered) -> Self {
        Self { packets: packet(reply).into(), answered }
    }

    fn go_on() -> Self {
        Self { packets: GO_ON.into(), answered: Answered::Continue }
    }

    /// To CONNECT and HELO.
    fn greeting(greeting: Greeting) -> Self {
        match greeting {
            Greeting::Continue => Self::go_on(),
            Greeting::Accept => Self::new(&Reply::Accept, Answered::ClientOver),
            Greeting::Refuse(words) => Self::new(&Reply::ReplyCode(&words.to_wire()), Answered::Continue),
        }
    }

    /// To MAIL, RCPT and DATA: a refusal is of the command.
    fn of_command(answer: Answer) -> Self {
        let refused = matches!(&answer, Answer::Verdict(Verdict::Refuse(_) | Verdict::Tempfail));
        let said = Self::of_message(answer);
        if refused { Self { answered: Answered::Refused, ..said } } else { said }
    }

    fn of_message(answer: Answer) -> Self {
        match answer {
            Answer::Continue => Self::go_on(),
            Answer::Verdict(verdict) => Self::to_message(verdict),
        }
    }

    fn to_message(verdict: Verdict) -> Self {
        Self { packets: last_word(verdict).into(), answered: Answered::MessageOver }
    }

    /// Where the MTA cannot be asked to send no more, it is let go on, and the session drops what it sends.
    fn of_piece(piece: Piece, skip: bool) -> Self {
        match piece {
            Piece::Continue => Self::go_on(),
            Piece::Skip if skip => Self::new(&Reply::Skip, Answered::Skip),
            Piece::Skip => Self::new(&Reply::Continue, Answered::Skip),
            Piece::Verdict(verdict) => Self::to_message(verdict),
        }
    }
}

#[cfg(test)]
mod tests;
