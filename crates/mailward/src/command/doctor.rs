//! `mailward doctor`: looks at an installation, says what is wrong with it, and what to do about that. It changes nothing.

mod clock;
mod data;
mod finding;
mod json;
mod keys;
mod mta;
mod outbound;
mod probe;
mod resolvers;
mod rights;
mod sockets;

use std::path::PathBuf;

use crate::cli::Exit;
use crate::config::Config;
use crate::input::InputError;
use crate::keys::ring::Ring;
use crate::postfix::lines::QUEUE;
use crate::postfix::settings::Postfix;
use crate::world::World;

use super::record::{Page, end, exit};

use self::finding::{Report, Severity};

#[cfg(test)]
pub(super) use self::json::DoctorJson;

/// `mailward doctor`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The configuration [default: /etc/mailward/mailward.toml]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The directory of main.cf and master.cf, where Postfix would not look by itself
    #[arg(long, value_name = "DIR")]
    postfix: Option<PathBuf>,
    /// In place of the resolvers of the configuration: a server (192.0.2.53), or a zone file or recording that the keys are
    /// held against, so that no server is asked
    #[arg(long, value_name = "SERVER|ZONEFILE|RECORDING")]
    dns: Option<String>,
    /// One JSON object, by docs/install.schema.json
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub async fn run(args: &Args) -> Exit {
    end(look(args).await)
}

async fn look(args: &Args) -> Result<Exit, InputError> {
    let (config, source) = Config::load(args.config.as_deref())?;
    let mut report = Report::default();
    report.good(
        "configuration",
        match &source.path {
            Some(_) => format!("{} is in order", source.name()),
            None => "there is none, so all is as it is by default".to_owned(),
        },
    );
    let ring = Ring::read(&config.signing);
    let postfix = Postfix::read(args.postfix.as_deref()).await;
    mta::look(&mut report, &postfix, &config, !ring.keys.is_empty());
    let setting = |name| postfix.as_ref().ok().and_then(|postfix| postfix.get(name));
    let queue = PathBuf::from(setting("queue_directory").unwrap_or(QUEUE));
    sockets::look(&mut report, &config, &queue, setting("mail_owner")).await;
    if let Ok(postfix) = &postfix {
        outbound::look(&mut report, postfix, &config, &queue, args.dns.is_none()).await;
    }
    rights::look(&mut report, &config, &source, &ring);
    data::look(&mut report, &config).await;
    let is_answered = resolvers::look(&mut report, &config.dns, args.dns.as_deref()).await?;
    if is_answered {
        keys::look(&mut report, &ring, args.dns.as_deref(), &config.dns).await?;
    }
    clock::look(&mut report, &source, &ring).await;
    if args.json {
        Page::print_json(&json::DoctorJson::from(&report))?;
    } else {
        report.print();
    }
    Ok(exit(report.worst() < Severity::Error))
}

/// The world that keys are held against: what was named, or what the configuration names.
fn world(named: Option<&str>, dns: &crate::config::Dns) -> Result<World, InputError> {
    match named {
        None if !dns.servers.is_empty() => World::of_servers(dns.servers.clone()),
        named => World::open(named, None),
    }
}
