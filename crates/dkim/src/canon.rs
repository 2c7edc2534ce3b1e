//! The two canonical forms of header and body (RFC 6376 §3.4), of fields as a whole and of bodies as they stream by.
//!
//! A line of a body ends with CRLF and with nothing else: a CR or a LF alone is a byte like any other, in both forms.

use std::fmt;

use squeeze::squeeze;

/// How much a header or a body may change on the way without a signature noticing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Canon {
    /// Nothing but empty lines at the end of the body.
    Simple,
    /// White space and folds, the case of field names, empty lines at the end of the body.
    Relaxed,
}

impl Canon {
    /// The name, as c= has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Simple => "simple",
            Self::Relaxed => "relaxed",
        }
    }
}

impl fmt::Display for Canon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
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
/// Holds back a few counters, never bytes of the body; gives on slices of the body (simple) or its form in large pieces.
#[derive(Clone, Debug)]
pub struct BodyCanon {
    canon: Canon,
    held: Held,
    /// Nothing was given on so far.
    empty: bool,
}

/// What was seen and not given on: it counts only if something follows.
#[derive(Clone, Copy, Debug, Default)]
struct Held {
    /// Line ends.
    crlfs: u64,
    /// White space behind them (relaxed), which counts only if something follows on its line.
    space: bool,
    /// A CR behind it: half a line end, or a byte like any other.
    cr: bool,
}

impl Held {
    /// What the end of a text comes to, and what stands before it.
    fn split(canon: Canon, text: &[u8]) -> (&[u8], Self) {
        let mut held = Self { cr: text.ends_with(b"\r"), ..Self::default() };
        let mut rest = text.strip_suffix(b"\r").unwrap_or(text);
        loop {
            rest = match rest {
                [before @ .., b'\r', b'\n'] => {
                    held.crlfs += 1;
                    before
                }
                // RFC 6376 §3.4.4: white space at the end of a line is ignored.
                [before @ .., b' ' | b'\t'] if canon == Canon::Relaxed => {
                    held.space |= held.crlfs == 0;
                    before
                }
                _ => return (rest, held),
            }
        }
    }

    /// The same with more behind it.
    fn with(self, next: Self) -> Self {
        let space = next.space || self.space && next.crlfs == 0;
        Self { crlfs: self.crlfs.saturating_add(next.crlfs), space, cr: next.cr }
    }
}

impl BodyCanon {
    /// Begins a body.
    pub fn new(canon: Canon) -> Self {
        Self { canon, held: Held::default(), empty: true }
    }

    /// Takes the next bytes of the body and gives their canonical form to `put`, as far as it is certain.
    pub fn update(&mut self, chunk: &[u8], put: &mut impl FnMut(&[u8])) {
        if chunk.is_empty() {
            return;
        }
        let rest = self.resume(chunk, put);
        let (data, end) = Held::split(self.canon, rest);
        if !data.is_empty() {
            self.put_held(data, put);
            match self.canon {
                Canon::Simple => put(data),
                Canon::Relaxed => squeeze(data, put),
            }
        }
        self.held = self.held.with(end);
    }

    /// Ends the body.
    pub fn finish(mut self, put: &mut impl FnMut(&[u8])) {
        if self.held.cr {
            self.put_cr(put);
        }
        // RFC 6376 §3.4.3: empty lines at the end are one CRLF, which is added where there is none, even to no body.
        // RFC 6376 §3.4.4: relaxed adds it only to a body that has something left.
        if self.canon == Canon::Simple || !self.empty {
            put(b"\r\n");
        }
    }

    /// Decides what a CR at the end of the last chunk was; gives back what is left to read of this one.
    fn resume<'a>(&mut self, chunk: &'a [u8], put: &mut impl FnMut(&[u8])) -> &'a [u8] {
        if !self.held.cr {
            return chunk;
        }
        if let Some(rest) = chunk.strip_prefix(b"\n") {
            self.held = self.held.with(Held { crlfs: 1, ..Held::default() });
            return rest;
        }
        self.put_cr(put);
        chunk
    }

    fn put_cr(&mut self, put: &mut impl FnMut(&[u8])) {
        self.put_held(b"\r", put);
        put(b"\r");
    }

    /// Gives on what was held back, as `next` follows it.
    fn put_held(&mut self, next: &[u8], put: &mut impl FnMut(&[u8])) {
        let mut held = std::mem::take(&mut self.held);
        while held.crlfs > 0 {
            let now = usize::try_from(held.crlfs).unwrap_or(usize::MAX).min(LINE_ENDS.len());
            held.crlfs -= now as u64;
            put(LINE_ENDS.get(..now).unwrap_or_default().as_flattened());
        }
        // RFC 6376 §3.4.4: white space at the end of a line is ignored; a run of it, which may go on, is one space.
        let is_within_line = !matches!(next, [b' ' | b'\t', ..] | [b'\r', b'\n', ..]);
        if held.space && is_within_line {
            put(b" ");
        }
        self.empty = false;
    }
}

mod squeeze;

#[cfg(test)]
mod tests;
