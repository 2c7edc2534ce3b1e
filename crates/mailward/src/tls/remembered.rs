//! Answers that stay the same for a moment: while none of the DNS records behind them is past its time, and nothing about the
//! policy has to be done. Postfix asks for the same domains again and again.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use dns::{Answer, Dns, Question};
use lru::LruCache;
use mail::UnixTime;

/// Most answers.
const ANSWERS: NonZeroUsize = NonZeroUsize::new(8_192).unwrap();
/// Longest key that is remembered, in bytes.
const MAX_KEY: usize = 255;
/// The longest that an answer is remembered, in seconds.
pub const LONGEST: u32 = 60;

/// Answers of a kind, by key.
pub struct Remembered<T>(Mutex<LruCache<Box<[u8]>, Good<T>>>);

/// An answer, and until when it is good.
type Good<T> = (T, UnixTime);

impl<T: Clone> Default for Remembered<T> {
    fn default() -> Self {
        Self(Mutex::new(LruCache::new(ANSWERS)))
    }
}

impl<T: Clone> Remembered<T> {
    /// The answer to a key, if it is still good.
    pub fn get(&self, key: &[u8], now: UnixTime) -> Option<T> {
        let mut answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A clock that was set back proves nothing about the DNS.
        let fresh = |until: UnixTime| now <= until && until.0 - now.0 <= u64::from(LONGEST);
        answers.get(key).filter(|(_, until)| fresh(*until)).map(|(answer, _)| answer.clone())
    }

    /// Remembers an answer that is good for so many seconds.
    pub fn put(&self, key: &[u8], answer: T, now: UnixTime, seconds: u32) {
        if key.len() > MAX_KEY || seconds == 0 {
            return;
        }
        let until = UnixTime(now.0.saturating_add(seconds.min(LONGEST).into()));
        self.0.lock().unwrap_or_else(PoisonError::into_inner).put(key.into(), (answer, until));
    }
}

/// A DNS that notes how long all of its answers together are good.
pub struct Timed<D> {
    below: D,
    shortest: AtomicU32,
}

impl<D> Timed<D> {
    /// One that has not been asked yet.
    pub fn new(below: D) -> Self {
        Self { below, shortest: AtomicU32::new(LONGEST) }
    }

    /// For so many seconds; not at all where one of them was no answer.
    pub fn shortest(&self) -> u32 {
        self.shortest.load(Ordering::Relaxed)
    }
}

impl<D: Dns + Sync> Dns for Timed<D> {
    async fn ask(&self, question: &Question) -> Answer {
        let answer = self.below.ask(question).await;
        let ttl = if answer.reply.failure().is_some() { 0 } else { answer.ttl };
        self.shortest.fetch_min(ttl, Ordering::Relaxed);
        answer
    }
}

#[cfg(test)]
mod tests {
    use dns::{Name, RecordType, Zone};

    use super::*;

    fn at(seconds: u64) -> UnixTime {
        UnixTime(1_000_000 + seconds)
    }

    #[test]
    fn answers_are_good_for_a_time() {
        let answers = Remembered::default();
        for (seconds, last) in [(30, 30), (60, 60), (86_400, 60)] {
            answers.put(b"a.example", seconds, at(0), seconds);
            assert_eq!(answers.get(b"a.example", at(last)), Some(seconds));
            assert_eq!(answers.get(b"a.example", at(last + 1)), None);
            assert_eq!(answers.get(b"A.example", at(0)), None);
        }
        assert_eq!(answers.get(b"a.example", UnixTime(5)), None, "the clock was set back");
        answers.put(b"b.example", 0, at(0), 0);
        answers.put(&[b'a'; 256], 0, at(0), 60);
        assert_eq!(answers.get(b"b.example", at(0)), None);
        assert_eq!(answers.get(&[b'a'; 256], at(0)), None);
    }

    #[test]
    fn dos_12_answers_are_few() {
        let answers = Remembered::default();
        for number in 0..20_000u32 {
            answers.put(&number.to_be_bytes(), number, at(0), 60);
        }
        let kept =
            (0..20_000u32).filter(|number| answers.get(&number.to_be_bytes(), at(0)).is_some()).count();
        assert_eq!(kept, ANSWERS.get());
    }

    #[test]
    fn the_shortest_time_counts_and_a_failure_has_none() {
        let zone = "a.example. 50 A 192.0.2.1\nb.example. 40 A 192.0.2.1\n;! timeout c.example.";
        let timed = Timed::new(Zone::parse(zone).unwrap());
        let ask = |name: &str| {
            let question = Question::new(Name::from_dotted(name).unwrap(), RecordType::A);
            pollster::block_on(timed.ask(&question));
            timed.shortest()
        };
        assert_eq!(
            [timed.shortest(), ask("a.example"), ask("b.example"), ask("a.example"), ask("c.example")],
            [60, 50, 40, 40, 0]
        );
    }
}
