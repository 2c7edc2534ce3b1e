//! The verdict in a sentence or two, for somebody who has never heard of alignment.

use dmarc::{AlignedBy, Identifier, Mechanism, Reason};
use mail::Domain;

use crate::verdict::Verdict;

/// Most domains that are named.
const NAMED: usize = 3;

impl Verdict {
    /// What the result means, in plain words: who the author claims to be, and what does or doesn't prove it.
    pub fn summary(&self) -> String {
        let Some(author) = self.dmarc().author_domain() else {
            return format!("Nobody can say whose mail this is: {}.", self.dmarc().reason());
        };
        match self.dmarc().reason() {
            Reason::Aligned(by) => {
                let by = match by {
                    AlignedBy::Spf => "SPF vouches",
                    AlignedBy::Dkim => "DKIM vouches",
                    AlignedBy::Both => "SPF and DKIM both vouch",
                };
                format!("{by} for {author}, which From shows as the author's domain.")
            }
            Reason::NotAligned => format!(
                "From shows {author}, but nothing proves that {author} sent this: {}.",
                self.whom_it_passed_for()
            ),
            Reason::NoRecord => {
                format!("{author} publishes no DMARC record, so nothing says which mail is not from it.")
            }
            reason => format!("Whether {author} sent this is not known: {reason}."),
        }
    }

    /// What SPF and DKIM say of this message, where it is not what DMARC wants.
    fn whom_it_passed_for(&self) -> String {
        let passed = |mechanism| {
            let of = move |i: &&Identifier| i.passed && i.mechanism == mechanism;
            names(self.dmarc().identifiers().iter().filter(of).map(|i| &i.domain))
        };
        let spf = match (passed(Mechanism::Spf), &self.spf().mail_from) {
            (Some(domain), _) => format!("SPF vouches for {domain} only"),
            (None, None) => "SPF was not checked".to_owned(),
            (None, Some(check)) => format!("SPF says {}", check.outcome()),
        };
        let dkim = match (passed(Mechanism::Dkim), self.dkim().first()) {
            (Some(domains), _) => format!("DKIM vouches for {domains} only"),
            (None, None) => "there is no DKIM signature".to_owned(),
            (None, Some(check)) => format!("DKIM says {} ({})", check.outcome(), check.reason()),
        };
        format!("{spf}, and {dkim}")
    }
}

/// `a.example, b.example and others`
fn names<'a>(domains: impl Iterator<Item = &'a Domain>) -> Option<String> {
    let mut all: Vec<&str> = domains.map(Domain::as_str).collect();
    all.dedup();
    let more = if all.len() > NAMED { " and others" } else { "" };
    all.truncate(NAMED);
    (!all.is_empty()).then(|| all.join(", ") + more)
}
