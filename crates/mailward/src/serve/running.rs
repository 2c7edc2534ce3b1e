//! The daemon as it runs: the servers, and the work beside them.

use std::io::Write;
use std::sync::Arc;

use accept::BoundUnix;
use milter::Settings;
use resolver::Resolver;
use store::Store;
use tokio::sync::{mpsc, watch as cell};
use tokio::task::JoinSet;

use super::http::Pages;
use super::log::{Line, Log};
use super::milter::{Listening, WISH};
use super::parts::Parts;
use super::past::{self, Past};
use super::reload::{Order, Reload, Served};
use super::shared::{Ground, Shared};
use super::site::Site;
use super::sockets::Socket;
use super::tls_policy::TlsPolicy;
use super::watch::Signals;
use super::{Part, control, jobs, resolver};
use crate::config::{self, Listener, Source};
use crate::input::{InputError, now};
use crate::postfix::lines::Lines;
use crate::tls::site::TlsSite;

/// All that is there before the first thread.
pub(super) struct Start {
    pub(super) parts: Parts,
    pub(super) source: Source,
    pub(super) data: config::Store,
    pub(super) asking: Option<Asking>,
    pub(super) web: Option<Socket>,
    pub(super) log: Arc<Log>,
    /// What came of giving up rights.
    pub(super) sandbox: &'static str,
}

/// What the parts need that ask the DNS.
pub(super) struct Asking {
    /// Whom they ask.
    pub(super) servers: config::Dns,
    /// How many connections a listener takes.
    pub(super) connections: usize,
    pub(super) mail: Option<Mail>,
    pub(super) table: Option<Table>,
}

/// What the part that handles mail needs.
pub(super) struct Mail {
    pub(super) site: Site,
    pub(super) reload: Reload,
    /// For Postfix.
    pub(super) lines: Lines,
    /// Those of the listeners, in their order.
    pub(super) sockets: Vec<Socket>,
    /// Where reloads are ordered.
    pub(super) control: Option<BoundUnix>,
}

/// What the table of TLS policies needs.
pub(super) struct Table {
    pub(super) site: TlsSite,
    pub(super) listener: Listener,
    pub(super) socket: Socket,
}

/// Parts that ask the DNS, at work.
struct Handling {
    ground: Ground<Resolver>,
    store: Store,
    mail: Option<Arc<Shared<Resolver>>>,
    table: Option<Arc<TlsPolicy<Resolver>>>,
    /// Where reloads are ordered; the part that handles mail alone can read all of a configuration.
    orders: Option<mpsc::Sender<Order>>,
}

/// Servers that run until they are told to stop, and work beside them that is cut off then.
struct Running {
    stop: cell::Sender<bool>,
    servers: JoinSet<()>,
    beside: JoinSet<()>,
}

impl Running {
    fn new() -> Self {
        Self { stop: cell::Sender::new(false), servers: JoinSet::new(), beside: JoinSet::new() }
    }

    /// Ready when the servers are to stop.
    fn stopped(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut stop = self.stop.subscribe();
        async move {
            // An error: nobody is left who could say so.
            let _ = stop.wait_for(|stop| *stop).await;
        }
    }
}

impl Start {
    /// Serves until a signal ends it.
    pub(super) async fn serve(self) -> Result<(), InputError> {
        let Self { parts, source, data, asking, web, log, sandbox } = self;
        let signals = Signals::take()?;
        let mut running = Running::new();
        let line = Line::new("start").text("version", env!("CARGO_PKG_VERSION")).show("parts", parts);
        let line = line.text("configuration", source.name()).show("store", data.place());
        let line = line.text("sandbox", sandbox);
        let connections = asking.iter().map(|asking| asking.connections as u64);
        log.write(&connections.fold(line, |line, most| line.number("connections", most)));
        if let (Some(Asking { mail: Some(mail), .. }), None) = (&asking, &source.path) {
            welcome(mail, web.as_ref());
        }
        let (handling, store) = match asking {
            Some(asking) => {
                let handling = asking.serve(&mut running, &log, &data).await?;
                let store = handling.store.clone();
                (Some(handling), store)
            }
            None => (None, past::known_database(&data).await?),
        };
        if let Some(socket) = web {
            log.write(&Line::new("listening").text("listener", "web").text("at", socket.url()));
            let pages = Arc::new(pages(&mut running, parts, handling.as_ref(), &store, &log));
            let opened = socket.listen().map_err(|error| InputError::new("[web]", error.to_string()))?;
            let stopped = running.stopped();
            running.servers.spawn(web::serve(opened, pages, web::Settings::default(), stopped));
        }
        if parts.has(Part::Jobs) {
            let (store, log) = (store.clone(), Arc::clone(&log));
            running.beside.spawn(async move { jobs::tidy(&store, data.keep, &log).await });
        }
        let orders = handling.as_ref().and_then(|handling| handling.orders.as_ref());
        let reload = || match orders {
            // Where one waits already, it will find what this one would.
            Some(orders) => drop(orders.try_send(None)),
            None => log.write(&Line::new("reload").text("result", "nothing: these parts need a restart")),
        };
        signals.until_stopped(&log, reload, end(running, handling.as_ref(), &store)).await;
        Ok(())
    }
}

/// Messages in flight are finished, and what waits for the database goes there.
async fn end(running: Running, handling: Option<&Handling>, store: &Store) {
    let Running { stop, mut servers, mut beside } = running;
    handling.iter().for_each(|handling| handling.ground.health.listening(false));
    let _ = stop.send(true);
    while servers.join_next().await.is_some() {}
    beside.shutdown().await;
    if let Some(table) = handling.and_then(|handling| handling.table.as_ref()) {
        table.close().await;
    }
    if let Some(mail) = handling.and_then(|handling| handling.mail.as_ref()) {
        mail.past.close().await;
    }
    store.close().await;
}

impl Asking {
    /// Opens what somebody connects to.
    async fn serve(
        self,
        running: &mut Running,
        log: &Arc<Log>,
        data: &config::Store,
    ) -> Result<Handling, InputError> {
        let Self { servers, connections, mail, table } = self;
        let ground = Ground::new(resolver(&servers)?, Arc::clone(log), Arc::new(now));
        let Some(Mail { site, reload, sockets, control, .. }) = mail else {
            let store = known_database(running, log, data).await?;
            let table = table.map(|table| table.serve(running, &ground, &store, connections)).transpose()?;
            ground.health.listening(true);
            return Ok(Handling { ground, store, mail: None, table, orders: None });
        };
        let (past, store) = Past::open(data, log).await?;
        let shared = Arc::new(Shared::new(ground.clone(), site, past));
        let settings = Settings { connections, ..Settings::new(WISH) };
        for (listener, socket) in reload.listeners.iter().zip(sockets) {
            log.write(&about(&shared.site(), listener, &socket.address(listener)));
            let opened = opened(listener, socket)?;
            let service = Arc::new(Listening::new(Arc::clone(&shared), &listener.name));
            let stopped = running.stopped();
            running.servers.spawn(milter::serve(opened, service, settings.clone(), stopped));
        }
        let table = table.map(|table| table.serve(running, &ground, &store, connections)).transpose()?;
        ground.health.listening(true);
        let (tended, database) = (Arc::clone(&shared), store.clone());
        running
            .beside
            .spawn(async move { tended.past.tend(&database, &tended.ground.log, past::LEARN).await });
        let (orders, ordered) = mpsc::channel(1);
        let served = Served { shared: Arc::clone(&shared), table: table.clone() };
        running.beside.spawn(reload.obey(served, ordered));
        if let Some(control) = control {
            let (orders, log, stopped) = (orders.clone(), Arc::clone(log), running.stopped());
            running.servers.spawn(async move { control::serve(control, orders, &log, stopped).await });
        }
        Ok(Handling { ground, store, mail: Some(shared), table, orders: Some(orders) })
    }
}

impl Table {
    /// Opens it.
    fn serve(
        self,
        running: &mut Running,
        ground: &Ground<Resolver>,
        store: &Store,
        connections: usize,
    ) -> Result<Arc<TlsPolicy<Resolver>>, InputError> {
        let Self { site, listener, socket } = self;
        let table = Arc::new(TlsPolicy::new(ground.clone(), site, store.clone()));
        let line = Line::new("listening").text("listener", &listener.name);
        ground.log.write(&line.text("at", socket.address(&listener)).text("for", "TLS policies"));
        let opened = opened(&listener, socket)?;
        let settings = socketmap::Settings { connections, ..socketmap::Settings::default() };
        let stopped = running.stopped();
        running.servers.spawn(socketmap::serve(opened, Arc::clone(&table), settings, stopped));
        let (tended, database) = (Arc::clone(&table), store.clone());
        running.beside.spawn(async move { tended.tend(&database).await });
        Ok(table)
    }
}

fn opened(listener: &Listener, socket: Socket) -> Result<accept::Listener, InputError> {
    socket.listen().map_err(|error| InputError::new(listener.name.as_str(), error.to_string()))
}

/// The database of parts that keep no rows of messages, at its version; one that is away is brought there later.
async fn known_database(
    running: &mut Running,
    log: &Arc<Log>,
    data: &config::Store,
) -> Result<Store, InputError> {
    let store = past::known_database(data).await?;
    if let Err(error) = store.migrate(now()).await {
        let until = "policies are fetched afresh";
        log.write(&Line::new("warning").show("why", error).text("until", until));
        let (store, log) = (store.clone(), Arc::clone(log));
        running.beside.spawn(async move { past::migrate(&store, &log).await });
    }
    Ok(store)
}

/// What the pages show of what runs in this process.
fn pages(
    running: &mut Running,
    parts: Parts,
    handling: Option<&Handling>,
    store: &Store,
    log: &Arc<Log>,
) -> Pages {
    let log = Arc::clone(log);
    // Where nobody asks for TLS policies there is nothing to be said of them.
    let has_table = handling.is_some_and(|handling| handling.table.is_some());
    let parts = if has_table { parts } else { parts.without(Part::TlsPolicy) };
    let asking = handling.map(|handling| &handling.ground);
    let asking = asking.map(|ground| (Arc::clone(&ground.metrics), Arc::clone(&ground.health)));
    if let Some(mail) = handling.and_then(|handling| handling.mail.clone()) {
        return Pages { parts, asking, store: Box::new(move || mail.past.state()), log };
    }
    let (tell, is_there) = cell::channel(true);
    let (store, told) = (store.clone(), Arc::clone(&log));
    running.beside.spawn(async move { jobs::look(&store, &tell, &told).await });
    let state = move || match *is_there.borrow() {
        true => web::State::Good,
        false => web::State::Bad("the database is away"),
    };
    Pages { parts, asking, store: Box::new(state), log }
}

/// The line of the log about a listener.
fn about(site: &Site, listener: &Listener, place: &str) -> Line {
    let mode = listener.mode.unwrap_or(site.policy.modes.global);
    Line::new("listening")
        .text("listener", &listener.name)
        .text("at", place)
        .text("for", config::receiving::purpose_word(listener.purpose))
        .show("mode", mode)
}

/// What somebody reads who has started the program to see what it does.
fn welcome(mail: &Mail, web: Option<&Socket>) {
    let path = config::DEFAULT_PATH;
    let mut lines =
        vec![format!("mailward serves. There is no {path}, so everything is as it is by default:")];
    for (listener, socket) in mail.reload.listeners.iter().zip(&mail.sockets) {
        let mode = listener.mode.unwrap_or(mail.site.policy.modes.global);
        lines.push(format!(
            "  listener {} at {}, for mail that comes in and goes out, mode {mode}",
            listener.name,
            socket.address(listener),
        ));
    }
    if let Some(url) = web.map(Socket::url) {
        lines.push(format!("  pages {url}metrics and {url}healthz"));
    }
    let indented = |line: &String| format!("  {line}");
    lines.push("\nLines for Postfix (main.cf):".to_owned());
    lines.extend(mail.lines.main.iter().map(indented));
    if !mail.lines.submission.is_empty() {
        lines.push("\nLines below each service that users hand in mail by (master.cf):".to_owned());
        lines.extend(mail.lines.submission.iter().map(indented));
    }
    lines.push(
        "\nOne line a message follows. `mailward config sample` shows what can be configured.".to_owned(),
    );
    // Nobody has to read it.
    let _ = writeln!(anstream::stdout(), "{}", lines.join("\n"));
}
