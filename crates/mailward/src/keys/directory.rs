//! A directory of keys: `DOMAIN/SELECTOR.pem`, one key a file. Keys that OpenDKIM (`SELECTOR.private`) or others
//! (`SELECTOR.key`) made stand in it just as well.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use dkim::Selector;
use mail::Domain;

use super::file::KeyFile;
use crate::input::InputError;
use crate::input::error::shown;

/// What the names of key files end with.
const EXTENSIONS: [&str; 3] = ["pem", "private", "key"];

/// A key of the directory.
#[derive(Clone, Debug)]
pub struct Found {
    /// The signing domain.
    pub domain: Domain,
    /// The selector.
    pub selector: Selector,
    /// The file.
    pub file: KeyFile,
}

/// What stands in a directory of keys.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    /// The keys, by domain and selector.
    pub keys: Vec<Found>,
    /// What looks like a key and has no place in the table.
    pub errors: Vec<InputError>,
}

/// Reads all keys of a directory. A directory in it that can't be read is an error: nobody knows who should sign.
pub fn read(directory: &Path) -> Result<Listing, InputError> {
    let mut listing = Listing::default();
    for path in entries(directory)? {
        if !path.is_dir() {
            if has_key_extension(&path) {
                let error = InputError::new(shown(&path), "a key of no domain");
                listing.errors.push(error.with_help("put it in a directory that is called as its domain"));
            }
            continue;
        }
        match Domain::parse(name(&path)) {
            Ok(domain) if domain.is_fqdn() => read_domain(&path, &domain, &mut listing)?,
            Ok(_) => listing.errors.push(not_a_domain(&path, "a whole domain has two labels or more")),
            Err(why) => listing.errors.push(not_a_domain(&path, &why.to_string())),
        }
    }
    Ok(listing)
}

fn not_a_domain(path: &Path, why: &str) -> InputError {
    InputError::new(
        shown(path),
        format!("the name of the directory is no domain, so its keys are left out: {why}"),
    )
}

fn read_domain(path: &Path, domain: &Domain, listing: &mut Listing) -> Result<(), InputError> {
    let files = entries(path)?;
    let mut seen = BTreeSet::new();
    for file in files.iter().filter(|file| has_key_extension(file)) {
        match Selector::parse(name(&file.with_extension(""))) {
            Ok(selector) if seen.insert(selector.clone()) => {
                let file = KeyFile::read(file);
                listing.keys.push(Found { domain: domain.clone(), selector, file });
            }
            Ok(selector) => {
                let error = format!("left out: another file here is the key {selector} of {domain} already");
                listing.errors.push(InputError::new(shown(file), error));
            }
            Err(why) => {
                let error = format!("left out: its name is no selector: {why}");
                listing.errors.push(InputError::new(shown(file), error));
            }
        }
    }
    Ok(())
}

/// What stands in a directory, hidden files apart, in the order of their names.
fn entries(directory: &Path) -> Result<Vec<PathBuf>, InputError> {
    let io = |error: io::Error| InputError::io(shown(directory), &error);
    let mut entries = Vec::new();
    for entry in fs::read_dir(directory).map_err(io)? {
        let path = entry.map_err(io)?.path();
        if !name(&path).starts_with(b".") {
            entries.push(path);
        }
    }
    entries.sort();
    Ok(entries)
}

fn name(path: &Path) -> &[u8] {
    path.file_name().map_or(&[], OsStrExt::as_bytes)
}

fn has_key_extension(path: &Path) -> bool {
    path.extension().is_some_and(|found| EXTENSIONS.iter().any(|extension| found == *extension))
}

/// Where a directory of keys has the key of a domain and selector.
pub fn place(directory: &Path, domain: &Domain, selector: &Selector) -> PathBuf {
    directory.join(domain.as_str()).join(format!("{selector}.pem"))
}
