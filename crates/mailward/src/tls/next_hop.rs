//! What Postfix asks about: a next-hop destination, as `smtp_tls_policy_maps` has it.

use mail::Domain;

/// Where mail is handed over unless a port is named.
pub const SMTP: u16 = 25;

/// A next hop that can have a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextHop {
    /// The policy domain: that of the addresses, or the smart host (RFC 8461 §3.4).
    pub domain: Domain,
    /// In brackets: the host itself, whatever its MX records.
    pub is_host: bool,
    /// The port.
    pub port: u16,
}

impl NextHop {
    /// Reads a key; `None` for what has no policy of its own: `.parent` (RFC 8461 §3.4: what is above a domain says nothing
    /// about it), addresses, and what is no name.
    pub fn parse(key: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(key).ok()?;
        let (name, is_host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (host, rest) = rest.split_once(']')?;
                (host, true, if rest.is_empty() { SMTP } else { port(rest.strip_prefix(':')?)? })
            }
            None => match text.rsplit_once(':') {
                Some((name, service)) => (name, false, port(service)?),
                None => (text, false, SMTP),
            },
        };
        let name = name.strip_suffix('.').unwrap_or(name);
        let domain = Domain::parse(name).ok()?;
        // DEVIATION: RFC 8461 §3.4 has a policy for every domain, but one of a single label is a host of the site's own, and
        // nothing that the world should be asked about.
        domain.is_fqdn().then_some(Self { domain, is_host, port })
    }
}

fn port(text: &str) -> Option<u16> {
    match text {
        "smtp" => Some(SMTP),
        "submission" => Some(587),
        "smtps" | "submissions" => Some(465),
        _ => text.parse().ok().filter(|port| *port != 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(key: &str, expected: &str) {
        let found = NextHop::parse(key.as_bytes());
        let found = found.map_or("none".to_owned(), |hop| {
            format!("{}{} {}", hop.domain, if hop.is_host { " host" } else { "" }, hop.port)
        });
        assert_eq!(found, expected, "{key}");
    }

    #[test]
    fn net_11_keys() {
        check("v.example", "v.example 25");
        check("V.Example", "v.example 25");
        check("v.example.", "v.example 25");
        check("v.example:587", "v.example 587");
        check("v.example:submission", "v.example 587");
        check("v.example:smtp", "v.example 25");
        check("[mx.v.example]", "mx.v.example host 25");
        check("[mx.v.example]:2525", "mx.v.example host 2525");
        check("b\u{fc}cher.example", "xn--bcher-kva.example 25");
        check("[B\u{dc}cher.Example.]:smtp", "xn--bcher-kva.example host 25");
        check("bu\u{308}cher\u{3002}example", "xn--bcher-kva.example 25");
        check("XN--BCHER-KVA.example", "xn--bcher-kva.example 25");
        check("xn--i-7iq.example", "xn--i-7iq.example 25");
        check("_x.a_b.v.example", "_x.a_b.v.example 25");
        check("1.2.example.:025", "1.2.example 25");
        check("ab--c.v.example", "ab--c.v.example 25");
        // TLS from the first byte on: a smart host has its policy all the same.
        for port in ["465", "smtps", "submissions"] {
            check(&format!("[mx.v.example]:{port}"), "mx.v.example host 465");
        }
    }

    #[test]
    fn sts_09_nothing_above_a_domain_and_no_address_has_a_policy() {
        for key in [
            ".v.example",
            ".example",
            "example",
            "",
            ".",
            "..",
            "user@v.example",
            "[192.0.2.1]",
            "[192.0.2.1]:25",
            "[2001:db8::1]",
            "[IPv6:2001:db8::1]:25",
            "192.0.2.1",
            "v.example:0",
            "v.example:x",
            "v.example:99999",
            "[mx.v.example",
            "[mx.v.example]25",
            "[mx.v.example]:",
            "[]",
            "v..example",
            "v.example\n",
            "a b.example",
            "*.v.example",
            "localhost",
        ] {
            check(key, "none");
        }
        assert_eq!(NextHop::parse(b"v.example\0"), None);
        assert_eq!(NextHop::parse(&[0xff, b'.', b'x']), None);
    }
}
