//! What can go wrong with a database, sorted by what one does about it.

use std::time::Duration;

/// Most bytes of what a database says that are passed on.
const MAX_SAID: usize = 500;

/// Why the store did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The database can't be reached, does not answer, is full or busy. The same again later may well succeed.
    #[error("the database is away: {0}")]
    Away(String),
    /// Another transaction was in the way (SQLSTATE 40001, 40P01; SQLite's BUSY_SNAPSHOT), also after all retries.
    #[error("the database is busy: {0}")]
    Conflict(String),
    /// The database refuses this data; the same again will be refused again.
    #[error("the database refuses the data: {0}")]
    Refused(String),
    /// What was read is not what this program writes.
    #[error("the database holds something unreadable: {0}")]
    Unreadable(String),
    /// The database was made by a newer program.
    #[error(
        "the database is at version {found} ({name}), made by mailward {by}; this is mailward {us} and knows versions up to {known}: \
         start mailward {by} or newer, or restore the backup made before the update"
    )]
    Newer {
        /// The version of the database.
        found: u32,
        /// The name of the newest migration in the database.
        name: String,
        /// The version of the program that migrated it.
        by: String,
        /// The version of this program.
        us: &'static str,
        /// The newest version that this program knows.
        known: u32,
    },
    /// The database was made by an older program, and nobody has asked to change it.
    #[error(
        "the database is at version {found}, and mailward {us} reads version {needed}: mailward serve of this version brings it there"
    )]
    Older {
        /// The version of the database.
        found: u32,
        /// The version of this program.
        us: &'static str,
        /// The version that it reads.
        needed: u32,
    },
    /// A folder or file could not be made or opened.
    #[error("{0}")]
    File(String),
}

impl Error {
    /// Nothing came back within `limit`.
    pub(crate) fn no_answer(limit: Duration) -> Self {
        Self::Away(format!("no answer within {} s", limit.as_secs()))
    }

    /// Whether the same data may be taken at another time.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Self::Away(_) | Self::Conflict(_) | Self::Newer { .. } | Self::Older { .. } | Self::File(_) => {
                true
            }
            Self::Refused(_) | Self::Unreadable(_) => false,
        }
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(database) => {
                let code = database.code().unwrap_or_default();
                let said = mail::shortened(database.message(), MAX_SAID);
                match code.parse() {
                    // SQLite's codes are decimal numbers of at most four digits, SQLSTATEs have five characters.
                    Ok(number) if code.len() < 5 => of_sqlite(number, said),
                    _ => of_postgres(&code, said),
                }
            }
            sqlx::Error::ColumnDecode { .. }
            | sqlx::Error::Decode(_)
            | sqlx::Error::ColumnNotFound(_)
            | sqlx::Error::ColumnIndexOutOfBounds { .. } => Self::Unreadable(error.to_string()),
            _ => Self::Away(error.to_string()),
        }
    }
}

fn of_sqlite(code: u32, said: String) -> Error {
    // The low byte is the primary result code.
    match code & 0xff {
        // BUSY_SNAPSHOT. The other kinds of BUSY come after a long wait.
        _ if code == 517 => Error::Conflict(said),
        // TOOBIG, CONSTRAINT, MISMATCH, RANGE.
        18 | 19 | 20 | 25 => Error::Refused(said),
        _ => Error::Away(said),
    }
}

fn of_postgres(sqlstate: &str, said: String) -> Error {
    match sqlstate {
        // Serialisation failure, deadlock; what CockroachDB says when it does not know how a commit ended.
        "40001" | "40P01" | "40003" => Error::Conflict(said),
        // What was made does exist: made by another node since we looked (CREATE TABLE IF NOT EXISTS sees only its own time).
        "42P07" | "42710" => Error::Conflict(said),
        // Data exception, integrity constraint violation.
        state if state.starts_with("22") || state.starts_with("23") => Error::Refused(said),
        state => Error::Away(format!("{said} (SQLSTATE {state})")),
    }
}

#[cfg(test)]
mod tests {
    use super::{Error, of_postgres, of_sqlite};

    /// The kind of an error, by name.
    fn kind(error: &Error) -> &'static str {
        match error {
            Error::Away(_) => "away",
            Error::Conflict(_) => "conflict",
            Error::Refused(_) => "refused",
            _ => "other",
        }
    }

    #[test]
    fn codes() {
        for (code, expected) in [
            (5, "away"),
            (261, "away"),
            (517, "conflict"),
            (6, "away"),
            (13, "away"),
            (10, "away"),
            (778, "away"),
            (1555, "refused"),
            (18, "refused"),
        ] {
            assert_eq!(kind(&of_sqlite(code, String::new())), expected, "SQLite {code}");
        }
        for (state, expected) in [
            ("40001", "conflict"),
            ("40P01", "conflict"),
            ("42P07", "conflict"),
            ("42710", "conflict"),
            ("22021", "refused"),
            ("23505", "refused"),
            ("53100", "away"),
            ("57P01", "away"),
            ("42P01", "away"),
        ] {
            assert_eq!(kind(&of_postgres(state, String::new())), expected, "SQLSTATE {state}");
        }
    }

    #[test]
    fn only_data_errors_are_final() {
        assert!(Error::Away(String::new()).may_pass() && Error::Conflict(String::new()).may_pass());
        assert!(!Error::Refused(String::new()).may_pass());
    }
}
