//! The configuration file: one TOML file for all of mailward, in which everything is optional. It is read whole, and all
//! mistakes in it are told at once; a file with a mistake is not used.

pub mod listener;
pub mod policy;
mod reader;
pub mod receiving;
pub mod sample;
pub mod sealing;
pub mod signing;
mod spec;
pub mod store;
pub mod tls_policy;
pub mod web;

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use mail::{Finding, Severity};

use crate::input::error::shown;
use crate::input::{InputError, Position};
use crate::show::{self, WIDTH, terminal_width};

use verdict::direction::Directions;

pub use self::listener::Listener;
pub use self::policy::Policy;
use self::reader::Reader;
pub use self::receiving::{Daemon, Dns, LogFormat, Receiving};
pub use self::sealing::Sealing;
pub use self::signing::Signing;
pub use self::store::Store;
pub use self::tls_policy::TlsPolicy;
pub use self::web::Web;

/// Where the configuration is looked for where no other file is named.
pub const DEFAULT_PATH: &str = "/etc/mailward/mailward.toml";
/// Longest configuration file, in bytes.
pub const MAX_FILE: u64 = 4 * 1024 * 1024;

/// All that the file says.
#[derive(Debug)]
pub struct Config {
    /// `[[listener]]`; [`Listener::default`] where the file has none.
    pub listeners: Vec<Listener>,
    /// `[receiving]`
    pub receiving: Receiving,
    /// `[dns]`
    pub dns: Dns,
    /// `[network]`
    pub directions: Directions,
    /// `[policy]`
    pub policy: Policy,
    /// `[store]`
    pub store: Store,
    /// `[web]`
    pub web: Web,
    /// `[log]`
    pub log: LogFormat,
    /// `[daemon]`
    pub daemon: Daemon,
    /// `[tls_policy]`
    pub tls_policy: TlsPolicy,
    /// `[signing]`
    pub signing: Signing,
    /// `[sealing]`, where mail is sealed.
    pub sealing: Option<Sealing>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listeners: vec![Listener::default()],
            receiving: Receiving::default(),
            dns: Dns::default(),
            directions: Directions::default(),
            policy: Policy::default(),
            store: Store::default(),
            web: Web::default(),
            log: LogFormat::default(),
            daemon: Daemon::default(),
            tls_policy: TlsPolicy::default(),
            signing: Signing::default(),
            sealing: None,
        }
    }
}

/// A file that was read, and everything that was noticed in it.
#[derive(Debug)]
pub struct Source {
    /// The file; `None` where there is none, so that all is as it is by default.
    pub path: Option<PathBuf>,
    /// Its text.
    pub text: String,
    /// Mistakes, in the order of the text.
    pub findings: Vec<Finding>,
}

impl Config {
    /// Reads the file that is named, or the one at [`DEFAULT_PATH`] if it is there. What it says counts only where
    /// [`Source::is_valid`].
    pub fn read(path: Option<&Path>) -> Result<(Self, Source), InputError> {
        let (path, file) = match path {
            Some(path) => (path, File::open(path)),
            None => (Path::new(DEFAULT_PATH), File::open(DEFAULT_PATH)),
        };
        let io = |error: &io::Error| InputError::io(shown(path), error);
        let file = match file {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound && path == Path::new(DEFAULT_PATH) => {
                return Ok((
                    Self::default(),
                    Source { path: None, text: String::new(), findings: Vec::new() },
                ));
            }
            Err(error) => return Err(io(&error)),
        };
        let mut bytes = Vec::new();
        file.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(|error| io(&error))?;
        if bytes.len() as u64 > MAX_FILE {
            return Err(InputError::new(shown(path), format!("longer than {} MiB", MAX_FILE >> 20)));
        }
        let text = String::from_utf8(bytes).map_err(|error| {
            let at = Position::of(error.as_bytes(), error.utf8_error().valid_up_to());
            InputError::new(shown(path), "a byte that is not UTF-8").at(at)
        })?;
        let (config, findings) = Self::parse(&text, path.parent().unwrap_or(Path::new("")));
        Ok((config, Source { path: Some(path.to_owned()), text, findings }))
    }

    /// Reads the file that is named, or the default one, for use: an error where it has a mistake.
    pub fn load(path: Option<&Path>) -> Result<(Self, Source), InputError> {
        let (config, source) = Self::read(path)?;
        match source.first_error() {
            None => Ok((config, source)),
            Some(error) => Err(error),
        }
    }

    /// Reads the text of a file that stands in `directory`, from which relative paths count.
    pub(crate) fn parse(text: &str, directory: &Path) -> (Self, Vec<Finding>) {
        let mut reader = Reader::default();
        let document = reader.document(text);
        let mut config = Self::default();
        let fields = reader.fields(&spec::ROOT, document.get_ref());
        if let Some(value) = fields.get("listener") {
            let tables = reader.tables(value, spec::LISTENER.head);
            let listeners = listener::read(&mut reader, tables, directory);
            config.listeners = if listeners.is_empty() { config.listeners } else { listeners };
        }
        if let Some(table) = fields.get("receiving").and_then(|value| reader.table(value)) {
            config.receiving = Receiving::read(&mut reader, table);
        }
        if let Some(table) = fields.get("dns").and_then(|value| reader.table(value)) {
            config.dns = Dns::read(&mut reader, table);
        }
        if let Some(table) = fields.get("network").and_then(|value| reader.table(value)) {
            config.directions = receiving::directions(&mut reader, table);
        }
        if let Some(table) = fields.get("policy").and_then(|value| reader.table(value)) {
            config.policy = Policy::read(&mut reader, table);
        }
        if let Some(table) = fields.get("store").and_then(|value| reader.table(value)) {
            config.store = Store::read(&mut reader, table, directory);
        }
        if let Some(table) = fields.get("web").and_then(|value| reader.table(value)) {
            config.web = Web::read(&mut reader, table);
        }
        if let Some(table) = fields.get("log").and_then(|value| reader.table(value)) {
            config.log = LogFormat::read(&mut reader, table);
        }
        if let Some(table) = fields.get("daemon").and_then(|value| reader.table(value)) {
            config.daemon = Daemon::read(&mut reader, table);
        }
        if let Some(table) = fields.get("tls_policy").and_then(|value| reader.table(value)) {
            config.tls_policy = TlsPolicy::read(&mut reader, table, directory, config.dns.trusted);
        }
        if let Some(table) = fields.get("signing").and_then(|value| reader.table(value)) {
            config.signing = Signing::read(&mut reader, table, directory);
        }
        if let Some(value) = fields.get("sealing")
            && let Some(table) = reader.table(value)
        {
            config.sealing = Sealing::read(&mut reader, table, value.span(), &config.listeners);
        }
        (config, reader.into_findings())
    }
}

impl Source {
    /// Whether nothing in it is an error.
    pub fn is_valid(&self) -> bool {
        self.findings.iter().all(|finding| finding.severity != Severity::Error)
    }

    /// How the file is called, for people.
    pub fn name(&self) -> String {
        self.path.as_deref().map_or_else(|| "the defaults".to_owned(), shown)
    }

    /// Where a byte of it stands.
    pub fn position(&self, offset: usize) -> Position {
        Position::of(self.text.as_bytes(), offset)
    }

    /// All that was noticed, for people.
    pub fn show(&self) -> String {
        let width = terminal_width().unwrap_or(WIDTH);
        show::findings(&self.name(), self.text.as_bytes(), &self.findings, width)
    }

    fn first_error(&self) -> Option<InputError> {
        let mut errors = self.findings.iter().filter(|finding| finding.severity == Severity::Error);
        let first = errors.next()?;
        let more = match errors.count() {
            0 => "mailward config check shows it in its place".to_owned(),
            more => format!("mailward config check shows it and {more} more"),
        };
        let help = first.help.as_ref().map_or_else(|| more.clone(), |help| format!("{help}; {more}"));
        let error = InputError::new(self.name(), &*first.message).at(self.position(first.span.start));
        Some(error.with_help(help))
    }
}

#[cfg(test)]
mod tests;
