//! `[policy]`: what is done with inbound mail that has its verdict.

use mail::{Domain, printable};
use toml::de::DeTable;
use verdict::local::{Action, DomainMap, FieldName, Kind, Listed, LocalPolicy, Mode, Refuse, Rule, Template};
use verdict::network::Network;

use super::reader::{Reader, Value};
use super::signing::duration;
use super::spec;
use crate::input::envelope::unknown_key;

/// What the file says about local policy.
#[derive(Debug, Default)]
pub struct Policy {
    /// What is decided by.
    pub local: LocalPolicy,
    /// Whether messages are marked of which nothing is to be said.
    pub mark_all: bool,
}

impl Policy {
    pub(super) fn read(reader: &mut Reader, table: &DeTable<'_>) -> Self {
        let mut policy = Self::default();
        let local = &mut policy.local;
        let fields = reader.fields(&spec::POLICY, table);
        if let Some(mode) = fields.get("mode").and_then(|value| reader.parsed(value, mode)) {
            local.modes.global = mode;
        }
        if let Some(value) = fields.get("own_domains") {
            local.own = reader.all_parsed(value, domain).into_iter().collect();
        }
        if let Some(refuse) = fields.get("refuse").and_then(|value| reader.parsed(value, refuse)) {
            local.refuse = refuse;
        }
        for (key, kind) in [("forwarders", Kind::Forwarder), ("lists", Kind::List), ("exempt", Kind::Exempt)]
        {
            for known in fields.get(key).map(|v| reader.all_parsed(v, Known::parse)).unwrap_or_default() {
                match known {
                    Known::Network(network) => local.known_networks.push((network, kind)),
                    Known::Domain(domain) => {
                        local.known_domains.insert(domain, kind);
                    }
                }
            }
        }
        if let Some(value) = fields.get("allow") {
            local.vouchers = reader.all_parsed(value, domain).into_iter().collect();
        }
        for (key, listed) in [("allow_authors", Listed::Allow), ("deny_authors", Listed::Deny)] {
            let Some(value) = fields.get(key) else { continue };
            for domain in reader.all_parsed(value, domain) {
                if local.authors.insert(domain.clone(), listed).is_some_and(|other| other != listed) {
                    let message = format!("{domain} is both allowed and denied");
                    reader.error("config-twice", value.span(), message);
                }
            }
        }
        if let Some(value) = fields.get("max_copies")
            && let Some(most) = reader.number(value)
        {
            local.replay.copies = Some(most);
            if most == 0 {
                reader.error("config-value", value.span(), "a number from 1 was expected");
            }
        }
        if let Some(age) = fields.get("max_signature_age").and_then(|value| reader.parsed(value, duration)) {
            local.replay.age = Some(age.get());
        }
        if let Some(hold) = fields.get("hold").and_then(|value| reader.flag(value)) {
            local.hold = hold;
        }
        if let Some(name) = fields.get("marking_field").and_then(|v| reader.parsed(v, FieldName::parse)) {
            local.marking = name;
        }
        if let Some(all) = fields.get("mark_all").and_then(|value| reader.flag(value)) {
            policy.mark_all = all;
        }
        let local = &mut policy.local;
        if let Some(value) = fields.get("authors") {
            local.modes.authors = modes(reader, value);
        }
        if let Some(value) = fields.get("recipients") {
            local.modes.recipients = modes(reader, value);
        }
        if let Some(value) = fields.get("rules") {
            each_rule(reader, value, |reader, rule, value| {
                if let Some(action) = reader.parsed(value, action)
                    && let Err(error) = local.rules.set_action(rule, action)
                {
                    reader.error("config-value", value.span(), error.to_string());
                }
            });
        }
        if let Some(value) = fields.get("replies") {
            each_rule(reader, value, |reader, rule, value| {
                if let Some(reply) = reader.parsed(value, Template::parse)
                    && let Err(error) = local.rules.set_reply(rule, reply)
                {
                    reader.error("config-value", value.span(), error.to_string());
                }
            });
        }
        policy
    }
}

/// A forwarder, list or exempt client as it is written.
enum Known {
    Network(Network),
    Domain(Domain),
}

impl Known {
    fn parse(text: &str) -> Result<Self, String> {
        match (Network::parse(text), domain(text)) {
            (Ok(network), _) => Ok(Self::Network(network)),
            // 192.0.2.7 alone could be read as a name.
            (Err(_), Ok(domain)) if !text.bytes().all(|b| b.is_ascii_digit() || b".:/".contains(&b)) => {
                Ok(Self::Domain(domain))
            }
            (Err(error), _) => Err(format!("neither a network nor a domain: {error}")),
        }
    }
}

pub(super) fn domain(text: &str) -> Result<Domain, String> {
    Domain::parse(text).map_err(|why| format!("no domain: {why}"))
}

pub(super) fn mode(text: &str) -> Result<Mode, &'static str> {
    let mode = Mode::ALL.into_iter().find(|mode| mode.as_str() == text);
    mode.ok_or("\"observe\", \"quarantine\" or \"enforce\" was expected")
}

fn refuse(text: &str) -> Result<Refuse, &'static str> {
    match text {
        "known" => Ok(Refuse::Known),
        "policy" => Ok(Refuse::Policy),
        _ => Err("\"known\" or \"policy\" was expected"),
    }
}

fn action(text: &str) -> Result<Action, &'static str> {
    let all = [Action::Accept, Action::Mark, Action::Quarantine, Action::Defer, Action::Refuse];
    let action = all.into_iter().find(|action| action.as_str() == text);
    action.ok_or("\"accept\", \"mark\", \"quarantine\", \"defer\" or \"refuse\" was expected")
}

fn modes(reader: &mut Reader, value: &Value<'_>) -> DomainMap<Mode> {
    let mut modes = DomainMap::default();
    for (key, value) in reader.table(value).into_iter().flatten() {
        let mode = reader.parsed(value, mode);
        match (domain(key.get_ref()), mode) {
            (Ok(domain), Some(mode)) => {
                if modes.insert(domain, mode).is_some() {
                    reader.error("config-twice", key.span(), "this domain is there already");
                }
            }
            (Ok(_), None) => {}
            (Err(error), _) => reader.error("config-value", key.span(), error),
        }
    }
    modes
}

/// Looks at each entry of a table whose names are those of rules.
fn each_rule(reader: &mut Reader, value: &Value<'_>, mut with: impl FnMut(&mut Reader, Rule, &Value<'_>)) {
    let names = Rule::ALL.map(Rule::as_str);
    for (key, value) in reader.table(value).into_iter().flatten() {
        let name = &**key.get_ref();
        match Rule::ALL.into_iter().find(|rule| rule.as_str() == name) {
            Some(rule) => with(reader, rule, value),
            None => {
                let message = format!("no such rule: {}", printable(name.as_bytes()));
                let help = unknown_key(name, &names);
                reader.error_with_help("config-unknown-key", key.span(), message, help);
            }
        }
    }
}
