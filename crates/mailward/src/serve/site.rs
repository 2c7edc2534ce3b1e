//! What the configuration comes to while mailward serves: read once, and never changed; a new one takes the place of all
//! of it.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use arc::Sealer;
use dkim::Selector;
use mail::Domain;
use mail::authres::AuthservId;
use nix::unistd::gethostname;
use verdict::Settings;
use verdict::direction::Directions;
use verdict::forwarded::Forwarded;
use verdict::local::{FieldName, FieldPattern, LocalPolicy};
use verdict::outbound::SigningTable;

use crate::config::{Config, Listener, Signing};
use crate::input::InputError;
use crate::keys::ring::{Ring, SiteKey, lacking};

/// A site.
pub struct Site {
    /// How messages are judged.
    pub settings: Settings,
    /// What is done with them.
    pub policy: LocalPolicy,
    /// Whether messages are marked of which nothing is to be said.
    pub mark_all: bool,
    /// Whether Received-SPF is added.
    pub received_spf: bool,
    /// All names of ours.
    pub ids: Vec<AuthservId>,
    /// Fields that are removed from inbound mail.
    pub removed: Vec<FieldPattern>,
    /// Which way messages go.
    pub directions: Directions,
    /// How long a message waits for the DNS.
    pub deadline: Duration,
    /// Who signs as whom.
    pub table: SigningTable,
    /// How.
    pub signing: Signing,
    /// What is sealed, and by whom; nothing where nobody can.
    pub sealing: Option<(Forwarded, Sealer)>,
    /// The listeners.
    pub listeners: Vec<Listener>,
    checked: Mutex<BTreeMap<(Domain, Selector), u32>>,
}

/// What is wrong with keys; mail is served all the same.
#[derive(Debug, Default)]
pub struct Faults(pub Vec<InputError>);

impl Site {
    /// Reads the keys, and makes a site of a configuration without mistakes.
    pub fn new(config: Config) -> Result<(Self, Faults), InputError> {
        let ring = Ring::read(&config.signing);
        // Nobody knows what should be signed then.
        if ring.is_unreadable {
            return Err(ring.errors.into_iter().next().unwrap_or_else(|| {
                InputError::new(
                    crate::input::error::shown(&config.signing.key_directory),
                    "the keys can't be read",
                )
            }));
        }
        let table = ring.table(&config.signing);
        let mut faults: Vec<InputError> = ring.keys.iter().filter_map(SiteKey::error).collect();
        faults.extend(ring.errors.iter().cloned());
        let lacks = |finding: mail::Finding| InputError::new("the configuration", &*finding.message);
        faults.extend(lacking(&config.signing, &table).into_iter().map(lacks));
        let sealing = config.sealing.as_ref().and_then(|sealing| match ring.sealer(sealing) {
            Ok(sealer) => Some((sealing.forwarded.clone(), sealer)),
            Err(error) => {
                faults.push(error);
                None
            }
        });
        let Config { listeners, receiving, directions, mut policy, signing, .. } = config;
        let own_id = receiving.authserv_id.unwrap_or_else(host_name);
        let ids = std::iter::once(&own_id).chain(&receiving.other_ids).cloned().collect();
        policy.local.strip.extend(receiving.removed_fields);
        if receiving.received_spf {
            policy.local.strip.extend(FieldName::parse("Received-SPF").map(FieldPattern::from));
        }
        let removed = policy.local.removed_fields();
        let mut settings = Settings::new(own_id);
        settings.other_ids = receiving.other_ids;
        settings.other_fields = receiving.other_fields;
        settings.spf_counts = receiving.spf_counts;
        settings.trusted_sealers = receiving.trusted_sealers.into_iter().collect();
        let site = Self {
            settings,
            policy: policy.local,
            mark_all: policy.mark_all,
            received_spf: receiving.received_spf,
            ids,
            removed,
            directions,
            deadline: receiving.deadline,
            table,
            signing,
            sealing,
            listeners,
            checked: Mutex::default(),
        };
        Ok((site, Faults(faults)))
    }

    /// The listener of this name.
    pub fn listener(&self, name: &str) -> Option<&Listener> {
        self.listeners.iter().find(|listener| listener.name == name)
    }

    /// Whether a message that these keys sign is one whose signatures are to be checked: the first of each key, then one
    /// in so many.
    pub fn is_to_be_checked<'a>(&self, keys: impl Iterator<Item = (&'a Domain, &'a Selector)>) -> bool {
        let every = self.signing.self_check_every;
        if every == 0 {
            return false;
        }
        let mut checked = self.checked.lock().unwrap_or_else(PoisonError::into_inner);
        let mut is_due = false;
        for (domain, selector) in keys {
            let count = checked.entry((domain.clone(), selector.clone())).or_insert(0);
            is_due |= *count == 0;
            *count = (*count + 1) % every;
        }
        is_due
    }
}

/// The name of the host, for whoever has not said another one.
pub(crate) fn host_name() -> AuthservId {
    let name = gethostname().unwrap_or_default();
    AuthservId::parse(name.as_encoded_bytes()).unwrap_or_else(|_| AuthservId::localhost())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_message_of_each_key_is_checked_and_then_one_in_so_many() {
        let (mut site, _) = Site::new(Config::default()).unwrap();
        site.signing.self_check_every = 3;
        let (domain, other) = (Domain::parse("a.example").unwrap(), Domain::parse("b.example").unwrap());
        let selector = Selector::parse("s").unwrap();
        let due = |domain: &Domain| site.is_to_be_checked([(domain, &selector)].into_iter());
        assert_eq!([&domain, &domain, &domain, &domain].map(due), [true, false, false, true]);
        assert_eq!([&other, &other].map(due), [true, false]);
    }
}
