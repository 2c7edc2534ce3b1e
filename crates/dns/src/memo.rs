//! What was worked out of answers of the DNS before: an answer that is read for one message is not read again for the next.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use foldhash::fast::RandomState;

use crate::answer::Data;

/// Most that one answer may count if anything is kept about it: the bytes of its texts, and [`OVERHEAD`] for each string.
pub const MAX_REMEMBERED: usize = 4_096;
/// Most that all answers count about which something is kept, a word counted as what is made of it.
pub const MAX_REMEMBERED_IN_ALL: usize = 4 * 1024 * 1024;
/// What a record or string counts beside its bytes.
pub const OVERHEAD: usize = 32;
/// What an entry counts at least: it costs more than its texts.
const LEAST: usize = MAX_REMEMBERED / 8;
/// What a word counts beside its bytes: it becomes a value of its own.
const WORD: usize = 96;
/// How many maps there are, each with its own lock, so that threads seldom meet.
const SHARDS: usize = 16;

/// Values made of the records of answers, for all messages of a receiver.
///
/// Records are recognised by being the very ones that are kept here, at the same place in memory: a resolver that answers
/// from its cache gives out one and the same. So nothing here can belong to other records or be out of date; how long an
/// answer holds is for whoever asks the DNS to know. What was not asked for since half of the room was filled goes.
#[derive(Debug)]
pub struct Memo<T>(Box<[Mutex<Halves<T>>]>);

/// By where the records stand.
type Known<T> = HashMap<usize, Entry<T>, RandomState>;

#[derive(Debug)]
struct Entry<T> {
    /// They keep their place for as long as they stand here.
    #[expect(dead_code, reason = "holds the place")]
    records: Arc<[Data]>,
    value: T,
    cost: usize,
}

#[derive(Debug)]
struct Halves<T> {
    young: Known<T>,
    old: Known<T>,
    /// What the young half counts.
    cost: usize,
}

impl<T> Default for Memo<T> {
    fn default() -> Self {
        let halves = || Halves { young: Known::default(), old: Known::default(), cost: 0 };
        Self((0..SHARDS).map(|_| Mutex::new(halves())).collect())
    }
}

impl<T: Clone> Memo<T> {
    /// What is known of the records, if it `fits`, or else what `make` makes.
    pub fn get(&self, records: &Arc<[Data]>, fits: impl Fn(&T) -> bool, make: impl FnOnce() -> T) -> T {
        // Where records stand is a multiple of some power of two.
        let place = Arc::as_ptr(records).addr();
        let Some(shard) = self.0.get(place / 64 % SHARDS) else { return make() };
        if let Some(value) = locked(shard, |halves| halves.get(place, fits)) {
            return value;
        }
        let value = make();
        let size = size(records);
        if size <= MAX_REMEMBERED {
            let cost = (size + WORD * words(records)).max(LEAST);
            let entry = Entry { records: Arc::clone(records), value: value.clone(), cost };
            locked(shard, |halves| halves.put(place, entry));
        }
        value
    }
}

/// What the records themselves count.
fn size(records: &[Data]) -> usize {
    let record = |data: &Data| match data {
        Data::Txt(strings) => strings.iter().map(|string| OVERHEAD + string.len()).sum(),
        _ => OVERHEAD,
    };
    records.iter().map(record).sum()
}

/// How many values may be made of the texts: words end at spaces, colons and semicolons.
fn words(records: &[Data]) -> usize {
    let ends_word = |byte: &&u8| matches!(**byte, b' ' | b':' | b';');
    let of_record = |data: &Data| match data {
        Data::Txt(strings) => strings.iter().map(|string| string.iter().filter(ends_word).count()).sum(),
        _ => 0,
    };
    records.iter().map(of_record).sum()
}

/// A panic elsewhere leaves the maps as good as they were.
fn locked<T, R>(shard: &Mutex<Halves<T>>, act: impl FnOnce(&mut Halves<T>) -> R) -> R {
    act(&mut shard.lock().unwrap_or_else(PoisonError::into_inner))
}

impl<T: Clone> Halves<T> {
    fn get(&mut self, place: usize, fits: impl Fn(&T) -> bool) -> Option<T> {
        if let Some(entry) = self.young.get(&place) {
            return fits(&entry.value).then(|| entry.value.clone());
        }
        let entry = self.old.remove(&place)?;
        let value = fits(&entry.value).then(|| entry.value.clone());
        self.put(place, entry);
        value
    }

    fn put(&mut self, place: usize, entry: Entry<T>) {
        let cost = entry.cost;
        if self.cost + cost > MAX_REMEMBERED_IN_ALL / SHARDS / 2 {
            self.old = std::mem::take(&mut self.young);
            self.cost = 0;
        }
        if self.young.insert(place, entry).is_none() {
            self.cost += cost;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(content: &str) -> Arc<[Data]> {
        strings(&[content])
    }

    fn strings(content: &[&str]) -> Arc<[Data]> {
        [Data::Txt(content.iter().map(|string| Box::from(string.as_bytes())).collect())].into()
    }

    /// What is known of the records; `made` where nothing was.
    fn get(memo: &Memo<String>, records: &Arc<[Data]>, made: &str) -> String {
        memo.get(records, |_| true, || made.to_owned())
    }

    fn kept(memo: &Memo<String>) -> usize {
        memo.0.iter().map(|shard| locked(shard, |halves| halves.young.len() + halves.old.len())).sum()
    }

    #[test]
    fn records_are_known_by_their_place_alone() {
        let memo = Memo::default();
        let (one, other) = (text("v=spf1"), text("v=spf1"));
        assert_eq!(get(&memo, &one, "one"), "one");
        assert_eq!(get(&memo, &one.clone(), "again"), "one");
        assert_eq!(get(&memo, &other, "other"), "other");
        assert_eq!(memo.get(&one, |value| value == "fits", || "fits".to_owned()), "fits");
        assert_eq!(get(&memo, &one, "again"), "fits");
        // Nothing else comes to stand where records stood that are kept here.
        drop(one);
        for number in 0..1000 {
            let made = number.to_string();
            assert_eq!(get(&memo, &text("v=spf1"), &made), made);
        }
    }

    #[test]
    fn texts_of_many_words_count_for_what_is_made_of_them() {
        let memo = Memo::default();
        for _ in 0..1000 {
            get(&memo, &text(&"a ".repeat(1000)), "");
        }
        let most = MAX_REMEMBERED_IN_ALL / (1000 * WORD);
        assert!((1..=most).contains(&kept(&memo)), "{}", kept(&memo));
    }

    #[test]
    fn large_answers_are_not_kept() {
        let check = |records: Arc<[Data]>, expected: &str| {
            let memo = Memo::default();
            get(&memo, &records, "first");
            assert_eq!(get(&memo, &records, "second"), expected, "{}", size(&records));
        };
        check(text(&"x".repeat(MAX_REMEMBERED - OVERHEAD)), "first");
        check(text(&"x".repeat(MAX_REMEMBERED - OVERHEAD + 1)), "second");
        check(strings(&[""; MAX_REMEMBERED / OVERHEAD]), "first");
        check(strings(&[""; MAX_REMEMBERED / OVERHEAD + 1]), "second");
    }

    #[test]
    fn what_is_used_stays_and_memory_is_bounded() {
        let memo = Memo::default();
        let (used, unused) = (text("used"), text("unused"));
        get(&memo, &unused, "first");
        for number in 0..40_000 {
            get(&memo, &text(&number.to_string()), "");
            assert_eq!(get(&memo, &used, if number == 0 { "first" } else { "again" }), "first");
        }
        assert_eq!(get(&memo, &unused, "again"), "again");
        assert!(kept(&memo) <= MAX_REMEMBERED_IN_ALL / LEAST, "{}", kept(&memo));
    }
}
