//! The message of standard input, read twice: once to see what is to be put on top of it, once to give it on.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Stdin, Write};
use std::os::fd::AsFd;

use crate::input::{Bytes, Chunks, InputError};
use crate::show;

/// A message that can be read again. It takes no memory: standard input is a file, or a copy goes to a file without a
/// name.
pub struct Spooled {
    file: File,
    start: u64,
    /// Whether standard input is that file.
    is_input: bool,
    /// Whether its lines end with a LF alone. What is put on top of it ends alike: whoever sends it will make CRLF of all.
    pub ends_with_lf: bool,
}

impl Spooled {
    /// Takes standard input.
    pub fn open() -> Result<Self, InputError> {
        let open = || -> io::Result<Self> {
            let mut file = File::from(io::stdin().as_fd().try_clone_to_owned()?);
            let is_input = file.metadata()?.is_file();
            let (file, start) = match is_input {
                true => {
                    let start = file.stream_position()?;
                    (file, start)
                }
                false => (tempfile::tempfile()?, 0),
            };
            Ok(Self { file, start, is_input, ends_with_lf: false })
        };
        open().map_err(|error| InputError::io("standard input", &error))
    }

    /// Reads it for the first time, with CRLF line ends by the rule of [`crate::input::lines`].
    pub fn read(&self) -> Chunks {
        let first = match (self.file.try_clone(), self.is_input) {
            (Ok(file), true) => First::File(file),
            (Ok(copy), false) => First::Copied(io::stdin(), copy),
            (Err(error), _) => First::Broken(Some(error)),
        };
        Bytes::stream(Vec::new(), first).chunks()
    }

    /// Writes it with these fields on top, whole and with CRLF line ends. Its own bytes are as they came.
    pub fn write(&mut self, fields: &str) -> Result<(), InputError> {
        let mut out = io::stdout().lock();
        let mut write = || -> io::Result<()> {
            self.file.seek(SeekFrom::Start(self.start))?;
            match self.ends_with_lf {
                true => out.write_all(fields.replace("\r\n", "\n").as_bytes())?,
                false => out.write_all(fields.as_bytes())?,
            }
            io::copy(&mut self.file, &mut out)?;
            out.flush()
        };
        write().map_err(|error| {
            show::end_if_closed(&error);
            InputError::new("standard output", format!("can't be written: {error}"))
        })
    }
}

/// The first reading.
enum First {
    File(File),
    /// What is read is written to the file.
    Copied(Stdin, File),
    Broken(Option<io::Error>),
}

impl Read for First {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::File(file) => file.read(buffer),
            Self::Copied(input, copy) => {
                let count = input.read(buffer)?;
                copy.write_all(buffer.get(..count).unwrap_or_default())?;
                Ok(count)
            }
            Self::Broken(error) => error.take().map_or(Ok(0), Err),
        }
    }
}
