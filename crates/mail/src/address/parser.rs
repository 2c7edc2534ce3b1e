//! The grammar of an address list over its tokens, a function per rule. Nothing here recurses: groups do not nest.

use super::lexer::{Lexer, Token, Word};
use super::{
    AddressDomain, AddressError, AddressErrorKind as Kind, AddressList, MAX_MAILBOXES, Mailbox, Text,
};
use crate::domain::{Domain, DomainError};
use crate::finding::Span;

pub(super) fn parse(value: &[u8]) -> Result<AddressList, AddressError> {
    let lexer = Lexer::new(value);
    let mut parser = Parser { value, lexer, token: None, list: AddressList::default(), group: None };
    parser.advance()?;
    parser.address_list()?;
    parser.list.comments = parser.lexer.comments;
    Ok(parser.list)
}

/// Few names of people and of domains are longer than this, in bytes; there is room for so much at first.
const MOST: usize = 40;

struct Parser<'a> {
    value: &'a [u8],
    lexer: Lexer<'a>,
    /// The token that is looked at.
    token: Option<Token<'a>>,
    list: AddressList,
    /// The name of the group that is open.
    group: Option<Span>,
}

/// Words and dots in a row: a display name, a group's name or a local part, whatever follows them.
struct Words {
    /// With a space where there was white space or a comment.
    display: Vec<u8>,
    /// Without.
    local: Vec<u8>,
    span: Option<Span>,
    /// Whether two words stand side by side, as they can in a display name only.
    apart: bool,
}

impl Words {
    fn new() -> Self {
        let text = || Vec::with_capacity(MOST);
        Self { display: text(), local: text(), span: None, apart: false }
    }

    fn text(self) -> Option<Text> {
        self.span.map(|span| Text { bytes: self.display, span })
    }
}

struct Address {
    local: Vec<u8>,
    domain: AddressDomain,
    span: Span,
    domain_span: Span,
}

fn fail<T>(kind: Kind, span: Span) -> Result<T, AddressError> {
    Err(AddressError { kind, span })
}

impl Parser<'_> {
    fn advance(&mut self) -> Result<(), AddressError> {
        self.token = self.lexer.next_token()?;
        Ok(())
    }

    fn special(&self) -> Option<u8> {
        match self.token {
            Some(Token { word: Word::Special(byte), .. }) => Some(byte),
            _ => None,
        }
    }

    /// Where the looked-at token stands; nothing wide at the end.
    fn here(&self) -> Span {
        self.token.as_ref().map_or(Span::new(self.value.len(), self.value.len()), |t| t.span)
    }

    /// RFC 5322 §4.4 obs-addr-list: elements between commas, any of them empty.
    fn address_list(&mut self) -> Result<(), AddressError> {
        loop {
            self.element()?;
            if self.special() == Some(b';') && self.group.is_some() {
                self.group = None;
                self.advance()?;
            }
            match (&self.token, self.special()) {
                (None, _) => break,
                (_, Some(b',')) => self.advance()?,
                (_, Some(b'@')) => return fail(Kind::SecondAt, self.here()),
                (_, Some(byte @ (b';' | b':' | b'>'))) => return fail(Kind::Stray(byte), self.here()),
                (Some(Token { word: Word::Literal, .. }), _) => return fail(Kind::Stray(b'['), self.here()),
                _ => return fail(Kind::TextAfter, self.here()),
            }
        }
        self.group.map_or(Ok(()), |name| fail(Kind::OpenGroup, name))
    }

    /// A mailbox, the beginning of a group with its first element, or nothing.
    fn element(&mut self) -> Result<(), AddressError> {
        let mut words = self.words()?;
        if self.special() == Some(b':') {
            self.open_group(words)?;
            words = self.words()?;
        }
        match (self.special(), words.span) {
            (Some(b'<'), _) => self.angle(words.text(), None),
            (Some(b'@'), _) => self.bare_address(words),
            (Some(b':'), _) => fail(Kind::NestedGroup, self.here()),
            (_, None) => Ok(()),
            (_, Some(span)) => fail(Kind::NoDomain, span),
        }
    }

    /// RFC 5322 §3.4 group, which RFC 6854 §2.1 lets stand in From.
    fn open_group(&mut self, name: Words) -> Result<(), AddressError> {
        let colon = self.here();
        match (self.group, name.text()) {
            (Some(_), _) => fail(Kind::NestedGroup, colon),
            (None, None) => fail(Kind::Stray(b':'), colon),
            (None, Some(name)) => {
                self.group = Some(name.span);
                self.list.groups.push(name);
                self.advance()
            }
        }
    }

    fn words(&mut self) -> Result<Words, AddressError> {
        let mut words = Words::new();
        let mut after_word = false;
        while let Some(token) = &self.token {
            let (text, is_word): (&[u8], bool) = match &token.word {
                Word::Atom(atom) => (atom, true),
                Word::Quoted(content) => (content, true),
                Word::Special(b'.') => (b".", false),
                Word::Special(_) | Word::Literal => break,
            };
            if token.gap && words.span.is_some() {
                words.display.push(b' ');
            }
            words.display.extend_from_slice(text);
            words.local.extend_from_slice(text);
            words.apart |= after_word && is_word;
            after_word = is_word;
            let start = words.span.map_or(token.span.start, |s| s.start);
            words.span = Some(Span::new(start, token.span.end));
            self.advance()?;
        }
        Ok(words)
    }

    /// An address without angle brackets; if those follow, it stood in place of a display name.
    fn bare_address(&mut self, words: Words) -> Result<(), AddressError> {
        let address = self.address(words)?;
        if self.special() != Some(b'<') {
            self.check_comments(address.span)?;
            return self.push(address, None, None);
        }
        let bytes = self.value.get(address.span.range()).unwrap_or_default().to_vec();
        self.angle(Some(Text { bytes, span: address.span }), Some(address.domain))
    }

    /// RFC 5322 §3.4 angle-addr.
    fn angle(&mut self, display: Option<Text>, shown: Option<AddressDomain>) -> Result<(), AddressError> {
        let open = self.here();
        self.advance()?;
        let words = self.words()?;
        match (self.special(), words.span) {
            (Some(b'@'), Some(_)) => {}
            // RFC 5322 §4.4 wants routes read and ignored. DEVIATION: an error, since some programs show the route's
            // domain in place of the address's, and no sender has written one for decades.
            (Some(b'@' | b','), None) => return fail(Kind::Route, self.here()),
            (Some(b'>'), None) => return fail(Kind::EmptyAngle, Span::new(open.start, self.here().end)),
            (Some(b'>'), Some(span)) => return fail(Kind::NoDomain, span),
            _ => return self.not_closed(open),
        }
        let address = self.address(words)?;
        match self.special() {
            Some(b'>') => self.check_comments(Span::new(open.start, self.here().end))?,
            Some(b'@') => return fail(Kind::SecondAt, self.here()),
            _ => return self.not_closed(open),
        }
        self.advance()?;
        self.push(address, display, shown)
    }

    /// The error where a `>` should stand.
    fn not_closed(&self, open: Span) -> Result<(), AddressError> {
        match (&self.token, self.special()) {
            (None, _) => fail(Kind::OpenAngle, open),
            (_, Some(byte)) => fail(Kind::Stray(byte), self.here()),
            _ => fail(Kind::TextAfter, self.here()),
        }
    }

    /// RFC 5322 §3.4.1 addr-spec; its local part was read, the `@` is looked at.
    fn address(&mut self, words: Words) -> Result<Address, AddressError> {
        let at = self.here();
        let Some(local_span) = words.span else { return fail(Kind::NoLocal, at) };
        if words.apart {
            return fail(Kind::WordsBeforeAt, Span::new(local_span.start, at.end));
        }
        check_seen(&words.local, local_span)?;
        self.advance()?;
        let (domain, domain_span) = self.domain(at)?;
        let span = Span::new(local_span.start, domain_span.end);
        Ok(Address { local: words.local, domain, span, domain_span })
    }

    fn domain(&mut self, at: Span) -> Result<(AddressDomain, Span), AddressError> {
        let start = self.here().start;
        if let Some(Token { word: Word::Literal, span, .. }) = self.token {
            self.advance()?;
            return Ok((AddressDomain::Literal, span));
        }
        let mut name = Vec::with_capacity(MOST);
        let mut end = start;
        while let Some(token) = &self.token {
            let part: &[u8] = match token.word {
                Word::Atom(atom) if name.last().is_none_or(|&b| b == b'.') => atom,
                Word::Special(b'.') => b".",
                _ => break,
            };
            // RFC 5322 §4.4 obs-domain has white space and comments between labels. DEVIATION: only where a program
            // that stops reading there is left without a domain.
            if token.gap && Domain::parse(&name).is_ok_and(|read| read.is_fqdn()) {
                return fail(Kind::SplitDomain, Span::new(start, token.span.end));
            }
            name.extend_from_slice(part);
            end = token.span.end;
            self.advance()?;
        }
        match (name.is_empty(), self.special()) {
            (true, Some(b'@')) => fail(Kind::SecondAt, self.here()),
            (true, _) => fail(Kind::NoDomain, at),
            // RFC 5322 §3.2.3: no dot at the end, though names have it elsewhere. Programs take such an address for none
            // and show what stands beside it.
            _ if name.ends_with(b".") => {
                Ok((AddressDomain::Invalid(DomainError::EmptyLabel), Span::new(start, end)))
            }
            _ => {
                let domain = Domain::parse(&name).map_or_else(AddressDomain::Invalid, AddressDomain::Name);
                Ok((domain, Span::new(start, end)))
            }
        }
    }

    /// DEVIATION: RFC 5322 §3.4.1 lets any comment stand inside an address. With an `@` in it, programs that look for
    /// the first or last `@` find another domain there.
    fn check_comments(&self, inside: Span) -> Result<(), AddressError> {
        let comments = self.lexer.comments.iter().rev().take_while(|c| c.span.start > inside.start);
        match comments.filter(|c| c.span.end <= inside.end).find(|c| c.bytes.contains(&b'@')) {
            Some(comment) => fail(Kind::AtInComment, comment.span),
            None => Ok(()),
        }
    }

    fn push(
        &mut self,
        address: Address,
        display: Option<Text>,
        displayed: Option<AddressDomain>,
    ) -> Result<(), AddressError> {
        let Address { local, domain, span, domain_span } = address;
        if self.list.mailboxes.len() == MAX_MAILBOXES {
            return fail(Kind::ManyMailboxes, span);
        }
        self.list.mailboxes.push(Mailbox { display, displayed, local, domain, span, domain_span });
        Ok(())
    }
}

/// Whether every character of a local part is seen for what it is.
fn check_seen(local: &[u8], span: Span) -> Result<(), AddressError> {
    let Ok(text) = std::str::from_utf8(local) else { return fail(Kind::NotUtf8, span) };
    match text.chars().find(|c| !c.is_ascii() && is_deceptive(*c)) {
        Some(char) => fail(Kind::Invisible(char), span),
        None => Ok(()),
    }
}

/// Controls, white space, marks that change the direction of writing, and what normalises to `@`.
fn is_deceptive(char: char) -> bool {
    let turns_direction = matches!(
        char,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    );
    char.is_control() || char.is_whitespace() || turns_direction || matches!(char, '\u{ff20}' | '\u{fe6b}')
}
