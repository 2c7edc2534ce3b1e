//! Inbound mail that leaves again is sealed (RFC 8617 §5.1): what we saw of it, for those who trust us to read.

use arc::{NewSet, OnFailure, Sealer, Sealing};
use dkim::BodyHashes;
use mail::{Header, UnixTime};
use verdict::Verdict;
use verdict::local::{Decision, Disposition};

use crate::serve::metrics::Sealed;

/// What came of it.
pub(super) enum Seal {
    /// The message is not one that leaves again, or it stays out.
    NotWanted,
    /// These fields go on top.
    Set(NewSet),
    /// It goes on without; why.
    Left(String),
    /// A seal of ours is wrong: it goes on without, and somebody has to look.
    Alarm(String),
}

impl Seal {
    /// Seals a message on which `decision` was made. Nothing that we add to it or remove from it is covered: only ARC fields, DKIM
    /// signatures and what mail can't do without.
    pub(super) fn of(
        sealer: Option<&Sealer>,
        header: &Header,
        body: &BodyHashes,
        verdict: &Verdict,
        decision: &Decision,
        now: UnixTime,
    ) -> Self {
        let (Some(sealer), false) = (sealer, stays_out(decision)) else { return Self::NotWanted };
        let results = verdict.authentication_results();
        // RFC 8617 §5.1: a chain that is not valid is not extended, and the verdict says so in no seal of ours.
        let sealing = Sealing::new(header, verdict.arc(), results, sealer, OnFailure::LeaveAlone, now);
        let sealing = match sealing {
            Ok(sealing) => sealing,
            Err(why) => return Self::Left(why.to_string()),
        };
        match sealing.finish(header, body).map(|set| (sealing.check_own(header, body, &set), set)) {
            Ok((Ok(()), set)) => Self::Set(set),
            Ok((Err(fault), _)) => Self::Alarm(fault.to_string()),
            Err(fault) => Self::Alarm(fault.to_string()),
        }
    }

    /// The same in a word, for what is counted; `None` where nothing was wanted.
    pub(super) fn counted(&self) -> Option<Sealed> {
        match self {
            Self::NotWanted => None,
            Self::Set(_) => Some(Sealed::Yes),
            Self::Left(_) => Some(Sealed::Left),
            Self::Alarm(_) => Some(Sealed::Failed),
        }
    }
}

fn stays_out(decision: &Decision) -> bool {
    matches!(decision.disposition(), Disposition::Refuse(_) | Disposition::Defer(_))
}
