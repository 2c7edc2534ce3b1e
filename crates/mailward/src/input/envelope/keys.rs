//! The keys of an envelope file and the columns of an envelope table: one list for both.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The keys that an envelope file and a row of an envelope table share.
pub(super) const KEYS: [&str; 6] = ["ip", "helo", "mail_from", "rcpt", "now", "smtputf8"];

/// What to say about a key that is none of `known`.
pub(crate) fn unknown(key: &str, known: &[&str]) -> String {
    let plain = key.to_ascii_lowercase().replace(['-', ' '], "_");
    let near = known.iter().map(|k| (strsim::damerau_levenshtein(&plain, k), *k)).min();
    match near {
        Some((distance, key)) if distance <= 2 && distance < key.len() => format!("did you mean {key}?"),
        _ => format!("known are {}", known.join(", ")),
    }
}

/// Reads the address of a client, IPv4 or IPv6, in brackets or not. The error says what is wrong with it.
pub fn parse_ip(text: &str) -> Result<IpAddr, &'static str> {
    let text = text.trim();
    let inner = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(text);
    let inner = match inner.get(..5) {
        Some(tag) if tag.eq_ignore_ascii_case("IPv6:") => inner.get(5..).unwrap_or_default(),
        _ => inner,
    };
    if let Ok(ip) = inner.parse() {
        return Ok(ip);
    }
    let front = |separator| inner.rsplit_once(separator).map(|(front, _)| front.trim_matches(['[', ']']));
    Err(if text.is_empty() {
        "an address was expected, and nothing is there"
    } else if front('/').is_some_and(|ip| ip.parse::<IpAddr>().is_ok()) {
        "this is a network; one address is needed"
    } else if front(':').is_some_and(|ip| ip.parse::<Ipv4Addr>().is_ok() || ip.parse::<Ipv6Addr>().is_ok()) {
        "leave out the port"
    } else {
        "not an IP address, such as 192.0.2.1 or 2001:db8::1"
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, want: Result<&str, &str>) {
        let got = parse_ip(text).map(|ip| ip.to_string());
        assert_eq!(got.as_deref().map_err(|e| *e), want, "{text}");
    }

    #[test]
    fn addresses_as_people_write_them() {
        check("192.0.2.1", Ok("192.0.2.1"));
        check(" 2001:DB8::1 ", Ok("2001:db8::1"));
        check("[192.0.2.1]", Ok("192.0.2.1"));
        check("[IPv6:2001:db8::1]", Ok("2001:db8::1"));
        check("::ffff:192.0.2.1", Ok("::ffff:192.0.2.1"));
        check("192.0.2.0/24", Err("this is a network; one address is needed"));
        check("192.0.2.1:25", Err("leave out the port"));
        check("[2001:db8::1]:25", Err("leave out the port"));
        check("", Err("an address was expected, and nothing is there"));
        check("mail.example", Err("not an IP address, such as 192.0.2.1 or 2001:db8::1"));
        check("192.0.2.01", Err("not an IP address, such as 192.0.2.1 or 2001:db8::1"));
        check("ü", Err("not an IP address, such as 192.0.2.1 or 2001:db8::1"));
    }

    #[test]
    fn near_keys_are_offered() {
        assert_eq!(unknown("mail-from", &KEYS), "did you mean mail_from?");
        assert_eq!(unknown("ehlo", &KEYS), "did you mean helo?");
        assert_eq!(unknown("rctp", &KEYS), "did you mean rcpt?");
        assert_eq!(unknown("subject", &KEYS), "known are ip, helo, mail_from, rcpt, now, smtputf8");
        assert_eq!(unknown("", &KEYS), "known are ip, helo, mail_from, rcpt, now, smtputf8");
    }
}
