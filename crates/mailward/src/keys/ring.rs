//! The signing table of a site: the rules of the configuration with the keys from the disk. A key that can't be used
//! is told and stops no other.

use std::io;
use std::path::Path;
use std::sync::Arc;

use arc::Sealer;
use dkim::{FieldList, KeyFault, Selector};
use mail::{Domain, Finding, Severity, Span};
use verdict::outbound::{Key, SigningTable};

use super::directory::{self, Listing};
use super::file::KeyFile;
use crate::config::signing::{DEFAULT_KEYS, KeyEntry};
use crate::config::{Sealing, Signing};
use crate::input::InputError;
use crate::input::error::shown;

/// A key of the site, as it is on the disk.
#[derive(Clone, Debug)]
pub struct SiteKey {
    /// The signing domain.
    pub domain: Domain,
    /// The selector.
    pub selector: Selector,
    /// The file.
    pub file: KeyFile,
}

/// All keys of a site.
#[derive(Debug, Default)]
pub struct Ring {
    /// The keys, those of the configuration first.
    pub keys: Vec<SiteKey>,
    /// What is wrong with the directory of keys.
    pub errors: Vec<InputError>,
    /// Whether the directory of keys can't be read, so that nobody knows which mail should be signed.
    pub is_unreadable: bool,
}

impl Ring {
    /// Reads all keys that the configuration names.
    pub fn read(signing: &Signing) -> Self {
        let mut ring = Self::default();
        signing.keys.iter().for_each(|entry| ring.add_entry(entry));
        let directory = &signing.key_directory;
        match directory.symlink_metadata() {
            Err(error) if error.kind() == io::ErrorKind::NotFound && !signing.is_named => {}
            _ => match directory::read(directory) {
                Ok(listing) => ring.add_listing(listing),
                Err(error) => {
                    ring.errors.push(error);
                    ring.is_unreadable = true;
                }
            },
        }
        ring
    }

    /// The keys of a directory alone.
    pub fn of_directory(path: &Path) -> Result<Self, InputError> {
        let mut ring = Self::default();
        ring.add_listing(directory::read(path)?);
        Ok(ring)
    }

    fn add_entry(&mut self, entry: &KeyEntry) {
        let file = KeyFile::read(&entry.file);
        for domain in &entry.domains {
            let (domain, selector) = (domain.clone(), entry.selector.clone());
            self.keys.push(SiteKey { domain, selector, file: file.clone() });
        }
    }

    fn add_listing(&mut self, listing: Listing) {
        self.errors.extend(listing.errors);
        for directory::Found { domain, selector, file } in listing.keys {
            if self.keys.iter().any(|key| key.domain == domain && key.selector == selector) {
                let message = format!(
                    "left out: the configuration names another file for the key {selector} of {domain}"
                );
                self.errors.push(InputError::new(shown(&file.path), message));
            } else {
                self.keys.push(SiteKey { domain, selector, file });
            }
        }
    }

    /// The table.
    pub fn table(&self, signing: &Signing) -> SigningTable {
        let keys = self.keys.iter().map(|key| Key {
            domain: key.domain.clone(),
            selector: key.selector.clone(),
            key: key.file.usable().cloned().map_err(|_| Arc::from(key.fault().unwrap_or_default())),
        });
        let rules = signing.rules.iter().map(|(rule, _)| rule.clone()).collect();
        SigningTable::new(rules, keys.collect(), signing.users.clone(), signing.options.clone())
    }
}

impl Ring {
    /// Who seals.
    pub fn sealer(&self, sealing: &Sealing) -> Result<Sealer, InputError> {
        let wanted = |key: &&SiteKey| {
            key.domain == sealing.domain
                && sealing.selector.as_ref().is_none_or(|selector| *selector == key.selector)
        };
        let mut fault = None;
        for key in self.keys.iter().filter(wanted) {
            match sealer(key) {
                Ok(sealer) => return Ok(sealer),
                Err(error) => fault = fault.or(Some(error)),
            }
        }
        Err(fault.unwrap_or_else(|| {
            let selector = sealing.selector.as_ref().map(|s| format!("{s} ")).unwrap_or_default();
            let message = format!("there is no key {selector}of {} to seal with", sealing.domain);
            let help = format!("mailward keys new {} --rsa 2048", sealing.domain);
            InputError::new("[sealing]", message).with_help(help)
        }))
    }
}

fn sealer(key: &SiteKey) -> Result<Sealer, InputError> {
    let unusable = |fault: String| InputError::new(shown(&key.file.path), fault);
    let signing_key =
        key.file.usable().map_err(|fault| key.error().unwrap_or_else(|| unusable(fault.to_string())))?;
    let (domain, selector) = (key.domain.clone(), key.selector.clone());
    Sealer::new(domain, selector, signing_key.clone(), FieldList::default())
        .map_err(|fault| unusable(fault.to_string()))
}

impl SiteKey {
    /// Why it is not signed with, with the name of the file.
    pub fn fault(&self) -> Option<String> {
        self.file.fault.as_ref().map(|fault| format!("{}: {fault}", shown(&self.file.path)))
    }

    /// What to do about it, where another key is needed: the command that makes one.
    pub fn help(&self) -> Option<String> {
        let kind = match self.file.key {
            Err(KeyFault::RsaTooShort { .. } | KeyFault::RsaTooLong { .. } | KeyFault::RsaBroken(_)) => {
                " --rsa 2048"
            }
            Err(KeyFault::Ed25519Length(_)) => " --ed25519",
            Err(KeyFault::Inconsistent | KeyFault::UnsupportedType(_)) => "",
            _ => return None,
        };
        let home =
            self.file.path.parent().filter(|home| home.file_name() == Some(self.domain.as_str().as_ref()));
        let directory = home.and_then(Path::parent).filter(|directory| *directory != Path::new(DEFAULT_KEYS));
        let out = directory.map(|directory| format!(" --out {}", shown(directory))).unwrap_or_default();
        Some(format!("a new key for {0}: mailward keys new {0}{kind}{out}", self.domain))
    }

    /// The same, as an error of an input.
    pub fn error(&self) -> Option<InputError> {
        let fault = self.file.fault.as_ref()?;
        let error = InputError::new(
            shown(&self.file.path),
            format!("{fault} (key {} of {})", self.selector, self.domain),
        );
        Some(self.help().into_iter().fold(error, InputError::with_help))
    }
}

/// What the rules of the configuration ask for and no key can do, with places in the file.
pub fn lacking(signing: &Signing, table: &SigningTable) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (rule, at) in &signing.rules {
        let mut lacks = |message: String| {
            let span = Span::new(at.start, at.end);
            let help = "mailward keys list shows the keys that are there";
            findings.push(Finding::new("config-no-key", Severity::Error, span, message).with_help(help));
        };
        let has = |selector: &Selector| table.keys_of(rule).any(|key| key.selector == *selector);
        if let Some(selector) = rule.selectors.iter().find(|selector| !has(selector)) {
            lacks(format!("{}: there is no key {selector} that it could sign with", rule.name));
        } else if let Some(domain) = rule.domain.as_ref().filter(|_| table.keys_of(rule).next().is_none()) {
            lacks(format!("{}: there is no key of {domain}", rule.name));
        }
    }
    findings
}
