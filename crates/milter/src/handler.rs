//! What a filter has to bring: a value for the listener, one for each client of the MTA, one for each message. A message
//! begins with MAIL and is a new value each time, so nothing of it can reach the next.

use std::future::{Future, ready};
use std::io;

use crate::command::Connect;
use crate::edits::{Edits, NotAllowed};
use crate::macros::Macros;
use crate::options::Agreed;
use crate::session::{Broken, State};
use crate::smtp_reply::SmtpReply;
use crate::wire::Strings;

/// What every callback may look at.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// With the MTA.
    pub agreed: &'a Agreed,
    /// Those that the MTA has sent so far.
    pub macros: &'a Macros,
}

/// Who talks to us: not the client of the MTA, the MTA.
pub type Mta = accept::Peer;

/// A filter.
pub trait Service: Send + Sync + 'static {
    /// For one client of the MTA.
    type Client: Client;

    /// A new connection, or a new client on one; `None` refuses it, and the connection is closed. Not asked to wait.
    fn accept(&self, mta: Mta) -> Option<Self::Client>;

    /// Something went wrong with a connection. To be said in the log, at a rate that the log can bear.
    fn trouble(&self, trouble: &Trouble);
}

/// One client of the MTA, from its connection to its end; dropped when it is gone.
pub trait Client: Send {
    /// For one message.
    type Message: Message;

    /// The client has connected to the MTA.
    fn connect(
        &mut self,
        connect: Connect<'_>,
        context: Context<'_>,
    ) -> impl Future<Output = Greeting> + Send {
        let _ = (connect, context);
        ready(Greeting::Continue)
    }

    /// The name in HELO or EHLO; may come several times, the last counts.
    fn helo(&mut self, name: &[u8], context: Context<'_>) -> impl Future<Output = Greeting> + Send {
        let _ = (name, context);
        ready(Greeting::Continue)
    }

    /// A message begins. First the sender as it was given in SMTP, in its angle brackets, then the parameters of MAIL.
    fn mail(
        &mut self,
        arguments: Strings<'_>,
        context: Context<'_>,
    ) -> impl Future<Output = Result<Self::Message, Verdict>> + Send;
}

/// One message, from its sender to the last word about it. After a [`Verdict`] nothing more of it is heard; a refusal in
/// [`Message::rcpt`] or [`Message::data`] is of that command only. When there will be no more of it, for whatever reason, it is
/// dropped: taken back, the connection broken, an answer late, a callback that has panicked, the server at its end. What has
/// to be cleaned up then belongs into its `Drop`.
pub trait Message: Send {
    /// A recipient as it was given in SMTP, in its angle brackets, then the parameters of RCPT.
    fn rcpt(&mut self, arguments: Strings<'_>, context: Context<'_>) -> impl Future<Output = Answer> + Send {
        let _ = (arguments, context);
        ready(Answer::Continue)
    }

    /// The content will follow. Not every MTA says so.
    fn data(&mut self, context: Context<'_>) -> impl Future<Output = Answer> + Send {
        let _ = context;
        ready(Answer::Continue)
    }

    /// A header field: its name, and what stands behind the colon with all white space and CRLF in its folds, but without
    /// the last CRLF; see [`crate::session::on_the_wire`].
    fn header(
        &mut self,
        name: &[u8],
        value: &[u8],
        context: Context<'_>,
    ) -> impl Future<Output = Answer> + Send;

    /// The header is complete.
    fn end_of_header(&mut self, context: Context<'_>) -> impl Future<Output = Answer> + Send {
        let _ = context;
        ready(Answer::Continue)
    }

    /// A piece of the body, cut anywhere.
    fn body(&mut self, piece: &[u8], context: Context<'_>) -> impl Future<Output = Piece> + Send;

    /// The message is complete. Takes as long as it takes, up to [`Settings::end`](crate::Settings::end): the MTA is told
    /// that work is going on.
    fn end_of_body(self, context: Context<'_>) -> impl Future<Output = End> + Send;
}

/// The answer to a client's greeting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Greeting {
    /// Go on.
    Continue,
    /// Let everything of this client through, unseen.
    Accept,
    /// Refuse the client, for now or for good.
    Refuse(SmtpReply),
}

/// The last word about a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Let it through.
    Accept,
    /// Accept it and throw it away.
    Discard,
    /// Refuse it, for now or for good.
    Refuse(SmtpReply),
    /// Refuse it for now, in the words of the MTA.
    Tempfail,
}

/// The answer to a part of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Go on.
    Continue,
    /// The last word.
    Verdict(Verdict),
}

/// The answer to a piece of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Go on.
    Continue,
    /// No more of the body is wanted; the end of it is.
    Skip,
    /// The last word.
    Verdict(Verdict),
}

/// The answer to a whole message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// Made to the message if it is accepted.
    pub edits: Edits,
    /// The last word.
    pub verdict: Verdict,
}

impl From<Verdict> for End {
    fn from(verdict: Verdict) -> Self {
        Self { edits: Edits::default(), verdict }
    }
}

/// What can go wrong. But for [`Trouble::NotAllowed`] and a late end of a message the connection is closed then, and the
/// MTA does with the message on it what it was told to do when a filter is away.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// Connections could not be taken, or the filter has panicked on one.
    #[error(transparent)]
    Server(#[from] accept::Trouble),
    /// The MTA is not in step with the protocol.
    #[error("the MTA broke the protocol: {0}")]
    Broken(#[from] Broken),
    /// The connection was lost, in this state.
    #[error("the connection was lost {}: {error}", place(*state))]
    Lost {
        /// `None` before the negotiation.
        state: Option<State>,
        /// What the system said.
        #[source]
        error: io::Error,
    },
    /// Nothing came for too long, in this state.
    #[error("nothing came for too long {}", place(*state))]
    Idle {
        /// `None` before the negotiation.
        state: Option<State>,
    },
    /// The filter took too long; the MTA was told to try again later.
    #[error("no answer in time in state {state:?}")]
    Late {
        /// Behind the command.
        state: State,
    },
    /// The filter refused where it has agreed not to answer ([`Wish::unanswered`](crate::Wish::unanswered)).
    #[error("an answer in state {state:?}, where none was agreed on")]
    Unasked {
        /// Behind the command.
        state: State,
    },
    /// A change to a message that this MTA does not do; it was told to try again later.
    #[error(transparent)]
    NotAllowed(#[from] NotAllowed),
}

fn place(state: Option<State>) -> String {
    state.map_or_else(|| String::from("before the negotiation"), |state| format!("in state {state:?}"))
}
