//! The field by which a message is marked, for Sieve scripts and content filters.
//!
//! ```text
//! value     = word 1*( "; " name "=" token )
//! word      = "accept" / "mark" / "quarantine"
//! token     = 1*( lower-case letter / digit / "-" / "_" / "." / "," )
//! ```
//!
//! The word always comes first and a semicolon right behind it. The parameters, in this order, are:
//!
//! | name | what it says | where |
//! |---|---|---|
//! | `mode` | `observe`, `quarantine`, `enforce`, `mixed` (recipients differ) or `exempt` (postmaster or abuse alone) | always |
//! | `rule` | the rules that want at least a mark, with commas between; the one that decided first | where one does |
//! | `dmarc` | the result of DMARC | always |
//! | `author` | the author domain | where there is one |
//! | `kept` | why less is done than the checks ask for: `allowed`, `trusted-sealer`, or a word of [`super::Obstacle`] | where that is so |
//! | `enforce` | what `enforce` would have done for all recipients | where it is more than was done |
//!
//! `quarantine; mode=quarantine; rule=dmarc-reject; dmarc=fail; author=trust.example; enforce=refuse`
//!
//! The same field on inbound mail is somebody else's and is removed ([`super::is_removed`]).

use std::fmt;

use dmarc::Outcome;
use mail::Domain;

use super::decision::Decision;
use super::mode::Ceiling;
use super::rule::{Action, Rule};
use crate::verdict::Verdict;

/// The value of the field: one line of printable ASCII, of less than 800 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marking {
    action: Action,
    ceiling: Ceiling,
    rules: Vec<Rule>,
    dmarc: Outcome,
    author: Option<Domain>,
    kept: Option<&'static str>,
    enforce: Option<Action>,
}

impl Marking {
    /// The marking for a decision; `None` where the message does not go on. Where it is accepted there is nothing that
    /// has to be marked, but the field can be had.
    pub fn of(decision: &Decision, verdict: &Verdict) -> Option<Self> {
        let action = decision.disposition().action();
        if action >= Action::Defer {
            return None;
        }
        let wanted = decision.held().iter().filter(|held| held.action > Action::Accept).map(|held| held.rule);
        let others = wanted.filter(|rule| Some(*rule) != decision.rule());
        Some(Self {
            action,
            ceiling: decision.ceiling(),
            rules: decision.rule().into_iter().chain(others).collect(),
            dmarc: verdict.dmarc().outcome(),
            author: verdict.dmarc().author_domain().cloned(),
            kept: decision.exemption().map(|exemption| exemption.as_str()),
            enforce: decision.enforced().map(|held| held.action),
        })
    }
}

impl fmt::Display for Marking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mode = match self.ceiling {
            Ceiling::All(mode) => mode.as_str(),
            Ceiling::Mixed { .. } => "mixed",
            Ceiling::Exempt => "exempt",
        };
        write!(f, "{}; mode={mode}", self.action)?;
        if !self.rules.is_empty() {
            let rules: Vec<&str> = self.rules.iter().map(|rule| rule.as_str()).collect();
            write!(f, "; rule={}", rules.join(","))?;
        }
        write!(f, "; dmarc={}", self.dmarc)?;
        if let Some(author) = &self.author {
            write!(f, "; author={author}")?;
        }
        if let Some(kept) = &self.kept {
            write!(f, "; kept={kept}")?;
        }
        match self.enforce {
            Some(action) => write!(f, "; enforce={action}"),
            None => Ok(()),
        }
    }
}
