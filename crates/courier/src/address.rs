//! Which addresses are on the public internet (the special-purpose registries of IANA, RFC 6890).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Why an address is not one to connect to for strangers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Special {
    /// This host, or none.
    Own,
    /// A private network, or one that is shared by a provider's customers.
    Private,
    /// The local link.
    Link,
    /// Many hosts at once.
    Multicast,
    /// Set aside: for documentation, measurements, protocols, the future.
    Reserved,
    /// A tunnel into IPv4, which may lead anywhere.
    Tunnel,
}

impl fmt::Display for Special {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Own => "this host",
            Self::Private => "private",
            Self::Link => "of the local link",
            Self::Multicast => "multicast",
            Self::Reserved => "reserved",
            Self::Tunnel => "a tunnel",
        })
    }
}

/// What keeps an address from being public; `None` for those that are.
pub fn special(address: IpAddr) -> Option<Special> {
    match address {
        IpAddr::V4(address) => special_4(address),
        IpAddr::V6(address) => special_6(address),
    }
}

fn special_4(address: Ipv4Addr) -> Option<Special> {
    Some(match address.octets() {
        [0 | 127, ..] => Special::Own,
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] | [100, 64..=127, ..] => Special::Private,
        [169, 254, ..] => Special::Link,
        [224..=239, ..] => Special::Multicast,
        [192, 0, 0 | 2, _] | [192, 88, 99, _] | [198, 18 | 19, ..] => Special::Reserved,
        [198, 51, 100, _] | [203, 0, 113, _] | [240..=255, ..] => Special::Reserved,
        _ => return None,
    })
}

fn special_6(address: Ipv6Addr) -> Option<Special> {
    let embedded = |high: u16, low: u16| special_4(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)));
    match address.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low] => embedded(high, low),
        // RFC 6052: where all addresses are IPv6, this is how the resolver writes those that are not.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => embedded(high, low),
        [0, 0, 0, 0, 0, 0, ..] => Some(Special::Own),
        [0xfe80..=0xfebf, ..] => Some(Special::Link),
        [0xfc00..=0xfdff, ..] | [0xfec0..=0xfeff, ..] => Some(Special::Private),
        [0xff00..=0xffff, ..] => Some(Special::Multicast),
        [0x2001, 0..=0x1ff, ..] | [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => Some(Special::Reserved),
        [0x2002, ..] => Some(Special::Tunnel),
        // Only 2000::/3 is given out.
        [0x2000..=0x3fff, ..] => None,
        _ => Some(Special::Reserved),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(addresses: &str, expected: Option<Special>) {
        for address in addresses.split_whitespace() {
            assert_eq!(special(address.parse().unwrap()), expected, "{address}");
        }
    }

    #[test]
    fn sts_13_special_addresses() {
        check("127.0.0.1 127.255.255.255 0.0.0.0 0.255.255.255 :: ::1 ::127.0.0.1", Some(Special::Own));
        check(
            "10.0.0.1 172.16.0.1 172.31.255.255 192.168.0.1 100.64.0.1 100.127.255.255",
            Some(Special::Private),
        );
        check("fc00::1 fdff:ffff::1 fec0::1 feff::1", Some(Special::Private));
        check("169.254.169.254 fe80::1 febf::1", Some(Special::Link));
        check("224.0.0.1 239.255.255.255 ff02::1 ff00::", Some(Special::Multicast));
        check(
            "192.0.0.1 192.0.2.1 198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1",
            Some(Special::Reserved),
        );
        check(
            "240.0.0.1 255.255.255.255 192.88.99.1 100:: 100::1 2001:db8::1 2001::1 3fff::1",
            Some(Special::Reserved),
        );
        check("64:ff9b:1::1 4000::1 5f00::1", Some(Special::Reserved));
        check("2002:7f00:1:: 2002:808:808::", Some(Special::Tunnel));
        check("::ffff:127.0.0.1 64:ff9b::7f00:1 ::ffff:0.0.0.0", Some(Special::Own));
        check("::ffff:10.0.0.1 64:ff9b::10.0.0.1", Some(Special::Private));
    }

    #[test]
    fn sts_13_public_addresses_on_both_sides_of_each_border() {
        check("1.1.1.1 9.255.255.255 11.0.0.0 126.0.0.1 128.0.0.1 172.15.255.255 172.32.0.0", None);
        check("100.63.255.255 100.128.0.0 169.253.0.1 169.255.0.1 191.255.0.1 192.0.1.1 192.0.3.1", None);
        check("192.167.0.1 192.169.0.1 198.17.0.1 198.20.0.1 223.255.255.255", None);
        check("2001:200::1 2001:db7::1 2001:db9::1 2606:4700::1 2a00::1 3ffe::1 3fff:1000::1", None);
        check("::ffff:8.8.8.8 64:ff9b::8.8.8.8", None);
    }
}
