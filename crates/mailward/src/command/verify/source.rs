//! Where the messages of a run come from.

use std::ops::Range;
use std::path::PathBuf;
use std::vec;

use super::judge::Job;
use crate::input::envelope::Envelopes;
use crate::input::{Envelope, Inbox, InputError, Item, Skipped};

/// What was found.
pub(super) enum Found {
    Job(Box<Job>),
    Skipped(Skipped),
    Failed(InputError),
}

/// Finds messages, one at a time and in a fixed order: those of the recording, if there are no files, or those of the
/// files; then the rows of the table of envelopes that belonged to none of them.
pub(super) struct Source {
    recorded: Range<usize>,
    inbox: Inbox,
    envelopes: Envelopes,
    options: Envelope,
    trace: bool,
    unused: Option<vec::IntoIter<(usize, String)>>,
}

impl Source {
    /// `recorded` is how many messages the recording has that is to be judged, if any.
    pub(super) fn new(
        files: Vec<PathBuf>,
        recorded: usize,
        envelopes: Envelopes,
        options: Envelope,
        trace: bool,
    ) -> Self {
        Self { recorded: 0..recorded, inbox: Inbox::new(files), envelopes, options, trace, unused: None }
    }

    fn next_recorded(&mut self) -> Option<Found> {
        let index = self.recorded.next()?;
        Some(Found::Job(Box::new(Job::Recorded(index, self.options.clone()))))
    }

    fn next_item(&mut self) -> Option<Found> {
        let message = match self.inbox.next()? {
            Ok(Item::Message(message)) => message,
            Ok(Item::Skipped(skipped)) => return Some(Found::Skipped(skipped)),
            Err(error) => return Some(Found::Failed(error)),
        };
        Some(match self.envelopes.of(&message) {
            Ok(envelope) => Found::Job(Box::new(Job::Message { message, envelope, trace: self.trace })),
            Err(error) => Found::Failed(error),
        })
    }

    fn next_unused(&mut self) -> Option<Found> {
        let unused = self.unused.get_or_insert_with(|| self.envelopes.unused().into_iter());
        let (line, file) = unused.next()?;
        let message = format!("line {line}: no message that was verified is called {file}");
        Some(Found::Failed(InputError::new("--envelopes", message)))
    }
}

impl Iterator for Source {
    type Item = Found;

    fn next(&mut self) -> Option<Found> {
        self.next_recorded().or_else(|| self.next_item()).or_else(|| self.next_unused())
    }
}
