//! The seam to a public suffix list, which is an argument like everything that changes with time.

use crate::domain::Domain;

/// The part of the list that a rule stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SuffixSection {
    /// Registries: what ICANN delegates.
    Icann,
    /// Suffixes that private owners added, such as `github.io`.
    Private,
}

/// The longest suffix of a name that the list knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Suffix {
    /// How many labels, counted from the right, the suffix has.
    pub labels: usize,
    /// Which part of the list says so; `None` where no rule matched and the list's default (one label) applies.
    pub section: Option<SuffixSection>,
}

/// A public suffix list.
pub trait SuffixList: Send + Sync {
    /// The public suffix of `domain`.
    fn suffix(&self, domain: &Domain) -> Suffix;
}
