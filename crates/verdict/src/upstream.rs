//! Whom SPF judges where mail comes by an upstream relay or a backup MX: the first host outside those that the site lists,
//! as the relays' own Received fields name it (RFC 7208 §2.2, appendix D.2: SPF is checked at the border).
//!
//! The topmost field was written by the client that we see. If that is a relay, its word is taken for the client before it,
//! and so on; the first field that a host outside the list could have written is never looked at. Loopback addresses are
//! relays only if they are listed: whatever else comes in by a relay's own loopback may bring forged fields along.

use std::fmt;
use std::net::IpAddr;

use mail::Header;
use mail::received::{self, Received};

use crate::network::Network;
use crate::settings::Envelope;

/// Most relays in a row.
pub const MAX_RELAYS: usize = 20;

/// Whom SPF judges.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Upstream {
    /// The client itself: it is no relay.
    Client,
    /// A client of a relay.
    Behind {
        /// Its address.
        ip: IpAddr,
        /// What it said in HELO or EHLO.
        helo: Option<Vec<u8>>,
        /// How many relays there are between it and us.
        relays: usize,
    },
    /// Nobody, as nobody knows who it was.
    Unknown(Lost),
}

/// Why it is not known whom a relay took a message from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lost {
    /// The relay wrote no Received field.
    NoField,
    /// Its field names no address.
    NoAddress,
    /// Its field could be read in several ways.
    Ambiguous,
    /// More than [`MAX_RELAYS`] relays.
    TooMany,
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoField => f.write_str("the relay wrote no Received field"),
            Self::NoAddress => f.write_str("the relay's Received field names no client address"),
            Self::Ambiguous => f.write_str("the relay's Received field can be read in several ways"),
            Self::TooMany => write!(f, "more than {MAX_RELAYS} relays"),
        }
    }
}

impl Upstream {
    /// Finds out. `client` is the host that we see, `header` what it sent: without a field of our own MTA. `relays` are
    /// the networks of the site's upstream relays and backup MXs.
    pub fn find(client: Option<IpAddr>, header: &Header, relays: &[Network]) -> Self {
        let is_relay = |ip: IpAddr| relays.iter().any(|network| network.contains(ip));
        if !client.is_some_and(is_relay) {
            return Self::Client;
        }
        let mut fields = header.named("Received");
        for relays in 1..=MAX_RELAYS {
            let Some(field) = fields.next() else { return Self::Unknown(Lost::NoField) };
            let Some(received) = Received::parse(field.value) else { return Self::Unknown(Lost::NoAddress) };
            match received.client {
                received::Client::Unnamed => return Self::Unknown(Lost::NoAddress),
                received::Client::Ambiguous => return Self::Unknown(Lost::Ambiguous),
                received::Client::Address(ip) if is_relay(ip) => {}
                received::Client::Address(ip) => return Self::Behind { ip, helo: received.helo, relays },
            }
        }
        Self::Unknown(Lost::TooMany)
    }

    /// The envelope that is judged in place of the one that we saw. Where the client is not known, SPF is not checked.
    #[must_use]
    pub fn judged(&self, seen: Envelope) -> Envelope {
        match self {
            Self::Client => seen,
            Self::Behind { ip, helo, .. } => Envelope { client: Some(*ip), helo: helo.clone(), ..seen },
            Self::Unknown(_) => Envelope { client: None, helo: None, ..seen },
        }
    }
}

/// A clause for the log; nothing unprintable in it.
impl fmt::Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Client => f.write_str("the client is no relay of ours"),
            Self::Behind { ip, relays, .. } => {
                write!(f, "{} is the client, behind {relays} of our relays", ip.to_canonical())
            }
            Self::Unknown(lost) => write!(f, "the client behind our relay is not known: {lost}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `client`, `IP HELO RELAYS` or why not; the header's lines with `|` between.
    fn check(client: &str, header: &str, want: &str) {
        let relays = ["192.0.2.0/24", "2001:db8::/32"].map(|text| Network::parse(text).unwrap());
        let header = Header::parse(format!("{}\r\n", header.replace('|', "\r\n")));
        let found = Upstream::find(client.parse().ok(), &header, &relays);
        let got = match &found {
            Upstream::Client => "client".to_owned(),
            Upstream::Behind { ip, helo, relays } => {
                format!("{ip} {} {relays}", mail::printable(helo.clone().unwrap_or_default()))
            }
            Upstream::Unknown(lost) => lost.to_string(),
        };
        assert_eq!(got, want, "{client} {header:?}");
        let seen =
            Envelope { client: client.parse().ok(), helo: Some(b"seen".to_vec()), ..Envelope::unknown() };
        let judged = found.judged(seen.clone());
        match found {
            Upstream::Client => assert_eq!(judged, seen),
            Upstream::Behind { ip, helo, .. } => assert_eq!((judged.client, judged.helo), (Some(ip), helo)),
            Upstream::Unknown(_) => assert_eq!(judged, Envelope::unknown()),
        }
    }

    const OUTSIDE: &str = "Received: from out (r [203.0.113.66]) by mx2";
    const INSIDE: &str = "Received: from mx2 (mx2 [192.0.2.2]) by mx1";
    const FORGED: &str = "Received: from bank (bank [198.51.100.1]) by x";

    #[test]
    fn only_the_word_of_relays_counts() {
        check("203.0.113.66", FORGED, "client");
        check("", FORGED, "client");
        check("192.0.2.1", &format!("{OUTSIDE}|{FORGED}"), "203.0.113.66 out 1");
        check("::ffff:192.0.2.1", OUTSIDE, "203.0.113.66 out 1");
        check("2001:db8::1", &format!("Subject: s|{INSIDE}|To: a|{OUTSIDE}|{FORGED}"), "203.0.113.66 out 2");
        check(
            "192.0.2.1",
            "Received: from h (h [::ffff:192.0.2.9]) by a|Received: from o (o [203.0.113.7]) by b",
            "203.0.113.7 o 2",
        );
    }

    #[test]
    fn what_cannot_be_read_is_not_known() {
        check("192.0.2.1", "Subject: s", "the relay wrote no Received field");
        check("192.0.2.1", INSIDE, "the relay wrote no Received field");
        // Nothing is passed over: below may be what an outsider wrote.
        check(
            "192.0.2.1",
            &format!("Received: by mx1 id 1|{FORGED}"),
            "the relay's Received field names no client address",
        );
        check(
            "192.0.2.1",
            &format!("{INSIDE}|Received: from h by mx2|{FORGED}"),
            "the relay's Received field names no client address",
        );
        check(
            "192.0.2.1",
            "Received: from x (a [192.0.2.7]) (r [203.0.113.66]) by mx1",
            "the relay's Received field can be read in several ways",
        );
        // An outsider who greets as one of our relays is an outsider.
        check(
            "192.0.2.1",
            "Received: from [192.0.2.2] (r [203.0.113.66]) by mx1",
            "203.0.113.66 [192.0.2.2] 1",
        );
        check(
            "192.0.2.1",
            &format!("Received: from [192.0.2.2] by mx1|{FORGED}"),
            "the relay's Received field names no client address",
        );
    }

    #[test]
    fn loopback_is_a_relay_only_if_listed() {
        check("192.0.2.1", &format!("Received: from l (l [127.0.0.1]) by mx1|{FORGED}"), "127.0.0.1 l 1");
        check("127.0.0.1", FORGED, "client");
    }

    #[test]
    fn most_relays() {
        let row = |inside: usize| format!("{}{OUTSIDE}", format!("{INSIDE}|").repeat(inside));
        check("192.0.2.1", &row(MAX_RELAYS - 1), &format!("203.0.113.66 out {MAX_RELAYS}"));
        check("192.0.2.1", &row(MAX_RELAYS), "more than 20 relays");
    }
}
