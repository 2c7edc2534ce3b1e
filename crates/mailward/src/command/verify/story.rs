//! The story of one verdict: the result first, then each step with its rule and the text it looked at.

use std::fmt::Write;

use anstyle::Style;
use mail::{Explain, Quote, Span};
use verdict::{Part, Verdict};

use super::judge::Judged;
use super::output::NOT_CHECKED;
use crate::show::{self, WIDTH, table::outcome_style, terminal_width};

/// The story, in lines.
pub(super) fn tell(judged: &Judged) -> String {
    let verdict = &judged.verdict;
    let mut story = String::new();
    headline(&mut story, &judged.name, verdict);
    if judged.lf_converted {
        line(&mut story, "The file has LF line ends; they were read as CRLF, as SMTP has them.");
    }
    notes(&mut story, verdict);
    if verdict.spf().mail_from.is_none() {
        part(&mut story, "SPF of MAIL FROM", "none", NOT_CHECKED);
    }
    let steps = verdict.steps();
    for (index, (of, step)) in steps.iter().enumerate() {
        let before = index.checked_sub(1).and_then(|before| steps.get(before));
        if before.is_none_or(|(last, _)| last != of) {
            title(&mut story, verdict, *of);
        }
        let later =
            steps.iter().skip(index + 1).filter(|(part, _)| part == of).filter_map(|(_, s)| s.quote());
        tell_step(&mut story, *step, &later.collect::<Vec<_>>());
    }
    let _ = write!(story, "\n{}", verdict.authentication_results().field().replace("\r\n", "\n").trim_end());
    story
}

fn headline(story: &mut String, name: &str, verdict: &Verdict) {
    let dmarc = verdict.dmarc();
    let word = dmarc.outcome().as_str();
    let style = outcome_style(word).bold();
    let _ = writeln!(story, "{name}: {style}dmarc={word}{style:#}");
    line(story, &verdict.summary());
    if let Some(applied) = dmarc.applied()
        && dmarc.outcome() == dmarc::Outcome::Fail
    {
        let domain = &applied.domain;
        line(
            story,
            &match dmarc.disposition() {
                dmarc::Policy::None => format!("{domain} asks for nothing in such a case (none)."),
                dmarc::Policy::Quarantine => {
                    format!("{domain} asks to treat such mail as suspicious (quarantine).")
                }
                dmarc::Policy::Reject => format!("{domain} asks to refuse such mail (reject)."),
            },
        );
    }
}

fn notes(story: &mut String, verdict: &Verdict) {
    if let Ok(author) = verdict.author() {
        for note in author.notes() {
            line(story, &format!("Note: {note}; that changes nothing, but readers may be deceived."));
        }
    }
    if !verdict.remove().is_empty() {
        let count = verdict.remove().len();
        line(
            story,
            &format!("{count} inbound field(s) pretend to be our Authentication-Results: remove them."),
        );
    }
}

fn title(story: &mut String, verdict: &Verdict, of: Part) {
    match of {
        Part::SpfMailFrom => spf_title(story, "SPF of MAIL FROM", verdict.spf().mail_from.as_ref()),
        Part::SpfHelo => spf_title(story, "SPF of HELO", verdict.spf().helo.as_ref()),
        Part::Dkim(index) => {
            let Some(check) = verdict.dkim().get(index) else { return };
            let by = check.domain().map_or_else(String::new, |domain| format!(" of {domain}"));
            let name = format!("DKIM signature{by}");
            part(story, &name, check.outcome().as_str(), &check.reason().to_string());
        }
        Part::Dmarc => {
            let check = verdict.dmarc();
            part(story, "DMARC", check.outcome().as_str(), &check.reason().to_string());
        }
    }
}

fn spf_title(story: &mut String, name: &str, check: Option<&spf::Check>) {
    let Some(check) = check else { return };
    let name = check.domain().map_or_else(|| name.to_owned(), |domain| format!("{name} {domain}"));
    part(story, &name, check.outcome().as_str(), &check.reason().to_string());
}

fn part(story: &mut String, name: &str, word: &str, reason: &str) {
    let (bold, style) = (Style::new().bold(), outcome_style(word));
    let _ = writeln!(story, "\n{bold}{name}{bold:#}: {style}{word}{style:#}: {reason}");
}

/// A text that a later step of this part shows with a part of it marked is not shown here without.
fn tell_step(story: &mut String, step: &dyn Explain, later: &[Quote]) {
    let dim = Style::new().dimmed();
    let _ = writeln!(story, "  {step} {dim}[{}]{dim:#}", step.section().0);
    let is_whole = |quote: &Quote| quote.span == Span::new(0, quote.text.len());
    let comes_again = |quote: &Quote| is_whole(quote) && later.iter().any(|l| l.text == quote.text);
    if let Some(quote) = step.quote().filter(|quote| !comes_again(quote)) {
        for quoted in show::quote(&quote, terminal_width().unwrap_or(WIDTH).saturating_sub(4)).lines() {
            line(story, &format!("    {quoted}"));
        }
    }
}

fn line(story: &mut String, text: &str) {
    story.push_str(text);
    story.push('\n');
}
