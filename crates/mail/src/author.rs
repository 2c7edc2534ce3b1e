//! The author: one domain out of the header's From field, for DMARC to judge. The rule is that what a reader's program
//! could show must be what was judged; whatever leaves that open is an error, and DMARC's result a permerror.

use std::fmt;

use crate::address::{AddressDomain, AddressError, AddressList, Mailbox};
use crate::domain::{Domain, DomainError};
use crate::encoded_word::{Decoded, decode_words, possible_words};
use crate::finding::Span;
use crate::header::{Defect, Field, Header};

/// Most notes on one author.
pub const MAX_NOTES: usize = 10;
/// How many domains an error names; the others it counts.
const NAMED_DOMAINS: usize = 4;

/// The author domain of a message (RFC 9989 §3.2.2): fully qualified, and the only one that its header shows. Only
/// [`author`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Author {
    domain: Domain,
    mailboxes: usize,
    field: usize,
    span: Span,
    notes: Vec<Note>,
}

impl Author {
    /// The domain.
    pub fn domain(&self) -> &Domain {
        &self.domain
    }

    /// How many mailboxes From holds, all of this domain; at least one.
    pub fn mailboxes(&self) -> usize {
        self.mailboxes
    }

    /// The index of the From field in the header.
    pub fn field(&self) -> usize {
        self.field
    }

    /// Where the domain stands in the header, at the first mailbox.
    pub fn span(&self) -> Span {
        self.span
    }

    /// What looks like deception but is none by the grammar, at most [`MAX_NOTES`]. Notes never change a verdict: what
    /// people write beside an address is outside DMARC (RFC 9989 §11.4).
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }
}

/// An address of another domain, written where a reader may take it for the author's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Where it is written.
    pub place: Place,
    /// Whether it shows only once encoded words (RFC 2047) are decoded.
    pub encoded: bool,
    /// Its domain.
    pub domain: Domain,
    /// Where the text that holds it stands in the header.
    pub span: Span,
}

/// A part of From that is not the author's domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// The display name.
    DisplayName,
    /// The local part.
    LocalPart,
    /// A comment.
    Comment,
    /// The name of a group.
    GroupName,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = match self.place {
            Place::DisplayName => "the display name",
            Place::LocalPart => "the local part",
            Place::Comment => "a comment",
            Place::GroupName => "the name of a group",
        };
        let how = if self.encoded { " in encoded words" } else { "" };
        write!(f, "{place} holds an address of {}{how}", self.domain)
    }
}

/// Why a header has no author domain. DMARC's result is permerror then, whatever the reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuthorError {
    /// The header's form is broken: programs may see other fields in it than we do.
    Defect(Defect, Span),
    /// No From field.
    NoFrom,
    /// More than one From field.
    SeveralFrom {
        /// How many.
        count: usize,
        /// The second of them.
        span: Span,
    },
    /// From is no address list.
    Syntax(AddressError),
    /// From holds no address: it is empty, or has only empty groups.
    NoAddress(Span),
    /// From shows several domains.
    SeveralDomains {
        /// All of them, in their order.
        domains: Vec<Domain>,
        /// Where the second stands.
        span: Span,
    },
    /// An IP address in brackets in place of a domain.
    Literal(Span),
    /// What stands after an `@` is no domain name.
    BadDomain(DomainError, Span),
    /// A single label or an IP address.
    NotFullyQualified(Domain, Span),
    /// Encoded words stand in the local part or reach into the address, and a program may decode them and show another
    /// address. The domain is the one that stands there by the grammar (RFC 2047 §5).
    EncodedAddress(Domain, Span),
}

impl AuthorError {
    /// The bytes of the header that are to blame; `None` where it is something missing. For a header that is too long,
    /// they lie beyond what is kept of it.
    pub fn span(&self) -> Option<Span> {
        match self {
            Self::NoFrom => None,
            Self::Syntax(error) => Some(error.span),
            Self::Defect(_, span)
            | Self::SeveralFrom { span, .. }
            | Self::NoAddress(span)
            | Self::SeveralDomains { span, .. }
            | Self::Literal(span)
            | Self::BadDomain(_, span)
            | Self::NotFullyQualified(_, span)
            | Self::EncodedAddress(_, span) => Some(*span),
        }
    }

    /// The domain that From has by the grammar, where all that is wrong is that programs may show another.
    pub fn domain(&self) -> Option<&Domain> {
        match self {
            Self::EncodedAddress(domain, _) => Some(domain),
            _ => None,
        }
    }
}

impl fmt::Display for AuthorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Defect(defect, _) => write!(f, "the header is malformed: {defect}"),
            Self::NoFrom => f.write_str("the header has no From field"),
            Self::SeveralFrom { count, .. } => write!(f, "the header has {count} From fields"),
            Self::Syntax(error) => write!(f, "From is no list of addresses: {error}"),
            Self::NoAddress(_) => f.write_str("From holds no address"),
            Self::SeveralDomains { domains, .. } => {
                let named: Vec<_> = domains.iter().take(NAMED_DOMAINS).map(Domain::as_str).collect();
                write!(f, "From shows {} domains: {}", domains.len(), named.join(", "))?;
                if domains.len() > NAMED_DOMAINS { f.write_str(" and others") } else { Ok(()) }
            }
            Self::Literal(_) => f.write_str("the address in From has an IP address in place of a domain"),
            Self::BadDomain(error, _) => write!(f, "the address in From has no valid domain: {error}"),
            Self::NotFullyQualified(domain, _) => {
                write!(f, "the domain in From is not fully qualified: {domain}")
            }
            Self::EncodedAddress(..) => {
                f.write_str("the address in From has encoded words in it, which programs read differently")
            }
        }
    }
}

impl std::error::Error for AuthorError {}

/// Reads the author domain out of a header (RFC 9989 §5.3.1, §11.5). Only From is looked at, never Sender, Resent-From
/// or Reply-To.
pub fn author(header: &Header) -> Result<Author, AuthorError> {
    if let Some((defect, span)) = header.defects().first() {
        return Err(AuthorError::Defect(*defect, *span));
    }
    let field = only_from(header)?;
    let list = AddressList::parse(field.value).map_err(|error| {
        AuthorError::Syntax(AddressError { span: error.span.shifted(field.value_span.start), ..error })
    })?;
    let (domain, span) = only_domain(&list, field)?;
    refuse_encoded_addresses(&list, &domain, field)?;
    let notes = notes(&list, &domain, field.value_span.start);
    Ok(Author { domain, mailboxes: list.mailboxes.len(), field: field.index, span, notes })
}

/// RFC 5322 §3.6: From stands exactly once.
fn only_from(header: &Header) -> Result<Field<'_>, AuthorError> {
    let mut fields = header.named("From");
    match (fields.next(), fields.next()) {
        (None, _) => Err(AuthorError::NoFrom),
        (Some(field), None) => Ok(field),
        (Some(_), Some(second)) => {
            Err(AuthorError::SeveralFrom { count: 2 + fields.count(), span: second.span })
        }
    }
}

/// The domain that all addresses have, those in place of display names too, and where it first stands in the header.
fn only_domain(list: &AddressList, field: Field<'_>) -> Result<(Domain, Span), AuthorError> {
    let mut domains: Vec<Domain> = Vec::new();
    let mut spans = Vec::new();
    for mailbox in &list.mailboxes {
        let span = mailbox.domain_span.shifted(field.value_span.start);
        for shown in mailbox.displayed.iter().chain([&mailbox.domain]) {
            let name = qualified_name(shown, span)?;
            if !domains.contains(name) {
                domains.push(name.clone());
                spans.push(span);
            }
        }
    }
    match (domains.pop(), spans.as_slice()) {
        (Some(domain), [span]) => Ok((domain, *span)),
        // RFC 9989 §11.5: a receiver may refuse to evaluate a message whose From has several domains. No program shows
        // them all with the same weight, so a pass for one could be shown as another's.
        (Some(last), [_, span, ..]) => {
            domains.push(last);
            Err(AuthorError::SeveralDomains { domains, span: *span })
        }
        _ => Err(AuthorError::NoAddress(field.value_span)),
    }
}

fn qualified_name(domain: &AddressDomain, span: Span) -> Result<&Domain, AuthorError> {
    match domain {
        AddressDomain::Name(name) if name.is_fqdn() => Ok(name),
        AddressDomain::Name(name) => Err(AuthorError::NotFullyQualified(name.clone(), span)),
        AddressDomain::Literal => Err(AuthorError::Literal(span)),
        AddressDomain::Invalid(error) => Err(AuthorError::BadDomain(*error, span)),
    }
}

/// RFC 2047 §5: nothing is decoded inside an address. Some programs do it all the same, and show what comes out; if that
/// is no address, they may take the display name for one.
fn refuse_encoded_addresses(
    list: &AddressList,
    domain: &Domain,
    field: Field<'_>,
) -> Result<(), AuthorError> {
    let words = possible_words(field.value);
    for mailbox in &list.mailboxes {
        if words.iter().any(|word| reaches_into(*word, mailbox.span)) || is_encoded(mailbox) {
            let span = mailbox.span.shifted(field.value_span.start);
            return Err(AuthorError::EncodedAddress(domain.clone(), span));
        }
    }
    Ok(())
}

/// Whether a word takes in a part of the address together with what stands before or behind it.
fn reaches_into(word: Span, address: Span) -> bool {
    let apart = word.end <= address.start || word.start >= address.end;
    let inside = word.start >= address.start && word.end <= address.end;
    !apart && !inside
}

fn is_encoded(mailbox: &Mailbox) -> bool {
    match (&mailbox.display, &mailbox.displayed) {
        (None, _) => decode_words(&mailbox.local).is_some_and(|decoded| could_show_address(&decoded)),
        (Some(_), None) => decode_words(&mailbox.local).is_some(),
        (Some(address), Some(_)) => {
            [&address.bytes, &mailbox.local].iter().any(|t| decode_words(t).is_some())
        }
    }
}

/// Whether a domain of several labels may stand behind an `@`; a byte outside ASCII may be part of a dot.
fn could_show_address(decoded: &Decoded) -> bool {
    let mut after_at = decoded.bytes.iter().skip_while(|b| **b != b'@');
    !decoded.is_known || after_at.any(|b| *b == b'.' || !b.is_ascii())
}

/// `offset` is where the field's value begins in the header.
fn notes(list: &AddressList, domain: &Domain, offset: usize) -> Vec<Note> {
    let texts = list.mailboxes.iter().flat_map(mailbox_texts);
    let groups = list.groups.iter().map(|name| (Place::GroupName, &*name.bytes, name.span));
    let comments = list.comments.iter().map(|text| (Place::Comment, &*text.bytes, text.span));
    texts
        .chain(groups)
        .chain(comments)
        .filter_map(|(place, text, span)| note(place, text, span.shifted(offset), domain))
        .take(MAX_NOTES)
        .collect()
}

fn mailbox_texts(mailbox: &Mailbox) -> impl Iterator<Item = (Place, &[u8], Span)> {
    let display = mailbox.display.iter().map(|text| (Place::DisplayName, &*text.bytes, text.span));
    display.chain([(Place::LocalPart, &*mailbox.local, mailbox.span)])
}

fn note(place: Place, text: &[u8], span: Span, author: &Domain) -> Option<Note> {
    if let Some(domain) = foreign_domain(text, author) {
        return Some(Note { place, encoded: false, domain, span });
    }
    let domain = foreign_domain(&decode_words(text)?.bytes, author)?;
    Some(Note { place, encoded: true, domain, span })
}

/// The domain of the first thing in a text that looks like an address, is fully qualified and is not the author's.
fn foreign_domain(text: &[u8], author: &Domain) -> Option<Domain> {
    let is_ascii_name = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    text.split(|&b| b == b'@').skip(1).find_map(|after_at| {
        // Letters outside ASCII may belong to the domain, or to the text that follows it.
        let domain = domain_at_start(after_at, |b| is_ascii_name(b) || !b.is_ascii())
            .or_else(|| domain_at_start(after_at, is_ascii_name))?;
        (domain.is_fqdn() && domain != *author).then_some(domain)
    })
}

fn domain_at_start(text: &[u8], is_name: impl Fn(&u8) -> bool) -> Option<Domain> {
    let name = text.get(..text.iter().take_while(|b| is_name(b)).count())?;
    // Dots in a row, or at the end, are the text's own: `from a@b.example...`
    let end = name.windows(2).position(|w| w == b"..").unwrap_or(name.len());
    Domain::parse(name.get(..end)?).ok()
}

#[cfg(test)]
mod tests;
