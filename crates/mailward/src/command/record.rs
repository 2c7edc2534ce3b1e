//! What the commands on records share: what an argument is, a text with all that is noticed in it, whom to ask, and
//! how what was found is told.

mod argument;
mod json;
mod page;
mod signature;
mod text;

use std::borrow::Cow;
use std::time::Duration;

use dns::{Data, Dns, Name, Overlay, Question, RecordType, Zone};
use mail::Domain;
use resolver::Deadline;

pub(super) use self::argument::{Argument, domain, is_record, one};
pub(super) use self::json::RecordJson;
pub(super) use self::page::{Page, exit};
pub(super) use self::text::{Kind, Text};

use crate::cli::{DnsArgs, Exit};
use crate::input::InputError;
use crate::show;
use crate::world::{Below, View, World};

/// How long all questions of a command may take together; what comes later is a time-out.
const DEADLINE: Duration = Duration::from_secs(20);

/// What a command asks: the world, with a record laid over it that is only proposed.
pub(super) type Asked<'a> = Deadline<Overlay<View<'a>>>;

/// Whom a command asks.
pub(super) struct Source {
    world: Option<World>,
    /// In place of a world where nothing has to be asked.
    empty: Zone,
}

impl Source {
    /// Opens what the options name. Without options and with nothing to ask, the system's resolver is left alone.
    pub(super) fn open(args: &DnsArgs, needed: bool) -> Result<Self, InputError> {
        let open = needed || args.dns.is_some() || args.overlay.is_some();
        let world = open.then(|| World::open(args.dns.as_deref(), args.overlay.as_deref())).transpose()?;
        Ok(Self { world, empty: Zone::new() })
    }

    /// The world with `proposed` laid over it.
    pub(super) fn with(&self, proposed: Zone) -> Asked<'_> {
        let below = match &self.world {
            Some(world) => world.view(None),
            None => View::Plain(Below::Zone(&self.empty)),
        };
        Deadline::new(Overlay::new(proposed, below), DEADLINE)
    }

    /// A question for the texts at a name that got no answer, as an error of the command.
    pub(super) fn unanswered(&self, name: &str, why: impl std::fmt::Display) -> InputError {
        let about = format!("TXT {name}");
        if self.world.as_ref().is_some_and(|world| world.recording().is_some()) {
            return InputError::new(about, "the recording has no answer to this question")
                .with_help("name a server or a zone file with --dns");
        }
        InputError::new(about, format!("not known now: {why}"))
            .with_help("try again, or name another server or a zone file with --dns")
    }

    /// The world as it is.
    pub(super) fn as_it_is(&self) -> Asked<'_> {
        self.with(Zone::new())
    }
}

/// The texts at a name; none where there are none, for whatever reason.
pub(super) async fn texts<D: Dns>(dns: &D, name: Name) -> Vec<Vec<u8>> {
    let answer = dns.ask(&Question::new(name, RecordType::Txt)).await;
    answer.records().iter().filter_map(Data::text).map(Cow::into_owned).collect()
}

/// A domain that was given in place of a record's own name, such as `_dmarc.example.com`.
pub(super) fn without_prefix(domain: &Domain, prefix: &str) -> Option<Domain> {
    (domain.labels().next() == Some(prefix)).then(|| domain.parent()).flatten()
}

/// Ends a command: errors go to standard error.
pub(super) fn end(result: Result<Exit, InputError>) -> Exit {
    result.unwrap_or_else(|error| {
        show::say(format_args!("mailward: {error}"));
        Exit::Error
    })
}

#[cfg(test)]
mod tests {
    use super::super::{dkim, dmarc, spf};

    /// Everything that the commands print with --json.
    #[derive(schemars::JsonSchema)]
    #[serde(untagged)]
    #[expect(dead_code, reason = "only its schema is wanted")]
    enum Records {
        Spf(spf::SpfJson<'static>),
        Dkim(dkim::KeyJson<'static>),
        Dmarc(dmarc::DmarcJson<'static>),
    }

    /// The schema that the documentation shows is the one of the structs. `UPDATE_DOCS=1` writes it.
    #[test]
    fn the_schema_in_the_documentation_is_this_one() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/records.schema.json");
        let schema = serde_json::to_string_pretty(&schemars::schema_for!(Records)).unwrap() + "\n";
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(path, &schema).unwrap();
        }
        let written = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            written == schema,
            "docs/records.schema.json is not up to date: run the tests with UPDATE_DOCS=1"
        );
    }
}
