//! How the signing table writes domains, addresses and users: exact, everything below a name, or with stars.

use std::fmt;

use mail::{Domain, DomainError};

/// Domain names, as one entry of the table has them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum DomainPattern {
    /// `example.com`: this name and no other.
    Exact(Domain),
    /// `.example.com`: every name below it, however deep, and not the name itself.
    Below(Domain),
    /// `mail-*.example.com`: a star stands for any characters within its label, so there are as many labels.
    Labels(Box<[Glob]>),
    /// `*`: every name.
    Any,
}

impl DomainPattern {
    /// Reads an entry.
    pub fn parse(text: &str) -> Result<Self, DomainError> {
        if text == "*" {
            return Ok(Self::Any);
        }
        if let Some(rest) = text.strip_prefix('.') {
            return Domain::parse(rest).map(Self::Below);
        }
        if !text.contains('*') {
            return Domain::parse(text).map(Self::Exact);
        }
        // The rest must be such that a name could match: a star stands for at least one character there.
        let example = Domain::parse(text.replace('*', "a"))?;
        let labels = text.strip_suffix('.').unwrap_or(text).split('.');
        let labels: Box<[Glob]> = labels.map(Glob::new).collect();
        if labels.len() == example.label_count() { Ok(Self::Labels(labels)) } else { Err(DomainError::Idna) }
    }

    /// Whether it takes this name in.
    pub fn matches(&self, domain: &Domain) -> bool {
        match self {
            Self::Exact(name) => name == domain,
            Self::Below(name) => domain != name && domain.is_within(name),
            Self::Labels(globs) => {
                globs.len() == domain.label_count()
                    && globs.iter().zip(domain.labels()).all(|(glob, label)| glob.matches(label.as_bytes()))
            }
            Self::Any => true,
        }
    }
}

impl fmt::Display for DomainPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(name) => name.fmt(f),
            Self::Below(name) => write!(f, ".{name}"),
            Self::Labels(globs) => {
                let labels: Vec<String> = globs.iter().map(Glob::to_string).collect();
                f.write_str(&labels.join("."))
            }
            Self::Any => f.write_str("*"),
        }
    }
}

/// A text in which a star stands for any characters, none included. ASCII letters match in either case.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Glob(Box<str>);

impl Glob {
    /// A glob; every text is one.
    pub fn new(text: &str) -> Self {
        Self(text.to_ascii_lowercase().into())
    }

    /// Whether the whole of `text` matches.
    pub fn matches(&self, text: &[u8]) -> bool {
        let (mut pattern, mut rest) = (self.0.as_bytes(), text);
        // Where to go on if what follows the last star does not match: the star takes one byte more.
        let mut again: Option<(&[u8], &[u8])> = None;
        loop {
            (pattern, rest) = match (pattern, rest) {
                ([], []) => return true,
                ([b'*', after @ ..], _) => {
                    again = Some((after, rest));
                    (after, rest)
                }
                ([p, after @ ..], [t, following @ ..]) if *p == t.to_ascii_lowercase() => (after, following),
                _ => match again {
                    Some((after, [_, following @ ..])) => {
                        again = Some((after, following));
                        (after, following)
                    }
                    _ => return false,
                },
            };
        }
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&mail::printable(self.0.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, matching: &[&str], others: &[&str]) {
        let read = DomainPattern::parse(pattern).unwrap();
        for (names, want) in [(matching, true), (others, false)] {
            for name in names {
                assert_eq!(read.matches(&Domain::parse(name).unwrap()), want, "{pattern} {name}");
            }
        }
    }

    #[test]
    fn domains() {
        check("Example.COM", &["example.com"], &["a.example.com", "com", "example.com.evil.test"]);
        check("bücher.example", &["xn--bcher-kva.example"], &["bucher.example"]);
        check(
            ".example.com",
            &["a.example.com", "b.a.example.com"],
            &["example.com", "aexample.com", "example.com.evil.test"],
        );
        check(
            "mail-*.example.com",
            &["mail-1.example.com", "mail-.example.com", "MAIL-x-y.example.com"],
            &["mail.example.com", "mail-1.x.example.com", "a.mail-1.example.com", "mail-1.example.com.test"],
        );
        check("*.example.com", &["a.example.com"], &["example.com", "b.a.example.com", "aexample.com"]);
        check("*", &["example.com", "a.b.c.d"], &[]);
        check("a.*.example", &["a.b.example"], &["a.example", "a.b.c.example"]);
    }

    #[test]
    fn what_is_no_pattern() {
        for text in
            ["", ".", "..example.com", "a..b", "*..b", "a b.example", "*@example.com", ".*.example.com"]
        {
            assert!(DomainPattern::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn patterns_are_shown_as_they_were_written() {
        for text in ["example.com", ".example.com", "mail-*.example.com", "*"] {
            assert_eq!(DomainPattern::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn stars() {
        let check = |glob: &str, text: &str, want| {
            assert_eq!(Glob::new(glob).matches(text.as_bytes()), want, "{glob} {text}");
        };
        for (glob, text) in [
            ("", ""),
            ("*", ""),
            ("*", "anything"),
            ("a*", "a"),
            ("a*c", "abcbc"),
            ("*b*", "abc"),
            ("**", "x"),
            ("alice+*", "Alice+lists"),
            ("a*b*c", "a-b-b-c"),
            ("*.", "a."),
        ] {
            check(glob, text, true);
        }
        for (glob, text) in [("", "a"), ("a", ""), ("a*c", "ab"), ("a*b*c", "acb"), ("*b", "ba"), ("a", "ab")]
        {
            check(glob, text, false);
        }
    }

    #[test]
    fn many_stars_take_no_long_time() {
        let glob = Glob::new(&"*a".repeat(200));
        assert!(!glob.matches(&b"a".repeat(199)));
        assert!(glob.matches(&b"a".repeat(5_000)));
        assert!(!glob.matches(&[b"a".repeat(5_000), b"b".to_vec()].concat()));
    }
}
