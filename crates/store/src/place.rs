//! Where the database is: a file, or a PostgreSQL by URL.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use sqlx::postgres::PgConnectOptions;

/// Where the database is.
#[derive(Clone)]
pub enum Place {
    /// SQLite, in this file. It and its folder are made when they are missing, readable by their owner only.
    Sqlite(PathBuf),
    /// PostgreSQL, or a database that speaks its protocol.
    Postgres(PostgresUrl),
}

/// The URL of a PostgreSQL database: `postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=verify-full`.
/// Shown without user and password.
#[derive(Clone)]
pub struct PostgresUrl {
    options: Box<PgConnectOptions>,
    files: Vec<PathBuf>,
}

/// Why a text is not such a URL. It does not repeat the text, in which a password may stand.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// It does not start with `postgres://` or `postgresql://`.
    #[error("a database URL starts with postgres:// or postgresql://")]
    Scheme,
    /// The rest is wrong.
    #[error("this database URL can't be read; it looks like postgres://USER:PASSWORD@HOST:PORT/DATABASE")]
    Form,
}

impl PostgresUrl {
    /// Reads a URL.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        if !text.starts_with("postgres://") && !text.starts_with("postgresql://") {
            return Err(UrlError::Scheme);
        }
        let options = PgConnectOptions::from_str(text).map_err(|_| UrlError::Form)?;
        Ok(Self { options: Box::new(options), files: files(text) })
    }

    /// The certificates and keys that the URL names: read whenever a connection is made.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    pub(crate) fn options(&self) -> PgConnectOptions {
        self.options.as_ref().clone().application_name("mailward")
    }
}

/// The files that the parameters of a URL name.
fn files(url: &str) -> Vec<PathBuf> {
    let parameters = url.split_once('?').map_or("", |(_, parameters)| parameters).split('&');
    let named = parameters.filter_map(|parameter| parameter.split_once('='));
    let named = named.filter(|(key, _)| {
        let key = key.replace(['-', '_'], "");
        matches!(key.as_str(), "sslrootcert" | "sslca" | "sslcert" | "sslkey")
    });
    named.map(|(_, path)| PathBuf::from(path.replace("%2F", "/").replace("%2f", "/"))).collect()
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "SQLite, {}", path.display()),
            Self::Postgres(PostgresUrl { options: url, .. }) => {
                let database = url.get_database().unwrap_or_default();
                write!(f, "PostgreSQL, {}:{}/{database}", url.get_host(), url.get_port())
            }
        }
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PostgresUrl")
    }
}

#[cfg(test)]
mod tests {
    use super::{Place, PostgresUrl, UrlError};

    #[test]
    fn the_password_is_never_shown() {
        let url = PostgresUrl::parse("postgres://mw:geheim@db.example.net:5433/mail").unwrap();
        let place = Place::Postgres(url.clone());
        assert_eq!(place.to_string(), "PostgreSQL, db.example.net:5433/mail");
        assert!(!format!("{place:?} {url:?}").contains("geheim"));
    }

    #[test]
    fn files_are_named() {
        let url = "postgres://u@h/d?sslmode=verify-full&sslrootcert=%2Fetc%2fca.pem&ssl-key=/k";
        let url = PostgresUrl::parse(url).unwrap();
        assert_eq!(url.files(), ["/etc/ca.pem", "/k"].map(std::path::PathBuf::from));
    }

    #[test]
    fn urls() {
        assert_eq!(PostgresUrl::parse("mysql://geheim").unwrap_err(), UrlError::Scheme);
        let wrong = PostgresUrl::parse("postgres://u:geheim@h:99999999/x").unwrap_err();
        assert_eq!(wrong, UrlError::Form);
        assert!(!wrong.to_string().contains("geheim"));
    }
}
