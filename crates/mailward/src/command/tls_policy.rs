//! `mailward tls-policy`: how mail to a domain must be encrypted, and why: the same answer that Postfix gets, for people.

mod forget;
mod history;
mod json;
mod look;
mod probed;

use std::path::PathBuf;

use mail::UnixTime;

use self::look::Look;
use super::record::{Page, end};
use crate::cli::{DnsArgs, Exit};
use crate::input::InputError;
use crate::input::time::parse_time;
use crate::show::escape::escape;

/// `mailward tls-policy`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A domain; or as Postfix names a next hop: [host], [host]:port, domain:port
    #[arg(value_name = "DOMAIN")]
    domain: String,
    /// Every step that led to the answer, each with its rule
    #[arg(long)]
    explain: bool,
    /// What came to pass up to then, and what Postfix was told: 2026-05-01T12:00:00Z, or seconds since 1970
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    at: Option<UnixTime>,
    /// Fetch the policy now, whether one is kept or not; what serve keeps stays as it is
    #[arg(long, conflicts_with = "at")]
    fetch: bool,
    /// Forget the policy that is kept, wherever mailward serves with this database: somebody planted it, or it is wrong
    #[arg(long, conflicts_with_all = ["at", "fetch", "probe", "explain"])]
    forget: bool,
    /// Connect to the MX hosts, and see whether their certificates are what the policy and the TLSA records ask for; no mail is sent
    #[arg(long, conflicts_with = "at")]
    probe: bool,
    /// The configuration [default: /etc/mailward/mailward.toml]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    dns: DnsArgs,
    /// One JSON object, by docs/tls-policy.schema.json
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub async fn run(args: &Args) -> Exit {
    end(match args.at {
        Some(at) => history::show(args, at).await,
        None if args.forget => forget::forget(args).await,
        None => show(args).await,
    })
}

async fn show(args: &Args) -> Result<Exit, InputError> {
    let look = Look::at(args).await?;
    if args.json {
        Page::print_json(&json::TlsPolicyJson::new(&look))?;
    } else {
        tell(args, &look);
    }
    Ok(match (&look.kept, look.is_deferred()) {
        // What serve goes by may be something else.
        (Err(_), _) => Exit::Error,
        (Ok(_), true) => Exit::Fail,
        (Ok(_), false) => Exit::Pass,
    })
}

fn tell(args: &Args, look: &Look) {
    let mut page = Page::default();
    page.title(format_args!("TLS for mail to {}", look.hop.domain));
    page.gap();
    page.facts(&look.facts());
    let hosts = look.hosts();
    if !hosts.is_empty() {
        page.gap();
        let rows = hosts
            .iter()
            .map(|host| [host.name.clone(), host.policy.to_owned(), host.dane.clone(), host.used.to_owned()]);
        page.table(["MX host", "MTA-STS", "DANE", "mail"], &rows.collect::<Vec<_>>());
    }
    if let Some(probed) = &look.probed {
        probed.tell(&mut page);
    }
    if args.explain {
        page.gap();
        page.steps(look.decision.steps.iter().map(|step| step as &dyn mail::Explain));
    }
    page.gap();
    page.line(format_args!("{}: {}", look.told(), escape(look.answer.to_string())));
    page.verdict(!look.is_deferred(), look.conclusion());
    page.print();
}
