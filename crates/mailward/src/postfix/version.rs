//! Versions of Postfix.

use std::fmt;

/// The oldest that we are tried with.
pub const OLDEST: Version = Version(3, 7, 0);

/// The first version of each line that has `smtpd_forbid_bare_newline` in all its forms (CVE-2023-51764); the ones just
/// before know `yes` and `no`.
const UNSMUGGLED: [Version; 4] = [Version(3, 5, 24), Version(3, 6, 14), Version(3, 7, 10), Version(3, 8, 5)];

/// A version, such as 3.7.11. A snapshot such as 3.11-20260101 counts as the first of its line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u32, pub u32, pub u32);

impl Version {
    /// Reads `mail_version`.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim().split(['-', '+']).next().unwrap_or_default();
        let mut numbers = text.split('.').map(|number| number.parse().ok());
        let version = Self(numbers.next()??, numbers.next()??, numbers.next().unwrap_or(Some(0))?);
        numbers.next().is_none().then_some(version)
    }

    /// Whether this version, as its makers released it, can refuse the ends of messages by which others are smuggled in.
    pub fn can_refuse_smuggling(self) -> bool {
        let line = UNSMUGGLED.iter().find(|fixed| (fixed.0, fixed.1) == (self.0, self.1));
        line.map_or(self >= Self(3, 9, 0), |fixed| self >= *fixed)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smug_01_versions() {
        for (text, fixed) in [
            ("2.11.11", false),
            ("3.4.29", false),
            ("3.5.23", false),
            ("3.5.24", true),
            ("3.6.13", false),
            ("3.6.14", true),
            ("3.7.9", false),
            ("3.7.10", true),
            ("3.7.11\n", true),
            ("3.8.4", false),
            ("3.8.5", true),
            ("3.9.0", true),
            ("3.9", true),
            ("3.10.13", true),
            ("3.11-20260101", true),
            ("4.0.0", true),
        ] {
            assert_eq!(Version::parse(text).map(Version::can_refuse_smuggling), Some(fixed), "{text}");
        }
        for text in ["", "3", "3.x", "3.7.10.1", "x.3.7", "3..7"] {
            assert_eq!(Version::parse(text), None, "{text}");
        }
    }
}
