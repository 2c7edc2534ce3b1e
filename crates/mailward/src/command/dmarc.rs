//! `mailward dmarc`: what a domain asks to be done with mail that nobody vouches for.

mod json;
mod look;
mod words;

use dmarc::{Policies, PolicyRecord, Record};
use mail::Domain;

use self::look::Look;
use super::record::{Page, Text, end, exit};
use crate::cli::{DnsArgs, Exit};
use crate::input::InputError;

#[cfg(test)]
pub(super) use self::json::DmarcJson;

const EXIT_CODES: &str = "\
Exit codes:
  0  a record applies and has no error
  1  the record has an error, or is not there
  2  something could not be done: a wrong command line, a file that can't be read, no answer from the DNS";

/// `mailward dmarc`
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// The record that applies to a domain, how it is found, and what it asks for
    #[command(after_help = EXIT_CODES, override_usage = "mailward dmarc show [OPTIONS] <DOMAIN|RECORD|FILE>")]
    Show(ShowArgs),
}

/// `mailward dmarc show`
#[derive(Debug, clap::Args)]
pub struct ShowArgs {
    /// A domain; a record or a whole zone line, in single quotes; a file with one of those; or - for standard input
    #[arg(value_name = "DOMAIN|RECORD|FILE", required = true, num_args = 1..)]
    what: Vec<String>,
    #[command(flatten)]
    dns: DnsArgs,
    /// One JSON object, by docs/records.schema.json
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub async fn run(command: Command) -> Exit {
    let Command::Show(args) = command;
    end(show(&args).await)
}

async fn show(args: &ShowArgs) -> Result<Exit, InputError> {
    let look = Look::at(args).await?;
    if args.json {
        Page::print_json(&json::DmarcJson::new(&look))?;
    } else {
        tell(&look);
    }
    Ok(exit(look.is_valid()))
}

fn tell(look: &Look) {
    let mut page = Page::default();
    match &look.domain {
        Some(domain) => page.title(format_args!("DMARC of {domain}")),
        None => page.title("DMARC record"),
    }
    if let Some(discovery) = &look.discovery {
        page.gap();
        for step in words::walk(discovery) {
            page.line(format_args!("  {step}"));
        }
    }
    if let Some(text) = &look.text {
        page.record(text);
    }
    if let Some(record) = &look.record {
        policies(&mut page, look, record);
    }
    if let Some(text) = &look.text {
        page.findings(text);
    }
    let other = look.text.as_ref().is_some_and(|text| text.other);
    match (&look.missing, look.is_valid()) {
        (None, _) if other => page.verdict(false, "This is no DMARC record."),
        (Some(missing), _) => page.verdict(false, format_args!("No DMARC record that counts: {missing}.")),
        (None, true) => page.verdict(true, "The record has no error."),
        (None, false) => page.verdict(false, "The record has an error."),
    }
    page.print();
}

fn policies(page: &mut Page, look: &Look, record: &Record) {
    if record.policies() == Policies::Unusable {
        return page.line("The record has no usable policy and wants no reports: it is ignored.");
    }
    let owner = look.policy_domain();
    let name = |what: &str| owner.map_or_else(|| what.to_owned(), |owner| format!("{what} of {owner}"));
    let itself = owner.map_or("the domain itself".to_owned(), ToString::to_string);
    let rows = [(itself, dmarc::Relation::Same)]
        .into_iter()
        .chain([
            (name("sub-domains"), dmarc::Relation::Subdomain),
            (name("sub-domains that don't exist"), dmarc::Relation::NonExistent),
        ])
        .map(|(whose, relation)| {
            let (asked, why) = words::policy(record, relation);
            [whose, asked, why]
        })
        .collect::<Vec<_>>();
    page.table(["for mail from", "asked for", "by"], &rows);
    if let Some(line) = applied(look, record) {
        page.gap();
        page.line(line);
    }
    page.gap();
    page.facts(&words::facts(record));
}

/// What that comes to for a domain whose record stands above it.
fn applied(look: &Look, record: &Record) -> Option<String> {
    let PolicyRecord::Applies(applies) = look.discovery.as_ref()?.policy() else { return None };
    let domain: &Domain = look.domain.as_ref().filter(|domain| **domain != applies.domain)?;
    Some(match applies.relation {
        Ok(relation) => format!("For {domain} that is: {}.", words::policy(record, relation).0),
        Err(trouble) => format!("Which of them {domain} is, is not known now: {trouble}."),
    })
}

impl Look {
    fn is_valid(&self) -> bool {
        self.missing.is_none() && self.text.as_ref().is_some_and(Text::is_valid)
    }

    /// The domain whose record it is.
    fn policy_domain(&self) -> Option<&Domain> {
        match &self.discovery {
            Some(discovery) => match discovery.policy() {
                PolicyRecord::Applies(applies) => Some(&applies.domain),
                PolicyRecord::None | PolicyRecord::Unknown(..) => None,
            },
            None => self.domain.as_ref(),
        }
    }
}
