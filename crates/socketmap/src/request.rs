//! Requests: the name of a map and a key.

use crate::netstring::put;

/// How long a request may be: map, space and key, in octets. Postfix asks for next-hop destinations, which SMTP keeps well
/// below that.
pub const MAX_REQUEST: usize = 4096;

/// A question for a table. Octets as they came: a key may have anything in it, and in any case of letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request<'a> {
    /// The name that stands behind the address in Postfix's configuration (`socketmap:unix:/path:NAME`).
    pub map: &'a [u8],
    /// What is looked up.
    pub key: &'a [u8],
}

/// What is no request. The next one can still be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// No space, thus no key.
    #[error("no space in a request of {0} octets: it is a map, a space and a key")]
    NoSpace(usize),
    /// The space comes first.
    #[error("no name of a map before the space")]
    NoMap,
}

impl<'a> Request<'a> {
    /// Reads what is in a netstring. The first space ends the map's name; further ones belong to the key.
    pub fn parse(octets: &'a [u8]) -> Result<Self, RequestError> {
        match octets.iter().position(|octet| *octet == b' ').and_then(|at| octets.split_at_checked(at)) {
            None => Err(RequestError::NoSpace(octets.len())),
            Some(([], _)) => Err(RequestError::NoMap),
            Some((map, key)) => Ok(Self { map, key: key.get(1..).unwrap_or_default() }),
        }
    }

    /// Appends it as Postfix sends it.
    pub fn encode(&self, out: &mut Vec<u8>) {
        put(out, &[self.map, b" ", self.key]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(octets: &[u8], expected: Result<(&[u8], &[u8]), &str>) {
        let parsed = Request::parse(octets);
        let found = parsed.as_ref().map(|request| (request.map, request.key)).map_err(ToString::to_string);
        assert_eq!(found, expected.map_err(str::to_owned), "{}", octets.escape_ascii());
        if let Ok(request) = parsed {
            let mut out = Vec::new();
            request.encode(&mut out);
            assert!(out.ends_with(&[octets, b","].concat()));
        }
    }

    #[test]
    fn net_11_keys_are_what_was_sent() {
        for key in [
            "example.com",
            ".example.com",
            ".com",
            "EXAMPLE.com",
            "[192.0.2.1]:25",
            "[mx.example.com]",
            "example.com:587",
            "user@example.com",
            "example.com.",
            "",
            "two words",
            "a,b:5:",
        ] {
            check(format!("policy {key}").as_bytes(), Ok((b"policy", key.as_bytes())));
        }
    }

    #[test]
    fn net_10_binary_and_newline_keys() {
        let every: Vec<u8> = (0..=255).collect();
        check(&[b"m ".as_slice(), &every].concat(), Ok((b"m", &every)));
        check(b"m one\ntwo\r\n", Ok((b"m", b"one\ntwo\r\n")));
        check(b"m\n k", Ok((b"m\n", b"k")));
    }

    #[test]
    fn net_10_no_request() {
        check(b"", Err("no space in a request of 0 octets: it is a map, a space and a key"));
        check(b"policy", Err("no space in a request of 6 octets: it is a map, a space and a key"));
        check(b" key", Err("no name of a map before the space"));
        check(b" ", Err("no name of a map before the space"));
    }
}
