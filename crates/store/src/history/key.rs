//! What things are remembered by: networks, and the keys of deferrals.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use aws_lc_rs::digest::{SHA256, digest};
use mail::Domain;

/// A network as a site remembers clients by it: the /24 of an IPv4 address, the /64 of an IPv6 address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Network(IpAddr);

impl Network {
    /// The network of an address. An IPv4 address that is written as an IPv6 one is the IPv4 address.
    pub fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(v4) => Ipv4Addr::from_bits(v4.to_bits() & 0xffff_ff00).into(),
            IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)).into(),
        })
    }

    /// Reads what [`fmt::Display`] wrote.
    pub(crate) fn stored(text: &str) -> Option<Self> {
        let (address, length) = text.split_once('/')?;
        let address: IpAddr = address.parse().ok()?;
        let network = Self::of(address);
        (network.0 == address && network.length() == length).then_some(network)
    }

    fn length(self) -> &'static str {
        if self.0.is_ipv4() { "24" } else { "64" }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.0, self.length())
    }
}

/// Whose mail is put off: client network, MAIL FROM and author domain, as the first 128 bits of a SHA-256. The address
/// itself is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeferralKey([u8; 16]);

impl DeferralKey {
    /// The key of a message. `mail_from` is the address as the client gave it; empty for the null reverse-path.
    pub fn of(client: IpAddr, mail_from: &[u8], author: Option<&Domain>) -> Self {
        let mut text = Network::of(client).to_string().into_bytes();
        text.push(0);
        // A domain holds no NUL, and stands in front: what follows is MAIL FROM, whatever it holds.
        text.extend_from_slice(author.map_or("", Domain::as_str).as_bytes());
        text.push(0);
        text.extend_from_slice(&mail_from.to_ascii_lowercase());
        let mut key = [0; 16];
        key.iter_mut().zip(digest(&SHA256, &text).as_ref()).for_each(|(to, from)| *to = *from);
        Self(key)
    }

    pub(crate) fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    pub(crate) fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use mail::Domain;

    use super::{DeferralKey, Network};

    fn check(address: &str, expected: &str) {
        let network = Network::of(address.parse().unwrap());
        assert_eq!(network.to_string(), expected);
        assert_eq!(Network::stored(expected), Some(network));
    }

    #[test]
    fn networks() {
        check("192.0.2.255", "192.0.2.0/24");
        check("::ffff:192.0.2.1", "192.0.2.0/24");
        check("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64");
        for wrong in
            ["", "192.0.2.0", "192.0.2.1/24", "192.0.2.0/64", "2001:db8::1/64", "::ffff:192.0.2.0/24"]
        {
            assert_eq!(Network::stored(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn each_part_of_a_key_counts() {
        let key = |ip: &str, from: &str, author: &str| {
            DeferralKey::of(ip.parse().unwrap(), from.as_bytes(), Domain::parse(author).ok().as_ref())
        };
        let one = key("192.0.2.1", "a@b.example", "c.example");
        assert_eq!(one, key("192.0.2.9", "A@b.Example", "C.example"));
        for other in [
            key("192.0.3.1", "a@b.example", "c.example"),
            key("192.0.2.1", "x@b.example", "c.example"),
            key("192.0.2.1", "a@b.example", "d.example"),
            key("192.0.2.1", "a@b.example", ""),
            key("192.0.2.1", "", "c.example"),
        ] {
            assert_ne!(one, other);
        }
    }
}
