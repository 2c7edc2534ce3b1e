//! PostgreSQL: `SELECT * FROM UNNEST($1, $2, …)`, one array a column: one statement for any number of rows.

use sqlx::postgres::{PgArguments, Postgres};
use sqlx::query::Query;

use super::Bulk;
use crate::value::{Kind, Value};

type PgQuery<'q> = Query<'q, Postgres, PgArguments>;

/// The statement, for any number of rows.
pub(crate) fn statement(bulk: &Bulk) -> String {
    let array = |(index, (_, kind)): (usize, &(&str, Kind))| {
        let kind = match kind {
            Kind::Int => "bigint",
            Kind::Text => "text",
            Kind::Blob => "bytea",
        };
        format!("${}::{kind}[]", index + 1)
    };
    let arrays: Vec<String> = bulk.columns.iter().enumerate().map(array).collect();
    format!("{} SELECT * FROM UNNEST({}) {}", bulk.head(), arrays.join(","), bulk.tail)
}

/// Gives the statement a column of all `rows`, which it takes out of them.
pub(crate) fn bind_column<'q>(
    query: PgQuery<'q>,
    rows: &mut [Vec<Value>],
    column: usize,
    kind: Kind,
) -> PgQuery<'q> {
    let values = rows.iter_mut().map(|row| row.get_mut(column));
    match kind {
        Kind::Int => query.bind(
            values
                .map(|value| match value {
                    Some(Value::Int(value)) => *value,
                    _ => None,
                })
                .collect::<Vec<_>>(),
        ),
        Kind::Text => query.bind(
            values
                .map(|value| match value {
                    Some(Value::Text(value)) => value.take(),
                    _ => None,
                })
                .collect::<Vec<_>>(),
        ),
        Kind::Blob => query.bind(
            values
                .map(|value| match value {
                    Some(Value::Blob(value)) => value.take(),
                    _ => None,
                })
                .collect::<Vec<_>>(),
        ),
    }
}

/// Gives the statement its next parameter.
pub(crate) fn bind(query: PgQuery<'_>, value: Value) -> PgQuery<'_> {
    match value {
        Value::Int(value) => query.bind(value),
        Value::Text(value) => query.bind(value),
        Value::Blob(value) => query.bind(value),
    }
}
