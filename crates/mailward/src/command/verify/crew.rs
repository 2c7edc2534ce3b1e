//! Those who work through the messages: a thread for each core.
//!
//! Each takes the next message from the source by itself, reads it, judges it and hands the result in; nothing goes from
//! thread to thread, which would cost more than the reading. A message that has to wait for the DNS waits in the
//! runtime, and the thread goes on with the next one. The runtime's own threads wait for no file, pipe or terminal, so
//! answers are heard however slow those are.

use std::any::Any;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::iter::Enumerate;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::available_parallelism;
use std::time::Duration;

use futures_util::FutureExt;
use mail::printable;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use verdict::Recorded;

use super::judge::{Job, Judge};
use super::output::{Form, Output, Shown};
use super::source::{Found, Source};
use crate::cli::Exit;
use crate::input::{InputError, Skipped};

/// How many messages are under way, for each that can be worked on at the same time: they wait for the DNS, or for the
/// printing of one before them that does.
const UNDER_WAY_PER_CORE: usize = 8;
/// How long output is held back at most, to be written together with more.
const FLUSHED_EVERY: Duration = Duration::from_millis(50);

/// What became of what was found.
enum Done {
    Judged(Box<Shown>),
    Skipped(Skipped),
    Failed(InputError),
}

/// What all of them share.
pub(super) struct Crew {
    judge: Judge,
    form: Form,
    source: Mutex<Enumerate<Source>>,
    desk: Mutex<Desk>,
    /// The desk has printed something.
    printed: Condvar,
    most_under_way: usize,
}

/// Where results are handed in, and printed in the order of the source.
struct Desk {
    output: Output,
    /// The number of the result that is printed next.
    next: usize,
    early: BTreeMap<usize, Done>,
}

/// Held by each thread and each message that waits in the runtime: when there is none left, the work is done.
type Busy = mpsc::Sender<Infallible>;

impl Crew {
    pub(super) fn new(judge: Judge, form: Form, source: Source, output: Output) -> Arc<Self> {
        Arc::new(Self {
            judge,
            form,
            source: Mutex::new(source.enumerate()),
            desk: Mutex::new(Desk { output, next: 0, early: BTreeMap::new() }),
            printed: Condvar::new(),
            most_under_way: cores() * UNDER_WAY_PER_CORE,
        })
    }

    /// Judges and prints all that the source has.
    pub(super) async fn run(self: &Arc<Self>) {
        let (busy, mut done) = mpsc::channel(1);
        let start = |_| {
            let (crew, busy) = (Arc::clone(self), busy.clone());
            spawn_blocking(move || crew.work(&busy))
        };
        let threads: Vec<_> = (0..cores()).map(start).collect();
        drop(busy);
        while timeout(FLUSHED_EVERY, done.recv()).await.is_err() {
            self.desk().output.flush();
        }
        for thread in threads {
            if let Err(error) = thread.await {
                self.failed(&InputError::new("verify", format!("ended by a fault of mailward: {error}")));
            }
        }
    }

    /// Prints an error that belongs to no message.
    pub(super) fn failed(&self, error: &InputError) {
        self.desk().output.failed(error);
    }

    /// The recordings of all messages, where they are made.
    pub(super) fn take_recorded(&self) -> Vec<Recorded> {
        self.desk().output.take_recorded()
    }

    /// Prints what is left.
    pub(super) fn finish(&self) -> Exit {
        self.desk().output.finish()
    }

    pub(super) fn judge(&self) -> &Judge {
        &self.judge
    }

    fn work(self: &Arc<Self>, busy: &Busy) {
        while let Some((number, found)) = self.next() {
            self.wait_for_room(number);
            match found {
                Found::Job(job) => self.begin(number, *job, busy),
                Found::Skipped(skipped) => self.hand_in(number, Done::Skipped(skipped)),
                Found::Failed(error) => self.hand_in(number, Done::Failed(error)),
            }
        }
    }

    /// The next message, with its number. Whoever fails while reading ends the work for all; that is told in [`Crew::run`].
    fn next(&self) -> Option<(usize, Found)> {
        self.source.lock().ok()?.next()
    }

    /// Waits until not too many results before this one are missing.
    fn wait_for_room(&self, number: usize) {
        let full = |desk: &mut Desk| number >= desk.next + self.most_under_way;
        drop(self.printed.wait_while(self.desk(), full));
    }

    /// Goes as far as is possible without waiting for the DNS; what waits goes on in the runtime.
    fn begin(self: &Arc<Self>, number: usize, job: Job, busy: &Busy) {
        let crew = Arc::clone(self);
        let mut settled = Box::pin(async move { crew.settle(job).await });
        if let Some(done) = settled.as_mut().now_or_never() {
            return self.hand_in(number, done);
        }
        let (crew, busy) = (Arc::clone(self), busy.clone());
        tokio::spawn(async move {
            let done = settled.await;
            spawn_blocking(move || {
                crew.hand_in(number, done);
                drop(busy);
            });
        });
    }

    async fn settle(&self, job: Job) -> Done {
        let name = job.name(&self.judge);
        let judged = async { self.judge.judge(job).await.map(|judged| self.form.show(judged)) };
        match AssertUnwindSafe(judged).catch_unwind().await {
            Ok(Ok(shown)) => Done::Judged(Box::new(shown)),
            Ok(Err(error)) => Done::Failed(error),
            Err(panic) => {
                let why = words(panic.as_ref());
                Done::Failed(InputError::new(name, format!("not judged, by a fault of mailward: {why}")))
            }
        }
    }

    fn hand_in(&self, number: usize, done: Done) {
        let mut desk = self.desk();
        desk.early.insert(number, done);
        while let Some(done) = desk.take_next() {
            match done {
                Done::Judged(shown) => desk.output.judged(*shown),
                Done::Skipped(skipped) => desk.output.skipped(&skipped),
                Done::Failed(error) => desk.output.failed(&error),
            }
        }
        drop(desk);
        self.printed.notify_all();
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Desk {
    fn take_next(&mut self) -> Option<Done> {
        let done = self.early.remove(&self.next)?;
        self.next += 1;
        Some(done)
    }
}

fn cores() -> usize {
    available_parallelism().map_or(1, |n| n.get())
}

/// What a panic said.
fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    printable(
        text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no reason given"),
    )
}
