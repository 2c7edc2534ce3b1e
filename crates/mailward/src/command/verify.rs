//! `mailward verify`: messages in, verdicts out.

mod args;
mod crew;
mod json;
mod judge;
mod output;
mod source;
mod story;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use verdict::{Memo, Recording};

pub use args::Args;

use self::crew::Crew;
use self::judge::Judge;
use self::output::{Form, Output};
use self::source::Source;
use crate::cli::Exit;
use crate::input::InputError;
use crate::input::envelope::Envelopes;
use crate::input::error::shown;
use crate::world::World;

/// Runs the command.
pub async fn run(args: Args) -> Exit {
    let form = Form::new(args.json, args.explain);
    let mut output = Output::new(&form, &args.files);
    match prepare(&args) {
        Ok((judge, source)) => {
            let crew = Crew::new(judge, form, source, output);
            crew.run().await;
            end(&crew, args.record.as_deref());
            crew.finish()
        }
        Err(error) => {
            output.failed(&error);
            output.finish()
        }
    }
}

fn prepare(args: &Args) -> Result<(Judge, Source), InputError> {
    let world = World::open(args.dns.dns.as_deref(), args.dns.overlay.as_deref())?;
    if args.files.is_empty() && world.recording().is_none() {
        return Err(InputError::new("verify", "no message is named")
            .with_help("name files or directories, - for standard input, or a recording with --dns"));
    }
    let settings = args.settings(world.recording().map(|r| &r.settings));
    let options = args.envelope();
    let envelopes = Envelopes::new(options.clone(), args.envelopes.as_deref())?;
    let recorded = world.recording().filter(|_| args.files.is_empty()).map_or(0, |r| r.messages.len());
    let source = Source::new(args.files.clone(), recorded, envelopes, options, args.trace);
    Ok((Judge { world, settings, memo: Memo::default(), keep: args.record.is_some() }, source))
}

/// What is to be said and kept when all messages are judged.
fn end(crew: &Arc<Crew>, record: Option<&Path>) {
    let judge = crew.judge();
    for question in judge.world.lacking() {
        let message = format!("has no answer to {question}; that counts as a server failure");
        crew.failed(&InputError::new("the recording", message));
    }
    let Some(path) = record else { return };
    let recording = Recording { settings: judge.settings.clone(), messages: crew.take_recorded() };
    if let Err(error) = write(path, &recording) {
        crew.failed(&error);
    }
}

fn write(path: &Path, recording: &Recording) -> Result<(), InputError> {
    let json = recording.to_json().map_err(|e| InputError::new(shown(path), e.to_string()))?;
    fs::write(path, json).map_err(|e| InputError::io(shown(path), &e))
}
