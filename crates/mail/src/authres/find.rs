//! Finds the fields of an inbound message that claim to be ours (RFC 8601 §5): whoever reads the message later would
//! believe them.
//!
//! A field is to be removed if its authserv-id is one of ours in whatever form it is written, if it has no id that
//! can be read for certain, or a version of the syntax that we don't know. What follows the semicolon behind the id
//! does not matter, nor does the length of the field. A field of another service stays, also of one above or below ours
//! in the tree of names.

use std::collections::BTreeMap;

use super::lex::Lexer;
use super::parse::head;
use super::{AuthservId, FIELD_NAME};
use crate::header::{Header, MAX_FIELD};

/// One field that has to be removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Its place among all fields that were shown to the finder, from 0.
    pub index: usize,
    /// The name as it stands there, without white space before the colon.
    pub name: Vec<u8>,
    /// Its place among the fields of this name in any case, from 1: what a milter is asked to delete.
    pub ordinal: usize,
}

/// Looks at the fields of one message, from top to bottom. It keeps nothing but what it found, so there is no header
/// too long for it: a milter shows it each field as it comes.
#[derive(Debug)]
pub struct Finder<'a> {
    ids: &'a [AuthservId],
    names: &'a [&'a str],
    found: Found,
}

/// What a [`Finder`] has found so far, without what it looks for: for whoever can't borrow that for so long.
#[derive(Debug, Default)]
pub struct Found {
    seen: usize,
    /// How often each of the names was seen, in lower case.
    counts: BTreeMap<Vec<u8>, usize>,
    claims: Vec<Claim>,
}

impl<'a> Finder<'a> {
    /// A finder for our `ids` in fields called Authentication-Results or one of `names`.
    pub fn new(ids: &'a [AuthservId], names: &'a [&'a str]) -> Self {
        Self { ids, names, found: Found::default() }
    }

    /// Looks at the next field: its name and what follows the colon, with folds of CRLF or LF.
    pub fn see(&mut self, name: &[u8], value: &[u8]) {
        self.found.see(self.ids, self.names, name, value);
    }

    /// What has to be removed, the last field first: so the ordinals of the others stay right while it is done.
    pub fn finish(self) -> Vec<Claim> {
        self.found.finish()
    }
}

impl Found {
    /// [`Finder::see`], with the same `ids` and `names` each time.
    pub fn see(&mut self, ids: &[AuthservId], names: &[impl AsRef<str>], name: &[u8], value: &[u8]) {
        let index = self.seen;
        self.seen += 1;
        let mut wanted = std::iter::once(FIELD_NAME).chain(names.iter().map(AsRef::as_ref));
        if wanted.any(|wanted| is_named(name, wanted)) {
            self.look(ids, index, name, value);
        }
    }

    /// Looks at a field of a name that is wanted.
    fn look(&mut self, ids: &[AuthservId], index: usize, name: &[u8], value: &[u8]) {
        let name = name.trim_ascii_end();
        let ordinal = self.counts.entry(name.to_ascii_lowercase()).or_default();
        *ordinal += 1;
        if claims_to_be(value, ids) {
            self.claims.push(Claim { index, name: name.to_vec(), ordinal: *ordinal });
        }
    }

    /// [`Finder::finish`].
    pub fn finish(mut self) -> Vec<Claim> {
        self.claims.reverse();
        self.claims
    }
}

/// The fields of a header that have to be removed, last first. Also looks at fields that [`Header::fields`] leaves
/// out; `index` counts those of [`Header::field_lines`]. What [`crate::header::MAX_HEADER`] cut off it can't see: who
/// removes fields from a header without that limit shows them to a [`Finder`].
pub fn own(header: &Header, ids: &[AuthservId], names: &[&str]) -> Vec<Claim> {
    let mut found = Found::default();
    match header.defects() {
        // Whatever is left out of the fields is a defect, and so is a name with bytes that no name has.
        [] => {
            let wanted: Vec<&str> = std::iter::once(FIELD_NAME).chain(names.iter().copied()).collect();
            header.named_any(&wanted).for_each(|f| found.look(ids, f.index, f.name, f.value));
        }
        _ => header.field_lines().for_each(|field| found.see(ids, names, field.name, field.value)),
    }
    found.finish()
}

/// Whether the name, without bytes that no name has, is this one: somebody may drop those bytes.
fn is_named(name: &[u8], wanted: &str) -> bool {
    let visible = name.iter().filter(|b| b.is_ascii_graphic()).map(u8::to_ascii_lowercase);
    name.len() >= wanted.len() && visible.eq(wanted.bytes().map(|b| b.to_ascii_lowercase()))
}

fn claims_to_be(value: &[u8], ids: &[AuthservId]) -> bool {
    // RFC 8601 §5 lets us remove any instance; an id that was cut off has no semicolon behind it, so it can't be read.
    let value = value.get(..MAX_FIELD).unwrap_or(value);
    head(&mut Lexer::new(value)).map_or(true, |id| ids.contains(&id))
}

#[cfg(test)]
mod tests;
