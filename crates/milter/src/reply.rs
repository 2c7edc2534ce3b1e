//! What a filter says to an MTA (`SMFIR_*`): encoded into packets, and decoded for a client.

use crate::options::{MacroList, Offer};
use crate::packet::{Packet, put};
use crate::wire::{DecodeError, Flaw, Letter, Reader, Strings, put_string, put_u32};

/// A reply of the filter, borrowed from its packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply<'a> {
    /// `O`: what the filter takes of the offer, and the macros it asks for.
    Negotiate(Offer, Vec<MacroList<'a>>),
    /// `c`: go on.
    Continue,
    /// `a`: the message (the connection, after `C` and `H`) is let through unseen from here.
    Accept,
    /// `r`: refused with the MTA's own words.
    Reject,
    /// `t`: refused for now with the MTA's own words.
    Tempfail,
    /// `d`: accepted, and thrown away.
    Discard,
    /// `s`: no more of the body is wanted. Since version 6.
    Skip,
    /// `p`: still at work; the MTA's clock starts anew.
    Progress,
    /// `4`: the MTA is to say 421 and hang up.
    Shutdown,
    /// `f`: the MTA is to fail the connection.
    FailConnection,
    /// `y`: refused with these words: code, enhanced code and text, perhaps several lines, each `%` doubled.
    ReplyCode(&'a [u8]),
    /// `h`: a header field is added at the end of the header.
    AddHeader(&'a [u8], &'a [u8]),
    /// `i`: a header field is inserted before the field of that index, counted from 0 with all of the MTA's own.
    InsertHeader(u32, &'a [u8], &'a [u8]),
    /// `m`: of the fields of that name, the one of that index, counted from 1, gets another value; an empty one deletes it.
    ChangeHeader(u32, &'a [u8], &'a [u8]),
    /// `q`: the message is put aside, for this reason.
    Quarantine(&'a [u8]),
    /// `+`: one more recipient.
    AddRecipient(&'a [u8]),
    /// `2`: one more recipient, with parameters of RCPT.
    AddRecipientWithArguments(Strings<'a>),
    /// `-`: one recipient less.
    DeleteRecipient(&'a [u8]),
    /// `e`: another sender, with parameters of MAIL.
    ChangeSender(Strings<'a>),
    /// `b`: a piece of another body.
    ReplaceBody(&'a [u8]),
}

impl<'a> Reply<'a> {
    /// Reads a packet.
    pub fn decode(packet: Packet<'a>) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(packet.letter, packet.data);
        let reply = match packet.letter.0 {
            b'O' => negotiate(&mut reader)?,
            b'c' => Self::Continue,
            b'a' => Self::Accept,
            b'r' => Self::Reject,
            b't' => Self::Tempfail,
            b'd' => Self::Discard,
            b's' => Self::Skip,
            b'p' => Self::Progress,
            b'4' => Self::Shutdown,
            b'f' => Self::FailConnection,
            b'y' => Self::ReplyCode(reader.string()?),
            b'h' => Self::AddHeader(reader.name()?, reader.string()?),
            b'i' => Self::InsertHeader(reader.u32()?, reader.name()?, reader.string()?),
            b'm' => Self::ChangeHeader(reader.u32()?, reader.name()?, reader.string()?),
            b'q' => Self::Quarantine(reader.string()?),
            b'+' => Self::AddRecipient(reader.string()?),
            b'2' => Self::AddRecipientWithArguments(reader.arguments()?),
            b'-' => Self::DeleteRecipient(reader.string()?),
            b'e' => Self::ChangeSender(reader.arguments()?),
            b'b' => Self::ReplaceBody(reader.rest()),
            _ => return Err(reader.flaw(Flaw::Letter)),
        };
        reader.end(reply)
    }

    /// The letter of its packet.
    #[must_use]
    pub fn letter(&self) -> Letter {
        Letter(match self {
            Self::Negotiate(..) => b'O',
            Self::Continue => b'c',
            Self::Accept => b'a',
            Self::Reject => b'r',
            Self::Tempfail => b't',
            Self::Discard => b'd',
            Self::Skip => b's',
            Self::Progress => b'p',
            Self::Shutdown => b'4',
            Self::FailConnection => b'f',
            Self::ReplyCode(_) => b'y',
            Self::AddHeader(..) => b'h',
            Self::InsertHeader(..) => b'i',
            Self::ChangeHeader(..) => b'm',
            Self::Quarantine(_) => b'q',
            Self::AddRecipient(_) => b'+',
            Self::AddRecipientWithArguments(_) => b'2',
            Self::DeleteRecipient(_) => b'-',
            Self::ChangeSender(_) => b'e',
            Self::ReplaceBody(_) => b'b',
        })
    }

    /// Appends the packet, length and all. No text may hold a NUL, no name be empty.
    pub fn encode(&self, out: &mut Vec<u8>) {
        put(out, self.letter(), |out| match self {
            Self::Negotiate(offer, lists) => {
                offer.write(out);
                lists.iter().for_each(|list| list.write(out));
            }
            Self::ReplyCode(text)
            | Self::Quarantine(text)
            | Self::AddRecipient(text)
            | Self::DeleteRecipient(text) => put_string(out, text),
            Self::AddHeader(name, value) => put_field(out, name, value),
            Self::InsertHeader(index, name, value) | Self::ChangeHeader(index, name, value) => {
                put_u32(out, *index);
                put_field(out, name, value);
            }
            Self::AddRecipientWithArguments(strings) | Self::ChangeSender(strings) => {
                out.extend_from_slice(strings.wire());
            }
            Self::ReplaceBody(bytes) => out.extend_from_slice(bytes),
            Self::Continue
            | Self::Accept
            | Self::Reject
            | Self::Tempfail
            | Self::Discard
            | Self::Skip
            | Self::Progress
            | Self::Shutdown
            | Self::FailConnection => {}
        });
    }

    /// Is the command answered with this, and nothing follows?
    #[must_use]
    pub fn is_final(&self) -> bool {
        matches!(
            self,
            Self::Negotiate(..)
                | Self::Continue
                | Self::Accept
                | Self::Reject
                | Self::Tempfail
                | Self::Discard
                | Self::Skip
                | Self::Shutdown
                | Self::FailConnection
                | Self::ReplyCode(_)
        )
    }
}

fn negotiate<'a>(reader: &mut Reader<'a>) -> Result<Reply<'a>, DecodeError> {
    let offer = Offer::read(reader)?;
    let mut lists = Vec::new();
    while !reader.at_end() {
        lists.push(MacroList::read(reader)?);
    }
    Ok(Reply::Negotiate(offer, lists))
}

fn put_field(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    put_string(out, name);
    put_string(out, value);
}

#[cfg(test)]
mod tests;
