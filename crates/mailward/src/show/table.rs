//! A table whose rows are printed as they come: the widths are fixed before the first, and the last column takes the
//! rest of the line.

use anstyle::{AnsiColor, Style};

use crate::show::escape::escape;

/// What stands between two columns.
const GAP: &str = "  ";
/// Least width of the last column, in characters.
const MIN_LAST: usize = 16;

/// A column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// What stands above it.
    pub title: &'static str,
    /// How wide it is, in characters; of the last column not looked at.
    pub width: usize,
}

/// One cell: a text and how it looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    text: String,
    style: Style,
}

impl Cell {
    /// A plain text; what is not printable in it is escaped.
    pub fn text(text: impl AsRef<[u8]>) -> Self {
        Self { text: escape(text).replace('\n', " "), style: Style::new() }
    }

    /// A word of RFC 8601, such as `pass`, in its colour.
    pub fn outcome(word: &str) -> Self {
        Self { style: outcome_style(word), ..Self::text(word) }
    }
}

/// The colour of an outcome: green for pass, red for what fails for good, yellow for what is between.
pub fn outcome_style(word: &str) -> Style {
    match word {
        "pass" => AnsiColor::Green.on_default(),
        "fail" | "permerror" => AnsiColor::Red.on_default(),
        "softfail" | "temperror" | "policy" | "bestguesspass" => AnsiColor::Yellow.on_default(),
        _ => Style::new().dimmed(),
    }
}

/// The layout of a table.
#[derive(Clone, Debug)]
pub struct Table {
    columns: Vec<(&'static str, usize)>,
    cut: bool,
}

impl Table {
    /// A table for a terminal of so many characters a line; texts too long for their column are cut in the middle.
    /// `None`, for a pipe or a file: nothing is cut.
    pub fn new(columns: &[Column], terminal: Option<usize>) -> Self {
        let mut columns: Vec<_> = columns.iter().map(|c| (c.title, c.width.max(c.title.len()))).collect();
        let gaps = GAP.len() * columns.len().saturating_sub(1);
        let front: usize = columns.iter().rev().skip(1).map(|(_, width)| width).sum();
        if let (Some((_, last)), Some(total)) = (columns.last_mut(), terminal) {
            *last = total.saturating_sub(front + gaps).max(MIN_LAST);
        }
        Self { columns, cut: terminal.is_some() }
    }

    /// The line above the rows, without a line end.
    pub fn header(&self) -> String {
        let style = Style::new().bold();
        let cells = self.columns.iter().map(|(title, _)| Cell { text: (*title).to_owned(), style });
        self.row(&cells.collect::<Vec<_>>())
    }

    /// A row, without a line end. Cells without a column are left out.
    pub fn row(&self, cells: &[Cell]) -> String {
        let mut line = String::new();
        let mut missing = 0;
        for ((_, width), cell) in self.columns.iter().zip(cells) {
            // Padding is written before the next cell, so no line ends with spaces.
            line.extend(std::iter::repeat_n(' ', missing));
            let text = if self.cut { cut(&cell.text, *width) } else { cell.text.clone() };
            missing = width.saturating_sub(text.chars().count()) + GAP.len();
            line.push_str(&format!("{}{text}{:#}", cell.style, cell.style));
        }
        line
    }
}

/// The text, or its beginning and its end with dots between them.
fn cut(text: &str, width: usize) -> String {
    let length = text.chars().count();
    if length <= width {
        return text.to_owned();
    }
    let room = width.saturating_sub(3);
    let front = room / 2;
    let start = text.chars().take(front);
    start.chain("...".chars()).chain(text.chars().skip(length - (room - front))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: [Column; 3] = [
        Column { title: "dmarc", width: 9 },
        Column { title: "domain", width: 12 },
        Column { title: "file", width: 0 },
    ];

    fn check(terminal: Option<usize>, rows: &[[&str; 3]], want: &str) {
        let table = Table::new(&COLUMNS, terminal);
        let mut lines = vec![table.header()];
        lines.extend(
            rows.iter().map(|[o, d, f]| table.row(&[Cell::outcome(o), Cell::text(d), Cell::text(f)])),
        );
        assert_eq!(anstream::adapter::strip_str(&lines.join("\n")).to_string(), want.trim());
    }

    const ROWS: [[&str; 3]; 2] = [
        ["pass", "trust.example", "a.eml"],
        ["permerror", "b.example", "dir/with/a-very-long/name\x1b[0m.eml"],
    ];

    #[test]
    fn a_terminal_gets_lines_that_fit() {
        let want = "
dmarc      domain        file
pass       trus...ample  a.eml
permerror  b.example     dir/wi...[0m.eml
";
        check(Some(41), &ROWS, want);
    }

    #[test]
    fn a_pipe_gets_everything() {
        let want = r"
dmarc      domain        file
pass       trust.example  a.eml
permerror  b.example     dir/with/a-very-long/name\x1b[0m.eml
";
        check(None, &ROWS, want);
    }

    #[test]
    fn colours_say_what_words_say() {
        let row = |word| Table::new(&COLUMNS, None).row(&[Cell::outcome(word)]);
        assert_eq!(row("pass"), "\x1b[32mpass\x1b[0m");
        assert_eq!(row("fail"), "\x1b[31mfail\x1b[0m");
        assert_eq!(row("temperror"), "\x1b[33mtemperror\x1b[0m");
        assert_eq!(row("none"), "\x1b[2mnone\x1b[0m");
        assert_eq!(Cell::text("a\nb\x07").text, r"a b\x07");
    }
}
