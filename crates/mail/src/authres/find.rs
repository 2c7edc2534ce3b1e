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
    /// Its place among all fields of the header, from 0.
    pub index: usize,
    /// The name as it stands there, without white space before the colon.
    pub name: Vec<u8>,
    /// Its place among the fields of this name in any case, from 1: what a milter is asked to delete.
    pub ordinal: usize,
}

/// The fields of one message that have to be removed, for whoever is shown each field as it comes, from top to bottom. Nothing
/// but those is kept, so there is no header too long for it.
#[derive(Debug, Default)]
pub struct Claims {
    seen: usize,
    /// How often each of the names was seen, in lower case.
    counts: BTreeMap<Vec<u8>, usize>,
    claims: Vec<Claim>,
    memory: usize,
}

/// About how many bytes are set aside for a name that is counted or a field that is found, beside its name.
const KEPT_FOR_EACH: usize = 64;

impl Claims {
    /// The next field: its name as it stands there, and whether it has to be removed; `None` where that is so for no field of
    /// this name.
    pub fn see(&mut self, name: &[u8], goes: Option<bool>) {
        let index = self.seen;
        self.seen += 1;
        if let Some(goes) = goes {
            self.count(index, name, goes);
        }
    }

    fn count(&mut self, index: usize, name: &[u8], goes: bool) {
        let name = name.trim_ascii_end();
        let ordinal = self.counts.entry(name.to_ascii_lowercase()).or_default();
        *ordinal += 1;
        let is_new = *ordinal == 1;
        self.memory += (KEPT_FOR_EACH + name.len()) * (usize::from(is_new) + usize::from(goes));
        if goes {
            self.claims.push(Claim { index, name: name.to_vec(), ordinal: *ordinal });
        }
    }

    /// How many have to be removed so far.
    pub fn len(&self) -> usize {
        self.claims.len()
    }

    /// Whether none has to be removed so far.
    pub fn is_empty(&self) -> bool {
        self.claims.is_empty()
    }

    /// About how many bytes it keeps: of a header that is made for it, several times as many as it came with.
    pub fn memory(&self) -> usize {
        self.memory
    }

    /// What has to be removed, the last field first: so the ordinals of the others stay right while it is done.
    pub fn finish(mut self) -> Vec<Claim> {
        self.claims.reverse();
        self.claims
    }
}

/// Whether a field claims to be one of ours, by our `ids`; `None` where it is called neither Authentication-Results nor one of
/// `names`. `value` is what follows the colon, with folds of CRLF or LF.
pub fn is_own(ids: &[AuthservId], names: &[impl AsRef<str>], name: &[u8], value: &[u8]) -> Option<bool> {
    let mut wanted = std::iter::once(FIELD_NAME).chain(names.iter().map(AsRef::as_ref));
    wanted.any(|wanted| is_named(name, wanted)).then(|| claims_to_be(value, ids))
}

/// The fields of a header that have to be removed, last first. Also looks at fields that [`Header::fields`] leaves
/// out; `index` counts those of [`Header::field_lines`]. What [`crate::header::MAX_HEADER`] cut off it can't see: who
/// removes fields from a header without that limit asks [`is_own`] about each.
pub fn own(header: &Header, ids: &[AuthservId], names: &[&str]) -> Vec<Claim> {
    let mut claims = Claims::default();
    match header.defects() {
        // Whatever is left out of the fields is a defect, and so is a name with bytes that no name has.
        [] => {
            let wanted: Vec<&str> = std::iter::once(FIELD_NAME).chain(names.iter().copied()).collect();
            header.named_any(&wanted).for_each(|f| claims.count(f.index, f.name, claims_to_be(f.value, ids)));
        }
        _ => header.field_lines().for_each(|f| claims.see(f.name, is_own(ids, names, f.name, f.value))),
    }
    claims.finish()
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
