//! `mailward dkim`: the public key that a domain publishes under a selector.

mod json;

use std::sync::Arc;

use dkim::key::{KeyRecord, PublicKey};
use dkim::lookup::KeyAnswer;
use dkim::{Selector, WhoError};
use mail::{Domain, Finding, Severity, Span, printable};

use super::record::{Argument, Kind, Page, Source, Text, domain, end, exit, is_record, one, texts};
use crate::cli::{DnsArgs, Exit};
use crate::input::InputError;

#[cfg(test)]
pub(super) use self::json::KeyJson;

const EXIT_CODES: &str = "\
Exit codes:
  0  the key record has no error
  1  the key record has an error, is revoked, or is not there
  2  something could not be done: a wrong command line, a file that can't be read, no answer from the DNS";

/// Between the selector and the domain (RFC 6376 §3.6.2.1).
const KEYS: &str = "_domainkey";

/// `mailward dkim`
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// A key: its type and strength, what it is limited to, what is wrong with its record
    #[command(
        after_help = EXIT_CODES,
        override_usage = "mailward dkim key [OPTIONS] <SELECTOR> <DOMAIN>\n       mailward dkim key [OPTIONS] <RECORD|FILE>"
    )]
    Key(KeyArgs),
}

/// `mailward dkim key`
#[derive(Debug, clap::Args)]
pub struct KeyArgs {
    /// A selector (s= of a signature) and its domain (d=); or a record or a whole zone line, in single quotes; or a
    /// file with one of those; or - for standard input
    #[arg(value_name = "SELECTOR DOMAIN|RECORD|FILE", required = true, num_args = 1..)]
    what: Vec<String>,
    #[command(flatten)]
    dns: DnsArgs,
    /// One JSON object, by docs/records.schema.json
    #[arg(long)]
    json: bool,
}

/// A key record that was looked at.
struct Look {
    domain: Option<Domain>,
    selector: Option<Selector>,
    text: Option<Text>,
    /// Why there is no record that counts.
    missing: Option<String>,
    record: Option<KeyRecord>,
}

/// Runs the command.
pub async fn run(command: Command) -> Exit {
    let Command::Key(args) = command;
    end(key(&args).await)
}

async fn key(args: &KeyArgs) -> Result<Exit, InputError> {
    let look = match args.what.as_slice() {
        [selector, domain] => published(selector, domain, &args.dns).await?,
        what => pasted(one(what)?, &args.dns)?,
    };
    if args.json {
        Page::print_json(&json::KeyJson::new(&look))?;
    } else {
        show(&look);
    }
    Ok(exit(look.is_good()))
}

fn pasted(what: &str, dns: &DnsArgs) -> Result<Look, InputError> {
    let (source, bytes) = match Argument::read(what)? {
        Argument::Text { source, bytes } => (source, bytes),
        Argument::Domain(name) => return Err(lonely(&name)),
    };
    // Nothing is asked, but a wrong option is still wrong.
    Source::open(dns, false)?;
    let mut text = Text::pasted(source, bytes);
    let mut record = None;
    if !text.is_other_kind(Kind::Dkim) {
        let parsed = KeyRecord::parse(text.record());
        text.add(parsed.findings);
        record = parsed.value;
    }
    let owner = text.owner();
    let (selector, domain) = owner.as_ref().and_then(|(owner, _)| key_of(owner)).unzip();
    if let Some((owner, span)) = owner.filter(|_| record.is_some() && selector.is_none()) {
        text.add_here(wrong_name(&owner, span));
    }
    Ok(Look { domain, selector, text: Some(text), missing: None, record })
}

/// One name where a selector and a domain are needed.
fn lonely(name: &Domain) -> InputError {
    let error = InputError::new(name.as_str(), "this names no key: every domain has a key for each selector");
    error.with_help(match key_of(name) {
        Some((selector, domain)) => format!("mailward dkim key {selector} {domain}"),
        None => format!("mailward dkim key SELECTOR {name}, where SELECTOR is s= of a DKIM-Signature"),
    })
}

/// The selector and the domain of a name that keys are published at.
fn key_of(name: &Domain) -> Option<(Selector, Domain)> {
    let (selector, domain) = name.as_str().split_once(&format!(".{KEYS}."))?;
    Some((Selector::parse(selector).ok()?, Domain::parse(domain).ok()?))
}

fn wrong_name(owner: &Domain, span: Span) -> Finding {
    let message = format!("a key at {owner} is at the wrong name: nobody asks for it there");
    Finding::new("dkim-key-wrong-name", Severity::Error, span, message)
        .with_help("publish it at SELECTOR._domainkey.DOMAIN, with the selector that signatures name in s=")
}

async fn published(selector: &str, name: &str, dns: &DnsArgs) -> Result<Look, InputError> {
    if let Some(record) = [selector, name].into_iter().find(|text| is_record(text)) {
        return Err(InputError::new(
            printable(record),
            "this is a record; it stands alone, without a selector",
        )
        .with_help("mailward dkim key SELECTOR DOMAIN, or mailward dkim key 'RECORD' (in single quotes)"));
    }
    let given = printable(selector);
    let domain = domain(name).map_err(|error| match Domain::parse(selector) {
        Ok(first) if first.is_fqdn() && Selector::parse(name).is_ok() => {
            let help = format!("the selector comes first: mailward dkim key {} {first}", printable(name));
            error.with_help(help)
        }
        _ => error.with_help("mailward dkim key SELECTOR DOMAIN"),
    })?;
    if selector.contains(KEYS) {
        return Err(InputError::new(given, "the selector alone is needed, without _domainkey")
            .with_help("mailward dkim key SELECTOR DOMAIN"));
    }
    let selector = Selector::parse(selector).map_err(|why: WhoError| {
        InputError::new(given, format!("no selector: {why}"))
            .with_help("a selector is s= of a DKIM-Signature, such as 2026 or mail.eu")
    })?;
    look_up(selector, domain, &Source::open(dns, true)?).await
}

async fn look_up(selector: Selector, domain: Domain, source: &Source) -> Result<Look, InputError> {
    let name = format!("{selector}.{KEYS}.{domain}");
    let place = format!("TXT {name}");
    let asked = source.as_it_is();
    let (text, missing, record) = match dkim::lookup(&asked, &selector, &domain).await {
        KeyAnswer::Found(found) => (
            Some(Text::published(place, found.text.to_vec(), found.findings)),
            None,
            Some(Arc::unwrap_or_clone(found.record)),
        ),
        KeyAnswer::NotAKey { text, findings } => {
            let missing = "what is published there is no key record".to_owned();
            (Some(Text::published(place, text.to_vec(), findings)), Some(missing), None)
        }
        KeyAnswer::Several => {
            let all = match dkim::who::key_name(&selector, &domain) {
                Ok(name) => texts(&asked, name).await,
                Err(_) => Vec::new(),
            };
            let missing = "several keys are published there, so none is the right one".to_owned();
            (Some(Text::published(place, all.join(&b'\n'), Vec::new())), Some(missing), None)
        }
        KeyAnswer::NoKey => (None, Some(format!("nothing is published at {name}")), None),
        KeyAnswer::Failed(failure) => return Err(source.unanswered(&name, failure)),
    };
    Ok(Look { domain: Some(domain), selector: Some(selector), text, missing, record })
}

impl Look {
    fn is_revoked(&self) -> bool {
        self.record.as_ref().is_some_and(|record| matches!(record.key, PublicKey::Revoked(_)))
    }

    fn is_good(&self) -> bool {
        self.missing.is_none() && !self.is_revoked() && self.text.as_ref().is_some_and(Text::is_valid)
    }
}

fn show(look: &Look) {
    let mut page = Page::default();
    match (&look.selector, &look.domain) {
        (Some(selector), Some(domain)) => page.title(format_args!("DKIM key {selector} of {domain}")),
        _ => page.title("DKIM key"),
    }
    match &look.text {
        Some(text) => page.record(text),
        None => page.gap(),
    }
    if let Some(record) = &look.record {
        page.facts(&facts(record));
    }
    if let Some(text) = &look.text {
        page.findings(text);
    }
    let weak = look.record.as_ref().is_some_and(KeyRecord::is_weak);
    let other = look.text.as_ref().is_some_and(|text| text.other);
    match (&look.missing, look.is_good()) {
        (None, _) if other => page.verdict(false, "This is no DKIM key record."),
        (Some(missing), _) => page.verdict(false, format_args!("No key: {missing}.")),
        (None, _) if look.is_revoked() => {
            page.verdict(
                false,
                "The key is revoked: its owner has taken it back, and no signature with it passes.",
            );
        }
        (None, true) if weak => {
            page.verdict(true, "The record has no error. The key is valid but weak: 2048 bits are advised.");
        }
        (None, true) => page.verdict(true, "The record has no error."),
        (None, false) => page.verdict(false, "The record has an error: no signature with this key can pass."),
    }
    page.print();
}

/// The record's tags in words.
fn facts(record: &KeyRecord) -> Vec<(&'static str, String)> {
    let list = |words: &Option<Vec<Box<str>>>, all: &str| match words {
        Some(words) => format!("{} only", words.join(", ")),
        None => all.to_owned(),
    };
    let mut facts = vec![
        ("key", record.key.to_string()),
        ("hashes", list(&record.hashes, "all (no h=)")),
        ("services", list(&record.services, "all (no s=)")),
    ];
    for flag in &record.flags {
        let what = match &**flag {
            "y" => "t=y: the domain is only testing DKIM".to_owned(),
            "s" => "t=s: i= of a signature must have the domain itself, no sub-domain".to_owned(),
            other => format!("t={other}: not known, ignored"),
        };
        facts.push(("flag", what));
    }
    facts.extend(record.notes.as_ref().map(|notes| ("notes", printable(notes.as_bytes()))));
    facts
}
