//! Answers by question, as many as fit into so many bytes; one that was not used since it was kept, or since it last got a
//! second chance, goes first.

use std::hash::BuildHasher;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dns::{Answer, Data, Name, Question};
use lru::LruCache;
use tokio::time::Instant;

use crate::{FAILURE_TTL, MAX_TTL, MIN_TTL};

/// What an entry takes beside the bytes of its name and data: the map, the list, the allocations.
const ENTRY_OVERHEAD: usize = 384;
/// What a record or string takes beside its bytes.
const RECORD_OVERHEAD: usize = 48;

/// How many parts a large cache has, each with its own lock, so that threads seldom wait for each other.
const SHARDS: usize = 16;
/// Fewest bytes of a part: what is larger is not kept.
const SHARD_BYTES: usize = 1 << 20;

pub(crate) struct Cache {
    /// What each part may take.
    max_bytes: usize,
    first: Mutex<Entries>,
    others: Box<[Mutex<Entries>]>,
    /// Chooses the part.
    hasher: lru::DefaultHasher,
}

struct Entries {
    /// In the order in which they were kept, or got their second chance: a hit moves nothing, which would touch the memory of
    /// entries that nobody asked for.
    by_question: LruCache<Question, Entry>,
    bytes: usize,
}

struct Entry {
    answer: Answer,
    expires: Instant,
    bytes: usize,
    /// Whether it was asked for since it came to its place in the order.
    used: bool,
}

impl Cache {
    pub(crate) fn new(max_bytes: usize) -> Self {
        let shards = (max_bytes / SHARD_BYTES).clamp(1, SHARDS);
        let entries = || Mutex::new(Entries { by_question: LruCache::unbounded(), bytes: 0 });
        Self {
            max_bytes: max_bytes / shards,
            first: entries(),
            others: (1..shards).map(|_| entries()).collect(),
            hasher: lru::DefaultHasher::default(),
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        self.others.iter().chain([&self.first]).map(|shard| lock(shard).bytes).sum()
    }

    /// The answer that is kept, with what is left of its time.
    pub(crate) fn get(&self, question: &Question, now: Instant) -> Option<Answer> {
        let mut entries = lock(self.shard(question));
        let entry = entries.by_question.peek_mut(question)?;
        if entry.expires <= now {
            entries.remove(question);
            return None;
        }
        // Written once, not with each hit: other cores may be reading here.
        if !entry.used {
            entry.used = true;
        }
        // A kept answer is good for another second at least, or it would not be here.
        let left = entry.expires.saturating_duration_since(now).as_secs_f64().ceil();
        Some(Answer { ttl: left as u32, took: Duration::ZERO, ..entry.answer.clone() })
    }

    /// Keeps an answer for as long as the rules say, and gives it back with that time.
    pub(crate) fn put(&self, question: &Question, answer: Answer, now: Instant) -> Answer {
        let ttl =
            if answer.reply.failure().is_some() { FAILURE_TTL } else { answer.ttl.clamp(MIN_TTL, MAX_TTL) };
        let answer = Answer { ttl, ..answer };
        let bytes = weight(question, &answer);
        let mut entries = lock(self.shard(question));
        entries.remove(question);
        if bytes <= self.max_bytes {
            let expires = now + Duration::from_secs(ttl.into());
            entries
                .by_question
                .put(question.clone(), Entry { answer: answer.clone(), expires, bytes, used: false });
            entries.bytes += bytes;
            entries.shrink(self.max_bytes);
        }
        answer
    }

    fn shard(&self, question: &Question) -> &Mutex<Entries> {
        let number = self.hasher.hash_one(question) % self.others.len().saturating_add(1) as u64;
        usize::try_from(number).ok().and_then(|number| self.others.get(number)).unwrap_or(&self.first)
    }
}

/// A panic elsewhere leaves the entries whole: nothing here panics between two changes.
fn lock(shard: &Mutex<Entries>) -> MutexGuard<'_, Entries> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Entries {
    fn remove(&mut self, question: &Question) {
        if let Some(entry) = self.by_question.pop(question) {
            self.bytes -= entry.bytes;
        }
    }

    fn shrink(&mut self, max_bytes: usize) {
        while self.bytes > max_bytes {
            let Some((question, entry)) = self.by_question.pop_lru() else { break };
            // Each second chance was paid for by a hit, and whoever gets one loses his mark: this comes to an end.
            match entry.used {
                true => _ = self.by_question.put(question, Entry { used: false, ..entry }),
                false => self.bytes -= entry.bytes,
            }
        }
    }
}

fn weight(question: &Question, answer: &Answer) -> usize {
    ENTRY_OVERHEAD + name(&question.name) + answer.records().iter().map(data).sum::<usize>()
}

fn data(data: &Data) -> usize {
    RECORD_OVERHEAD
        + match data {
            Data::A(_) | Data::Aaaa(_) => 0,
            Data::Txt(strings) => strings.iter().map(|s| RECORD_OVERHEAD + s.len()).sum(),
            Data::Tlsa { data, .. } => data.len(),
            Data::Mx { exchange, .. } => name(exchange),
            Data::Ptr(target) | Data::Ns(target) | Data::Cname(target) => name(target),
            Data::Soa { mname, .. } => name(mname),
        }
}

fn name(name: &Name) -> usize {
    name.labels().map(|label| label.len() + 1).sum()
}

#[cfg(test)]
mod tests {
    use dns::{RecordType, Reply};

    use super::*;

    fn question(number: usize) -> Question {
        Question::new(Name::from_dotted(format!("n{number}.example")).unwrap(), RecordType::Txt)
    }

    fn answer(reply: Reply, ttl: u32) -> Answer {
        Answer { ttl, ..Answer::new(reply) }
    }

    fn text(bytes: usize) -> Reply {
        Reply::from_records([Data::txt("x".repeat(bytes))])
    }

    #[test]
    fn dns_12_time_is_kept_within_bounds() {
        let check = |reply: Reply, ttl: u32, expected: u32| {
            let cache = Cache::new(10_000);
            let now = Instant::now();
            let after = |seconds: u32| now + Duration::from_secs(seconds.into());
            assert_eq!(cache.put(&question(0), answer(reply, ttl), now).ttl, expected);
            assert_eq!(cache.get(&question(0), now).unwrap().ttl, expected);
            assert_eq!(cache.get(&question(0), after(expected - 1)).unwrap().ttl, 1);
            assert_eq!(cache.get(&question(0), after(expected)), None);
            assert_eq!(cache.bytes(), 0);
        };
        check(text(1), 0, 30);
        check(text(1), 29, 30);
        check(text(1), 31, 31);
        check(text(1), 86_400, 86_400);
        check(text(1), 86_401, 86_400);
        check(text(1), u32::MAX, 86_400);
        check(Reply::NoData, 0, 30);
        check(Reply::NoSuchName, 300, 300);
        check(Reply::ServerFailure, 300, 1);
        check(Reply::TimeOut, 300, 1);
        check(Reply::Bogus, 300, 1);
    }

    #[test]
    fn dns_12_bytes_are_bounded_and_the_oldest_goes() {
        let cache = Cache::new(100_000);
        let now = Instant::now();
        for number in 0..1000 {
            cache.put(&question(number), answer(text(1000), 60), now);
            assert!(cache.bytes() <= 100_000);
            assert!(cache.get(&question(0), now).is_some(), "in use");
        }
        assert!(cache.get(&question(1), now).is_none());
        assert!(cache.get(&question(999), now).is_some());
        assert!(cache.bytes() > 90_000);
        cache.put(&question(0), answer(text(100_000), 60), now);
        assert!(cache.get(&question(0), now).is_none(), "too large to be kept");
        assert!(cache.get(&question(999), now).is_some(), "but not at the cost of the others");
    }

    #[test]
    fn dns_12_a_newer_answer_takes_the_place_of_the_older() {
        let cache = Cache::new(100_000);
        let now = Instant::now();
        cache.put(&question(0), answer(text(1000), 60), now);
        let before = cache.bytes();
        cache.put(&question(0), answer(text(1000), 60), now);
        assert_eq!(cache.bytes(), before);
    }
}
