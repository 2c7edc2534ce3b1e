//! What `verify` prints: a story for one message, a table for many, or JSON.

use std::borrow::Cow;
use std::io::{self, IsTerminal, Write};
use std::mem;
use std::path::PathBuf;

use anstream::adapter::strip_str;
use anstream::{AutoStream, ColorChoice};
use verdict::{Recorded, Verdict};

use super::json::MessageJson;
use super::judge::Judged;
use super::story;
use crate::cli::Exit;
use crate::input::{InputError, Skip, Skipped, total_bytes};
use crate::show::{self, Cell, Column, Progress, Table, terminal_width};

/// The reason where there is no identity to check.
pub(super) const NOT_CHECKED: &str = "not checked: the client's address or this identity is not known";

const COLUMNS: &[Column] = &[
    Column { title: "message", width: 28 },
    Column { title: "dmarc", width: 9 },
    Column { title: "spf", width: 9 },
    Column { title: "dkim", width: 9 },
    Column { title: "author domain", width: 20 },
    Column { title: "why", width: 0 },
];

/// How much text is written at once, in bytes.
const BLOCK: usize = 16 * 1024;

/// How verdicts are shown.
#[derive(Clone)]
pub(super) enum Form {
    Json {
        explain: bool,
    },
    Stories,
    /// A row each; but the story, if there is only one.
    Table(Table),
}

/// A verdict, and its text.
pub(super) struct Shown {
    judged: Judged,
    text: String,
}

impl Form {
    pub(super) fn new(json: bool, explain: bool) -> Self {
        match (json, explain) {
            (true, _) => Self::Json { explain },
            (false, true) => Self::Stories,
            (false, false) => Self::Table(Table::new(COLUMNS, terminal_width())),
        }
    }

    pub(super) fn show(&self, judged: Judged) -> Shown {
        let text = match self {
            Self::Json { explain } => {
                let json = MessageJson::new(&judged.name, &judged.verdict, *explain);
                serde_json::to_string(&json).unwrap_or_default()
            }
            Self::Stories => story::tell(&judged) + "\n",
            Self::Table(table) => table.row(&row(&judged)),
        };
        Shown { judged, text }
    }
}

/// Takes what comes out, in order, and prints it: on a terminal at once, otherwise in blocks.
pub(super) struct Output {
    /// What stands above the first message, if there are more.
    header: Option<String>,
    /// The first message, as long as it is the only one and has a header.
    first: Option<Shown>,
    recorded: Vec<Recorded>,
    progress: Progress,
    messages: u64,
    exit: Exit,
    /// What is to be written.
    held: String,
    colours: bool,
    on_terminal: bool,
}

impl Output {
    /// The bar, if there is to be one, is for these files and directories.
    pub(super) fn new(form: &Form, files: &[PathBuf]) -> Self {
        let stdout = io::stdout();
        // To look at all files takes its time.
        let progress = io::stderr().is_terminal().then(|| Progress::new(total_bytes(files), true));
        Self {
            header: match form {
                Form::Table(table) => Some(table.header()),
                Form::Json { .. } | Form::Stories => None,
            },
            first: None,
            recorded: Vec::new(),
            progress: progress.unwrap_or_else(|| Progress::new(0, false)),
            messages: 0,
            exit: Exit::Pass,
            held: String::new(),
            colours: AutoStream::choice(&stdout) != ColorChoice::Never,
            on_terminal: stdout.is_terminal(),
        }
    }

    pub(super) fn judged(&mut self, mut shown: Shown) {
        self.messages += 1;
        self.progress.advance(shown.judged.size, self.messages);
        self.recorded.extend(shown.judged.recorded.take());
        if shown.judged.verdict.dmarc().outcome() != dmarc::Outcome::Pass {
            self.exit = self.exit.max(Exit::Fail);
        }
        if self.messages == 1 && self.header.is_some() {
            // It is not known whether there will be more.
            self.first = Some(shown);
            return;
        }
        if let Some(header) = self.header.take() {
            self.print(&header);
        }
        if let Some(first) = self.first.take() {
            self.print(&first.text);
        }
        self.print(&shown.text);
    }

    pub(super) fn skipped(&mut self, skipped: &Skipped) {
        self.progress.advance(skipped.size, self.messages);
        // An envelope is read with its message, so it is not left out.
        if skipped.reason != Skip::Envelope {
            self.say(&format!("{}: skipped: {}", skipped.name, skipped.reason));
        }
    }

    /// Something could not be done.
    pub(super) fn failed(&mut self, error: &InputError) {
        self.exit = Exit::Error;
        self.say(&error.to_string());
    }

    /// The recordings of all messages, where they are made.
    pub(super) fn take_recorded(&mut self) -> Vec<Recorded> {
        mem::take(&mut self.recorded)
    }

    /// Prints what is left.
    pub(super) fn finish(&mut self) -> Exit {
        if let Some(only) = self.first.take() {
            self.print(&story::tell(&only.judged));
        }
        self.flush();
        self.progress.finish();
        self.exit
    }

    fn print(&mut self, text: &str) {
        self.held.push_str(text);
        self.held.push('\n');
        if self.on_terminal || self.held.len() >= BLOCK {
            self.flush();
        }
    }

    /// Writes what is held back.
    pub(super) fn flush(&mut self) {
        let held = mem::take(&mut self.held);
        if held.is_empty() {
            return;
        }
        let text = match self.colours {
            true => Cow::Borrowed(&held),
            false => Cow::Owned(strip_str(&held).to_string()),
        };
        let mut stdout = io::stdout().lock();
        let write = || show::written(stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()));
        self.progress.aside(write);
    }

    /// To standard error, beside what is asked for.
    fn say(&mut self, text: &str) {
        self.flush();
        self.progress.aside(|| show::say(format_args!("mailward: {text}")));
    }
}

fn row(judged: &Judged) -> Vec<Cell> {
    let verdict = &judged.verdict;
    let dmarc = verdict.dmarc();
    let spf = verdict.spf().mail_from.as_ref().map_or("-", |check| check.outcome().as_str());
    let author = dmarc.author_domain().map_or("-", mail::Domain::as_str);
    vec![
        Cell::text(&judged.name),
        Cell::outcome(dmarc.outcome().as_str()),
        Cell::outcome(spf),
        Cell::outcome(best_dkim(verdict)),
        Cell::text(author),
        Cell::text(verdict.summary()),
    ]
}

/// The word for all signatures together: pass if one passes, else that of the first.
fn best_dkim(verdict: &Verdict) -> &'static str {
    let pass = verdict.dkim().iter().find(|check| check.outcome() == dkim::Outcome::Pass);
    pass.or(verdict.dkim().first()).map_or("none", |check| check.outcome().as_str())
}
