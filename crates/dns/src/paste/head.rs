//! The start of a pasted text: is it a zone line, and where does the record's content begin?

use mail::Span;

use super::Line;
use super::scan::{Char, is_double_quote, is_single_quote, is_space};
use crate::name::Name;
use crate::question::RecordType;

/// Words before the content: owner, TTL, class, type.
const MAX_WORDS: usize = 4;

/// What the words before the content say.
pub(super) struct Head {
    pub(super) line: Line,
    /// The word `SPF` where the type stands, which is read as TXT.
    pub(super) spf: Option<Span>,
    /// The index of the first character after them.
    pub(super) next: usize,
}

/// A word: its indices in the characters and its place in the bytes.
struct Word {
    text: String,
    span: Span,
    next: usize,
}

/// The words before the content of a zone line; `None` where the text is no zone line but a value.
pub(super) fn read(chars: &[Char]) -> Option<Head> {
    let start = skip_comments(chars);
    let words = words(chars, start);
    let first = words.first()?;
    let opens_value = chars.get(start).is_some_and(|c| is_double_quote(c.value) || is_single_quote(c.value));
    // Values are tag lists or begin with a version; owners have no equals sign.
    if opens_value || first.text.contains('=') {
        return None;
    }
    without_owner(&words).or_else(|| with_owner(&words))
}

fn without_owner(words: &[Word]) -> Option<Head> {
    let kind = kind(words)?;
    (kind.sure || kind.said_more).then(|| kind.head(None, Span::new(0, 0)))
}

fn with_owner(words: &[Word]) -> Option<Head> {
    let (owner, rest) = words.split_first()?;
    let kind = kind(rest)?;
    // `spf1 a mx` is no address record of the owner `spf1`.
    if !(kind.sure || kind.said_more || owner.text.ends_with('.')) {
        return None;
    }
    let name = Name::from_presentation(&owner.text).ok().filter(|_| owner.text != "@");
    Some(kind.head(name, owner.span))
}

/// What stands between owner and content.
struct Kind {
    rtype: RecordType,
    spf: Option<Span>,
    /// A type that is a word of no record's text.
    sure: bool,
    /// A TTL or a class stands before it.
    said_more: bool,
    next: usize,
}

impl Kind {
    fn head(self, owner: Option<Name>, owner_span: Span) -> Head {
        Head { line: Line { owner, owner_span, rtype: self.rtype }, spf: self.spf, next: self.next }
    }
}

/// RFC 1035 §5.1: TTL and class in either order, both optional, then the type.
fn kind(words: &[Word]) -> Option<Kind> {
    let (mut ttl, mut class) = (false, false);
    for word in words {
        if !ttl && word.text.bytes().all(|b| b.is_ascii_digit()) {
            ttl = true;
        } else if !class && word.text.eq_ignore_ascii_case("IN") {
            class = true;
        } else {
            let spf = word.text.eq_ignore_ascii_case("SPF").then_some(word.span);
            let rtype = if spf.is_some() { RecordType::Txt } else { word.text.parse().ok()? };
            let sure = rtype == RecordType::Txt;
            return Some(Kind { rtype, spf, sure, said_more: ttl || class, next: word.next });
        }
    }
    None
}

/// Lines such as `;; ANSWER SECTION:` above the one that counts.
fn skip_comments(chars: &[Char]) -> usize {
    let mut at = 0;
    loop {
        at = skip_space(chars, at);
        if chars.get(at).is_none_or(|c| c.value != Some(';')) {
            return at;
        }
        while chars.get(at).is_some_and(|c| c.value != Some('\n')) {
            at += 1;
        }
    }
}

fn skip_space(chars: &[Char], mut at: usize) -> usize {
    while chars.get(at).is_some_and(|c| is_space(c.value)) {
        at += 1;
    }
    at
}

fn words(chars: &[Char], mut at: usize) -> Vec<Word> {
    let mut words = Vec::new();
    while words.len() < MAX_WORDS {
        at = skip_space(chars, at);
        let Some(first) = chars.get(at) else { break };
        let mut word = Word { text: String::new(), span: first.span, next: at };
        while let Some(c) = chars.get(word.next).filter(|c| !is_space(c.value)) {
            word.text.push(c.value.unwrap_or(char::REPLACEMENT_CHARACTER));
            word.span.end = c.span.end;
            word.next += 1;
        }
        at = word.next;
        words.push(word);
    }
    words
}
