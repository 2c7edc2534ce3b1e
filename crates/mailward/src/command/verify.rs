//! `mailward verify`: messages in, verdicts out.

mod args;
mod json;
mod judge;
mod output;
mod story;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::available_parallelism;

use futures_util::{Stream, StreamExt, stream};
use tokio::sync::mpsc;
use verdict::{Memo, Recording};

pub use args::Args;

use self::judge::{Job, Judge, Judged};
use self::output::Output;
use crate::cli::Exit;
use crate::input::envelope::Envelopes;
use crate::input::error::shown;
use crate::input::{Envelope, Inbox, InputError, Item, Skipped, total_bytes};
use crate::world::World;

/// How many messages wait, for the DNS mostly, for each that can be worked on at the same time.
const WAITING_PER_CORE: usize = 8;

/// What the reader found.
enum Found {
    Job(Box<Job>),
    Skipped(Skipped),
    Failed(InputError),
}

/// What became of it.
enum Done {
    Judged(Box<Judged>),
    Skipped(Skipped),
    Failed(InputError),
}

/// Runs the command.
pub async fn run(args: Args) -> Exit {
    let mut output = Output::new(args.json, args.explain);
    if let Err(error) = verify(args, &mut output).await {
        output.failed(&error);
    }
    output.finish()
}

async fn verify(args: Args, output: &mut Output) -> Result<(), InputError> {
    let world = World::open(args.dns.dns.as_deref(), args.dns.overlay.as_deref())?;
    if args.files.is_empty() && world.recording().is_none() {
        return Err(InputError::new("verify", "no message is named")
            .with_help("name files or directories, - for standard input, or a recording with --dns"));
    }
    let settings = args.settings(world.recording().map(|r| &r.settings));
    let options = args.envelope();
    let envelopes = Envelopes::new(options.clone(), args.envelopes.as_deref())?;
    output.expect(total_bytes(&args.files));
    let judge = Arc::new(Judge { world, settings, memo: Memo::default(), keep: args.record.is_some() });
    let found = read(args.files, envelopes, options, args.trace, &judge);
    let mut done = found.map(|found| settle(found, Arc::clone(&judge))).buffered(cores() * WAITING_PER_CORE);
    let mut kept = Vec::new();
    while let Some(done) = done.next().await {
        match done {
            Done::Judged(mut judged) => {
                kept.extend(judged.recorded.take());
                output.judged(*judged);
            }
            Done::Skipped(skipped) => output.skipped(&skipped),
            Done::Failed(error) => output.failed(&error),
        }
    }
    drop(done);
    for question in judge.world.lacking() {
        let message = format!("has no answer to {question}; that counts as a server failure");
        output.failed(&InputError::new("the recording", message));
    }
    match args.record {
        Some(path) => write(&path, &Recording { settings: judge.settings.clone(), messages: kept }),
        None => Ok(()),
    }
}

fn cores() -> usize {
    available_parallelism().map_or(1, |n| n.get())
}

/// Finds messages on a thread of its own, since files block. Without files, they are those of the recording.
fn read(
    files: Vec<PathBuf>,
    mut envelopes: Envelopes,
    options: Envelope,
    trace: bool,
    judge: &Judge,
) -> impl Stream<Item = Found> + use<> {
    let (sender, mut receiver) = mpsc::channel(cores());
    let recorded = judge.world.recording().filter(|_| files.is_empty()).map_or(0, |r| r.messages.len());
    tokio::task::spawn_blocking(move || {
        let recorded = (0..recorded).map(|index| Found::Job(Box::new(Job::Recorded(index, options.clone()))));
        let messages = Inbox::new(files).map(|item| match item {
            Ok(Item::Message(message)) => match envelopes.of(&message) {
                Ok(envelope) => Found::Job(Box::new(Job::Message { message, envelope, trace })),
                Err(error) => Found::Failed(error),
            },
            Ok(Item::Skipped(skipped)) => Found::Skipped(skipped),
            Err(error) => Found::Failed(error),
        });
        for found in recorded.chain(messages) {
            if sender.blocking_send(found).is_err() {
                return;
            }
        }
        for (line, file) in envelopes.unused() {
            let message = format!("line {line}: no message that was verified is called {file}");
            if sender.blocking_send(Found::Failed(InputError::new("--envelopes", message))).is_err() {
                return;
            }
        }
    });
    stream::poll_fn(move |context| receiver.poll_recv(context))
}

async fn settle(found: Found, judge: Arc<Judge>) -> Done {
    let job = match found {
        Found::Job(job) => *job,
        Found::Skipped(skipped) => return Done::Skipped(skipped),
        Found::Failed(error) => return Done::Failed(error),
    };
    let name = job.name(&judge);
    match tokio::spawn(async move { judge.judge(job).await }).await {
        Ok(Ok(judged)) => Done::Judged(Box::new(judged)),
        Ok(Err(error)) => Done::Failed(error),
        Err(error) => {
            Done::Failed(InputError::new(name, format!("not judged, by a fault of mailward: {error}")))
        }
    }
}

fn write(path: &Path, recording: &Recording) -> Result<(), InputError> {
    let json = recording.to_json().map_err(|e| InputError::new(shown(path), e.to_string()))?;
    fs::write(path, json).map_err(|e| InputError::io(shown(path), &e))
}
