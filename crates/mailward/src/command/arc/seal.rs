//! `mailward arc seal`: our own verdict on the message of standard input, sealed on top of it.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::path::PathBuf;

use arc::{NewSet, NotSealed, OnFailure, OwnFault, Sealer, Sealing};
use dkim::{BodyHashes, FieldList, Selector};
use mail::authres::AuthservId;
use mail::{Domain, Header, Splitter, UnixTime};
use resolver::Deadline;
use verdict::suffix::BuiltIn;
use verdict::{Envelope, Inbound, Settings, Verdict};

use super::json::SealJson;
use crate::cli::{DnsArgs, Exit};
use crate::input::envelope::parse_ip;
use crate::input::error::shown;
use crate::input::{InputError, Spooled, now, parse_time};
use crate::keys::file::KeyFile;
use crate::keys::ring::SiteKey;
use crate::show;
use crate::world::World;

/// How long the message may wait for the DNS.
const DEADLINE: std::time::Duration = std::time::Duration::from_secs(20);

/// `mailward arc seal`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The domain that seals, d=
    #[arg(long, value_name = "DOMAIN")]
    domain: Domain,
    /// The selector under which the public key is published, s=
    #[arg(long, value_name = "SELECTOR", value_parser = parse_selector)]
    selector: Selector,
    /// A file with the private key, RSA of 2048 bits or more
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// Our name in front of what we saw
    #[arg(long, value_name = "NAME")]
    authserv_id: Domain,
    /// A chain that is not valid gets one last set that says so (cv=fail); otherwise it is left alone
    #[arg(long)]
    mark_failed: bool,
    /// The client's IP address
    #[arg(long, value_name = "ADDRESS", value_parser = parse_ip, help_heading = "Envelope")]
    ip: Option<IpAddr>,
    /// What the client said in HELO or EHLO
    #[arg(long, value_name = "NAME", help_heading = "Envelope")]
    helo: Option<String>,
    /// The argument of MAIL FROM; <> for the null sender
    #[arg(long, value_name = "PATH", help_heading = "Envelope")]
    mail_from: Option<String>,
    /// The time of the seal: seconds since 1970, or 2026-05-01T12:00:00Z; otherwise now
    #[arg(long, value_name = "T", value_parser = parse_time)]
    now: Option<UnixTime>,
    #[command(flatten)]
    dns: DnsArgs,
    /// What is said on standard error is one JSON object, by docs/arc.schema.json
    #[arg(long)]
    json: bool,
}

fn parse_selector(text: &str) -> Result<Selector, String> {
    Selector::parse(text).map_err(|error| error.to_string())
}

/// Why a message goes on as it came.
#[derive(Debug)]
pub(super) enum Unsealed {
    /// It is not to be sealed.
    NotSealed(NotSealed),
    /// It was, and what came out is wrong.
    Alarm(OwnFault),
}

impl fmt::Display for Unsealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSealed(why) => why.fmt(f),
            Self::Alarm(fault) => write!(f, "ALARM: {fault}"),
        }
    }
}

pub(super) async fn run(args: &Args) -> Result<Exit, InputError> {
    let sealer = sealer(args)?;
    let world = World::open(args.dns.dns.as_deref(), args.dns.overlay.as_deref())?;
    let mut message = Spooled::open()?;
    let sealed = pass(&mut message, args, &world, &sealer).await?;
    message.write(&sealed.as_ref().map(ToString::to_string).unwrap_or_default())?;
    report(args, &sealed)
}

/// What became of the message, on standard error.
fn report(args: &Args, sealed: &Result<NewSet, Unsealed>) -> Result<Exit, InputError> {
    if args.json {
        let json = serde_json::to_string(&SealJson::new(sealed))
            .map_err(|error| InputError::new("--json", error.to_string()))?;
        show::say(json);
    } else if let Err(why) = sealed {
        show::say(format_args!("mailward: not sealed: {why}"));
    }
    Ok(if sealed.is_ok() { Exit::Pass } else { Exit::Fail })
}

fn sealer(args: &Args) -> Result<Sealer, InputError> {
    let (domain, selector) = (args.domain.clone(), args.selector.clone());
    let site = SiteKey { domain, selector, file: KeyFile::read(&args.key) };
    let name = shown(&args.key);
    let key = match site.file.usable() {
        Ok(key) => key.clone(),
        Err(fault) => {
            return Err(site.error().unwrap_or_else(|| InputError::new(name, fault.to_string())));
        }
    };
    Sealer::new(site.domain, site.selector, key, FieldList::default())
        .map_err(|fault| InputError::new(name, fault.to_string()))
}

/// The first pass over the message: the verdict and the set, of one and the same message.
async fn pass(
    message: &mut Spooled,
    args: &Args,
    world: &World,
    sealer: &Sealer,
) -> Result<Result<NewSet, Unsealed>, InputError> {
    let mut chunks = message.read();
    let broken = |error: io::Error| InputError::io("standard input", &error);
    let mut splitter = Splitter::default();
    let mut first = Vec::new();
    while !splitter.in_body()
        && let Some(chunk) = chunks.next_chunk().map_err(broken)?
    {
        first = splitter.push(chunk).to_vec();
    }
    let header = splitter.into_header();
    let (envelope, now) = (args.envelope(), args.now.unwrap_or_else(now));
    let settings = Settings::new(AuthservId::from(args.authserv_id.clone()));
    let inbound = Inbound::new(&envelope, &header, now, &settings, &BuiltIn);
    let (mut checked, mut sealed) = (inbound.body(), sealer.body());
    checked.update(&first);
    sealed.update(&first);
    while let Some(chunk) = chunks.next_chunk().map_err(broken)? {
        checked.update(chunk);
        sealed.update(chunk);
    }
    message.ends_with_lf = chunks.lf_converted();
    let facts = inbound.look_up(&Deadline::new(world.view(None), DEADLINE)).await;
    let verdict = inbound.conclude(facts, &checked.finish());
    seal(args, &header, &verdict, &sealed.finish(), sealer, now)
}

fn seal(
    args: &Args,
    header: &Header,
    verdict: &Verdict,
    body: &BodyHashes,
    sealer: &Sealer,
    now: UnixTime,
) -> Result<Result<NewSet, Unsealed>, InputError> {
    let on_failure = if args.mark_failed { OnFailure::Mark } else { OnFailure::LeaveAlone };
    let results = verdict.authentication_results();
    let sealing = match Sealing::new(header, verdict.arc(), results, sealer, on_failure, now) {
        Ok(sealing) => sealing,
        Err(why) => return Ok(Err(Unsealed::NotSealed(why))),
    };
    let set = sealing.finish(header, body).map_err(|fault| InputError::new("arc seal", fault.to_string()))?;
    Ok(sealing.check_own(header, body, &set).map(|()| set).map_err(Unsealed::Alarm))
}

impl Args {
    fn envelope(&self) -> Envelope {
        let bytes = |text: &String| text.clone().into_bytes();
        Envelope {
            client: self.ip,
            helo: self.helo.as_ref().map(bytes),
            mail_from: self.mail_from.as_ref().map(bytes),
            ..Envelope::unknown()
        }
    }
}
