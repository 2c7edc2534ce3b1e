//! Which instance of which field a signature covers (RFC 6376 §5.4.2), and the bytes that are hashed for it.

use std::cell::RefCell;
use std::cmp::Ordering;
use std::ops::Range;

use mail::header::NameKey;
use mail::{Field, Header, Span};

use crate::canon::{Canon, put_field};
use crate::signature::Signature;

/// Fields that should be there once and that readers act on: one more of them, unsigned, changes what is seen.
const SINGLE: &[&str] = &["from", "subject", "date", "to", "cc", "reply-to", "message-id", "mime-version"];

/// The fields of a header by name, made once for all signatures.
pub struct FieldIndex<'h> {
    header: &'h Header,
    /// In the order of their names, and then from the top.
    names: Vec<Named<'h>>,
    /// None for a signature alone.
    relaxed: Option<RefCell<Relaxed>>,
}

/// A field by its name.
struct Named<'h> {
    name: Name<'h>,
    /// The field's place in the header.
    index: usize,
}

/// A name, which comes before others or after them whatever its case: by its key, which is quick to compare.
struct Name<'n> {
    key: NameKey,
    text: &'n [u8],
}

impl<'n> Name<'n> {
    fn new(text: &'n [u8]) -> Self {
        Self { key: NameKey::of(text), text }
    }

    fn order(&self, other: &Self) -> Ordering {
        let lower = |name: &Self| name.text.iter().map(u8::to_ascii_lowercase);
        self.key.cmp(&other.key).then_with(|| match self.text.eq_ignore_ascii_case(other.text) {
            true => Ordering::Equal,
            false => lower(self).cmp(lower(other)),
        })
    }
}

/// The relaxed forms of fields, each made when it is first needed, for all of several signatures.
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
    /// By where its run begins, how far each name was taken: where those that are left end. `None` for a name that h= has
    /// not.
    taken: Vec<Option<usize>>,
}

/// A field that a name in h= takes.
struct Taken {
    index: usize,
    /// Whether there are others of its name above it.
    leaves_some: bool,
}

impl<'h> FieldIndex<'h> {
    /// Reads the header once for all signatures, of which there are so many.
    pub fn new(header: &'h Header, signatures: usize) -> Self {
        let named =
            |(field, key): (Field<'h>, _)| Named { name: Name { key, text: field.name }, index: field.index };
        let mut names: Vec<_> = header.fields().zip(header.name_keys()).map(named).collect();
        names.sort_unstable_by(|one, other| one.name.order(&other.name).then(one.index.cmp(&other.index)));
        // No relaxed form is longer than the field.
        let relaxed = || Relaxed {
            bytes: Vec::with_capacity(header.raw().len()),
            places: vec![None; header.fields().len()],
        };
        let relaxed = (signatures > 1).then(|| RefCell::new(relaxed()));
        Self { header, names, relaxed }
    }

    /// Where in `names` the fields of this name stand.
    fn run(&self, name: &str) -> Range<usize> {
        let wanted = Name::new(name.as_bytes());
        let start = self.names.partition_point(|field| field.name.key < wanted.key);
        let rest = self.names.get(start..).unwrap_or_default();
        let length = rest.partition_point(|field| field.name.key <= wanted.key);
        let is_wanted = |field: &Named<'_>| field.name.order(&wanted).is_eq();
        match rest.get(..length) {
            // Nearly always all that have the key have the name: the first and the last tell.
            Some([one]) if is_wanted(one) => start..start + 1,
            Some([first, .., last]) if is_wanted(first) && is_wanted(last) => start..start + length,
            Some(others) => {
                let before = others.partition_point(|field| field.name.order(&wanted).is_lt());
                let same = others.partition_point(|field| field.name.order(&wanted).is_le());
                start + before..start + same
            }
            None => start..start,
        }
    }

    /// Whether the header has a field of this name.
    pub fn has(&self, name: &str) -> bool {
        !self.run(name).is_empty()
    }

    /// Whether the header has a field of this name which h= does not name.
    pub(crate) fn is_unsigned(&self, name: &str, covered: &Covered) -> bool {
        let run = self.run(name);
        !run.is_empty() && covered.taken.get(run.start).is_some_and(Option::is_none)
    }

    /// What the signature in the field `own` covers.
    pub fn covered<'n>(&self, signed: impl Iterator<Item = &'n str> + Clone, own: usize) -> Covered {
        let mut covered = Covered {
            fields: Vec::with_capacity(self.names.len()),
            oversigned: false,
            unsigned_duplicate: None,
            taken: vec![None; self.names.len()],
        };
        let mut leaves_some = false;
        for name in signed.clone() {
            match self.take_last(name, own, &mut covered.taken) {
                // RFC 6376 §5.4.2: each time that h= names a field takes one more instance, from the bottom up.
                Some(taken) => {
                    covered.fields.push(taken.index);
                    leaves_some |= taken.leaves_some;
                }
                // RFC 6376 §3.5 h=: a field that is not there is hashed as nothing.
                None => covered.oversigned = true,
            }
        }
        if leaves_some {
            let single = |name: &&str| SINGLE.contains(name) || name.starts_with("content-");
            let mut singles = signed.filter(single);
            let duplicate = singles.find(|name| self.take_last(name, own, &mut covered.taken).is_some());
            covered.unsigned_duplicate = duplicate.map(Box::from);
        }
        covered
    }

    /// The last field of this name that is left, which is then taken.
    fn take_last(&self, name: &str, own: usize, taken: &mut [Option<usize>]) -> Option<Taken> {
        // Where there is no field of this name, another's run begins.
        let run = Some(self.run(name)).filter(|run| !run.is_empty())?;
        let end = taken.get_mut(run.start)?;
        let left = self.names.get(run.start..end.unwrap_or(run.end))?;
        // RFC 6376 §3.5 h=: a signature does not cover its own field, which is hashed last as it is.
        let at = left.iter().rposition(|field| field.index != own);
        *end = Some(run.start + at.unwrap_or(0));
        let index = left.get(at?)?.index;
        Some(Taken { index, leaves_some: at? > 0 })
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
        match (canon, &self.relaxed) {
            (Canon::Relaxed, Some(relaxed)) => out.extend_from_slice(relaxed.borrow_mut().of(field)),
            _ => {
                put_field(canon, without_line_end(field.raw), out);
                out.extend_from_slice(b"\r\n");
            }
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
