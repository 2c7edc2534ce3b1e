//! The content of a pasted record, read for what was meant.

use mail::{Finding, Span};

use super::head::{self, Head};
use super::{MAX_FINDINGS, Oddity, Pasted, published};
use crate::name::unescape;

/// A character of the pasted text; `None` for a byte that is not UTF-8.
#[derive(Clone, Copy)]
pub(super) struct Char {
    pub(super) value: Option<char>,
    pub(super) span: Span,
}

pub(super) fn read(text: &[u8]) -> Pasted {
    let chars = characters(text);
    let head = head::read(&chars);
    let start = head.as_ref().map_or(0, |h| h.next);
    let last_quote = chars.iter().rposition(|c| is_double_quote(c.value));
    let mut scan = Scan {
        text,
        chars: &chars,
        last_quote,
        at: start,
        meant: Vec::new(),
        sources: Vec::new(),
        findings: Vec::new(),
    };
    let content = chars.get(start).map_or(&[][..], |c| text.get(c.span.start..).unwrap_or_default());
    scan.skip_space();
    let strings = head.is_some() || scan.peek().is_some_and(|c| c == '(' || is_quote(Some(c)));
    if let Some(Head { spf: Some(span), .. }) = head {
        scan.note(Oddity::TypeSpf, span, None);
    }
    if strings {
        scan.strings(head.is_some());
    } else {
        scan.value();
    }
    let Scan { meant, sources, findings, .. } = scan;
    let end = sources.last().map_or(text.len(), |s| s.end);
    let text =
        if head.is_some() { published::from_zone_line(content) } else { published::from_form(content) };
    Pasted { line: head.map(|h| h.line), text, meant, findings, sources, end }
}

fn characters(text: &[u8]) -> Vec<Char> {
    let mut chars = Vec::with_capacity(text.len());
    let mut at = 0;
    let mut push = |value, len| {
        chars.push(Char { value, span: Span::new(at, at + len) });
        at += len;
    };
    for chunk in text.utf8_chunks() {
        chunk.valid().chars().for_each(|c| push(Some(c), c.len_utf8()));
        chunk.invalid().iter().for_each(|_| push(None, 1));
    }
    chars
}

struct Scan<'a> {
    text: &'a [u8],
    chars: &'a [Char],
    last_quote: Option<usize>,
    at: usize,
    meant: Vec<u8>,
    sources: Vec<Span>,
    findings: Vec<Finding>,
}

impl Scan<'_> {
    /// A value as a form takes it.
    fn value(&mut self) {
        let end = self.chars.iter().rposition(|c| !is_space(c.value)).map_or(0, |at| at + 1);
        while let Some(c) = self.chars.get(self.at).filter(|_| self.at < end).copied() {
            if is_double_quote(c.value) && self.at + 1 == end {
                self.lonely_quote(c);
                self.at += 1;
            } else if c.value == Some('\\') && self.peek_at(1) == Some(';') {
                let span = Span::new(c.span.start, c.span.end + 1);
                self.note(Oddity::EscapedSemicolon, span, None);
                self.push(b";", span);
                self.at += 2;
            } else {
                self.character(c);
                self.at += 1;
            }
        }
    }

    /// The strings of a zone line, or of a value that begins with a quote or a parenthesis.
    fn strings(&mut self, zone_line: bool) {
        let mut words: Option<(Span, usize)> = None;
        let mut comment: Option<Span> = None;
        let mut last_was_word = false;
        let mut open = false;
        loop {
            let before = self.at;
            let broke = self.skip_space();
            let Some(c) = self.chars.get(self.at).copied() else { break };
            let begun = !self.meant.is_empty();
            if broke && begun && !open && !is_double_quote(c.value) && c.value != Some(')') {
                let rest = Span::new(c.span.start, self.text.len());
                self.note(Oddity::MoreLines, rest, None);
                break;
            }
            match c.value {
                Some('(') if !open && !last_was_word => {
                    open = true;
                    self.at += 1;
                }
                Some(')') if open => {
                    open = false;
                    self.at += 1;
                }
                Some(';') if !last_was_word => self.skip_line(),
                value if is_double_quote(value) && self.has_partner() || (!begun && is_quote(value)) => {
                    if broke && begun && !open {
                        self.note(Oddity::LineBreak, self.gap(before), None);
                    }
                    if last_was_word {
                        self.push(b" ", self.gap(before));
                    }
                    self.quoted(c);
                    last_was_word = false;
                }
                _ => {
                    if begun {
                        self.push(b" ", self.gap(before));
                    }
                    let (span, semicolon) = self.word();
                    comment = comment.or(semicolon);
                    words = Some(words.map_or((span, 1), |(all, n)| (Span::new(all.start, span.end), n + 1)));
                    last_was_word = true;
                }
            }
        }
        if let Some((span, count)) = words.filter(|_| zone_line) {
            if count > 1 {
                self.note(Oddity::Unquoted, span, None);
            }
            if let Some(at) = comment {
                self.note(Oddity::UnquotedSemicolon, Span::new(at.start, span.end), None);
            }
        }
    }

    /// A quoted string, from its opening quote to its closing one, or to the end of the line.
    fn quoted(&mut self, opening: Char) {
        self.odd_quote(opening);
        let close = self.closing(opening.value);
        if close.is_none() {
            self.note(Oddity::UnclosedQuote, opening.span, None);
        }
        let end = close.unwrap_or_else(|| self.end_of_line());
        self.at += 1;
        while let Some(c) = self.chars.get(self.at).filter(|_| self.at < end).copied() {
            if c.value == Some('\\') {
                self.escape(c, end);
            } else {
                self.character(c);
                self.at += 1;
            }
        }
        if let Some(c) = close.and_then(|at| self.chars.get(at)).copied() {
            self.odd_quote(c);
            self.at += 1;
        }
    }

    /// The index of the quote that closes the one that stands here: a single quote by a single one before white space,
    /// a straight one by the next straight one or else by a curly one, a curly one by any.
    fn closing(&self, opening: Option<char>) -> Option<usize> {
        let mut curly = None;
        let mut at = self.at + 1;
        while let Some(c) = self.chars.get(at) {
            if is_single_quote(opening) {
                if is_single_quote(c.value) && self.chars.get(at + 1).is_none_or(|c| is_space(c.value)) {
                    return Some(at);
                }
            } else if is_double_quote(c.value) {
                if c.value == Some('"') || opening != Some('"') {
                    return Some(at);
                }
                curly = curly.or(Some(at));
            }
            at += if c.value == Some('\\') { 2 } else { 1 };
        }
        curly
    }

    /// Whether another double quote follows the one that stands here.
    fn has_partner(&self) -> bool {
        self.last_quote.is_some_and(|last| last > self.at)
    }

    /// A word without quotes; where it stands, and where its first semicolon does.
    fn word(&mut self) -> (Span, Option<Span>) {
        let start = self.here();
        let mut semicolon = None;
        let mut end = start;
        while let Some(c) = self.chars.get(self.at).copied() {
            if is_space(c.value) || is_double_quote(c.value) && self.has_partner() {
                break;
            }
            end = c.span.end;
            match c.value {
                Some('\\') => {
                    self.escape(c, self.chars.len());
                    continue;
                }
                Some(';') => semicolon = semicolon.or(Some(c.span)),
                _ => {}
            }
            if is_double_quote(c.value) {
                self.lonely_quote(c);
            } else {
                self.character(c);
            }
            self.at += 1;
        }
        (Span::new(start, end), semicolon)
    }

    /// RFC 1035 §5.1: a backslash and three digits, or and the character that is meant.
    fn escape(&mut self, backslash: Char, end: usize) {
        let len = if self.peek_at(1).is_some_and(|c| c.is_ascii_digit()) { 4 } else { 2 };
        let last = (self.at + len).min(end);
        let span = Span::new(
            backslash.span.start,
            self.chars.get(last - 1).map_or(backslash.span.end, |c| c.span.end),
        );
        let mut bytes = self.text.get(backslash.span.end..span.end).unwrap_or_default().iter().copied();
        match unescape(&mut bytes) {
            Ok(value) if bytes.len() == 0 => {
                self.push(&[value], span);
                self.at = last;
            }
            _ => {
                self.push(b"\\", backslash.span);
                self.at += 1;
            }
        }
    }

    /// One character of the text, as it was meant.
    fn character(&mut self, c: Char) {
        let replacement = match c.value {
            Some('\r' | '\n') => Some((Oddity::LineBreak, " ")),
            Some('\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe58}' | '\u{fe63}' | '\u{ff0d}') => {
                Some((Oddity::Dash, "-"))
            }
            Some('\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' | '\u{ad}' | '\u{202a}'..='\u{202e}') => {
                Some((Oddity::Invisible, ""))
            }
            Some('\u{2018}'..='\u{201b}' | '\u{2bc}' | '\u{ff07}') => Some((Oddity::Apostrophe, "'")),
            Some(value) if value.is_whitespace() && !value.is_ascii() => Some((Oddity::Space, " ")),
            _ => None,
        };
        match replacement {
            Some((Oddity::LineBreak, _)) => {
                // One space for the whole break, with the indentation of the next line.
                let again = self
                    .findings
                    .last()
                    .is_some_and(|f| f.code == "paste-line-break" && f.span.end == c.span.start);
                self.note(Oddity::LineBreak, c.span, None);
                if !again {
                    self.push(b" ", c.span);
                }
            }
            Some((oddity, meant)) => {
                self.note(oddity, c.span, c.value);
                self.push(meant.as_bytes(), c.span);
            }
            None => {
                let bytes = self.text.get(c.span.range()).unwrap_or_default();
                for (index, &byte) in bytes.iter().enumerate() {
                    self.push(&[byte], Span::new(c.span.start + index, c.span.start + index + 1));
                }
            }
        }
    }

    fn odd_quote(&mut self, c: Char) {
        match c.value {
            Some('"') => {}
            Some('\'') => self.note(Oddity::SingleQuote, c.span, None),
            _ => self.note(Oddity::CurlyQuote, c.span, c.value),
        }
    }

    fn lonely_quote(&mut self, c: Char) {
        self.odd_quote(c);
        self.note(Oddity::UnclosedQuote, c.span, None);
    }

    /// Keeps a finding; the same again right behind it only makes it longer.
    fn note(&mut self, oddity: Oddity, span: Span, written: Option<char>) {
        let written = written.map(|c| format!(" (U+{:04X})", u32::from(c))).unwrap_or_default();
        let finding = oddity.finding(span, &written);
        let full = self.findings.len() >= MAX_FINDINGS;
        match self.findings.last_mut() {
            Some(last) if last.code == finding.code && last.span.end == span.start => {
                last.span.end = span.end
            }
            _ if full => {}
            _ => self.findings.push(finding),
        }
    }

    fn push(&mut self, bytes: &[u8], source: Span) {
        self.meant.extend(bytes);
        self.sources.extend(bytes.iter().map(|_| source));
    }

    /// Passes white space; whether it held a line break.
    fn skip_space(&mut self) -> bool {
        let mut broke = false;
        while let Some(c) = self.chars.get(self.at).filter(|c| is_space(c.value)).copied() {
            if !matches!(c.value, Some(' ' | '\t' | '\r' | '\n')) {
                self.note(Oddity::Space, c.span, c.value);
            }
            broke |= c.value == Some('\n');
            self.at += 1;
        }
        broke
    }

    fn skip_line(&mut self) {
        self.at = self.end_of_line();
    }

    fn end_of_line(&self) -> usize {
        let rest = self.chars.get(self.at..).unwrap_or_default();
        self.at + rest.iter().take_while(|c| c.value != Some('\n')).count()
    }

    fn here(&self) -> usize {
        self.chars.get(self.at).map_or(self.text.len(), |c| c.span.start)
    }

    /// From a character before to the one that is read now.
    fn gap(&self, before: usize) -> Span {
        Span::new(self.chars.get(before).map_or(0, |c| c.span.start), self.here())
    }

    fn peek(&self) -> Option<char> {
        self.peek_at(0)
    }

    fn peek_at(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).and_then(|c| c.value)
    }
}

pub(super) fn is_space(c: Option<char>) -> bool {
    c.is_some_and(char::is_whitespace)
}

pub(super) fn is_double_quote(c: Option<char>) -> bool {
    matches!(c, Some('"' | '\u{201c}'..='\u{201f}' | '\u{2033}' | '\u{ab}' | '\u{bb}' | '\u{ff02}'))
}

pub(super) fn is_single_quote(c: Option<char>) -> bool {
    matches!(c, Some('\'' | '\u{2018}'..='\u{201b}'))
}

fn is_quote(c: Option<char>) -> bool {
    is_double_quote(c) || is_single_quote(c)
}
