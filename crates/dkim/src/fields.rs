//! Which instance of which field a signature covers (RFC 6376 §5.4.2), and the bytes that are hashed for it.

use std::collections::BTreeMap;

use mail::Header;

use crate::canon::{Canon, put_field};
use crate::signature::Signature;

/// Fields that should be there once and that readers act on: one more of them, unsigned, changes what is seen.
const SINGLE: &[&str] = &["from", "subject", "date", "to", "cc", "reply-to", "message-id", "mime-version"];

/// The fields of a header by name, made once for all signatures.
pub(crate) struct FieldIndex<'h> {
    header: &'h Header,
    by_name: BTreeMap<Vec<u8>, Vec<usize>>,
}

/// What a signature covers.
pub(crate) struct Covered {
    /// The fields, in the order in which they are hashed.
    pub(crate) fields: Vec<usize>,
    /// h= names a field more often than it is there.
    pub(crate) oversigned: bool,
    /// The first field of [`SINGLE`], in the order of h=, of which an instance is covered and another is not.
    pub(crate) unsigned_duplicate: Option<Box<str>>,
}

impl<'h> FieldIndex<'h> {
    /// Reads the header once.
    pub(crate) fn new(header: &'h Header) -> Self {
        let mut by_name: BTreeMap<Vec<u8>, Vec<usize>> = BTreeMap::new();
        for field in header.fields() {
            by_name.entry(field.name.to_ascii_lowercase()).or_default().push(field.index);
        }
        Self { header, by_name }
    }

    /// Whether the header has a field of this name, which is in lower case.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.by_name.contains_key(name.as_bytes())
    }

    /// What the signature in the field `own` covers.
    pub(crate) fn covered(&self, signed: &[Box<str>], own: usize) -> Covered {
        let mut left = BTreeMap::new();
        let mut covered = Covered { fields: Vec::new(), oversigned: false, unsigned_duplicate: None };
        for name in signed {
            let instances = left.entry(name).or_insert_with(|| {
                let all = self.by_name.get(name.as_bytes()).map(Vec::as_slice).unwrap_or_default();
                // RFC 6376 §3.5 h=: a signature does not cover its own field, which is hashed last as it is.
                all.iter().rev().copied().filter(move |index| *index != own)
            });
            match instances.next() {
                // RFC 6376 §5.4.2: each time that h= names a field takes one more instance, from the bottom up.
                Some(index) => covered.fields.push(index),
                // RFC 6376 §3.5 h=: a field that is not there is hashed as nothing.
                None => covered.oversigned = true,
            }
        }
        let single = |name: &str| SINGLE.contains(&name) || name.starts_with("content-");
        covered.unsigned_duplicate = signed
            .iter()
            .find(|name| single(name) && left.get_mut(name).is_some_and(|rest| rest.next().is_some()))
            .cloned();
        covered
    }

    /// RFC 6376 §3.7, hash step 2: the covered fields, each with one CRLF, then the signature's own field with an empty
    /// b= and no CRLF.
    pub(crate) fn hashed_bytes(&self, covered: &Covered, signature: &Signature, own: &[u8]) -> Vec<u8> {
        let canon = signature.header_canon;
        let mut out = Vec::new();
        for field in covered.fields.iter().filter_map(|index| self.header.field(*index)) {
            put_field(canon, without_line_end(field.raw), &mut out);
            out.extend_from_slice(b"\r\n");
        }
        put_own_field(canon, signature, own, &mut out);
        out
    }
}

fn put_own_field(canon: Canon, signature: &Signature, own: &[u8], out: &mut Vec<u8>) {
    let blank = signature.blank;
    let front = own.get(..blank.start).unwrap_or_default();
    let back = own.get(blank.end..).unwrap_or_default();
    put_field(canon, without_line_end(&[front, back].concat()), out);
}

fn without_line_end(field: &[u8]) -> &[u8] {
    field.strip_suffix(b"\r\n").unwrap_or(field)
}
