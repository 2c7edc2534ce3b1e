//! Answers, and the texts in them.

use std::fmt;
use std::str;
use std::sync::Arc;

use crate::netstring::put;

/// How long an answer may be, in octets: Postfix takes no longer one (`socketmap_max_reply_size` by default).
pub const MAX_REPLY: usize = 100_000;

/// How long a [`Value`] may be, in octets, so that it fits behind its `OK `.
pub const MAX_VALUE: usize = MAX_REPLY - 3;

/// How long a [`Reason`] may be, in octets: Postfix logs no more.
pub const MAX_REASON: usize = 200;

/// What a table says to a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// The key is there.
    Ok(Value),
    /// It is not: Postfix goes on to the next form of the key (`.parent`), then to the next table.
    NotFound,
    /// Cannot be said now: Postfix defers the mail.
    Temp(Reason),
    /// Could not be found out in time; to Postfix the same.
    Timeout(Reason),
    /// Cannot be said, and will not be: a mistake in a configuration. Postfix defers the mail.
    Perm(Reason),
}

/// What a table has for a key: one line that is not empty, of at most [`MAX_VALUE`] octets, without control characters.
/// Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value(Arc<str>);

/// Why a text is no [`Value`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// Postfix takes an empty value for a mistake.
    #[error("an empty value")]
    Empty,
    /// Postfix ends a value at a NUL, and line ends mix up its log.
    #[error("a control character at octet {at} of a value")]
    Control {
        /// How many octets are before it.
        at: usize,
    },
    /// Above [`MAX_VALUE`].
    #[error("a value of {length} octets, {MAX_VALUE} are allowed")]
    TooLong {
        /// In octets.
        length: usize,
    },
}

/// Why there is no value: one line for Postfix's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason(String);

/// What is no answer. For the side that asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReplyError {
    /// Not one of the five words; they are upper case.
    #[error("an answer that begins with none of the words OK, NOTFOUND, TEMP, TIMEOUT, PERM")]
    Status,
    /// Not UTF-8 at this octet of the answer.
    #[error("octet {at} of an answer is not UTF-8")]
    NotUtf8 {
        /// How many octets are before it.
        at: usize,
    },
    /// Of `OK`.
    #[error(transparent)]
    Value(#[from] ValueError),
}

impl Value {
    /// Takes a text that fits the rules of the type.
    pub fn new(text: &str) -> Result<Self, ValueError> {
        if text.is_empty() {
            return Err(ValueError::Empty);
        }
        if text.len() > MAX_VALUE {
            return Err(ValueError::TooLong { length: text.len() });
        }
        match text.find(char::is_control) {
            Some(at) => Err(ValueError::Control { at }),
            None => Ok(Self(text.into())),
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Reason {
    /// Takes any text: control characters become `?`, and what is above [`MAX_REASON`] octets is cut off.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let end = (0..=MAX_REASON.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
        let text = text.get(..end.unwrap_or_default()).unwrap_or_default();
        Self(text.replace(char::is_control, "?"))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Reply {
    /// Appends it as Postfix reads it.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let (status, text) = match self {
            Self::Ok(value) => ("OK ", value.as_str()),
            // Postfix does without the space; its documentation has it.
            Self::NotFound => ("NOTFOUND ", ""),
            Self::Temp(reason) => ("TEMP ", reason.as_str()),
            Self::Timeout(reason) => ("TIMEOUT ", reason.as_str()),
            Self::Perm(reason) => ("PERM ", reason.as_str()),
        };
        put(out, &[status.as_bytes(), text.as_bytes()]);
    }

    /// Reads what is in a netstring, as Postfix does: a word, and behind the first space its text.
    pub fn decode(octets: &[u8]) -> Result<Self, ReplyError> {
        let reply =
            str::from_utf8(octets).map_err(|error| ReplyError::NotUtf8 { at: error.valid_up_to() })?;
        let (status, text) = reply.split_once(' ').unwrap_or((reply, ""));
        match status {
            "OK" => Ok(Self::Ok(Value::new(text)?)),
            "NOTFOUND" => Ok(Self::NotFound),
            "TEMP" => Ok(Self::Temp(Reason::new(text))),
            "TIMEOUT" => Ok(Self::Timeout(Reason::new(text))),
            "PERM" => Ok(Self::Perm(Reason::new(text))),
            _ => Err(ReplyError::Status),
        }
    }
}

#[cfg(test)]
mod tests;
