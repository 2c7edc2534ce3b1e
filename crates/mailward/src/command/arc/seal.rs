//! `mailward arc seal`: our own verdict on the message of standard input, sealed on top of it.

use std::io::{self, Read, Write};
use std::net::IpAddr;
use std::path::PathBuf;

use arc::{NewSet, NotSealed, OnFailure, Sealer, Sealing};
use dkim::{FieldList, Selector};
use mail::authres::AuthservId;
use mail::{Domain, UnixTime};
use resolver::Deadline;
use verdict::suffix::BuiltIn;
use verdict::{Envelope, Inbound, Settings};

use super::json::SealJson;
use crate::cli::{DnsArgs, Exit};
use crate::input::envelope::parse_ip;
use crate::input::error::shown;
use crate::input::{Bytes, InputError, now, parse_time};
use crate::keys::file::KeyFile;
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

pub(super) async fn run(args: &Args) -> Result<Exit, InputError> {
    let sealer = sealer(args)?;
    let world = World::open(args.dns.dns.as_deref(), args.dns.overlay.as_deref())?;
    let mut raw = Vec::new();
    io::stdin().read_to_end(&mut raw).map_err(|error| InputError::io("standard input", &error))?;
    let mut chunks = Bytes::memory(raw.clone()).chunks();
    let message = chunks.read_all().map_err(|error| InputError::io("standard input", &error))?;
    let sealed = seal(args, &world, &sealer, &message).await?;
    let fields = sealed.as_ref().map(ToString::to_string).unwrap_or_default();
    // What is put on top ends its lines as the message does.
    let fields = if chunks.lf_converted() { fields.replace("\r\n", "\n") } else { fields };
    let mut out = io::stdout().lock();
    out.write_all(fields.as_bytes())
        .and_then(|()| out.write_all(&raw))
        .and_then(|()| out.flush())
        .map_err(|error| InputError::new("standard output", format!("can't be written: {error}")))?;
    report(args, &sealed)
}

/// What became of the message, on standard error.
fn report(args: &Args, sealed: &Result<NewSet, NotSealed>) -> Result<Exit, InputError> {
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
    let name = shown(&args.key);
    let file = KeyFile::read(&args.key);
    let key = file.usable().map_err(|fault| InputError::new(&name, fault.to_string()))?;
    Sealer::new(args.domain.clone(), args.selector.clone(), key.clone(), FieldList::default())
        .map_err(|fault| InputError::new(name, fault.to_string()))
}

/// The verdict and the set: the message is judged and sealed as one and the same.
async fn seal(
    args: &Args,
    world: &World,
    sealer: &Sealer,
    message: &[u8],
) -> Result<Result<NewSet, NotSealed>, InputError> {
    let bytes = |text: &String| text.clone().into_bytes();
    let envelope = Envelope {
        client: args.ip,
        helo: args.helo.as_ref().map(bytes),
        mail_from: args.mail_from.as_ref().map(bytes),
        ..Envelope::unknown()
    };
    let now = args.now.unwrap_or_else(now);
    let settings = Settings::new(AuthservId::from(args.authserv_id.clone()));
    let (header, body) = mail::header::split(message);
    let inbound = Inbound::new(&envelope, &header, now, &settings, &BuiltIn);
    let mut hasher = inbound.body();
    hasher.update(body);
    let facts = inbound.look_up(&Deadline::new(world.view(None), DEADLINE)).await;
    let verdict = inbound.conclude(facts, &hasher.finish());
    let on_failure = if args.mark_failed { OnFailure::Mark } else { OnFailure::LeaveAlone };
    let results = verdict.authentication_results();
    let sealing = match Sealing::new(&header, verdict.arc(), results, sealer, on_failure, now) {
        Ok(sealing) => sealing,
        Err(why) => return Ok(Err(why)),
    };
    let mut hasher = sealing.body();
    hasher.update(body);
    let set = sealing.finish(&header, &hasher.finish());
    set.map(Ok).map_err(|fault| InputError::new("arc seal", fault.to_string()))
}
