//! SQLite: `VALUES (?, ?), (?, ?), …`. Numbered parameters would make long statements eight times slower.

use sqlx::query::Query;
use sqlx::sqlite::{Sqlite, SqliteArguments};

use super::Bulk;
use crate::value::Value;

/// Rows a statement, largest first. Few sizes, so that each is prepared once and kept; 500 rows of 24 columns are
/// 12,000 of the 32,766 parameters that SQLite allows.
pub(crate) const SIZES: [usize; 4] = [500, 100, 10, 1];

/// The statement for this number of rows.
pub(crate) fn statement(bulk: &Bulk, rows: usize) -> String {
    let row = format!("({})", vec!["?"; bulk.columns.len()].join(","));
    format!("{} VALUES {} {}", bulk.head(), vec![row; rows].join(","), bulk.tail)
}

/// Gives the statement its next parameter.
pub(crate) fn bind(
    query: Query<'_, Sqlite, SqliteArguments>,
    value: Value,
) -> Query<'_, Sqlite, SqliteArguments> {
    match value {
        Value::Int(value) => query.bind(value),
        Value::Text(value) => query.bind(value),
        Value::Blob(value) => query.bind(value),
    }
}
