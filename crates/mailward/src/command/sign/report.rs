//! What is said about a message on standard error; standard output has the message alone.

use dkim::Request;
use dkim::preflight::Risk;
use mail::Explain;
use verdict::outbound::Step;

use super::args::Args;
use super::json::SignJson;
use crate::input::InputError;
use crate::show;

/// All that there is to say.
#[derive(Default)]
pub(super) struct Report {
    /// How the plan came about.
    pub(super) steps: Vec<Step>,
    /// The keys that can't be used, and what is wrong with the directory of keys.
    pub(super) faults: Vec<InputError>,
    /// Why nothing is signed.
    pub(super) not_signed: Vec<String>,
    /// What will break the signatures on the way.
    pub(super) risks: Vec<Risk>,
    /// Domain and selector of each signature.
    pub(super) made: Vec<(String, String, &'static str)>,
    /// The algorithms of the signatures that the message went out with.
    pub(super) signed: Vec<&'static str>,
    /// What the check of the own signatures gave; `None` where there was none.
    pub(super) self_check: Option<Result<(), String>>,
    /// Why nothing went out.
    pub(super) error: Option<InputError>,
}

impl Report {
    pub(super) fn requests(&mut self, requests: &[Request]) {
        let made =
            |r: &Request| (r.domain().to_string(), r.selector().to_string(), r.key().algorithm().as_str());
        self.made = requests.iter().map(made).collect();
    }

    pub(super) fn print(&self, args: &Args) {
        if args.json {
            match serde_json::to_string(&SignJson::new(self)) {
                Ok(json) => show::say(json),
                Err(error) => show::say(format_args!("mailward: --json: {error}")),
            }
            return;
        }
        if args.explain {
            show::say(show::steps(self.steps.iter().map(|step| step as &dyn Explain)).trim_end());
        }
        for fault in &self.faults {
            show::say(format_args!("mailward: {fault}"));
        }
        for risk in &self.risks {
            show::say(format_args!("mailward: this will break the signatures: {risk}"));
        }
        if let Some(Err(fault)) = &self.self_check {
            show::say(format_args!("mailward: ALARM: {fault}"));
        }
        for why in &self.not_signed {
            show::say(format_args!("mailward: not signed: {why}"));
        }
        if let Some(error) = &self.error {
            show::say(format_args!("mailward: {error}"));
        }
        if args.explain {
            let signed = if self.signed.is_empty() { self.made.get(..0) } else { self.made.get(..) };
            for (domain, selector, algorithm) in signed.unwrap_or_default() {
                show::say(format_args!("signed by {domain}, selector {selector}, with {algorithm}"));
            }
        }
    }
}
