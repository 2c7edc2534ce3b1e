//! Where reports are wanted: the URIs of `rua` and `ruf` (RFC 9989 §4.6, RFC 3986, RFC 6068).

use std::fmt;

use mail::{Domain, DomainError};

/// Longest local part of a report address, in bytes (RFC 5321 §4.5.3.1.1).
pub const MAX_LOCAL_PART: usize = 64;

/// One place that reports are wanted at.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ReportUri {
    /// A mailbox: the one kind that reports are sent to.
    Mailto(ReportAddress),
    /// A valid URI of another scheme, as written. Kept, never used.
    Other(String),
}

/// The mailbox of a `mailto:` URI: a local part that needs no quotes, and a domain in A-labels.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ReportAddress {
    local: String,
    domain: Domain,
}

impl ReportAddress {
    /// What stands before the `@`: atoms and dots, nothing that would have to be quoted.
    pub fn local(&self) -> &str {
        &self.local
    }

    /// What stands after the `@`.
    pub fn domain(&self) -> &Domain {
        &self.domain
    }
}

/// `local@domain`, as a mail program writes it.
impl fmt::Display for ReportAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.local, self.domain)
    }
}

/// Why a text is no place that reports could be wanted at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UriError {
    /// Nothing between two commas.
    Empty,
    /// No scheme, such as `mailto:`, in front.
    NoScheme,
    /// A byte that has to be percent-encoded in a URI.
    Byte(u8),
    /// A `%` without two hex digits.
    BadEscape,
    /// `mailto:` with header fields (`?cc=…`): a report goes to the address and nowhere else.
    HeaderFields,
    /// `mailto:` without exactly one `@`.
    NoAddress,
    /// A local part that is empty, too long, or would have to be quoted: a comma, CR or LF among others.
    BadLocalPart,
    /// The domain is none.
    BadDomain(DomainError),
}

impl fmt::Display for UriError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("nothing stands between two commas"),
            Self::NoScheme => f.write_str("not a URI: no scheme such as \"mailto:\" in front"),
            Self::Byte(byte) => write!(f, "{} has to be percent-encoded in a URI", mail::printable([*byte])),
            Self::BadEscape => f.write_str("\"%\" without two hex digits"),
            Self::HeaderFields => f.write_str("header fields in a mailto: URI are not accepted"),
            Self::NoAddress => f.write_str("not one address with one \"@\""),
            Self::BadLocalPart => f.write_str("the part before \"@\" is none that reports could be sent to"),
            Self::BadDomain(error) => write!(f, "the part after \"@\": {error}"),
        }
    }
}

impl std::error::Error for UriError {}

impl ReportUri {
    /// Reads one URI, without white space around it and without the size of RFC 7489 behind it.
    pub fn parse(text: &[u8]) -> Result<Self, UriError> {
        if text.is_empty() {
            return Err(UriError::Empty);
        }
        let (scheme, rest) = split_scheme(text).ok_or(UriError::NoScheme)?;
        if scheme.eq_ignore_ascii_case(b"mailto") {
            return read_mailto(rest).map(Self::Mailto);
        }
        if let Some(byte) = text.iter().find(|b| !is_uri_byte(**b)) {
            return Err(UriError::Byte(*byte));
        }
        percent_decode(rest)?;
        String::from_utf8(text.to_vec()).map(Self::Other).map_err(|_| UriError::NoScheme)
    }

    /// The mailbox, if it is one.
    pub fn address(&self) -> Option<&ReportAddress> {
        match self {
            Self::Mailto(address) => Some(address),
            Self::Other(_) => None,
        }
    }
}

/// As it stands in a record, with everything encoded that RFC 9989 §4.8 and RFC 6068 §2 want encoded.
impl fmt::Display for ReportUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = match self {
            Self::Other(text) => return f.write_str(text),
            Self::Mailto(address) => address,
        };
        f.write_str("mailto:")?;
        for byte in address.local.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'+' => {
                    write!(f, "{}", char::from(byte))?;
                }
                _ => write!(f, "%{byte:02X}")?,
            }
        }
        write!(f, "@{}", address.domain)
    }
}

/// The size limit that RFC 7489 allowed behind a URI, `!10m`, cut off: the URI, and whether there was one.
pub(crate) fn without_size(text: &[u8]) -> (&[u8], bool) {
    // RFC 9989 §4.8 obs-dmarc-report-size: "!", digits, perhaps a unit. Reporters ignore it.
    let Some(at) = text.iter().rposition(|&b| b == b'!') else { return (text, false) };
    let (uri, size) = text.split_at(at);
    let size = size.strip_prefix(b"!").unwrap_or_default();
    let digits = match size.split_last() {
        Some((unit, digits)) if b"kmgt".contains(&unit.to_ascii_lowercase()) => digits,
        _ => size,
    };
    let is_size = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    if is_size { (uri, true) } else { (text, false) }
}

fn split_scheme(text: &[u8]) -> Option<(&[u8], &[u8])> {
    // RFC 3986 §3.1: a letter, then letters, digits, "+", "-", ".".
    let colon = text.iter().position(|&b| b == b':')?;
    let (scheme, rest) = text.split_at(colon);
    let valid = scheme.first().is_some_and(u8::is_ascii_alphabetic)
        && scheme.iter().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(b));
    valid.then_some((scheme, rest.get(1..).unwrap_or_default()))
}

fn read_mailto(text: &[u8]) -> Result<ReportAddress, UriError> {
    // A domain in U-labels may stand there unencoded, though no URI has such bytes: people publish it.
    if let Some(byte) = text.iter().find(|b| b.is_ascii() && !is_uri_byte(**b)) {
        return Err(UriError::Byte(*byte));
    }
    if text.iter().any(|b| matches!(b, b'?' | b'#')) {
        return Err(UriError::HeaderFields);
    }
    let decoded = percent_decode(text)?;
    let mut parts = decoded.split(|&b| b == b'@');
    let (Some(local), Some(domain), None) = (parts.next(), parts.next(), parts.next()) else {
        return Err(UriError::NoAddress);
    };
    if local.len() > MAX_LOCAL_PART || !is_dot_atom(local) {
        return Err(UriError::BadLocalPart);
    }
    let local = String::from_utf8(local.to_vec()).map_err(|_| UriError::BadLocalPart)?;
    let domain = Domain::parse(domain).map_err(UriError::BadDomain)?;
    Ok(ReportAddress { local, domain })
}

/// RFC 5322 §3.2.3: atoms with single dots between them.
fn is_dot_atom(local: &[u8]) -> bool {
    let is_atext = |b: &u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(b);
    local.split(|&b| b == b'.').all(|atom| !atom.is_empty() && atom.iter().all(is_atext))
}

/// RFC 3986 §2, without the comma, the exclamation mark and the semicolon that RFC 9989 §4.8 wants encoded.
fn is_uri_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~:/?#[]@$&'()*+=%".contains(&byte)
}

fn percent_decode(text: &[u8]) -> Result<Vec<u8>, UriError> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.iter();
    while let Some(&byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let mut digit = || bytes.next().and_then(|b| char::from(*b).to_digit(16)).ok_or(UriError::BadEscape);
        let value = digit()? * 16 + digit()?;
        out.push(u8::try_from(value).map_err(|_| UriError::BadEscape)?);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, want: Result<&str, UriError>) {
        let (uri, _) = without_size(text.as_bytes());
        let got = ReportUri::parse(uri).map(|u| u.to_string());
        assert_eq!(got.as_deref().map_err(|e| *e), want, "{text}");
    }

    #[test]
    fn dma_19_report_addresses() {
        check("mailto:a@b.example", Ok("mailto:a@b.example"));
        check("MAILTO:a@B.Example", Ok("mailto:a@b.example"));
        check("mailto:a@b.example!10m", Ok("mailto:a@b.example"));
        check("mailto:a@b.example!0", Ok("mailto:a@b.example"));
        check("mailto:a@b.example!10x", Err(UriError::Byte(b'!')));
        check("mailto:a@b.example!", Err(UriError::Byte(b'!')));
        check("mailto:a%21b@b.example", Ok("mailto:a%21b@b.example"));
        check("https://x.example/r?a=b", Ok("https://x.example/r?a=b"));
        check("https://x.example/%zz", Err(UriError::BadEscape));
        check("https://x example/", Err(UriError::Byte(b' ')));
        check("mailto:a%2Cb@c.example", Err(UriError::BadLocalPart));
        check("mailto:a%0D%0Ab@c.example", Err(UriError::BadLocalPart));
        check("mailto:a@c.example%0D%0ABcc:x", Err(UriError::BadDomain(DomainError::Byte(b'\r'))));
        check("mailto:a@b.example%2Cc@d.example", Err(UriError::NoAddress));
        check("mailto:a@b.example?cc=d@e.example", Err(UriError::HeaderFields));
        check("mailto:a", Err(UriError::NoAddress));
        check("mailto:@b.example", Err(UriError::BadLocalPart));
        check("mailto:a..b@b.example", Err(UriError::BadLocalPart));
        check("mailto:%22a%20b%22@b.example", Err(UriError::BadLocalPart));
        check("mailto:a@", Err(UriError::BadDomain(DomainError::Empty)));
        check("a@b.example", Err(UriError::NoScheme));
        check("", Err(UriError::Empty));
    }

    #[test]
    fn a_domain_in_u_labels_becomes_a_labels() {
        check("mailto:a@bücher.example", Ok("mailto:a@xn--bcher-kva.example"));
        check("mailto:a@b%C3%BCcher.example", Ok("mailto:a@xn--bcher-kva.example"));
        check("mailto:ä@b.example", Err(UriError::BadLocalPart));
    }

    #[test]
    fn limits_on_both_sides() {
        let uri = |n: usize| ReportUri::parse(format!("mailto:{}@b.example", "a".repeat(n)).as_bytes());
        assert!(uri(MAX_LOCAL_PART).is_ok());
        assert_eq!(uri(MAX_LOCAL_PART + 1), Err(UriError::BadLocalPart));
    }
}
