//! Which instance of which field a signature covers (RFC 6376 §5.4.2), and the bytes that are hashed for it.

use std::cell::RefCell;
use std::cmp::Ordering;
use std::ops::Range;

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
    relaxed: RefCell<Relaxed>,
}

/// The relaxed forms of fields, each made when it is first needed, for all signatures.
struct Relaxed {
    bytes: Vec<u8>,
    /// Where in `bytes` each field stands, with its CRLF.
    places: Vec<Option<Range<usize>>>,
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
        // No relaxed form is longer than the field.
        let bytes = Vec::with_capacity(header.raw().len());
        let relaxed = RefCell::new(Relaxed { bytes, places: vec![None; names.len()] });
        Self { header, names, relaxed }
    }

    /// Where in `names` the fields of this name stand.
    fn run(&self, name: &str) -> Range<usize> {
        let start = self.names.partition_point(|(other, _)| by_name(other, name.as_bytes()).is_lt());
        let rest = self.names.get(start..).unwrap_or_default();
        start..start + rest.partition_point(|(other, _)| other.eq_ignore_ascii_case(name.as_bytes()))
    }

    /// The fields of this name, from top to bottom.
    fn named(&self, name: &str) -> &[(&'h [u8], usize)] {
        self.names.get(self.run(name)).unwrap_or_default()
    }

    /// Whether the header has a field of this name.
    pub fn has(&self, name: &str) -> bool {
        !self.named(name).is_empty()
    }

    /// What the signature in the field `own` covers.
    pub fn covered<'n>(&self, signed: impl Iterator<Item = &'n str> + Clone, own: usize) -> Covered {
        let mut covered = Covered {
            fields: Vec::with_capacity(self.names.len()),
            oversigned: false,
            unsigned_duplicate: None,
        };
        // Where each run of fields of one name begins: the end of those that are left.
        let mut ends: Vec<Option<usize>> = vec![None; self.names.len()];
        for name in signed.clone() {
            match self.take_last(name, own, &mut ends) {
                // RFC 6376 §5.4.2: each time that h= names a field takes one more instance, from the bottom up.
                Some(index) => covered.fields.push(index),
                // RFC 6376 §3.5 h=: a field that is not there is hashed as nothing.
                None => covered.oversigned = true,
            }
        }
        let single = |name: &&str| SINGLE.contains(name) || name.starts_with("content-");
        let mut singles = signed.filter(single);
        let duplicate = singles.find(|name| self.take_last(name, own, &mut ends).is_some());
        covered.unsigned_duplicate = duplicate.map(Box::from);
        covered
    }

    /// The last field of this name that is left, which is then taken.
    fn take_last(&self, name: &str, own: usize, ends: &mut [Option<usize>]) -> Option<usize> {
        // Where there is no field of this name, another's run begins.
        let run = Some(self.run(name)).filter(|run| !run.is_empty())?;
        let end = ends.get_mut(run.start)?;
        let left = self.names.get(run.start..end.unwrap_or(run.end))?;
        // RFC 6376 §3.5 h=: a signature does not cover its own field, which is hashed last as it is.
        let at = left.iter().rposition(|(_, index)| *index != own);
        *end = Some(run.start + at.unwrap_or(0));
        left.get(at?).map(|(_, index)| *index)
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
        let mut out = Vec::with_capacity(self.header.raw().len());
        covered.fields.iter().for_each(|index| self.put(canon, *index, &mut out));
        out
    }

    /// Appends the canonical form of one field of this header, with one CRLF.
    pub(crate) fn put(&self, canon: Canon, index: usize, out: &mut Vec<u8>) {
        let Some(field) = self.header.field(index) else { return };
        match canon {
            Canon::Simple => {
                out.extend_from_slice(without_line_end(field.raw));
                out.extend_from_slice(b"\r\n");
            }
            Canon::Relaxed => out.extend_from_slice(self.relaxed.borrow_mut().of(field)),
        }
    }
}

impl Relaxed {
    fn of(&mut self, field: Field<'_>) -> &[u8] {
        let Some(place) = self.places.get_mut(field.index) else { return &[] };
        let place = place.get_or_insert_with(|| {
            let start = self.bytes.len();
            put_field(Canon::Relaxed, without_line_end(field.raw), &mut self.bytes);
            self.bytes.extend_from_slice(b"\r\n");
            start..self.bytes.len()
        });
        self.bytes.get(place.clone()).unwrap_or_default()
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
