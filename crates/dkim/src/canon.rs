//! The two canonical forms of header and body (RFC 6376 §3.4), of fields as a whole and of bodies as they stream by.
//!
//! A line of a body ends with CRLF and with nothing else: a CR or a LF alone is a byte like any other, in both forms.

use std::fmt;

use memchr::memchr3;

/// How much a header or a body may change on the way without a signature noticing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Canon {
    /// Nothing but empty lines at the end of the body.
    Simple,
    /// White space and folds, the case of field names, empty lines at the end of the body.
    Relaxed,
}

impl fmt::Display for Canon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Simple => "simple",
            Self::Relaxed => "relaxed",
        })
    }
}

/// Appends the canonical form of one field, given as `Name: value` without the CRLF at its end. Appends none either.
pub fn put_field(canon: Canon, field: &[u8], out: &mut Vec<u8>) {
    match canon {
        // RFC 6376 §3.4.1: fields are taken exactly as they are.
        Canon::Simple => out.extend_from_slice(field),
        Canon::Relaxed => put_relaxed_field(field, out),
    }
}

fn put_relaxed_field(field: &[u8], out: &mut Vec<u8>) {
    let mut halves = field.splitn(2, |&b| b == b':');
    let name = halves.next().unwrap_or_default();
    // RFC 6376 §3.4.2: the name in lower case, no white space on either side of the colon.
    out.extend(name.trim_ascii_end().iter().map(u8::to_ascii_lowercase));
    out.push(b':');
    let mut between = false;
    // RFC 6376 §3.4.2: unfolded; each run of white space one space; none at the end.
    for word in halves.next().unwrap_or_default().split(|b| matches!(b, b' ' | b'\t')) {
        let word = word.strip_suffix(b"\r\n").unwrap_or(word);
        if word.is_empty() {
            continue;
        }
        if between {
            out.push(b' ');
        }
        out.extend_from_slice(word);
        between = true;
    }
}

/// Held-back line ends are given on in pieces of this many.
const LINE_ENDS: &[[u8; 2]] = &[*b"\r\n"; 64];

/// Turns a body into its canonical form as it streams by, cut anywhere: what it gives on depends on the bytes alone.
/// Holds back a few counters, never bytes of the body; gives on slices of the body as long as they can be.
#[derive(Clone, Debug)]
pub struct BodyCanon {
    canon: Canon,
    /// Line ends seen and not given on: they count only if something follows.
    crlfs: u64,
    /// White space seen and not given on (relaxed): it counts only if something follows on its line.
    space: bool,
    /// The last byte was a CR: half a line end, or a byte like any other.
    cr: bool,
    /// Nothing was given on so far.
    empty: bool,
}

impl BodyCanon {
    /// Begins a body.
    pub fn new(canon: Canon) -> Self {
        Self { canon, crlfs: 0, space: false, cr: false, empty: true }
    }

    /// Takes the next bytes of the body and gives their canonical form to `put`, as far as it is certain.
    pub fn update(&mut self, chunk: &[u8], put: &mut impl FnMut(&[u8])) {
        let mut rest = self.after_cr(chunk, put);
        while let [first, tail @ ..] = rest {
            rest = match (first, tail) {
                (b'\r', [b'\n', tail @ ..]) => self.line_end(tail),
                (b'\r', []) => {
                    self.cr = true;
                    tail
                }
                (b' ' | b'\t', _) if self.canon == Canon::Relaxed => {
                    self.space = true;
                    tail
                }
                _ => {
                    let stretch = match self.canon {
                        Canon::Simple => simple_stretch(rest),
                        Canon::Relaxed => relaxed_stretch(rest),
                    };
                    let (unchanged, tail) = rest.split_at_checked(stretch).unwrap_or((rest, &[]));
                    self.put_data(unchanged, put);
                    tail
                }
            }
        }
    }

    /// Ends the body.
    pub fn finish(mut self, put: &mut impl FnMut(&[u8])) {
        if self.cr {
            self.put_data(b"\r", put);
        }
        // RFC 6376 §3.4.3: empty lines at the end are one CRLF, which is added where there is none, even to no body.
        // RFC 6376 §3.4.4: relaxed adds it only to a body that has something left.
        if self.canon == Canon::Simple || !self.empty {
            put(b"\r\n");
        }
    }

    /// Decides what a CR at the end of the last chunk was.
    fn after_cr<'a>(&mut self, chunk: &'a [u8], put: &mut impl FnMut(&[u8])) -> &'a [u8] {
        if !self.cr || chunk.is_empty() {
            return chunk;
        }
        self.cr = false;
        match chunk {
            [b'\n', tail @ ..] => self.line_end(tail),
            _ => {
                self.put_data(b"\r", put);
                chunk
            }
        }
    }

    fn line_end<'a>(&mut self, tail: &'a [u8]) -> &'a [u8] {
        // RFC 6376 §3.4.4: white space at the end of a line is ignored.
        self.space = false;
        self.crlfs = self.crlfs.saturating_add(1);
        tail
    }

    /// Gives on what was held back, as something follows it, and then what follows.
    fn put_data(&mut self, data: &[u8], put: &mut impl FnMut(&[u8])) {
        while self.crlfs > 0 {
            let now = usize::try_from(self.crlfs).unwrap_or(usize::MAX).min(LINE_ENDS.len());
            self.crlfs -= now as u64;
            put(LINE_ENDS.get(..now).unwrap_or_default().as_flattened());
        }
        if std::mem::take(&mut self.space) {
            put(b" ");
        }
        put(data);
        self.empty = false;
    }
}

/// How much of `rest`, which begins with no line end, is sure to be its own simple form: all but line ends at its end.
fn simple_stretch(rest: &[u8]) -> usize {
    let mut kept = rest.strip_suffix(b"\r").unwrap_or(rest);
    while let Some(shorter) = kept.strip_suffix(b"\r\n") {
        kept = shorter;
    }
    // The first byte is no line end, but may be a CR that something else follows.
    kept.len().max(1)
}

/// How far a special byte is looked for one by one.
const NEAR: usize = 12;

/// How much of `rest`, which begins with neither white space nor a line end, is its own relaxed form: single spaces
/// and single line ends between other bytes change nothing.
fn relaxed_stretch(rest: &[u8]) -> usize {
    // The first byte is data, even where it is a CR.
    let mut at = 1;
    while let Some(found) = next_special(rest.get(at..).unwrap_or_default()) {
        at += found;
        at += match rest.get(at..).unwrap_or_default() {
            [b' ', next, ..] if is_plain(*next) => 2,
            [b'\r', b'\n', next, ..] if is_plain(*next) => 3,
            [b'\r', next, ..] if *next != b'\n' => 1,
            _ => return at,
        };
    }
    rest.len()
}

/// Where the next white space or CR is: words are short, so a few bytes are looked at before the search is set up.
fn next_special(text: &[u8]) -> Option<usize> {
    let (near, far) = text.split_at_checked(NEAR).unwrap_or((text, &[]));
    near.iter()
        .position(|byte| !is_plain(*byte))
        .or_else(|| memchr3(b' ', b'\t', b'\r', far).map(|at| near.len() + at))
}

fn is_plain(byte: u8) -> bool {
    !matches!(byte, b' ' | b'\t' | b'\r')
}

#[cfg(test)]
mod tests;
