//! `mailward keys list`: what is on the disk.

use std::time::SystemTime;

use super::super::record::{Page, exit};
use super::Which;
use super::json::ListJson;
use crate::cli::Exit;
use crate::input::error::shown;
use crate::input::{InputError, now};
use crate::keys::ring::{Ring, SiteKey};

/// `mailward keys list`
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    which: Which,
    /// One JSON object, by docs/signing.schema.json
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Result<Exit, InputError> {
    let ring = args.which.read()?;
    if args.json {
        Page::print_json(&ListJson::new(&ring))?;
    } else {
        show(&ring);
    }
    Ok(exit(ring.errors.is_empty() && ring.keys.iter().all(|key| key.file.fault.is_none())))
}

fn show(ring: &Ring) {
    let mut page = Page::default();
    if ring.keys.is_empty() {
        page.line("There are no keys. Make some with: mailward keys new DOMAIN");
    } else {
        let rows: Vec<[String; 6]> = ring.keys.iter().map(row).collect();
        page.table(["domain", "selector", "key", "mode", "age", "file"], &rows);
    }
    faults(&mut page, ring);
    page.print();
}

fn row(key: &SiteKey) -> [String; 6] {
    let file = &key.file;
    let kind = file.key.as_ref().map_or("none".to_owned(), |key| key.public_key().to_string());
    let mode = file.mode.map_or("-".to_owned(), |mode| format!("{mode:04o}"));
    [key.domain.to_string(), key.selector.to_string(), kind, mode, age(file.modified), shown(&file.path)]
}

/// How long ago, in days.
fn age(modified: Option<SystemTime>) -> String {
    let since = modified.and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
    match since.map(|since| now().0.saturating_sub(since.as_secs()) / (24 * 60 * 60)) {
        None => "-".to_owned(),
        Some(0) => "today".to_owned(),
        Some(1) => "1 day".to_owned(),
        Some(days) => format!("{days} days"),
    }
}

/// What is wrong, each with its file and what to do.
pub(super) fn faults(page: &mut Page, ring: &Ring) {
    let faults: Vec<InputError> =
        ring.keys.iter().filter_map(SiteKey::error).chain(ring.errors.iter().cloned()).collect();
    if faults.is_empty() {
        return;
    }
    page.gap();
    faults.iter().for_each(|fault| page.line(fault));
}
