//! Framing: a netstring is a length in decimal digits, a colon, so many octets, and a comma. Built up as bytes come.

use std::io::Write;

/// How many octets are asked of a connection at first: most requests fit well.
const FIRST_READ: usize = 1 << 10;

/// How many octets are asked of a connection once more came than fit. Small, so that nobody with a thousand requests on the
/// way keeps others waiting for long.
const READ: usize = 8 << 10;

/// Bytes that are no netstring. What follows on the connection cannot be understood any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("octet {at} of the connection: {fault}")]
pub struct NetstringError {
    /// How many octets of the connection are before it.
    pub at: u64,
    /// What is wrong there.
    pub fault: Fault,
}

/// What can be wrong with a netstring.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Something else where a digit of the length is to be (or behind one, the colon).
    #[error("`{}` in a length", .0.escape_ascii())]
    NotADigit(u8),
    /// Digits behind a zero: that length can be written in two ways.
    #[error("a length with a leading zero")]
    LeadingZero,
    /// A length above the limit, or on its way there.
    #[error("a length above {limit}")]
    TooLong {
        /// What is allowed.
        limit: usize,
    },
    /// Something else behind so many octets as were announced.
    #[error("`{}` where a comma is to end the netstring", .0.escape_ascii())]
    NoComma(u8),
}

/// Bytes of a connection on their way to being netstrings. Memory follows the bytes that came, never a length that was
/// announced.
#[derive(Debug)]
pub struct Frames {
    limit: usize,
    buffer: Vec<u8>,
    /// So many octets at the front of the buffer have been given out.
    taken: usize,
    /// So many octets of the connection are in the buffer no more.
    gone: u64,
}

/// Where a netstring's octets begin and end, its comma being at the end.
struct Place {
    start: usize,
    comma: usize,
}

impl Frames {
    /// For netstrings of up to `limit` octets.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { limit, buffer: Vec::new(), taken: 0, gone: 0 }
    }

    /// Adds bytes of the connection.
    pub fn push(&mut self, bytes: &[u8]) {
        self.space().extend_from_slice(bytes);
    }

    /// Where the connection's bytes are to be appended, with room for some of them.
    pub fn space(&mut self) -> &mut Vec<u8> {
        let filled = !self.buffer.is_empty() && self.buffer.len() == self.buffer.capacity();
        self.buffer.drain(..self.taken);
        self.gone += u64::try_from(self.taken).unwrap_or(u64::MAX);
        self.taken = 0;
        self.buffer.reserve(if filled || self.buffer.capacity() >= READ { READ } else { FIRST_READ });
        &mut self.buffer
    }

    /// The octets of the next netstring, if all of it is here.
    pub fn take(&mut self) -> Result<Option<&[u8]>, NetstringError> {
        let Some(Place { start, comma }) = self.next()? else { return Ok(None) };
        let Some(octet) = self.buffer.get(comma) else { return Ok(None) };
        if *octet != b',' {
            return Err(self.error(comma, Fault::NoComma(*octet)));
        }
        self.taken = comma + 1;
        Ok(self.buffer.get(start..comma))
    }

    /// Will [`Frames::take`] give a netstring or an error?
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.next().map_or(true, |next| next.is_some_and(|place| place.comma < self.buffer.len()))
    }

    /// Nothing of a next netstring is here.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.taken == self.buffer.len()
    }

    /// Where the next netstring is or will be, once its length is here.
    fn next(&self) -> Result<Option<Place>, NetstringError> {
        let mut length = 0;
        for (at, octet) in self.buffer.iter().enumerate().skip(self.taken) {
            let first = at == self.taken;
            match octet {
                b':' if !first => return Ok(Some(Place { start: at + 1, comma: at + 1 + length })),
                // The zero that is the first digit allows no other.
                b'0'..=b'9' if !first && length == 0 => {
                    return Err(self.error(self.taken, Fault::LeadingZero));
                }
                b'0'..=b'9' => length = length * 10 + usize::from(octet - b'0'),
                _ => return Err(self.error(at, Fault::NotADigit(*octet))),
            }
            if length > self.limit {
                return Err(self.error(self.taken, Fault::TooLong { limit: self.limit }));
            }
        }
        Ok(None)
    }

    fn error(&self, at: usize, fault: Fault) -> NetstringError {
        NetstringError { at: self.gone + u64::try_from(at).unwrap_or(u64::MAX), fault }
    }

    /// How much memory is held, in octets.
    #[cfg(test)]
    fn memory(&self) -> usize {
        self.buffer.capacity()
    }
}

/// Appends the netstring whose octets are these parts, one behind the other.
pub fn put(out: &mut Vec<u8>, parts: &[&[u8]]) {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    // Writing to memory does not fail.
    let _ = write!(out, "{length}:");
    for part in parts {
        out.extend_from_slice(part);
    }
    out.push(b',');
}

#[cfg(test)]
mod tests;
