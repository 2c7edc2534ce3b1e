//! RFC 7672 and RFC 8461 host by host: what each asks of a connection to one MX host, and what Postfix does there when it is
//! told something. What is done must be no weaker than what is asked.

/// What a TLSA look-up for a host came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tlsa {
    /// Authentic records, one of which can be used.
    Usable,
    /// Authentic records, none of which can be used.
    Unusable,
    /// None, or none that are authentic.
    Absent,
    /// Forged.
    Bogus,
    /// No answer.
    Unknown,
}

impl Tlsa {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Usable, Self::Unusable, Self::Absent, Self::Bogus, Self::Unknown];
}

/// One MX host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Host {
    /// Its TLSA look-up.
    pub tlsa: Tlsa,
    /// Whether the policy names it.
    pub named: bool,
}

/// The MX look-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mx {
    /// Authentic.
    Secure,
    /// Not authentic.
    Insecure,
    /// Failed.
    Failed,
}

/// The policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// In force.
    Enforce,
    /// In force, but only tested.
    Testing,
    /// In force, and says that there is none.
    None,
    /// There is none.
    Absent,
    /// Past its end.
    Stale,
    /// Not to be had.
    Unfetchable,
    /// Perhaps there is one.
    Unknown,
}

impl Policy {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Enforce,
        Self::Testing,
        Self::None,
        Self::Absent,
        Self::Stale,
        Self::Unfetchable,
        Self::Unknown,
    ];
}

/// What is asked of a connection, or done there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connection {
    /// As the site likes.
    Any,
    /// TLS, whoever answers.
    Encrypted,
    /// TLS with a certificate of the TLSA records.
    ByTlsa,
    /// TLS with a certificate of the web's authorities, and only if the policy names the host.
    ByPolicy,
    /// None at all.
    Never,
}

/// What DANE asks: RFC 7672 §2.2 with §2.1.2 and §2.2.1.
pub fn dane_asks(dane: bool, mx: Mx, host: Host) -> Connection {
    if !dane {
        return Connection::Any;
    }
    match mx {
        Mx::Failed => Connection::Never,
        Mx::Insecure => Connection::Any,
        Mx::Secure => match host.tlsa {
            Tlsa::Usable => Connection::ByTlsa,
            Tlsa::Unusable => Connection::Encrypted,
            Tlsa::Absent => Connection::Any,
            Tlsa::Bogus | Tlsa::Unknown => Connection::Never,
        },
    }
}

/// What MTA-STS asks: RFC 8461 §5 with §4.1.
pub fn sts_asks(policy: Policy, host: Host) -> Connection {
    match policy {
        Policy::Enforce if host.named => Connection::ByPolicy,
        Policy::Enforce | Policy::Unknown => Connection::Never,
        _ => Connection::Any,
    }
}

/// What Postfix does with a host when it is told `level`, and under `secure` is given that host or not. At `dane` it asks the
/// DNS itself; while the MX look-up fails there is nothing that it could connect to.
pub fn postfix_does(level: &str, given: bool, mx: Mx, host: Host) -> Connection {
    match level {
        "NOTFOUND" => Connection::Any,
        "TEMP" => Connection::Never,
        "dane" => dane_asks(true, mx, host),
        "dane-only" => match dane_asks(true, mx, host) {
            Connection::ByTlsa => Connection::ByTlsa,
            _ => Connection::Never,
        },
        "secure" if given => Connection::ByPolicy,
        "secure" => Connection::Never,
        other => panic!("no level: {other}"),
    }
}

/// Whether what is done is as strong as what is asked.
pub fn is_enough(done: Connection, asked: Connection) -> bool {
    match (done, asked) {
        (Connection::Never, _) | (_, Connection::Any) => true,
        (Connection::ByTlsa | Connection::ByPolicy | Connection::Encrypted, Connection::Encrypted) => true,
        // RFC 8461 §2: DANE comes before MTA-STS.
        (Connection::ByTlsa, Connection::ByTlsa | Connection::ByPolicy) => true,
        (Connection::ByPolicy, Connection::ByPolicy) => true,
        _ => false,
    }
}

/// Whether both standards would let mail go to this host, be it encrypted and authenticated as well as can be.
pub fn is_open(dane: bool, mx: Mx, policy: Policy, host: Host) -> bool {
    let (one, other) = (dane_asks(dane, mx, host), sts_asks(policy, host));
    // A certificate of the TLSA records is as good as the policy's word for the host.
    one == Connection::ByTlsa && policy != Policy::Unknown
        || one != Connection::Never && other != Connection::Never
}
