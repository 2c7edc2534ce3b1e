//! `mailward arc verify`: the chain of one message, told as a story or as JSON.

use std::fs::File;
use std::io;
use std::path::PathBuf;

use anstyle::Style;
use arc::{Chain, Check, Hop, Outcome};
use dkim::BodyHasher;
use mail::{Explain, Splitter, UnixTime};

use super::super::record::Page;
use super::json::ArcJson;
use crate::cli::{DnsArgs, Exit};
use crate::input::error::shown;
use crate::input::{Bytes, Chunks, InputError, now, parse_time};
use crate::show;
use crate::show::table::outcome_style;
use crate::world::World;

/// `mailward arc verify`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A message, or - for standard input
    #[arg(value_name = "FILE", default_value = "-")]
    file: PathBuf,
    #[command(flatten)]
    dns: DnsArgs,
    /// The time at which it is judged: seconds since 1970, or 2026-05-01T12:00:00Z; otherwise now
    #[arg(long, value_name = "T", value_parser = parse_time)]
    now: Option<UnixTime>,
    /// One JSON object, by docs/arc.schema.json
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(args: &Args) -> Result<Exit, InputError> {
    let world = World::open(args.dns.dns.as_deref(), args.dns.overlay.as_deref())?;
    let (name, bytes) = open(&args.file)?;
    let check = check(&world, bytes.chunks(), args.now.unwrap_or_else(now))
        .await
        .map_err(|error| InputError::io(&name, &error))?;
    if args.json {
        Page::print_json(&ArcJson::new(&check, None))?;
    } else {
        show::print(format_args!("{}\n", tell(&name, &check).trim_end()));
    }
    Ok(if check.outcome() == Outcome::Fail { Exit::Fail } else { Exit::Pass })
}

fn open(file: &PathBuf) -> Result<(String, Bytes), InputError> {
    if file.as_os_str() == "-" {
        return Ok(("-".to_owned(), Bytes::stream(Vec::new(), io::stdin())));
    }
    let name = shown(file);
    let opened = File::open(file).map_err(|error| InputError::io(&name, &error))?;
    Ok((name, Bytes::stream(Vec::new(), opened)))
}

async fn check(world: &World, mut chunks: Chunks, now: UnixTime) -> io::Result<Check> {
    let mut splitter = Splitter::default();
    let mut body = Vec::new();
    while !splitter.in_body() {
        let Some(chunk) = chunks.next_chunk()? else { break };
        body = splitter.push(chunk).to_vec();
    }
    let header = splitter.into_header();
    let chain = Chain::read(&header, &dkim::Policy::default(), now);
    let mut hasher = BodyHasher::new(chain.forms());
    hasher.update(&body);
    while let Some(chunk) = chunks.next_chunk()? {
        hasher.update(chunk);
    }
    let keys = chain.keys(&world.view(None), None).await;
    Ok(chain.check(&header, &keys, &hasher.finish()))
}

/// The result, each hop with what it saw, then the steps.
fn tell(name: &str, check: &Check) -> String {
    let word = check.outcome().as_str();
    let (bold, style) = (Style::new().bold(), outcome_style(word).bold());
    let mut story = format!("{name}: {style}arc={word}{style:#}: {}\n", check.reason());
    for hop in check.hops() {
        story += &format!("\n{bold}Set {} of {}{bold:#}\n", hop.instance, hop.sealer.domain);
        story += &format!("  {}\n", saw(hop));
    }
    if check.outcome() != Outcome::None {
        story += &format!("\n{bold}Steps{bold:#}\n");
        story += &show::steps(check.steps().iter().map(|step| step as &dyn Explain));
    }
    story
}

fn saw(hop: &Hop) -> String {
    match &hop.results {
        Ok(results) => {
            let value = results.value().replace("\r\n", "");
            format!("saw: {}", mail::printable(value.trim().as_bytes()))
        }
        Err(error) => format!("what it saw can't be read: {error}"),
    }
}
