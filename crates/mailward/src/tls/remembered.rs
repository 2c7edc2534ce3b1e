//! Answers that stay the same for a moment: while none of the DNS records behind them is past its time, and nothing about the
//! policy has to be done. Postfix asks for the same domains again and again.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{PoisonError, RwLock};

use dns::{Answer, Dns, Question};
use mail::UnixTime;

/// Most answers.
const ANSWERS: usize = 8_192;
/// Longest key that is remembered, in bytes.
const MAX_KEY: usize = 255;
/// The longest that an answer is remembered, in seconds.
pub const LONGEST: u32 = 60;

/// Answers of a kind, by key. Nothing is written when one is looked up, so that all cores can do it at once; the oldest half
/// goes when there are too many.
pub struct Remembered<T>(RwLock<Halves<T>>);

struct Halves<T> {
    young: Answers<T>,
    old: Answers<T>,
}

/// Answers, and until when each is good.
type Answers<T> = HashMap<Box<[u8]>, (T, UnixTime)>;

impl<T> Default for Remembered<T> {
    fn default() -> Self {
        Self(RwLock::new(Halves { young: HashMap::new(), old: HashMap::new() }))
    }
}

impl<T> Remembered<T> {
    /// What `read` makes of the answer to a key, if that is still good.
    pub fn get<R>(&self, key: &[u8], now: UnixTime, read: impl FnOnce(&T) -> R) -> Option<R> {
        let halves = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let (answer, until) = halves.young.get(key).or_else(|| halves.old.get(key))?;
        // A clock that was set back proves nothing about the DNS.
        let is_fresh = now <= *until && until.0 - now.0 <= u64::from(LONGEST);
        is_fresh.then(|| read(answer))
    }

    /// Remembers an answer that is good for so many seconds.
    pub fn put(&self, key: &[u8], answer: T, now: UnixTime, seconds: u32) {
        if key.len() > MAX_KEY || seconds == 0 {
            return;
        }
        let until = UnixTime(now.0.saturating_add(seconds.min(LONGEST).into()));
        let mut halves = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if halves.young.len() >= ANSWERS / 2 {
            halves.old = std::mem::take(&mut halves.young);
        }
        halves.young.insert(key.into(), (answer, until));
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
        let get = |key: &[u8], now| answers.get(key, now, |seconds| *seconds);
        for (seconds, last) in [(30, 30), (60, 60), (86_400, 60)] {
            answers.put(b"a.example", seconds, at(0), seconds);
            assert_eq!(get(b"a.example", at(last)), Some(seconds));
            assert_eq!(get(b"a.example", at(last + 1)), None);
            assert_eq!(get(b"A.example", at(0)), None);
        }
        assert_eq!(get(b"a.example", UnixTime(5)), None, "the clock was set back");
        answers.put(b"b.example", 0, at(0), 0);
        answers.put(&[b'a'; 256], 0, at(0), 60);
        assert_eq!(get(b"b.example", at(0)), None);
        assert_eq!(get(&[b'a'; 256], at(0)), None);
    }

    #[test]
    fn the_last_answer_counts() {
        let answers = Remembered::default();
        for number in 0..20_000u32 {
            answers.put(b"a.example", number, at(0), 60);
            answers.put(&number.to_be_bytes(), number, at(0), 60);
            assert_eq!(answers.get(b"a.example", at(0), |number| *number), Some(number));
        }
    }

    #[test]
    fn dos_12_answers_are_few_and_the_latest_are_kept() {
        let answers = Remembered::default();
        let is_kept = |number: u32| answers.get(&number.to_be_bytes(), at(0), |_| ()).is_some();
        for number in 0..20_000u32 {
            answers.put(&number.to_be_bytes(), number, at(0), 60);
            assert!(is_kept(number.saturating_sub(ANSWERS as u32 / 2 - 1)));
            assert!(number < ANSWERS as u32 || !is_kept(number - ANSWERS as u32));
        }
        assert!((0..20_000).filter(|number| is_kept(*number)).count() <= ANSWERS);
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
