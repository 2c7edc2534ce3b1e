//! Findings as a compiler shows them: what is wrong, the line, the bytes underlined, what to do.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use anstyle::{AnsiColor, Style};
use mail::{Finding, Quote, Severity};

use crate::show::escape::{Escaped, escape, escape_with_map};
use crate::show::view::View;

/// Most findings that are shown for one text; of the rest the number is said.
pub const MAX_SHOWN: usize = 50;
/// What the frame of a line takes of its width, in characters.
const FRAME: usize = 8;
const FRAME_STYLE: Style = AnsiColor::BrightBlue.on_default().bold();

/// Findings about `text`, which `source` names (`TXT example.com`), for lines of `width` characters. Findings with the
/// same code are shown together where they fit. Ends with a line end, empty without findings.
pub fn findings(source: &str, text: &[u8], findings: &[Finding], width: usize) -> String {
    let escaped = escape_with_map(text);
    let page = Page { source: escape(source), text, escaped, width: width.saturating_sub(FRAME) };
    let mut out = String::new();
    let shown = findings.get(..MAX_SHOWN).unwrap_or(findings);
    for group in by_code(shown) {
        for block in page.split(group) {
            out.push_str(&page.block(&block));
            out.push_str("\n\n");
        }
    }
    match findings.len() - shown.len() {
        0 => {}
        more => out.push_str(&format!("and {more} more\n\n")),
    }
    // One empty line between blocks, none after the last.
    out.truncate(out.len().saturating_sub(1));
    out
}

/// A piece of somebody's text with the part underlined that a step is about.
pub fn quote(quote: &Quote, width: usize) -> String {
    let escaped = escape_with_map(&quote.text);
    let page = Page {
        source: escape(&quote.source),
        text: &quote.text,
        escaped,
        width: width.saturating_sub(FRAME),
    };
    let range = page.escaped.range(quote.span);
    let view = View::of_start(&page.escaped.text, &range, page.width);
    let whole = quote.span.start == 0 && quote.span.end >= quote.text.len();
    let kind = if whole { AnnotationKind::Visible } else { AnnotationKind::Primary };
    let snippet =
        Snippet::source(view.text.as_str()).line_start(view.line).annotation(kind.span(view.place(&range)));
    let arrow = page.arrow(&view, Some(quote.span.start).filter(|_| !whole));
    format!("{arrow}\n{}\n", render(Group::with_level(Level::NOTE).element(snippet)))
}

/// Findings in the order of their first, those with the same code and severity side by side.
fn by_code(findings: &[Finding]) -> Vec<Vec<&Finding>> {
    let mut groups: Vec<Vec<&Finding>> = Vec::new();
    for finding in findings {
        let same = |group: &&mut Vec<&Finding>| {
            group.first().is_some_and(|f| f.code == finding.code && f.severity == finding.severity)
        };
        match groups.iter_mut().find(same) {
            Some(group) => group.push(finding),
            None => groups.push(vec![finding]),
        }
    }
    groups
}

/// A text that findings are shown for.
struct Page<'a> {
    source: String,
    text: &'a [u8],
    escaped: Escaped,
    width: usize,
}

impl Page<'_> {
    fn range(&self, finding: &Finding) -> Range<usize> {
        self.escaped.range(finding.span)
    }

    fn union(&self, findings: &[&Finding]) -> Range<usize> {
        let start = findings.iter().map(|f| self.range(f).start).min().unwrap_or_default();
        let end = findings.iter().map(|f| self.range(f).end).max().unwrap_or_default();
        start..end.max(start)
    }

    /// Cuts a group into blocks of which each fits in a view, or is alone.
    fn split<'f>(&self, mut group: Vec<&'f Finding>) -> Vec<Vec<&'f Finding>> {
        group.sort_by_key(|f| f.span);
        let mut blocks: Vec<Vec<&Finding>> = Vec::new();
        for finding in group {
            if let Some(block) = blocks.last_mut() {
                block.push(finding);
                if View::of(&self.escaped.text, &self.union(block), self.width).is_some() {
                    continue;
                }
                block.pop();
            }
            blocks.push(vec![finding]);
        }
        blocks
    }

    fn block(&self, block: &[&Finding]) -> String {
        let Some(first) = block.first() else { return String::new() };
        let union = self.union(block);
        let view = View::of_start(&self.escaped.text, &union, self.width);
        let mut snippet = Snippet::source(view.text.as_str()).line_start(view.line);
        for finding in block {
            let mark = AnnotationKind::Primary.span(view.place(&self.range(finding)));
            let other = finding.message != first.message;
            snippet = snippet.annotation(if other { mark.label(escape(&finding.message)) } else { mark });
        }
        let level = level(first.severity);
        let title = level.clone().primary_title(escape(&first.message)).id(first.code);
        let mut group = Group::with_level(level).element(snippet);
        let mut said: Vec<&str> = Vec::new();
        for help in block.iter().filter_map(|f| f.help.as_deref()) {
            if !said.contains(&help) {
                said.push(help);
                group = group.element(Level::HELP.message(escape(help)));
            }
        }
        format!(
            "{}\n{}\n{}",
            render(Group::with_title(title)),
            self.arrow(&view, Some(first.span.start)),
            render(group)
        )
    }

    /// The line that names the source, and the line and byte in it as they are in the text that was given. (The
    /// library would count them in the piece that is shown.)
    fn arrow(&self, view: &View, at: Option<usize>) -> String {
        let digits = (view.line + view.text.matches('\n').count()).to_string().len();
        let place = at.map_or(String::new(), |at| {
            let before = self.text.get(..at).unwrap_or(self.text);
            let line = memchr::memchr_iter(b'\n', before).count() + 1;
            let start = memchr::memrchr(b'\n', before).map_or(0, |lf| lf + 1);
            format!(":{line}:{}", before.len() - start + 1)
        });
        format!("{:digits$}{FRAME_STYLE}-->{FRAME_STYLE:#} {}{place}", "", self.source)
    }
}

fn level(severity: Severity) -> Level<'static> {
    match severity {
        Severity::Note => Level::NOTE,
        Severity::Warning => Level::WARNING,
        Severity::Error => Level::ERROR,
    }
}

fn render(group: Group<'_>) -> String {
    // Lines are already as short as they have to be.
    Renderer::styled().term_width(usize::MAX / 4).render(&[group])
}

#[cfg(test)]
mod tests;
