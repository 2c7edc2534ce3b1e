//! What `verify` prints: a story for one message, a table for many, or JSON.

use std::io::{self, IsTerminal, Write};

use verdict::Verdict;

use super::json::MessageJson;
use super::judge::Judged;
use super::story;
use crate::cli::Exit;
use crate::input::{InputError, Skip, Skipped};
use crate::show::{Cell, Column, Progress, Table, terminal_width};

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

/// Takes what comes out, in order, and prints it as soon as it is known how.
pub(super) struct Output {
    form: Form,
    progress: Progress,
    messages: u64,
    exit: Exit,
    /// Standard output is gone; there is nobody to print for.
    closed: bool,
}

enum Form {
    Json {
        explain: bool,
    },
    Stories,
    /// No message yet, or one: it is not known whether there will be more.
    Waiting(Option<Box<Judged>>),
    Table(Table),
}

impl Output {
    pub(super) fn new(json: bool, explain: bool) -> Self {
        let form = match (json, explain) {
            (true, _) => Form::Json { explain },
            (false, true) => Form::Stories,
            (false, false) => Form::Waiting(None),
        };
        Self { form, progress: Progress::new(0, false), messages: 0, exit: Exit::Pass, closed: false }
    }

    /// There are so many bytes to come, about.
    pub(super) fn expect(&mut self, bytes: u64) {
        let wanted = io::stderr().is_terminal();
        self.progress = Progress::new(bytes, wanted);
    }

    pub(super) fn judged(&mut self, judged: Judged) {
        self.messages += 1;
        self.progress.advance(judged.size, self.messages);
        if judged.verdict.dmarc().outcome() != dmarc::Outcome::Pass {
            self.exit = self.exit.max(Exit::Fail);
        }
        match &mut self.form {
            Form::Json { explain } => {
                let json = serde_json::to_string(&MessageJson::new(&judged.name, &judged.verdict, *explain));
                self.print(&json.unwrap_or_default());
            }
            Form::Stories => self.print(&(story::tell(&judged) + "\n")),
            Form::Waiting(None) => self.form = Form::Waiting(Some(Box::new(judged))),
            Form::Waiting(first) => {
                let first = first.take();
                let table = Table::new(COLUMNS, terminal_width());
                let header = table.header();
                self.form = Form::Table(table);
                self.print(&header);
                for judged in first.iter().map(AsRef::as_ref).chain([&judged]) {
                    self.print_row(judged);
                }
            }
            Form::Table(_) => self.print_row(&judged),
        }
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

    /// Prints what is left.
    pub(super) fn finish(mut self) -> Exit {
        if let Form::Waiting(Some(judged)) = &mut self.form {
            let story = story::tell(judged);
            self.print(&story);
        }
        self.progress.finish();
        self.exit
    }

    fn print_row(&mut self, judged: &Judged) {
        if let Form::Table(table) = &self.form {
            let row = table.row(&row(judged));
            self.print(&row);
        }
    }

    fn print(&mut self, text: &str) {
        if !self.closed {
            let printed = self.progress.aside(|| writeln!(anstream::stdout(), "{text}"));
            self.closed = printed.is_err();
        }
    }

    /// To standard error, beside what is asked for.
    fn say(&self, text: &str) {
        self.progress.aside(|| anstream::eprintln!("mailward: {text}"));
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
