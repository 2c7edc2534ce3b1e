//! Short texts for people, which may hold what a stranger wrote: printable ASCII when they are made, and never long.

use std::fmt;

/// Longest note, in bytes. RFC 9990 leaves texts for people unbounded; a database does not.
pub const MAX_NOTE: usize = 255;

/// A short text of printable ASCII.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Note(Box<str>);

impl Note {
    /// Takes any bytes: what is not printable stands as `\xNN`, and what is behind [`MAX_NOTE`] is cut off.
    pub fn new(text: impl AsRef<[u8]>) -> Self {
        // One byte gives at least one character: what lies further behind can't be seen.
        let bytes = text.as_ref();
        let mut printable = mail::printable(bytes.get(..MAX_NOTE).unwrap_or(bytes));
        printable.truncate(MAX_NOTE);
        Self(printable.into())
    }

    /// Reads one that was stored.
    pub(crate) fn stored(text: &str) -> Option<Self> {
        let printable = text.len() <= MAX_NOTE && text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        printable.then(|| Self(text.into()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX_NOTE, Note};

    #[test]
    fn web_05_notes_are_printable_and_short() {
        assert_eq!(Note::new("a\0b\u{1b}[0m\u{2028}").as_str(), r"a\x00b\x1b[0m\xe2\x80\xa8");
        for (length, kept) in [(MAX_NOTE, MAX_NOTE), (MAX_NOTE + 1, MAX_NOTE)] {
            assert_eq!(Note::new("x".repeat(length)).as_str().len(), kept);
        }
        assert_eq!(Note::new([0; MAX_NOTE]).as_str().len(), MAX_NOTE);
    }

    #[test]
    fn what_was_stored_is_read_back_as_it_was() {
        let note = Note::new(r"back\slash");
        assert_eq!(Note::stored(note.as_str()), Some(note));
        for wrong in ["\0", "\n", "é", &"x".repeat(MAX_NOTE + 1)] {
            assert_eq!(Note::stored(wrong), None, "{wrong:?}");
        }
    }
}
