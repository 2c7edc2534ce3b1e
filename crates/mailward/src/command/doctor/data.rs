//! The data: their folder, whether there is room for more, and the database.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::sys::statvfs::statvfs;
use store::{Error, Place, Store, VERSION};

use super::finding::{Report, Severity};
use super::rights::{Account, account, user};
use crate::config::Config;
use crate::input::error::shown;

/// With less room than this, in bytes, there is soon none.
const FULL: u64 = 64 << 20;
/// The journal may grow to so many bytes while the database is away.
const JOURNAL: u64 = 1 << 30;
const AS_ROOT: &str = "run mailward doctor as root";

/// Looks at all of it.
pub(super) async fn look(report: &mut Report, config: &Config) {
    let (name, folder) = (user(config), config.store.path.as_path());
    let account = account(name);
    match fs::metadata(folder) {
        Ok(metadata) if metadata.is_dir() => {
            look_at_folder(report, folder, &metadata, name, account.as_ref())
        }
        Ok(_) => {
            let help = "path below [store] names a folder";
            report.add("data-not", Severity::Error, place(folder), "is no folder", help);
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let message = "is not there; mailward serve makes it, at its first start";
            let help = match folder.is_relative() {
                true => {
                    "path below [store] names it whole, so that it is the same wherever mailward is started"
                }
                false => "",
            };
            report.add("data-none", Severity::Note, place(folder), message, help);
        }
        Err(error) => {
            let message = format!("can't be looked at: {}", mail::printable(error.to_string()));
            report.add("data-hidden", Severity::Warning, place(folder), message, AS_ROOT);
        }
    }
    look_at_database(report, &config.store.place(), name, account.as_ref()).await;
}

fn place(folder: &Path) -> String {
    format!("data: {}", shown(folder))
}

fn look_at_folder(
    report: &mut Report,
    folder: &Path,
    metadata: &fs::Metadata,
    name: &str,
    account: Option<&Account>,
) {
    let before = report.0.len();
    if account.is_some_and(|account| !account.may(metadata, 0o7)) {
        let message =
            format!("the user {name} can't write there, by its mode {:04o}", metadata.mode() & 0o7777);
        let help = format!("chown -R {name}: {}", shown(folder));
        report.add("data-unwritable", Severity::Error, place(folder), message, help);
    }
    if metadata.mode() & 0o007 != 0 {
        let message = "others may look into it, and the database tells who writes to whom";
        report.add(
            "data-open",
            Severity::Warning,
            place(folder),
            message,
            format!("chmod o= {}", shown(folder)),
        );
    }
    let room = statvfs(folder).map(|room| {
        #[allow(clippy::useless_conversion, reason = "the sizes are others on other systems")]
        u64::from(room.blocks_available()).saturating_mul(u64::from(room.fragment_size()))
    });
    if let Ok(room) = room {
        look_at_room(report, folder, room);
    }
    if report.0.len() == before {
        report.good(place(folder), "mailward can write there, and there is room");
    }
}

fn look_at_room(report: &mut Report, folder: &Path, room: u64) {
    let message = format!("there are {} MiB left on its disk", room >> 20);
    let help = "make room, or give [store] path and fewer days or megabytes";
    let severity = match room {
        0..FULL => Severity::Error,
        FULL..JOURNAL => Severity::Warning,
        _ => return,
    };
    report.add("data-full", severity, place(folder), message, help);
}

async fn look_at_database(report: &mut Report, database: &Place, name: &str, account: Option<&Account>) {
    let what = format!("database: {database}");
    if let Place::Sqlite(file) = database {
        match File::open(file).and_then(|file| file.metadata()) {
            Ok(metadata) => {
                if account.is_some_and(|account| !account.may(&metadata, 0o6)) {
                    let message = format!("the user {name} can't write it");
                    let help = format!("chown {name}: {}*", shown(file));
                    return report.add("store-unwritable", Severity::Error, what, message, help);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let message = "is not there; mailward serve makes it, at its first start";
                return report.add("store-none", Severity::Note, what, message, "");
            }
            Err(error) => {
                let message = format!("can't be looked at: {}", mail::printable(error.to_string()));
                return report.add("store-hidden", Severity::Warning, what, message, AS_ROOT);
            }
        }
    }
    let version = match Store::new(database) {
        Ok(store) => {
            let version = store.version().await;
            store.close().await;
            version
        }
        Err(error) => Err(error),
    };
    match version {
        Ok(Some(VERSION)) => report.good(what, format!("answers, and is at version {VERSION}")),
        Ok(Some(older)) => {
            let message = format!("is at version {older}; mailward serve brings it to {VERSION}");
            report.add("store-older", Severity::Note, what, message, "make a backup before the next start");
        }
        Ok(None) => {
            let message = "answers, and is empty; mailward serve makes its tables";
            report.add("store-none", Severity::Note, what, message, "");
        }
        Err(error @ Error::Newer { .. }) => {
            report.add("store-newer", Severity::Error, what, mail::printable(error.to_string()), "");
        }
        Err(error) => {
            let help = "while it is away mail goes on, rows wait in the journal, and nothing is refused for a history";
            report.add("store-away", Severity::Error, what, mail::printable(error.to_string()), help);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room() {
        for (room, want) in [
            (0, Some(Severity::Error)),
            (FULL - 1, Some(Severity::Error)),
            (FULL, Some(Severity::Warning)),
            (JOURNAL - 1, Some(Severity::Warning)),
            (JOURNAL, None),
        ] {
            let mut report = Report::default();
            look_at_room(&mut report, Path::new("/data"), room);
            assert_eq!(report.0.first().map(|finding| finding.severity), want, "{room}");
        }
    }
}
