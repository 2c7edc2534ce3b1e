//! `mailward serve`: the daemon beside an MTA. First everything that needs rights, then the threads.

pub mod http;
pub mod log;
pub mod metrics;
pub mod milter;
pub mod past;
mod reload;
mod rights;
pub mod row;
pub mod shared;
pub mod site;
mod sockets;
pub mod tls_policy;
mod watch;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ::milter::Settings;
use resolver::Resolver;
use tokio::runtime::Builder;
use tokio::sync::watch::{Receiver, channel};
use tokio::task::JoinSet;

use self::log::{Line, Log};
use self::milter::{Listening, WISH};
use self::past::Past;
use self::reload::Reload;
use self::shared::Shared;
use self::site::{Faults, Site};
use self::sockets::Socket;
use self::tls_policy::TlsPolicy;
use crate::config::listener::Address;
use crate::config::{self, Config, Listener, Source};
use crate::input::{InputError, now};
use crate::postfix::lines::{self, Lines};

/// Serves by the configuration file that is named, or the default one, until it is told to stop.
pub fn run(path: Option<&Path>) -> Result<(), InputError> {
    let (mut config, source) = Config::load(path)?;
    config.listeners = lines::listeners(&config);
    let (listeners, lines) = (config.listeners.clone(), lines::lines(&config));
    let tls = config.tls_policy.listener();
    // The sockets of milters first, then that of the table, also where systemd gives them.
    let all: Vec<Listener> = listeners.iter().cloned().chain(tls.clone()).collect();
    let connections = rights::connections(config.daemon.connections, all.len());
    let sockets = sockets::open(&all)?;
    let log = Log::to_stderr(config.log);
    if let Some(user) = &config.daemon.user {
        rights::become_user(user)?;
    }
    if rights::is_root() {
        let why = "it has the rights of root; [daemon] user names somebody with fewer";
        log.write(&Line::new("warning").text("why", why));
    }
    let (servers, data) = (config.dns.clone(), config.store.clone());
    past::make_folder(&data.path)?;
    let sandbox =
        if config.daemon.sandbox { rights::sandbox(&writable(&all, &data.path)) } else { "none: not wanted" };
    let (site, Faults(faults)) = Site::new(config)?;
    for fault in faults {
        log.write(&Line::new("warning").show("why", fault));
    }
    let runtime = Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| InputError::new("serve", format!("no threads: {error}")))?;
    let whole =
        Start { site, source, servers, data, listeners, tls, lines, sockets, connections, log, sandbox };
    runtime.block_on(whole.serve())
}

/// Where files are written: the data, and where unix sockets are, which are removed at the end.
fn writable(listeners: &[Listener], data: &Path) -> Vec<PathBuf> {
    let path = |listener: &Listener| match &listener.address {
        Address::Unix(socket) => socket.path.parent().map(Path::to_owned),
        Address::Tcp(_) => None,
    };
    listeners.iter().filter_map(path).chain([data.to_owned()]).collect()
}

/// All that is there before the first thread.
struct Start {
    site: Site,
    source: Source,
    servers: config::Dns,
    data: config::Store,
    listeners: Vec<Listener>,
    /// The listener of the table of TLS policies; its socket is the last.
    tls: Option<Listener>,
    lines: Lines,
    sockets: Vec<Socket>,
    connections: usize,
    log: Log,
    sandbox: &'static str,
}

impl Start {
    async fn serve(self) -> Result<(), InputError> {
        let Self {
            site,
            source,
            servers,
            data,
            listeners,
            tls,
            lines,
            mut sockets,
            connections,
            log,
            sandbox,
        } = self;
        let dns = resolver(&servers)?;
        let (past, store) = Past::open(&data, &log).await?;
        let shared = Arc::new(Shared::new(site, dns, log, past, Box::new(now)));
        let table = tls.as_ref().and_then(|listener| Some((listener, sockets.pop()?)));
        let places: Vec<(&Listener, String)> = listeners
            .iter()
            .zip(&sockets)
            .map(|(listener, socket)| (listener, socket.address(listener)))
            .collect();
        let started = Line::new("start").text("version", env!("CARGO_PKG_VERSION"));
        let started = started.text("configuration", source.name()).show("store", data.place());
        let started = started.text("sandbox", sandbox);
        shared.log.write(&started.number("connections", connections as u64));
        for (listener, place) in &places {
            shared.log.write(&about(&shared.site(), listener, place));
        }
        if let Some((listener, socket)) = &table {
            let line =
                Line::new("listening").text("listener", &listener.name).text("at", socket.address(listener));
            shared.log.write(&line.text("for", "TLS policies"));
        }
        if source.path.is_none() {
            welcome(&shared.site(), &places, &lines);
        }
        let settings = Settings { connections, ..Settings::new(WISH) };
        let (stop, stopped) = channel(false);
        let mut servers_of = JoinSet::new();
        for (listener, socket) in listeners.iter().zip(sockets) {
            let opened = socket.listen();
            let opened =
                opened.map_err(|error| InputError::new(listener.name.as_str(), error.to_string()))?;
            let service = Arc::new(Listening::new(Arc::clone(&shared), &listener.name));
            servers_of.spawn(::milter::serve(opened, service, settings.clone(), until(stopped.clone())));
        }
        let policies = Arc::new(TlsPolicy::new(Arc::clone(&shared), store.clone()));
        let mut jobs = JoinSet::new();
        if let Some((listener, socket)) = table {
            let opened = socket.listen();
            let opened =
                opened.map_err(|error| InputError::new(listener.name.as_str(), error.to_string()))?;
            let settings = socketmap::Settings { connections, ..socketmap::Settings::default() };
            servers_of.spawn(socketmap::serve(
                opened,
                Arc::clone(&policies),
                settings,
                until(stopped.clone()),
            ));
            let (policies, database) = (Arc::clone(&policies), store.clone());
            jobs.spawn(async move { policies.tend(&database).await });
        }
        let (tended, keep) = (Arc::clone(&shared), data.keep);
        let database = store.clone();
        jobs.spawn(async move { tended.past.tend(&database, keep, &tended.log).await });
        let reload = Reload { path: source.path, servers, listeners, tls };
        watch::until_stopped(&shared, reload, async {
            let _ = stop.send(true);
            while servers_of.join_next().await.is_some() {}
            jobs.shutdown().await;
            policies.close().await;
            shared.past.close().await;
            store.close().await;
        })
        .await
    }
}

/// Ready when it is time to stop.
async fn until(mut stopped: Receiver<bool>) {
    // An error: nobody is left who could say so.
    let _ = stopped.wait_for(|stop| *stop).await;
}

/// Who answers questions.
pub(crate) fn resolver(servers: &config::Dns) -> Result<Resolver, InputError> {
    let failed = |error: resolver::ResolverError| {
        InputError::new("[dns]", error.to_string()).with_help("name resolvers with servers = [\"127.0.0.1\"]")
    };
    let mut settings = match servers.servers.is_empty() {
        true => resolver::Settings::system().map_err(failed)?,
        false => resolver::Settings::new(servers.servers.clone()),
    };
    if servers.trusted {
        settings.servers = settings.servers.into_iter().map(resolver::Server::trusted).collect();
    }
    Resolver::new(settings).map_err(failed)
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
fn welcome(site: &Site, places: &[(&Listener, String)], postfix: &Lines) {
    let path = config::DEFAULT_PATH;
    let mut lines =
        vec![format!("mailward serves. There is no {path}, so everything is as it is by default:")];
    for (listener, place) in places {
        let mode = listener.mode.unwrap_or(site.policy.modes.global);
        lines.push(format!(
            "  listener {} at {place}, for mail that comes in and goes out, mode {mode}",
            listener.name
        ));
    }
    let indented = |line: &String| format!("  {line}");
    lines.push("\nLines for Postfix (main.cf):".to_owned());
    lines.extend(postfix.main.iter().map(indented));
    if !postfix.submission.is_empty() {
        lines.push("\nLines below each service that users hand in mail by (master.cf):".to_owned());
        lines.extend(postfix.submission.iter().map(indented));
    }
    lines.push(
        "\nOne line a message follows. `mailward config sample` shows what can be configured.".to_owned(),
    );
    // Nobody has to read it.
    let _ = writeln!(anstream::stdout(), "{}", lines.join("\n"));
}
