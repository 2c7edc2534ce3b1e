//! The two canonical forms of header and body (RFC 6376 §3.4), of fields as a whole and of bodies as they stream by.
//!
//! A line of a body ends with CRLF and with nothing else: a CR or a LF alone is a byte like any other, in both forms.

use std::fmt;

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
        let mut rest = self.resume(chunk, put);
        if self.canon == Canon::Relaxed {
            while let Some(at) = next_work(rest) {
                rest = self.squeeze(rest, at, put);
                if at < SMALL_BLOCK {
                    rest = self.copy_dense(rest, put);
                }
            }
        }
        if let Some(before) = rest.strip_suffix(b"\r") {
            self.cr = true;
            rest = before;
        }
        self.put_stretch(rest, put);
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

    /// Decides what a CR and white space at the end of the last chunk were, as far as this one tells; gives back what
    /// of it is left to read.
    fn resume<'a>(&mut self, chunk: &'a [u8], put: &mut impl FnMut(&[u8])) -> &'a [u8] {
        let mut rest = chunk;
        if self.cr && !rest.is_empty() {
            self.cr = false;
            match rest {
                [b'\n', tail @ ..] => {
                    self.space = false;
                    self.crlfs = self.crlfs.saturating_add(1);
                    rest = tail;
                }
                _ => self.put_data(b"\r", put),
            }
        }
        if self.space { self.after_space(rest) } else { rest }
    }

    /// Takes the white space before `rest[at..]` ends, which is one run, and what stands before it.
    fn squeeze<'a>(&mut self, rest: &'a [u8], at: usize, put: &mut impl FnMut(&[u8])) -> &'a [u8] {
        let (before, run) = rest.split_at_checked(at).unwrap_or((rest, &[]));
        let after = skip_wsp(run);
        match (run, after) {
            // RFC 6376 §3.4.4: a run of white space within a line is one space; here its own first byte.
            ([b' ', ..], [next, ..]) if *next != b'\r' => {
                self.put_data(rest.get(..=at).unwrap_or(before), put);
                after
            }
            _ => {
                self.put_stretch(before, put);
                self.space = true;
                self.after_space(after)
            }
        }
    }

    /// Takes bytes one by one, up to a line end, and gives on a copy: where work is this near, slices would be short.
    fn copy_dense<'a>(&mut self, mut rest: &'a [u8], put: &mut impl FnMut(&[u8])) -> &'a [u8] {
        let (mut copy, mut filled) = ([b' '; 2 * BLOCK], 0);
        let mut space = self.space;
        while let [byte, tail @ ..] = rest {
            match byte {
                b' ' | b'\t' => space = true,
                b'\r' if matches!(tail.first(), None | Some(b'\n')) => break,
                _ if filled + 2 > copy.len() => break,
                _ => {
                    // The copy is full of spaces at first: one is left standing.
                    filled += usize::from(std::mem::take(&mut space));
                    copy.iter_mut().skip(filled).take(1).for_each(|to| *to = *byte);
                    filled += 1;
                }
            }
            rest = tail;
        }
        let copied = copy.get(..filled).unwrap_or_default();
        if !copied.is_empty() {
            self.space = false;
            self.put_data(copied, put);
        }
        self.space = space;
        if space { self.after_space(rest) } else { rest }
    }

    /// Decides what becomes of held-back white space, as far as `rest` tells; gives back what of it is left to read.
    fn after_space<'a>(&mut self, rest: &'a [u8]) -> &'a [u8] {
        let rest = skip_wsp(rest);
        // RFC 6376 §3.4.4: white space at the end of a line is ignored.
        self.space = !rest.starts_with(b"\r\n");
        rest
    }

    /// Gives on bytes that are their own canonical form, but for the line ends at their end.
    fn put_stretch(&mut self, stretch: &[u8], put: &mut impl FnMut(&[u8])) {
        let mut data = stretch;
        while let Some(shorter) = data.strip_suffix(b"\r\n") {
            data = shorter;
        }
        if !data.is_empty() {
            self.put_data(data, put);
        }
        self.crlfs = self.crlfs.saturating_add((stretch.len() - data.len()) as u64 / 2);
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

/// How many bytes are looked at together.
const BLOCK: usize = 32;
/// The same, where work is near.
const SMALL_BLOCK: usize = 8;

/// Where the first white space stands that is not its own relaxed form, or may not be: a tab, or a space with white
/// space, a CR or the end behind it.
fn next_work(text: &[u8]) -> Option<usize> {
    // Mail is mostly words with single spaces between them: most blocks have no work, which takes no branch to find out.
    let rest = skip_idle::<BLOCK>(text);
    let mut rest = skip_idle::<SMALL_BLOCK>(rest);
    while let [byte, tail @ ..] = rest {
        if is_work(*byte, tail.first().copied().unwrap_or(b' ')) {
            return Some(text.len() - rest.len());
        }
        rest = tail;
    }
    None
}

/// Skips the blocks in front that have no work in them.
fn skip_idle<const N: usize>(text: &[u8]) -> &[u8] {
    let has_work = |(block, next): (&[u8; N], &[u8; N])| {
        block.iter().zip(next).fold(false, |found, (byte, next)| found | is_work(*byte, *next))
    };
    let (blocks, _) = text.as_chunks::<N>();
    let (shifted, _) = text.get(1..).unwrap_or_default().as_chunks::<N>();
    let idle = blocks.iter().zip(shifted).take_while(|pair| !has_work(*pair)).count();
    text.get(idle * N..).unwrap_or_default()
}

fn is_work(byte: u8, next: u8) -> bool {
    (byte == b'\t') | (byte == b' ') & ((next == b' ') | (next == b'\t') | (next == b'\r'))
}

fn skip_wsp(text: &[u8]) -> &[u8] {
    let run = text.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    text.get(run..).unwrap_or_default()
}

#[cfg(test)]
mod tests;
