//! What the client said in SMTP about a message, from options and files.
//!
//! Field by field, the first of these that says something counts: the options of the command line, the row of the
//! table given with `--envelopes`, `NAME.envelope.toml` beside the file, and, only if asked for, the trace fields of
//! the message ([`crate::input::trace`]). What none of them says is unknown: an identity that is unknown is not
//! checked. Nothing is guessed from Return-Path or From, because whoever wrote the message wrote those too.

mod keys;
mod table;
mod toml;

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use mail::UnixTime;

use crate::input::error::InputError;
use crate::input::inbox::Message;

pub use keys::parse_ip;
pub(crate) use keys::unknown as unknown_key;
use table::Table;

/// What is known of the SMTP transaction; every field may be unknown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Envelope {
    /// The client's address.
    pub ip: Option<IpAddr>,
    /// The argument of HELO or EHLO, as its bytes.
    pub helo: Option<Vec<u8>>,
    /// The argument of MAIL FROM, with or without its brackets; empty or `<>` is the null sender.
    pub mail_from: Option<Vec<u8>>,
    /// The arguments of RCPT TO; empty if unknown.
    pub rcpt: Vec<Vec<u8>>,
    /// When the message came.
    pub now: Option<UnixTime>,
    /// Whether the client said SMTPUTF8 (RFC 6531), without which bytes above 0x7f are a syntax error in addresses.
    pub smtputf8: bool,
}

impl Envelope {
    /// This envelope, and where it says nothing, what `below` says.
    #[must_use]
    pub fn over(self, below: Self) -> Self {
        Self {
            ip: self.ip.or(below.ip),
            helo: self.helo.or(below.helo),
            mail_from: self.mail_from.or(below.mail_from),
            rcpt: if self.rcpt.is_empty() { below.rcpt } else { self.rcpt },
            now: self.now.or(below.now),
            smtputf8: self.smtputf8 || below.smtputf8,
        }
    }
}

/// The envelopes of many messages.
#[derive(Debug, Default)]
pub struct Envelopes {
    options: Envelope,
    table: Option<Table>,
    /// The envelope beside the file that was asked for last: an mbox has one for all its messages.
    beside: Option<(PathBuf, Envelope)>,
}

impl Envelopes {
    /// What the options say about every message, and the table, if one was given: a CSV file (RFC 4180) whose first
    /// row names its columns, `file` and any of `ip`, `helo`, `mail_from`, `rcpt`, `now`, `smtputf8`. `file` is the
    /// name as it was given or found, or the path from the table's own directory; `box.mbox:3` is one message of an
    /// mbox. An empty cell says nothing; the null sender is `<>`.
    pub fn new(options: Envelope, table: Option<&Path>) -> Result<Self, InputError> {
        Ok(Self { options, table: table.map(Table::read).transpose()?, beside: None })
    }

    /// The envelope of a message, without what its trace fields say.
    pub fn of(&mut self, message: &Message) -> Result<Envelope, InputError> {
        let mut envelope = self.options.clone();
        let Some(path) = &message.path else { return Ok(envelope) };
        if let Some(row) = self.table.as_mut().and_then(|table| table.row(path, message.number)) {
            envelope = envelope.over(row);
        }
        match &self.beside {
            Some((last, beside)) if last == path => Ok(envelope.over(beside.clone())),
            _ => {
                let beside = toml::beside(path)?;
                self.beside = Some((path.clone(), beside.clone()));
                Ok(envelope.over(beside))
            }
        }
    }

    /// The rows of the table that belonged to no message so far: line and file, printable, in the order of the table.
    pub fn unused(&self) -> Vec<(usize, String)> {
        self.table.as_ref().map(Table::unused).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
