//! What the tags of a record can say, each a type of its own (RFC 9989 §4.7).

use std::fmt;

/// What a domain owner asks for where a message fails: the values of `p`, `sp` and `np`. Later is stricter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Policy {
    /// No preference.
    None,
    /// The message is suspicious.
    Quarantine,
    /// The use of the name is not valid.
    Reject,
}

impl Policy {
    pub(crate) fn read(value: &[u8]) -> Option<Self> {
        read_word(value, [Self::None, Self::Quarantine, Self::Reject], Self::as_str)
    }

    /// The word that stands in a record.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Quarantine => "quarantine",
            Self::Reject => "reject",
        }
    }

    /// What is asked for while the owner tests.
    #[must_use]
    pub const fn while_testing(self) -> Self {
        // RFC 9989 §4.7 `t`: with y the policy applied is one level below the one stated.
        match self {
            Self::None | Self::Quarantine => Self::None,
            Self::Reject => Self::Quarantine,
        }
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How close an identifier must be to the author domain: the values of `adkim` and `aspf`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Mode {
    /// The same organizational domain is enough.
    #[default]
    Relaxed,
    /// The very same domain.
    Strict,
}

impl Mode {
    pub(crate) fn read(value: &[u8]) -> Option<Self> {
        read_word(value, [Self::Relaxed, Self::Strict], Self::letter)
    }

    /// The letter that stands in a record.
    pub const fn letter(self) -> &'static str {
        match self {
            Self::Relaxed => "r",
            Self::Strict => "s",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Relaxed => "relaxed",
            Self::Strict => "strict",
        })
    }
}

/// Whether a record stands at a public suffix: the values of `psd`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Psd {
    /// `y`: a public suffix; each name right below it is an organization.
    Yes,
    /// `n`: an organizational domain.
    No,
    /// `u`, or no such tag: the tree decides.
    #[default]
    Unsaid,
}

impl Psd {
    pub(crate) fn read(value: &[u8]) -> Option<Self> {
        read_word(value, [Self::Yes, Self::No, Self::Unsaid], Self::letter)
    }

    /// The letter that stands in a record.
    pub const fn letter(self) -> &'static str {
        match self {
            Self::Yes => "y",
            Self::No => "n",
            Self::Unsaid => "u",
        }
    }
}

/// Whether the owner only tests its policies: the values of `t`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Testing {
    /// `y`: the policies apply one level lower.
    On,
    /// `n`, or no such tag.
    #[default]
    Off,
}

impl Testing {
    pub(crate) fn read(value: &[u8]) -> Option<Self> {
        read_word(value, [Self::On, Self::Off], Self::letter)
    }

    /// The letter that stands in a record.
    pub const fn letter(self) -> &'static str {
        match self {
            Self::On => "y",
            Self::Off => "n",
        }
    }
}

/// When a DMARC failure report is wanted: `0` or `1` in `fo`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FailureTrigger {
    /// `0`: no mechanism gave an aligned pass.
    AllFail,
    /// `1`: some mechanism gave no aligned pass.
    AnyFails,
}

/// Which failure reports are wanted: the value of `fo`. Without a `ruf` it means nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FailureOptions {
    trigger: Option<FailureTrigger>,
    dkim: bool,
    spf: bool,
}

impl Default for FailureOptions {
    fn default() -> Self {
        Self { trigger: Some(FailureTrigger::AllFail), dkim: false, spf: false }
    }
}

impl FailureOptions {
    /// When a DMARC failure report is wanted; `None` where only those of DKIM or SPF are.
    pub const fn trigger(&self) -> Option<FailureTrigger> {
        self.trigger
    }

    /// `d`: a report for every signature that fails (RFC 6651), aligned or not.
    pub const fn dkim(&self) -> bool {
        self.dkim
    }

    /// `s`: a report for every SPF failure (RFC 6652), aligned or not.
    pub const fn spf(&self) -> bool {
        self.spf
    }

    /// RFC 9989 §4.8 `dmarc-fo`: each option at most once, in any order, `0` and `1` exclude each other.
    pub(crate) fn read(value: &[u8]) -> Option<Self> {
        let mut options = Self { trigger: None, dkim: false, spf: false };
        for option in value.split(|&b| b == b':') {
            match option.trim_ascii() {
                b"0" if options.trigger.is_none() => options.trigger = Some(FailureTrigger::AllFail),
                b"1" if options.trigger.is_none() => options.trigger = Some(FailureTrigger::AnyFails),
                b"d" | b"D" if !options.dkim => options.dkim = true,
                b"s" | b"S" if !options.spf => options.spf = true,
                _ => return None,
            }
        }
        Some(options)
    }
}

impl fmt::Display for FailureOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let trigger = self.trigger.map(|trigger| match trigger {
            FailureTrigger::AllFail => "0",
            FailureTrigger::AnyFails => "1",
        });
        let parts = [trigger, self.dkim.then_some("d"), self.spf.then_some("s")];
        for (index, part) in parts.into_iter().flatten().enumerate() {
            write!(f, "{}{part}", if index > 0 { ":" } else { "" })?;
        }
        Ok(())
    }
}

/// RFC 5234 §2.3: the words of an ABNF rule match in any case.
fn read_word<T: Copy, const N: usize>(value: &[u8], words: [T; N], name: fn(T) -> &'static str) -> Option<T> {
    words.into_iter().find(|&word| value.eq_ignore_ascii_case(name(word).as_bytes()))
}
