//! The names that a policy allows MX hosts to have (RFC 8461 §3.2 `mx`, §4.1).

use std::fmt;

use mail::Domain;

/// Which MX hosts a policy allows, by one of its `mx` fields.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Pattern {
    /// The host of this name.
    Host(Domain),
    /// The hosts whose name has exactly one label more than this.
    Below(Domain),
}

/// Why a text is no pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PatternError {
    /// Not a host name in A-labels: letters, digits and inner hyphens, no dot at the end.
    NotAName,
    /// A `*` that is not the whole left-most label.
    Wildcard,
    /// A single label, or an address.
    NotQualified,
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAName => "not a host name in A-labels without a dot at its end",
            Self::Wildcard => "\"*\" can stand only for the whole left-most label",
            Self::NotQualified => "an address or a single label, and no fully qualified name",
        })
    }
}

impl std::error::Error for PatternError {}

impl Pattern {
    /// Reads the value of an `mx` field.
    pub fn parse(text: &[u8]) -> Result<Self, PatternError> {
        let (wildcard, name) = match text.strip_prefix(b"*.") {
            Some(name) => (true, name),
            None => (false, text),
        };
        if name.contains(&b'*') {
            return Err(PatternError::Wildcard);
        }
        // RFC 8461 §3.2: U-labels are not to be used. The name goes to the MTA, so it must be one for the MTA too.
        if !name.is_ascii() || name.ends_with(b".") {
            return Err(PatternError::NotAName);
        }
        let name = Domain::parse(name).map_err(|_| PatternError::NotAName)?;
        if name.labels().any(|label| label.starts_with('-') || label.ends_with('-')) {
            return Err(PatternError::NotAName);
        }
        match wildcard {
            // "*.example" is allowed by the grammar, however wide it is; "*.1" would be half an address.
            true if name.labels().next_back().is_some_and(|l| l.bytes().all(|b| b.is_ascii_digit())) => {
                Err(PatternError::NotQualified)
            }
            true => Ok(Self::Below(name)),
            // DEVIATION: RFC 8461 §3.2 lets a single label be a name; but nobody's MX is one, and "hostname" or
            // "nexthop" alone mean to MTAs that every host is allowed.
            false if !name.is_fqdn() => Err(PatternError::NotQualified),
            false => Ok(Self::Host(name)),
        }
    }

    /// Whether the policy allows an MX host by this pattern.
    pub fn matches(&self, host: &Domain) -> bool {
        match self {
            Self::Host(name) => name == host,
            // RFC 8461 §4.1: "*" is exactly one label.
            Self::Below(name) => host.as_str().split_once('.').is_some_and(|(_, rest)| rest == name.as_str()),
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(name) => write!(f, "{name}"),
            Self::Below(name) => write!(f, "*.{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What of `hosts` the pattern matches, or its error.
    fn check(pattern: &str, hosts: &str, expected: &str) {
        let result = match Pattern::parse(pattern.as_bytes()) {
            Err(error) => format!("{error:?}"),
            Ok(read) => {
                assert_eq!(Pattern::parse(read.to_string().as_bytes()), Ok(read.clone()), "{pattern}");
                let hosts = hosts.split_whitespace().filter(|h| read.matches(&Domain::parse(h).unwrap()));
                hosts.collect::<Vec<_>>().join(" ")
            }
        };
        assert_eq!(result, expected, "{pattern}");
    }

    #[test]
    fn sts_08_patterns() {
        let hosts = "v.example a.v.example b.a.v.example av.example xn--bcher-kva.example example";
        check("*.v.example", hosts, "a.v.example");
        check("v.example", hosts, "v.example");
        check("V.Example", hosts, "v.example");
        check("*.example", hosts, "v.example av.example xn--bcher-kva.example");
        check("xn--bcher-kva.example", hosts, "xn--bcher-kva.example");
        for pattern in ["*", "*.*.example", "a.*.example", "*v.example", "v*.example", "v.example.*"] {
            check(pattern, hosts, "Wildcard");
        }
        for pattern in ["192.0.2.1", "example", "hostname", "nexthop", "dot-nexthop", "*.1", "*.0.2.1"] {
            check(pattern, hosts, "NotQualified");
        }
        for pattern in [
            "",
            "*.",
            ".",
            ".v.example",
            "v.example.",
            "*.v.example.",
            "a..example",
            "bücher.example",
            "a b.example",
            "a.example:b.example",
            "a.example,b",
            "{a.example}",
            "a.example\0",
            "-a.example",
            "a-.example",
            "[192.0.2.1]",
            "2001:db8::1",
            "xn--victim-.example",
        ] {
            check(pattern, hosts, "NotAName");
        }
    }
}
