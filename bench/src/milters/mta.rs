//! The MTA's side of a milter connection, which carries one message, as mostly with Postfix: a command and its reply, a
//! field of the header after the other, the body in pieces. What a filter has agreed to leave out is left out.

use std::io::{self, BufReader, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use milter::Strings;
use milter::command::{Command, Connect, Peer, Stage};
use milter::options::{Actions, Offer, Steps};

use crate::workload::Mail;

/// What Postfix 3.7 offers.
const OFFER: Offer = Offer { version: 6, actions: Actions(0x1ff), steps: Steps(0x1f_ffff) };
/// The longest piece of a body that Postfix sends.
pub const PIECE: usize = 65_535;

/// A header field as a filter has put it in: name and value.
pub type Field = (Vec<u8>, Vec<u8>);

/// What is sent, and after how many bytes of it a reply is waited for.
#[derive(Clone, Default)]
pub struct Script {
    bytes: Vec<u8>,
    stops: Vec<usize>,
}

/// A message as one filter wants it.
pub struct Scripts {
    envelope: Script,
    header: Script,
    body: Script,
    end: Script,
}

/// A connection to a filter.
pub struct Connection {
    stream: BufReader<UnixStream>,
    agreed: Steps,
    /// What is sent with the next command that is answered.
    waiting: Vec<u8>,
}

/// What came of one message.
#[derive(Default)]
pub struct Trip {
    /// What the filter put in, first to last.
    pub fields: Vec<Field>,
    /// How long it took from the end of the message to the last word.
    pub end: Duration,
}

impl Script {
    /// Appends a command, unless the bit `without` is agreed on; with `silent`, no reply to it is waited for.
    fn put(&mut self, agreed: Steps, command: &Command<'_>, without: u32, silent: u32) {
        if agreed.0 & without != 0 {
            return;
        }
        command.encode(&mut self.bytes);
        if agreed.0 & silent == 0 {
            self.stops.push(self.bytes.len());
        }
    }

    fn macros(&mut self, stage: Stage, pairs: &str) {
        Command::Macros(stage, Strings::new(pairs.as_bytes()).expect("it ends with a NUL"))
            .encode(&mut self.bytes);
    }

    /// A header field, its value as behind the colon.
    fn field(&mut self, agreed: Steps, name: &[u8], value: &[u8]) {
        let space = agreed.have(Steps::LEADING_SPACE);
        let value = if space { value } else { value.strip_prefix(b" ").unwrap_or(value) };
        let value: Vec<u8> = value.iter().copied().filter(|byte| *byte != b'\r').collect();
        self.put(agreed, &Command::Header { name, value: &value }, 0x20, 0x80);
    }

    /// A piece of a body.
    pub fn piece(agreed: Steps, piece: &[u8]) -> Self {
        let mut script = Self::default();
        script.put(agreed, &Command::Body(piece), 0x10, 0x8_0000);
        script
    }
}

impl Scripts {
    /// The message for a filter with which this was agreed on.
    pub fn new(mail: &Mail, agreed: Steps) -> Self {
        let ip = mail.envelope.client.expect("every client has an address").to_string();
        let (header, body) = mail::header::split(&mail.bytes);
        let mut envelope = Script::default();
        let peer = Peer::Inet(4711, ip.as_bytes());
        envelope.macros(Stage::Connect, "j\0mx.receiver.example\0{daemon_name}\0in\0");
        envelope.put(agreed, &Command::Connect(Connect { host: mail.helo.as_bytes(), peer }), 0x1, 0x1000);
        envelope.put(agreed, &Command::Helo(mail.helo.as_bytes()), 0x2, 0x2000);
        envelope.macros(Stage::Mail, "{auth_authen}\0\0i\x004Zx0000000\0");
        let sender = format!("<{}>\0", mail.mail_from);
        let sender = Strings::new(sender.as_bytes()).expect("it ends with a NUL");
        envelope.put(agreed, &Command::Mail(sender), 0x4, 0x4000);
        let recipient = Strings::new(b"<alice@receiver.example>\0").expect("it ends with a NUL");
        envelope.put(agreed, &Command::Rcpt(recipient), 0x8, 0x8000);
        envelope.put(agreed, &Command::Data, 0x200, 0x1_0000);
        let mut fields = Script::default();
        for field in header.fields() {
            fields.field(agreed, field.name, field.value);
        }
        fields.put(agreed, &Command::EndOfHeader, 0x40, 0x4_0000);
        let mut pieces = Script::default();
        for piece in body.chunks(PIECE) {
            pieces.put(agreed, &Command::Body(piece), 0x10, 0x8_0000);
        }
        let mut end = Script::default();
        end.macros(Stage::EndOfBody, "i\x004Zx0000000\0");
        end.put(agreed, &Command::EndOfBody(b""), 0, 0);
        Self { envelope, header: fields, body: pieces, end }
    }
}

impl Connection {
    /// Connects and negotiates.
    pub fn open(socket: &Path) -> io::Result<Self> {
        let stream = BufReader::new(UnixStream::connect(socket)?);
        let mut connection = Self { stream, agreed: Steps(0), waiting: Vec::new() };
        let mut offer = Script::default();
        offer.put(Steps(0), &Command::Negotiate(OFFER), 0, 0);
        connection.stream.get_mut().write_all(&offer.bytes)?;
        let mut head = [0; 5];
        connection.stream.read_exact(&mut head)?;
        let mut data = vec![0; length(head)];
        connection.stream.read_exact(&mut data)?;
        let steps = data.get(8..12).and_then(|steps| steps.try_into().ok()).ok_or(ErrorKind::InvalidData)?;
        connection.agreed = Steps(u32::from_be_bytes(steps));
        Ok(connection)
    }

    /// What was agreed on.
    pub fn agreed(&self) -> Steps {
        self.agreed
    }

    /// Shows the filter a message on top of which others have put fields.
    pub fn show(&mut self, mail: &Scripts, on_top: &[Field]) -> io::Result<Trip> {
        self.begin(mail, on_top)?;
        self.play(&mail.body)?;
        self.end(mail)
    }

    /// All before the body.
    pub fn begin(&mut self, mail: &Scripts, on_top: &[Field]) -> io::Result<()> {
        self.play(&mail.envelope)?;
        let mut new = Script::default();
        on_top.iter().for_each(|(name, value)| new.field(self.agreed, name, value));
        self.play(&new)?;
        self.play(&mail.header).map(drop)
    }

    /// The end, and what the filter makes of the message.
    pub fn end(&mut self, mail: &Scripts) -> io::Result<Trip> {
        let start = Instant::now();
        let fields = self.play(&mail.end)?;
        Ok(Trip { fields, end: start.elapsed() })
    }

    /// Sends what is to be sent, and gives the fields that the filter puts in.
    pub fn play(&mut self, script: &Script) -> io::Result<Vec<Field>> {
        let (mut start, mut fields) = (0, Vec::new());
        for &stop in &script.stops {
            let bytes = &script.bytes[start..stop];
            start = stop;
            if self.waiting.is_empty() {
                self.stream.get_mut().write_all(bytes)?;
            } else {
                self.waiting.extend_from_slice(bytes);
                self.stream.get_mut().write_all(&self.waiting)?;
                self.waiting.clear();
            }
            match self.reply(&mut fields)? {
                b'c' | b'a' => {}
                // No more of the body is wanted.
                b's' => return Ok(fields),
                other => {
                    return Err(io::Error::other(format!("the filter says {:?}", char::from(other))));
                }
            }
        }
        self.waiting.extend_from_slice(&script.bytes[start..]);
        Ok(fields)
    }

    /// The letter of the reply that answers.
    fn reply(&mut self, fields: &mut Vec<Field>) -> io::Result<u8> {
        loop {
            let mut head = [0; 5];
            self.stream.read_exact(&mut head)?;
            let letter = head[4];
            let mut data = vec![0; length(head)];
            self.stream.read_exact(&mut data)?;
            match letter {
                b'i' => fields.push(field(&data[4..])),
                b'h' => fields.push(field(&data)),
                // Progress; other changes.
                b'p' | b'm' | b'q' | b'+' | b'-' => {}
                _ => return Ok(letter),
            }
        }
    }
}

/// Of a packet's data.
fn length(head: [u8; 5]) -> usize {
    let [a, b, c, d, _] = head;
    (u32::from_be_bytes([a, b, c, d]) as usize).saturating_sub(1)
}

fn field(data: &[u8]) -> Field {
    let mut strings = data.split(|byte| *byte == 0);
    let mut next = || strings.next().unwrap_or_default().to_vec();
    (next(), next())
}
