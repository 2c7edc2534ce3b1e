//! A DKIM-Signature field as text: its tags in their order, folded so that no relay has a reason to fold it anew.

use mail::{Field, Header, UnixTime};

use super::{LATEST, Request};
use crate::sign_fields::{FieldList, Selection};
use crate::values::to_base64;
use crate::verify::FIELD;

/// Longest line, in characters, without its CRLF (RFC 5322 §2.1.1); only a long name in d=, s= or i= makes a longer one.
pub const MAX_LINE: usize = 78;
/// Most text of copied fields, z=, in characters; a field that does not fit is left out.
pub const MAX_COPIED: usize = 8 * 1024;

/// The value of a signature's field, in lines of at most [`MAX_LINE`]. Every fold is a CRLF and one space.
#[derive(Clone, Debug)]
pub struct Folded {
    text: String,
    column: usize,
}

impl Folded {
    /// Begins the value of the field `name`, behind its colon and one space.
    pub fn new(name: &str) -> Self {
        Self { text: String::with_capacity(2048), column: name.len() + 2 }
    }

    /// Appends a word, behind a space or a fold.
    pub fn word(&mut self, parts: &[&str]) {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        if self.column + 1 + length > MAX_LINE {
            self.fold();
        } else {
            self.text.push(' ');
            self.column += 1;
        }
        self.text.extend(parts.iter().copied());
        self.column += length;
    }

    /// Appends more of a word that may be folded here.
    pub fn more(&mut self, parts: &[&str]) {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        if self.column + length > MAX_LINE {
            self.fold();
        }
        self.text.extend(parts.iter().copied());
        self.column += length;
    }

    fn fold(&mut self) {
        self.text.push_str("\r\n ");
        self.column = 1;
    }

    /// What there is so far.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The value.
    pub fn into_string(self) -> String {
        self.text
    }
}

/// The value of the field up to `b=`, which is the last tag (RFC 6376 §3.5).
pub(super) fn until_b(
    request: &Request,
    signed: &Selection,
    header: &Header,
    now: UnixTime,
    body_hash: &[u8],
) -> Folded {
    let options = &request.options;
    let mut field = Folded::new(FIELD);
    field.more(&["v=1;"]);
    field.word(&["a=", request.key.algorithm().as_str(), ";"]);
    field.word(&["c=", options.header_canon.as_str(), "/", options.body_canon.as_str(), ";"]);
    field.word(&["d=", request.domain.as_str(), ";"]);
    field.word(&["s=", request.selector.as_str(), ";"]);
    if let Some(identity) = &options.identity {
        let local: String = identity.local().bytes().map(quoted).collect();
        field.word(&["i=", &local, "@", identity.domain().as_str(), ";"]);
    }
    if options.timestamp {
        field.word(&["t=", &now.to_string(), ";"]);
    }
    if let Some(seconds) = options.expires_after {
        let expires = now.0.saturating_add(seconds.get()).min(LATEST);
        field.word(&["x=", &expires.to_string(), ";"]);
    }
    put_names(&mut field, signed.names(&options.fields));
    field.word(&["bh=", &to_base64(body_hash), ";"]);
    if options.copy_fields {
        put_copies(&mut field, &options.fields, header);
    }
    field.word(&["b="]);
    field
}

/// b=, whose value may be folded anywhere.
pub fn put_b(field: &mut Folded, signature: &[u8]) {
    let text = to_base64(signature);
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let room = MAX_LINE.saturating_sub(field.column);
        let (line, after) = rest.split_at_checked(room).unwrap_or((rest, ""));
        field.more(&[line]);
        if !after.is_empty() {
            field.fold();
        }
        rest = after;
    }
}

/// RFC 6376 §3.5 h=: names with colons between them, white space allowed around the colons.
pub fn put_names<'a>(field: &mut Folded, names: impl Iterator<Item = &'a str>) {
    let mut names = names.peekable();
    let mut first = true;
    while let Some(name) = names.next() {
        let end = if names.peek().is_some() { ":" } else { ";" };
        if std::mem::take(&mut first) {
            field.word(&["h=", name, end]);
        } else {
            field.more(&[name, end]);
        }
    }
}

/// RFC 6376 §3.5 z=: the signed fields that are there, name and value, in quoted-printable with bars between them.
fn put_copies(field: &mut Folded, list: &FieldList, header: &Header) {
    let (mut first, mut length) = (true, 0);
    for copied in list.iter().flat_map(|(name, _)| header.named(name)) {
        let pieces = pieces(&copied);
        length += pieces.iter().map(String::len).sum::<usize>();
        if length > MAX_COPIED {
            break;
        }
        let mut pieces = pieces.iter();
        let name = pieces.next().map(String::as_str).unwrap_or_default();
        if std::mem::take(&mut first) {
            field.word(&["z=", name]);
        } else {
            field.more(&["|", name]);
        }
        pieces.for_each(|piece| field.more(&[piece]));
    }
    if !first {
        field.more(&[";"]);
    }
}

/// A copied field in pieces between which it can be folded: the name with its colon, then each byte of the value.
fn pieces(field: &Field<'_>) -> Vec<String> {
    let name = format!("{}:", mail::printable(field.name));
    // Some verifiers find b= by looking for that text, and RFC 6376 §2.11 lets any byte be encoded.
    let value = field.value.iter().map(|byte| if *byte == b'b' { "=62".to_owned() } else { quoted(*byte) });
    std::iter::once(name).chain(value).collect()
}

/// RFC 6376 §2.11 dkim-quoted-printable: visible ASCII without `;` and `=`, and for z= without `|`, as it is.
fn quoted(byte: u8) -> String {
    match byte {
        b';' | b'=' | b'|' => format!("={byte:02X}"),
        b'!'..=b'~' => char::from(byte).to_string(),
        _ => format!("={byte:02X}"),
    }
}
