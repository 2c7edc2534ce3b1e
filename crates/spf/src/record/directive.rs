//! Reading mechanisms: one function per rule of RFC 7208 §5 and §12.

use std::net::{Ipv4Addr, Ipv6Addr};

use mail::{Finding, Span};

use super::parse::{error, macro_finding, shown};
use super::{Directive, DualCidr, Mechanism, Qualifier, suggest};
use crate::macros::DomainSpec;

/// `directive = [ qualifier ] mechanism`
pub(super) fn parse(token: &[u8], at: usize) -> Result<Directive, Finding> {
    let span = Span::new(at, at + token.len());
    let (qualifier, length) = match token.first() {
        Some(b'+') => (Qualifier::Pass, 1),
        Some(b'-') => (Qualifier::Fail, 1),
        Some(b'~') => (Qualifier::SoftFail, 1),
        Some(b'?') => (Qualifier::Neutral, 1),
        _ => (Qualifier::Pass, 0),
    };
    let mechanism = mechanism(token.get(length..).unwrap_or_default(), at + length)?;
    Ok(Directive { span, qualifier, mechanism })
}

/// What comes after a mechanism's name: `:…` or `/…` or nothing, and where.
struct Arguments<'a> {
    name: &'static str,
    text: &'a [u8],
    at: usize,
}

/// What comes after `ip4:` or `ip6:`.
struct Network<'a> {
    address: &'a [u8],
    /// The prefix length, and where it begins.
    length: Option<(&'a [u8], usize)>,
}

/// `mechanism = all / include / a / mx / ptr / ip4 / ip6 / exists`
fn mechanism(text: &[u8], at: usize) -> Result<Mechanism, Finding> {
    let end = text.iter().position(|b| matches!(b, b':' | b'/')).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let arguments = |name| Arguments { name, text: rest, at: at + end };
    // RFC 7208 §4.6.1: names are the same in upper and lower case.
    match name.to_ascii_lowercase().as_slice() {
        b"all" => all(&arguments("all")),
        b"include" => arguments("include").needed_domain().map(Mechanism::Include),
        b"a" => arguments("a").domain_and_cidr().map(|(spec, cidr)| Mechanism::A(spec, cidr)),
        b"mx" => arguments("mx").domain_and_cidr().map(|(spec, cidr)| Mechanism::Mx(spec, cidr)),
        b"ptr" => arguments("ptr").optional_domain().map(Mechanism::Ptr),
        b"ip4" => ip4(&arguments("ip4")),
        b"ip6" => ip6(&arguments("ip6")),
        b"exists" => arguments("exists").needed_domain().map(Mechanism::Exists),
        _ => Err(unknown(text, name, at)),
    }
}

fn unknown(text: &[u8], name: &[u8], at: usize) -> Finding {
    let (span, message) = if name.is_empty() {
        (Span::new(at, at + text.len()), "a mechanism is missing here".to_owned())
    } else {
        let message = format!("\"{}\" is no mechanism", shown(name));
        (Span::new(at, at + name.len()), message)
    };
    let finding = error("spf-unknown-mechanism", span, message);
    match suggest::mechanism(text, name) {
        Some(help) => finding.with_help(help),
        None => finding,
    }
}

fn all(arguments: &Arguments<'_>) -> Result<Mechanism, Finding> {
    if arguments.text.is_empty() {
        return Ok(Mechanism::All);
    }
    Err(error("spf-all-argument", arguments.span(), "nothing comes after \"all\""))
}

impl Arguments<'_> {
    fn span(&self) -> Span {
        Span::new(self.at, self.at + self.text.len())
    }

    /// `":" domain-spec`
    fn needed_domain(&self) -> Result<DomainSpec, Finding> {
        match self.text.split_first() {
            Some((b':', spec)) => domain_spec(spec, self.at + 1),
            _ => {
                let message = format!("\"{}\" needs a colon and a domain", self.name);
                let span = Span::new(self.at - self.name.len(), self.span().end);
                Err(error("spf-missing-domain", span, message))
            }
        }
    }

    /// `[ ":" domain-spec ]`
    fn optional_domain(&self) -> Result<Option<DomainSpec>, Finding> {
        match self.text.split_first() {
            None => Ok(None),
            Some((b':', spec)) => domain_spec(spec, self.at + 1).map(Some),
            Some(_) => {
                Err(error("spf-cidr", self.span(), format!("\"{}\" takes no prefix length", self.name)))
            }
        }
    }

    /// `[ ":" domain-spec ] [ dual-cidr-length ]`
    fn domain_and_cidr(&self) -> Result<(Option<DomainSpec>, DualCidr), Finding> {
        let (rest, cidr) = dual_cidr_length(self.text, self.at)?;
        match rest.split_first() {
            None => Ok((None, cidr)),
            Some((b':', spec)) => Ok((Some(domain_spec(spec, self.at + 1)?), cidr)),
            Some(_) => {
                let message = "a prefix length is \"/\" and a number, for IPv6 \"//\" and a number";
                Err(error("spf-cidr", self.span(), message))
            }
        }
    }

    /// `":" network [ "/" length ]`
    fn network(&self) -> Result<Network<'_>, Finding> {
        let Some((b':', value)) = self.text.split_first() else {
            let span = Span::new(self.at - self.name.len(), self.span().end);
            return Err(error(
                "spf-missing-address",
                span,
                format!("\"{}\" needs a colon and an address", self.name),
            ));
        };
        let slash = value.iter().position(|&b| b == b'/');
        let (address, rest) = value.split_at(slash.unwrap_or(value.len()));
        let length = slash.map(|at| (rest.get(1..).unwrap_or_default(), self.at + 1 + at + 1));
        Ok(Network { address, length })
    }
}

fn domain_spec(spec: &[u8], at: usize) -> Result<DomainSpec, Finding> {
    DomainSpec::parse(spec).map_err(|e| macro_finding(e, spec, at))
}

/// `ip4 = "ip4" ":" ip4-network [ ip4-cidr-length ]`
fn ip4(arguments: &Arguments<'_>) -> Result<Mechanism, Finding> {
    let Network { address: text, length } = arguments.network()?;
    // RFC 7208 §5.6: all four numbers, none with a zero in front; the standard library reads exactly these.
    let network = std::str::from_utf8(text).ok().and_then(|t| t.parse::<Ipv4Addr>().ok());
    let network = network.ok_or_else(|| bad_address(text, arguments, "IPv4"))?;
    let length = length.map(|(digits, at)| prefix(digits, at, 32)).transpose()?;
    Ok(Mechanism::Ip4(network, length))
}

/// `ip6 = "ip6" ":" ip6-network [ ip6-cidr-length ]`
fn ip6(arguments: &Arguments<'_>) -> Result<Mechanism, Finding> {
    let Network { address: text, length } = arguments.network()?;
    let network = std::str::from_utf8(text).ok().and_then(|t| t.parse::<Ipv6Addr>().ok());
    let network = network.ok_or_else(|| bad_address(text, arguments, "IPv6"))?;
    let length = length.map(|(digits, at)| prefix(digits, at, 128)).transpose()?;
    Ok(Mechanism::Ip6(network, length))
}

fn bad_address(text: &[u8], arguments: &Arguments<'_>, family: &str) -> Finding {
    let span = Span::new(arguments.at + 1, arguments.at + 1 + text.len());
    let message = format!("\"{}\" is no {family} address", shown(text));
    let finding = error("spf-address", span, message);
    match suggest::address(arguments.name, text) {
        Some(help) => finding.with_help(help),
        None => finding,
    }
}

/// `dual-cidr-length = [ ip4-cidr-length ] [ "/" ip6-cidr-length ]`, at the end of the arguments: what is in front of it,
/// and the lengths. It is read from the end because a domain-spec may itself hold slashes.
fn dual_cidr_length(text: &[u8], at: usize) -> Result<(&[u8], DualCidr), Finding> {
    let mut cidr = DualCidr::default();
    let (mut rest, mut tail) = slash_and_digits(text);
    if let (Some(digits), Some((b'/', front))) = (tail, rest.split_last()) {
        cidr.ip6 = Some(prefix(digits, at + rest.len() + 1, 128)?);
        (rest, tail) = slash_and_digits(front);
    }
    if let Some(digits) = tail {
        cidr.ip4 = Some(prefix(digits, at + rest.len() + 1, 32)?);
    }
    Ok((rest, cidr))
}

/// Cuts a slash and the digits after it from the end, if that is how the text ends.
fn slash_and_digits(text: &[u8]) -> (&[u8], Option<&[u8]>) {
    let digits = text.iter().rev().take_while(|b| b.is_ascii_digit()).count();
    let (front, tail) = text.split_at(text.len() - digits);
    match front.split_last() {
        Some((b'/', rest)) => (rest, Some(tail)),
        _ => (text, None),
    }
}

/// `"0" / %x31-39 *DIGIT`, no more than `max`.
fn prefix(digits: &[u8], at: usize, max: u8) -> Result<u8, Finding> {
    let span = Span::new(at, at + digits.len());
    let wrong = |message: String| Err(error("spf-cidr", span, message));
    if digits.is_empty() {
        return wrong("the prefix length is missing".to_owned());
    }
    if !digits.iter().all(u8::is_ascii_digit) {
        return wrong("a prefix length is a number".to_owned());
    }
    if digits.len() > 1 && digits.first() == Some(&b'0') {
        return wrong("a prefix length has no zero in front".to_owned());
    }
    let value = std::str::from_utf8(digits).ok().and_then(|d| d.parse::<u8>().ok()).filter(|&v| v <= max);
    value.map_or_else(|| wrong(format!("a prefix length here is at most {max}")), Ok)
}
