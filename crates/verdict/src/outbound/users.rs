//! Who may write as whom: the addresses that belong to each authenticated user (RFC 6409 §6.1).

use std::fmt;

use mail::{Domain, DomainError};

use super::pattern::{DomainPattern, Glob};

/// What stands for the user's own name in an entry.
const OWN: &str = "{user}";

/// The map of users. A site without one does not have this check.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Users(Vec<(Glob, Vec<Addresses>)>);

/// Addresses that a user may write from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Addresses {
    /// `{user}`: the user's name is the address.
    Own,
    /// `{user}@example.com`: the user's name is the local part, at these domains.
    OwnAt(DomainPattern),
    /// `alice@example.com`, `alice+*@example.com`, `@example.com`, `example.com`: this local part at these domains.
    At(Glob, DomainPattern),
}

impl Addresses {
    /// Reads an entry of the map.
    pub fn parse(text: &str) -> Result<Self, DomainError> {
        match text.rsplit_once('@') {
            None if text == OWN => Ok(Self::Own),
            None => DomainPattern::parse(text).map(|domain| Self::At(Glob::new("*"), domain)),
            Some((OWN, domain)) => DomainPattern::parse(domain).map(Self::OwnAt),
            Some((local, domain)) => {
                let local = if local.is_empty() { "*" } else { local };
                DomainPattern::parse(domain).map(|domain| Self::At(Glob::new(local), domain))
            }
        }
    }

    fn hold(&self, user: &[u8], local: &[u8], domain: &Domain) -> bool {
        match self {
            Self::Own => {
                let at = user.iter().rposition(|b| *b == b'@').map(|at| user.split_at(at));
                at.is_some_and(|(name, rest)| {
                    let rest = rest.get(1..).unwrap_or_default();
                    name.eq_ignore_ascii_case(local) && Domain::parse(rest).is_ok_and(|d| d == *domain)
                })
            }
            Self::OwnAt(domains) => user.eq_ignore_ascii_case(local) && domains.matches(domain),
            Self::At(glob, domains) => glob.matches(local) && domains.matches(domain),
        }
    }
}

impl fmt::Display for Addresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Own => f.write_str(OWN),
            Self::OwnAt(domain) => write!(f, "{OWN}@{domain}"),
            Self::At(local, domain) => write!(f, "{local}@{domain}"),
        }
    }
}

/// What the map says of a user and an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owns {
    Yes,
    /// The user is there, the address is not.
    No,
    /// The user is not there.
    UnknownUser,
}

impl Users {
    /// A map of users, who may have stars in their names, to what they may write from. A user has the addresses of all
    /// the rows that match.
    pub fn new(rows: impl IntoIterator<Item = (Glob, Vec<Addresses>)>) -> Self {
        Self(rows.into_iter().collect())
    }

    /// How many rows the map has.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nobody may write as anybody.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn owns(&self, user: &[u8], local: &[u8], domain: &Domain) -> Owns {
        let mut rows = self.0.iter().filter(|(glob, _)| glob.matches(user)).peekable();
        if rows.peek().is_none() {
            return Owns::UnknownUser;
        }
        let owns = rows.flat_map(|(_, all)| all).any(|addresses| addresses.hold(user, local, domain));
        if owns { Owns::Yes } else { Owns::No }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(entry: &str, user: &str, yes: &[&str], no: &[&str]) {
        let users = Users::new([(Glob::new("*"), vec![Addresses::parse(entry).unwrap()])]);
        for (addresses, want) in [(yes, Owns::Yes), (no, Owns::No)] {
            for address in addresses {
                let (local, domain) = address.rsplit_once('@').unwrap();
                let got = users.owns(user.as_bytes(), local.as_bytes(), &Domain::parse(domain).unwrap());
                assert_eq!(got, want, "{entry} {user} {address}");
            }
        }
    }

    #[test]
    fn env_09_addresses_of_a_user() {
        check(
            "alice@example.com",
            "u1",
            &["alice@example.com", "Alice@EXAMPLE.com"],
            &["alice@sub.example.com", "bob@example.com", "alice@example.net", "xalice@example.com"],
        );
        check("example.com", "u1", &["any@example.com"], &["any@sub.example.com"]);
        check("@example.com", "u1", &["any@example.com"], &["any@sub.example.com"]);
        check(".example.com", "u1", &["any@a.example.com"], &["any@example.com"]);
        check(
            "alice+*@example.com",
            "u1",
            &["alice+x@example.com"],
            &["alice@example.com", "malice+x@example.com"],
        );
        check("*@*.example.com", "u1", &["x@a.example.com"], &["x@example.com"]);
        check("*", "u1", &["x@any.example"], &[]);
    }

    #[test]
    fn env_09_the_user_s_own_name() {
        check("{user}", "bob@example.com", &["Bob@example.com"], &["bob@example.net", "alice@example.com"]);
        check("{user}", "bob", &[], &["bob@example.com", "@example.com"]);
        check("{user}@example.com", "bob", &["bob@example.com"], &["alice@example.com", "bob@example.net"]);
        // A name from outside is no pattern.
        check("{user}@example.com", "*", &["*@example.com"], &["alice@example.com"]);
        check("{user}", "*@example.com", &["*@example.com"], &["alice@example.com"]);
    }

    #[test]
    fn env_09_who_is_not_there_owns_nothing() {
        let users = Users::new([
            (Glob::new("alice"), vec![Addresses::parse("alice@example.com").unwrap()]),
            (Glob::new("al*"), vec![Addresses::parse("@lists.example.com").unwrap()]),
        ]);
        let owns = |user: &str, local: &str, domain: &str| {
            users.owns(user.as_bytes(), local.as_bytes(), &Domain::parse(domain).unwrap())
        };
        assert_eq!(owns("ALICE", "alice", "example.com"), Owns::Yes);
        assert_eq!(owns("alice", "x", "lists.example.com"), Owns::Yes);
        assert_eq!(owns("alan", "alice", "example.com"), Owns::No);
        assert_eq!(owns("bob", "alice", "example.com"), Owns::UnknownUser);
        assert_eq!(owns("", "alice", "example.com"), Owns::UnknownUser);
    }

    #[test]
    fn entries_are_shown_as_they_mean() {
        for (entry, shown) in [
            ("{user}", "{user}"),
            ("a@b.example", "a@b.example"),
            ("b.example", "*@b.example"),
            ("{user}@.x.example", "{user}@.x.example"),
        ] {
            assert_eq!(Addresses::parse(entry).unwrap().to_string(), shown);
        }
        assert!(Addresses::parse("alice@").is_err());
        assert!(Addresses::parse("alice smith").is_err());
    }
}
