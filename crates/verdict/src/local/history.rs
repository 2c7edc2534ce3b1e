//! What is read of the past for one message: whom to ask about, what is known, and how "known to sign" is counted.
//!
//! All of it is an argument, so that it can be recorded. What is not known counts for nothing: without a past nothing is
//! refused for failing DMARC, and nothing deferred.

use std::collections::BTreeSet;

use mail::{Domain, UnixTime};

use crate::network::Network;
use crate::settings::Envelope;
use crate::verdict::Verdict;

/// On how many days an organizational domain must have had an aligned DKIM pass to be known to sign.
pub const SIGNING_DAYS: usize = 3;
/// How many days are looked at for that, today among them.
pub const SIGNING_WINDOW: u64 = 30;
/// How long messages of one kind are deferred for missing answers, in seconds.
pub const MAX_DEFERRAL: u64 = 4 * 60 * 60;

const DAY: u64 = 24 * 60 * 60;

/// Whether an organizational domain with aligned DKIM passes at these times is known to sign: on [`SIGNING_DAYS`] or more
/// of the last [`SIGNING_WINDOW`] days (UTC).
pub fn is_known_to_sign(passes: impl IntoIterator<Item = UnixTime>, now: UnixTime) -> bool {
    let today = now.0 / DAY;
    let days: BTreeSet<u64> = passes
        .into_iter()
        .map(|pass| pass.0 / DAY)
        .filter(|day| *day <= today && today - day < SIGNING_WINDOW)
        .collect();
    days.len() >= SIGNING_DAYS
}

/// What is known of the past of one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    /// Those of [`Subjects::organizations`] that are known to sign; `None` where nobody knows, as while the store is away.
    pub signers: Option<BTreeSet<Domain>>,
    /// Whether mail of the author domain passed DMARC when it came from the client's network; `None` as above.
    pub passed_from_network: Option<bool>,
    /// Whether messages of this kind were deferred for missing answers.
    pub deferral: Deferral,
    /// How often the message's signature was seen, this time too ([`super::Copies`]); `None` where nobody counted.
    pub copies: Option<u32>,
}

/// Whether messages with this [`DeferralKey`] were deferred before. Who defers one for the first time keeps the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Deferral {
    /// Nobody knows. Then none is deferred: it might go on for ever.
    Unknown,
    /// This is the first.
    Never,
    /// The first was deferred at this time.
    Since(UnixTime),
}

impl Deferral {
    /// Whether one more message may be deferred.
    pub(crate) fn may_go_on(self, now: UnixTime) -> bool {
        match self {
            Self::Unknown => false,
            Self::Never => true,
            // A clock that was set back must not make the time longer.
            Self::Since(first) => now.0.abs_diff(first.0) < MAX_DEFERRAL,
        }
    }
}

impl History {
    /// Nothing is known.
    pub const fn unknown() -> Self {
        Self { signers: None, passed_from_network: None, deferral: Deferral::Unknown, copies: None }
    }
}

/// What makes messages the same kind, when they are deferred for missing answers.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeferralKey {
    /// The client's network; `None` where the client is not known.
    pub client: Option<Network>,
    /// MAIL FROM, printable; empty where it is not known.
    pub mail_from: String,
    /// The author domain, if there is one.
    pub author: Option<Domain>,
}

/// Whom the past has to be asked about for one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subjects {
    /// The organizational domain of the author; where answers are missing, each that it could be. Empty without an
    /// author.
    pub organizations: Vec<Domain>,
    /// The author domain.
    pub author: Option<Domain>,
    /// The client's network.
    pub client: Option<Network>,
    /// For [`History::deferral`].
    pub deferral: DeferralKey,
}

impl Subjects {
    /// What to ask; `None` where no answer would change anything, which is so for nearly every message.
    pub fn of(verdict: &Verdict, envelope: &Envelope) -> Option<Self> {
        let dmarc = verdict.dmarc();
        let spf = verdict.spf().mail_from.as_ref().map(spf::Check::outcome);
        let matters = dmarc.disposition() == dmarc::Policy::Reject
            || dmarc.outcome() == dmarc::Outcome::TempError
            || (spf == Some(spf::Outcome::TempError) && dmarc.outcome() != dmarc::Outcome::Pass);
        matters.then(|| {
            let client = envelope.client.map(Network::of_client);
            let author = dmarc.author_domain().cloned();
            let mail_from = envelope.reverse_path().map(|path| path.to_string()).unwrap_or_default();
            let deferral = DeferralKey { client, mail_from, author: author.clone() };
            Self { organizations: organizations(verdict), author, client, deferral }
        })
    }
}

/// The organizational domain of the author, or where it depends on missing answers, all that it could be.
pub(crate) fn organizations(verdict: &Verdict) -> Vec<Domain> {
    let dmarc = verdict.dmarc();
    if let Some(organization) = dmarc.organization() {
        return vec![organization.domain.clone()];
    }
    // RFC 9989 §4.10.2: it is the author domain or one above it.
    let mut possible: Vec<Domain> = dmarc.author_domain().cloned().into_iter().collect();
    while let Some(above) = possible.last().and_then(Domain::parent).filter(Domain::is_fqdn) {
        possible.push(above);
    }
    possible
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_to_sign() {
        let now = UnixTime(1000 * DAY + 5);
        let check = |days_ago: &[u64], want: bool| {
            let passes = days_ago.iter().map(|ago| UnixTime((1000 - ago) * DAY + 77_000));
            assert_eq!(is_known_to_sign(passes, now), want, "{days_ago:?}");
        };
        check(&[], false);
        check(&[1, 2], false);
        check(&[1, 1, 1, 2], false);
        check(&[1, 2, 3], true);
        check(&[0, 15, 29], true);
        check(&[0, 15, 30], false);
        // Passes of tomorrow are a clock's mistake.
        let tomorrow = [999, 1000, 1001].map(|day| UnixTime(day * DAY));
        assert!(!is_known_to_sign(tomorrow, now));
        assert!(is_known_to_sign(tomorrow, UnixTime(1001 * DAY)));
        assert!(!is_known_to_sign([UnixTime(u64::MAX)], UnixTime(0)));
    }

    #[test]
    fn four_hours() {
        let check = |deferral: Deferral, want: bool| {
            assert_eq!(deferral.may_go_on(UnixTime(100_000)), want, "{deferral:?}");
        };
        check(Deferral::Unknown, false);
        check(Deferral::Never, true);
        check(Deferral::Since(UnixTime(100_000)), true);
        check(Deferral::Since(UnixTime(100_000 - MAX_DEFERRAL + 1)), true);
        check(Deferral::Since(UnixTime(100_000 - MAX_DEFERRAL)), false);
        check(Deferral::Since(UnixTime(0)), false);
        // NET-16: a clock that jumped.
        check(Deferral::Since(UnixTime(100_000 + MAX_DEFERRAL)), false);
        check(Deferral::Since(UnixTime(u64::MAX)), false);
    }
}
