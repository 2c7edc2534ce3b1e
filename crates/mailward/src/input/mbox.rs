//! An mbox, cut into its messages.
//!
//! The rules: a message begins after a From_ line, which is `From `, anything, and a date as C's `asctime` writes it
//! (`Mon Jan  1 00:00:00 2024`, a zone may stand before or after the year); a line that only begins with `From ` is
//! text. Content-Length is not believed. One `>` is taken from every line of `>`s with `From ` after them (the mboxrd
//! way; of an mbox whose writer quoted otherwise, such lines can't be told apart). The empty line before the next
//! From_ line belongs to the mbox, not to the message.

use std::io::{self, Read};

use memchr::memchr;
use memchr::memmem::Finder;

use crate::input::bytes::{Spare, read_some};

/// Longest message that is taken out of an mbox, in bytes. An mbox is read as a stream, so each message of it is held
/// in memory until it is judged; a longer one is reported and left out.
pub const MAX_MESSAGE: usize = 256 * 1024 * 1024;
/// Longest line that is tried as a From_ line, in bytes.
const MAX_FROM_LINE: usize = 1024;
/// How much is read at once, in bytes.
const BLOCK: usize = 256 * 1024;
const FROM: &[u8] = b"From ";

/// One message of an mbox.
#[derive(Debug, PartialEq, Eq)]
pub enum Entry {
    /// Its bytes, quoting undone, line ends as they were.
    Message(Vec<u8>),
    /// More than [`MAX_MESSAGE`] bytes; not kept.
    TooLong,
}

/// An mbox being read.
pub struct Mbox<R> {
    reader: R,
    /// What was read and not yet given, and behind `end` room for more. The byte before `start` is kept, to see where
    /// lines begin.
    buffer: Vec<u8>,
    /// Where ends what was read.
    end: usize,
    /// Where the message begins.
    start: usize,
    /// What is searched for From_ lines.
    searched: usize,
    /// The `>`s of this message that quote.
    quotes: Vec<usize>,
    finder: Finder<'static>,
    spare: Spare,
    max: usize,
    block: usize,
    too_long: bool,
    in_message: bool,
    ended: bool,
}

impl<R: Read> Mbox<R> {
    /// Reads an mbox from its start. What stands before the first From_ line is dropped.
    pub fn new(reader: R) -> Self {
        Self::with_limits(reader, MAX_MESSAGE, BLOCK)
    }

    /// The same; messages are put into these buffers.
    #[must_use]
    pub fn with_spare(self, spare: &Spare) -> Self {
        Self { spare: spare.clone(), ..self }
    }

    fn with_limits(reader: R, max: usize, block: usize) -> Self {
        Self {
            reader,
            buffer: vec![b'\n'],
            end: 1,
            start: 1,
            searched: 1,
            quotes: Vec::new(),
            finder: Finder::new(FROM),
            spare: Spare::default(),
            max,
            block,
            too_long: false,
            in_message: false,
            ended: false,
        }
    }

    /// The next message; `None` at the end. After an error there is nothing more.
    pub fn next_entry(&mut self) -> io::Result<Option<Entry>> {
        while !self.ended {
            let (end, next) = match self.separator() {
                Ok(Some(found)) => found,
                Ok(None) => {
                    self.ended = true;
                    (self.end, self.end)
                }
                Err(error) => {
                    self.ended = true;
                    return Err(error);
                }
            };
            let entry = self.take(end);
            self.start = next;
            self.searched = next;
            if std::mem::replace(&mut self.in_message, true) {
                return Ok(Some(entry));
            }
        }
        Ok(None)
    }

    /// Finds the next From_ line: where it begins and where the line after it does. Notes the quotes on the way.
    fn separator(&mut self) -> io::Result<Option<(usize, usize)>> {
        loop {
            let Some(offset) = self.finder.find(self.text(self.searched, self.end)) else {
                // The start of a `From ` may stand at the end of what was read.
                self.searched = self.searched.max(self.end.saturating_sub(FROM.len() - 1));
                if self.fill()? {
                    continue;
                }
                return Ok(None);
            };
            let hit = self.searched + offset;
            let after = hit + FROM.len();
            let line = hit - self.buffer.iter().take(hit).rev().take_while(|b| **b == b'>').count();
            if line == 0 || self.buffer.get(line - 1) != Some(&b'\n') {
                self.searched = after;
            } else if line < hit {
                self.quotes.push(line);
                self.searched = after;
            } else {
                self.searched = hit;
                let rest = self.text(hit, self.end);
                let length = match memchr(b'\n', rest) {
                    Some(lf) => lf + 1,
                    None if rest.len() <= MAX_FROM_LINE && self.fill()? => continue,
                    // The end of the file, or of what is worth looking at. Reading may have moved the line.
                    None => self.end - self.searched,
                };
                let line = self.text(self.searched, self.searched + length);
                if is_from_line(line) {
                    return Ok(Some((self.searched, self.searched + length)));
                }
                self.searched += FROM.len();
            }
        }
    }

    /// Reads up to a block more; false at the end. Moves what is kept to the front.
    fn fill(&mut self) -> io::Result<bool> {
        if self.end - self.start > self.max {
            self.too_long = true;
            self.quotes.clear();
            self.start = self.start.max(self.searched.saturating_sub(MAX_FROM_LINE));
        }
        let gone = self.start - 1;
        if gone > 0 {
            self.buffer.copy_within(gone..self.end, 0);
            self.start = 1;
            self.end -= gone;
            self.searched -= gone;
            self.quotes.iter_mut().for_each(|quote| *quote -= gone);
        }
        // The room is made once and used again, so it is seldom that it has to be filled with zeros.
        if self.buffer.len() < self.end + self.block {
            self.buffer.resize((self.end + self.block).max(self.buffer.len() * 2), 0);
        }
        let room = self.buffer.get_mut(self.end..self.end + self.block).unwrap_or_default();
        let count = read_some(&mut self.reader, room)?;
        self.end += count;
        Ok(count > 0)
    }

    fn text(&self, from: usize, to: usize) -> &[u8] {
        self.buffer.get(from..to).unwrap_or_default()
    }

    /// The message that ends before `end`.
    fn take(&mut self, end: usize) -> Entry {
        let quotes = std::mem::take(&mut self.quotes);
        if std::mem::take(&mut self.too_long) || end - self.start > self.max {
            return Entry::TooLong;
        }
        let mut message = self.spare.take();
        message.reserve(end - self.start);
        let mut from = self.start;
        for quote in quotes {
            message.extend_from_slice(self.text(from, quote));
            from = quote + 1;
        }
        message.extend_from_slice(self.text(from, end));
        drop_empty_line(&mut message);
        Entry::Message(message)
    }
}

fn drop_empty_line(message: &mut Vec<u8>) {
    let text = message.strip_suffix(b"\r\n").or_else(|| message.strip_suffix(b"\n"));
    if let Some(length) = text.filter(|text| text.is_empty() || text.ends_with(b"\n")).map(<[u8]>::len) {
        message.truncate(length);
    }
}

/// Whether a line, with or without its end, is a From_ line.
pub fn is_from_line(line: &[u8]) -> bool {
    let Some(rest) = line.strip_prefix(FROM) else { return false };
    if line.len() > MAX_FROM_LINE {
        return false;
    }
    let words: Vec<&[u8]> = rest.split(u8::is_ascii_whitespace).filter(|w| !w.is_empty()).collect();
    words.windows(5).any(is_date)
}

/// `Mon Jan 1 00:00:00 2024`, with the year fifth or, after a zone, sixth (the caller's window then ends before it).
fn is_date(words: &[&[u8]]) -> bool {
    const DAYS: [&[u8]; 7] = [b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat", b"Sun"];
    const MONTHS: [&[u8]; 12] =
        [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];
    let [day, month, date, time, year] = words else { return false };
    DAYS.contains(day)
        && MONTHS.contains(month)
        && date.len() <= 2
        && date.iter().all(u8::is_ascii_digit)
        && is_time(time)
        && (is_year(year) || is_zone(year))
}

fn is_time(word: &[u8]) -> bool {
    let mut parts = word.split(|b| *b == b':');
    let ok = |part: &[u8]| part.len() == 2 && part.iter().all(u8::is_ascii_digit);
    matches!(word.len(), 5 | 8) && parts.all(ok)
}

fn is_year(word: &[u8]) -> bool {
    word.len() == 4 && word.iter().all(u8::is_ascii_digit)
}

/// `+0000`, or letters such as `UTC`.
fn is_zone(word: &[u8]) -> bool {
    match word.split_first() {
        Some((b'+' | b'-', digits)) => is_year(digits),
        _ => matches!(word.len(), 1..=5) && word.iter().all(u8::is_ascii_uppercase),
    }
}

#[cfg(test)]
mod tests;
