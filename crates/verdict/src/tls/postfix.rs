//! The decision in the words of a Postfix TLS policy table, to the letter that each version of Postfix wants.

use std::fmt;

use mail::Domain;
use mta_sts::Pattern;

use super::decide::{Decision, Level, Secure};

/// Longest answer that Postfix reads, in bytes (its `socketmap_max_reply_size`).
pub const MAX_REPLY: usize = 100_000;

/// A version of Postfix, such as 3.10.5.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// `3.10.5`: 3
    pub major: u16,
    /// `3.10.5`: 10
    pub minor: u16,
    /// `3.10.5`: 5
    pub patch: u16,
}

impl Version {
    /// The first that knows `servername`.
    const SERVERNAME: Self = Self { major: 3, minor: 4, patch: 0 };
    /// The first that knows the TLSRPT attributes; older ones refuse a policy that has them.
    pub const TLSRPT: Self = Self { major: 3, minor: 10, patch: 0 };
    /// The first that holds MX names against `mx_host_pattern`.
    pub const PATTERNS: Self = Self { major: 3, minor: 10, patch: 5 };

    /// Reads the front of what `postconf mail_version` says: `3.10.5`, `3.11`, `3.11-20260101`. A part that is missing is
    /// zero; `None` where there is no major and minor number.
    pub fn parse(text: &str) -> Option<Self> {
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let mut parts = text.get(..end)?.split('.').map(str::parse::<u16>);
        let (major, minor) = (parts.next()?.ok()?, parts.next()?.ok()?);
        Some(Self { major, minor, patch: parts.next().and_then(Result::ok).unwrap_or(0) })
    }
}

/// The Postfix that asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Postfix {
    /// Its version.
    pub version: Version,
    /// Whether it holds the names of MX hosts against the patterns that it is given.
    enforces_patterns: bool,
}

/// What Postfix is told, as the payload of a socketmap reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A policy.
    Ok(String),
    /// No policy of ours: what the site does for all domains.
    NotFound,
    /// Try again later, and why.
    Temp(String),
}

/// To the letter: `NOTFOUND` has a space behind it.
impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ok(policy) => write!(f, "OK {policy}"),
            Self::NotFound => f.write_str("NOTFOUND "),
            Self::Temp(reason) => write!(f, "TEMP {reason}"),
        }
    }
}

impl Postfix {
    /// A Postfix as its defaults have it.
    pub fn new(version: Version) -> Self {
        Self { version, enforces_patterns: version >= Version::PATTERNS }
    }

    /// The same with `smtp_tls_enforce_sts_mx_patterns = no`.
    #[must_use]
    pub fn without_patterns(self) -> Self {
        Self { enforces_patterns: false, ..self }
    }

    /// Whether it counts on names of MX hosts being held against patterns.
    pub fn counts_on_patterns(&self) -> bool {
        self.enforces_patterns
    }

    /// What it is told.
    pub fn answer(&self, decision: &Decision) -> Answer {
        match &decision.level {
            // Never "may", which could be weaker than what the site does for all domains.
            Level::Nothing => Answer::NotFound,
            Level::Dane => Answer::Ok("dane".to_owned()),
            Level::DaneOnly => Answer::Ok("dane-only".to_owned()),
            Level::Secure(secure) => self.secure(secure),
            Level::Defer(why) => Answer::Temp(why.to_string()),
        }
    }

    fn secure(&self, secure: &Secure) -> Answer {
        let reports = self.version >= Version::TLSRPT && is_hostname(&secure.domain);
        // What is too long with all that reports want is told without any of it: the first code for it in Postfix read the
        // policy's strings without a look whether there are any.
        let told =
            [true, false].into_iter().filter(|with| reports || !with).map(|with| self.policy(secure, with));
        let mut why = "";
        for policy in told {
            match policy {
                Ok(policy) if policy.len() <= MAX_REPLY - "OK ".len() => return Answer::Ok(policy),
                Ok(_) => why = "the MTA-STS policy in force is too long for Postfix",
                Err(reason) => why = reason,
            }
        }
        Answer::Temp(why.to_owned())
    }

    /// The entry of its table, with what it needs for reports or without.
    fn policy(&self, secure: &Secure, reports: bool) -> Result<String, &'static str> {
        let by_pattern = reports && self.enforces_patterns;
        let allowed = allowed(secure, by_pattern);
        if allowed.is_empty() {
            return Err(
                "the MTA-STS policy in force has only wildcards, and the MX records can't be looked up",
            );
        }
        let matches: Vec<String> = allowed.iter().map(in_match).collect();
        let mut policy = format!("secure match={}", matches.join(":"));
        if self.version >= Version::SERVERNAME {
            policy.push_str(" servername=hostname");
        }
        if reports {
            policy.push_str(&format!(" policy_type=sts policy_domain={}", secure.domain));
            // What Postfix enforces must be what is allowed; what it only reports is the policy's own.
            for pattern in if by_pattern { &allowed } else { secure.policy.mx() } {
                policy.push_str(&format!(" mx_host_pattern={pattern}"));
            }
            for line in secure.policy.lines() {
                policy.push_str(&format!(" {{ policy_string = {line} }}"));
            }
        }
        Ok(policy)
    }
}

/// What may be matched: the policy's own patterns where that is safe, else names.
// DEVIATION: RFC 8461 §4.2: where Postfix does not hold MX names against patterns, a certificate in any of these names will do
// for every MX host: it can't be told more.
fn allowed(secure: &Secure, wildcards: bool) -> Vec<Pattern> {
    let patterns = secure.policy.mx().iter();
    let Some(hosts) = &secure.hosts else {
        return patterns
            .filter(|pattern| wildcards || matches!(pattern, Pattern::Host(_)))
            .cloned()
            .collect();
    };
    let wide = |pattern: &Pattern| matches!(pattern, Pattern::Below(_)) && !wildcards;
    if secure.left_out || secure.policy.mx().iter().any(wide) {
        // Where Postfix takes ".suffix" for any depth, a certificate of a.b.suffix would do for every MX host.
        return hosts.iter().cloned().map(Pattern::Host).collect();
    }
    patterns.cloned().collect()
}

/// A pattern as an element of `match=`. Nothing in it can end the element or the attribute: a pattern holds letters,
/// digits, `-`, `_` and dots, and is none of the words that stand for other names, which have no dot.
fn in_match(pattern: &Pattern) -> String {
    match pattern {
        Pattern::Host(name) => name.to_string(),
        Pattern::Below(name) => format!(".{name}"),
    }
}

/// Whether Postfix takes a name as `policy_domain`; what it does not take would cost the whole policy.
fn is_hostname(domain: &Domain) -> bool {
    let numeric = domain.as_str().bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    !numeric && domain.labels().all(|label| !label.starts_with('-') && !label.ends_with('-'))
}

#[cfg(test)]
mod tests;
