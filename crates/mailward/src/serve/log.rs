//! The log: one line a message on standard error. Whatever somebody else chose is in it only as printable ASCII.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Write as _};
use std::io::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use mail::shortened;

use crate::config::LogFormat;

/// Most bytes of a value.
pub const MAX_VALUE: usize = 600;
/// Most lines about one cause of trouble in [`WINDOW`]; the others are counted.
pub const MAX_LINES: u32 = 10;
/// See [`MAX_LINES`].
pub const WINDOW: Duration = Duration::from_secs(60);

/// One line of the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line(Vec<(&'static str, Value)>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Value {
    Text(String),
    Number(u64),
}

impl Line {
    /// A line about this event.
    pub fn new(event: &'static str) -> Self {
        Self(vec![("event", Value::Text(event.to_owned()))])
    }

    /// The same with a text, of which at most [`MAX_VALUE`] bytes are kept and all made printable.
    #[must_use]
    pub fn text(mut self, key: &'static str, text: impl AsRef<[u8]>) -> Self {
        self.0.push((key, Value::Text(shortened(text.as_ref(), MAX_VALUE))));
        self
    }

    /// The same with something that is shown as a text.
    #[must_use]
    pub fn show(self, key: &'static str, what: impl Display) -> Self {
        self.text(key, what.to_string())
    }

    /// The same with a text, if there is one.
    #[must_use]
    pub fn maybe(self, key: &'static str, what: Option<impl Display>) -> Self {
        what.into_iter().fold(self, |line, what| line.show(key, what))
    }

    /// The same with a number.
    #[must_use]
    pub fn number(mut self, key: &'static str, number: u64) -> Self {
        self.0.push((key, Value::Number(number)));
        self
    }

    /// The line as it is written, without its end.
    pub fn written(&self, format: LogFormat) -> String {
        let mut out = String::new();
        for (index, (key, value)) in self.0.iter().enumerate() {
            let gap = match (format, index) {
                (LogFormat::Json, 0) => "{",
                (LogFormat::Json, _) => ",",
                (LogFormat::Logfmt, 0) => "",
                (LogFormat::Logfmt, _) => " ",
            };
            // Writing to a string can't fail.
            let _ = match format {
                LogFormat::Json => write!(out, "{gap}\"{key}\":{}", value.json()),
                LogFormat::Logfmt => write!(out, "{gap}{key}={value}"),
            };
        }
        if format == LogFormat::Json {
            out.push('}');
        }
        out
    }
}

impl Value {
    fn json(&self) -> String {
        match self {
            Self::Text(text) => serde_json::Value::from(text.as_str()).to_string(),
            Self::Number(number) => number.to_string(),
        }
    }
}

/// In logfmt: in quotes where it has to be.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => {
                let is_plain = |b: u8| b.is_ascii_graphic() && !b"\"=\\".contains(&b);
                if !text.is_empty() && text.bytes().all(is_plain) {
                    return f.write_str(text);
                }
                write!(f, "\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
            }
        }
    }
}

/// Where lines go.
pub struct Log {
    format: Mutex<LogFormat>,
    causes: Mutex<BTreeMap<&'static str, Cause>>,
    out: Box<dyn Fn(&str) + Send + Sync>,
}

/// How often something went wrong in this window.
#[derive(Clone, Copy, Debug)]
struct Cause {
    since: Instant,
    lines: u32,
}

impl Log {
    /// To standard error.
    pub fn to_stderr(format: LogFormat) -> Self {
        Self::new(format, |line| {
            // One write a line. There is nobody to tell where the log can't be written.
            let _ = std::io::stderr().write_all(&[line.as_bytes(), b"\n"].concat());
        })
    }

    /// To whoever takes lines.
    pub fn new(format: LogFormat, out: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self { format: Mutex::new(format), causes: Mutex::default(), out: Box::new(out) }
    }

    /// How lines are written from now on.
    pub fn set_format(&self, format: LogFormat) {
        *self.format.lock().unwrap_or_else(PoisonError::into_inner) = format;
    }

    /// Writes a line.
    pub fn write(&self, line: &Line) {
        let format = *self.format.lock().unwrap_or_else(PoisonError::into_inner);
        (self.out)(&line.written(format));
    }

    /// Writes a line about something that may go wrong very often: at most [`MAX_LINES`] for a cause in [`WINDOW`]; the
    /// next one after that says how many were left out.
    pub fn trouble(&self, cause: &'static str, line: Line) {
        if let Some(left_out) = self.admit(cause, Instant::now()) {
            self.write(&if left_out == 0 { line } else { line.number("left_out", left_out.into()) });
        }
    }

    /// Whether a line may be written, and how many before it were not.
    fn admit(&self, cause: &'static str, now: Instant) -> Option<u32> {
        let mut causes = self.causes.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = causes.entry(cause).or_insert(Cause { since: now, lines: 0 });
        let mut left_out = 0;
        if now.duration_since(entry.since) >= WINDOW {
            left_out = entry.lines.saturating_sub(MAX_LINES);
            *entry = Cause { since: now, lines: 0 };
        }
        entry.lines = entry.lines.saturating_add(1);
        (entry.lines <= MAX_LINES).then_some(left_out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_line_whatever_is_in_it() {
        let line = Line::new("message")
            .text("queue", b"4F\r\nx=\"y\"")
            .text("empty", b"")
            .number("n", 7)
            .maybe("none", None::<u8>);
        assert_eq!(
            line.written(LogFormat::Logfmt),
            r#"event=message queue="4F\\x0d\\x0ax=\"y\"" empty="" n=7"#
        );
        assert_eq!(
            line.written(LogFormat::Json),
            r#"{"event":"message","queue":"4F\\x0d\\x0ax=\"y\"","empty":"","n":7}"#
        );
        let wild = Line::new("e").text("v", b"\x1b[2J\0\xff\xe2\x80\xae");
        for format in [LogFormat::Logfmt, LogFormat::Json] {
            assert!(wild.written(format).bytes().all(|b| matches!(b, b' '..=b'~')));
        }
        assert!(Line::new("e").text("v", "a".repeat(10_000)).written(LogFormat::Json).len() < 1000);
    }

    #[test]
    fn dos_14_one_cause_does_not_fill_the_log() {
        let log = Log::new(LogFormat::Json, |_| {});
        let start = Instant::now();
        let admitted = (0..100_000).filter(|_| log.admit("bad", start).is_some()).count();
        assert_eq!(admitted, MAX_LINES as usize);
        assert_eq!(log.admit("other", start), Some(0));
        assert_eq!(log.admit("bad", start + WINDOW), Some(100_000 - MAX_LINES));
        assert_eq!(log.admit("bad", start + WINDOW), Some(0));
    }
}
