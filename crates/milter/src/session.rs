//! The session: which command is legal in which state, and what each means to a filter. Packets go in, events come out;
//! nothing of one message is left when the next begins.

use std::borrow::Cow;

use crate::command::{Command, Connect, Stage};
use crate::macros::{MAX_MACROS, Macros};
use crate::options::{Agreed, MacroList, NoAgreement, Steps, Wish};
use crate::packet::{FrameError, Packet};
use crate::reply::Reply;
use crate::wire::{DecodeError, Letter, Strings};

/// The largest header field that is taken, in octets: Postfix has 102,400 by default.
pub const MAX_HEADER: usize = 1 << 20;
/// The largest other argument: a name, a path with parameters, a line of SMTP. No MTA takes such a long one itself.
pub const MAX_ARGUMENT: usize = 64 << 10;

/// Where a session is after its negotiation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Waits for a client of the MTA.
    Ready,
    /// A client is there; between messages.
    Connected,
    /// Of this client nothing more is wanted.
    Over,
    /// A sender was named.
    Mail,
    /// So was a recipient.
    Rcpt,
    /// The content will follow.
    Data,
    /// In the header.
    Header,
    /// In the body, or before it.
    Body,
    /// Nothing follows.
    Closed,
}

impl State {
    /// The table: where a command leads from here. `None` where it is not legal.
    ///
    /// Within a message a command may be left out (Sendmail before 8.14 has no DATA, recipients may all have been refused),
    /// but the end of the header may not; and none comes again but recipients, header fields, pieces of the body. A MAIL or
    /// HELO before the content has begun ends a message that was begun, as it does for libmilter.
    #[must_use]
    pub fn after(self, command: &Command<'_>) -> Option<Self> {
        Some(match (command, self) {
            (Command::Negotiate(_), _) | (_, Self::Closed) => return None,
            (Command::Quit, _) => Self::Closed,
            (Command::QuitNewConnection, _) => Self::Ready,
            (Command::Macros(..), _) => self,
            (Command::Connect(_), Self::Ready) => Self::Connected,
            (Command::Abort, Self::Ready | Self::Over) => self,
            (Command::Abort, _) => Self::Connected,
            (Command::Helo(_), Self::Connected | Self::Mail | Self::Rcpt | Self::Data) => Self::Connected,
            (Command::Mail(_), Self::Connected | Self::Mail | Self::Rcpt | Self::Data) => Self::Mail,
            (Command::Rcpt(_), Self::Mail | Self::Rcpt) => Self::Rcpt,
            (Command::Data, Self::Mail | Self::Rcpt) => Self::Data,
            (Command::Header { .. }, Self::Mail | Self::Rcpt | Self::Data | Self::Header) => Self::Header,
            (Command::EndOfHeader, Self::Mail | Self::Rcpt | Self::Data | Self::Header) => Self::Body,
            (Command::Body(_), Self::Body) => Self::Body,
            (Command::EndOfBody(_), Self::Body) => Self::Connected,
            (Command::Unknown(_), Self::Header | Self::Body) => return None,
            (Command::Unknown(_), _) => self,
            (
                Command::Connect(_)
                | Command::Helo(_)
                | Command::Mail(_)
                | Command::Rcpt(_)
                | Command::Data
                | Command::Header { .. }
                | Command::EndOfHeader
                | Command::Body(_)
                | Command::EndOfBody(_),
                _,
            ) => return None,
        })
    }
}

/// What a packet means. Every text is raw and borrowed from the packet.
#[derive(Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// Macros were taken in; the MTA waits for no answer.
    Macros,
    /// Nothing that a filter would want to know: answered with "go on".
    Nothing,
    /// A client has connected.
    Connect(Connect<'a>),
    /// HELO or EHLO; a message that was begun is at its end.
    Helo(&'a [u8]),
    /// A message begins: the sender, then parameters. One that was begun before is at its end.
    Mail(Strings<'a>),
    /// A recipient, then parameters.
    Rcpt(Strings<'a>),
    /// The content follows.
    Data,
    /// A header field: its name, and all that stands behind the colon, see [`on_the_wire`].
    Header(&'a [u8], Cow<'a, [u8]>),
    /// The header is complete.
    EndOfHeader,
    /// A piece of the body.
    Body(&'a [u8]),
    /// The message is complete with this last piece of its body, mostly an empty one.
    EndOfBody(&'a [u8]),
    /// The message is at its end; the MTA waits for no answer.
    Abort,
    /// The client is gone; another will follow. The MTA waits for no answer.
    NewConnection,
    /// The client is gone, and the MTA too.
    Quit,
}

/// What was answered to an event, as far as it matters for what may follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answered {
    /// Go on.
    Continue,
    /// This command was refused, and nothing else: as if it had not come.
    Refused,
    /// No more of this body.
    Skip,
    /// The last word about this message was said.
    MessageOver,
    /// The last word about this client was said.
    ClientOver,
}

/// Why a connection cannot go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// Not a packet.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// Not as its letter wants it.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// Too long for what it is.
    #[error("packet {letter}: {length} octets of data, {allowed} are allowed")]
    TooLong {
        /// The command.
        letter: Letter,
        /// Of its data.
        length: usize,
        /// The limit.
        allowed: usize,
    },
    /// Not where it may stand.
    #[error("packet {letter} is out of order in state {state:?}")]
    OutOfOrder {
        /// The command.
        letter: Letter,
        /// The state that does not have it.
        state: State,
    },
    /// The first packet is no negotiation.
    #[error("packet {0} before the negotiation")]
    NotNegotiated(Letter),
    /// The two sides do not fit.
    #[error(transparent)]
    NoAgreement(#[from] NoAgreement),
}

/// A session that has been negotiated.
#[derive(Debug)]
pub struct Session {
    agreed: Agreed,
    macros: Macros,
    state: State,
    /// Before the command that is being answered.
    before: State,
    /// No more of this body is wanted.
    skipped: bool,
    /// Whether the MTA waits for an answer to the command that came last.
    awaited: bool,
}

impl Session {
    /// Takes the first packet and appends the answer to it. `None`: the MTA has nothing to say.
    pub fn open(packet: Packet<'_>, wish: &Wish, out: &mut Vec<u8>) -> Result<Option<Self>, Broken> {
        let offer = match Command::decode(packet)? {
            Command::Negotiate(offer) => offer,
            Command::Quit => return Ok(None),
            other => return Err(Broken::NotNegotiated(other.letter())),
        };
        let agreed = Agreed::new(&offer, wish)?;
        let ask = agreed.allows(crate::options::Actions::ASK_FOR_MACROS);
        let lists = wish.macros.iter().filter(|_| ask);
        let lists =
            lists.map(|(stage, names)| MacroList { stage: *stage as u32, names: names.as_bytes() }).collect();
        Reply::Negotiate(agreed.offer(), lists).encode(out);
        let state = State::Ready;
        let macros = Macros::default();
        Ok(Some(Self { agreed, macros, state, before: state, skipped: false, awaited: true }))
    }

    /// Takes a packet. After an error the connection is to be closed.
    pub fn receive<'a>(&mut self, packet: Packet<'a>) -> Result<Event<'a>, Broken> {
        let (letter, length) = (packet.letter, packet.data.len());
        let command = Command::decode(packet)?;
        let allowed = longest(&command);
        if length > allowed {
            return Err(Broken::TooLong { letter, length, allowed });
        }
        let state = self.state;
        let after = state.after(&command).ok_or(Broken::OutOfOrder { letter, state })?;
        self.before = state;
        self.state = after;
        self.awaited = Stage::of(letter).is_some_and(|stage| self.agreed.answers(stage));
        Ok(self.event(command))
    }

    fn event<'a>(&mut self, command: Command<'a>) -> Event<'a> {
        match command {
            Command::Macros(stage, pairs) => {
                self.macros.set(stage, pairs);
                Event::Macros
            }
            Command::Connect(connect) => Event::Connect(connect),
            Command::Helo(name) => {
                self.forget_message(Stage::Mail);
                Event::Helo(name)
            }
            Command::Mail(arguments) => {
                // The macros of MAIL came before it.
                self.forget_message(Stage::Rcpt);
                Event::Mail(arguments)
            }
            Command::Rcpt(arguments) => Event::Rcpt(arguments),
            Command::Data => Event::Data,
            Command::Header { name, value } => {
                Event::Header(name, on_the_wire(value, self.agreed.leading_space()))
            }
            Command::EndOfHeader => Event::EndOfHeader,
            Command::Body(_) if self.skipped => Event::Nothing,
            Command::Body(chunk) => Event::Body(chunk),
            Command::EndOfBody(_) if self.skipped => Event::EndOfBody(b""),
            Command::EndOfBody(chunk) => Event::EndOfBody(chunk),
            Command::Abort => {
                self.forget_message(Stage::Mail);
                Event::Abort
            }
            Command::QuitNewConnection => {
                self.forget_message(Stage::Connect);
                Event::NewConnection
            }
            Command::Quit => Event::Quit,
            // `State::after` has no negotiation.
            Command::Unknown(_) | Command::Negotiate(_) => Event::Nothing,
        }
    }

    /// Says what was answered to the event that came last.
    pub fn answered(&mut self, answered: Answered) {
        match answered {
            Answered::Continue => {}
            Answered::Refused => self.state = self.before,
            Answered::Skip => self.skipped = true,
            Answered::MessageOver => {
                self.state = State::Connected;
                self.forget_message(Stage::Mail);
            }
            Answered::ClientOver => self.state = State::Over,
        }
    }

    fn forget_message(&mut self, from: Stage) {
        self.macros.forget_from(from);
        self.skipped = false;
    }

    /// Does the MTA wait for an answer to the command that came last?
    #[must_use]
    pub fn is_awaited(&self) -> bool {
        self.awaited
    }

    /// May the MTA keep the rest of a packet until its client says more? Postfix writes commands that are not answered when
    /// its buffer is full, in the middle of one as likely as not. A header and a body it sends at once.
    #[must_use]
    pub fn is_held_back(&self) -> bool {
        let is_content = matches!(self.state, State::Header | State::Body);
        !is_content && self.agreed.offer().steps & Steps::NO_REPLIES != Steps(0)
    }

    /// Where it is.
    #[must_use]
    pub fn state(&self) -> State {
        self.state
    }

    /// What was agreed on.
    #[must_use]
    pub fn agreed(&self) -> &Agreed {
        &self.agreed
    }

    /// The macros in force.
    #[must_use]
    pub fn macros(&self) -> &Macros {
        &self.macros
    }
}

fn longest(command: &Command<'_>) -> usize {
    match command {
        Command::Macros(..) => MAX_MACROS,
        Command::Header { .. } => MAX_HEADER,
        Command::Body(_) | Command::EndOfBody(_) => usize::MAX,
        Command::Negotiate(_)
        | Command::Connect(_)
        | Command::Helo(_)
        | Command::Mail(_)
        | Command::Rcpt(_)
        | Command::Data
        | Command::EndOfHeader
        | Command::Abort
        | Command::Quit
        | Command::QuitNewConnection
        | Command::Unknown(_) => MAX_ARGUMENT,
    }
}

/// What stood behind the colon of a header field in SMTP, out of what an MTA sent as its value.
///
/// MTAs send the lines of a folded field with LF between them: those become CRLF; a CRLF stays one. Without
/// `leading_space` they have taken away one space behind the colon, if there was one. A field that had none cannot be told
/// from one that had, so a space is put back unless the value starts with a line end or a tab: there a space would be the
/// rarer thing, and it would break every signature of the `simple` kind over `Message-ID:<CR><LF> <...>`.
#[must_use]
pub fn on_the_wire(value: &[u8], leading_space: bool) -> Cow<'_, [u8]> {
    let space = !leading_space && !matches!(value, [b'\r' | b'\n' | b'\t', ..]);
    if !space && !value.contains(&b'\n') {
        return Cow::Borrowed(value);
    }
    let mut out = Vec::with_capacity(value.len() + 8);
    out.extend(space.then_some(b' '));
    let mut last = 0;
    for &byte in value {
        if byte == b'\n' && last != b'\r' {
            out.push(b'\r');
        }
        out.push(byte);
        last = byte;
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests;
