//! The JSON forms.

use mail::{Domain, Explain, UnixTime};
use serde::Serialize;
use store::{TlsEvent, TlsPolicy};
use verdict::tls::{Level, Sts};

use super::look::Look;
use super::probed::ProbeJson;
use crate::show::escape::escape;

/// `mailward tls-policy DOMAIN`.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::command) struct TlsPolicyJson {
    /// The policy domain.
    domain: String,
    /// What the DNS says of a policy, in words.
    record: String,
    /// The policy that is kept; null if there is none.
    kept: Option<KeptJson>,
    /// Why what is kept can't be read; null if it can.
    kept_error: Option<String>,
    /// What came of a fetch: null if there was none, else `fetched` or why not.
    fetch: Option<String>,
    /// What is odd in the file that was fetched: what its owner should look at.
    odd: Vec<String>,
    /// The policy in force, a line each field; empty if there is none.
    policy: Vec<String>,
    /// The MX hosts, best first.
    hosts: Vec<HostJson>,
    /// `nothing`, `dane`, `dane-only`, `secure` or `defer`.
    level: &'static str,
    /// What Postfix is told, or would be if it asked.
    answer: String,
    /// The steps to it.
    steps: Vec<StepJson>,
    /// What was seen of the MX hosts; null if they were not looked at.
    probe: Option<ProbeJson>,
}

/// A policy.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct KeptJson {
    /// Its id.
    id: String,
    /// When it was fetched, in seconds since 1970.
    fetched: u64,
    /// Until when it is in force.
    expires: u64,
}

/// An MX host.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct HostJson {
    /// Its name.
    name: String,
    /// Whether the policy in force allows it: `allowed`, `not allowed`, or empty if nothing is enforced.
    mta_sts: &'static str,
    /// What DANE asks: `TLS`, `certificate`, `unknown`, or empty for nothing.
    dane: String,
    /// Whether it gets mail.
    used: bool,
}

/// A step.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct StepJson {
    /// What was found or done.
    text: String,
    /// The rule.
    section: &'static str,
}

/// `mailward tls-policy DOMAIN --at TIME`.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::command) struct HistoryJson {
    /// The policy domain.
    domain: String,
    /// The time that was asked for, in seconds since 1970.
    at: u64,
    /// What Postfix was told then and the steps to it, a line each; null if nothing but NOTFOUND is known.
    answered: Option<EventJson>,
    /// What came to pass before that, latest first.
    events: Vec<EventJson>,
}

/// What came to pass.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct EventJson {
    /// When, in seconds since 1970.
    at: u64,
    /// `fetched`, `failed`, `vanished`, `weakened`, `forgotten`, `probed`, `unready` or `answered`.
    what: &'static str,
    /// More of it, line by line.
    text: Vec<String>,
}

/// `mailward tls-policy DOMAIN --forget`.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::command) struct ForgetJson {
    /// The policy domain.
    domain: String,
    /// The policy that was kept until now; null if there was none, or if it could not be read.
    forgotten: Option<KeptJson>,
    /// The same, a line each field; empty if there was none.
    policy: Vec<String>,
    /// Why what was kept could not be read; it is forgotten too. Null if it could.
    kept_error: Option<String>,
}

impl From<&TlsPolicy> for KeptJson {
    fn from(policy: &TlsPolicy) -> Self {
        Self {
            id: policy.kept.id.to_string(),
            fetched: policy.kept.fetched.0,
            expires: policy.kept.expires().0,
        }
    }
}

impl ForgetJson {
    pub(super) fn new(domain: &Domain, before: &Result<Option<TlsPolicy>, store::Error>) -> Self {
        let kept = before.as_ref().ok().and_then(Option::as_ref);
        Self {
            domain: domain.to_string(),
            forgotten: kept.map(KeptJson::from),
            policy: kept.map(|kept| kept.kept.policy.lines().collect()).unwrap_or_default(),
            kept_error: before.as_ref().err().map(|error| escape(error.to_string())),
        }
    }
}

impl TlsPolicyJson {
    pub(super) fn new(look: &Look) -> Self {
        Self {
            domain: look.hop.domain.to_string(),
            record: look.record(),
            kept: look.kept.as_ref().ok().and_then(|policy| policy.as_ref().map(KeptJson::from)),
            kept_error: look.kept.as_ref().err().map(escape),
            fetch: look.fetched.as_ref().map(|result| match result {
                Ok(_) => "fetched".to_owned(),
                Err(why) => escape(why),
            }),
            odd: look.noticed(),
            policy: match &look.sts {
                Sts::Policy(policy) => policy.lines().collect(),
                Sts::Absent | Sts::Stale | Sts::Unfetchable | Sts::Unknown => Vec::new(),
            },
            hosts: look
                .hosts()
                .into_iter()
                .map(|host| HostJson {
                    name: host.name,
                    mta_sts: host.policy,
                    dane: host.dane,
                    used: host.used == "yes",
                })
                .collect(),
            level: match look.decision.level {
                Level::Nothing => "nothing",
                Level::Dane => "dane",
                Level::DaneOnly => "dane-only",
                Level::Secure(_) => "secure",
                Level::Defer(_) => "defer",
            },
            answer: look.answer.to_string(),
            steps: look
                .decision
                .steps
                .iter()
                .map(|step| StepJson { text: escape(step.to_string()), section: step.section().0 })
                .collect(),
            probe: look.probed.as_ref().map(ProbeJson::new),
        }
    }
}

impl HistoryJson {
    pub(super) fn new(
        domain: &Domain,
        at: UnixTime,
        answered: Option<&TlsEvent>,
        events: &[TlsEvent],
    ) -> Self {
        let event = |event: &TlsEvent| EventJson {
            at: event.at.0,
            what: event.kind.as_str(),
            text: event.text.lines().map(escape).collect(),
        };
        Self {
            domain: domain.to_string(),
            at: at.0,
            answered: answered.map(event),
            events: events.iter().map(event).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `mailward tls-policy` prints.
    #[derive(schemars::JsonSchema)]
    #[serde(untagged)]
    #[expect(dead_code, reason = "only its schema is used")]
    enum TlsPolicy {
        Now(Box<TlsPolicyJson>),
        At(HistoryJson),
        Forget(ForgetJson),
    }

    #[test]
    fn the_schema_is_up_to_date() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/tls-policy.schema.json");
        let schema = serde_json::to_string_pretty(&schemars::schema_for!(TlsPolicy)).unwrap() + "\n";
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(path, &schema).unwrap();
        }
        assert_eq!(
            std::fs::read_to_string(path).unwrap_or_default(),
            schema,
            "docs/tls-policy.schema.json is not up to date: run the tests with UPDATE_DOCS=1"
        );
    }
}
