//! What will break a signature on the way, seen before it is made: form that relays repair. Nothing here is refused; what
//! makes a header ambiguous is, by [`crate::Refusal`].

use std::fmt;

use mail::{Field, Header};
use memchr::{memchr, memchr3_iter};

use crate::canon::Canon;
use crate::sign::Options;

/// Longest line that relays leave as it is, in bytes without the CRLF (RFC 5322 §2.1.1, RFC 5321 §4.5.3.1.6).
pub const MAX_LINE: usize = 998;

/// What will change on the way. Lines of the body count from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Risk {
    /// A header field has a line of more than [`MAX_LINE`]: relays fold it anew.
    LongField {
        /// Its name, in lower case.
        name: Box<str>,
        /// Its longest line, in bytes.
        bytes: usize,
    },
    /// White space stands between a field's name and its colon. Some relays take it away, and some verifiers, dkimpy among
    /// them, can't read such a header.
    SpacedName {
        /// The name, in lower case.
        name: Box<str>,
    },
    /// The body has a line of more than [`MAX_LINE`]: Postfix breaks it.
    LongLine {
        /// The first such line.
        line: u64,
    },
    /// A CR without LF: Postfix makes it a space, others a line end.
    BareCr {
        /// The first line with one.
        line: u64,
    },
    /// A LF without CR: becomes a line end.
    BareLf {
        /// The line that the first one ends.
        line: u64,
    },
    /// A NUL: is taken away.
    Nul {
        /// The first line with one.
        line: u64,
    },
    /// Bytes beyond ASCII, and the next relay takes none (RFC 6152): it gets the body in another encoding.
    EightBit {
        /// The first line with one.
        line: u64,
    },
}

/// The risk, and what helps.
impl fmt::Display for Risk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LongField { name, bytes } => write!(
                f,
                "the field {name} has a line of {bytes} bytes, which relays will fold anew; fold it before it is signed"
            ),
            Self::SpacedName { name } => write!(
                f,
                "white space before the colon of the field {name}, which some verifiers can't read; take it away"
            ),
            Self::LongLine { line } => write!(
                f,
                "line {line} of the body is longer than {MAX_LINE} bytes and will be broken; send it as quoted-printable or base64"
            ),
            Self::BareCr { line } => {
                write!(f, "line {line} of the body has a carriage return that ends no line; take it away")
            }
            Self::BareLf { line } => {
                write!(f, "line {line} of the body ends with a line feed alone; end it with CR and LF")
            }
            Self::Nul { line } => {
                write!(f, "line {line} of the body has a NUL byte; send the body as base64")
            }
            Self::EightBit { line } => write!(
                f,
                "line {line} of the body has bytes beyond ASCII, which the next relay does not take; \
                 send it as quoted-printable or base64"
            ),
        }
    }
}

/// The risks of one message, from its header and its body as that streams by. Holds a few counters.
#[derive(Clone, Debug)]
pub struct Preflight {
    eight_bit: bool,
    risks: Vec<Risk>,
    /// The line in which the body stands, and how many bytes of it were seen.
    line: u64,
    column: usize,
    /// The last byte was a CR, which is not counted yet.
    cr: bool,
    /// The kinds that were found.
    found: [bool; 5],
}

impl Preflight {
    /// Looks at the header. `eight_bit` is whether every relay that the message can go to next takes 8BITMIME.
    pub fn new(header: &Header, eight_bit: bool) -> Self {
        let risks = header.fields().flat_map(|field| field_risks(&field)).collect();
        Self { eight_bit, risks, line: 1, column: 0, cr: false, found: [false; 5] }
    }

    /// Takes the next bytes of the body, cut anywhere.
    pub fn update(&mut self, chunk: &[u8]) {
        let mut done = 0;
        for at in memchr3_iter(b'\r', b'\n', 0, chunk) {
            self.text(chunk.get(done..at).unwrap_or_default());
            self.special(chunk.get(at).copied().unwrap_or_default());
            done = at + 1;
        }
        self.text(chunk.get(done..).unwrap_or_default());
    }

    /// All risks: those of the header from the top, then one of each kind of the body.
    pub fn finish(mut self) -> Vec<Risk> {
        self.stray_cr();
        self.risks
    }

    fn text(&mut self, text: &[u8]) {
        if text.is_empty() {
            return;
        }
        self.stray_cr();
        if !self.eight_bit && !text.is_ascii() {
            self.find(0, Risk::EightBit { line: self.line });
        }
        self.count(text.len());
    }

    fn special(&mut self, byte: u8) {
        match byte {
            b'\n' => {
                if !std::mem::take(&mut self.cr) {
                    self.find(1, Risk::BareLf { line: self.line });
                }
                self.line = self.line.saturating_add(1);
                self.column = 0;
            }
            b'\r' => {
                self.stray_cr();
                self.cr = true;
            }
            _ => {
                self.stray_cr();
                self.find(2, Risk::Nul { line: self.line });
                self.count(1);
            }
        }
    }

    /// The last byte was a CR, and no LF follows.
    fn stray_cr(&mut self) {
        if std::mem::take(&mut self.cr) {
            self.find(3, Risk::BareCr { line: self.line });
            self.count(1);
        }
    }

    fn count(&mut self, bytes: usize) {
        self.column = self.column.saturating_add(bytes);
        if self.column > MAX_LINE {
            self.find(4, Risk::LongLine { line: self.line });
        }
    }

    fn find(&mut self, kind: usize, risk: Risk) {
        if let Some(found @ false) = self.found.get_mut(kind) {
            *found = true;
            self.risks.push(risk);
        }
    }
}

fn field_risks(field: &Field<'_>) -> impl Iterator<Item = Risk> + use<> {
    let name: Box<str> = mail::printable(field.name).to_lowercase().into();
    let longest =
        field.raw.split(|b| *b == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line).len()).max();
    let long =
        longest.filter(|bytes| *bytes > MAX_LINE).map(|bytes| Risk::LongField { name: name.clone(), bytes });
    let spaced = memchr(b':', field.raw).is_some_and(|colon| colon > field.name.len());
    [long, spaced.then_some(Risk::SpacedName { name })].into_iter().flatten()
}

impl Options {
    /// The form that survives more: a relaxed header, and without those fields that will be folded anew, as far as they may
    /// be left out. Nothing helps a body that will be changed but to send it in another encoding.
    #[must_use]
    pub fn surviving(&self, risks: &[Risk]) -> Self {
        let refolded: Vec<Box<str>> = risks
            .iter()
            .filter_map(|risk| match risk {
                Risk::LongField { name, .. } => Some(name.clone()),
                _ => None,
            })
            .collect();
        if refolded.is_empty() {
            return self.clone();
        }
        Self { header_canon: Canon::Relaxed, fields: self.fields.without(&refolded), ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The risks of a message, the same however its body is cut.
    #[track_caller]
    fn check(header: &str, body: impl AsRef<[u8]>, eight_bit: bool, want: &str) {
        let (header, body) = (Header::parse(header), body.as_ref());
        for size in [1, 2, 3, 500, usize::MAX] {
            let mut preflight = Preflight::new(&header, eight_bit);
            body.chunks(size).for_each(|chunk| preflight.update(chunk));
            let risks: Vec<String> = preflight.finish().iter().map(|risk| format!("{risk:?}")).collect();
            assert_eq!(risks.join("; "), want, "chunks of {size}");
        }
    }

    #[test]
    fn bodies() {
        let from = "From: a@b.example\r\n";
        let plain = |body: &str, want: &str| check(from, body, false, want);
        plain("", "");
        plain("a\r\n\r\nb", "");
        plain("a\r\nb\nc\nd\r\n", "BareLf { line: 2 }");
        plain("\n", "BareLf { line: 1 }");
        plain("a\r\n\rb\r\n", "BareCr { line: 2 }");
        plain("a\r", "BareCr { line: 1 }");
        plain("a\r\r\n", "BareCr { line: 1 }");
        plain("a\r\0\r\n\0", "BareCr { line: 1 }; Nul { line: 1 }");
        plain("a\r\nb\u{e9}\r\n", "EightBit { line: 2 }");
        check(from, "a\r\nb\u{e9}\r\n", true, "");
        let line = "x".repeat(MAX_LINE);
        plain(&format!("{line}\r\n{line}"), "");
        plain(&format!("{line}\r\n{line}x\r\n"), "LongLine { line: 2 }");
        plain(&format!("{line}\0\r\n"), "Nul { line: 1 }; LongLine { line: 1 }");
        plain(&format!("{line}\r"), "BareCr { line: 1 }; LongLine { line: 1 }");
    }

    #[test]
    fn headers() {
        let line = |length: usize| format!("X-Long: {}\r\n", "x".repeat(length - "X-Long: ".len()));
        check(&line(MAX_LINE), "", true, "");
        check(&line(MAX_LINE + 1), "", true, "LongField { name: \"x-long\", bytes: 999 }");
        let folded = format!("{}\t{}\r\n", line(500), "x".repeat(500));
        check(&folded, "", true, "");
        let folded = format!("{}\t{}\r\n", line(500), "x".repeat(998));
        check(&folded, "", true, "LongField { name: \"x-long\", bytes: 999 }");
        check(
            "From : a\r\nTo\t:b\r\n",
            "",
            true,
            "SpacedName { name: \"from\" }; SpacedName { name: \"to\" }",
        );
    }

    #[test]
    fn the_form_that_survives() {
        let options = Options { header_canon: Canon::Simple, ..Options::default() };
        let long = |name: &str| Risk::LongField { name: name.into(), bytes: 1000 };
        let has = |options: &Options, wanted: &str| options.fields.iter().any(|(name, _)| name == wanted);
        assert_eq!(options.surviving(&[Risk::EightBit { line: 1 }]), options);
        let survives = options.surviving(&[long("references"), long("to")]);
        assert_eq!((survives.header_canon, survives.body_canon), (Canon::Relaxed, Canon::Relaxed));
        // An oversigned field stays: without it anybody could add one.
        assert!(!has(&survives, "references") && has(&survives, "to") && has(&survives, "in-reply-to"));
    }
}
