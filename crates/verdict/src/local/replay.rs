//! Replay: a message with a valid signature sent again, to others than its author meant. No check can tell it from the
//! first copy; how often the signature was seen, and how old it is, can be counted.

use std::collections::BTreeMap;

use dmarc::AlignedBy;
use mail::{Domain, UnixTime};

use crate::verdict::Verdict;

/// How long a signature is remembered at least that was not seen again, in seconds, if there is room.
pub const REMEMBERED: u64 = 24 * 60 * 60;

/// What a site takes for a replay. By default nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Replay {
    /// More messages than this with one signature.
    pub copies: Option<u32>,
    /// A signature older than this, in seconds.
    pub age: Option<u64>,
}

/// Why a message is taken for a replay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Replayed {
    /// Its signature was seen so often.
    Copies(u32),
    /// Its newest signature is so old, in seconds.
    Old(u64),
}

impl Replay {
    /// Whether a message is one. Only where nothing but DKIM makes DMARC pass: who sends from the author's own hosts does not replay.
    /// A signature without t= has no age.
    pub(super) fn find(self, verdict: &Verdict, copies: Option<u32>) -> Option<Replayed> {
        if verdict.dmarc().aligned_by() != Some(AlignedBy::Dkim) {
            return None;
        }
        let often =
            copies.filter(|copies| self.copies.is_some_and(|most| *copies > most)).map(Replayed::Copies);
        let ages: Option<Vec<u64>> = vouching(verdict).map(|check| verdict.signature_age(check)).collect();
        let newest = ages.and_then(|ages| ages.into_iter().min());
        let old = newest.filter(|age| self.age.is_some_and(|most| *age > most)).map(Replayed::Old);
        often.or(old)
    }
}

/// The signatures that pass for the author's organization; where nobody knows it, for the author domain.
fn vouching(verdict: &Verdict) -> impl Iterator<Item = &dkim::Check> {
    let dmarc = verdict.dmarc();
    let organization =
        dmarc.organization().map(|organization| &organization.domain).or(dmarc.author_domain());
    let vouches = move |check: &&dkim::Check| {
        let domain = check.domain().zip(organization);
        check.outcome() == dkim::Outcome::Pass && domain.is_some_and(|(domain, of)| domain.is_within(of))
    };
    verdict.dkim().iter().filter(vouches)
}

/// What tells one signature from others: its domain, and the first characters of b= (RFC 6008).
type Signature = (Domain, Box<str>);

/// How often each signature was seen. What is not seen again is forgotten, after [`REMEMBERED`] or when there is no more
/// room; what goes on being seen is not.
#[derive(Debug)]
pub struct Copies {
    limit: usize,
    /// When `young` began.
    since: UnixTime,
    young: BTreeMap<Signature, u32>,
    old: BTreeMap<Signature, u32>,
}

impl Copies {
    /// For at most so many signatures.
    pub fn new(limit: usize) -> Self {
        Self { limit, since: UnixTime(0), young: BTreeMap::new(), old: BTreeMap::new() }
    }

    /// Counts a message: how often the signatures of its author's organization were seen, this time too; of several, the one
    /// seen most. `None` where none passes.
    pub fn count(&mut self, verdict: &Verdict, now: UnixTime) -> Option<u32> {
        let id = |check: &dkim::Check| Some((check.domain()?.clone(), check.b_prefix()?.into()));
        let mut signatures: Vec<Signature> = vouching(verdict).filter_map(id).collect();
        // The same one twice on a message is no copy.
        signatures.sort();
        signatures.dedup();
        signatures.into_iter().map(|signature| self.see(signature, now)).max()
    }

    fn see(&mut self, signature: Signature, now: UnixTime) -> u32 {
        // A clock that was set back begins anew.
        let time = now.0.abs_diff(self.since.0);
        if time >= REMEMBERED || self.young.len() >= (self.limit / 2).max(1) {
            self.old = std::mem::take(&mut self.young);
            self.since = now;
        }
        if time >= 2 * REMEMBERED {
            self.old.clear();
        }
        let before = self.old.remove(&signature).unwrap_or(0);
        let count = self.young.entry(signature).or_insert(0);
        *count = count.saturating_add(before).saturating_add(1);
        *count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signature(number: usize) -> Signature {
        (Domain::parse(format!("d{number}.example")).unwrap(), "abcdefgh".into())
    }

    #[test]
    fn dkp_01_what_goes_on_being_seen_is_counted_on() {
        let mut copies = Copies::new(1000);
        for number in 1..=100 {
            // An hour between them: the generations change in between.
            assert_eq!(copies.see(signature(1), UnixTime(1_000_000 + u64::from(number) * 3600)), number);
        }
        let other: Signature = (signature(1).0, "abcdefgi".into());
        assert_eq!(copies.see(other, UnixTime(1_000_000)), 1);
    }

    #[test]
    fn dkp_01_what_is_not_seen_again_is_forgotten() {
        let mut copies = Copies::new(1000);
        let start = 1_000_000;
        assert_eq!(copies.see(signature(1), UnixTime(start)), 1);
        assert_eq!(copies.see(signature(2), UnixTime(start + REMEMBERED)), 1);
        assert_eq!(copies.see(signature(1), UnixTime(start + REMEMBERED)), 2);
        assert_eq!(copies.see(signature(3), UnixTime(start + 2 * REMEMBERED)), 1);
        assert_eq!(copies.see(signature(3), UnixTime(start + 3 * REMEMBERED)), 2);
        assert_eq!(copies.see(signature(1), UnixTime(start + 3 * REMEMBERED)), 1);
        // Also where nothing else comes meanwhile.
        assert_eq!(copies.see(signature(1), UnixTime(start + 5 * REMEMBERED)), 1);
    }

    #[test]
    fn dkp_01_memory_is_bounded() {
        let mut copies = Copies::new(100);
        for number in 0..10_000 {
            copies.see(signature(number), UnixTime(1_000_000));
            assert!(copies.young.len() + copies.old.len() <= 100);
            // One that goes on being seen is not pushed out by all the others.
            assert_eq!(
                copies.see(signature(77_777), UnixTime(1_000_000)),
                u32::try_from(number).unwrap() + 1
            );
        }
        assert_eq!(copies.see(signature(0), UnixTime(1_000_000)), 1);
    }
}
