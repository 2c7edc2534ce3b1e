//! One key file: whether it may be used, and the key in it.

use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use dkim::SigningKey;
use dkim::signing_key::{KeyFault, MAX_KEY_FILE};
use mail::printable;
use zeroize::Zeroizing;

use crate::input::error::shown;

/// Permissions that nobody but the owner may have, apart from reading by the group.
const FORBIDDEN: u32 = 0o037;

/// Why a file is not signed with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileFault {
    /// The system does not let us read it.
    #[error("{0}")]
    Io(String),
    /// A directory, a pipe, a device.
    #[error("not a file")]
    NotAFile,
    /// Others may read or write it; the mode.
    #[error("{who}, by its mode {mode:04o}: chmod 600 {file}", who = who(*mode))]
    Open {
        /// The permission bits.
        mode: u32,
        /// The file, printable.
        file: String,
    },
    /// It holds no key to sign with.
    #[error("{0}")]
    Key(#[from] KeyFault),
}

/// A file that should hold a key.
#[derive(Clone, Debug)]
pub struct KeyFile {
    /// Where it is.
    pub path: PathBuf,
    /// Its permission bits; `None` where the file can't be looked at.
    pub mode: Option<u32>,
    /// When it was written last.
    pub modified: Option<SystemTime>,
    /// The key. It is there also where others may read the file, for showing what it is.
    pub key: Result<SigningKey, KeyFault>,
    /// Why the file is not signed with.
    pub fault: Option<FileFault>,
}

impl KeyFile {
    /// Reads a file.
    pub fn read(path: &Path) -> Self {
        let mut file = Self {
            path: path.to_owned(),
            mode: None,
            modified: None,
            key: Err(KeyFault::NotAKey),
            fault: None,
        };
        match open(path) {
            Err(fault) => file.fault = Some(fault),
            Ok((mut open, metadata)) => {
                let mode = metadata.mode() & 0o7777;
                file.mode = Some(mode);
                file.modified = metadata.modified().ok();
                match read(&mut open) {
                    Err(error) => file.fault = Some(io_fault(&error)),
                    Ok(bytes) => file.key = SigningKey::parse(&bytes),
                }
                let is_open = mode & FORBIDDEN != 0;
                let open = || FileFault::Open { mode, file: shown(path) };
                let key = || file.key.as_ref().err().copied().map(FileFault::Key);
                file.fault = file.fault.take().or_else(key).or_else(|| is_open.then(open));
            }
        }
        file
    }

    /// The key, where the file may be signed with.
    pub fn usable(&self) -> Result<&SigningKey, &FileFault> {
        match (&self.fault, &self.key) {
            (Some(fault), _) => Err(fault),
            (None, Ok(key)) => Ok(key),
            // A fault of the key is a fault of the file.
            (None, Err(_)) => Err(&FileFault::NotAFile),
        }
    }
}

/// Who may do what with the file and should not.
fn who(mode: u32) -> &'static str {
    match mode {
        _ if mode & 0o002 != 0 => "everybody on this machine may write it",
        _ if mode & 0o004 != 0 => "everybody on this machine may read it",
        _ if mode & 0o020 != 0 => "its group may write it",
        _ => "others may run it as a program",
    }
}

/// Opens nothing that could wait for somebody, such as a pipe.
fn open(path: &Path) -> Result<(File, Metadata), FileFault> {
    let io = |error: io::Error| io_fault(&error);
    if !fs::metadata(path).map_err(io)?.is_file() {
        return Err(FileFault::NotAFile);
    }
    let file = File::open(path).map_err(io)?;
    let metadata = file.metadata().map_err(io)?;
    Ok((file, metadata))
}

fn io_fault(error: &io::Error) -> FileFault {
    FileFault::Io(match error.kind() {
        io::ErrorKind::NotFound => "no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => format!("can't be read: {}", printable(error.to_string())),
    })
}

/// The bytes of the file, overwritten when they are no longer needed; a little more than the longest key file, at most.
fn read(file: &mut File) -> io::Result<Zeroizing<Vec<u8>>> {
    // The buffer never grows, so it leaves no copies behind.
    let mut bytes = Zeroizing::new(vec![0; MAX_KEY_FILE + 1]);
    let mut length = 0;
    loop {
        match file.read(bytes.get_mut(length..).unwrap_or_default()) {
            Ok(0) => break,
            Ok(count) => length += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(length);
    Ok(bytes)
}
