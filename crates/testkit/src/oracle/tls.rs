//! RFC 7672 and RFC 8461 host by host: what each asks of a connection to one MX host. [`postfix`] is what Postfix does there
//! when it is told something. What is done must be no weaker than what is asked.

pub mod postfix;

use postfix::Told;

/// What the DNS says of the addresses of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Address {
    /// An IPv4 and an IPv6 address, both authentic.
    Secure,
    /// An IPv4 address that is authentic; the question for the other kind fails.
    Half,
    /// Not authentic.
    Insecure,
    /// None.
    None,
    /// No answer.
    Failed,
}

impl Address {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Secure, Self::Half, Self::Insecure, Self::None, Self::Failed];
}

/// What the DNS says of the TLSA records of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tlsa {
    /// Authentic records, one of which can be used.
    Usable,
    /// Authentic records, none of which can be used.
    Unusable,
    /// Certainly none.
    Absent,
    /// Records that are not authentic.
    Insecure,
    /// Forged.
    Bogus,
    /// No answer.
    Unknown,
}

impl Tlsa {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Usable, Self::Unusable, Self::Absent, Self::Insecure, Self::Bogus, Self::Unknown];
}

/// One MX host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// Its name.
    pub name: String,
    /// Its addresses.
    pub address: Address,
    /// Its TLSA records.
    pub tlsa: Tlsa,
    /// Whether the policy names it.
    pub named: bool,
}

/// The way to the hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mx {
    /// Authentic MX records.
    Secure,
    /// MX records that are not.
    Insecure,
    /// No answer.
    Failed,
    /// None: the domain, or the smart host, is the host.
    Itself,
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
    /// TLS with a certificate of the web's authorities in the host's name, and only if the policy names the host.
    ByPolicy,
    /// None at all.
    Never,
}

/// What DANE asks.
#[must_use]
pub fn dane_asks(dane: bool, mx: Mx, host: &Host) -> Connection {
    // RFC 7672 §2.1.1: "Security-oblivious stub resolvers MUST NOT be used."
    if !dane {
        return Connection::Any;
    }
    match mx {
        // §2.1.2: "when a [failure] prevents an SMTP client from determining which SMTP server or servers it should connect to,
        // message delivery MUST be delayed".
        Mx::Failed => Connection::Never,
        // §2.2.1: "If the MX RRset is insecure [...], the SMTP client is free to use pre-DANE opportunistic TLS".
        Mx::Insecure => Connection::Any,
        // §2.2.2: hosts of secure MX records, and domains and relays without.
        Mx::Secure | Mx::Itself => match host.address {
            // "If no address records are found, the destination is unreachable."
            Address::None => Connection::Any,
            // "[...] errors [...] for any query in the process MUST result in delaying or abandoning delivery."
            Address::Failed => Connection::Never,
            // "[if] insecure, the SMTP client SHOULD NOT proceed to search for any associated TLSA records."
            Address::Insecure => Connection::Any,
            Address::Secure | Address::Half => match host.tlsa {
                // §2.2: "any connection [...] MUST employ TLS encryption and MUST authenticate the SMTP server".
                Tlsa::Usable => Connection::ByTlsa,
                // "Any connection to the MTA MUST be made via TLS, but authentication is not required."
                Tlsa::Unusable => Connection::Encrypted,
                // "[...] SHOULD be made using (pre-DANE) opportunistic TLS".
                Tlsa::Absent | Tlsa::Insecure => Connection::Any,
                // "[...] MUST result in falling back to the next SMTP server or delayed delivery."
                Tlsa::Bogus | Tlsa::Unknown => Connection::Never,
            },
        },
    }
}

/// What MTA-STS asks.
#[must_use]
pub fn sts_asks(policy: Policy, host: &Host) -> Connection {
    match policy {
        // RFC 8461 §5: "MUST NOT deliver the message to hosts that fail MX matching or certificate validation or that do not
        // support STARTTLS."
        Policy::Enforce if host.named => Connection::ByPolicy,
        Policy::Enforce => Connection::Never,
        // "messages may be delivered as though there were no MTA-STS validation failure"; "as though it does not have any
        // active policy".
        Policy::Testing | Policy::None => Connection::Any,
        // §3.3: "senders MUST continue with delivery as though the domain has not implemented MTA-STS."
        Policy::Absent | Policy::Stale | Policy::Unfetchable => Connection::Any,
        // §3.3: "if [...] a valid (non-expired) policy exists in the sender's cache, the sender MUST apply that": and nobody
        // knows whether one does.
        Policy::Unknown => Connection::Never,
    }
}

/// What Postfix does with a host. At `dane` it asks the DNS itself, and obeys RFC 7672.
#[must_use]
pub fn is_done(told: &Told, mx: Mx, host: &Host) -> Connection {
    match told {
        Told::Nothing => Connection::Any,
        Told::Later => Connection::Never,
        Told::Dane => dane_asks(true, mx, host),
        Told::DaneOnly => match dane_asks(true, mx, host) {
            Connection::ByTlsa => Connection::ByTlsa,
            _ => Connection::Never,
        },
        Told::Secure(names) if names.take(&host.name) => Connection::ByPolicy,
        Told::Secure(_) => Connection::Never,
    }
}

/// Whether what is done is as strong as what is asked.
#[must_use]
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
#[must_use]
pub fn is_open(dane: bool, mx: Mx, policy: Policy, host: &Host) -> bool {
    let (one, other) = (dane_asks(dane, mx, host), sts_asks(policy, host));
    // A certificate of the TLSA records is as good as the policy's word for the host.
    one == Connection::ByTlsa && policy != Policy::Unknown
        || one != Connection::Never && other != Connection::Never
}
