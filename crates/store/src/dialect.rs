//! What the databases write differently: many rows in one statement. All other SQL of this crate is the same for both.

pub(crate) mod postgres;
pub(crate) mod sqlite;

use crate::value::Kind;

/// A statement that puts many rows into a table.
#[derive(Debug)]
pub(crate) struct Bulk {
    pub(crate) table: &'static str,
    pub(crate) columns: &'static [(&'static str, Kind)],
    /// What follows the rows: `ON CONFLICT …`, `RETURNING …`.
    pub(crate) tail: &'static str,
}

impl Bulk {
    /// `INSERT INTO messages (id, at)`
    fn head(&self) -> String {
        let names: Vec<&str> = self.columns.iter().map(|(name, _)| *name).collect();
        format!("INSERT INTO {} ({})", self.table, names.join(", "))
    }
}
