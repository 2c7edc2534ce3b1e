//! `mailward init`: everything that a site needs, written or printed: the configuration, keys, records to publish, the
//! lines for Postfix, a unit for systemd. What is there already is left as it is.

mod files;
mod json;
mod records;
mod unit;

use std::path::{Path, PathBuf};

use mail::Domain;

use super::record::{Page, Source, end};
use crate::cli::{DnsArgs, Exit};
use crate::config::Config;
use crate::config::listener::Address;
use crate::input::InputError;
use crate::input::error::shown;
use crate::keys::ring::Ring;
use crate::postfix::lines::{self, Lines};
use crate::postfix::settings::Postfix;
use crate::serve::Part;

use self::files::Written;
use self::records::Wanted;

/// Where everything stands where nobody says otherwise.
const DEFAULT_DIRECTORY: &str = "/etc/mailward";

/// `mailward init`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where the configuration and the keys are written
    #[arg(long, value_name = "DIR", default_value = DEFAULT_DIRECTORY)]
    dir: PathBuf,
    /// A domain of the site: gets signing keys. As often as needed
    #[arg(long = "domain", value_name = "DOMAIN")]
    domains: Vec<String>,
    /// Listen on a unix socket that Postfix reaches from its chroot, /var/spool/postfix/mailward/milter.sock, in place of
    /// 127.0.0.1:8891
    #[arg(long)]
    postfix_chroot: bool,
    /// Answer Postfix how mail to other domains must be encrypted (MTA-STS), beside the milter's socket or at
    /// 127.0.0.1:8892
    #[arg(long)]
    tls_policy: bool,
    /// Print the unit for systemd, and do nothing else
    #[arg(long, conflicts_with = "json")]
    print_unit: bool,
    /// The unit of these parts of it alone, so that those that face strangers run where they can't read keys
    #[arg(long, value_name = "PART", value_delimiter = ',', requires = "print_unit")]
    only: Vec<Part>,
    /// One JSON object, by docs/install.schema.json
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    dns: DnsArgs,
}

/// What came of it.
struct Done {
    config: Written,
    keys: Vec<Written>,
    ring: Ring,
    domains: Vec<Domain>,
    wanted: Vec<Wanted>,
    lines: Lines,
    key_directory: PathBuf,
    /// The folder of the socket, which Postfix's group has to see; `None` for TCP.
    socket_folder: Option<PathBuf>,
}

/// Runs the command.
pub async fn run(args: &Args) -> Exit {
    end(init(args).await)
}

async fn init(args: &Args) -> Result<Exit, InputError> {
    let path = args.dir.join("mailward.toml");
    if args.print_unit {
        let mut page = Page::default();
        unit::unit(&path, &args.only)?.lines().for_each(|line| page.line(line));
        page.print();
        return Ok(Exit::Pass);
    }
    let domains: Vec<Domain> =
        args.domains.iter().map(|text| signing_domain(text)).collect::<Result<_, _>>()?;
    let tls = match args.tls_policy {
        true => Some(postfix_version().await),
        false => None,
    };
    let config = files::config(&args.dir, &domains, args.postfix_chroot, tls)?;
    // What is there already counts, and has to be in order before keys are made for it.
    let (read, _) = Config::load(Some(&path))?;
    let keys = files::keys(&read.signing, &domains)?;
    let mut ring = Ring::read(&read.signing);
    ring.keys.retain(|key| domains.contains(&key.domain));
    let source = Source::open(&args.dns, !domains.is_empty())?;
    let wanted = records::wanted(&source.as_it_is(), &domains).await;
    let done = Done {
        config,
        keys,
        ring,
        domains,
        wanted,
        lines: lines::lines(&read),
        key_directory: read.signing.key_directory.clone(),
        socket_folder: socket_folder(&read),
    };
    if args.json {
        Page::print_json(&json::InitJson::new(&done))?;
    } else {
        show(&done, &path);
    }
    Ok(Exit::Pass)
}

/// The version of the Postfix that is here.
async fn postfix_version() -> Option<String> {
    let postfix = Postfix::read(None).await.ok()?;
    let version = postfix.get("mail_version")?;
    verdict::tls::postfix::Version::parse(version)?;
    Some(version.to_owned())
}

fn signing_domain(text: &str) -> Result<Domain, InputError> {
    let shown = mail::printable(text);
    match Domain::parse(text) {
        Ok(domain) if domain.is_fqdn() => Ok(domain),
        Ok(_) => Err(InputError::new("--domain", format!("{shown} is no whole domain: it has one label"))),
        Err(why) => Err(InputError::new("--domain", format!("{shown} is no domain: {why}"))),
    }
}

fn socket_folder(config: &Config) -> Option<PathBuf> {
    config.listeners.iter().find_map(|listener| match &listener.address {
        Address::Unix(socket) => socket.path.parent().map(Path::to_owned),
        Address::Tcp(_) => None,
    })
}

fn show(done: &Done, path: &Path) {
    let mut page = Page::default();
    page.title("Files");
    page.gap();
    let rows: Vec<[String; 2]> = std::iter::once(&done.config)
        .chain(&done.keys)
        .map(|file| {
            let what = if file.is_new { "written" } else { "was there, left as it is" };
            [shown(&file.path), what.to_owned()]
        })
        .collect();
    page.table(["file", "what happened"], &rows);
    for error in &done.ring.errors {
        page.gap();
        page.line(error);
    }
    show_records(&mut page, done);
    show_postfix(&mut page, done);
    page.gap();
    page.title("Then");
    page.gap();
    if done.socket_folder.is_some() {
        page.line("Give what is secret to the user that mailward runs as, and start it:");
        page.gap();
        page.line(format_args!("  chown -R mailward: {}", shown(&done.key_directory)));
        page.line(format_args!("  chgrp mailward {}", shown(path)));
    }
    let config = match path == Path::new(crate::config::DEFAULT_PATH) {
        true => String::new(),
        false => format!(" --config {}", shown(path)),
    };
    page.line(format_args!("  mailward serve{config}"));
    page.line(format_args!("  mailward doctor{config}"));
    page.gap();
    page.line("mailward init --print-unit prints a unit that starts it with systemd.");
    page.print();
}

fn show_records(page: &mut Page, done: &Done) {
    page.gap();
    page.title("Records to publish");
    page.gap();
    if done.domains.is_empty() {
        page.line("No domain was named: mailward init --domain example.com makes keys for it.");
        return;
    }
    for key in &done.ring.keys {
        if let Ok(signing) = &key.file.key {
            let name = crate::keys::record::name(&key.selector, &key.domain);
            page.text(crate::keys::record::zone_line(&name, &signing.key_record()).as_bytes());
        } else if let Some(error) = key.error() {
            page.line(error);
        }
    }
    for wanted in &done.wanted {
        page.gap();
        page.line(format_args!("{}: {}", wanted.name, wanted.state.words()));
        if let Some(line) = wanted.zone_line() {
            page.text(line.as_bytes());
        }
    }
}

fn show_postfix(page: &mut Page, done: &Done) {
    page.gap();
    page.title("Lines for Postfix");
    page.gap();
    page.line("In main.cf:");
    page.gap();
    done.lines.main.iter().for_each(|line| page.line(line));
    if !done.lines.submission.is_empty() {
        page.gap();
        page.line(
            "In master.cf, below each service by which users hand in mail (submission, submissions, smtps):",
        );
        page.gap();
        done.lines.submission.iter().for_each(|line| page.line(line));
    }
    if let Some(folder) = &done.socket_folder {
        page.gap();
        page.line("The folder of the socket belongs to mailward, and Postfix's group may pass:");
        page.gap();
        page.line(format_args!("  install -d -o mailward -g postfix -m 2750 {}", shown(folder)));
    }
}
