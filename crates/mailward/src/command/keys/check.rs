//! `mailward keys check`: what is on the disk against what is published.

use dkim::{KeyAnswer, SigningKey, lookup};
use dns::Failure;
use futures_util::future::join_all;

use super::super::record::Page;
use super::Which;
use super::json::CheckJson;
use super::list::faults;
use super::published::{Seen, State};
use super::servers;
use crate::cli::Exit;
use crate::input::InputError;
use crate::keys::record;
use crate::keys::ring::{Ring, SiteKey};
use crate::world::{View, World};

/// `mailward keys check`
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    which: Which,
    /// Who says which name servers the zones have: a server (192.0.2.53); otherwise the system's resolver. With a zone
    /// file or a recording, that is compared, and no server is asked
    #[arg(long, value_name = "SERVER|ZONEFILE|RECORDING")]
    dns: Option<String>,
    /// One JSON object, by docs/signing.schema.json
    #[arg(long)]
    json: bool,
}

/// A key and what was seen of it.
pub(in crate::command) struct Checked<'a> {
    pub(in crate::command) key: &'a SiteKey,
    /// What each server said; an error where there is none to ask.
    pub(in crate::command) seen: Result<Vec<Seen>, InputError>,
}

pub(super) async fn run(args: &Args) -> Result<Exit, InputError> {
    let ring = args.which.read()?;
    let world = World::open(args.dns.as_deref(), None)?;
    let checked = see_all(&world, args.dns.as_deref(), &ring).await;
    if args.json {
        Page::print_json(&CheckJson::new(&checked, &ring.errors))?;
    } else {
        let mut page = Page::default();
        for (index, checked) in checked.iter().enumerate() {
            if index > 0 {
                page.gap();
            }
            show(&mut page, checked);
        }
        if checked.is_empty() {
            page.line("There are no keys. Make some with: mailward keys new DOMAIN");
        }
        faults(&mut page, &ring);
        page.print();
    }
    let ends = checked.iter().map(Checked::exit);
    Ok(ends.chain((!ring.errors.is_empty()).then_some(Exit::Fail)).fold(Exit::Pass, worse))
}

/// Looks at all keys of a ring in a world that is called `named`.
pub(in crate::command) async fn see_all<'a>(
    world: &World,
    named: Option<&str>,
    ring: &'a Ring,
) -> Vec<Checked<'a>> {
    let file = named.filter(|_| !world.is_network());
    let mut checked = Vec::new();
    for key in &ring.keys {
        let seen = match &key.file.key {
            Ok(signing_key) => see(&world.view(None), file, key, signing_key).await,
            Err(_) => Ok(Vec::new()),
        };
        checked.push(Checked { key, seen });
    }
    checked
}

/// What is wrong for sure counts more than what is not known.
fn worse(one: Exit, other: Exit) -> Exit {
    match (one, other) {
        (Exit::Fail, _) | (_, Exit::Fail) => Exit::Fail,
        (Exit::Error, _) | (_, Exit::Error) => Exit::Error,
        (Exit::Pass, Exit::Pass) => Exit::Pass,
    }
}

impl Checked<'_> {
    fn exit(&self) -> Exit {
        let fault = self.key.file.fault.is_some().then_some(Exit::Fail);
        let seen = match &self.seen {
            Err(_) => vec![Exit::Error],
            Ok(seen) => seen.iter().map(of_server).collect(),
        };
        seen.into_iter().chain(fault).fold(Exit::Pass, worse)
    }
}

fn of_server(seen: &Seen) -> Exit {
    match seen.state {
        State::NoAnswer(_) => Exit::Error,
        _ if seen.is_good() => Exit::Pass,
        _ => Exit::Fail,
    }
}

async fn see(
    view: &View<'_>,
    file: Option<&str>,
    key: &SiteKey,
    signing_key: &SigningKey,
) -> Result<Vec<Seen>, InputError> {
    let ask = async |dns: &View<'_>, who: String| {
        Seen::new(who, &lookup(dns, &key.selector, &key.domain).await, signing_key)
    };
    if let Some(file) = file {
        return Ok(vec![ask(view, mail::printable(file)).await]);
    }
    let text = record::name(&key.selector, &key.domain);
    let name = dkim::who::key_name(&key.selector, &key.domain);
    let name = name.map_err(|why| InputError::new(text.clone(), why.to_string()))?;
    let servers = servers::of_zone(view, &name).await?;
    let answers =
        join_all(servers.iter().map(|server| lookup(&server.resolver, &key.selector, &key.domain))).await;
    let mut seen: Vec<Seen> = servers
        .iter()
        .zip(&answers)
        .map(|(server, answer)| Seen::new(server.name.clone(), answer, signing_key))
        .collect();
    // A name that is an alias into another zone: its own servers don't know what is there.
    let refused = |answer: &KeyAnswer| matches!(answer, KeyAnswer::Failed(Failure::ServerFailure));
    if answers.iter().all(refused) {
        let through = ask(view, "through the resolver (an alias into another zone?)".to_owned()).await;
        if !matches!(through.state, State::NoAnswer(_)) {
            seen = vec![through];
        }
    }
    Ok(seen)
}

fn show(page: &mut Page, checked: &Checked<'_>) {
    let key = checked.key;
    page.title(format_args!("{}", record::name(&key.selector, &key.domain)));
    match &checked.seen {
        Err(error) => page.line(format_args!("  {error}")),
        Ok(seen) if seen.is_empty() => page.line("  not compared: there is no key in the file"),
        Ok(seen) => {
            let rows: Vec<[String; 2]> =
                seen.iter().map(|seen| [seen.server.clone(), seen.words()]).collect();
            page.table(["server", "what it publishes"], &rows);
        }
    }
}
