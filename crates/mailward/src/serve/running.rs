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
use super::reload::{Order, Reload};
use super::shared::Shared;
use super::site::Site;
use super::sockets::Socket;
use super::tls_policy::TlsPolicy;
use super::watch::Signals;
use super::{Part, control, jobs, resolver};
use crate::config::{self, Listener, Source};
use crate::input::{InputError, now};
use crate::postfix::lines::Lines;

/// All that is there before the first thread.
pub(super) struct Start {
    pub(super) parts: Parts,
    pub(super) source: Source,
    pub(super) data: config::Store,
    pub(super) mail: Option<Mail>,
    pub(super) web: Option<Socket>,
    pub(super) log: Arc<Log>,
    /// What came of giving up rights.
    pub(super) sandbox: &'static str,
}

/// What the part that handles mail needs.
pub(super) struct Mail {
    pub(super) site: Site,
    pub(super) reload: Reload,
    /// For Postfix.
    pub(super) lines: Lines,
    /// Those of the listeners, in their order, and that of the table of TLS policies, where there is one.
    pub(super) sockets: Vec<Socket>,
    /// How many connections a listener takes.
    pub(super) connections: usize,
    /// Where reloads are ordered.
    pub(super) control: Option<BoundUnix>,
}

/// Mail that is being handled.
struct Handling {
    shared: Arc<Shared<Resolver>>,
    store: Store,
    /// Where it has a table of TLS policies.
    policies: Option<Arc<TlsPolicy<Resolver>>>,
    orders: mpsc::Sender<Order>,
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
        let Self { parts, source, data, mail, web, log, sandbox } = self;
        let signals = Signals::take()?;
        let mut running = Running::new();
        let line = Line::new("start").text("version", env!("CARGO_PKG_VERSION")).show("parts", parts);
        let line = line.text("configuration", source.name()).show("store", data.place());
        let line = line.text("sandbox", sandbox);
        log.write(&mail.iter().fold(line, |line, mail| line.number("connections", mail.connections as u64)));
        if let (Some(mail), None) = (&mail, &source.path) {
            welcome(mail, web.as_ref());
        }
        let (handling, store) = match mail {
            Some(mail) => {
                let handling = mail.serve(&mut running, &log, &data).await?;
                let store = handling.store.clone();
                (Some(handling), store)
            }
            None => (None, past::known_database(&data).await?),
        };
        if let Some(socket) = web {
            log.write(&Line::new("listening").text("listener", "web").text("at", socket.url()));
            let pages = Arc::new(pages(&mut running, handling.as_ref(), &store, &log));
            let opened = socket.listen().map_err(|error| InputError::new("[web]", error.to_string()))?;
            let stopped = running.stopped();
            running.servers.spawn(web::serve(opened, pages, web::Settings::default(), stopped));
        }
        if parts.has(Part::Jobs) {
            let (store, log) = (store.clone(), Arc::clone(&log));
            running.beside.spawn(async move { jobs::tidy(&store, data.keep, &log).await });
        }
        let reload = || match &handling {
            // Where one waits already, it will find what this one would.
            Some(handling) => drop(handling.orders.try_send(None)),
            None => log.write(&Line::new("reload").text("result", "nothing: these parts need a restart")),
        };
        signals.until_stopped(&log, reload, end(running, handling.as_ref(), &store)).await;
        Ok(())
    }
}

/// Messages in flight are finished, and what waits for the database goes there.
async fn end(running: Running, handling: Option<&Handling>, store: &Store) {
    let Running { stop, mut servers, mut beside } = running;
    handling.iter().for_each(|handling| handling.shared.health.listening(false));
    let _ = stop.send(true);
    while servers.join_next().await.is_some() {}
    beside.shutdown().await;
    if let Some(handling) = handling {
        if let Some(policies) = &handling.policies {
            policies.close().await;
        }
        handling.shared.past.close().await;
    }
    store.close().await;
}

impl Mail {
    /// Opens the listeners.
    async fn serve(
        self,
        running: &mut Running,
        log: &Arc<Log>,
        data: &config::Store,
    ) -> Result<Handling, InputError> {
        let Self { site, reload, mut sockets, connections, control, .. } = self;
        let table = reload.tls.as_ref().and_then(|listener| Some((listener, sockets.pop()?)));
        let dns = resolver(&reload.servers)?;
        let (past, store) = Past::open(data, log).await?;
        let shared = Arc::new(Shared::new(site, dns, Arc::clone(log), past, Box::new(now)));
        let settings = Settings { connections, ..Settings::new(WISH) };
        for (listener, socket) in reload.listeners.iter().zip(sockets) {
            log.write(&about(&shared.site(), listener, &socket.address(listener)));
            let opened = socket.listen();
            let opened =
                opened.map_err(|error| InputError::new(listener.name.as_str(), error.to_string()))?;
            let service = Arc::new(Listening::new(Arc::clone(&shared), &listener.name));
            let stopped = running.stopped();
            running.servers.spawn(milter::serve(opened, service, settings.clone(), stopped));
        }
        let mut policies = None;
        if let Some((listener, socket)) = table {
            let table = Arc::new(TlsPolicy::new(Arc::clone(&shared), store.clone()));
            let line = Line::new("listening").text("listener", &listener.name);
            log.write(&line.text("at", socket.address(listener)).text("for", "TLS policies"));
            let opened = socket.listen();
            let opened =
                opened.map_err(|error| InputError::new(listener.name.as_str(), error.to_string()))?;
            let settings = socketmap::Settings { connections, ..socketmap::Settings::default() };
            let stopped = running.stopped();
            running.servers.spawn(socketmap::serve(opened, Arc::clone(&table), settings, stopped));
            let (tended, database) = (Arc::clone(&table), store.clone());
            running.beside.spawn(async move { tended.tend(&database).await });
            policies = Some(table);
        }
        shared.health.listening(true);
        let (tended, database) = (Arc::clone(&shared), store.clone());
        running.beside.spawn(async move { tended.past.tend(&database, &tended.log, past::LEARN).await });
        let (orders, ordered) = mpsc::channel(1);
        running.beside.spawn(reload.obey(Arc::clone(&shared), ordered));
        if let Some(control) = control {
            let (orders, log, stopped) = (orders.clone(), Arc::clone(log), running.stopped());
            running.servers.spawn(async move { control::serve(control, orders, &log, stopped).await });
        }
        Ok(Handling { shared, store, policies, orders })
    }
}

/// What the pages show of what runs in this process.
fn pages(running: &mut Running, handling: Option<&Handling>, store: &Store, log: &Arc<Log>) -> Pages {
    let log = Arc::clone(log);
    if let Some(handling) = handling {
        let shared = Arc::clone(&handling.shared);
        let milter = Some((Arc::clone(&shared.metrics), Arc::clone(&shared.health)));
        return Pages { milter, store: Box::new(move || shared.past.state()), log };
    }
    let (tell, is_there) = cell::channel(true);
    let (store, told) = (store.clone(), Arc::clone(&log));
    running.beside.spawn(async move { jobs::look(&store, &tell, &told).await });
    let state = move || match *is_there.borrow() {
        true => web::State::Good,
        false => web::State::Bad("the database is away"),
    };
    Pages { milter: None, store: Box::new(state), log }
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
