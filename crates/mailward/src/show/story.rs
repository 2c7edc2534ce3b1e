//! The steps of a check, one after the other, each with its rule and the text that it looked at.

use std::fmt::Write;

use anstyle::Style;
use mail::{Explain, Quote, Span};

use super::{WIDTH, quote, terminal_width};

/// The steps in lines. A text that a later step shows with a part of it marked is not shown before without.
pub fn steps<'a>(steps: impl IntoIterator<Item = &'a dyn Explain>) -> String {
    let steps: Vec<_> = steps.into_iter().map(|step| (step, step.quote())).collect();
    let width = terminal_width().unwrap_or(WIDTH).saturating_sub(4);
    let dim = Style::new().dimmed();
    let mut story = String::new();
    for (index, (step, quoted)) in steps.iter().enumerate() {
        let _ = writeln!(story, "  {step} {dim}[{}]{dim:#}", step.section().0);
        let comes_again = |quote: &Quote| {
            let later = steps.iter().skip(index + 1).filter_map(|(_, quote)| quote.as_ref());
            quote.span == Span::new(0, quote.text.len()) && later.into_iter().any(|l| l.text == quote.text)
        };
        if let Some(text) = quoted.as_ref().filter(|text| !comes_again(text)) {
            for line in quote(text, width).lines() {
                let _ = writeln!(story, "{}", format!("    {line}").trim_end());
            }
        }
    }
    story
}
