//! `[store]`: where rows about messages are kept, and how long.

use std::path::{Path, PathBuf};

use store::{Place, PostgresUrl, Retention};
use toml::de::DeTable;

use super::reader::Reader;
use super::signing::path;
use super::spec;

/// Where the data are unless the file says otherwise: below the directory where the program is started.
pub const DEFAULT_PATH: &str = "mailward-data";

/// `[store]`
#[derive(Clone, Debug)]
pub struct Store {
    /// The folder of the data.
    pub path: PathBuf,
    /// The database, where it is no file in there.
    pub url: Option<PostgresUrl>,
    /// How long, and how much.
    pub keep: Retention,
}

impl Default for Store {
    fn default() -> Self {
        Self { path: PathBuf::from(DEFAULT_PATH), url: None, keep: Retention::default() }
    }
}

impl Store {
    pub(super) fn read(reader: &mut Reader, table: &DeTable<'_>, directory: &Path) -> Self {
        let mut this = Self::default();
        let fields = reader.fields(&spec::STORE, table);
        if let Some(path) = fields.get("path").and_then(|value| path(reader, value, directory)) {
            this.path = path;
        }
        this.url = fields.get("url").and_then(|value| reader.parsed(value, PostgresUrl::parse));
        if let Some(value) = fields.get("days")
            && let Some(days) = reader.number(value)
        {
            this.keep.days = days;
            if days == 0 {
                reader.error("config-value", value.span(), "a number of days from 1 was expected");
            }
        }
        if let Some(value) = fields.get("megabytes")
            && let Some(megabytes) = reader.number(value)
        {
            this.keep.bytes = u64::from(megabytes) << 20;
            if megabytes == 0 {
                reader.error("config-value", value.span(), "a number from 1 was expected");
            }
        }
        this
    }

    /// Where the database is.
    pub fn place(&self) -> Place {
        match &self.url {
            Some(url) => Place::Postgres(url.clone()),
            None => Place::Sqlite(self.path.join("mailward.db")),
        }
    }
}
