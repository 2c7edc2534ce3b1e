//! What is kept of messages, and read again for others: the seam to whatever remembers.

use mail::UnixTime;
use verdict::local::{Decision, DeferralKey, History, Subjects};
use verdict::{Envelope, Verdict};

/// The past.
#[derive(Debug, Default)]
pub struct Past {}

/// A message that was judged, for what is kept of it.
#[derive(Clone, Copy)]
pub struct Judged<'a> {
    /// The verdict.
    pub verdict: &'a Verdict,
    /// What was decided.
    pub decision: &'a Decision,
    /// The envelope that was judged.
    pub envelope: &'a Envelope,
    /// The name of the listener.
    pub listener: &'a str,
    /// When.
    pub now: UnixTime,
    /// Where it was deferred for missing answers: for whom.
    pub deferral: Option<&'a DeferralKey>,
}

impl Past {
    /// What is known of the past of a message.
    pub fn history(&self, _subjects: &Subjects, _now: UnixTime) -> History {
        History::unknown()
    }

    /// Keeps what has to be kept of a message. Never waits.
    pub fn keep(&self, _judged: &Judged<'_>) {}
}
