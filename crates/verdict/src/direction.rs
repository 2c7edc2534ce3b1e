//! Which way a message goes: in, to be checked; out, to be signed; or neither, as it was here before. Decided for each
//! message by a table, the first row that fits.

use std::fmt;
use std::net::IpAddr;

use crate::network::Network;

/// Which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the world to the site: it is checked.
    Inbound,
    /// From the site to the world: it is signed.
    Outbound,
    /// Back from a content filter: it is left alone, and our own Authentication-Results is kept.
    Neither,
}

impl Direction {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Inbound => "inbound",
            Self::Outbound => "outbound",
            Self::Neither => "neither",
        }
    }
}

/// What a listener is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Purpose {
    /// Mail of both ways.
    #[default]
    Both,
    /// Mail from the world, such as port 25 of an MX.
    Inbound,
    /// Mail of users, such as port 587.
    Outbound,
    /// Mail that comes back from a content filter.
    Reinjected,
}

/// What is known of a message when its sender is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// What the listener is for that it came by.
    pub purpose: Purpose,
    /// The client's address; `None` where there is none, or an odd one.
    pub client: Option<IpAddr>,
    /// Whether the client has authenticated itself (`{auth_authen}`).
    pub authenticated: bool,
    /// Whether it came by no SMTP at all (Postfix's `non_smtpd_milters`).
    pub local: bool,
    /// Whether the sender is the null one.
    pub null_sender: bool,
}

/// What a row asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum When {
    /// The listener is for this.
    Listener(Purpose),
    /// The MTA wrote it itself: by no SMTP, and with the null sender (Postfix's `internal_mail_filter_classes`).
    Bounce,
    /// It came by no SMTP.
    Local,
    /// The client has authenticated itself.
    Authenticated,
    /// The client is an upstream relay or a backup MX of the site.
    Relay,
    /// The client is in a network of the site.
    OwnNetwork,
}

/// One row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Row {
    /// Where it fits.
    pub when: When,
    /// What follows.
    pub then: Direction,
}

/// The table with what it looks up. What fits no row is inbound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directions {
    rows: Vec<Row>,
    own_networks: Vec<Network>,
    relays: Vec<Network>,
}

/// A row that would take mail for re-injected by something else than its listener. By address alone, what a webmail
/// program on the same host sends would leave unsigned, and what it lets in would be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("only a listener can say that mail is neither inbound nor outbound")]
pub struct NotByListener(pub Row);

impl Default for Directions {
    /// The usual rows; the site's networks are the loopback ones, and there are no relays.
    fn default() -> Self {
        let own_networks = vec![Network::LOOPBACK_4, Network::LOOPBACK_6];
        Self { rows: Self::USUAL.to_vec(), own_networks, relays: Vec::new() }
    }
}

impl Directions {
    /// The rows of a site that says nothing else.
    pub const USUAL: [Row; 8] = [
        Row { when: When::Listener(Purpose::Reinjected), then: Direction::Neither },
        Row { when: When::Listener(Purpose::Inbound), then: Direction::Inbound },
        Row { when: When::Listener(Purpose::Outbound), then: Direction::Outbound },
        Row { when: When::Bounce, then: Direction::Outbound },
        Row { when: When::Local, then: Direction::Outbound },
        Row { when: When::Authenticated, then: Direction::Outbound },
        Row { when: When::Relay, then: Direction::Inbound },
        Row { when: When::OwnNetwork, then: Direction::Outbound },
    ];

    /// A table of one's own. `own_networks` are those whose mail is the site's, `relays` those of upstream relays and
    /// backup MXs.
    pub fn new(
        rows: Vec<Row>,
        own_networks: Vec<Network>,
        relays: Vec<Network>,
    ) -> Result<Self, NotByListener> {
        let is_odd = |row: &&Row| row.then == Direction::Neither && !matches!(row.when, When::Listener(_));
        match rows.iter().find(is_odd) {
            Some(row) => Err(NotByListener(*row)),
            None => Ok(Self { rows, own_networks, relays }),
        }
    }

    /// The networks of upstream relays and backup MXs.
    pub fn relays(&self) -> &[Network] {
        &self.relays
    }

    /// Which way a message goes, and the row that says so; `None` where none fits.
    pub fn decide(&self, origin: &Origin) -> (Direction, Option<Row>) {
        let row = self.rows.iter().find(|row| self.fits(row.when, origin)).copied();
        (row.map_or(Direction::Inbound, |row| row.then), row)
    }

    fn fits(&self, when: When, origin: &Origin) -> bool {
        // By no SMTP there is no client, whatever address the MTA fills in.
        let client = origin.client.filter(|_| !origin.local);
        let is_in = |networks: &[Network]| {
            client.is_some_and(|ip| networks.iter().any(|network| network.contains(ip)))
        };
        match when {
            When::Listener(purpose) => origin.purpose == purpose,
            When::Bounce => origin.local && origin.null_sender,
            When::Local => origin.local,
            When::Authenticated => origin.authenticated,
            When::Relay => is_in(&self.relays),
            When::OwnNetwork => is_in(&self.own_networks),
        }
    }
}

/// The row's condition as a clause, for the log.
impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Listener(Purpose::Both) => "the listener is for mail of both ways",
            Self::Listener(Purpose::Inbound) => "the listener is for inbound mail",
            Self::Listener(Purpose::Outbound) => "the listener is for outbound mail",
            Self::Listener(Purpose::Reinjected) => "the listener is for mail back from a content filter",
            Self::Bounce => "the mail server wrote it itself",
            Self::Local => "it was handed over on this host without SMTP",
            Self::Authenticated => "the client has authenticated itself",
            Self::Relay => "the client is a relay of ours",
            Self::OwnNetwork => "the client is in a network of ours",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Facts as words: a purpose, `auth`, `local`, `null`, an address.
    fn origin(facts: &str) -> Origin {
        let mut origin = Origin {
            purpose: Purpose::Both,
            client: None,
            authenticated: false,
            local: false,
            null_sender: false,
        };
        for fact in facts.split_whitespace() {
            match fact {
                "in" => origin.purpose = Purpose::Inbound,
                "out" => origin.purpose = Purpose::Outbound,
                "filter" => origin.purpose = Purpose::Reinjected,
                "auth" => origin.authenticated = true,
                "local" => origin.local = true,
                "null" => origin.null_sender = true,
                ip => origin.client = Some(ip.parse().unwrap()),
            }
        }
        origin
    }

    fn site(rows: &[Row]) -> Directions {
        let network = |text: &str| Network::parse(text).unwrap();
        let own = vec![Network::LOOPBACK_4, Network::LOOPBACK_6, network("192.0.2.0/24")];
        Directions::new(rows.to_vec(), own, vec![network("192.0.2.25")]).unwrap()
    }

    fn check(facts: &str, direction: &str, reason: &str) {
        let (got, row) = site(&Directions::USUAL).decide(&origin(facts));
        let why = row.map_or_else(String::new, |row| row.when.to_string());
        assert_eq!((got.as_str(), why.as_str()), (direction, reason), "{facts}");
    }

    #[test]
    fn the_usual_table() {
        check("203.0.113.66", "inbound", "");
        check("203.0.113.66 null", "inbound", "");
        check("203.0.113.66 auth", "outbound", "the client has authenticated itself");
        check("192.0.2.7", "outbound", "the client is in a network of ours");
        check("::ffff:192.0.2.7", "outbound", "the client is in a network of ours");
        check("192.0.2.25", "inbound", "the client is a relay of ours");
        check("192.0.2.25 auth", "outbound", "the client has authenticated itself");
        check("127.0.0.1", "outbound", "the client is in a network of ours");
        check("127.0.0.1 null", "outbound", "the client is in a network of ours");
        check("local", "outbound", "it was handed over on this host without SMTP");
        check("local 192.0.2.25", "outbound", "it was handed over on this host without SMTP");
        check("local null", "outbound", "the mail server wrote it itself");
        check("in 192.0.2.7 auth", "inbound", "the listener is for inbound mail");
        check("out 203.0.113.66", "outbound", "the listener is for outbound mail");
        check("filter 127.0.0.1", "neither", "the listener is for mail back from a content filter");
        check("filter 203.0.113.66 auth", "neither", "the listener is for mail back from a content filter");
    }

    #[test]
    fn env_18_an_unknown_client_is_not_trusted() {
        check("", "inbound", "");
        check("null", "inbound", "");
        check("0.0.0.0", "inbound", "");
        let (direction, row) = Directions::default().decide(&origin("192.0.2.7"));
        assert_eq!((direction, row), (Direction::Inbound, None));
    }

    #[test]
    fn a_table_of_ones_own() {
        let unsigned_bounces = [
            Row { when: When::Bounce, then: Direction::Inbound },
            Row { when: When::Local, then: Direction::Outbound },
        ];
        let site = site(&unsigned_bounces);
        assert_eq!(site.decide(&origin("local null")).0, Direction::Inbound);
        assert_eq!(site.decide(&origin("local")).0, Direction::Outbound);
        assert_eq!(site.decide(&origin("127.0.0.1")).0, Direction::Inbound);
        // Without SMTP there is no client, whatever address is filled in.
        let by_address = [
            Row { when: When::OwnNetwork, then: Direction::Inbound },
            Row { when: When::Local, then: Direction::Outbound },
        ];
        assert_eq!(self::site(&by_address).decide(&origin("local 127.0.0.1")).0, Direction::Outbound);
    }

    #[test]
    fn reinjection_is_never_known_by_address() {
        for when in [When::Bounce, When::Local, When::Authenticated, When::Relay, When::OwnNetwork] {
            let row = Row { when, then: Direction::Neither };
            assert_eq!(Directions::new(vec![row], Vec::new(), Vec::new()), Err(NotByListener(row)));
        }
        let row = Row { when: When::Listener(Purpose::Both), then: Direction::Neither };
        assert!(Directions::new(vec![row], Vec::new(), Vec::new()).is_ok());
    }
}
