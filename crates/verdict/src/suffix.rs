//! The public suffix list that is built in, and one that remembers or repeats what it was asked.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use mail::{Domain, Suffix, SuffixList, SuffixSection};
use psl::Psl;

/// The list as of the day this was built.
#[derive(Clone, Copy, Debug, Default)]
pub struct BuiltIn;

impl SuffixList for BuiltIn {
    fn suffix(&self, domain: &Domain) -> Suffix {
        let Some(suffix) = psl::List.suffix(domain.as_str().as_bytes()) else {
            return Suffix { labels: 1, section: None };
        };
        let labels = suffix.as_bytes().split(|&b| b == b'.').count();
        let section = suffix.typ().map(|t| match t {
            psl::Type::Icann => SuffixSection::Icann,
            psl::Type::Private => SuffixSection::Private,
        });
        Suffix { labels, section }
    }
}

/// Passes questions on and keeps the answers, for a recording.
pub struct Recorder<'a> {
    below: &'a dyn SuffixList,
    kept: Mutex<BTreeMap<Domain, Suffix>>,
}

impl<'a> Recorder<'a> {
    /// Records what `below` says.
    pub fn new(below: &'a dyn SuffixList) -> Self {
        Self { below, kept: Mutex::default() }
    }

    /// What was said so far.
    pub fn answers(&self) -> Answers {
        Answers(self.kept.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

impl SuffixList for Recorder<'_> {
    fn suffix(&self, domain: &Domain) -> Suffix {
        let suffix = self.below.suffix(domain);
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).insert(domain.clone(), suffix);
        suffix
    }
}

/// The answers of a recording; the list's default, one label, where it has none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answers(pub BTreeMap<Domain, Suffix>);

impl SuffixList for Answers {
    fn suffix(&self, domain: &Domain) -> Suffix {
        self.0.get(domain).copied().unwrap_or(Suffix { labels: 1, section: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(domain: &str, labels: usize, section: Option<SuffixSection>) {
        let domain = Domain::parse(domain).unwrap();
        let list = Recorder::new(&BuiltIn);
        assert_eq!(list.suffix(&domain), Suffix { labels, section }, "{domain}");
        assert_eq!(list.answers().suffix(&domain), Suffix { labels, section });
    }

    #[test]
    fn dma_10_sections_and_rules() {
        check("a.b.example.co.uk", 2, Some(SuffixSection::Icann));
        check("co.uk", 2, Some(SuffixSection::Icann));
        check("COM", 1, Some(SuffixSection::Icann));
        check("tenant.github.io", 2, Some(SuffixSection::Private));
        check("x.y.kawasaki.jp", 3, Some(SuffixSection::Icann));
        check("www.city.kawasaki.jp", 2, Some(SuffixSection::Icann));
        check("a.victim.example", 1, None);
    }
}
