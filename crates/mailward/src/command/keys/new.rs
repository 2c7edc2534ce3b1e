//! `mailward keys new`: new keys, and the records to publish.

use std::path::PathBuf;

use jiff::tz::TimeZone;
use mail::Domain;

use super::super::record::{Page, domain};
use super::json::NewJson;
use crate::cli::Exit;
use crate::config::signing::DEFAULT_KEYS;
use crate::input::error::shown;
use crate::input::{InputError, now};
use crate::keys::make::{self, Kind, NewKey};
use crate::keys::record::{name, zone_line};

/// The selector of a key where nobody says otherwise.
const TEMPLATE: &str = "%Y%m-%k";

/// `mailward keys new`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The signing domain
    domain: String,
    /// An RSA key of so many bits. Without --rsa and --ed25519, there will be one of 2048 bits and an Ed25519 key
    #[arg(long, value_name = "BITS", num_args = 0..=1, default_missing_value = "2048", value_parser = ["2048", "3072", "4096"])]
    rsa: Option<String>,
    /// An Ed25519 key
    #[arg(long)]
    ed25519: bool,
    /// The selector: %Y, %m, %d stand for year, month and day, %k for the type of key
    #[arg(long, value_name = "TEMPLATE", default_value = TEMPLATE)]
    selector: String,
    /// The directory of keys; the key is written to DIR/DOMAIN/SELECTOR.pem
    #[arg(long, value_name = "DIR", default_value = DEFAULT_KEYS)]
    out: PathBuf,
    /// One JSON object, by docs/signing.schema.json
    #[arg(long)]
    json: bool,
}

impl Args {
    fn kinds(&self) -> Vec<Kind> {
        let rsa = self.rsa.as_deref().map(|bits| match bits {
            "3072" => Kind::Rsa3072,
            "4096" => Kind::Rsa4096,
            _ => Kind::Rsa2048,
        });
        match (rsa, self.ed25519) {
            // Most receivers know RSA alone, and some day none will: both sign.
            (None, false) => vec![Kind::Rsa2048, Kind::Ed25519],
            (rsa, ed25519) => rsa.into_iter().chain(ed25519.then_some(Kind::Ed25519)).collect(),
        }
    }
}

pub(super) fn run(args: &Args) -> Result<Exit, InputError> {
    let domain = domain(&args.domain)?;
    let seconds = i64::try_from(now().0).unwrap_or_default();
    let today = jiff::Timestamp::from_second(seconds).unwrap_or_default().to_zoned(TimeZone::UTC).date();
    let template = |why: String| InputError::new("--selector", why);
    let mut keys: Vec<NewKey> = Vec::new();
    for kind in args.kinds() {
        let selector =
            make::selector(&args.selector, today, kind).map_err(|why| template(why.to_string()))?;
        if keys.iter().any(|key| key.selector == selector) {
            let why = format!("both keys would have the selector {selector}, and one selector has one key");
            return Err(template(why)
                .with_help(format!("put the type of key into it: --selector {}-%k", args.selector)));
        }
        if let Err(why) = dkim::who::key_name(&selector, &domain) {
            return Err(template(format!("{} is no name: {why}", name(&selector, &domain))));
        }
        keys.push(NewKey::make(kind, &domain, selector, &args.out)?);
    }
    make::write(&args.out, &domain, &keys)?;
    if args.json {
        Page::print_json(&NewJson::new(&domain, &keys))?;
    } else {
        show(&domain, &keys);
    }
    Ok(Exit::Pass)
}

fn show(domain: &Domain, keys: &[NewKey]) {
    let mut page = Page::default();
    let several = if keys.len() == 1 { "key" } else { "keys" };
    page.title(format_args!("New {several} of {domain}"));
    page.gap();
    let rows: Vec<[String; 3]> = keys
        .iter()
        .map(|key| [key.selector.to_string(), key.key.public_key().to_string(), shown(&key.path)])
        .collect();
    page.table(["selector", "key", "file"], &rows);
    page.gap();
    page.line("For a zone file (BIND, knot and others):");
    page.gap();
    for key in keys {
        page.text(zone_line(&name(&key.selector, domain), &key.key.key_record()).as_bytes());
    }
    page.gap();
    page.line("As name and value, for web forms:");
    for key in keys {
        page.gap();
        page.text(name(&key.selector, domain).as_bytes());
        page.text(key.key.key_record().as_bytes());
    }
    page.gap();
    page.line("When they are published, see whether all name servers have them:");
    page.gap();
    let elsewhere = keys
        .first()
        .and_then(|key| key.path.parent()?.parent())
        .filter(|d| *d != std::path::Path::new(DEFAULT_KEYS));
    let keys = elsewhere.map(|directory| format!(" --keys {}", shown(directory))).unwrap_or_default();
    page.line(format_args!("  mailward keys check {domain}{keys}"));
    page.print();
}
