//! Who may read and write what is ours: the configuration, the keys.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::finding::{Report, Severity};
use crate::config::{Config, Source};
use crate::input::error::shown;
use crate::keys::ring::{Ring, SiteKey};

/// The user of the unit that `mailward init --print-unit` prints.
const USER: &str = "mailward";

/// The user that mailward runs as.
pub(super) fn user(config: &Config) -> &str {
    config.daemon.user.as_deref().unwrap_or(USER)
}

/// A user of the system, with its groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) user: u32,
    pub(super) groups: Vec<u32>,
}

impl Account {
    /// Whether it may do this with a file: 4 read, 2 write, 1 run or pass.
    pub(super) fn may(&self, file: &Metadata, right: u32) -> bool {
        let shift = match () {
            () if self.user == 0 => return true,
            () if file.uid() == self.user => 6,
            () if self.groups.contains(&file.gid()) => 3,
            () => 0,
        };
        file.mode() >> shift & right == right
    }
}

/// The user of that name, by `/etc/passwd` and `/etc/group`.
pub(super) fn account(name: &str) -> Option<Account> {
    let groups = fs::read_to_string("/etc/group").unwrap_or_default();
    find(&fs::read_to_string("/etc/passwd").ok()?, &groups, name)
}

fn find(passwd: &str, groups: &str, name: &str) -> Option<Account> {
    let line = passwd.lines().find(|line| line.split(':').next() == Some(name))?;
    let mut fields = line.split(':').skip(2).map(|field| field.parse().ok());
    let (user, first) = (fields.next()??, fields.next()??);
    let others = groups.lines().filter_map(|line| {
        let mut fields = line.split(':').skip(2);
        let (id, members) = (fields.next()?.parse().ok()?, fields.next()?);
        members.split(',').any(|member| member == name).then_some(id)
    });
    Some(Account { user, groups: std::iter::once(first).chain(others).collect() })
}

pub(super) fn look(report: &mut Report, config: &Config, source: &Source, ring: &Ring) {
    let name = user(config);
    let account = account(name);
    let reader = account.as_ref();
    if let Some(path) = &source.path {
        if reader.is_some_and(|reader| !reads(reader, path)) {
            let message = format!("the user {name} can't read it");
            let help = format!("chgrp {name} {}", shown(path));
            report.add("config-unreadable", Severity::Error, shown(path), message, help);
        }
        guarded(report, path, "whoever writes it says what is let in and signed");
    }
    let directory = &config.signing.key_directory;
    guarded(report, directory, "whoever writes there signs as whom he likes");
    apart(report, config, ring);
    for error in &ring.errors {
        report.add(
            "keys-left-out",
            Severity::Error,
            &*error.file,
            &*error.message,
            error.help.clone().unwrap_or_default(),
        );
    }
    let mut is_good = true;
    for key in &ring.keys {
        is_good &= usable(report, key, name, reader);
    }
    if ring.keys.is_empty() && ring.errors.is_empty() {
        let help = "mailward init --domain DOMAIN makes some";
        report.add(
            "keys-none",
            Severity::Note,
            shown(directory),
            "there are no keys, so nothing is signed",
            help,
        );
    } else if is_good {
        report.good("keys", format!("all {} can be used, and by nobody else", ring.keys.len()));
    }
}

/// Keys stand where parts without keys read as well.
fn apart(report: &mut Report, config: &Config, ring: &Ring) {
    let Ok(data) = config.store.path.canonicalize() else { return };
    let files = ring.keys.iter().map(|key| &key.file.path);
    let inside = |path: &&PathBuf| path.canonicalize().is_ok_and(|path| path.starts_with(&data));
    if let Some(path) = files.chain([&config.signing.key_directory]).find(inside) {
        let message =
            "stands in the folder of the data, which parts without keys (serve --only) can read as well";
        let help = "put the keys elsewhere, such as /etc/mailward/keys, and name that by key_directory below [signing]";
        report.add("keys-in-data", Severity::Note, shown(path), message, help);
    }
}

fn usable(report: &mut Report, key: &SiteKey, name: &str, reader: Option<&Account>) -> bool {
    let place = shown(&key.file.path);
    if let Some(fault) = &key.file.fault {
        report.add("key-unusable", Severity::Error, place, fault.to_string(), key.help().unwrap_or_default());
        return false;
    }
    if reader.is_none_or(|reader| reads(reader, &key.file.path)) {
        return true;
    }
    let home = key.file.path.parent().unwrap_or(&key.file.path);
    let message = format!("the user {name} can't read it");
    let help = format!("chown -R {name}: {}", shown(home));
    report.add("key-unreadable", Severity::Error, place, message, help);
    false
}

/// Whether an account can read a file, and pass through all that is above it.
fn reads(reader: &Account, path: &Path) -> bool {
    let Ok(path) = path.canonicalize() else { return false };
    let may = |path: &Path, right| fs::metadata(path).is_ok_and(|file| reader.may(&file, right));
    may(&path, 0o4) && path.ancestors().skip(1).all(|folder| may(folder, 0o1))
}

/// A file or directory that only its owner may write.
fn guarded(report: &mut Report, path: &Path, why: &str) {
    let Ok(file) = fs::metadata(path) else { return };
    if file.mode() & 0o022 != 0 {
        let who = if file.mode() & 0o002 != 0 { "everybody" } else { "its group" };
        let message = format!("{who} may write it, by its mode {:04o}: {why}", file.mode() & 0o7777);
        report.add(
            "rights-open",
            Severity::Error,
            shown(path),
            message,
            format!("chmod go-w {}", shown(path)),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn users_of_the_system() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\npostfix:x:101:103::/:/x\nbroken:x:y:1\nshort:x\n";
        let groups = "root:x:0:\nmailward:x:110:alice,postfix\npost:x:111:postfixed\nbad:x\nx:x:y:postfix\n";
        let want = Account { user: 101, groups: vec![103, 110] };
        assert_eq!(find(passwd, groups, "postfix"), Some(want));
        for name in ["post", "broken", "short", "", "nobody"] {
            assert_eq!(find(passwd, groups, name), None, "{name}");
        }
    }

    #[test]
    fn rights_are_those_of_the_first_class_that_fits() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let own = file.as_file().metadata().unwrap();
        let (user, group) = (own.uid(), own.gid());
        let check = |mode: u32, account: &Account, right: u32, want: bool| {
            file.as_file().set_permissions(PermissionsExt::from_mode(mode)).unwrap();
            let metadata = file.as_file().metadata().unwrap();
            assert_eq!(account.may(&metadata, right), want, "{mode:o} {account:?} {right}");
        };
        let member = &Account { user: 77_777, groups: vec![1, group] };
        let other = &Account { user: 77_777, groups: vec![77_777] };
        check(0o020, member, 2, true);
        check(0o040, member, 2, false);
        check(0o002, member, 2, false);
        check(0o002, other, 2, true);
        check(0o660, other, 2, false);
        check(0o750, member, 1, true);
        check(0o000, &Account { user: 0, groups: vec![0] }, 4, true);
        if user != 0 {
            check(0o077, &Account { user, groups: vec![group] }, 4, false);
        }
    }
}
