//! The steps of the decision, as typed data that can tell itself.

use std::fmt;

use dane::{Mx, NoHosts, Trouble};
use mail::{Explain, Quote, Section};
use mta_sts::{Mode, Policy};

use super::decide::{Level, Sts, Why};

/// What DANE asks of a connection to a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Nothing.
    Nothing,
    /// TLS, with any certificate.
    Encryption,
    /// TLS, with a certificate of the TLSA records.
    Certificate,
    /// Nobody knows, so there must be no connection; which question failed, if one was asked.
    Unknown(Option<Trouble>),
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The domain's policy.
    Sts(Sts),
    /// The domain's MX records.
    Mx(Mx),
    /// DANE does not count, as the MTA can't obey it.
    NoDane,
    /// One MX host.
    Host {
        /// Its name in the MX record.
        name: dns::Name,
        /// What DANE asks.
        asked: Asked,
        /// Whether the `enforce` policy allows it; `None` without one.
        allowed: Option<bool>,
    },
    /// The result.
    Concluded(Level),
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sts(sts) => write_sts(f, sts),
            Self::Mx(mx) => write_mx(f, mx),
            Self::NoDane => f.write_str("DANE does not count: nothing says that the MTA can obey it"),
            Self::Host { name, asked, allowed } => {
                write!(f, "host {name}: ")?;
                match allowed {
                    Some(true) => f.write_str("the policy allows it, ")?,
                    Some(false) => f.write_str("the policy does not allow it, ")?,
                    None => {}
                }
                write_asked(f, asked)
            }
            Self::Concluded(level) => write_level(f, level),
        }
    }
}

fn write_sts(f: &mut fmt::Formatter<'_>, sts: &Sts) -> fmt::Result {
    match sts {
        Sts::Policy(policy) => write!(f, "an MTA-STS policy in mode {} is in force", policy.mode()),
        Sts::Absent => f.write_str("no MTA-STS policy is known"),
        Sts::Stale => f.write_str("the last MTA-STS policy is past its max_age, and there is no newer one"),
        Sts::Unfetchable => f.write_str("an MTA-STS policy is announced but can't be had, and none is kept"),
        Sts::Unknown => f.write_str("an MTA-STS policy may be kept, but can't be read now"),
    }
}

fn write_mx(f: &mut fmt::Formatter<'_>, mx: &Mx) -> fmt::Result {
    match mx {
        Mx::Hosts { authenticated: true, .. } => f.write_str("the MX records are authentic"),
        Mx::Hosts { authenticated: false, .. } => {
            f.write_str("the MX records are not authentic, so DANE does not apply")
        }
        Mx::Itself(name) => {
            write!(f, "no MX records lead to {name}, so its addresses say whether DANE applies")
        }
        Mx::None(NoHosts::NullMx) => f.write_str("the domain says that it takes no mail"),
        Mx::None(NoHosts::NoSuchName) => f.write_str("the domain does not exist"),
        Mx::Unknown(failure) => write!(f, "the MX records are unknown: {failure}"),
    }
}

fn write_asked(f: &mut fmt::Formatter<'_>, asked: &Asked) -> fmt::Result {
    match asked {
        Asked::Nothing => f.write_str("DANE asks for nothing"),
        Asked::Encryption => f.write_str("DANE asks for TLS (no TLSA record can be used)"),
        Asked::Certificate => f.write_str("DANE asks for a certificate of its TLSA records"),
        Asked::Unknown(Some(Trouble::Dns(question, failure))) => {
            write!(f, "no connection now: {question}: {failure}")
        }
        Asked::Unknown(Some(Trouble::NotAsked) | None) => {
            f.write_str("no connection: its TLSA records were not looked up")
        }
    }
}

fn write_level(f: &mut fmt::Formatter<'_>, level: &Level) -> fmt::Result {
    match level {
        Level::Nothing => f.write_str("nothing is asked for: what the site does for all domains"),
        Level::Dane => f.write_str("each host by its own TLSA records"),
        Level::DaneOnly => f.write_str("only hosts with a certificate of their TLSA records"),
        Level::Secure(secure) => {
            f.write_str("only hosts that the policy allows, with a valid certificate")?;
            if secure.left_out {
                f.write_str("; those with DNS trouble are left out")?;
            }
            Ok(())
        }
        Level::Defer(why) => write!(f, "no mail now: {why}"),
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PolicyUnknown => "whether an MTA-STS policy is in force is not known now",
            Self::MxUnknown => "an MTA-STS policy is in force and the MX records can't be looked up",
            Self::NoHosts => "an MTA-STS policy is in force and no host takes mail for the domain",
            Self::NoneAllowed => "the MTA-STS policy in force allows none of the MX hosts",
            Self::DaneUnknown => {
                "the TLSA records of all MX hosts that the MTA-STS policy allows can't be looked up"
            }
        })
    }
}

impl Explain for Step {
    fn section(&self) -> Section {
        Section(match self {
            Self::Sts(Sts::Policy(_)) => "RFC 8461 §5",
            Self::Sts(_) => "RFC 8461 §3.3",
            Self::Mx(Mx::Unknown(_)) => "RFC 7672 §2.1.2",
            Self::Mx(Mx::Itself(_)) => "RFC 7672 §2.2.2",
            Self::Mx(_) => "RFC 7672 §2.2.1",
            Self::NoDane => "RFC 7672 §2.1.1",
            Self::Host { asked: Asked::Unknown(_), .. } => "RFC 7672 §2.1.2",
            Self::Host { asked: Asked::Nothing, allowed: Some(_), .. } => "RFC 8461 §4.1",
            Self::Host { .. } => "RFC 7672 §2.2",
            Self::Concluded(level) => match level {
                Level::Nothing => "RFC 8461 §5",
                Level::Dane => "RFC 7672 §2.2",
                Level::DaneOnly => "RFC 8461 §2",
                Level::Secure(_) => "RFC 8461 §4",
                Level::Defer(Why::MxUnknown | Why::DaneUnknown) => "RFC 7672 §2.1.2",
                Level::Defer(Why::PolicyUnknown | Why::NoHosts | Why::NoneAllowed) => "RFC 8461 §5",
            },
        })
    }

    fn quote(&self) -> Option<Quote> {
        match self {
            Self::Sts(Sts::Policy(policy)) => Some(quote(policy)),
            _ => None,
        }
    }
}

fn quote(policy: &Policy) -> Quote {
    let source = match policy.mode() {
        Mode::None => "MTA-STS policy (not used)",
        Mode::Testing | Mode::Enforce => "MTA-STS policy",
    };
    Quote::whole(source, policy.to_string())
}
