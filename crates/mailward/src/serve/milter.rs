//! The milter service: one client of the MTA, and where its messages go.

mod answer;
mod inbound;
mod message;
mod outbound;
mod said;
mod sealing;

use std::net::IpAddr;
use std::sync::Arc;

use dns::Dns;
use mail::UnixTime;
use milter::command::{Client as Peer, Connect, Stage};
use milter::wire::Strings;
use milter::{Actions, Client, Context, Greeting, MacroStage, Mta, Service, Trouble, Verdict, Wish};
use verdict::direction::{Direction, Origin, Purpose, Row};

use self::message::Incoming;
use super::log::Line;
use super::metrics;
use super::shared::Shared;

/// What is asked of an MTA.
pub const WISH: Wish = Wish {
    needed: Actions(Actions::ADD_HEADERS.0 | Actions::CHANGE_HEADERS.0),
    wanted: Actions::QUARANTINE,
    refused_recipients: false,
    // With MAIL the MTA has to tell us that there is a message, so that it is finished before we end.
    unanswered: &[Stage::Connect, Stage::Helo, Stage::Rcpt, Stage::Data, Stage::Header, Stage::EndOfHeader],
    macros: &[
        // Nothing reads these; an MTA that is not asked sends more.
        (MacroStage::Connect, "j {daemon_name}"),
        (MacroStage::Mail, "{auth_authen} i"),
        (MacroStage::EndOfHeader, "i"),
        (MacroStage::EndOfBody, "i"),
    ],
};

/// One listener.
pub struct Listening<D> {
    shared: Arc<Shared<D>>,
    name: Arc<str>,
}

impl<D: Dns + Clone + Send + Sync + 'static> Listening<D> {
    /// The listener of this name.
    pub fn new(shared: Arc<Shared<D>>, name: &str) -> Self {
        Self { shared, name: name.into() }
    }

    /// NET-18: whether this MTA may connect.
    fn admits(&self, mta: Mta) -> Result<(), IpAddr> {
        match mta {
            Mta::Unix => Ok(()),
            Mta::Tcp(ip) => match self.shared.site().listener(&self.name) {
                Some(listener) if listener.peers.iter().any(|peers| peers.contains(ip)) => Ok(()),
                _ => Err(ip),
            },
        }
    }
}

impl<D: Dns + Clone + Send + Sync + 'static> Service for Listening<D> {
    type Client = Session<D>;

    fn accept(&self, mta: Mta) -> Option<Self::Client> {
        if let Err(ip) = self.admits(mta) {
            let line = Line::new("refused").text("listener", &*self.name).show("peer", ip);
            self.shared.ground.log.trouble("peer", line.text("why", "not among the peers of the listener"));
            return None;
        }
        self.shared.ground.metrics.connected();
        Some(Session {
            shared: Arc::clone(&self.shared),
            listener: Arc::clone(&self.name),
            ip: None,
            local: false,
            helo: None,
        })
    }

    fn trouble(&self, trouble: &Trouble) {
        let (cause, kind) = match trouble {
            Trouble::Server(accept::Trouble::TooMany(_)) => {
                self.shared.ground.metrics.refused_connection();
                ("too-many", None)
            }
            Trouble::Server(accept::Trouble::Accept(_)) => ("accept", None),
            Trouble::Server(accept::Trouble::Panicked) => ("panicked", Some(metrics::Trouble::Panic)),
            Trouble::Broken(_) => ("broken", Some(metrics::Trouble::Protocol)),
            Trouble::Lost { .. } => ("lost", Some(metrics::Trouble::Protocol)),
            Trouble::Idle { .. } => ("idle", None),
            Trouble::Late { .. } => ("late", Some(metrics::Trouble::Deadline)),
            Trouble::NotAllowed(_) => ("not-allowed", Some(metrics::Trouble::Edit)),
            Trouble::Unasked { .. } => ("unasked", Some(metrics::Trouble::Protocol)),
        };
        kind.into_iter().for_each(|kind| self.shared.ground.metrics.trouble(kind));
        let line = Line::new("trouble").text("listener", &*self.name).text("kind", cause);
        self.shared.ground.log.trouble(cause, line.show("why", trouble));
    }
}

/// One client of the MTA.
pub struct Session<D> {
    shared: Arc<Shared<D>>,
    listener: Arc<str>,
    ip: Option<IpAddr>,
    local: bool,
    helo: Option<Vec<u8>>,
}

impl<D> Drop for Session<D> {
    fn drop(&mut self) {
        self.shared.ground.metrics.disconnected();
    }
}

impl<D: Dns + Clone + Send + Sync + 'static> Client for Session<D> {
    type Message = Incoming<D>;

    async fn connect(&mut self, connect: Connect<'_>, _: Context<'_>) -> Greeting {
        (self.ip, self.local) = match connect.client() {
            // Postfix fills this in for mail that came by no SMTP (`non_smtpd_milters`): there is no client.
            Peer::Ip(ip, 0) if ip.is_loopback() => (None, true),
            Peer::Ip(ip, _) => (Some(ip), false),
            Peer::Local => (None, true),
            Peer::Unknown => (None, false),
        };
        Greeting::Continue
    }

    async fn helo(&mut self, name: &[u8], _: Context<'_>) -> Greeting {
        self.helo = Some(name.to_vec());
        Greeting::Continue
    }

    async fn mail(&mut self, arguments: Strings<'_>, context: Context<'_>) -> Result<Incoming<D>, Verdict> {
        let site = self.shared.site();
        let mut arguments = arguments.iter();
        let sender = arguments.next().unwrap_or_default().to_vec();
        let smtputf8 = arguments.any(|argument| argument.eq_ignore_ascii_case(b"SMTPUTF8"));
        let user = context.macros.get("{auth_authen}").filter(|user| !user.is_empty());
        let listener = site.listener(&self.listener);
        let origin = Origin {
            purpose: listener.map_or(Purpose::Both, |listener| listener.purpose),
            client: self.ip,
            authenticated: user.is_some(),
            local: self.local,
            null_sender: matches!(&*sender, b"<>" | b""),
        };
        let (direction, row) = site.directions.decide(&origin);
        let about = About {
            listener: Arc::clone(&self.listener),
            mode: listener.and_then(|listener| listener.mode),
            direction,
            row,
            client: self.ip,
            helo: self.helo.clone(),
            sender,
            smtputf8,
            user: user.map(<[u8]>::to_vec),
            now: self.shared.ground.now(),
        };
        Ok(Incoming::new(Arc::clone(&self.shared), site, about))
    }
}

/// What is known of a message when its sender was named.
#[derive(Clone, Debug)]
pub(super) struct About {
    pub(super) listener: Arc<str>,
    /// The mode of the listener.
    pub(super) mode: Option<verdict::local::Mode>,
    pub(super) direction: Direction,
    /// Why it goes that way.
    pub(super) row: Option<Row>,
    pub(super) client: Option<IpAddr>,
    pub(super) helo: Option<Vec<u8>>,
    pub(super) sender: Vec<u8>,
    pub(super) smtputf8: bool,
    pub(super) user: Option<Vec<u8>>,
    pub(super) now: UnixTime,
}

impl About {
    /// The line of the log about this message, as far as it is known.
    fn line(&self, queue: Option<&[u8]>) -> Line {
        let line = Line::new("message");
        let line = queue.into_iter().fold(line, |line, queue| line.text("queue", queue));
        let line = line.text("listener", &*self.listener).text("direction", self.direction.as_str());
        let line = line.maybe("because", self.row.map(|row| row.when));
        line.maybe("client", self.client.map(|ip| ip.to_canonical()))
    }
}
