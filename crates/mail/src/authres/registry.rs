//! The methods, results and properties that are registered with IANA ("Email Authentication Parameters") and that
//! mailward writes; all others are read as the keywords that they are.

use std::fmt;

use smol_str::SmolStr;

use super::{Keyword, MethodResult};

/// What was checked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// SMTP AUTH (RFC 8601 §2.7.4).
    Auth,
    /// One DKIM signature (RFC 8601 §2.7.1).
    Dkim,
    /// SPF (RFC 8601 §2.7.2).
    Spf,
    /// The client's name and address agree (RFC 8601 §3).
    Iprev,
    /// DMARC (RFC 9989 §9).
    Dmarc,
    /// The chain of ARC sets (RFC 8617 §10).
    Arc,
    /// Any other, registered or not.
    Other(Keyword),
}

impl Method {
    /// The method of this name.
    pub(super) fn read(name: Keyword) -> Self {
        match name.as_str() {
            "auth" => Self::Auth,
            "dkim" => Self::Dkim,
            "spf" => Self::Spf,
            "iprev" => Self::Iprev,
            "dmarc" => Self::Dmarc,
            "arc" => Self::Arc,
            _ => Self::Other(name),
        }
    }

    /// The name as written.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Auth => "auth",
            Self::Dkim => "dkim",
            Self::Spf => "spf",
            Self::Iprev => "iprev",
            Self::Dmarc => "dmarc",
            Self::Arc => "arc",
            Self::Other(name) => name.as_str(),
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What came of a check: the word behind the method.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Word {
    /// Nothing there to check.
    None,
    /// Passed.
    Pass,
    /// Failed.
    Fail,
    /// SPF's weak failure.
    SoftFail,
    /// Neither.
    Neutral,
    /// Passed, but a local rule does not accept it (RFC 8601 §2.4).
    Policy,
    /// Not known now; may be known later.
    TempError,
    /// Never to be known.
    PermError,
    /// A word that none of our methods has.
    Other(Keyword),
}

impl Word {
    /// The result of this name.
    pub(super) fn read(name: Keyword) -> Self {
        match name.as_str() {
            "none" => Self::None,
            "pass" => Self::Pass,
            "fail" => Self::Fail,
            "softfail" => Self::SoftFail,
            "neutral" => Self::Neutral,
            "policy" => Self::Policy,
            "temperror" => Self::TempError,
            "permerror" => Self::PermError,
            _ => Self::Other(name),
        }
    }

    /// The word as written.
    pub fn as_str(&self) -> &str {
        match self {
            Self::None => "none",
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::SoftFail => "softfail",
            Self::Neutral => "neutral",
            Self::Policy => "policy",
            Self::TempError => "temperror",
            Self::PermError => "permerror",
            Self::Other(name) => name.as_str(),
        }
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The words that a method may be written with, and the constructor that takes them: no other pair can be made.
macro_rules! words {
    ($name:ident, $constructor:ident, $method:ident, $section:literal: $($word:ident)*) => {
        #[doc = concat!("The results of `", stringify!($constructor), "` (", $section, ").")]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name {
            $(#[doc = concat!("See [`Word::", stringify!($word), "`].")] $word,)*
        }

        impl From<$name> for Word {
            fn from(word: $name) -> Self {
                match word {
                    $($name::$word => Self::$word,)*
                }
            }
        }

        impl MethodResult {
            #[doc = concat!("A result of `", stringify!($constructor), "` (", $section, "), without properties.")]
            pub fn $constructor(result: $name) -> Self {
                Self::new(Method::$method, result.into())
            }
        }
    };
}

words!(AuthWord, auth, Auth, "RFC 8601 §2.7.4": None Pass Fail TempError PermError);
words!(DkimWord, dkim, Dkim, "RFC 8601 §2.7.1": None Pass Fail Policy Neutral TempError PermError);
words!(SpfWord, spf, Spf, "RFC 8601 §2.7.2": None Pass Fail SoftFail Policy Neutral TempError PermError);
words!(IprevWord, iprev, Iprev, "RFC 8601 §2.7.3": Pass Fail TempError PermError);
words!(DmarcWord, dmarc, Dmarc, "RFC 9989 §9.2": None Pass Fail TempError PermError);
words!(ArcWord, arc, Arc, "RFC 8617 §10.1": None Pass Fail);

/// A property that is registered for one of our methods.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RegisteredProperty {
    /// `smtp.auth` of auth: the identity that logged in.
    SmtpAuth,
    /// `smtp.mailfrom` of spf and auth: the domain of MAIL FROM. RFC 8601 §2.7.2: without the local part, unless the
    /// record looked at that.
    SmtpMailfrom,
    /// `smtp.helo` of spf: the argument of HELO or EHLO.
    SmtpHelo,
    /// `smtp.remote-ip` of arc (RFC 8617 §10.2): the client's address.
    SmtpRemoteIp,
    /// `header.a` of dkim (RFC 8601 §6.3.1): the algorithm.
    HeaderA,
    /// `header.b` of dkim (RFC 6008 §4): the first eight characters of the signature, more where eight are not enough
    /// to tell the message's signatures apart.
    HeaderB,
    /// `header.d` of dkim: the signing domain.
    HeaderD,
    /// `header.i` of dkim: the agent or user identifier.
    HeaderI,
    /// `header.s` of dkim (RFC 8601 §6.3.2): the selector.
    HeaderS,
    /// `header.from` of dmarc: the author domain.
    HeaderFrom,
    /// `header.oldest-pass` of arc (RFC 8617 §10.2): the oldest message signature that still verifies, 0 for all.
    HeaderOldestPass,
    /// `policy.dmarc` of dmarc (RFC 9989 §9.1): the policy to be applied, `none`, `quarantine` or `reject`.
    PolicyDmarc,
    /// `policy.iprev` of iprev: the client's address.
    PolicyIprev,
}

impl RegisteredProperty {
    /// The ptype and the property as they are written.
    pub(super) fn keywords(self) -> (Keyword, Keyword) {
        let (ptype, property) = match self {
            Self::SmtpAuth => ("smtp", "auth"),
            Self::SmtpMailfrom => ("smtp", "mailfrom"),
            Self::SmtpHelo => ("smtp", "helo"),
            Self::SmtpRemoteIp => ("smtp", "remote-ip"),
            Self::HeaderA => ("header", "a"),
            Self::HeaderB => ("header", "b"),
            Self::HeaderD => ("header", "d"),
            Self::HeaderI => ("header", "i"),
            Self::HeaderS => ("header", "s"),
            Self::HeaderFrom => ("header", "from"),
            Self::HeaderOldestPass => ("header", "oldest-pass"),
            Self::PolicyDmarc => ("policy", "dmarc"),
            Self::PolicyIprev => ("policy", "iprev"),
        };
        (Keyword(SmolStr::new_static(ptype)), Keyword(SmolStr::new_static(property)))
    }
}
