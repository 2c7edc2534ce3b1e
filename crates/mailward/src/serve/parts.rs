//! The parts of the daemon: all in one process, or some of them (`--only`), so that the part that faces the web can't read
//! signing keys.

use std::fmt;

/// A part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Part {
    /// Checks and signs mail; the only one that has keys
    Milter,
    /// Shows pages over HTTP
    Web,
    /// Removes from the database what is too old
    Jobs,
}

impl Part {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Milter, Self::Web, Self::Jobs];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Milter => "milter",
            Self::Web => "web",
            Self::Jobs => "jobs",
        }
    }
}

/// The parts that a process runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Parts([bool; Part::ALL.len()]);

impl Parts {
    /// These; all where none is named.
    pub(super) fn new(only: &[Part]) -> Self {
        Self(Part::ALL.map(|part| only.is_empty() || only.contains(&part)))
    }

    pub(super) fn has(self, part: Part) -> bool {
        Part::ALL.into_iter().zip(self.0).any(|(one, runs)| one == part && runs)
    }
}

/// As `--only` takes them.
impl fmt::Display for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = Part::ALL.into_iter().filter(|part| self.has(*part)).map(Part::as_str);
        f.write_str(&parts.collect::<Vec<_>>().join(","))
    }
}
