//! What stands in the database as a word, and how it is read back: each value has one word.

/// A type whose values stand in the database as words.
pub(crate) trait Word: Copy + 'static {
    /// All values.
    const ALL: &'static [Self];

    /// The word of this one.
    fn word(self) -> &'static str;
}

/// The value that has this word.
pub(crate) fn read<W: Word>(word: &str) -> Option<W> {
    W::ALL.iter().copied().find(|value| value.word() == word)
}

/// Declares a type of this crate, its values and their words.
macro_rules! words {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $value:ident = $word:literal,)* }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$doc])* $value,)*
        }

        impl $name {
            /// The word that stands for it in the database.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$value => $word,)*
                }
            }
        }

        impl Word for $name {
            const ALL: &'static [Self] = &[$(Self::$value),*];

            fn word(self) -> &'static str {
                self.as_str()
            }
        }
    };
}

words! {
    /// How far local policy goes.
    Mode {
        /// Tags only.
        Observe = "observe",
        /// Also marks what should be quarantined.
        Quarantine = "quarantine",
        /// Also refuses.
        Enforce = "enforce",
    }
}

words! {
    /// What is done with a message.
    Action {
        /// It goes on.
        Accept = "accept",
        /// It goes on, marked for quarantine.
        Mark = "mark",
        /// It is put off: 4xx.
        Defer = "defer",
        /// It is refused: 5xx.
        Refuse = "refuse",
    }
}

words! {
    /// RFC 9990 `disposition`: what a report says that was done because of the policy.
    Disposition {
        /// Nothing was done.
        None = "none",
        /// DMARC passed under a policy that asks for more than nothing.
        Pass = "pass",
        /// It was marked for quarantine.
        Quarantine = "quarantine",
        /// It was refused.
        Reject = "reject",
    }
}

words! {
    /// RFC 9990 `type` of a `reason`: why the disposition is not the policy's.
    OverrideKind {
        /// Local policy of this site.
        LocalPolicy = "local_policy",
        /// It seems to come from a mailing list.
        MailingList = "mailing_list",
        /// Something else; the comment says what.
        Other = "other",
        /// The owner of the domain only tests (`t=y`).
        PolicyTestMode = "policy_test_mode",
        /// A forwarder that this site knows.
        TrustedForwarder = "trusted_forwarder",
    }
}

words! {
    /// Which identity SPF checked.
    SpfScope {
        /// MAIL FROM.
        MailFrom = "mfrom",
        /// HELO.
        Helo = "helo",
    }
}

/// The words of a type of another crate, which has all values and an `as_str`.
macro_rules! words_of {
    ($($name:ty: $($value:ident),+;)*) => {
        $(impl Word for $name {
            const ALL: &'static [Self] = &[$(Self::$value),+];

            fn word(self) -> &'static str {
                self.as_str()
            }
        })*
    };
}

words_of! {
    dmarc::Outcome: None, Pass, Fail, TempError, PermError;
    dmarc::Method: TreeWalk, SuffixList;
    spf::Outcome: None, Neutral, Pass, Fail, SoftFail, TempError, PermError;
    dkim::Outcome: None, Pass, Fail, Policy, Neutral, TempError, PermError;
}

#[cfg(test)]
mod tests {
    use super::{Action, Disposition, Mode, OverrideKind, SpfScope, Word, read};

    fn check<W: Word + PartialEq + std::fmt::Debug>() {
        for value in W::ALL {
            assert_eq!(read::<W>(value.word()), Some(*value), "each value has a word of its own");
        }
        assert_eq!(read::<W>(""), None);
        assert_eq!(read::<W>("PASS"), None);
    }

    #[test]
    fn every_word_is_read_back() {
        check::<Mode>();
        check::<Action>();
        check::<Disposition>();
        check::<OverrideKind>();
        check::<SpfScope>();
        check::<dmarc::Outcome>();
        check::<dmarc::Method>();
        check::<spf::Outcome>();
        check::<dkim::Outcome>();
    }
}
