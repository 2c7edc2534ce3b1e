//! New keys: made, written as PKCS#8 in PEM, never over another file.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{Ed25519KeyPair, RsaKeyPair};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use dkim::{Selector, SigningKey};
use mail::Domain;
use zeroize::Zeroizing;

use super::directory::place;
use crate::input::InputError;
use crate::input::error::shown;

/// A kind of key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// RSA of 2048 bits.
    Rsa2048,
    /// RSA of 3072 bits.
    Rsa3072,
    /// RSA of 4096 bits.
    Rsa4096,
    /// Ed25519.
    Ed25519,
}

impl Kind {
    /// The type of key, as k= has it.
    pub const fn type_name(self) -> &'static str {
        match self {
            Self::Rsa2048 | Self::Rsa3072 | Self::Rsa4096 => "rsa",
            Self::Ed25519 => "ed25519",
        }
    }
}

/// A key that is not written yet.
pub struct NewKey {
    /// Its selector.
    pub selector: Selector,
    /// The key.
    pub key: SigningKey,
    /// Where it is to be.
    pub path: PathBuf,
    pem: Zeroizing<String>,
}

impl NewKey {
    /// Makes a key for a directory of keys.
    pub fn make(
        kind: Kind,
        domain: &Domain,
        selector: Selector,
        directory: &Path,
    ) -> Result<Self, InputError> {
        let path = place(directory, domain, &selector);
        let no_key = || InputError::new(shown(&path), "the crypto library could not make a key");
        let pem = pem(&pkcs8(kind).ok_or_else(no_key)?);
        let key = SigningKey::parse(pem.as_bytes()).map_err(|_| no_key())?;
        Ok(Self { selector, key, path, pem })
    }

    /// Writes it: the file is there whole or not at all, with mode 0600, and a file of its name is left alone.
    fn write(&self) -> Result<(), InputError> {
        let io = |error: io::Error| InputError::new(shown(&self.path), format!("can't be written: {error}"));
        let directory = self.path.parent().unwrap_or(Path::new("."));
        let mode = Permissions::from_mode(0o600);
        let mut builder = tempfile::Builder::new();
        let mut file =
            builder.prefix(".new-key-").permissions(mode.clone()).tempfile_in(directory).map_err(io)?;
        file.as_file().set_permissions(mode).map_err(io)?;
        file.write_all(self.pem.as_bytes()).and_then(|()| file.as_file().sync_all()).map_err(io)?;
        file.persist_noclobber(&self.path).map_err(|error| match error.error.kind() {
            io::ErrorKind::AlreadyExists => exists(&self.path),
            _ => io(error.error),
        })?;
        File::open(directory).and_then(|directory| directory.sync_all()).map_err(io)
    }
}

fn exists(path: &Path) -> InputError {
    InputError::new(shown(path), "there is a file of that name already, and no key is overwritten")
        .with_help("name another selector, such as --selector %Y%m%d-%k")
}

/// Writes new keys of one domain, all or none. Directories that are not there are made, with mode 0700.
pub fn write(directory: &Path, domain: &Domain, keys: &[NewKey]) -> Result<(), InputError> {
    let home = directory.join(domain.as_str());
    let made = DirBuilder::new().recursive(true).mode(0o700).create(&home);
    made.map_err(|error| InputError::new(shown(&home), format!("can't be made: {error}")))?;
    if let Some(key) = keys.iter().find(|key| key.path.symlink_metadata().is_ok()) {
        return Err(exists(&key.path));
    }
    let mut done: Vec<&Path> = Vec::new();
    for key in keys {
        if let Err(error) = key.write() {
            // The files just made, which nobody has used yet.
            done.iter().for_each(|path| drop(fs::remove_file(path)));
            return Err(error);
        }
        done.push(&key.path);
    }
    Ok(())
}

fn pkcs8(kind: Kind) -> Option<Zeroizing<Vec<u8>>> {
    let size = match kind {
        Kind::Rsa2048 => KeySize::Rsa2048,
        Kind::Rsa3072 => KeySize::Rsa3072,
        Kind::Rsa4096 => KeySize::Rsa4096,
        Kind::Ed25519 => {
            let document = Ed25519KeyPair::generate_pkcs8v1(&SystemRandom::new()).ok()?;
            return Some(Zeroizing::new(document.as_ref().to_vec()));
        }
    };
    let der: aws_lc_rs::encoding::Pkcs8V1Der<'_> = RsaKeyPair::generate(size).ok()?.as_der().ok()?;
    Some(Zeroizing::new(der.as_ref().to_vec()))
}

/// RFC 7468 §10: PKCS#8 as text, 64 characters a line.
fn pem(der: &[u8]) -> Zeroizing<String> {
    let base64 = Zeroizing::new(BASE64_STANDARD.encode(der));
    let mut pem = Zeroizing::new(String::with_capacity(base64.len() + base64.len() / 64 + 64));
    pem.push_str("-----BEGIN PRIVATE KEY-----\n");
    let mut rest = base64.as_str();
    while !rest.is_empty() {
        let (line, behind) = rest.split_at_checked(64).unwrap_or((rest, ""));
        pem.push_str(line);
        pem.push('\n');
        rest = behind;
    }
    pem.push_str("-----END PRIVATE KEY-----\n");
    pem
}

/// Why a text is no template for selectors.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// A `%` and what is not known behind it.
    #[error("%{0} is not known; there are %Y, %m and %d for the date, and %k for the type of key")]
    Unknown(String),
    /// What comes out is no selector.
    #[error("it gives {0}, which is no selector: {1}")]
    NoSelector(String, dkim::WhoError),
}

/// The selector that a template gives: `%Y`, `%m` and `%d` are year, month and day, `%k` the type of key.
pub fn selector(template: &str, date: jiff::civil::Date, kind: Kind) -> Result<Selector, TemplateError> {
    let mut text = String::new();
    let mut rest = template.chars();
    while let Some(c) = rest.next() {
        if c != '%' {
            text.push(c);
            continue;
        }
        match rest.next() {
            Some('Y') => text.push_str(&format!("{:04}", date.year())),
            Some('m') => text.push_str(&format!("{:02}", date.month())),
            Some('d') => text.push_str(&format!("{:02}", date.day())),
            Some('k') => text.push_str(kind.type_name()),
            other => {
                return Err(TemplateError::Unknown(
                    other.map(|c| c.escape_default().to_string()).unwrap_or_default(),
                ));
            }
        }
    }
    Selector::parse(&text).map_err(|why| TemplateError::NoSelector(mail::printable(&text), why))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_for_selectors() {
        let date = jiff::civil::date(2026, 3, 9);
        let check = |template: &str, kind, want: Result<&str, &str>| {
            let got = selector(template, date, kind);
            match (&got, want) {
                (Ok(got), Ok(want)) => assert_eq!(got.as_str(), want),
                (Err(got), Err(want)) => assert!(got.to_string().contains(want), "{got}"),
                _ => panic!("{template}: {got:?}"),
            }
        };
        check("%Y%m-%k", Kind::Rsa4096, Ok("202603-rsa"));
        check("%k.%d", Kind::Ed25519, Ok("ed25519.09"));
        check("Mail", Kind::Ed25519, Ok("mail"));
        check("%H", Kind::Ed25519, Err("%H is not known"));
        check("100%", Kind::Ed25519, Err("% is not known"));
        check("50%%", Kind::Ed25519, Err("%% is not known"));
        check("a b", Kind::Ed25519, Err("it gives a b, which is no selector"));
        check("", Kind::Ed25519, Err("is no selector"));
        check("../x", Kind::Ed25519, Err("is no selector"));
        check("a/b", Kind::Ed25519, Err("is no selector"));
    }

    fn made(directory: &Path, selector: &str) -> NewKey {
        let domain = Domain::parse("example.com").unwrap();
        NewKey::make(Kind::Ed25519, &domain, Selector::parse(selector).unwrap(), directory).unwrap()
    }

    #[test]
    fn a_file_that_came_between_is_left_alone() {
        let place = tempfile::tempdir().unwrap();
        let key = made(place.path(), "a");
        fs::create_dir_all(key.path.parent().unwrap()).unwrap();
        fs::write(&key.path, "mine").unwrap();
        let error = key.write().unwrap_err();
        assert!(error.message.contains("no key is overwritten"), "{error}");
        assert_eq!(fs::read(&key.path).unwrap(), b"mine");
    }

    #[test]
    fn what_was_written_of_two_goes_if_the_second_fails() {
        let place = tempfile::tempdir().unwrap();
        let domain = Domain::parse("example.com").unwrap();
        let keys = [made(place.path(), "a"), made(place.path(), "a")];
        assert!(write(place.path(), &domain, &keys).is_err());
        assert_eq!(fs::read_dir(place.path().join("example.com")).unwrap().count(), 0);
        assert!(write(place.path(), &domain, &keys[..1]).is_ok());
    }
}
