//! The bytes of one message, in chunks, without holding a large one in memory.

use std::fmt;
use std::io::{self, Read};
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};

use crate::input::lines::LineEnds;

/// Longest chunk that is read at once, in bytes. A chunk that is handed out can be twice as long, where every byte
/// of it was a bare LF.
pub const CHUNK: usize = 64 * 1024;

/// How much memory is kept for messages to come, in bytes.
const MAX_SPARE: usize = 4 * 1024 * 1024;

/// Buffers of messages that are done with, for those to come. New memory for each message would have to be cleared by the
/// kernel, and tidied up by the allocator, each time.
#[derive(Clone, Debug, Default)]
pub struct Spare(Arc<Mutex<Vec<Vec<u8>>>>);

impl Spare {
    /// An empty buffer.
    pub fn take(&self) -> Vec<u8> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    fn give(&self, mut buffer: Vec<u8>) {
        buffer.clear();
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let all = kept.iter().map(Vec::capacity).sum::<usize>() + buffer.capacity();
        if buffer.capacity() > 0 && all <= MAX_SPARE {
            kept.push(buffer);
        }
    }
}

/// The bytes of one message: what was already read to see what it is, and the rest.
pub struct Bytes {
    head: Vec<u8>,
    rest: Option<Box<dyn Read + Send>>,
    spare: Spare,
}

impl Bytes {
    /// A message that is in memory.
    pub fn memory(bytes: Vec<u8>) -> Self {
        Self { head: bytes, rest: None, spare: Spare::default() }
    }

    /// A message of which `head` was read and `rest` was not.
    pub fn stream(head: Vec<u8>, rest: impl Read + Send + 'static) -> Self {
        Self { head, rest: Some(Box::new(rest)), spare: Spare::default() }
    }

    /// The same message; when it is done with, its memory goes to these.
    #[must_use]
    pub fn kept_by(self, spare: &Spare) -> Self {
        Self { spare: spare.clone(), ..self }
    }

    /// Begins to read, with line ends by the rule of [`crate::input::lines`].
    pub fn chunks(self) -> Chunks {
        Chunks {
            head: self.head,
            at: 0,
            rest: self.rest,
            read: Vec::new(),
            lines: LineEnds::default(),
            out: self.spare.take(),
            spare: self.spare,
        }
    }
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bytes").field("head", &self.head.len()).field("more", &self.rest.is_some()).finish()
    }
}

/// A message being read.
pub struct Chunks {
    head: Vec<u8>,
    at: usize,
    rest: Option<Box<dyn Read + Send>>,
    read: Vec<u8>,
    lines: LineEnds,
    out: Vec<u8>,
    spare: Spare,
}

impl Drop for Chunks {
    fn drop(&mut self) {
        for buffer in [&mut self.out, &mut self.read, &mut self.head] {
            self.spare.give(mem::take(buffer));
        }
    }
}

impl Chunks {
    /// The next chunk, never empty; `None` at the end. An error is the system's and ends the message.
    pub fn next_chunk(&mut self) -> io::Result<Option<&[u8]>> {
        let chunk = if self.at < self.head.len() {
            let end = (self.at + CHUNK).min(self.head.len());
            let chunk = self.head.get(self.at..end).unwrap_or_default();
            self.at = end;
            chunk
        } else {
            let Some(rest) = &mut self.rest else { return Ok(None) };
            // The head of a file is as long as a chunk, so its memory serves again.
            if self.read.is_empty() {
                self.read = mem::take(&mut self.head);
            }
            self.read.resize(CHUNK, 0);
            let count = read_some(rest, &mut self.read)?;
            if count == 0 {
                self.rest = None;
                return Ok(None);
            }
            self.read.get(..count).unwrap_or_default()
        };
        Ok(Some(self.lines.convert(chunk, &mut self.out)))
    }

    /// Whether LF line ends became CRLF. Known for good when the message is read to its end, and before that as soon
    /// as the first line is.
    pub fn lf_converted(&self) -> bool {
        self.lines.converted()
    }

    /// All that is left, in memory.
    pub fn read_all(&mut self) -> io::Result<Vec<u8>> {
        let mut all = Vec::new();
        while let Some(chunk) = self.next_chunk()? {
            all.extend_from_slice(chunk);
        }
        Ok(all)
    }
}

/// Reads what is there, at most the buffer full; 0 at the end.
pub(super) fn read_some(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match reader.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives `size` bytes at a time, then the error, if there is one.
    struct Slow(io::Cursor<Vec<u8>>, usize, Option<io::ErrorKind>);

    impl Read for Slow {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let size = self.1.min(buffer.len());
            match (self.0.read(&mut buffer[..size])?, self.2) {
                (0, Some(kind)) => Err(kind.into()),
                (count, _) => Ok(count),
            }
        }
    }

    #[test]
    fn hdr_15_every_cut_gives_the_same_message() {
        let text = b"From: a@b.example\n\n.\n..\n.dots stay\r\nend".to_vec();
        let want = b"From: a@b.example\r\n\r\n.\r\n..\r\n.dots stay\r\nend".to_vec();
        for head in 0..=text.len() {
            for size in [1, 2, 7, 100] {
                let rest = Slow(io::Cursor::new(text[head..].to_vec()), size, None);
                let mut chunks = Bytes::stream(text[..head].to_vec(), rest).chunks();
                assert_eq!(chunks.read_all().unwrap(), want, "head {head}, {size} at a time");
                assert!(chunks.lf_converted());
                assert!(chunks.next_chunk().unwrap().is_none(), "the end stays the end");
            }
        }
    }

    #[test]
    fn hdr_13_dots_at_the_start_of_a_line_stay() {
        let text = b"A: b\r\n\r\n.\r\n..\r\n.foo\r\n".to_vec();
        let mut chunks = Bytes::memory(text.clone()).chunks();
        assert_eq!(chunks.read_all().unwrap(), text);
        assert!(!chunks.lf_converted());
    }

    #[test]
    fn dos_12_a_large_message_takes_one_chunk_of_memory() {
        let size = 200 * 1024 * 1024;
        let mut chunks = Bytes::stream(b"A: b\n\n".to_vec(), io::repeat(b'x').take(size)).chunks();
        let (mut seen, mut longest) = (0, 0);
        while let Some(chunk) = chunks.next_chunk().unwrap() {
            seen += chunk.len() as u64;
            longest = longest.max(chunk.len());
        }
        assert_eq!((seen, longest), (size + 8, CHUNK));
        assert!(chunks.out.capacity() + chunks.read.capacity() < 4 * CHUNK);
    }

    #[test]
    fn memory_of_messages_is_used_again_up_to_a_limit() {
        let spare = Spare::default();
        let read = |size| drop(Bytes::memory(vec![b'x'; size]).kept_by(&spare).chunks());
        let kept = || std::iter::repeat_with(|| spare.take()).map(|b| (b.len(), b.capacity())).take(2);
        read(MAX_SPARE + 1);
        assert!(kept().eq([(0, 0), (0, 0)]));
        read(MAX_SPARE);
        read(1);
        assert!(kept().eq([(0, MAX_SPARE), (0, 0)]));
    }

    #[test]
    fn trouble_in_the_middle_is_told() {
        let rest = Slow(io::Cursor::new(b"body".to_vec()), 4, Some(io::ErrorKind::Other));
        let mut chunks = Bytes::stream(b"A: b\r\n\r\n".to_vec(), rest).chunks();
        assert!(chunks.read_all().is_err());
    }
}
