//! `[sealing]`: which inbound mail is passed on, and who seals it (ARC).

use std::ops::Range;

use dkim::Selector;
use mail::Domain;
use toml::de::DeTable;
use verdict::direction::Purpose;
use verdict::forwarded::{Forwarded, RecipientPattern};

use super::listener::{DEFAULT_NAME, Listener};
use super::reader::Reader;
use super::signing::{selector, signing_domain};
use super::spec;

/// What the file says about sealing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealing {
    /// The domain that seals.
    pub domain: Domain,
    /// Which of its keys; the first that can where nothing is said.
    pub selector: Option<Selector>,
    /// What is sealed.
    pub forwarded: Forwarded,
    /// Where the table stands in the file.
    pub at: Range<usize>,
}

impl Sealing {
    /// Reads `[sealing]`, which stands at `at`, in a file with these listeners.
    pub(super) fn read(
        reader: &mut Reader,
        table: &DeTable<'_>,
        at: Range<usize>,
        listeners: &[Listener],
    ) -> Option<Self> {
        let fields = reader.fields(&spec::SEALING, table);
        let domain = fields.get("domain");
        if domain.is_none() {
            reader.missing(at.clone(), "domain", "who seals, such as \"example.com\"");
        }
        let domain = domain.and_then(|value| reader.parsed(value, signing_domain));
        let selector = fields.get("selector").and_then(|value| reader.parsed(value, selector));
        let mut forwarded = Forwarded::default();
        if let Some(value) = fields.get("recipients") {
            let pattern = |text: &str| {
                RecipientPattern::parse(text).map_err(|why| format!("neither an address nor a domain: {why}"))
            };
            forwarded.recipients = reader.all_parsed(value, pattern);
        }
        if let Some(value) = fields.get("listeners") {
            forwarded.listeners = reader.all_parsed(value, |text| of_inbound(text, listeners));
        }
        if fields.get("recipients").or(fields.get("listeners")).is_none() {
            reader.missing(
                at.clone(),
                "recipients",
                "whose mail is passed on; or listeners, by which it comes",
            );
        }
        Some(Self { domain: domain?, selector, forwarded, at })
    }
}

/// The name of a listener whose mail is checked, so that something can be said of it.
fn of_inbound(name: &str, listeners: &[Listener]) -> Result<String, &'static str> {
    let purpose = match listeners {
        [] => (name == DEFAULT_NAME).then_some(Purpose::Both),
        all => all.iter().find(|listener| listener.name == name).map(|listener| listener.purpose),
    };
    match purpose {
        Some(Purpose::Both | Purpose::Inbound) => Ok(name.to_owned()),
        Some(Purpose::Outbound | Purpose::Reinjected) => {
            Err("only inbound mail is sealed, and none comes by this listener")
        }
        None => Err("there is no listener of this name"),
    }
}
