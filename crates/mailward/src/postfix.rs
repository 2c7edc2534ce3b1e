//! Postfix beside us: the lines that it needs, and what its settings say.

pub mod lines;
pub mod milters;
pub mod settings;
pub mod version;
