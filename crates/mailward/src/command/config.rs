//! `mailward config`: the configuration file, what is wrong with it, and a sample of it.

mod json;

use std::path::PathBuf;

use dkim::Canon;
use mail::{Finding, Severity, Span};
use verdict::outbound::{Rule, SigningTable};

use super::record::{Page, end, exit};
use crate::cli::Exit;
use crate::config::{Config, Sealing, Source, TlsPolicy, sample::sample};
use crate::input::InputError;
use crate::keys::ring::{Ring, SiteKey, lacking};

#[cfg(test)]
pub(super) use self::json::ConfigJson;

const EXIT_CODES: &str = "\
Exit codes:
  0  the configuration is in order, and all its keys can be used
  1  there is a mistake in it, or a key or a file of authorities that can't be used
  2  something could not be done: a wrong command line, a file that can't be read";

/// `mailward config`
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Look for mistakes: shows all of them, reads the keys and authorities, and says who signs for whom
    #[command(after_help = EXIT_CODES)]
    Check(CheckArgs),
    /// Print a file with everything that can be configured, and its defaults, in comments
    Sample,
}

/// `mailward config check`
#[derive(Debug, clap::Args)]
pub struct CheckArgs {
    /// The file [default: /etc/mailward/mailward.toml]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// One JSON object, by docs/signing.schema.json
    #[arg(long)]
    json: bool,
}

/// A configuration that was looked at.
struct Look {
    source: Source,
    ring: Ring,
    table: SigningTable,
}

impl Look {
    fn is_good(&self) -> bool {
        self.source.is_valid()
            && self.ring.errors.is_empty()
            && self.ring.keys.iter().all(|key| key.file.fault.is_none())
    }
}

/// Runs the command.
pub fn run(command: &Command) -> Exit {
    match command {
        Command::Check(args) => end(check(args)),
        Command::Sample => {
            let mut page = Page::default();
            sample().lines().for_each(|line| page.line(line));
            page.print();
            Exit::Pass
        }
    }
}

fn check(args: &CheckArgs) -> Result<Exit, InputError> {
    let (config, mut source) = Config::read(args.config.as_deref())?;
    let ring = Ring::read(&config.signing);
    let table = ring.table(&config.signing);
    // Of a rule with a mistake nobody knows which keys it wants.
    if source.is_valid() {
        source.findings.extend(lacking(&config.signing, &table));
        source.findings.extend(config.sealing.as_ref().and_then(|sealing| no_sealer(&ring, sealing)));
        source.findings.extend(no_authorities(&config.tls_policy));
    }
    let look = Look { source, ring, table };
    if args.json {
        Page::print_json(&json::ConfigJson::new(&look))?;
    } else {
        show(&look);
    }
    Ok(exit(look.is_good()))
}

/// Why nobody can seal, at its place in the file.
fn no_sealer(ring: &Ring, sealing: &Sealing) -> Option<Finding> {
    let fault = ring.sealer(sealing).err()?;
    let span = Span::new(sealing.at.start, sealing.at.end);
    Some(Finding::new("config-no-key", Severity::Error, span, fault.to_string()))
}

/// Why no certificate of a policy host can be believed: `serve` would not start.
fn no_authorities(tls_policy: &TlsPolicy) -> Option<Finding> {
    tls_policy.address.as_ref()?;
    let error = tls_policy.roots.read().err()?;
    let span = Span::new(tls_policy.roots_at.start, tls_policy.roots_at.end);
    Some(Finding::new("config-no-authorities", Severity::Error, span, error.to_string()))
}

fn show(look: &Look) {
    let mut page = Page::default();
    page.title(match &look.source.path {
        Some(_) => look.source.name(),
        None => "No configuration file: everything is as it is by default".to_owned(),
    });
    let shown = look.source.show();
    if !shown.is_empty() {
        page.gap();
        shown.lines().for_each(|line| page.line(line.trim_end()));
    }
    who_signs(&mut page, &look.table);
    let faults: Vec<InputError> =
        look.ring.keys.iter().filter_map(SiteKey::error).chain(look.ring.errors.iter().cloned()).collect();
    if !faults.is_empty() {
        page.gap();
        faults.iter().for_each(|fault| page.line(fault));
    }
    let mistakes = look.source.findings.len();
    match (mistakes, look.is_good()) {
        (_, true) => page.verdict(true, "The configuration is in order."),
        (0, false) => page.verdict(false, "The file has no mistake, but not all keys can be used."),
        (1, false) => page.verdict(false, "There is a mistake in the file."),
        (mistakes, false) => page.verdict(false, format_args!("There are {mistakes} mistakes in the file.")),
    }
    page.print();
}

/// The table as it came out, so that an administrator sees who signs for whom.
fn who_signs(page: &mut Page, table: &SigningTable) {
    let written = table.rules().iter().map(|rule| row(table, rule));
    let own = table.free().map(|domain| {
        let keys = table.keys().filter(|key| key.domain == *domain).map(|key| key.selector.to_string());
        [
            "no rule".to_owned(),
            domain.to_string(),
            domain.to_string(),
            keys.collect::<Vec<_>>().join(" "),
            String::new(),
        ]
    });
    let rows: Vec<[String; 5]> = written.chain(own).collect();
    page.gap();
    if rows.is_empty() {
        page.line(
            "Nothing is signed: there are no rules and no keys. Make keys with: mailward keys new DOMAIN",
        );
    } else {
        page.table(["rule", "author domain", "signs as", "selectors", "only for"], &rows);
    }
}

fn row(table: &SigningTable, rule: &Rule) -> [String; 5] {
    let mut keys: Vec<String> = table.keys_of(rule).map(|key| key.selector.to_string()).collect();
    keys.dedup();
    [
        rule.name.to_string(),
        join(&rule.authors),
        rule.domain.as_ref().map_or("the author domain".to_owned(), ToString::to_string),
        match rule.selectors.is_empty() {
            true if rule.domain.is_none() => "all".to_owned(),
            true => keys.join(" "),
            false => join(&rule.selectors),
        },
        restrictions(rule).join("; "),
    ]
}

fn join<T: ToString>(all: &[T]) -> String {
    all.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

fn restrictions(rule: &Rule) -> Vec<String> {
    let all = [
        ("clients", join(&rule.networks)),
        ("users", join(&rule.users)),
        ("listeners", rule.listeners.join(" ")),
    ];
    all.into_iter()
        .filter(|(_, list)| !list.is_empty())
        .map(|(what, list)| format!("{what} {list}"))
        .collect()
}

/// How a rule signs, in the words of the file.
fn canonicalization(header: Canon, body: Canon) -> String {
    format!("{header}/{body}")
}

/// A finding and where it stands.
fn place(source: &Source, finding: &Finding) -> (usize, usize) {
    let position = source.position(finding.span.start);
    (position.line, position.column.unwrap_or(1))
}
