//! The messages behind the names on the command line, one after the other, in a fixed order.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use walkdir::{DirEntry, WalkDir};

use crate::input::bytes::{Bytes, CHUNK, Spare};
use crate::input::error::{InputError, shown};
use crate::input::kind::{Kind, Met, Skip, kind, skip_by_name};
use crate::input::mbox::{Entry, MAX_MESSAGE, Mbox};

/// A message that is to be judged.
#[derive(Debug)]
pub struct Message {
    /// How it is called: `file.eml`, `box.mbox:3`, or `-`; printable.
    pub name: String,
    /// The file that holds it; `None` for standard input.
    pub path: Option<PathBuf>,
    /// Its number in its mbox, from 1.
    pub number: Option<usize>,
    /// How many bytes it has in its file, where that is known before it is read; otherwise 0.
    pub size: u64,
    /// Its bytes.
    pub bytes: Bytes,
}

/// A file that was not read as mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// How it is called; printable.
    pub name: String,
    /// Why.
    pub reason: Skip,
    /// How many bytes it has; 0 where that is not known.
    pub size: u64,
}

/// What stands behind a name.
#[derive(Debug)]
pub enum Item {
    /// A message.
    Message(Message),
    /// Something else.
    Skipped(Skipped),
}

/// The messages in files and directories and on standard input (`-`). Directories are read with all below them,
/// sorted by name; symbolic links are followed, but not in circles. An error is about one file, and the next call goes
/// on with the next. Files are opened here and read by whoever takes the message: take few at a time.
pub struct Inbox {
    names: VecDeque<PathBuf>,
    walk: Option<walkdir::IntoIter>,
    mbox: Option<OpenMbox>,
    stdin: Option<Box<dyn Read + Send>>,
    spare: Spare,
    /// The folder that was looked at last, and what it makes of a file: one holds many.
    folder: Option<(PathBuf, Met)>,
}

struct OpenMbox {
    name: String,
    path: Option<PathBuf>,
    given: usize,
    mbox: Mbox<Box<dyn Read + Send>>,
}

impl Inbox {
    /// The messages behind these names, in their order.
    pub fn new(names: impl IntoIterator<Item = PathBuf>) -> Self {
        Self::with_stdin(names, io::stdin())
    }

    fn with_stdin(names: impl IntoIterator<Item = PathBuf>, stdin: impl Read + Send + 'static) -> Self {
        let names = names.into_iter().collect();
        Self {
            names,
            walk: None,
            mbox: None,
            stdin: Some(Box::new(stdin)),
            spare: Spare::default(),
            folder: None,
        }
    }

    fn next_of_mbox(&mut self) -> Option<Result<Item, InputError>> {
        let open = self.mbox.as_mut()?;
        let entry = open.mbox.next_entry().transpose();
        open.given += 1;
        let name = format!("{}:{}", open.name, open.given);
        match entry {
            Some(Ok(Entry::Message(bytes))) => Some(Ok(Item::Message(Message {
                name,
                path: open.path.clone(),
                number: Some(open.given),
                size: bytes.len() as u64,
                bytes: Bytes::memory(bytes).kept_by(&self.spare),
            }))),
            Some(Ok(Entry::TooLong)) => Some(Err(InputError::new(
                name,
                format!("longer than {} MiB, so it was not judged", MAX_MESSAGE / 1024 / 1024),
            )
            .with_help("store it in a file of its own"))),
            Some(Err(error)) => Some(Err(InputError::io(name, &error))),
            None => {
                self.mbox = None;
                None
            }
        }
    }

    fn next_of_walk(&mut self) -> Option<Result<Item, InputError>> {
        loop {
            let entry = match self.walk.as_mut()?.next() {
                Some(Ok(entry)) if entry.file_type().is_dir() => continue,
                Some(Ok(entry)) => entry,
                Some(Err(error)) => return Some(walk_error(&error)),
                None => {
                    self.walk = None;
                    return None;
                }
            };
            let found = self.open_found(&entry);
            if found.is_some() {
                return found;
            }
            // An mbox: its messages come first.
            if let Some(item) = self.next_of_mbox() {
                return Some(item);
            }
        }
    }

    /// What a file in a directory is; `None` if it is an mbox, which is then open.
    fn open_found(&mut self, entry: &DirEntry) -> Option<Result<Item, InputError>> {
        let path = entry.path();
        let size = entry.metadata().map_or(0, |m| m.len());
        let skip = |reason| Some(Ok(Item::Skipped(Skipped { name: shown(path), reason, size })));
        if !entry.file_type().is_file() {
            return skip(Skip::Special);
        }
        let met = self.place(path);
        if met == Met::Found
            && let Some(reason) = skip_by_name(path)
        {
            return skip(reason);
        }
        match self.open(path, met, size) {
            Ok(Ok(item)) => item.map(Ok),
            Ok(Err(reason)) => skip(reason),
            Err(error) => Some(Err(error)),
        }
    }

    fn next_named(&mut self) -> Option<Result<Item, InputError>> {
        loop {
            let path = self.names.pop_front()?;
            let item = if path == Path::new("-") { self.open_stdin() } else { self.open_named(&path) };
            match item {
                Ok(Some(item)) => return Some(Ok(item)),
                Err(error) => return Some(Err(error)),
                Ok(None) => {}
            }
            if let Some(item) = self.next_of_mbox().or_else(|| self.next_of_walk()) {
                return Some(item);
            }
        }
    }

    fn open_named(&mut self, path: &Path) -> Result<Option<Item>, InputError> {
        let meta = std::fs::metadata(path).map_err(|error| InputError::io(shown(path), &error))?;
        if meta.is_dir() {
            self.walk = Some(WalkDir::new(path).follow_links(true).sort_by_file_name().into_iter());
            return Ok(None);
        }
        let size = if meta.is_file() { meta.len() } else { 0 };
        // What was named is never skipped; a delivery in progress is read as it stands.
        let met = if self.place(path) == Met::Maildir { Met::Maildir } else { Met::Named };
        self.open(path, met, size).map(|kind| kind.unwrap_or_default())
    }

    fn place(&mut self, path: &Path) -> Met {
        let Some(parent) = path.parent() else { return Met::Found };
        match &self.folder {
            Some((folder, met)) if folder == parent => *met,
            _ => {
                let met = place(parent);
                self.folder = Some((parent.to_owned(), met));
                met
            }
        }
    }

    fn open_stdin(&mut self) -> Result<Option<Item>, InputError> {
        let Some(stdin) = self.stdin.take() else {
            return Err(InputError::new("-", "standard input can be read only once"));
        };
        self.begin("-".to_owned(), None, Met::Named, 0, stdin).map(|kind| kind.unwrap_or_default())
    }

    fn open(&mut self, path: &Path, met: Met, size: u64) -> Result<Result<Option<Item>, Skip>, InputError> {
        let file = File::open(path).map_err(|error| InputError::io(shown(path), &error))?;
        self.begin(shown(path), Some(path.to_owned()), met, size, Box::new(file))
    }

    /// Reads the head and decides: a message, an mbox (`None`, and it is open), or to be skipped.
    fn begin(
        &mut self,
        name: String,
        path: Option<PathBuf>,
        met: Met,
        size: u64,
        mut reader: Box<dyn Read + Send>,
    ) -> Result<Result<Option<Item>, Skip>, InputError> {
        let mut head = self.spare.take();
        head.reserve(CHUNK.min(usize::try_from(size).unwrap_or(CHUNK).saturating_add(1)));
        let read = reader.by_ref().take(CHUNK as u64).read_to_end(&mut head);
        read.map_err(|error| InputError::io(name.clone(), &error))?;
        Ok(match kind(path.as_deref().unwrap_or(Path::new("-")), met, &head) {
            Err(skip) => Err(skip),
            Ok(Kind::Message) => {
                let bytes =
                    if head.len() < CHUNK { Bytes::memory(head) } else { Bytes::stream(head, reader) };
                let bytes = bytes.kept_by(&self.spare);
                Ok(Some(Item::Message(Message { name, path, number: None, size, bytes })))
            }
            Ok(Kind::Mbox) => {
                let mbox = Mbox::new(Box::new(io::Cursor::new(head).chain(reader)) as Box<dyn Read + Send>);
                self.mbox = Some(OpenMbox { name, path, given: 0, mbox: mbox.with_spare(&self.spare) });
                Ok(None)
            }
        })
    }
}

impl Iterator for Inbox {
    type Item = Result<Item, InputError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_of_mbox().or_else(|| self.next_of_walk()).or_else(|| self.next_named())
    }
}

/// Whether a folder is part of a Maildir: a directory with `cur`, `new` and `tmp` in it.
fn place(folder: &Path) -> Met {
    let met = match folder.file_name().and_then(|name| name.to_str()) {
        Some("cur" | "new") => Met::Maildir,
        Some("tmp") => Met::MaildirTmp,
        _ => return Met::Found,
    };
    let maildir = folder.parent().unwrap_or(Path::new(""));
    let whole = ["cur", "new", "tmp"].iter().all(|name| maildir.join(name).is_dir());
    if whole { met } else { Met::Found }
}

fn walk_error(error: &walkdir::Error) -> Result<Item, InputError> {
    let name = error.path().map_or_else(|| "-".to_owned(), shown);
    match error.io_error() {
        Some(io) => Err(InputError::io(name, io)),
        None => Ok(Item::Skipped(Skipped { name, reason: Skip::Loop, size: 0 })),
    }
}

/// How many bytes stand behind these names, for a progress bar; what can't be seen counts as nothing.
pub fn total_bytes(names: &[PathBuf]) -> u64 {
    let walk = |name: &PathBuf| WalkDir::new(name).follow_links(true).into_iter().filter_map(Result::ok);
    let files = names.iter().flat_map(walk).filter(|entry| entry.file_type().is_file());
    files.filter_map(|entry| entry.metadata().ok()).map(|meta| meta.len()).sum()
}

#[cfg(test)]
mod tests;
