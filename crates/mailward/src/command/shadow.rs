//! `mailward shadow`: what another mode would have done with the mail of the last days, before anybody dares it.

mod json;

use std::collections::BTreeSet;
use std::path::PathBuf;

use jiff::Timestamp;
use mail::UnixTime;
use store::{Action, EnvelopeFrom, MAX_PAGE, MessageRow, Place, Store};

use super::record::{Page, end};
use crate::cli::Exit;
use crate::config::Config;
use crate::input::error::shown;
use crate::input::{InputError, now, parse_time};

/// Most senders that are shown with an example, one question to the database each.
const MAX_SHOWN: u16 = 1_000;
const DAY: u64 = 24 * 60 * 60;

/// `mailward shadow`
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The configuration, which says where the database is [default: /etc/mailward/mailward.toml]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// What would have been done under this mode
    #[arg(long, value_enum, default_value_t = Mode::Enforce)]
    mode: Mode,
    /// Mail of so many days
    #[arg(long, value_name = "N", default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..=3650))]
    days: u16,
    /// How many senders are shown, each with its latest message
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=i64::from(MAX_SHOWN)))]
    senders: u16,
    /// The end of these days: seconds since 1970, or 2026-05-01T12:00:00Z; otherwise now
    #[arg(long, value_name = "T", value_parser = parse_time)]
    now: Option<UnixTime>,
    /// One JSON object, by docs/shadow.schema.json
    #[arg(long)]
    json: bool,
}

/// A mode that does more than to observe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Mode {
    Quarantine,
    Enforce,
}

impl Mode {
    fn stored(self) -> store::Mode {
        match self {
            Self::Quarantine => store::Mode::Quarantine,
            Self::Enforce => store::Mode::Enforce,
        }
    }
}

/// What would have been done, and with how much mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Total {
    action: Action,
    messages: u64,
    /// Author domains; messages without one are as if of one more.
    senders: usize,
}

/// One sender, and the latest message of those.
struct Line {
    shadow: store::Shadow,
    /// `None` where it was removed meanwhile.
    latest: Option<MessageRow>,
}

/// All that was found.
struct Found {
    mode: Mode,
    from: UnixTime,
    to: UnixTime,
    days: u16,
    totals: Vec<Total>,
    /// Most messages first.
    lines: Vec<Line>,
    /// Senders of whom no example is shown.
    left_out: usize,
    /// Whether there were more than could be counted.
    more: bool,
}

/// Runs the command.
pub async fn run(args: &Args) -> Exit {
    end(look(args).await)
}

async fn look(args: &Args) -> Result<Exit, InputError> {
    let (config, _) = Config::load(args.config.as_deref())?;
    let place = config.store.place();
    if let Place::Sqlite(path) = &place
        && matches!(path.try_exists(), Ok(false))
    {
        let help = "mailward serve makes it; [store] in the configuration says where";
        return Err(InputError::new(shown(path), "there is no database").with_help(help));
    }
    let failed = |error: store::Error| InputError::new(place.to_string(), error.to_string());
    let store = Store::new(&place).map_err(failed)?;
    let found = find(&store, args).await;
    store.close().await;
    let found = found.map_err(failed)?;
    if args.json {
        Page::print_json(&json::ShadowJson::new(&found))?;
    } else {
        show(&found);
    }
    Ok(Exit::Pass)
}

async fn find(store: &Store, args: &Args) -> Result<Found, store::Error> {
    store.check_version().await?;
    // The second that is now counts too.
    let to = UnixTime(args.now.unwrap_or_else(now).0.saturating_add(1));
    let from = UnixTime(to.0.saturating_sub(u64::from(args.days) * DAY));
    let mut shadows = store.shadow(args.mode.stored(), from, to, MAX_PAGE).await?;
    let more = shadows.len() >= MAX_PAGE as usize;
    let totals = totals(&shadows);
    let left_out = shadows.len().saturating_sub(usize::from(args.senders));
    shadows.truncate(usize::from(args.senders));
    let mut lines = Vec::new();
    for shadow in shadows {
        lines.push(Line { latest: store.message(shadow.latest).await?, shadow });
    }
    Ok(Found { mode: args.mode, from, to, days: args.days, totals, lines, left_out, more })
}

/// The strictest first.
fn totals(shadows: &[store::Shadow]) -> Vec<Total> {
    let of = |action: Action| {
        let these = || shadows.iter().filter(move |shadow| shadow.action == action);
        let senders: BTreeSet<_> = these().map(|shadow| &shadow.author_domain).collect();
        Total { action, messages: these().map(|shadow| shadow.messages).sum(), senders: senders.len() }
    };
    let actions = [Action::Refuse, Action::Defer, Action::Mark, Action::Accept];
    actions.map(of).into_iter().filter(|total| total.messages > 0).collect()
}

/// What becomes of a message, as people say it.
fn done(action: Action) -> &'static str {
    match action {
        Action::Accept => "accepted",
        Action::Mark => "quarantined",
        Action::Defer => "deferred",
        Action::Refuse => "refused",
    }
}

fn plural(number: u64, one: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {one}s") }
}

fn show(found: &Found) {
    let mode = found.mode.stored().as_str();
    let within = plural(u64::from(found.days), "day");
    let mut page = Page::default();
    for total in &found.totals {
        let (messages, senders) = (plural(total.messages, "message"), plural(total.senders as u64, "sender"));
        let least = if found.more { "at least " } else { "" };
        let done = done(total.action);
        page.title(format_args!(
            "With {mode}, {least}{messages} of {senders} would have been {done} in the last {within}."
        ));
    }
    if found.totals.is_empty() {
        page.title(format_args!("With {mode}, nothing would have been done otherwise in the last {within}."));
        return page.print();
    }
    page.gap();
    let rows: Vec<[String; 7]> = found.lines.iter().map(row).collect();
    page.table(["would be", "messages", "sender", "latest", "client", "MAIL FROM", "by rule"], &rows);
    if found.left_out > 0 {
        page.gap();
        page.line(format_args!("{} more: --senders shows them.", found.left_out));
    }
    page.print();
}

fn row(line: &Line) -> [String; 7] {
    let Line { shadow, latest } = line;
    let latest = latest.as_ref();
    [
        done(shadow.action).to_owned(),
        shadow.messages.to_string(),
        shadow.author_domain.as_ref().map_or_else(|| "(no author)".to_owned(), ToString::to_string),
        time(shadow.latest.time()),
        latest.and_then(|row| row.client_ip).map_or_else(|| "-".to_owned(), |ip| ip.to_string()),
        latest.map_or("-", sender).to_owned(),
        latest.map_or("-", |row| row.rule.as_str()).to_owned(),
    ]
}

/// The domain of MAIL FROM.
fn sender(row: &MessageRow) -> &str {
    match &row.envelope_from {
        EnvelopeFrom::Unknown => "-",
        EnvelopeFrom::Null => "<>",
        EnvelopeFrom::Domain(domain) => domain.as_str(),
    }
}

fn time(time: UnixTime) -> String {
    let moment = i64::try_from(time.0).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    moment.map_or_else(|| time.to_string(), |moment| moment.to_string())
}
