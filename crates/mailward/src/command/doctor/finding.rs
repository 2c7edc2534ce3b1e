//! What was found: how bad, what, where, and what to do.

use anstyle::{AnsiColor, Style};

use super::super::record::Page;
use crate::show::escape::escape;

/// How bad it is. Later is worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) enum Severity {
    /// It is as it should be.
    #[default]
    Good,
    /// Worth knowing.
    Note,
    /// It may become wrong, or is for some mail.
    Warning,
    /// It is wrong.
    Error,
}

impl Severity {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }

    fn style(self) -> Style {
        match self {
            Self::Good => AnsiColor::Green.on_default(),
            Self::Note => Style::new(),
            Self::Warning => AnsiColor::Yellow.on_default(),
            Self::Error => AnsiColor::Red.on_default().bold(),
        }
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    /// A stable name of what was found; empty for what is good.
    pub(super) code: &'static str,
    pub(super) severity: Severity,
    /// Where: a setting, a file, a server.
    pub(super) place: String,
    /// What, in a clause.
    pub(super) message: String,
    /// What to do; empty where nothing has to be done.
    pub(super) help: String,
}

/// All that was found.
#[derive(Debug, Default)]
pub(super) struct Report(pub(super) Vec<Finding>);

impl Report {
    /// Something is as it should be.
    pub(super) fn good(&mut self, place: impl Into<String>, message: impl Into<String>) {
        self.add("", Severity::Good, place, message, "");
    }

    /// Something is worth saying.
    pub(super) fn add(
        &mut self,
        code: &'static str,
        severity: Severity,
        place: impl Into<String>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        let (place, message, help) = (place.into(), message.into(), help.into());
        self.0.push(Finding { code, severity, place, message, help });
    }

    /// The worst of it.
    pub(super) fn worst(&self) -> Severity {
        self.0.iter().map(|finding| finding.severity).max().unwrap_or_default()
    }

    /// Prints it for people: in the order in which it was looked at.
    pub(super) fn print(&self) {
        let mut page = Page::default();
        for finding in &self.0 {
            let style = finding.severity.style();
            let code = if finding.code.is_empty() { String::new() } else { format!(" [{}]", finding.code) };
            page.line(format_args!(
                "{style}{:7}{style:#}  {}: {}{code}",
                finding.severity.as_str(),
                escape(&finding.place),
                escape(&finding.message),
            ));
            if !finding.help.is_empty() {
                page.line(format_args!("         help: {}", escape(&finding.help)));
            }
        }
        let count = |severity| self.0.iter().filter(|finding| finding.severity == severity).count();
        let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
        let number = |count: usize, word: &str| match count {
            0 => format!("no {word}s"),
            1 => format!("1 {word}"),
            count => format!("{count} {word}s"),
        };
        let text = match (errors, warnings) {
            (0, 0) => "All is well.".to_owned(),
            _ => format!("There are {} and {}.", number(errors, "error"), number(warnings, "warning")),
        };
        page.verdict(errors == 0, text);
        page.print();
    }
}
