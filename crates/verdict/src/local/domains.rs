//! What a site says about domains. An entry counts for its domain and all below it, the most specific one first.

use std::collections::BTreeMap;

use mail::Domain;

/// A value for some domains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DomainMap<T>(BTreeMap<Domain, T>);

/// Some domains, each with all below it.
pub type DomainSet = DomainMap<()>;

impl<T> Default for DomainMap<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T> DomainMap<T> {
    /// Adds an entry; gives back the one that it takes the place of.
    pub fn insert(&mut self, domain: Domain, value: T) -> Option<T> {
        self.0.insert(domain, value)
    }

    /// The entry for `domain`, or else for the nearest domain above it: its domain and its value.
    pub fn find(&self, domain: &Domain) -> Option<(&Domain, &T)> {
        let mut rest = Some(domain.as_str());
        while let Some(name) = rest {
            if let Some(entry) = self.0.get_key_value(name) {
                return Some(entry);
            }
            rest = name.split_once('.').map(|(_, above)| above);
        }
        None
    }

    /// The value for `domain`, its own or that of the nearest domain above it.
    pub fn get(&self, domain: &Domain) -> Option<&T> {
        self.find(domain).map(|(_, value)| value)
    }

    /// Whether there is an entry for `domain` or a domain above it.
    pub fn contains(&self, domain: &Domain) -> bool {
        self.find(domain).is_some()
    }

    /// The entries, by domain.
    pub fn iter(&self) -> impl Iterator<Item = (&Domain, &T)> {
        self.0.iter()
    }
}

impl<T> FromIterator<(Domain, T)> for DomainMap<T> {
    fn from_iter<I: IntoIterator<Item = (Domain, T)>>(entries: I) -> Self {
        Self(entries.into_iter().collect())
    }
}

impl FromIterator<Domain> for DomainSet {
    fn from_iter<I: IntoIterator<Item = Domain>>(domains: I) -> Self {
        domains.into_iter().map(|domain| (domain, ())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(domain: &str, want: Option<u8>) {
        let d = |text: &str| Domain::parse(text).unwrap();
        let map = DomainMap::from_iter([(d("example"), 1), (d("a.example"), 2), (d("b.a.example"), 3)]);
        assert_eq!(map.get(&d(domain)).copied(), want, "{domain}");
    }

    #[test]
    fn the_most_specific_entry_counts() {
        check("example", Some(1));
        check("x.example", Some(1));
        check("a.example", Some(2));
        check("y.x.a.example", Some(2));
        check("b.a.example", Some(3));
        check("c.b.a.example", Some(3));
        // By whole labels.
        check("ba.example", Some(1));
        check("myexample", None);
        check("example.org", None);
    }
}
