//! The parts of the daemon: all in one process, or some of them (`--only`), so that those that face strangers can't read
//! signing keys.

use std::fmt;

/// A part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Part {
    /// Checks and signs mail; the only one that has keys
    Milter,
    /// Tells Postfix how mail to other domains must be encrypted; asks policy hosts and MX hosts
    TlsPolicy,
    /// Shows pages over HTTP
    Web,
    /// Removes from the database what is too old
    Jobs,
}

impl Part {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Milter, Self::TlsPolicy, Self::Web, Self::Jobs];

    /// As `--only` takes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Milter => "milter",
            Self::TlsPolicy => "tls-policy",
            Self::Web => "web",
            Self::Jobs => "jobs",
        }
    }
}

/// The parts that a process runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parts([bool; Part::ALL.len()]);

impl Parts {
    /// These; all where none is named.
    pub fn new(only: &[Part]) -> Self {
        Self(Part::ALL.map(|part| only.is_empty() || only.contains(&part)))
    }

    /// The others of these.
    pub(super) fn without(self, part: Part) -> Self {
        Self(Part::ALL.map(|one| one != part && self.has(one)))
    }

    /// Whether it runs this one.
    pub fn has(self, part: Part) -> bool {
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
