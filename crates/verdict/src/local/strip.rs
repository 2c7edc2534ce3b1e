//! Fields of inbound mail that readers would take for ours, and that are therefore removed: the field by which we mark,
//! and what else a site lists. Authentication-Results, of which some may stay, are in [`mail::authres::find`].

/// Longest name of a field, in bytes.
pub const MAX_NAME: usize = 60;
/// What the field is called by which messages are marked, unless the site says otherwise.
pub const MARKING_FIELD: &str = "X-Mailward";

/// Fields without which a message is another message, or without which nobody could say where it came from.
const KEPT: &[&str] = &[
    "From",
    "Sender",
    "Reply-To",
    "To",
    "Cc",
    "Bcc",
    "Date",
    "Subject",
    "Message-ID",
    "In-Reply-To",
    "References",
    "Received",
    "Return-Path",
    "MIME-Version",
    "DKIM-Signature",
];
/// The same, by how they begin.
const KEPT_FAMILIES: &[&str] = &["Content-", "ARC-", "Resent-", "List-"];

/// The name of a header field that local policy may add or remove (RFC 5322 §3.6.8).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FieldName(Box<str>);

/// Why a text is no such name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldNameError {
    /// Empty, longer than [`MAX_NAME`] bytes, or with other characters than letters, digits and hyphens.
    #[error("the name of a header field is made of letters, digits and hyphens, at most {MAX_NAME}")]
    Syntax,
    /// One that mail can't do without.
    #[error("this field is part of every message and neither marks nor is removed")]
    Kept,
}

impl FieldName {
    /// Reads a name.
    pub fn parse(text: &str) -> Result<Self, FieldNameError> {
        let is_name = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
        if text.is_empty() || text.len() > MAX_NAME || !text.bytes().all(is_name) {
            return Err(FieldNameError::Syntax);
        }
        let in_family = |family: &&str| begins_with(text.as_bytes(), family);
        if KEPT.iter().any(|kept| kept.eq_ignore_ascii_case(text)) || KEPT_FAMILIES.iter().any(in_family) {
            return Err(FieldNameError::Kept);
        }
        Ok(Self(text.into()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// [`MARKING_FIELD`].
impl Default for FieldName {
    fn default() -> Self {
        Self(MARKING_FIELD.into())
    }
}

/// A field that is removed, or with a `*` at its end all that begin like it: `X-Spam-*`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FieldPattern {
    name: FieldName,
    family: bool,
}

impl FieldPattern {
    /// Reads a pattern.
    pub fn parse(text: &str) -> Result<Self, FieldNameError> {
        let (text, family) = text.strip_suffix('*').map_or((text, false), |front| (front, true));
        let name = FieldName::parse(text)?;
        let reaches = |kept: &&str| family && begins_with(kept.as_bytes(), text);
        if KEPT.iter().chain(KEPT_FAMILIES).any(reaches) {
            return Err(FieldNameError::Kept);
        }
        Ok(Self { name, family })
    }

    fn matches(&self, name: &[u8]) -> bool {
        let wanted = self.name.as_str();
        if self.family { begins_with(name, wanted) } else { name.eq_ignore_ascii_case(wanted.as_bytes()) }
    }
}

impl From<FieldName> for FieldPattern {
    fn from(name: FieldName) -> Self {
        Self { name, family: false }
    }
}

fn begins_with(name: &[u8], front: &str) -> bool {
    name.get(..front.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(front.as_bytes()))
}

/// Whether fields of this name are removed: one of the patterns fits it, also with bytes in it that no name has, which whoever
/// reads it may drop.
pub fn is_removed(patterns: &[FieldPattern], name: &[u8]) -> bool {
    let visible: Vec<u8> = name.iter().copied().filter(u8::is_ascii_graphic).collect();
    patterns.iter().any(|pattern| pattern.matches(&visible))
}

#[cfg(test)]
mod tests {
    use mail::Header;
    use mail::authres::find::{Claim, Claims};

    use super::*;

    fn check(header: &str, patterns: &str, want: &str) {
        let patterns: Vec<_> = patterns.split(' ').map(|p| FieldPattern::parse(p).unwrap()).collect();
        let header = Header::parse(header.replace('|', "\r\n"));
        let mut claims = Claims::default();
        header.field_lines().for_each(|f| claims.see(f.name, is_removed(&patterns, f.name).then_some(true)));
        let claims = claims.finish();
        let show =
            |claim: &Claim| format!("{}:{}#{}", claim.index, mail::printable(&claim.name), claim.ordinal);
        assert_eq!(claims.iter().map(show).collect::<Vec<_>>().join(" "), want);
    }

    #[test]
    fn ar_12_other_trust_fields() {
        let header = "X-Mailward: accept; x|From: a@b|Received-SPF: pass|x-mailward : quarantine|X-Spam-Flag: NO|\
                      X-SPAM-status: no|X-Spam: x|";
        check(header, "X-Mailward", "3:x-mailward#2 0:X-Mailward#1");
        check(header, "received-spf X-Spam-*", "5:X-SPAM-status#1 4:X-Spam-Flag#1 2:Received-SPF#1");
        check(header, "X-Disposition-Quarantine", "");
        check(
            "X-Mailward\u{e9}: x|X-Mail\u{1}ward: y|X-Mailward2: z|",
            "X-Mailward",
            "1:X-Mail\\x01ward#1 0:X-Mailward\\xc3\\xa9#1",
        );
    }

    #[test]
    fn ar_03_size_does_not_matter() {
        let long = format!("X-Mailward: {}|X-Mailward: b|", "a".repeat(100_000));
        check(&long, "X-Mailward", "1:X-Mailward#2 0:X-Mailward#1");
    }

    #[test]
    fn names() {
        let check = |text: &str, want: Result<(), FieldNameError>| {
            assert_eq!(FieldPattern::parse(text).map(|_| ()), want, "{text}");
        };
        check("X-Spam-*", Ok(()));
        check("Authentication-Results", Ok(()));
        check(&"a".repeat(MAX_NAME), Ok(()));
        check(&"a".repeat(MAX_NAME + 1), Err(FieldNameError::Syntax));
        for text in ["", "*", "X Spam", "X-Spam:", "X*-a", "X-\u{e9}", "X-**"] {
            check(text, Err(FieldNameError::Syntax));
        }
        for text in
            ["from", "DKIM-Signature", "DKIM-*", "D*", "Rec*", "Content-Type", "Con*", "List-Id", "arc-seal"]
        {
            check(text, Err(FieldNameError::Kept));
        }
        assert_eq!(FieldName::parse(MARKING_FIELD), Ok(FieldName::default()));
    }
}
