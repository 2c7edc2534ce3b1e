//! What a file is: a message, an mbox, or something that is none of our business.
//!
//! The rules, in their order:
//! 1. `*.eml` and every file in `cur` or `new` of a Maildir is one message, byte for byte, whatever it holds.
//! 2. A file that begins with a From_ line is an mbox.
//! 3. A file that was named on the command line, and standard input, is one message.
//! 4. Found in a directory: not by its name another kind of file, begins with a header field, and one of its first
//!    lines is a field that mail has: one message. Everything else is skipped, and the reason is said.

use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::input::mbox;

/// How many lines are looked at for a field that mail has.
const LINES: usize = 60;

/// Fields that tell a message from other texts with colons in them.
const FIELDS: [&str; 9] = [
    "from",
    "received",
    "return-path",
    "message-id",
    "date",
    "dkim-signature",
    "delivered-to",
    "authentication-results",
    "mime-version",
];

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One message.
    Message,
    /// Messages, each after a From_ line.
    Mbox,
}

/// Why a file in a directory was not read as mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Skip {
    /// Nothing in it.
    Empty,
    /// `NAME.envelope.toml`, which is read with its message.
    Envelope,
    /// Something else by its name: what.
    Named(&'static str),
    /// Packed by gzip or the like.
    Compressed,
    /// Does not begin like a message.
    NotMail,
    /// A socket, a pipe, a device.
    Special,
    /// In `tmp` of a Maildir.
    Delivery,
    /// A symbolic link back to a directory that it stands in.
    Loop,
}

impl fmt::Display for Skip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "it is empty",
            Self::Envelope => "it is the envelope of a message",
            Self::Named(what) => return write!(f, "by its name it is {what}"),
            Self::Compressed => "it is compressed; unpack it first",
            Self::NotMail => {
                "it does not begin like a message (no From, Date, Received or the like in its first lines)"
            }
            Self::Special => "it is neither a file nor a directory",
            Self::Delivery => "it is in tmp of a Maildir, so its delivery is not done",
            Self::Loop => "it is a symbolic link back to a directory above it",
        })
    }
}

/// Where a file was met, as far as it matters for what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Met {
    /// Named on the command line, or standard input.
    Named,
    /// Found in a directory.
    Found,
    /// Found in `cur` or `new` of a Maildir.
    Maildir,
    /// Found in `tmp` of a Maildir.
    MaildirTmp,
}

/// Whether a file found in a directory is another kind of thing by its name alone, before it is opened.
pub fn skip_by_name(path: &Path) -> Option<Skip> {
    let name = path.file_name()?.as_bytes().to_ascii_lowercase();
    if name.ends_with(b".envelope.toml") {
        return Some(Skip::Envelope);
    }
    let extension = path.extension()?.as_bytes().to_ascii_lowercase();
    Some(Skip::Named(match extension.as_slice() {
        b"zone" => "a DNS zone",
        b"toml" => "a TOML file",
        b"csv" => "a table",
        b"json" | b"jsonl" => "a JSON file",
        _ => return None,
    }))
}

/// What a file is, by its name, where it was met, and its first [`crate::input::CHUNK`] bytes.
pub fn kind(path: &Path, met: Met, head: &[u8]) -> Result<Kind, Skip> {
    let eml = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("eml"));
    match met {
        Met::MaildirTmp => Err(Skip::Delivery),
        Met::Maildir => Ok(Kind::Message),
        _ if eml => Ok(Kind::Message),
        _ if mbox::is_from_line(first_line(head)) => Ok(Kind::Mbox),
        Met::Named => Ok(Kind::Message),
        Met::Found => found(head),
    }
}

fn found(head: &[u8]) -> Result<Kind, Skip> {
    const MAGIC: [&[u8]; 5] = [b"\x1f\x8b", b"PK\x03\x04", b"\x28\xb5\x2f\xfd", b"BZh", b"\xfd7zXZ\0"];
    if head.is_empty() {
        Err(Skip::Empty)
    } else if MAGIC.iter().any(|magic| head.starts_with(magic)) {
        Err(Skip::Compressed)
    } else if begins_like_mail(head) {
        Ok(Kind::Message)
    } else {
        Err(Skip::NotMail)
    }
}

fn begins_like_mail(head: &[u8]) -> bool {
    let mut lines = head.split(|b| *b == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let mut first = lines.next().unwrap_or_default();
    // A From_ line without a date, or one that was quoted, stands before the header of many a stored message.
    if first.starts_with(b"From ") || first.starts_with(b">From ") {
        first = lines.next().unwrap_or_default();
    }
    field_name(first).is_some()
        && std::iter::once(first)
            .chain(lines)
            .take(LINES)
            .take_while(|line| !line.is_empty())
            .filter_map(field_name)
            .any(|name| FIELDS.iter().any(|field| name.eq_ignore_ascii_case(field.as_bytes())))
}

fn field_name(line: &[u8]) -> Option<&[u8]> {
    let colon = memchr::memchr(b':', line)?;
    let name = line.get(..colon)?.trim_ascii_end();
    (!name.is_empty() && name.iter().all(u8::is_ascii_graphic)).then_some(name)
}

fn first_line(head: &[u8]) -> &[u8] {
    head.split(|b| *b == b'\n').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, met: Met, head: impl AsRef<[u8]>, want: Result<Kind, Skip>) {
        let got = match (met, skip_by_name(Path::new(name))) {
            (Met::Found, Some(skip)) => Err(skip),
            _ => kind(Path::new(name), met, head.as_ref()),
        };
        assert_eq!(got, want, "{name} {met:?}");
    }

    const MAIL: &str = "Subject: x\r\nFrom: a@b.example\r\n\r\nbody";
    const FROM: &str = "From a@b.example Mon Jan  1 00:00:00 2024\nFrom: a@b.example\n\nbody\n";

    #[test]
    fn in_a_directory_content_decides() {
        let (message, mbox) = (Ok(Kind::Message), Ok(Kind::Mbox));
        check("1", Met::Found, MAIL, message);
        check("a.txt", Met::Found, "Received: from a\n\tby b\nX: y\n", message);
        check("a", Met::Found, ">From x\nDate: today\n", message);
        check("a.mbox", Met::Found, FROM, mbox);
        check("Inbox", Met::Found, FROM, mbox);
        check("README.md", Met::Found, "# Mail\n\nFrom: here\n", Err(Skip::NotMail));
        check("notes", Met::Found, "todo: sleep\n\nFrom: nobody\n", Err(Skip::NotMail));
        check("a.yaml", Met::Found, "name: x\nversion: 1\n", Err(Skip::NotMail));
        check("a.mbox", Met::Found, "", Err(Skip::Empty));
        check("a", Met::Found, b"\x7fELF\x02\x01\0\0:", Err(Skip::NotMail));
        check("a.eml.gz", Met::Found, b"\x1f\x8b\x08\0", Err(Skip::Compressed));
        check("a.eml", Met::Found, "no header at all", message);
        check("A.EML", Met::Found, "", message);
    }

    #[test]
    fn some_are_told_by_name() {
        check("world.zone", Met::Found, MAIL, Err(Skip::Named("a DNS zone")));
        check("a.envelope.toml", Met::Found, MAIL, Err(Skip::Envelope));
        check("a.toml", Met::Found, MAIL, Err(Skip::Named("a TOML file")));
        check("e.CSV", Met::Found, MAIL, Err(Skip::Named("a table")));
        check("a.json", Met::Found, MAIL, Err(Skip::Named("a JSON file")));
    }

    #[test]
    fn hdr_06_what_was_named_is_never_skipped() {
        for text in [">From x", "From a@b Mon…", ": novalue", "NoColonLine", "", "\0\0"] {
            check("world.zone", Met::Named, text, Ok(Kind::Message));
            check("a.eml", Met::Found, text, Ok(Kind::Message));
            check("1700000000.M1.host:2,S", Met::Maildir, text, Ok(Kind::Message));
        }
        check("x.eml", Met::Named, FROM, Ok(Kind::Message));
        check("box", Met::Named, FROM, Ok(Kind::Mbox));
        check("1", Met::MaildirTmp, MAIL, Err(Skip::Delivery));
    }
}
