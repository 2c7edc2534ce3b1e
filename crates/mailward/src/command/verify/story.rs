//! The story of one verdict: the result first, then each step with its rule and the text it looked at.

use std::fmt::Write;

use anstyle::Style;
use verdict::{Part, Verdict};

use super::judge::Judged;
use super::output::NOT_CHECKED;
use crate::show::{self, table::outcome_style};

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
    for steps in verdict.steps().chunk_by(|(one, _), (other, _)| one == other) {
        if let Some((of, _)) = steps.first() {
            title(&mut story, verdict, *of);
        }
        story.push_str(&show::steps(steps.iter().map(|(_, step)| *step)));
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
    let is_signed = verdict.dkim().iter().any(|check| check.outcome() == dkim::Outcome::Pass);
    if is_signed && verdict.recipients_named() == Some(false) {
        line(
            story,
            "Note: a recipient stands in neither To nor Cc, as in a blind copy, a list, or a replayed message.",
        );
    }
    match verdict.local_decision() {
        Some(arc::Decision::Override(grounds)) => line(
            story,
            &format!("Local policy may let it through all the same: {grounds}. The result stays what it is."),
        ),
        Some(arc::Decision::Keep(refusal)) => {
            line(story, &format!("Its ARC chain is no reason to let it through: {refusal}."));
        }
        None => {}
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
        Part::Arc => {
            let check = verdict.arc();
            part(story, "ARC", check.outcome().as_str(), &check.reason().to_string());
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

fn line(story: &mut String, text: &str) {
    story.push_str(text);
    story.push('\n');
}
