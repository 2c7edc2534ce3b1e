//! One file of the journal: eight bytes that say what it is, then records: length, checksum, payload.

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use super::MAX_RECORD;

/// What a segment starts with; the digit is the version of the format.
pub(super) const HEAD: &[u8; 8] = b"MWROWS1\n";

/// A payload as it stands in a segment.
pub(super) fn record(payload: &[u8]) -> io::Result<Vec<u8>> {
    let length = u32::try_from(payload.len()).ok().filter(|_| payload.len() <= MAX_RECORD);
    let length = length.ok_or_else(|| io::Error::new(ErrorKind::InvalidInput, "a row is too long"))?;
    let mut record = Vec::with_capacity(payload.len() + 8);
    record.extend_from_slice(&length.to_le_bytes());
    record.extend_from_slice(&checksum(length, payload).to_le_bytes());
    record.extend_from_slice(payload);
    Ok(record)
}

/// CRC-32 over length and payload: a row of zero bytes, as a torn page has, is no record.
fn checksum(length: u32, payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&length.to_le_bytes());
    hasher.update(payload);
    hasher.finalize()
}

/// A segment that is being written.
#[derive(Debug)]
pub(super) struct Appender {
    number: u64,
    file: File,
    len: u64,
    whole: bool,
}

impl Appender {
    /// Starts a segment, whose file must not exist.
    pub(super) fn create(path: &Path, number: u64) -> io::Result<Self> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(HEAD)?;
        Ok(Self { number, file, len: HEAD.len() as u64, whole: true })
    }

    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// How long the file is.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// Whether the file ends with a whole record.
    pub(super) fn is_whole(&self) -> bool {
        self.whole
    }

    /// Appends records and waits until they are on the disk; after an error, the file is as before, if it can be.
    pub(super) fn append(&mut self, records: &[u8]) -> io::Result<()> {
        match self.file.write_all(records).and_then(|()| self.file.sync_data()) {
            Ok(()) => {
                self.len += records.len() as u64;
                Ok(())
            }
            Err(error) => {
                let cut =
                    self.file.set_len(self.len).and_then(|()| self.file.seek(SeekFrom::Start(self.len)));
                self.whole = cut.is_ok();
                Err(error)
            }
        }
    }
}

/// Reads a segment from its start, up to the first byte that does not fit.
#[derive(Debug)]
pub(crate) struct Reader {
    file: BufReader<File>,
    left: u64,
}

impl Reader {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).open(path)?;
        let left = file.metadata()?.len();
        let mut reader = Self { file: BufReader::new(file), left };
        let mut head = [0; HEAD.len()];
        if !reader.fill(&mut head)? || head != *HEAD {
            reader.left = reader.left.max(1);
            reader.file.seek(SeekFrom::End(0))?;
        }
        Ok(reader)
    }

    /// The next payload; `None` at the end, or where the rest is torn: then [`Reader::torn`] says how much.
    pub(crate) fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        let before = self.left;
        let payload = self.read()?;
        if payload.is_none() {
            self.left = before;
            self.file.seek(SeekFrom::End(0))?;
        }
        Ok(payload)
    }

    /// Bytes that could not be read as records.
    pub(crate) fn torn(&self) -> u64 {
        self.left
    }

    fn read(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut head = [0; 8];
        if !self.fill(&mut head)? {
            return Ok(None);
        }
        let [a, b, c, d, e, f, g, h] = head;
        let length = u32::from_le_bytes([a, b, c, d]);
        let size = usize::try_from(length).unwrap_or(usize::MAX);
        if size > MAX_RECORD {
            return Ok(None);
        }
        let mut payload = vec![0; size];
        let fits = self.fill(&mut payload)? && checksum(length, &payload) == u32::from_le_bytes([e, f, g, h]);
        Ok(fits.then_some(payload))
    }

    /// Fills the buffer; false where the file ends before.
    fn fill(&mut self, buffer: &mut [u8]) -> io::Result<bool> {
        match self.file.read_exact(buffer) {
            Ok(()) => {
                self.left = self.left.saturating_sub(buffer.len() as u64);
                Ok(true)
            }
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(false),
            Err(error) => Err(error),
        }
    }
}
