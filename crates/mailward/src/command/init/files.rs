//! What is written to the disk, never over something else.

use std::fs::{DirBuilder, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use mail::Domain;

use crate::config::sample::sample;
use crate::config::signing::{DEFAULT_KEYS, Signing};
use crate::input::error::shown;
use crate::input::{InputError, now};
use crate::keys::make::{self, Kind, NewKey};
use crate::keys::ring::Ring;
use crate::postfix::lines::{SOCKET, TLS_SOCKET};

/// The selectors of new keys: year, month and type.
const TEMPLATE: &str = "%Y%m-%k";
/// The line of the sample that names the keys.
const KEYS_LINE: &str = "#key_directory = \"/etc/mailward/keys\"\n";
/// The line of the sample that names the site's domains.
const OWN_LINE: &str = "#own_domains = [\"example.com\"]  # an example\n";

/// The line of the sample that names the folder of the data, which is that of the unit.
const STORE_LINE: &str = "#path = \"/var/lib/mailward\"  # an example\n";
/// The lines of the sample about TLS policies.
const TLS_LINE: &str = "#address = \"/var/spool/postfix/mailward/tls-policy.sock\"  # an example\n";
const VERSION_LINE: &str = "#postfix_version = \"3.7\"\n";
/// Where TLS policies are answered over TCP.
const TLS_ADDRESS: &str = "127.0.0.1:8892";

/// A file, and whether it was made now.
pub(super) struct Written {
    pub(super) path: PathBuf,
    pub(super) is_new: bool,
}

/// Writes the configuration, unless there is one. Others of the machine can't read it: it may get a password.
/// `tls`: whether TLS policies are answered, and to which version of Postfix, if that is known.
pub(super) fn config(
    directory: &Path,
    domains: &[Domain],
    chroot: bool,
    tls: Option<Option<String>>,
) -> Result<Written, InputError> {
    let path = directory.join("mailward.toml");
    let io = |path: &Path| {
        let path = shown(path);
        move |error: io::Error| InputError::new(path, format!("can't be written: {error}"))
    };
    if path.symlink_metadata().is_ok() {
        return Ok(Written { path, is_new: false });
    }
    DirBuilder::new().recursive(true).mode(0o755).create(directory).map_err(io(directory))?;
    let mode = Permissions::from_mode(0o640);
    let mut file = tempfile::Builder::new()
        .prefix(".mailward-")
        .permissions(mode)
        .tempfile_in(directory)
        .map_err(io(directory))?;
    let mut text = text(directory, domains, chroot);
    if let Some(version) = tls {
        text = with_tls(&text, chroot, version.as_deref());
    }
    file.write_all(text.as_bytes()).and_then(|()| file.as_file().sync_all()).map_err(io(&path))?;
    match file.persist_noclobber(&path) {
        Ok(_) => Ok(Written { path, is_new: true }),
        // It came between.
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
            Ok(Written { path, is_new: false })
        }
        Err(error) => Err(io(&path)(error.error)),
    }
}

/// The sample, with what is known of the site put in its place.
fn text(directory: &Path, domains: &[Domain], chroot: bool) -> String {
    let mut text = sample();
    match directory.join("keys") == Path::new(DEFAULT_KEYS) {
        // Relative paths count from the file.
        false => text = text.replacen(KEYS_LINE, "key_directory = \"keys\"\n", 1),
        // Wherever commands are started, they find the data of the daemon.
        true => text = text.replacen(STORE_LINE, "path = \"/var/lib/mailward\"\n", 1),
    }
    if !domains.is_empty() {
        let names: Vec<String> = domains.iter().map(|domain| format!("\"{domain}\"")).collect();
        text = text.replacen(OWN_LINE, &format!("own_domains = [{}]\n", names.join(", ")), 1);
    }
    if chroot {
        text.push_str(&format!(
            "\n# Postfix finds it from within its chroot; the folder decides whose group the socket has.\n\
             [[listener]]\nname = \"postfix\"\naddress = \"{SOCKET}\"\n"
        ));
    }
    text
}

/// The same with TLS policies answered.
fn with_tls(text: &str, chroot: bool, version: Option<&str>) -> String {
    let address = if chroot { TLS_SOCKET } else { TLS_ADDRESS };
    let text = text.replacen(TLS_LINE, &format!("address = \"{address}\"\n"), 1);
    match version {
        Some(version) => text.replacen(VERSION_LINE, &format!("postfix_version = \"{version}\"\n"), 1),
        None => text,
    }
}

/// Makes keys for the domains that have none.
pub(super) fn keys(signing: &Signing, domains: &[Domain]) -> Result<Vec<Written>, InputError> {
    let there = Ring::read(signing);
    let seconds = i64::try_from(now().0).unwrap_or_default();
    let today = jiff::Timestamp::from_second(seconds).unwrap_or_default().to_zoned(TimeZone::UTC).date();
    let mut files = Vec::new();
    for domain in domains {
        let has: Vec<_> = there.keys.iter().filter(|key| key.domain == *domain).collect();
        if !has.is_empty() {
            files.extend(has.iter().map(|key| Written { path: key.file.path.clone(), is_new: false }));
            continue;
        }
        let mut keys = Vec::new();
        // Most receivers know RSA alone, and some day none will: both sign.
        for kind in [Kind::Rsa2048, Kind::Ed25519] {
            let selector = make::selector(TEMPLATE, today, kind)
                .map_err(|error| InputError::new(TEMPLATE, error.to_string()))?;
            if let Err(why) = dkim::who::key_name(&selector, domain) {
                let name = crate::keys::record::name(&selector, domain);
                return Err(InputError::new("--domain", format!("{name} is no name: {why}")));
            }
            keys.push(NewKey::make(kind, domain, selector, &signing.key_directory)?);
        }
        make::write(&signing.key_directory, domain, &keys)?;
        files.extend(keys.into_iter().map(|key| Written { path: key.path, is_new: true }));
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn tls_policies_are_answered_where_that_was_asked_for() {
        let place = tempfile::tempdir().unwrap();
        for (chroot, version, address, told) in [
            (true, Some("3.10.3"), format!("unix:{TLS_SOCKET}"), (3, 10, 3)),
            (false, None, "inet:127.0.0.1:8892".to_owned(), (3, 7, 0)),
        ] {
            let directory = place.path().join(format!("{chroot}"));
            let written = config(&directory, &[], chroot, Some(version.map(str::to_owned))).unwrap();
            let (read, source) = Config::load(Some(&written.path)).unwrap();
            assert_eq!(source.findings, []);
            let found = read.tls_policy.postfix.version;
            assert_eq!(read.tls_policy.address.map(|address| address.to_string()), Some(address));
            assert_eq!((found.major, found.minor, found.patch), told);
        }
    }

    #[test]
    fn the_file_says_what_was_asked_for() {
        let place = tempfile::tempdir().unwrap();
        let domains = [Domain::parse("example.com").unwrap(), Domain::parse("example.net").unwrap()];
        for (domains, chroot) in [(&domains[..0], false), (&domains[..], true)] {
            let directory = place.path().join(format!("{chroot}"));
            let written = config(&directory, domains, chroot, None).unwrap();
            assert!(written.is_new);
            let (read, source) = Config::load(Some(&written.path)).unwrap();
            assert_eq!(source.findings, []);
            assert_eq!(read.signing.key_directory, directory.join("keys"));
            assert!(domains.iter().all(|domain| read.policy.local.own.contains(domain)));
            let addresses: Vec<String> =
                read.listeners.iter().map(|listener| listener.address.to_string()).collect();
            let want = if chroot { format!("unix:{SOCKET}") } else { "inet:127.0.0.1:8891".to_owned() };
            assert_eq!(addresses, [want]);
            assert!(!config(&directory, domains, chroot, None).unwrap().is_new);
        }
        let text = text(Path::new("/etc/mailward"), &[], false);
        assert!(!text.contains("\nkey_directory") && text.contains("\npath = \"/var/lib/mailward\"\n"));
    }
}
