//! What was worked out of texts of the DNS before: a text that is parsed for one message is not parsed again for the next.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::answer::Strings;

/// Longest text about which anything is kept, in bytes.
pub const MAX_REMEMBERED: usize = 2_048;
/// Most bytes of texts about which something is kept, a word counted as what is made of it.
pub const MAX_REMEMBERED_IN_ALL: usize = 4 * 1024 * 1024;
/// What an entry counts at least, in bytes: it costs more than its text.
const LEAST: usize = MAX_REMEMBERED / 4;
/// What a word of a text counts beside its length, in bytes: it becomes a value of its own.
const WORD: usize = 96;
/// How many maps there are, each with its own lock, so that threads seldom meet.
const SHARDS: usize = 16;

/// Values made of texts, for all messages of a receiver.
///
/// A text is recognised by being the very one that is kept here, at the same place in memory: a resolver that answers
/// from its cache gives out one and the same. So nothing here can belong to another text or be out of date; how long an
/// answer holds is for whoever asks the DNS to know. What was not asked for since half of the room was filled goes.
#[derive(Debug)]
pub struct Memo<T>(Box<[Mutex<Halves<T>>]>);

/// The text keeps its place in memory for as long as it stands here.
type Known<T> = HashMap<usize, (Strings, Arc<T>)>;

#[derive(Debug)]
struct Halves<T> {
    young: Known<T>,
    old: Known<T>,
    /// What the young half counts, in bytes.
    bytes: usize,
}

/// About how much memory it takes to keep a text and what was made of it, in bytes. Words end at spaces, colons and
/// semicolons.
fn cost(text: &Strings) -> usize {
    let ends_word = |byte: &&u8| matches!(**byte, b' ' | b':' | b';');
    let of_string = |string: &[u8]| string.len() + WORD * string.iter().filter(ends_word).count();
    text.iter().map(|string| of_string(string)).sum::<usize>().max(LEAST)
}

impl<T> Default for Memo<T> {
    fn default() -> Self {
        let halves = || Halves { young: Known::new(), old: Known::new(), bytes: 0 };
        Self((0..SHARDS).map(|_| Mutex::new(halves())).collect())
    }
}

impl<T> Memo<T> {
    /// What is known of the text, if it `fits`, or else what `make` makes.
    pub fn get(&self, text: &Strings, fits: impl Fn(&T) -> bool, make: impl FnOnce() -> T) -> Arc<T> {
        let length: usize = text.iter().map(|string| string.len()).sum();
        // Where a text stands is a multiple of some power of two.
        let place = Arc::as_ptr(text).addr();
        let shard = self.0.get(place / 64 % SHARDS).filter(|_| length <= MAX_REMEMBERED);
        let Some(shard) = shard else { return Arc::new(make()) };
        let known = locked(shard, |halves| halves.get(place)).filter(|value| fits(value));
        known.unwrap_or_else(|| {
            let value = Arc::new(make());
            locked(shard, |halves| halves.put(place, Arc::clone(text), Arc::clone(&value)));
            value
        })
    }
}

/// A panic elsewhere leaves the maps as good as they were.
fn locked<T, R>(shard: &Mutex<Halves<T>>, act: impl FnOnce(&mut Halves<T>) -> R) -> R {
    act(&mut shard.lock().unwrap_or_else(PoisonError::into_inner))
}

impl<T> Halves<T> {
    fn get(&mut self, place: usize) -> Option<Arc<T>> {
        if let Some((_, value)) = self.young.get(&place) {
            return Some(Arc::clone(value));
        }
        let (text, value) = self.old.remove(&place)?;
        self.put(place, text, Arc::clone(&value));
        Some(value)
    }

    fn put(&mut self, place: usize, text: Strings, value: Arc<T>) {
        let cost = cost(&text);
        if self.bytes + cost > MAX_REMEMBERED_IN_ALL / SHARDS / 2 {
            self.old = std::mem::take(&mut self.young);
            self.bytes = 0;
        }
        if self.young.insert(place, (text, value)).is_none() {
            self.bytes += cost;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(content: &str) -> Strings {
        [Box::from(content.as_bytes())].into()
    }

    /// What is known of the text; `made` where nothing was.
    fn get(memo: &Memo<String>, text: &Strings, made: &str) -> String {
        memo.get(text, |_| true, || made.to_owned()).to_string()
    }

    fn kept(memo: &Memo<String>) -> usize {
        memo.0.iter().map(|shard| locked(shard, |halves| halves.young.len() + halves.old.len())).sum()
    }

    #[test]
    fn a_text_is_known_by_its_place_alone() {
        let memo = Memo::default();
        let (one, other) = (text("v=spf1"), text("v=spf1"));
        assert_eq!(get(&memo, &one, "one"), "one");
        assert_eq!(get(&memo, &one.clone(), "again"), "one");
        assert_eq!(get(&memo, &other, "other"), "other");
        assert_eq!(*memo.get(&one, |value| value == "fits", || "fits".to_owned()), "fits");
        assert_eq!(get(&memo, &one, "again"), "fits");
        // Nothing else comes to stand where a text stood that is kept here.
        drop(one);
        for number in 0..1000 {
            let made = number.to_string();
            assert_eq!(get(&memo, &text("v=spf1"), &made), made);
        }
    }

    #[test]
    fn texts_of_many_parts_count_for_what_is_made_of_them() {
        let memo = Memo::default();
        for _ in 0..1000 {
            get(&memo, &text(&"a ".repeat(1000)), "");
        }
        let most = MAX_REMEMBERED_IN_ALL / (1000 * WORD);
        assert!((1..=most).contains(&kept(&memo)), "{}", kept(&memo));
    }

    #[test]
    fn long_texts_are_not_kept() {
        let memo = Memo::default();
        for (length, expected) in [(MAX_REMEMBERED, "first"), (MAX_REMEMBERED + 1, "second")] {
            let text = text(&"x".repeat(length));
            get(&memo, &text, "first");
            assert_eq!(get(&memo, &text, "second"), expected, "{length}");
        }
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
