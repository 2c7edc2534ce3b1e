//! Which instance of which field a signature covers (RFC 6376 §5.4.2), and the bytes that are hashed for it.

use std::cell::OnceCell;
use std::cmp::Ordering;
use std::collections::BTreeMap;

use mail::{Field, Header, Span};

use crate::canon::{Canon, put_field};
use crate::signature::Signature;

/// Fields that should be there once and that readers act on: one more of them, unsigned, changes what is seen.
const SINGLE: &[&str] = &["from", "subject", "date", "to", "cc", "reply-to", "message-id", "mime-version"];

/// The fields of a header by name, made once for all signatures.
pub struct FieldIndex<'h> {
    header: &'h Header,
    /// Name and index of each field, in the order of [`by_name`] and then from the top.
    names: Vec<(&'h [u8], usize)>,
    /// The relaxed form of each field, made when it is first needed.
    relaxed: Vec<OnceCell<Box<[u8]>>>,
}

/// What a signature covers.
pub struct Covered {
    /// The fields, in the order in which they are hashed.
    pub fields: Vec<usize>,
    /// h= names a field more often than it is there.
    pub oversigned: bool,
    /// The first field that should be there once, in the order of h=, of which an instance is covered and another is not.
    pub unsigned_duplicate: Option<Box<str>>,
}

impl<'h> FieldIndex<'h> {
    /// Reads the header once.
    pub fn new(header: &'h Header) -> Self {
        let mut names: Vec<_> = header.fields().map(|field| (field.name, field.index)).collect();
        names.sort_unstable_by(|(one, i), (other, j)| by_name(one, other).then(i.cmp(j)));
        Self { header, relaxed: names.iter().map(|_| OnceCell::new()).collect(), names }
    }

    /// The fields of this name, from top to bottom.
    pub(crate) fn named(&self, name: &str) -> &[(&'h [u8], usize)] {
        let rest = self.names.partition_point(|(other, _)| by_name(other, name.as_bytes()).is_lt());
        let rest = self.names.get(rest..).unwrap_or_default();
        let end = rest.partition_point(|(other, _)| by_name(other, name.as_bytes()).is_eq());
        rest.get(..end).unwrap_or_default()
    }

    /// Whether the header has a field of this name.
    pub fn has(&self, name: &str) -> bool {
        !self.named(name).is_empty()
    }

    /// What the signature in the field `own` covers.
    pub fn covered(&self, signed: &[Box<str>], own: usize) -> Covered {
        let mut left = BTreeMap::new();
        let mut covered = Covered { fields: Vec::new(), oversigned: false, unsigned_duplicate: None };
        for name in signed {
            let instances = left.entry(name).or_insert_with(|| {
                // RFC 6376 §3.5 h=: a signature does not cover its own field, which is hashed last as it is.
                self.named(name).iter().rev().map(|(_, index)| *index).filter(move |index| *index != own)
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
        let mut out = self.covered_bytes(covered, canon);
        put_own_field(canon, signature.blank, own, &mut out);
        out
    }

    /// The covered fields in this canonical form, each with one CRLF.
    pub fn covered_bytes(&self, covered: &Covered, canon: Canon) -> Vec<u8> {
        let mut out = Vec::new();
        covered.fields.iter().for_each(|index| self.put(canon, *index, &mut out));
        out
    }

    /// Appends the canonical form of one field of this header, with one CRLF.
    pub(crate) fn put(&self, canon: Canon, index: usize, out: &mut Vec<u8>) {
        let Some(field) = self.header.field(index) else { return };
        match canon {
            Canon::Simple => out.extend_from_slice(without_line_end(field.raw)),
            Canon::Relaxed => out.extend_from_slice(self.relaxed(field)),
        }
        out.extend_from_slice(b"\r\n");
    }

    /// The relaxed form of a field of this header, without a line end.
    fn relaxed(&self, field: Field<'_>) -> &[u8] {
        let make = || {
            let mut out = Vec::with_capacity(field.raw.len());
            put_field(Canon::Relaxed, without_line_end(field.raw), &mut out);
            out.into_boxed_slice()
        };
        self.relaxed.get(field.index).map(|form| &**form.get_or_init(make)).unwrap_or_default()
    }
}

/// An order in which two names are equal if they are the same but for case. Shorter names come first, as lengths are
/// quick to compare.
fn by_name(one: &[u8], other: &[u8]) -> Ordering {
    let lower = u8::to_ascii_lowercase;
    one.len().cmp(&other.len()).then_with(|| one.iter().map(lower).cmp(other.iter().map(lower)))
}

/// Appends a signature's own field as it is signed: without a CRLF at its end, and without what stands in `blank`, which
/// is all between the `=` of b= and the semicolon or the end.
pub fn put_own_field(canon: Canon, blank: Span, own: &[u8], out: &mut Vec<u8>) {
    let front = own.get(..blank.start).unwrap_or_default();
    let back = own.get(blank.end..).unwrap_or_default();
    put_field(canon, without_line_end(&[front, back].concat()), out);
}

fn without_line_end(field: &[u8]) -> &[u8] {
    field.strip_suffix(b"\r\n").unwrap_or(field)
}
