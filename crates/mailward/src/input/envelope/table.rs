//! The table of envelopes that `--envelopes` names: CSV (RFC 4180), a row for each message.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use csv::{ByteRecord, ReaderBuilder};
use mail::printable;

use super::Envelope;
use super::keys::{KEYS, parse_ip, unknown};
use crate::input::error::{InputError, Position, shown};
use crate::input::time::parse_time;

/// Longest table, in bytes; it is held in memory.
const MAX_FILE: u64 = 256 * 1024 * 1024;

#[derive(Debug)]
struct Row {
    line: usize,
    envelope: Envelope,
    used: bool,
}

/// The rows by what stands in their column `file`.
#[derive(Debug)]
pub(super) struct Table {
    directory: PathBuf,
    rows: HashMap<Vec<u8>, Row>,
}

impl Table {
    pub(super) fn read(path: &Path) -> Result<Self, InputError> {
        let name = shown(path);
        let io = |error| InputError::io(name.clone(), &error);
        let file = File::open(path).map_err(io)?;
        let mut bytes = Vec::new();
        file.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(io)?;
        if bytes.len() as u64 > MAX_FILE {
            return Err(InputError::new(name, format!("longer than {} MiB", MAX_FILE / 1024 / 1024))
                .with_help("give fewer messages at a time, each with its part of the table"));
        }
        let directory = path.parent().unwrap_or(Path::new("")).to_owned();
        Ok(Self { directory, rows: parse(&name, &bytes)? })
    }

    /// What the table says about a message: the row for just this message of an mbox before the one for all of it.
    pub(super) fn row(&mut self, path: &Path, number: Option<usize>) -> Option<Envelope> {
        let near = path.strip_prefix(&self.directory).ok().filter(|_| self.directory != Path::new(""));
        let names = || std::iter::once(path).chain(near).map(|p| key(p.as_os_str().as_bytes()));
        let numbered = number
            .into_iter()
            .flat_map(|n| names().map(move |name| [name, format!(":{n}").as_bytes()].concat()));
        for name in numbered.chain(names().map(<[u8]>::to_vec)) {
            if let Some(row) = self.rows.get_mut(&name) {
                row.used = true;
                return Some(row.envelope.clone());
            }
        }
        None
    }

    pub(super) fn unused(&self) -> Vec<(usize, String)> {
        let unused = self.rows.iter().filter(|(_, row)| !row.used);
        let mut unused: Vec<_> = unused.map(|(file, row)| (row.line, printable(file))).collect();
        unused.sort();
        unused
    }
}

/// `./a` and `a` are one file.
fn key(mut path: &[u8]) -> &[u8] {
    while let Some(rest) = path.strip_prefix(b"./") {
        path = rest;
    }
    path
}

fn parse(name: &str, bytes: &[u8]) -> Result<HashMap<Vec<u8>, Row>, InputError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut reader = ReaderBuilder::new().has_headers(false).flexible(true).from_reader(bytes);
    let mut record = ByteRecord::new();
    let mut columns: Option<Vec<Column>> = None;
    let mut rows = HashMap::new();
    let mut lines = Lines { bytes, offset: 0, line: 1 };
    // From memory, and with rows of any length, reading itself can't fail; should it, the error is told.
    while reader.read_byte_record(&mut record).map_err(|e| InputError::new(name, printable(e.to_string())))? {
        let line = lines.at(record.position().map_or(0, |p| p.byte()));
        let told = |error: InputError| {
            InputError { file: name.to_owned(), ..error }.at(Position { line, column: None })
        };
        match &columns {
            None => columns = Some(header(&record).map_err(told)?),
            Some(columns) => {
                let (file, envelope) = read_row(columns, &record).map_err(told)?;
                match rows.entry(file) {
                    Entry::Vacant(vacant) => vacant.insert(Row { line, envelope, used: false }),
                    Entry::Occupied(first) => {
                        let (file, first): (_, &Row) = (printable(first.key()), first.get());
                        return Err(told(wrong(format!("{file} has a row already, in line {}", first.line))));
                    }
                };
            }
        }
    }
    match columns {
        Some(_) => Ok(rows),
        None => {
            Err(wrong_header("the table is empty")).map_err(|e| InputError { file: name.to_owned(), ..e })
        }
    }
}

/// Counts lines on the way through the text. The reader's own count takes the line ends between two rows for part of
/// the second.
struct Lines<'a> {
    bytes: &'a [u8],
    offset: usize,
    line: usize,
}

impl Lines<'_> {
    /// The line of the row that is read from `offset` on; offsets grow.
    fn at(&mut self, offset: u64) -> usize {
        let mut to = usize::try_from(offset).unwrap_or(usize::MAX).max(self.offset);
        to += self
            .bytes
            .get(to..)
            .unwrap_or_default()
            .iter()
            .take_while(|b| matches!(b, b'\r' | b'\n'))
            .count();
        self.line += memchr::memchr_iter(b'\n', self.bytes.get(self.offset..to).unwrap_or_default()).count();
        self.offset = to;
        self.line
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    File,
    /// One of [`KEYS`].
    Key(&'static str),
}

/// An error whose file and line the caller knows.
fn wrong(message: impl Into<String>) -> InputError {
    InputError::new("", message)
}

fn wrong_header(message: impl Into<String>) -> InputError {
    wrong(message).with_help(format!("the first line names the columns: file,{}", KEYS.join(",")))
}

fn header(record: &ByteRecord) -> Result<Vec<Column>, InputError> {
    if record.len() == 1 && record.iter().any(|cell| cell.contains(&b';') || cell.contains(&b'\t')) {
        return Err(wrong_header("the columns are not separated by commas"));
    }
    let mut columns = Vec::new();
    for cell in record {
        let cell = printable(cell.trim_ascii());
        let column = match KEYS.iter().find(|key| **key == cell) {
            Some(key) => Column::Key(key),
            None if cell == "file" => Column::File,
            None => {
                let known: Vec<_> = std::iter::once("file").chain(KEYS).collect();
                return Err(wrong(format!("no column is called {cell}")).with_help(unknown(&cell, &known)));
            }
        };
        if columns.contains(&column) {
            return Err(wrong(format!("the column {cell} is there twice")));
        }
        columns.push(column);
    }
    if !columns.contains(&Column::File) {
        return Err(wrong_header("the column file is missing"));
    }
    Ok(columns)
}

fn read_row(columns: &[Column], record: &ByteRecord) -> Result<(Vec<u8>, Envelope), InputError> {
    if record.len() != columns.len() {
        let message = format!("{} cells, but the first line names {} columns", record.len(), columns.len());
        return Err(wrong(message).with_help("a cell with a comma in it is written in double quotes"));
    }
    let mut envelope = Envelope::default();
    let mut file = Vec::new();
    for (column, cell) in columns.iter().zip(record).filter(|(_, cell)| !cell.is_empty()) {
        match column {
            Column::File => file = key(cell).to_vec(),
            Column::Key(key) => set(&mut envelope, key, cell).map_err(|m| wrong(format!("{key}: {m}")))?,
        }
    }
    if file.is_empty() { Err(wrong("the row names no file")) } else { Ok((file, envelope)) }
}

fn set(envelope: &mut Envelope, key: &str, cell: &[u8]) -> Result<(), String> {
    // Only the bytes of names and addresses may be anything; for the rest, what is not UTF-8 is wrong anyway.
    let text = String::from_utf8_lossy(cell);
    match key {
        "ip" => envelope.ip = Some(parse_ip(&text)?),
        "helo" => envelope.helo = Some(cell.to_vec()),
        "mail_from" => envelope.mail_from = Some(cell.to_vec()),
        "rcpt" => envelope.rcpt = vec![cell.to_vec()],
        "now" => envelope.now = Some(parse_time(&text).map_err(|e| e.to_string())?),
        _ => {
            envelope.smtputf8 = match text.trim() {
                "true" => true,
                "false" => false,
                _ => return Err("true or false was expected".to_owned()),
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_error(text: &str, want: &str) {
        assert_eq!(parse("e.csv", text.as_bytes()).unwrap_err().to_string(), want, "{text}");
    }

    fn row(text: impl AsRef<[u8]>, file: &str) -> Envelope {
        parse("e.csv", text.as_ref()).unwrap().remove(file.as_bytes()).unwrap().envelope
    }

    #[test]
    fn rows_in_any_order_of_columns() {
        let want = Envelope {
            ip: Some("2001:db8::1".parse().unwrap()),
            helo: Some(b"h.example".to_vec()),
            mail_from: Some(b"\"a,b\"@c.example".to_vec()),
            rcpt: vec![b"r@example".to_vec()],
            ..Envelope::default()
        };
        let text = "file,ip,helo,mail_from,rcpt\r\na.eml,2001:db8::1,h.example,\"\"\"a,b\"\"@c.example\",r@example\r\n";
        assert_eq!(row(text, "a.eml"), want);
        assert_eq!(row("\u{feff}ip,file\n,./a.eml", "a.eml"), Envelope::default());
        assert_eq!(row("file,mail_from\na,<>", "a").mail_from, Some(b"<>".to_vec()));
        assert_eq!(row(b"file,helo\na,\xff\0", "a").helo, Some(b"\xff\0".to_vec()));
        assert_eq!(row("file,now,smtputf8\na,2026-05-28T20:26:40Z,true", "a").now.unwrap().0, 1_780_000_000);
    }

    #[test]
    fn mistakes_are_told_with_their_line() {
        let columns = "the first line names the columns: file,ip,helo,mail_from,rcpt,now,smtputf8";
        check_error("", &format!("e.csv: the table is empty\n  help: {columns}"));
        check_error("ip,helo\n", &format!("e.csv:1: the column file is missing\n  help: {columns}"));
        check_error(
            "file;ip\n",
            &format!("e.csv:1: the columns are not separated by commas\n  help: {columns}"),
        );
        check_error(
            "file,mailfrom\n",
            "e.csv:1: no column is called mailfrom\n  help: did you mean mail_from?",
        );
        check_error("file,ip,ip\n", "e.csv:1: the column ip is there twice");
        check_error(
            "file,ip\na,192.0.2.1,x\n",
            "e.csv:2: 3 cells, but the first line names 2 columns\n  help: a cell with a comma in it is written in double quotes",
        );
        check_error(
            "file,ip\n\na,1.2.3\n",
            "e.csv:3: ip: not an IP address, such as 192.0.2.1 or 2001:db8::1",
        );
        check_error(
            "file,ip\r\na,::1\r\n\r\nb,1\r\n",
            "e.csv:4: ip: not an IP address, such as 192.0.2.1 or 2001:db8::1",
        );
        check_error("file,helo\na,\"x\ny\"\n,b\n", "e.csv:4: the row names no file");
        check_error("file,ip\na,\nb,\n./a,\n", "e.csv:4: a has a row already, in line 2");
        check_error(
            "file,now\na,soon\n",
            "e.csv:2: now: not a time: write seconds since 1970, or 2026-05-01T12:00:00Z",
        );
        check_error("file,smtputf8\na,1\n", "e.csv:2: smtputf8: true or false was expected");
    }
}
