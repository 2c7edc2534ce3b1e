//! A DNS that keeps everybody waiting for a turn or a few, so that whatever goes on side by side gets mixed up.

use std::collections::BTreeSet;
use std::future::poll_fn;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::task::Poll;

use dns::{Answer, Dns, Question};

/// Answers like what is below, but not at once. It answers ahead of need too, and knows what it was asked like that.
#[derive(Debug)]
pub struct Unhurried<D> {
    below: D,
    turn: AtomicU32,
    ahead: Mutex<BTreeSet<Question>>,
}

impl<D: Dns> Unhurried<D> {
    /// Puts off the answers of `below`.
    pub fn new(below: D) -> Self {
        Self { below, turn: AtomicU32::new(1), ahead: Mutex::default() }
    }

    /// What was asked ahead of need so far.
    pub fn ahead(&self) -> BTreeSet<Question> {
        self.ahead.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// One to four turns, another number each time.
    async fn wait(&self) {
        let step = |turn: u32| Some(turn.wrapping_mul(1_664_525).wrapping_add(1_013_904_223));
        let turn = self.turn.fetch_update(Ordering::Relaxed, Ordering::Relaxed, step).unwrap_or_default();
        let mut left = 1 + (turn >> 30);
        poll_fn(|cx| {
            if left == 0 {
                return Poll::Ready(());
            }
            left -= 1;
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }
}

impl<D: Dns> Dns for Unhurried<D> {
    async fn ask(&self, question: &Question) -> Answer {
        self.wait().await;
        self.below.ask(question).await
    }

    async fn warm(&self, question: &Question) -> Option<Answer> {
        self.ahead.lock().unwrap_or_else(PoisonError::into_inner).insert(question.clone());
        self.wait().await;
        Some(self.below.ask(question).await)
    }
}
