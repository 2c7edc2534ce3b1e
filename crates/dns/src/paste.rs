//! Records as people paste them: a value or a whole zone line, with what word processors and web pages do to it.

mod head;
mod published;
mod scan;

use mail::{Finding, Severity, Span};

use crate::name::Name;
use crate::question::RecordType;

/// Longest text that is read, in bytes.
pub const MAX_PASTE: usize = 64 << 10;
/// Most findings that are kept.
pub const MAX_FINDINGS: usize = 64;

/// What a pasted text says, and what it was probably meant to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pasted {
    /// What stood before the record's content, if it was a zone line.
    pub line: Option<Line>,
    /// The record's text as a name server would publish it.
    pub text: Vec<u8>,
    /// The record's text as it was probably meant; the same as `text` where nothing is odd.
    pub meant: Vec<u8>,
    /// What is odd, with spans in the pasted text.
    pub findings: Vec<Finding>,
    /// For each byte of `meant` the bytes of the pasted text that it stands for.
    sources: Vec<Span>,
    /// Where the content ends in the pasted text.
    end: usize,
}

/// The start of a zone line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The owner, if it is written and is a name other than `@`. Without a dot at its end it is taken as absolute, for
    /// nobody says here what the origin is.
    pub owner: Option<Name>,
    /// Where the owner stands; empty where there is none.
    pub owner_span: Span,
    /// The type of record.
    pub rtype: RecordType,
}

impl Pasted {
    /// Where in the pasted text a stretch of `meant` comes from.
    pub fn span_in_paste(&self, span: Span) -> Span {
        let start = self.sources.get(span.start).map_or(self.end, |s| s.start);
        let last = span.end.checked_sub(1).filter(|_| span.end > span.start);
        let end = last.map_or(start, |at| self.sources.get(at).map_or(self.end, |s| s.end));
        Span::new(start, end)
    }
}

/// Reads a pasted text, of which at most [`MAX_PASTE`] bytes count. Something always comes out; of a zone line, only the
/// first is read.
pub fn read(text: impl AsRef<[u8]>) -> Pasted {
    let whole = text.as_ref();
    let text = whole.get(..MAX_PASTE).unwrap_or(whole);
    let mut pasted = scan::read(text);
    if text.len() < whole.len() {
        let rest = Span::new(text.len(), whole.len());
        let message = format!("more than {MAX_PASTE} bytes; the rest is not read");
        pasted.findings.push(Finding::new("paste-too-long", Severity::Error, rest, message));
    }
    pasted.findings.sort_by_key(|f| (f.span.start, f.span.end));
    pasted.findings.truncate(MAX_FINDINGS);
    pasted
}

/// One thing that happens to records on their way through documents, mails and web pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Oddity {
    CurlyQuote,
    SingleQuote,
    Apostrophe,
    UnclosedQuote,
    Dash,
    Space,
    Invisible,
    EscapedSemicolon,
    Unquoted,
    UnquotedSemicolon,
    LineBreak,
    MoreLines,
    TypeSpf,
}

impl Oddity {
    fn finding(self, span: Span, written: &str) -> Finding {
        use Severity::{Error, Warning};
        let (code, severity, message, help) = match self {
            Self::CurlyQuote => (
                "paste-curly-quote",
                Error,
                "a typographic quote, which DNS takes as part of the text",
                "write the straight quote \" (or none, in a web form)",
            ),
            Self::SingleQuote => (
                "paste-single-quote",
                Error,
                "a single quote, which DNS takes as part of the text",
                "write the straight double quote \" (or none, in a web form)",
            ),
            Self::Apostrophe => {
                ("paste-apostrophe", Error, "a typographic apostrophe", "write the straight one, '")
            }
            Self::UnclosedQuote => (
                "paste-unclosed-quote",
                Error,
                "this quote has no partner",
                "quote the text at both ends, or at none",
            ),
            Self::Dash => {
                ("paste-dash", Error, "a dash that is not the minus sign of the keyboard", "write -")
            }
            Self::Space => ("paste-space", Error, "a space that is not the plain one", "write a plain space"),
            Self::Invisible => (
                "paste-invisible",
                Error,
                "an invisible character",
                "delete it; typing the text anew is the safest",
            ),
            Self::EscapedSemicolon => (
                "paste-escaped-semicolon",
                Warning,
                "the backslash before a semicolon belongs to zone files; elsewhere it becomes part of the text",
                "write ; alone, unless this goes into a zone file or your form asks for \\;",
            ),
            Self::Unquoted => (
                "paste-unquoted",
                Error,
                "without quotes every word is a string of its own, and the spaces between them are lost",
                "put the whole text into straight quotes \"",
            ),
            Self::UnquotedSemicolon => (
                "paste-unquoted-semicolon",
                Error,
                "without quotes a semicolon begins a comment: nothing from here on is published",
                "put the whole text into straight quotes \"",
            ),
            Self::LineBreak => {
                ("paste-line-break", Warning, "a line break inside the text", "write the text on one line")
            }
            Self::MoreLines => (
                "paste-more-lines",
                Warning,
                "more lines follow; only the first record is read",
                "paste one record at a time",
            ),
            Self::TypeSpf => (
                "paste-type-spf",
                Warning,
                "the record type SPF is no longer used (RFC 7208 §3.1)",
                "publish it as TXT",
            ),
        };
        Finding::new(code, severity, span, format!("{message}{written}")).with_help(help)
    }
}

#[cfg(test)]
mod tests;
