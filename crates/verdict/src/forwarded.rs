//! Which inbound mail leaves again: what a site says it passes on, by the listener that it comes by or by whom it is for.

use std::fmt;

use mail::{DomainError, PathDomain, ReversePath};

use crate::outbound::{DomainPattern, Glob};

/// Recipients whose mail goes on elsewhere: `old@example.com`, `*-friends@example.com`, `alumni.example.com`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecipientPattern {
    local: Glob,
    domain: DomainPattern,
}

impl RecipientPattern {
    /// Reads one; a domain alone stands for everybody there.
    pub fn parse(text: &str) -> Result<Self, DomainError> {
        let (local, domain) = text.rsplit_once('@').unwrap_or(("*", text));
        let local = if local.is_empty() { "*" } else { local };
        DomainPattern::parse(domain).map(|domain| Self { local: Glob::new(local), domain })
    }

    fn matches(&self, path: &ReversePath) -> bool {
        match path {
            ReversePath::Mailbox { local, domain: PathDomain::Name(domain) } => {
                self.local.matches(local) && self.domain.matches(domain)
            }
            _ => false,
        }
    }
}

impl fmt::Display for RecipientPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.local, self.domain)
    }
}

/// What a site passes on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forwarded {
    /// All that comes by these listeners.
    pub listeners: Vec<String>,
    /// And all that is for one of these, whoever else it is for.
    pub recipients: Vec<RecipientPattern>,
}

impl Forwarded {
    /// Whether all mail goes on that comes by this listener.
    pub fn by_listener(&self, name: &str) -> bool {
        self.listeners.iter().any(|listener| listener == name)
    }

    /// Whether mail for this recipient goes on, as RCPT TO gave it.
    pub fn to(&self, raw: &[u8], smtputf8: bool) -> bool {
        // A forward path is written like a reverse path (RFC 5321 §4.1.2).
        !self.recipients.is_empty() && {
            let path = ReversePath::parse(raw, smtputf8);
            self.recipients.iter().any(|pattern| pattern.matches(&path))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(patterns: &str, matching: &[&str], others: &[&str]) {
        let recipients = patterns.split(' ').map(|text| RecipientPattern::parse(text).unwrap()).collect();
        let forwarded = Forwarded { listeners: Vec::new(), recipients };
        for (paths, want) in [(matching, true), (others, false)] {
            for path in paths {
                assert_eq!(forwarded.to(path.as_bytes(), false), want, "{patterns} {path}");
            }
        }
    }

    #[test]
    fn recipients() {
        check(
            "alumni.example old@Example.org .deep.example *-l@lists.example @all.example",
            &[
                "<a@alumni.example>",
                "<A@ALUMNI.EXAMPLE.>",
                "Old@example.org",
                "<\"old\"@example.org>",
                "<x@a.deep.example>",
                "<rust-l@lists.example>",
                "<x@all.example>",
                "<@relay.example:old@example.org>",
            ],
            &[
                "<a@b.alumni.example>",
                "<new@example.org>",
                "<x@deep.example>",
                "<owner@lists.example>",
                "<alumni.example>",
                "<postmaster>",
                "<>",
                "<a@[192.0.2.1]>",
                "rubbish <",
            ],
        );
        assert!(!Forwarded::default().to(b"<a@alumni.example>", false));
    }

    #[test]
    fn listeners() {
        let forwarded = Forwarded { listeners: vec!["relay".to_owned()], recipients: Vec::new() };
        assert!(forwarded.by_listener("relay") && !forwarded.by_listener("relay2"));
    }

    #[test]
    fn patterns_are_shown_as_they_count() {
        for (text, shown) in [("a.example", "*@a.example"), ("X@.a.example", "x@.a.example"), ("@*", "*@*")] {
            assert_eq!(RecipientPattern::parse(text).unwrap().to_string(), shown);
        }
        for bad in ["", "a@", "a@b..example", "a b"] {
            assert!(RecipientPattern::parse(bad).is_err(), "{bad}");
        }
    }
}
