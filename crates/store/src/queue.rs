//! Rows between the mail path and the disk: bounded, in memory, never waited for by who puts one in.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::{BATCH, MessageRow};

/// How much may wait in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueLimits {
    /// Most rows.
    pub rows: usize,
    /// About so many bytes at most.
    pub bytes: usize,
}

impl Default for QueueLimits {
    fn default() -> Self {
        Self { rows: 20_000, bytes: 32 << 20 }
    }
}

/// A bounded queue that knows which rows have been settled: are in the database, on the disk, or lost for good.
#[derive(Debug)]
pub(crate) struct Queue {
    most: QueueLimits,
    waiting: Mutex<Waiting>,
    /// There are rows where there were none, as many as a batch has, or many; or the queue was closed. Two may wait: who
    /// stores and who spills.
    came: Notify,
    settled: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    rows: VecDeque<MessageRow>,
    bytes: usize,
    /// The number that the next row gets.
    next: u64,
    /// The number of the first row of each batch that was taken and is not settled.
    taken: BTreeSet<u64>,
    closed: bool,
}

/// Rows that were taken out together.
#[derive(Debug)]
pub(crate) struct Batch {
    first: u64,
    pub(crate) rows: Vec<MessageRow>,
}

impl Waiting {
    fn is_high(&self, most: QueueLimits) -> bool {
        self.rows.len() > most.rows / 2 || self.bytes > most.bytes / 2
    }

    fn head(&self) -> u64 {
        self.next - self.rows.len() as u64
    }

    /// Every row with a lower number is settled.
    fn settled(&self) -> u64 {
        self.taken.first().map_or(self.head(), |first| (*first).min(self.head()))
    }
}

impl Queue {
    /// An empty one.
    pub(crate) fn new(most: QueueLimits) -> Self {
        Self { most, waiting: Mutex::default(), came: Notify::new(), settled: Notify::new() }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        // Nothing panics in between, and it would not matter.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a row in; false when it is full or closed.
    pub(crate) fn put(&self, row: MessageRow) -> bool {
        let (mut waiting, weight) = (self.waiting(), row.weight());
        if waiting.closed || waiting.rows.len() >= self.most.rows || waiting.bytes + weight > self.most.bytes
        {
            return false;
        }
        let was_high = waiting.is_high(self.most);
        waiting.bytes += weight;
        waiting.rows.push_back(row);
        waiting.next += 1;
        let matters = [1, BATCH].contains(&waiting.rows.len()) || was_high != waiting.is_high(self.most);
        drop(waiting);
        if matters {
            self.came.notify_waiters();
        }
        true
    }

    pub(crate) fn close(&self) {
        self.waiting().closed = true;
        self.came.notify_waiters();
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.waiting().closed
    }

    pub(crate) fn len(&self) -> usize {
        self.waiting().rows.len()
    }

    /// Whether so many rows wait that the disk has to help.
    pub(crate) fn is_high(&self) -> bool {
        self.waiting().is_high(self.most)
    }

    /// Waits until `enough` of this queue, or it is closed: for a row, for [`BATCH`] of them, or [`Queue::is_high`].
    pub(crate) async fn until(&self, enough: impl Fn(&Self) -> bool) {
        loop {
            let came = self.came.notified();
            if enough(self) || self.is_closed() {
                return;
            }
            came.await;
        }
    }

    /// Takes the oldest rows out, at most `most`.
    pub(crate) fn take(&self, most: usize) -> Batch {
        let mut waiting = self.waiting();
        let first = waiting.head();
        let count = most.min(waiting.rows.len());
        let rows: Vec<_> = waiting.rows.drain(..count).collect();
        waiting.bytes -= rows.iter().map(MessageRow::weight).sum::<usize>();
        if !rows.is_empty() {
            waiting.taken.insert(first);
        }
        Batch { first, rows }
    }

    /// A batch is where it can't get lost, or is lost for good.
    pub(crate) fn settle(&self, batch: Batch) {
        self.waiting().taken.remove(&batch.first);
        self.settled.notify_waiters();
    }

    /// The number of rows that were ever put in.
    pub(crate) fn last(&self) -> u64 {
        self.waiting().next
    }

    /// Waits until the first `count` rows are settled.
    pub(crate) async fn until_settled(&self, count: u64) {
        loop {
            let settled = self.settled.notified();
            if self.waiting().settled() >= count {
                return;
            }
            settled.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::{Queue, QueueLimits};
    use crate::testing::full_row;

    fn queue(rows: usize) -> Queue {
        Queue::new(QueueLimits { rows, ..QueueLimits::default() })
    }

    #[test]
    fn dos_13_a_full_queue_takes_no_more() {
        let queue = queue(2);
        let put: Vec<bool> = (0..3).map(|byte| queue.put(full_row(byte))).collect();
        assert_eq!(put, [true, true, false]);
        let batch = queue.take(1);
        assert!(queue.put(full_row(4)));
        assert_eq!((batch.rows.len(), queue.len()), (1, 2));
        queue.close();
        queue.take(2);
        assert!(!queue.put(full_row(5)), "closed");
    }

    #[tokio::test]
    async fn who_waits_for_rows_waits_for_those_on_their_way() {
        let queue = queue(10);
        (0..2).for_each(|byte| assert!(queue.put(full_row(byte))));
        let soon = |count| timeout(Duration::from_millis(1), queue.until_settled(count));
        let batch = queue.take(2);
        assert!(soon(0).await.is_ok());
        assert!(soon(1).await.is_err());
        queue.settle(batch);
        assert!(soon(2).await.is_ok());
    }

    #[test]
    fn net_17_a_queue_is_bounded_in_bytes_too() {
        let weight = full_row(1).weight();
        for (bytes, taken) in [(3 * weight, 3), (3 * weight - 1, 2)] {
            let queue = Queue::new(QueueLimits { rows: 100, bytes });
            for _ in 0..2 {
                assert_eq!((0..9).filter(|byte| queue.put(full_row(*byte))).count(), taken, "{bytes} bytes");
                assert!(queue.is_high());
                assert_eq!(queue.take(100).rows.len(), taken);
                assert!(!queue.is_high());
            }
        }
    }

    #[test]
    fn rows_count_as_settled_only_with_all_before_them() {
        let queue = queue(10);
        (0..6).for_each(|byte| assert!(queue.put(full_row(byte))));
        let settled = || queue.waiting().settled();
        let (one, two) = (queue.take(2), queue.take(2));
        assert_eq!(settled(), 0);
        queue.settle(two);
        assert_eq!(settled(), 0, "the first batch is still on its way");
        queue.settle(one);
        assert_eq!((settled(), queue.last()), (4, 6));
        assert!(queue.take(0).rows.is_empty());
        assert_eq!(settled(), 4);
    }
}
