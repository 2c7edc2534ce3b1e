//! The data of one record, type by type (RFC 1035 §3.3, RFC 3596 §2.4, RFC 6698 §2.2).

use std::str::FromStr;

use super::scan::Token;
use super::{Tokens, ZoneError, ttl};
use crate::answer::Data;
use crate::name::Name;
use crate::question::RecordType;

pub(super) fn read(rtype: RecordType, tokens: &mut Tokens<'_>, origin: &Name) -> Result<Data, ZoneError> {
    let name = |tokens: &mut Tokens<'_>| tokens.next("a name")?.name(origin);
    match rtype {
        RecordType::A => Ok(Data::A(parsed(tokens, "an IPv4 address")?)),
        RecordType::Aaaa => Ok(Data::Aaaa(parsed(tokens, "an IPv6 address")?)),
        RecordType::Mx => {
            let preference = parsed(tokens, "a preference")?;
            Ok(Data::Mx { preference, exchange: name(tokens)? })
        }
        RecordType::Txt => texts(tokens),
        RecordType::Ptr => name(tokens).map(Data::Ptr),
        RecordType::Ns => name(tokens).map(Data::Ns),
        RecordType::Cname => name(tokens).map(Data::Cname),
        RecordType::Tlsa => tlsa(tokens),
        RecordType::Soa => {
            let mname = name(tokens)?;
            name(tokens)?;
            let serial = parsed(tokens, "a serial number")?;
            for wanted in ["a refresh time", "a retry time", "an expiry time"] {
                time(tokens, wanted)?;
            }
            Ok(Data::Soa { mname, serial, minimum: time(tokens, "a minimum TTL")? })
        }
    }
}

/// One or more strings of at most 255 bytes (RFC 1035 §3.3.14), kept apart.
fn texts(tokens: &mut Tokens<'_>) -> Result<Data, ZoneError> {
    let mut strings: Vec<Box<[u8]>> = Vec::new();
    let mut size = 0;
    while strings.is_empty() || !tokens.is_empty() {
        let token = tokens.next("a text")?;
        let string = token.unescaped()?;
        if string.len() > 255 {
            return Err(token.error(format!("a string of {} bytes; it can have 255", string.len())));
        }
        size += string.len() + 1;
        if size > usize::from(u16::MAX) {
            return Err(token.error("a text of more than 65535 bytes"));
        }
        strings.push(string.into());
    }
    Ok(Data::Txt(strings.into()))
}

fn tlsa(tokens: &mut Tokens<'_>) -> Result<Data, ZoneError> {
    let usage = parsed(tokens, "a certificate usage")?;
    let selector = parsed(tokens, "a selector")?;
    let matching = parsed(tokens, "a matching type")?;
    let mut data = Vec::new();
    while data.is_empty() || !tokens.is_empty() {
        let token = tokens.next("certificate association data")?;
        let bytes = unhex(token).ok_or_else(|| token.error("no pairs of hexadecimal digits"))?;
        data.extend(bytes);
    }
    Ok(Data::Tlsa { usage, selector, matching, data: data.into() })
}

fn unhex(token: Token<'_>) -> Option<Vec<u8>> {
    let (pairs, odd) = token.raw.as_chunks::<2>();
    if !odd.is_empty() || pairs.is_empty() {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|d| u8::try_from(d).ok());
    pairs.iter().map(|&[high, low]| Some(digit(high)? << 4 | digit(low)?)).collect()
}

fn parsed<T: FromStr>(tokens: &mut Tokens<'_>, wanted: &str) -> Result<T, ZoneError> {
    let token = tokens.next(wanted)?;
    let value = token.text().and_then(|text| text.parse().ok());
    value.ok_or_else(|| token.error(format!("\"{}\" is not {wanted}", mail::printable(token.raw))))
}

fn time(tokens: &mut Tokens<'_>, wanted: &str) -> Result<u32, ZoneError> {
    let token = tokens.next(wanted)?;
    ttl(token).ok_or_else(|| token.error(format!("\"{}\" is not {wanted}", mail::printable(token.raw))))
}
