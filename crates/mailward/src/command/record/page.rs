//! The page that a command prints for people, built line by line and printed at once.

use std::fmt::{Display, Write as _};

use anstyle::{AnsiColor, Style};
use mail::Explain;
use serde::Serialize;

use super::Text;
use crate::cli::Exit;
use crate::input::InputError;
use crate::show::escape::escape;
use crate::show::table::outcome_style;
use crate::show::{self, Cell, Column, Table, WIDTH, terminal_width};

/// What stands in front of a text that is shown by itself.
const INDENT: &str = "  ";

/// A page being built.
#[derive(Default)]
pub(in crate::command) struct Page(String);

impl Page {
    /// A line in bold.
    pub(in crate::command) fn title(&mut self, text: impl Display) {
        let style = Style::new().bold();
        let _ = writeln!(self.0, "{style}{text}{style:#}");
    }

    /// A line.
    pub(in crate::command) fn line(&mut self, text: impl Display) {
        let _ = writeln!(self.0, "{text}");
    }

    /// An empty line, unless there is one.
    pub(in crate::command) fn gap(&mut self) {
        if !self.0.ends_with("\n\n") {
            self.line("");
        }
    }

    /// A text of somebody's by itself.
    pub(in crate::command) fn text(&mut self, text: &[u8]) {
        for line in escape(text).trim_end_matches('\n').split('\n') {
            self.line(format_args!("{INDENT}{line}"));
        }
    }

    /// The record, and where it was pasted with mistakes, what was meant and what would be published.
    pub(in crate::command) fn record(&mut self, text: &Text) {
        self.gap();
        self.text(&text.bytes);
        if let Some(meant) = text.meant() {
            self.gap();
            self.line(if text.is_odd() {
                "The record in it, as it was probably meant:"
            } else {
                "The record in it:"
            });
            self.gap();
            self.text(meant);
        }
        if let Some(published) = text.as_published() {
            self.gap();
            self.line("Published as it was pasted, it would be:");
            self.gap();
            self.text(published);
        }
        self.gap();
    }

    /// Rows of a name and what it is.
    pub(in crate::command) fn facts(&mut self, facts: &[(&str, String)]) {
        let width = facts.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
        for (name, what) in facts {
            self.line(format_args!("{INDENT}{name:width$}  {}", escape(what)));
        }
    }

    /// A table whose columns are as wide as what is in them; the last takes the rest of the line.
    pub(in crate::command) fn table<const N: usize>(
        &mut self,
        titles: [&'static str; N],
        rows: &[[String; N]],
    ) {
        let column = |(index, title): (usize, &'static str)| {
            let cells = rows.iter().filter_map(|row| row.get(index));
            Column { title, width: cells.map(|cell| cell.chars().count()).max().unwrap_or_default() }
        };
        let columns: Vec<Column> = titles.into_iter().enumerate().map(column).collect();
        let table = Table::new(&columns, None);
        self.line(format_args!("{INDENT}{}", table.header()));
        for row in rows {
            let cells: Vec<Cell> = row.iter().map(Cell::text).collect();
            self.line(format_args!("{INDENT}{}", table.row(&cells)));
        }
    }

    /// What was noticed.
    pub(in crate::command) fn findings(&mut self, text: &Text) {
        let width = terminal_width().unwrap_or(WIDTH);
        let shown = show::findings(&text.source, &text.bytes, &text.findings, width);
        if !shown.is_empty() {
            self.gap();
            // The frame pads its lines.
            shown.lines().for_each(|line| self.line(line.trim_end()));
        }
    }

    /// A result in its colour, and why.
    pub(in crate::command) fn result(&mut self, what: impl Display, word: &str, why: impl Display) {
        let (bold, style) = (Style::new().bold(), outcome_style(word));
        let _ = writeln!(self.0, "{bold}{what}{bold:#}: {style}{word}{style:#}: {why}");
    }

    /// The steps of a check.
    pub(in crate::command) fn steps<'a>(&mut self, steps: impl IntoIterator<Item = &'a dyn Explain>) {
        self.0.push_str(&show::steps(steps));
    }

    /// The last line: is the record in order?
    pub(in crate::command) fn verdict(&mut self, valid: bool, text: impl Display) {
        let colour = if valid { AnsiColor::Green } else { AnsiColor::Red };
        let style = colour.on_default().bold();
        self.gap();
        let _ = writeln!(self.0, "{style}{text}{style:#}");
    }

    /// Prints the page.
    pub(in crate::command) fn print(self) {
        show::print(self.0);
    }

    /// Prints the JSON form in its place.
    pub(in crate::command) fn print_json(form: &impl Serialize) -> Result<(), InputError> {
        let json = serde_json::to_string(form).map_err(|e| InputError::new("--json", e.to_string()))?;
        show::print(format_args!("{json}\n"));
        Ok(())
    }
}

/// How a command on a record ends.
pub(in crate::command) fn exit(valid: bool) -> Exit {
    if valid { Exit::Pass } else { Exit::Fail }
}
