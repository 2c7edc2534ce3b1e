//! A filter that writes down what it is shown and answers what it was told to.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use milter::command::{Connect, Stage};
use milter::{
    Actions, Answer, Client, Context, Edits, End, Greeting, Listener, MacroStage, Message, Mta, Piece,
    Service, Settings, Strings, Trouble, Verdict, Wish, serve,
};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// A message as it was shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    pub client: String,
    pub helo: String,
    pub mail: Vec<String>,
    pub rcpt: Vec<String>,
    pub data: bool,
    /// Each as it is on the wire, with the CRLF at its end.
    pub header: Vec<u8>,
    /// The fields alone.
    pub fields: Vec<(Vec<u8>, Vec<u8>)>,
    pub body: Vec<u8>,
    pub pieces: usize,
    /// Macros at the end of the header and at the end.
    pub queue_id: Option<String>,
    pub auth: Option<String>,
    pub daemon: Option<String>,
    /// `whole` or `aborted`; empty while it goes on.
    pub ended: &'static str,
}

/// The last word, out of what was seen.
pub type Ending = Arc<dyn Fn(&Seen) -> End + Send + Sync>;

/// What is answered.
#[derive(Clone, Default)]
pub struct Plan {
    pub greeting: Option<Greeting>,
    pub mail: Option<Verdict>,
    pub rcpt: Option<Verdict>,
    pub data: Option<Verdict>,
    pub header: Option<Verdict>,
    pub end_of_header: Option<Verdict>,
    pub piece: Option<Piece>,
    pub end: Option<Ending>,
    /// How long the callback of this stage takes.
    pub slow: Option<(Stage, Duration)>,
    /// Takes no connections.
    pub refuses: bool,
    /// Panics at the end of the header.
    pub panics: bool,
}

/// The filter.
#[derive(Default)]
pub struct Filter {
    pub plan: Mutex<Plan>,
    seen: Mutex<Vec<Seen>>,
    troubles: Mutex<Vec<String>>,
    /// Values for clients and messages that live.
    pub alive: Arc<AtomicUsize>,
    /// Clients that are gone.
    pub closed: AtomicUsize,
}

/// Counts what lives.
struct Life(Arc<AtomicUsize>);

impl Life {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(count))
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

pub struct OneClient {
    filter: Arc<Filter>,
    client: String,
    helo: String,
    _life: Life,
}

pub struct OneMessage {
    filter: Arc<Filter>,
    plan: Plan,
    seen: Seen,
    /// The last word about it was said before its end.
    over: bool,
    _life: Life,
}

/// What a filter of these tests wants.
pub const WISH: Wish = Wish {
    needed: Actions(Actions::ADD_HEADERS.0 | Actions::CHANGE_HEADERS.0),
    wanted: Actions::QUARANTINE,
    refused_recipients: false,
    unanswered: &[],
    macros: &[
        (MacroStage::Connect, "{daemon_name} {client_port}"),
        (MacroStage::Mail, "{auth_authen} i"),
        (MacroStage::EndOfHeader, "i"),
        (MacroStage::EndOfBody, "i"),
    ],
};

/// The same of a filter that answers nothing before the body but MAIL, by which it knows that there is a message.
pub const SILENT: Wish = Wish {
    unanswered: &[Stage::Connect, Stage::Helo, Stage::Rcpt, Stage::Data, Stage::Header, Stage::EndOfHeader],
    ..WISH
};

impl Filter {
    pub fn with(plan: Plan) -> Arc<Self> {
        Arc::new(Self { plan: Mutex::new(plan), ..Self::default() })
    }

    /// Changes messages at their end.
    pub fn ending(end: impl Fn(&Seen) -> End + Send + Sync + 'static) -> Arc<Self> {
        Self::with(Plan { end: Some(Arc::new(end)), ..Plan::default() })
    }

    /// Accepts with these changes.
    pub fn editing(edit: impl Fn(&Seen, &mut Edits) + Send + Sync + 'static) -> Arc<Self> {
        Self::ending(move |seen| {
            let mut edits = Edits::default();
            edit(seen, &mut edits);
            End { edits, verdict: Verdict::Accept }
        })
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub fn troubles(&self) -> Vec<String> {
        self.troubles.lock().unwrap().clone()
    }

    fn plan(&self) -> Plan {
        self.plan.lock().unwrap().clone()
    }
}

/// The service: the filter behind an `Arc`, so that tests can look at it.
pub struct Shared(pub Arc<Filter>);

impl Service for Shared {
    type Client = OneClient;

    fn accept(&self, mta: Mta) -> Option<OneClient> {
        assert!(matches!(mta, Mta::Unix | Mta::Tcp(IpAddr::V4(Ipv4Addr::LOCALHOST))), "{mta:?}");
        if self.0.plan().refuses {
            return None;
        }
        let life = Life::new(&self.0.alive);
        Some(OneClient {
            filter: Arc::clone(&self.0),
            client: String::new(),
            helo: String::new(),
            _life: life,
        })
    }

    fn trouble(&self, trouble: &Trouble) {
        self.0.troubles.lock().unwrap().push(trouble.to_string());
    }
}

fn text(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

impl OneClient {
    fn greeting(&self) -> Greeting {
        self.filter.plan().greeting.unwrap_or(Greeting::Continue)
    }
}

impl Client for OneClient {
    type Message = OneMessage;

    async fn connect(&mut self, connect: Connect<'_>, _: Context<'_>) -> Greeting {
        self.client = format!("{:?}", connect.client());
        self.greeting()
    }

    async fn helo(&mut self, name: &[u8], _: Context<'_>) -> Greeting {
        self.helo = text(name);
        self.greeting()
    }

    async fn mail(&mut self, arguments: Strings<'_>, context: Context<'_>) -> Result<OneMessage, Verdict> {
        let plan = self.filter.plan();
        pause(&plan, Stage::Mail).await;
        if let Some(verdict) = plan.mail {
            return Err(verdict);
        }
        let macros = context.macros;
        let seen = Seen {
            client: self.client.clone(),
            helo: self.helo.clone(),
            mail: arguments.iter().map(text).collect(),
            auth: macros.get("auth_authen").map(text),
            daemon: macros.get("daemon_name").map(text),
            queue_id: macros.get("i").map(text),
            ..Seen::default()
        };
        let life = Life::new(&self.filter.alive);
        Ok(OneMessage { filter: Arc::clone(&self.filter), plan, seen, over: false, _life: life })
    }
}

impl Drop for OneClient {
    fn drop(&mut self) {
        self.filter.closed.fetch_add(1, Ordering::SeqCst);
    }
}

async fn pause(plan: &Plan, at: Stage) {
    if let Some((stage, time)) = plan.slow
        && stage == at
    {
        sleep(time).await;
    }
}

impl OneMessage {
    /// The answer, which may be the last word.
    fn answer(&mut self, verdict: Option<Verdict>) -> Answer {
        self.over |= verdict.is_some();
        verdict.map_or(Answer::Continue, Answer::Verdict)
    }
}

impl Drop for OneMessage {
    fn drop(&mut self) {
        if !self.over {
            let seen = std::mem::take(&mut self.seen);
            self.filter.seen.lock().unwrap().push(Seen { ended: "aborted", ..seen });
        }
    }
}

impl Message for OneMessage {
    async fn rcpt(&mut self, arguments: Strings<'_>, _: Context<'_>) -> Answer {
        match self.filter.plan().rcpt {
            Some(verdict @ (Verdict::Refuse(_) | Verdict::Tempfail)) => return Answer::Verdict(verdict),
            None => self.seen.rcpt.push(text(arguments.first())),
            Some(_) => {}
        }
        self.answer(self.filter.plan().rcpt)
    }

    async fn data(&mut self, _: Context<'_>) -> Answer {
        self.seen.data = true;
        match self.plan.data.clone() {
            Some(verdict @ (Verdict::Refuse(_) | Verdict::Tempfail)) => Answer::Verdict(verdict),
            verdict => self.answer(verdict),
        }
    }

    async fn header(&mut self, name: &[u8], value: &[u8], _: Context<'_>) -> Answer {
        self.seen.header.extend_from_slice(&[name, b":", value, b"\r\n"].concat());
        self.seen.fields.push((name.to_vec(), value.to_vec()));
        self.answer(self.plan.header.clone())
    }

    async fn end_of_header(&mut self, context: Context<'_>) -> Answer {
        assert!(!self.plan.panics, "told to");
        pause(&self.plan, Stage::EndOfHeader).await;
        self.seen.queue_id = context.macros.get("i").map(text);
        self.answer(self.plan.end_of_header.clone())
    }

    async fn body(&mut self, piece: &[u8], _: Context<'_>) -> Piece {
        self.seen.body.extend_from_slice(piece);
        self.seen.pieces += 1;
        let piece = self.plan.piece.clone().unwrap_or(Piece::Continue);
        self.over |= matches!(piece, Piece::Verdict(_));
        piece
    }

    async fn end_of_body(mut self, _: Context<'_>) -> End {
        pause(&self.plan, Stage::EndOfBody).await;
        let end = self.plan.end.as_ref().map_or(Verdict::Accept.into(), |end| end(&self.seen));
        let seen = std::mem::take(&mut self.seen);
        self.filter.seen.lock().unwrap().push(Seen { ended: "whole", ..seen });
        self.over = true;
        end
    }
}

/// A server that runs.
pub struct Running {
    pub addr: SocketAddr,
    pub stop: Option<oneshot::Sender<()>>,
    pub task: JoinHandle<()>,
}

impl Running {
    /// Asks it to stop and waits until it has.
    pub async fn end(mut self) {
        drop(self.stop.take());
        self.task.await.unwrap();
    }
}

/// Serves a filter on a port of loopback.
pub fn start(filter: &Arc<Filter>, settings: Settings) -> Running {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = socket.local_addr().unwrap();
    let (stop, task) = start_on(filter, settings, Listener::tcp(socket).unwrap());
    Running { addr, stop: Some(stop), task }
}

/// Serves a filter on a listener.
pub fn start_on(
    filter: &Arc<Filter>,
    settings: Settings,
    listener: Listener,
) -> (oneshot::Sender<()>, JoinHandle<()>) {
    let (stop, stopped) = oneshot::channel::<()>();
    let service = Arc::new(Shared(Arc::clone(filter)));
    let task = tokio::spawn(serve(listener, service, settings, async {
        let _ = stopped.await;
    }));
    (stop, task)
}
