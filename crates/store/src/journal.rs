//! The journal: rows on disk while the database is away. Segments of checksummed records, only ever appended to; a segment
//! is read from its start into the database and removed as a whole.

mod segment;

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

pub(crate) use segment::Reader;
use segment::{Appender, HEAD, record};

/// Longest record, in bytes. The longest row is far shorter.
pub const MAX_RECORD: usize = 65_536;
/// From this size on, in bytes, a new segment is started.
const SEGMENT: u64 = 8 << 20;

/// How much the journal may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JournalLimits {
    /// Bytes of all segments. What comes beyond is dropped and counted.
    pub bytes: u64,
}

impl Default for JournalLimits {
    fn default() -> Self {
        Self { bytes: 1 << 30 }
    }
}

/// Why the journal can't be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// Its folder can't be made, read or written.
    #[error("{0}: {1}")]
    Folder(PathBuf, #[source] io::Error),
    /// Another process has it.
    #[error(
        "{0}: another mailward uses this journal; each part that runs by itself needs a folder of its own"
    )]
    InUse(PathBuf),
}

/// The segments of a folder.
#[derive(Debug)]
pub(crate) struct Journal {
    folder: PathBuf,
    /// Locked as long as this process uses the folder.
    _lock: File,
    limits: JournalLimits,
    /// Number and bytes of each segment.
    segments: BTreeMap<u64, u64>,
    appender: Option<Appender>,
}

impl Journal {
    /// Opens the journal in `folder`, which is made where it is missing.
    pub(crate) fn open(folder: &Path, limits: JournalLimits) -> Result<Self, JournalError> {
        let said = |error| JournalError::Folder(folder.to_owned(), error);
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(said)?;
        let mut options = OpenOptions::new();
        let lock =
            options.write(true).create(true).truncate(false).open(folder.join("lock")).map_err(said)?;
        lock.try_lock().map_err(|error| match error {
            fs::TryLockError::WouldBlock => JournalError::InUse(folder.to_owned()),
            fs::TryLockError::Error(error) => said(error),
        })?;
        let mut segments = BTreeMap::new();
        for entry in fs::read_dir(folder).map_err(said)? {
            let entry = entry.map_err(said)?;
            if let Some(number) = number_of(&entry.path()) {
                segments.insert(number, entry.metadata().map_err(said)?.len());
            }
        }
        Ok(Self { folder: folder.to_owned(), _lock: lock, limits, segments, appender: None })
    }

    /// Bytes of all segments.
    pub(crate) fn bytes(&self) -> u64 {
        self.segments.values().sum()
    }

    /// Appends records, and gives how many of them there was room for. When this returns, they are on the disk; after an
    /// error, none of them is.
    pub(crate) fn append(&mut self, payloads: &[Vec<u8>]) -> io::Result<usize> {
        let mut bytes = Vec::new();
        let mut count = 0;
        let room = self.limits.bytes.saturating_sub(self.bytes() + HEAD.len() as u64);
        for payload in payloads {
            let record = record(payload)?;
            if (bytes.len() + record.len()) as u64 > room {
                break;
            }
            bytes.extend_from_slice(&record);
            count += 1;
        }
        if count == 0 {
            return Ok(0);
        }
        let mut appender = match self.appender.take() {
            Some(appender) if appender.len() < SEGMENT => appender,
            _ => self.start()?,
        };
        let appended = appender.append(&bytes);
        self.segments.insert(appender.number(), appender.len());
        // One that could not even be cut back to where it was is left to its reader, which stops at the torn record.
        if appended.is_ok() || appender.is_whole() {
            self.appender = Some(appender);
        }
        appended.map(|()| count)
    }

    fn start(&mut self) -> io::Result<Appender> {
        let number = self.segments.last_key_value().map_or(1, |(last, _)| last + 1);
        let appender = Appender::create(&self.path(number), number);
        if appender.is_err() {
            // What is left of it holds nothing.
            let _ = fs::remove_file(self.path(number));
        }
        let appender = appender?;
        sync_folder(&self.folder)?;
        self.segments.insert(number, appender.len());
        Ok(appender)
    }

    /// The oldest segment, ready to be read: nothing is appended to it any more.
    pub(crate) fn oldest(&mut self) -> Option<(u64, PathBuf)> {
        let (number, _) = self.segments.first_key_value()?;
        if self.appender.as_ref().is_some_and(|appender| appender.number() == *number) {
            self.appender = None;
        }
        Some((*number, self.path(*number)))
    }

    /// Removes a segment: all that is in it is in the database.
    pub(crate) fn remove(&mut self, number: u64) -> io::Result<()> {
        match fs::remove_file(self.path(number)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        self.segments.remove(&number);
        sync_folder(&self.folder)
    }

    fn path(&self, number: u64) -> PathBuf {
        self.folder.join(format!("{number:016}.rows"))
    }
}

/// The number of a segment; other files are not ours.
fn number_of(path: &Path) -> Option<u64> {
    let name = path.file_name()?.to_str()?.strip_suffix(".rows")?;
    if name.len() == 16 { name.parse().ok() } else { None }
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    OpenOptions::new().read(true).open(folder)?.sync_all()
}

#[cfg(test)]
mod tests;
