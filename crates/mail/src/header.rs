//! The header of a message: its fields with spans, the boundary to the body, and all that is wrong with its form.
//!
//! A line ends with CRLF and with nothing else (RFC 5322 §2.3). The header ends at the first empty line. What a lenient
//! reader could take for another header than ours is a [`Defect`]; a message that has one passes no DMARC.

use std::fmt;

use memchr::{memchr, memchr_iter, memchr3_iter, memmem};

use crate::finding::Span;

pub use key::NameKey;

/// Longest header block, in bytes; what lies beyond is not kept.
pub const MAX_HEADER: usize = 256 * 1024;
/// Longest single field, in bytes, with its name and folds.
pub const MAX_FIELD: usize = 64 * 1024;
/// Most fields in one header.
pub const MAX_FIELDS: usize = 2_000;

/// Why a header is not the one that every reader sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Defect {
    /// A LF without CR before it.
    BareLf,
    /// A CR without LF after it.
    BareCr,
    /// A NUL.
    Nul,
    /// The first line begins with white space, so it continues nothing.
    LeadingFold,
    /// A line that is neither a field nor the continuation of one: no colon in it.
    NoColon,
    /// A field name that is empty or has bytes other than visible ASCII (RFC 5322 §3.6.8).
    BadName,
    /// A field of more than [`MAX_FIELD`] bytes.
    LongField,
    /// More than [`MAX_FIELDS`] fields.
    ManyFields,
    /// A header of more than [`MAX_HEADER`] bytes.
    LongHeader,
}

impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BareLf => f.write_str("a line feed without a carriage return"),
            Self::BareCr => f.write_str("a carriage return without a line feed"),
            Self::Nul => f.write_str("a NUL byte"),
            Self::LeadingFold => f.write_str("the first line begins with white space"),
            Self::NoColon => f.write_str("a line without a colon"),
            Self::BadName => f.write_str("a field name that is not visible ASCII"),
            Self::LongField => write!(f, "a field of more than {MAX_FIELD} bytes"),
            Self::ManyFields => write!(f, "more than {MAX_FIELDS} fields"),
            Self::LongHeader => write!(f, "more than {MAX_HEADER} bytes"),
        }
    }
}

/// One header field, borrowed from its header.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Field<'a> {
    /// Its place from the top, from 0.
    pub index: usize,
    /// All of it, from the name to the CRLF at the end.
    pub raw: &'a [u8],
    /// The name without white space before the colon (RFC 5322 §4.5.8 lets it stand there).
    pub name: &'a [u8],
    /// What follows the colon, folds and first space included, without the CRLF at the end.
    pub value: &'a [u8],
    /// Where `raw` stands in the header.
    pub span: Span,
    /// Where `value` stands in the header.
    pub value_span: Span,
}

impl Field<'_> {
    /// Whether the field has this name, in any case.
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }
}

impl fmt::Debug for Field<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Field({} {:?})", self.index, crate::printable(self.raw))
    }
}

/// Where a field stands. In small numbers, so that those of most headers are memory that an allocator has at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    start: u32,
    name_end: u32,
    colon: u32,
    end: u32,
    key: NameKey,
}

/// The header of one message: its bytes, its fields, its defects.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Header {
    raw: Vec<u8>,
    fields: Vec<Place>,
    defects: Vec<(Defect, Span)>,
}

impl Header {
    /// Reads a header block: field lines, each with its CRLF, without the empty line that ends the header.
    /// Lines that are no field are left out of [`Header::fields`] and noted as defects.
    pub fn parse(raw: impl Into<Vec<u8>>) -> Self {
        let mut raw = raw.into();
        let mut defects = Vec::new();
        if raw.len() > MAX_HEADER {
            defects.push((Defect::LongHeader, Span::new(MAX_HEADER, raw.len())));
            raw.truncate(MAX_HEADER);
        }
        let mut header = Self { raw, fields: Vec::new(), defects };
        header.note_stray_bytes();
        header.find_fields();
        header
    }

    /// The header as a milter gives it: name and value of each field, the value with all that followed the colon.
    /// Line ends inside values may be LF, as libmilter sends them; they become CRLF.
    pub fn from_fields<'a>(fields: impl IntoIterator<Item = (&'a [u8], &'a [u8])>) -> Self {
        let mut raw = Vec::new();
        for (name, value) in fields {
            raw.extend_from_slice(name);
            raw.push(b':');
            let mut last = 0;
            for &byte in value {
                if byte == b'\n' && last != b'\r' {
                    raw.push(b'\r');
                }
                raw.push(byte);
                last = byte;
            }
            raw.extend_from_slice(b"\r\n");
            if raw.len() > MAX_HEADER {
                break;
            }
        }
        Self::parse(raw)
    }

    /// The bytes that were read.
    pub fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// The fields from top to bottom.
    pub fn fields(&self) -> impl DoubleEndedIterator<Item = Field<'_>> + ExactSizeIterator + Clone {
        self.fields.iter().enumerate().map(|(index, place)| self.field_at(index, *place))
    }

    /// The field with this index.
    pub fn field(&self, index: usize) -> Option<Field<'_>> {
        self.fields.get(index).map(|place| self.field_at(index, *place))
    }

    /// The fields of this name, in any case, from top to bottom.
    pub fn named<'a>(&'a self, name: &'a str) -> impl DoubleEndedIterator<Item = Field<'a>> + Clone {
        let key = NameKey::of(name.as_bytes());
        let places = self.fields.iter().enumerate().filter(move |(_, place)| place.key == key);
        places.map(|(index, place)| self.field_at(index, *place)).filter(move |field| field.is(name))
    }

    /// The fields that have any of these names, in any case, from top to bottom.
    pub fn named_any<'a>(&'a self, names: &[&'a str]) -> impl Iterator<Item = Field<'a>> + use<'a> {
        let wanted: Vec<_> = names.iter().map(|name| (NameKey::of(name.as_bytes()), *name)).collect();
        self.fields.iter().enumerate().filter_map(move |(index, place)| {
            let mut wanted = wanted.iter().filter(|(key, _)| *key == place.key).peekable();
            wanted.peek()?;
            let field = self.field_at(index, *place);
            wanted.any(|(_, name)| field.is(name)).then_some(field)
        })
    }

    /// The keys of the fields' names, from top to bottom.
    pub fn name_keys(&self) -> impl ExactSizeIterator<Item = NameKey> + Clone {
        self.fields.iter().map(|place| place.key)
    }

    /// Every field line that has a colon, from top to bottom, also those that [`Header::fields`] leaves out: too long,
    /// one too many, or with a name that is not visible ASCII. Their `index` counts these lines, so it is not that of
    /// `fields`. For finding what has to be removed, never for judging.
    pub fn field_lines(&self) -> impl Iterator<Item = Field<'_>> {
        let mut start = 0;
        let places = field_ends(&self.raw).filter_map(move |end| {
            let start = std::mem::replace(&mut start, end);
            place(&self.raw, start, end)
        });
        places.enumerate().map(|(index, place)| self.field_at(index, place))
    }

    /// What is wrong with the form, and where, in the order in which it was noticed.
    pub fn defects(&self) -> &[(Defect, Span)] {
        &self.defects
    }

    fn slice(&self, start: usize, end: usize) -> &[u8] {
        self.raw.get(start..end).unwrap_or_default()
    }

    fn field_at(&self, index: usize, place: Place) -> Field<'_> {
        let [start, name_end, colon, end] =
            [place.start, place.name_end, place.colon, place.end].map(|at| at as usize);
        let value_start = colon + 1;
        let value_end = if self.slice(value_start, end).ends_with(b"\r\n") { end - 2 } else { end };
        Field {
            index,
            raw: self.slice(start, end),
            name: self.slice(start, name_end),
            value: self.slice(value_start, value_end),
            span: Span::new(start, end),
            value_span: Span::new(value_start, value_end),
        }
    }

    fn note(&mut self, defect: Defect, span: Span) {
        // One of a kind is enough to judge by; a header full of them must not cost memory.
        if !self.defects.iter().any(|(d, _)| *d == defect) {
            self.defects.push((defect, span));
        }
    }

    fn note_stray_bytes(&mut self) {
        if is_clean(&self.raw) {
            return;
        }
        let mut found = [None; 3];
        for at in memchr3_iter(b'\n', b'\r', 0, &self.raw) {
            let slot = match self.raw.get(at) {
                Some(b'\n') if at == 0 || self.raw.get(at - 1) != Some(&b'\r') => 0,
                Some(b'\r') if self.raw.get(at + 1) != Some(&b'\n') => 1,
                Some(0) => 2,
                _ => continue,
            };
            if let Some(first @ None) = found.get_mut(slot) {
                *first = Some(at);
            }
        }
        for (at, defect) in found.into_iter().zip([Defect::BareLf, Defect::BareCr, Defect::Nul]) {
            if let Some(at) = at {
                self.note(defect, Span::new(at, at + 1));
            }
        }
    }

    fn find_fields(&mut self) {
        // Fields are rarely shorter than this, so there is room for all of them at once.
        self.fields.reserve((self.raw.len() / 80).min(MAX_FIELDS));
        let raw = std::mem::take(&mut self.raw);
        let mut start = 0;
        for end in field_ends(&raw) {
            if self.fields.len() == MAX_FIELDS {
                self.note(Defect::ManyFields, Span::new(start, raw.len()));
                break;
            }
            match read_field(&raw, start, end) {
                Ok(place) => self.fields.push(place),
                Err((defect, span)) => self.note(defect, span),
            }
            start = end;
        }
        self.raw = raw;
    }
}

/// Where field lines end: one past each CRLF that no white space follows, and at the end of the header.
fn field_ends(raw: &[u8]) -> impl Iterator<Item = usize> {
    let is_end = |at: &usize| {
        raw.get(at.wrapping_sub(2)) == Some(&b'\r') && !matches!(raw.get(*at), Some(b' ' | b'\t'))
    };
    let is_cut_off = !raw.is_empty() && !raw.ends_with(b"\r\n");
    memchr_iter(b'\n', raw).map(|lf| lf + 1).filter(is_end).chain(is_cut_off.then_some(raw.len()))
}

/// The field that stands there, or why it is none.
fn read_field(raw: &[u8], start: usize, end: usize) -> Result<Place, (Defect, Span)> {
    let span = Span::new(start, end);
    if end - start > MAX_FIELD {
        return Err((Defect::LongField, span));
    }
    if matches!(raw.get(start), Some(b' ' | b'\t')) {
        return Err((Defect::LeadingFold, span));
    }
    let place = place(raw, start, end).ok_or((Defect::NoColon, span))?;
    let name_end = place.name_end as usize;
    let name = raw.get(start..name_end).unwrap_or_default();
    if !name.is_empty() && name.iter().all(|b| matches!(b, b'!'..=b'~')) {
        Ok(place)
    } else if raw.get(start..place.colon as usize).unwrap_or_default().contains(&b'\n') {
        // `From CRLF SP : x`: the colon stands in a continuation, so the first line has none.
        Err((Defect::NoColon, span))
    } else {
        Err((Defect::BadName, Span::new(start, name_end.max(start + 1))))
    }
}

/// The parts of a field: white space before the colon belongs to none. `None` without a colon, and where the header is
/// longer than any that is kept.
fn place(raw: &[u8], start: usize, end: usize) -> Option<Place> {
    let field = raw.get(start..end)?;
    let colon = memchr(b':', field)?;
    let mut name = field.get(..colon)?;
    while let [rest @ .., b' ' | b'\t'] = name {
        name = rest;
    }
    let at = |at: usize| u32::try_from(at).ok();
    Some(Place {
        start: at(start)?,
        name_end: at(start + name.len())?,
        colon: at(start + colon)?,
        end: at(end)?,
        key: NameKey::of(name),
    })
}

/// Whether every CR has its LF, every LF its CR, and nothing is NUL: almost always so, and found out without a branch.
fn is_clean(raw: &[u8]) -> bool {
    let next = raw.get(1..).unwrap_or_default();
    let pairs = raw.iter().zip(next);
    let is_stray = |(byte, next): (&u8, &u8)| (*byte == 0) | ((*byte == b'\r') != (*next == b'\n'));
    let ends = (raw.first(), raw.last());
    !pairs.fold(false, |found, pair| found | is_stray(pair))
        && !matches!(ends, (Some(b'\n'), _) | (_, Some(b'\r' | 0)))
}

/// Cuts a stream of message bytes, in chunks of any size, into header and body at the first empty line.
#[derive(Debug, Default)]
pub struct Splitter {
    kept: Vec<u8>,
    /// Header bytes seen, kept or not.
    seen: usize,
    line: Line,
    in_body: bool,
}

/// Where in its line the splitter stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Line {
    #[default]
    Start,
    /// A CR stands at the start of the line.
    StartCr,
    Inside,
    /// The last byte was a CR, inside the line.
    InsideCr,
}

impl Splitter {
    /// Takes the next chunk; gives the part of it that belongs to the body, empty while the header goes on.
    pub fn push<'a>(&mut self, chunk: &'a [u8]) -> &'a [u8] {
        if self.in_body {
            return chunk;
        }
        let mut rest = chunk;
        loop {
            // Within a line nothing but a CR matters.
            if self.line == Line::Inside {
                let cr = memchr(b'\r', rest).unwrap_or(rest.len());
                rest = rest.get(cr..).unwrap_or_default();
            }
            let [byte, body @ ..] = rest else { break };
            rest = body;
            if self.step(*byte) {
                self.in_body = true;
                self.keep(chunk.get(..chunk.len() - body.len()).unwrap_or_default());
                // The empty line is not part of the header.
                let end = self.seen - 2;
                self.seen = end;
                self.kept.truncate(end);
                return body;
            }
        }
        self.keep(chunk);
        &[]
    }

    /// Whether the empty line was seen.
    pub fn in_body(&self) -> bool {
        self.in_body
    }

    /// The header, at the end of the header or of the message.
    pub fn into_header(self) -> Header {
        Header::parse(self.kept)
    }

    /// Reads one byte of the header; true if it ends the empty line.
    fn step(&mut self, byte: u8) -> bool {
        let (next, done) = match (self.line, byte) {
            (Line::StartCr, b'\n') => (Line::Start, true),
            (Line::InsideCr, b'\n') => (Line::Start, false),
            (Line::Start, b'\r') => (Line::StartCr, false),
            (_, b'\r') => (Line::InsideCr, false),
            _ => (Line::Inside, false),
        };
        self.line = next;
        done
    }

    fn keep(&mut self, bytes: &[u8]) {
        self.seen += bytes.len();
        // One byte more than the limit, so that the header knows it was too long.
        let room = (MAX_HEADER + 1).saturating_sub(self.kept.len());
        self.kept.extend_from_slice(bytes.get(..room.min(bytes.len())).unwrap_or_default());
    }
}

/// Where the first empty line begins.
fn empty_line(message: &[u8]) -> Option<usize> {
    if message.starts_with(b"\r\n") {
        return Some(0);
    }
    // Of CRLF CRLF its middle is what is found nowhere else.
    let mut middles = memmem::find_iter(message, b"\n\r");
    let is_between = |at: &usize| message.get(at.wrapping_sub(1)..at + 3) == Some(b"\r\n\r\n");
    middles.find(is_between).map(|at| at + 1)
}

/// Cuts a whole message into header and body.
pub fn split(message: &[u8]) -> (Header, &[u8]) {
    let end = empty_line(message).unwrap_or(message.len());
    let (header, rest) = message.split_at_checked(end).unwrap_or_default();
    // One byte more than the limit, so that the header knows it was too long.
    (Header::parse(header.get(..=MAX_HEADER).unwrap_or(header)), rest.get(2..).unwrap_or_default())
}

mod key;

#[cfg(test)]
mod tests;
