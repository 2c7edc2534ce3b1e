//! The signing table: which rules there are, which keys, and whose mail no rule speaks of.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use dkim::{Options, Selector, SigningKey};
use mail::Domain;

use super::pattern::{DomainPattern, Glob};
use super::users::Users;
use crate::network::Network;

/// A row of the table: whose mail is signed, for which signing domain, with which keys, and how.
#[derive(Clone, Debug)]
pub struct Rule {
    /// What the rule is called in explanations, such as `rule 2`. Printable.
    pub name: Arc<str>,
    /// The author domains whose mail it signs; one of them has to match.
    pub authors: Vec<DomainPattern>,
    /// The signing domain (d=); `None` for the author domain itself.
    pub domain: Option<Domain>,
    /// Which keys of the signing domain sign; empty for all that there are.
    pub selectors: Vec<Selector>,
    /// From which networks the client has to come; empty for any.
    pub networks: Vec<Network>,
    /// As whom the client has to be authenticated; empty for anybody and nobody.
    pub users: Vec<Glob>,
    /// On which listener the message has to come in; empty for any.
    pub listeners: Vec<String>,
    /// How it signs.
    pub options: Options,
}

impl Rule {
    /// Whether signatures of this domain are the rule's business, for some author domain.
    fn speaks_of(&self, signing: &Domain) -> bool {
        match &self.domain {
            Some(domain) => domain == signing,
            None => self.authors.iter().any(|pattern| pattern.matches(signing)),
        }
    }

    /// Whether a signature with this key is what the rule asks for.
    pub(super) fn takes(&self, key: &Key) -> bool {
        self.selectors.is_empty() || self.selectors.contains(&key.selector)
    }
}

/// A key of the table.
#[derive(Clone)]
pub struct Key {
    /// The signing domain.
    pub domain: Domain,
    /// Its selector.
    pub selector: Selector,
    /// The key; or why it can't be used, as a clause without a full stop, printable, which names the file.
    pub key: Result<SigningKey, Arc<str>>,
}

/// The one table of a site. Every rule that matches signs; the keys of a domain that no rule speaks of sign the mail of
/// that very domain, wherever it comes from.
pub struct SigningTable {
    pub(super) rules: Vec<Rule>,
    pub(super) keys: BTreeMap<Domain, Vec<Key>>,
    /// The signing domains that no rule speaks of.
    pub(super) free: BTreeSet<Domain>,
    pub(super) users: Option<Users>,
    /// How the keys of those domains sign.
    pub(super) options: Options,
}

impl SigningTable {
    /// A table. `users` says who may write as whom; without it nobody is asked. `options` is how the keys sign that no
    /// rule speaks of. Of keys with the same domain and selector the first that can be used signs.
    pub fn new(rules: Vec<Rule>, keys: Vec<Key>, users: Option<Users>, options: Options) -> Self {
        let mut by_domain: BTreeMap<Domain, Vec<Key>> = BTreeMap::new();
        for key in keys {
            by_domain.entry(key.domain.clone()).or_default().push(key);
        }
        let is_free = |domain: &&Domain| !rules.iter().any(|rule| rule.speaks_of(domain));
        let free = by_domain.keys().filter(is_free).cloned().collect();
        Self { rules, keys: by_domain, free, users, options }
    }

    /// The rules that were written.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The keys, by signing domain.
    pub fn keys(&self) -> impl Iterator<Item = &Key> {
        self.keys.values().flatten()
    }

    /// The signing domains that no rule speaks of, whose keys sign their own mail.
    pub fn free(&self) -> impl Iterator<Item = &Domain> {
        self.free.iter()
    }

    /// The keys that a rule can ever use.
    pub fn keys_of<'a>(&'a self, rule: &'a Rule) -> impl Iterator<Item = &'a Key> {
        self.keys().filter(|key| rule.speaks_of(&key.domain) && rule.takes(key))
    }
}
