//! Under which names the pages are given out. A page of a stranger may point a name of its own at this machine and have a
//! browser read what is here (DNS rebinding); it can't do that with an address.

use std::net::{Ipv4Addr, Ipv6Addr};

/// Whether a Host field is one of ours: an address, `localhost`, or one of `names`; a port may follow.
pub(crate) fn is_ours(host: &str, names: &[String]) -> bool {
    if let Some(rest) = host.strip_prefix('[') {
        let Some((address, port)) = rest.split_once(']') else { return false };
        return address.parse::<Ipv6Addr>().is_ok() && (port.is_empty() || is_port(port));
    }
    let (name, port) = host.find(':').and_then(|at| host.split_at_checked(at)).unwrap_or((host, ""));
    let known = || names.iter().map(String::as_str).chain(["localhost"]);
    (port.is_empty() || is_port(port))
        && (name.parse::<Ipv4Addr>().is_ok() || known().any(|known| known.eq_ignore_ascii_case(name)))
}

/// A colon and a port.
fn is_port(text: &str) -> bool {
    text.strip_prefix(':')
        .is_some_and(|digits| digits.parse::<u16>().is_ok() && digits.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn web_06_names_of_strangers_are_not_ours() {
        let names = ["mx.example.com".to_owned()];
        for ours in [
            "127.0.0.1",
            "127.0.0.1:9000",
            "192.0.2.1:1",
            "[::1]",
            "[2001:db8::1]:65535",
            "localhost",
            "LocalHost:80",
            "mx.example.com",
            "MX.example.com:9000",
        ] {
            assert!(is_ours(ours, &names), "{ours}");
        }
        for other in [
            "",
            ":80",
            "evil.example",
            "evil.example:9000",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "x.mx.example.com",
            "mx.example.com.",
            "127.0.0.1:",
            "127.0.0.1:+80",
            "127.0.0.1:65536",
            "127.0.0.1:80:80",
            "2130706433",
            "127.1",
            "::1",
            "[::1",
            "[::1]x",
            "[127.0.0.1]",
            "[]",
            "127.0.0.1@evil.example",
        ] {
            assert!(!is_ours(other, &names), "{other}");
        }
    }
}
