//! Networks of IP addresses, as a site lists them, and the one that a client is remembered by.

use std::fmt;
use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};

/// How many bits of an IPv4 client's address are remembered: senders share their load among neighbours.
pub const CLIENT_BITS_4: u8 = 24;
/// The same for IPv6, where a /64 is one link.
pub const CLIENT_BITS_6: u8 = 64;

/// A network, IPv4 or IPv6. An IPv4-mapped IPv6 address (RFC 4291 §2.5.5.2) belongs where its IPv4 address does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Network(IpNet);

/// Why a text is no network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {
    /// Neither an address nor an address and a length.
    #[error("not an IP address or network, such as 192.0.2.1, 192.0.2.0/24 or 2001:db8::/32")]
    Syntax,
    /// The address has bits beyond the length: one of the two is a slip. Holds the network that has that length.
    #[error("the address has bits beyond the length of the network; {0} was probably meant")]
    Bits(Network),
    /// IPv4-mapped: no client is known by such an address.
    #[error("an IPv4 network is written as one, such as 192.0.2.0/24")]
    Mapped,
}

impl Network {
    /// `127.0.0.0/8`.
    pub const LOOPBACK_4: Self =
        Self(IpNet::V4(Ipv4Net::new_assert(std::net::Ipv4Addr::new(127, 0, 0, 0), 8)));
    /// `::1`.
    pub const LOOPBACK_6: Self =
        Self(IpNet::V6(ipnet::Ipv6Net::new_assert(std::net::Ipv6Addr::LOCALHOST, 128)));

    /// Reads `192.0.2.0/24`, or one address.
    pub fn parse(text: &str) -> Result<Self, NetworkError> {
        let net = match text.parse::<IpNet>() {
            Ok(net) => net,
            Err(_) => IpNet::from(text.parse::<IpAddr>().map_err(|_| NetworkError::Syntax)?),
        };
        if let IpAddr::V6(address) = net.addr()
            && address.to_ipv4_mapped().is_some()
        {
            return Err(NetworkError::Mapped);
        }
        if net.trunc() == net { Ok(Self(net)) } else { Err(NetworkError::Bits(Self(net.trunc()))) }
    }

    /// The network that this client is remembered by: the first [`CLIENT_BITS_4`] or [`CLIENT_BITS_6`] bits.
    pub fn of_client(ip: IpAddr) -> Self {
        let ip = ip.to_canonical();
        let bits = if ip.is_ipv4() { CLIENT_BITS_4 } else { CLIENT_BITS_6 };
        Self(IpNet::new(ip, bits).map_or(IpNet::from(ip), |net| net.trunc()))
    }

    /// Whether every address of its family lies in it.
    pub fn is_everything(&self) -> bool {
        self.0.prefix_len() == 0
    }

    /// Whether the address lies in it.
    pub fn contains(&self, ip: IpAddr) -> bool {
        self.0.contains(&ip.to_canonical())
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, want: &str) {
        let got = match Network::parse(text) {
            Ok(network) => network.to_string(),
            Err(error) => format!("error: {error}"),
        };
        assert_eq!(got, want, "{text}");
    }

    #[test]
    fn networks_as_people_write_them() {
        check("192.0.2.0/24", "192.0.2.0/24");
        check("192.0.2.1", "192.0.2.1/32");
        check("2001:DB8::/32", "2001:db8::/32");
        check("::1", "::1/128");
        check(
            "192.0.2.1/24",
            "error: the address has bits beyond the length of the network; 192.0.2.0/24 was probably meant",
        );
        check("::ffff:192.0.2.0/120", "error: an IPv4 network is written as one, such as 192.0.2.0/24");
        for text in ["", "mail.example", "192.0.2.0/33", "192.0.2/24", "192.0.2.0/", "/24", " 192.0.2.1"] {
            check(
                text,
                "error: not an IP address or network, such as 192.0.2.1, 192.0.2.0/24 or 2001:db8::/32",
            );
        }
    }

    #[test]
    fn env_18_mapped_addresses_are_ipv4() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let network = Network::parse("192.0.2.0/24").unwrap();
        assert!(network.contains(ip("192.0.2.255")) && network.contains(ip("::ffff:192.0.2.1")));
        assert!(!network.contains(ip("192.0.3.0")) && !network.contains(ip("2001:db8::1")));
        assert!(!Network::parse("::/0").unwrap().contains(ip("::ffff:192.0.2.1")));
        assert_eq!(Network::of_client(ip("192.0.2.77")), network);
        assert_eq!(Network::of_client(ip("::ffff:192.0.2.77")), network);
        assert_eq!(Network::of_client(ip("2001:db8:1:2:3::4")).to_string(), "2001:db8:1:2::/64");
    }

    #[test]
    fn loopback() {
        assert_eq!(Network::LOOPBACK_4.to_string(), "127.0.0.0/8");
        assert_eq!(Network::LOOPBACK_6.to_string(), "::1/128");
    }
}
