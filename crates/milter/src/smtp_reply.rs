//! The words of a refusal: code, enhanced code and text, safe to put on an SMTP connection.

/// The longest line of a text, in octets: with codes and line end it stays within RFC 5321 §4.5.3.1.5, also when each
/// octet is a doubled `%`.
pub const MAX_LINE: usize = 240;
/// The most lines of a text.
pub const MAX_LINES: usize = 16;

/// A refusal, for now (4xx) or for good (5xx).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SmtpReply {
    code: u16,
    enhanced: (u16, u16),
    lines: Vec<String>,
}

/// A code that is no refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SmtpReplyError {
    /// RFC 5321 §4.2.1 has no other refusals.
    #[error("{0} is no refusal: 400 to 599")]
    Code(u16),
    /// RFC 3463 §2: each number has up to three digits.
    #[error("{0} is too large for an enhanced code")]
    Enhanced(u16),
}

impl SmtpReply {
    /// A code, the enhanced code's second and third number (the first is the code's), and a text. Of the text only printable
    /// ASCII is kept, the rest becomes `?`; line ends make several lines, as do [`MAX_LINE`] octets; what is more than
    /// [`MAX_LINES`] is left out.
    pub fn new(code: u16, enhanced: (u16, u16), text: &str) -> Result<Self, SmtpReplyError> {
        if !(400..=599).contains(&code) {
            return Err(SmtpReplyError::Code(code));
        }
        if let Some(large) = [enhanced.0, enhanced.1].into_iter().find(|number| *number > 999) {
            return Err(SmtpReplyError::Enhanced(large));
        }
        Ok(Self { code, enhanced, lines: lines(text) })
    }

    /// As the protocol wants it: a text of one or more lines of SMTP, each `%` doubled because Sendmail takes it for a
    /// format (Postfix undoes that).
    #[must_use]
    pub fn to_wire(&self) -> Vec<u8> {
        let (code, (subject, detail)) = (self.code, self.enhanced);
        let class = code / 100;
        let last = self.lines.len() - 1;
        let line = |(index, text): (usize, &String)| {
            let more = if index < last { '-' } else { ' ' };
            format!("{code}{more}{class}.{subject}.{detail} {}", text.replace('%', "%%"))
        };
        self.lines.iter().enumerate().map(line).collect::<Vec<_>>().join("\r\n").into_bytes()
    }
}

/// At least one line, each printable and short enough.
fn lines(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for line in text.lines().map(str::trim_end) {
        let clean = line.chars().map(|char| if matches!(char, ' '..='~') { char } else { '?' });
        let clean: Vec<char> = clean.collect();
        lines.extend(clean.chunks(MAX_LINE).map(|piece| piece.iter().collect::<String>()));
    }
    lines.truncate(MAX_LINES);
    if lines.is_empty() {
        lines.push(String::from("refused"));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(code: u16, enhanced: (u16, u16), text: &str, expected: &str) {
        let wire = SmtpReply::new(code, enhanced, text).map(|reply| reply.to_wire());
        let shown = wire.map_or_else(|error| error.to_string(), |wire| wire.escape_ascii().to_string());
        assert_eq!(shown, expected, "{text:?}");
    }

    #[test]
    fn net_09_texts_are_one_or_more_lines_of_printable_ascii() {
        check(550, (7, 1), "no", "550 5.7.1 no");
        check(451, (7, 0), "one\ntwo\r\nthree", r"451-4.7.0 one\r\n451-4.7.0 two\r\n451 4.7.0 three");
        check(550, (7, 1), "100 % of %d", "550 5.7.1 100 %% of %%d");
        check(550, (7, 1), "a\0b\rc\x1b[0m\u{202e}\u{e9}\t", "550 5.7.1 a?b?c?[0m??");
        check(550, (7, 1), "", "550 5.7.1 refused");
        check(550, (7, 1), "\n\n", "550 5.7.1 refused");
    }

    #[test]
    fn codes() {
        check(399, (0, 0), "x", "399 is no refusal: 400 to 599");
        check(400, (0, 0), "x", "400 4.0.0 x");
        check(599, (999, 999), "x", "599 5.999.999 x");
        check(600, (0, 0), "x", "600 is no refusal: 400 to 599");
        check(550, (1000, 0), "x", "1000 is too large for an enhanced code");
    }

    #[test]
    fn net_09_long_texts_are_cut() {
        let long = "%".repeat(MAX_LINE * MAX_LINES + 1);
        let wire = SmtpReply::new(550, (999, 999), &long).unwrap().to_wire();
        let lines: Vec<&[u8]> = wire.split(|byte| *byte == b'\n').collect();
        assert_eq!(lines.len(), MAX_LINES);
        assert!(lines.iter().all(|line| line.len() + 2 <= 512));
        assert_eq!(wire.iter().filter(|byte| **byte == b'%').count(), 2 * MAX_LINE * MAX_LINES);
    }
}
