//! What is done to a message at its end: header fields added, inserted, changed and deleted; quarantine. Everything is
//! checked when it is asked for, and sent in an order in which no change moves the target of another.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::options::{Actions, Agreed};
use crate::reply::Reply;

/// The most changes to one message. For each, Postfix reads the header from its beginning: with thousands in a large header
/// it would be busy for minutes, and who gives up on it by then leaves some of them undone.
pub const MAX_EDITS: usize = 500;
/// The longest field that is sent, name and value, in octets. Postfix cuts off what is past 60,000 without a word.
pub const MAX_FIELD: usize = 50_000;
/// The longest reason for a quarantine that is sent, in octets.
pub const MAX_REASON: usize = 500;

/// The changes to one message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Edits {
    /// By name in lower case and index; an empty value deletes.
    changes: BTreeMap<(Vec<u8>, u32), Field>,
    inserts: Vec<(u32, Field)>,
    adds: Vec<Field>,
    quarantine: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Field {
    name: Vec<u8>,
    value: Vec<u8>,
}

impl Field {
    /// One that is new in the message.
    fn new(name: &[u8], value: &[u8]) -> Result<Self, EditError> {
        check_name(name, |byte| matches!(byte, b'!'..=b'~') && byte != b':')?;
        check_value(value)?;
        Self::unchecked(name, value)
    }

    /// One whose name the message brought.
    fn old(name: &[u8], value: &[u8]) -> Result<Self, EditError> {
        check_name(name, |byte| !matches!(byte, 0 | b'\r' | b'\n' | b':'))?;
        Self::unchecked(name, value)
    }

    fn unchecked(name: &[u8], value: &[u8]) -> Result<Self, EditError> {
        let length = name.len() + value.len();
        if length > MAX_FIELD {
            return Err(EditError::TooLong(length));
        }
        Ok(Self { name: name.to_vec(), value: value.to_vec() })
    }
}

/// A change that is not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// More than [`MAX_EDITS`].
    #[error("more than {MAX_EDITS} changes to one message")]
    TooMany,
    /// RFC 5322 §3.6.8: printable ASCII without the colon. To change or delete, whatever the MTA takes for a name.
    #[error("octet {at} of the field's name cannot stand there")]
    Name {
        /// Counted from 0; its length where it is empty.
        at: usize,
    },
    /// A NUL, a CR or LF that does not fold, or nothing but white space, with which a field would be deleted.
    #[error("octet {at} of the field's value cannot stand there")]
    Value {
        /// Counted from 0; its length where it is empty.
        at: usize,
    },
    /// More than [`MAX_FIELD`].
    #[error("a field of {0} octets, {MAX_FIELD} are allowed")]
    TooLong(usize),
    /// Of several fields of one name, the first has the index 1.
    #[error("no field has the index 0")]
    Index,
}

/// A change that was not agreed on with this MTA.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the MTA did not offer the actions {0:#x}")]
pub struct NotAllowed(pub u32);

impl Edits {
    /// Adds a field at the end of the header. A folded value has CRLF (or LF) and white space at each fold; it begins
    /// behind the space that follows the colon.
    pub fn add(&mut self, name: &[u8], value: &[u8]) -> Result<(), EditError> {
        self.room()?;
        self.adds.push(Field::new(name, value)?);
        Ok(())
    }

    /// Inserts a field before the one that has `index` once fields are deleted, counted from 0 with what the MTA itself
    /// has put on top: 0 is the very top. Of several at one index, the first comes out on top.
    pub fn insert(&mut self, index: u32, name: &[u8], value: &[u8]) -> Result<(), EditError> {
        self.room()?;
        self.inserts.push((index, Field::new(name, value)?));
        Ok(())
    }

    /// Gives another value to the field that came as number `index`, counted from 1, of all of that name in any case.
    pub fn change(&mut self, name: &[u8], index: u32, value: &[u8]) -> Result<(), EditError> {
        check_value(value)?;
        self.set(name, index, value)
    }

    /// Deletes the field that came as number `index`, counted from 1, of all of that name in any case.
    pub fn delete(&mut self, name: &[u8], index: u32) -> Result<(), EditError> {
        self.set(name, index, b"")
    }

    /// Asks the MTA to put the message aside (Postfix: the hold queue) for this reason; of which printable ASCII is kept.
    pub fn quarantine(&mut self, reason: &str) {
        let clean = reason.chars().map(|char| if matches!(char, ' '..='~') { char } else { '?' });
        self.quarantine = Some(clean.take(MAX_REASON).collect());
    }

    /// Is there nothing to do?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn set(&mut self, name: &[u8], index: u32, value: &[u8]) -> Result<(), EditError> {
        self.room()?;
        let field = Field::old(name, value)?;
        if index == 0 {
            return Err(EditError::Index);
        }
        self.changes.insert((name.to_ascii_lowercase(), index), field);
        Ok(())
    }

    fn room(&self) -> Result<(), EditError> {
        let count = self.changes.len() + self.inserts.len() + self.adds.len();
        if count < MAX_EDITS { Ok(()) } else { Err(EditError::TooMany) }
    }

    fn needs(&self) -> Actions {
        let when = |yes: bool, action: Actions| if yes { action } else { Actions(0) };
        when(!self.changes.is_empty(), Actions::CHANGE_HEADERS)
            | when(!self.inserts.is_empty() || !self.adds.is_empty(), Actions::ADD_HEADERS)
            | when(self.quarantine.is_some(), Actions::QUARANTINE)
    }

    /// Appends the packets that do it; nothing at all where one of them was not agreed on.
    pub(crate) fn encode(&self, agreed: &Agreed, out: &mut Vec<u8>) -> Result<(), NotAllowed> {
        let needs = self.needs();
        if !agreed.allows(needs) {
            return Err(NotAllowed(needs.0));
        }
        let space = agreed.leading_space();
        // From last to first: what is deleted does not move the index of what is still to come.
        for ((_, index), Field { name, value }) in self.changes.iter().rev() {
            let value = if value.is_empty() { Vec::new() } else { for_the_mta(value, space) };
            Reply::ChangeHeader(*index, name, &value).encode(out);
        }
        let mut inserts: Vec<_> = self.inserts.iter().rev().collect();
        inserts.sort_by_key(|(index, _)| Reverse(*index));
        for (index, Field { name, value }) in inserts {
            Reply::InsertHeader(*index, name, &for_the_mta(value, space)).encode(out);
        }
        for Field { name, value } in &self.adds {
            Reply::AddHeader(name, &for_the_mta(value, space)).encode(out);
        }
        if let Some(reason) = &self.quarantine {
            Reply::Quarantine(reason.as_bytes()).encode(out);
        }
        Ok(())
    }
}

/// MTAs take folded values with LF, and make a CRLF of it themselves. Those that keep the space behind the colon also want
/// it from the filter.
fn for_the_mta(value: &[u8], leading_space: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(value.len() + 1);
    out.extend(leading_space.then_some(b' '));
    // `check_value`: every CR has its LF.
    out.extend(value.iter().filter(|byte| **byte != b'\r'));
    out
}

fn check_name(name: &[u8], good: impl Fn(u8) -> bool) -> Result<(), EditError> {
    let bad = name.iter().position(|byte| !good(*byte));
    match bad.or_else(|| name.is_empty().then_some(0)) {
        Some(at) => Err(EditError::Name { at }),
        None => Ok(()),
    }
}

fn check_value(value: &[u8]) -> Result<(), EditError> {
    let folds = |at: usize| matches!(value.get(at..), Some([b' ' | b'\t', ..]));
    let bad = (0..).zip(value).position(|(at, byte)| match byte {
        0 => true,
        b'\r' => value.get(at + 1) != Some(&b'\n'),
        b'\n' => !folds(at + 1),
        _ => false,
    });
    let blank = value.iter().all(u8::is_ascii_whitespace).then_some(value.len());
    match bad.or(blank) {
        Some(at) => Err(EditError::Value { at }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
