//! What an MTA says to a filter (`SMFIC_*`): decoded from packets, and encoded for a client.

use std::net::IpAddr;

use crate::options::Offer;
use crate::packet::{Packet, put};
use crate::wire::{DecodeError, Flaw, Letter, Reader, Strings, put_string};

/// A command of the MTA, borrowed from its packet. Every text is as raw as it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command<'a> {
    /// `O`: what the MTA can do; opens the connection.
    Negotiate(Offer),
    /// `D`: macros for a command that follows: names and values in turn.
    Macros(Stage, Strings<'a>),
    /// `C`: who has connected to the MTA.
    Connect(Connect<'a>),
    /// `H`: the name in HELO or EHLO.
    Helo(&'a [u8]),
    /// `M`: the sender in its angle brackets, then the parameters of MAIL.
    Mail(Strings<'a>),
    /// `R`: a recipient in its angle brackets, then the parameters of RCPT.
    Rcpt(Strings<'a>),
    /// `T`: the SMTP command DATA. Since version 4.
    Data,
    /// `L`: a header field; its value not unfolded.
    Header {
        /// Before the colon; not empty.
        name: &'a [u8],
        /// Behind it, less a space where `LEADING_SPACE` was not agreed on.
        value: &'a [u8],
    },
    /// `N`: the header is complete.
    EndOfHeader,
    /// `B`: a piece of the body.
    Body(&'a [u8]),
    /// `E`: the message is complete; some MTAs send the last piece of the body with it.
    EndOfBody(&'a [u8]),
    /// `A`: there will be no more of this message.
    Abort,
    /// `Q`: there will be no more on this connection.
    Quit,
    /// `K`: another client of the MTA follows on this connection. Since version 6.
    QuitNewConnection,
    /// `U`: an SMTP command that the MTA does not know. Since version 3.
    Unknown(&'a [u8]),
}

/// The command before which macros are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each is the command of its name")]
pub enum Stage {
    Connect,
    Helo,
    Mail,
    Rcpt,
    Data,
    Unknown,
    Header,
    EndOfHeader,
    Body,
    EndOfBody,
}

impl Stage {
    /// All of them in the order of a session.
    pub const ALL: [Self; 10] = [
        Self::Connect,
        Self::Helo,
        Self::Mail,
        Self::Rcpt,
        Self::Data,
        Self::Unknown,
        Self::Header,
        Self::EndOfHeader,
        Self::Body,
        Self::EndOfBody,
    ];

    /// The letter of the command.
    #[must_use]
    pub fn letter(self) -> Letter {
        Letter(match self {
            Self::Connect => b'C',
            Self::Helo => b'H',
            Self::Mail => b'M',
            Self::Rcpt => b'R',
            Self::Data => b'T',
            Self::Unknown => b'U',
            Self::Header => b'L',
            Self::EndOfHeader => b'N',
            Self::Body => b'B',
            Self::EndOfBody => b'E',
        })
    }

    /// The command of this letter; `None` for those before which no macros are sent.
    #[must_use]
    pub fn of(letter: Letter) -> Option<Self> {
        Self::ALL.into_iter().find(|stage| stage.letter() == letter)
    }
}

/// Who has connected to the MTA, as the MTA writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connect<'a> {
    /// The client's name that the MTA found, or its address in brackets.
    pub host: &'a [u8],
    /// Its address.
    pub peer: Peer<'a>,
}

/// The address of a client as the MTA writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer<'a> {
    /// `U`: not known.
    Unknown,
    /// `L`: a local socket; the port says nothing.
    Local(u16, &'a [u8]),
    /// `4`: port and address as text.
    Inet(u16, &'a [u8]),
    /// `6`: port and address as text, with or without `IPv6:` before it.
    Inet6(u16, &'a [u8]),
}

/// Where a client is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Client {
    /// An address of the network, never `0.0.0.0` or `::`; an IPv4 address that was mapped into IPv6 is one of IPv4. The
    /// port is 0 where the MTA does not know it.
    Ip(IpAddr, u16),
    /// On the MTA's own machine, over a local socket.
    Local,
    /// Not known, or nothing that can be an address. Never to be trusted for that.
    Unknown,
}

impl Connect<'_> {
    /// Where the client is.
    #[must_use]
    pub fn client(&self) -> Client {
        let (port, text) = match self.peer {
            Peer::Unknown => return Client::Unknown,
            Peer::Local(..) => return Client::Local,
            Peer::Inet(port, text) | Peer::Inet6(port, text) => (port, text),
        };
        let text = text.strip_prefix(b"IPv6:").unwrap_or(text);
        let address = std::str::from_utf8(text).ok().and_then(|text| text.parse::<IpAddr>().ok());
        match address.map(|address| address.to_canonical()) {
            Some(address) if !address.is_unspecified() => Client::Ip(address, port),
            _ => Client::Unknown,
        }
    }
}

impl<'a> Command<'a> {
    /// Reads a packet.
    pub fn decode(packet: Packet<'a>) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(packet.letter, packet.data);
        let command = match packet.letter.0 {
            b'O' => Self::Negotiate(Offer::read(&mut reader)?),
            b'D' => macros(&mut reader)?,
            b'C' => Self::Connect(connect(&mut reader)?),
            b'H' => Self::Helo(reader.string()?),
            b'M' => Self::Mail(reader.arguments()?),
            b'R' => Self::Rcpt(reader.arguments()?),
            b'T' => Self::Data,
            b'L' => Self::Header { name: reader.name()?, value: reader.string()? },
            b'N' => Self::EndOfHeader,
            b'B' => Self::Body(reader.rest()),
            b'E' => Self::EndOfBody(reader.rest()),
            b'A' => Self::Abort,
            b'Q' => Self::Quit,
            b'K' => Self::QuitNewConnection,
            b'U' => Self::Unknown(reader.string()?),
            _ => return Err(reader.flaw(Flaw::Letter)),
        };
        reader.end(command)
    }

    /// The letter of its packet.
    #[must_use]
    pub fn letter(&self) -> Letter {
        match self {
            Self::Negotiate(_) => Letter(b'O'),
            Self::Macros(..) => Letter(b'D'),
            Self::Connect(_) => Stage::Connect.letter(),
            Self::Helo(_) => Stage::Helo.letter(),
            Self::Mail(_) => Stage::Mail.letter(),
            Self::Rcpt(_) => Stage::Rcpt.letter(),
            Self::Data => Stage::Data.letter(),
            Self::Header { .. } => Stage::Header.letter(),
            Self::EndOfHeader => Stage::EndOfHeader.letter(),
            Self::Body(_) => Stage::Body.letter(),
            Self::EndOfBody(_) => Stage::EndOfBody.letter(),
            Self::Abort => Letter(b'A'),
            Self::Quit => Letter(b'Q'),
            Self::QuitNewConnection => Letter(b'K'),
            Self::Unknown(_) => Stage::Unknown.letter(),
        }
    }

    /// Appends the packet, length and all. No text may hold a NUL, no name be empty.
    pub fn encode(&self, out: &mut Vec<u8>) {
        put(out, self.letter(), |out| match self {
            Self::Negotiate(offer) => offer.write(out),
            Self::Macros(stage, pairs) => {
                out.push(stage.letter().0);
                out.extend_from_slice(pairs.wire());
            }
            Self::Connect(connect) => put_connect(out, connect),
            Self::Helo(text) | Self::Unknown(text) => put_string(out, text),
            Self::Mail(arguments) | Self::Rcpt(arguments) => out.extend_from_slice(arguments.wire()),
            Self::Header { name, value } => {
                put_string(out, name);
                put_string(out, value);
            }
            Self::Body(bytes) | Self::EndOfBody(bytes) => out.extend_from_slice(bytes),
            Self::Data | Self::EndOfHeader | Self::Abort | Self::Quit | Self::QuitNewConnection => {}
        });
    }
}

fn macros<'a>(reader: &mut Reader<'a>) -> Result<Command<'a>, DecodeError> {
    let unknown = reader.flaw(Flaw::Stage);
    let stage = Stage::of(Letter(reader.u8()?)).ok_or(unknown)?;
    let pairs = reader.strings()?;
    if pairs.iter().count() % 2 == 1 {
        return Err(reader.flaw(Flaw::Pair));
    }
    Ok(Command::Macros(stage, pairs))
}

fn connect<'a>(reader: &mut Reader<'a>) -> Result<Connect<'a>, DecodeError> {
    let host = reader.string()?;
    let unknown = reader.flaw(Flaw::Family);
    let peer = match reader.u8()? {
        b'U' => Peer::Unknown,
        b'L' => Peer::Local(reader.u16()?, reader.string()?),
        b'4' => Peer::Inet(reader.u16()?, reader.string()?),
        b'6' => Peer::Inet6(reader.u16()?, reader.string()?),
        _ => return Err(unknown),
    };
    Ok(Connect { host, peer })
}

fn put_connect(out: &mut Vec<u8>, connect: &Connect<'_>) {
    put_string(out, connect.host);
    let (family, port, address) = match connect.peer {
        Peer::Unknown => return out.push(b'U'),
        Peer::Local(port, path) => (b'L', port, path),
        Peer::Inet(port, address) => (b'4', port, address),
        Peer::Inet6(port, address) => (b'6', port, address),
    };
    out.push(family);
    out.extend_from_slice(&port.to_be_bytes());
    put_string(out, address);
}

#[cfg(test)]
mod tests;
