//! What packets are made of: octets, numbers in network order, strings that a NUL ends. Read with an error that says
//! what was expected where, and written.

use std::fmt;

/// The letter of a packet. Shown as a character where it is one, else in hexadecimal.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Letter(pub u8);

impl fmt::Display for Letter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            letter @ b'!'..=b'~' => write!(f, "'{}'", char::from(letter)),
            other => write!(f, "0x{other:02x}"),
        }
    }
}

impl fmt::Debug for Letter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A packet that is not as its letter wants it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("packet {letter}: {flaw} at octet {at} of its data")]
pub struct DecodeError {
    /// Of which packet.
    pub letter: Letter,
    /// Where in the data behind the letter, counted from 0.
    pub at: usize,
    /// What is wrong there.
    pub flaw: Flaw,
}

/// What can be wrong with a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// No packet has this letter in this direction.
    #[error("no such packet")]
    Letter,
    /// The data ends inside a number.
    #[error("a number is cut off")]
    Number,
    /// The data ends without the NUL that ends a string.
    #[error("a string without its NUL")]
    Nul,
    /// Macros come as names and values.
    #[error("a name without a value")]
    Pair,
    /// A string that has to have a content has none.
    #[error("an empty name")]
    Empty,
    /// Neither `4`, `6`, `L` nor `U`.
    #[error("an unknown address family")]
    Family,
    /// Macros for a command that has none.
    #[error("macros for an unknown command")]
    Stage,
    /// More data than the packet has fields.
    #[error("data left over")]
    LeftOver,
}

/// Strings, each ended by a NUL: the arguments of a command, the names and values of macros. As raw as they came.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Strings<'a>(&'a [u8]);

impl<'a> Strings<'a> {
    /// Takes strings as they are on the wire; `None` where the last lacks its NUL.
    #[must_use]
    pub fn new(wire: &'a [u8]) -> Option<Self> {
        matches!(wire, [] | [.., 0]).then_some(Self(wire))
    }

    /// The strings without their NULs.
    pub fn iter(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.0.split_inclusive(|byte| *byte == 0).map(|string| string.strip_suffix(b"\0").unwrap_or(string))
    }

    /// The first of them; empty where there is none.
    #[must_use]
    pub fn first(&self) -> &'a [u8] {
        self.iter().next().unwrap_or_default()
    }

    /// As they are on the wire.
    #[must_use]
    pub fn wire(&self) -> &'a [u8] {
        self.0
    }
}

impl fmt::Debug for Strings<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let strings: Vec<String> = self.iter().map(|string| string.escape_ascii().to_string()).collect();
        write!(f, "[{}]", strings.join(", "))
    }
}

/// Reads the data of one packet from front to end.
pub(crate) struct Reader<'a> {
    letter: Letter,
    data: &'a [u8],
    length: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(letter: Letter, data: &'a [u8]) -> Self {
        Self { letter, data, length: data.len() }
    }

    /// An error at the present place.
    pub(crate) fn flaw(&self, flaw: Flaw) -> DecodeError {
        DecodeError { letter: self.letter, at: self.length - self.data.len(), flaw }
    }

    fn chunk<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let Some((chunk, rest)) = self.data.split_first_chunk::<N>() else {
            return Err(self.flaw(Flaw::Number));
        };
        self.data = rest;
        Ok(*chunk)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, DecodeError> {
        self.chunk::<1>().map(|[octet]| octet)
    }

    pub(crate) fn u16(&mut self) -> Result<u16, DecodeError> {
        self.chunk().map(u16::from_be_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, DecodeError> {
        self.chunk().map(u32::from_be_bytes)
    }

    pub(crate) fn string(&mut self) -> Result<&'a [u8], DecodeError> {
        let end = self.data.iter().position(|byte| *byte == 0);
        let cut = end.and_then(|end| Some((self.data.get(..end)?, self.data.get(end + 1..)?)));
        let Some((string, rest)) = cut else { return Err(self.flaw(Flaw::Nul)) };
        self.data = rest;
        Ok(string)
    }

    /// A string that says something.
    pub(crate) fn name(&mut self) -> Result<&'a [u8], DecodeError> {
        let empty = self.flaw(Flaw::Empty);
        self.string().and_then(|name| if name.is_empty() { Err(empty) } else { Ok(name) })
    }

    /// All strings that are left.
    pub(crate) fn strings(&mut self) -> Result<Strings<'a>, DecodeError> {
        let strings = Strings::new(self.data).ok_or_else(|| self.flaw(Flaw::Nul))?;
        self.data = &[];
        Ok(strings)
    }

    /// All strings that are left: at least one.
    pub(crate) fn arguments(&mut self) -> Result<Strings<'a>, DecodeError> {
        if self.data.is_empty() {
            return Err(self.flaw(Flaw::Nul));
        }
        self.strings()
    }

    /// Whatever is left.
    pub(crate) fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.data)
    }

    pub(crate) fn at_end(&self) -> bool {
        self.data.is_empty()
    }

    /// `value`, if nothing is left over.
    pub(crate) fn end<T>(&self, value: T) -> Result<T, DecodeError> {
        if self.at_end() { Ok(value) } else { Err(self.flaw(Flaw::LeftOver)) }
    }
}

/// Appends a string and the NUL that ends it.
pub(crate) fn put_string(out: &mut Vec<u8>, string: &[u8]) {
    debug_assert!(!string.contains(&0), "a NUL ends a string");
    out.extend_from_slice(string);
    out.push(0);
}

/// Appends a number.
pub(crate) fn put_u32(out: &mut Vec<u8>, number: u32) {
    out.extend_from_slice(&number.to_be_bytes());
}
