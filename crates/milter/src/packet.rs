//! Framing: a packet is a length of four octets, a letter that says what it is, and data. Built up from bytes as they come.

use crate::wire::Letter;

/// The largest packet that is taken, in octets without the length: what a body chunk may be after the largest size that
/// an MTA can be asked for (1 MiB), and 64 KiB more. A header field, a macro list, an argument fit well below.
pub const MAX_PACKET: usize = (1 << 20) + (64 << 10);

/// How many octets are asked of the connection while nothing is here: what an idle connection holds.
const FIRST_READ: usize = 512;

/// How many octets memory is set aside for before they came, once something has come: most headers fit in with the first piece
/// of the body (64 KiB of Postfix), so that they are read at once and moved no more.
const READ: usize = 96 << 10;

/// A whole packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packet<'a> {
    /// What it is.
    pub letter: Letter,
    /// What follows the letter.
    pub data: &'a [u8],
}

/// A length that no packet has. What follows on the connection cannot be understood any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Not even a letter.
    #[error("a packet of length 0")]
    Empty,
    /// More than [`MAX_PACKET`].
    #[error("a packet of {length} octets, {MAX_PACKET} are allowed")]
    TooLong {
        /// As claimed.
        length: u32,
    },
}

/// Bytes of a connection on their way to being packets. Holds what has come of one packet (and of those behind it that
/// came with it): memory follows the bytes that came, never the length that was claimed.
#[derive(Debug, Default)]
pub struct Frames {
    buffer: Vec<u8>,
    /// So many octets at the front have been given out.
    taken: usize,
}

impl Frames {
    /// Adds bytes of the connection.
    pub fn push(&mut self, bytes: &[u8]) {
        self.space().extend_from_slice(bytes);
    }

    /// The next packet, if all of it is here.
    pub fn take(&mut self) -> Result<Option<Packet<'_>>, FrameError> {
        let Some(length) = self.claimed()? else { return Ok(None) };
        let start = self.taken + 4;
        let Some([letter, data @ ..]) = self.buffer.get(start..start + length) else { return Ok(None) };
        self.taken = start + length;
        Ok(Some(Packet { letter: Letter(*letter), data }))
    }

    /// Is all of the next packet here?
    pub fn is_whole(&self) -> Result<bool, FrameError> {
        let here = self.buffer.len() - self.taken;
        Ok(self.claimed()?.is_some_and(|length| here >= 4 + length))
    }

    /// Nothing of a next packet is here.
    pub fn is_empty(&self) -> bool {
        self.taken == self.buffer.len()
    }

    /// Where the connection's bytes are to be appended, with room for some of them.
    pub fn space(&mut self) -> &mut Vec<u8> {
        self.buffer.drain(..self.taken);
        self.taken = 0;
        let here = self.buffer.len();
        let missing = match self.claimed() {
            Ok(Some(length)) => (4 + length).saturating_sub(here).clamp(1, READ),
            _ if self.buffer.capacity() == 0 => FIRST_READ,
            _ => READ,
        };
        self.buffer.reserve(missing);
        &mut self.buffer
    }

    /// Gives the memory back, unless it holds something: for a connection that now waits, perhaps for long.
    pub fn release(&mut self) {
        if self.is_empty() {
            *self = Self::default();
        }
    }

    /// How much memory is held, in octets.
    #[cfg(test)]
    fn memory(&self) -> usize {
        self.buffer.capacity()
    }

    /// The length of the packet at the front, if its four octets are here.
    fn claimed(&self) -> Result<Option<usize>, FrameError> {
        let front = self.buffer.get(self.taken..).and_then(<[u8]>::first_chunk::<4>);
        let Some(length) = front.map(|front| u32::from_be_bytes(*front)) else { return Ok(None) };
        match usize::try_from(length) {
            Ok(0) => Err(FrameError::Empty),
            Ok(length) if length <= MAX_PACKET => Ok(Some(length)),
            _ => Err(FrameError::TooLong { length }),
        }
    }
}

/// Appends a packet whose data `write` appends.
pub(crate) fn put(out: &mut Vec<u8>, letter: Letter, write: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0, 0, 0, 0, letter.0]);
    write(out);
    let length = u32::try_from(out.len() - start - 4).unwrap_or(u32::MAX);
    if let Some(front) = out.get_mut(start..start + 4) {
        front.copy_from_slice(&length.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(data: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        put(&mut out, Letter(b'B'), |out| out.extend_from_slice(data));
        out
    }

    fn all(frames: &mut Frames) -> Vec<Vec<u8>> {
        let mut found = Vec::new();
        while let Some(packet) = frames.take().unwrap() {
            found.push(packet.data.to_vec());
        }
        found
    }

    #[test]
    fn net_01_lengths() {
        for (length, expected) in [
            (0, Err(FrameError::Empty)),
            (1, Ok(())),
            (MAX_PACKET as u32, Ok(())),
            (MAX_PACKET as u32 + 1, Err(FrameError::TooLong { length: MAX_PACKET as u32 + 1 })),
            (0x7fff_ffff, Err(FrameError::TooLong { length: 0x7fff_ffff })),
            (0xffff_ffff, Err(FrameError::TooLong { length: 0xffff_ffff })),
        ] {
            let mut frames = Frames::default();
            frames.push(&length.to_be_bytes());
            assert_eq!(frames.take().map(|packet| assert_eq!(packet, None)), expected, "{length}");
        }
    }

    #[test]
    fn net_01_memory_follows_what_came_and_not_what_was_claimed() {
        let mut frames = Frames::default();
        frames.push(&(MAX_PACKET as u32).to_be_bytes());
        for came in [10, 1000, 100_000] {
            frames.push(&vec![0; came]);
            assert!(frames.memory() <= 2 * (4 + came + READ), "{} after {came}", frames.memory());
        }
    }

    #[test]
    fn net_01_one_byte_at_a_time_and_all_at_once() {
        let stream = [packet(b""), packet(b"abc"), packet(&[b'x'; 70_000]), packet(b"last")].concat();
        let mut whole = Frames::default();
        whole.push(&stream);
        let expected = all(&mut whole);
        assert_eq!(expected.len(), 4);
        let mut frames = Frames::default();
        let mut found = Vec::new();
        for byte in stream {
            frames.push(&[byte]);
            found.extend(all(&mut frames));
        }
        assert_eq!(found, expected);
        assert!(frames.is_empty());
    }

    #[test]
    fn memory_is_given_back_when_nothing_is_kept_in_it() {
        let mut frames = Frames::default();
        frames.push(&packet(&[0; 100_000]));
        frames.push(b"\0\0");
        assert!(frames.take().unwrap().is_some());
        frames.release();
        assert!(frames.memory() > 0, "two octets of the next packet are here");
        frames.push(b"\0\x01Q");
        assert!(frames.take().unwrap().is_some());
        frames.release();
        assert_eq!(frames.memory(), 0);
    }
}
