//! `mailward serve`: the daemon beside an MTA. First everything that needs rights, then the threads.

pub mod control;
pub mod http;
mod jobs;
pub mod log;
pub mod looks;
pub mod metrics;
pub mod milter;
pub mod parts;
pub mod past;
mod reload;
mod rights;
pub mod room;
pub mod row;
mod running;
pub mod shared;
pub mod site;
mod sockets;
pub mod tls_policy;
mod watch;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use resolver::Resolver;
use tokio::runtime::Builder;

use self::log::{Line, Log};
use self::parts::Parts;
use self::reload::Reload;
use self::rights::Files;
use self::running::{Asking, Mail, Start, Table};
use self::site::{Faults, Site};
use self::sockets::Sockets;
use crate::config::listener::Address;
use crate::config::{self, Config, Listener, Source};
use crate::input::InputError;
use crate::postfix::lines;
use crate::tls::site::TlsSite;

pub use self::parts::Part;

/// Serves by the configuration file that is named, or the default one, until it is told to stop: these parts, or all.
pub fn run(path: Option<&Path>, only: &[Part]) -> Result<(), InputError> {
    let parts = Parts::new(only);
    let (config, source) = Config::load(path)?;
    let listeners = if parts.has(Part::Milter) { config.listeners.clone() } else { Vec::new() };
    let tls = config.tls_policy.listener().filter(|_| parts.has(Part::TlsPolicy));
    // The sockets of milters first, then that of the table of TLS policies.
    let all: Vec<Listener> = listeners.iter().chain(&tls).cloned().collect();
    let web = parts.has(Part::Web).then_some(&config.web);
    let connections = rights::connections(config.daemon.connections, all.len());
    let Sockets { listeners: mut sockets, web, no_web } = sockets::open(&all, web)?;
    if all.is_empty() && web.is_none() && !parts.has(Part::Jobs) {
        return Err(no_web.unwrap_or_else(|| nothing_to_do(parts)));
    }
    let log = Arc::new(Log::to_stderr(config.log));
    let warn = |why: &dyn std::fmt::Display| log.write(&Line::new("warning").show("why", why));
    no_web.iter().for_each(|error| warn(error));
    let data = config.store.clone();
    let made = (data.url.is_none() || parts.has(Part::Milter)) && past::make_folder(&data.path)?;
    if let Some(user) = &config.daemon.user {
        rights::become_user(user, made.then_some(&data.path))?;
    }
    if rights::is_root() {
        warn(&"it has the rights of root; [daemon] user names somebody with fewer");
    }
    let control = match parts.has(Part::Milter) {
        true => control::open(&data.path).map_err(|error| warn(&error)).ok(),
        false => None,
    };
    // Its authorities may stand where it can't read any more afterwards.
    let table = match tls.clone().zip(tls.as_ref().and_then(|_| sockets.pop())) {
        Some((listener, socket)) => Some(Table { site: TlsSite::new(&config.tls_policy)?, listener, socket }),
        None => None,
    };
    let files = files(&config, parts, &all, &source);
    let sandbox = if config.daemon.sandbox { rights::sandbox(&files) } else { "none: not wanted" };
    let servers = config.dns.clone();
    let mail = match parts.has(Part::Milter) {
        true => {
            let lines = lines::lines(&config);
            let (site, Faults(faults)) = Site::new(config)?;
            faults.iter().for_each(|fault| warn(fault));
            let (path, servers) = (source.path.clone(), servers.clone());
            let reload = Reload { parts, path, servers, listeners, tls };
            Some(Mail { site, reload, lines, sockets, control })
        }
        false => {
            keys_in_reach(&config, &files).for_each(|key| {
                let key = crate::input::error::shown(key);
                warn(&format_args!("{key}: signing keys stand where this part reads: move them elsewhere"));
            });
            None
        }
    };
    let is_asking = mail.is_some() || table.is_some();
    let asking = is_asking.then_some(Asking { servers, connections, mail, table });
    let runtime = Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| InputError::new("serve", format!("no threads: {error}")))?;
    let result = runtime.block_on(Start { parts, source, data, asking, web, log, sandbox }.serve());
    // A configuration may still be being read from a disk that does not answer.
    runtime.shutdown_background();
    result
}

fn nothing_to_do(parts: Parts) -> InputError {
    match parts.has(Part::Web) {
        true => InputError::new("[web]", "address = \"\": there is nothing to show"),
        false => InputError::new("[tls_policy]", "address is missing, so nobody can ask"),
    }
}

/// Keys that a part without keys could read.
fn keys_in_reach<'a>(config: &'a Config, files: &Files) -> impl Iterator<Item = &'a PathBuf> {
    let keys = &config.signing;
    let all = keys.keys.iter().map(|key| &key.file).chain([&keys.key_directory]);
    all.filter(|key| key.exists() && files.reads(key))
}

/// Which files are read and written from now on. Written are the data, and the folders of unix sockets, which are removed at the
/// end.
fn files(config: &Config, parts: Parts, listeners: &[Listener], source: &Source) -> Files {
    let data = config.store.path.clone();
    let folder = |listener: &Listener| match &listener.address {
        Address::Unix(socket) => socket.path.parent().map(Path::to_owned),
        Address::Tcp(_) => None,
    };
    let sockets = listeners.iter().filter_map(folder);
    if parts.has(Part::Milter) {
        return Files::all(sockets.chain([data]).collect());
    }
    let certificates = config.store.url.iter().flat_map(|url| url.files()).cloned();
    let named = source.path.iter().cloned().chain(certificates).collect();
    let database = config.store.url.is_none().then_some(data);
    Files::without_keys(named, sockets.chain(database).collect())
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
