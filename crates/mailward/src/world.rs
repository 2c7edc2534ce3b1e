//! Who answers DNS questions for a command: the system's resolver, a server, a zone in a file, or a recording.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use dns::{Answer, Answers, Dns, Overlay, Question, Zone};
use resolver::{Resolver, Server};
use verdict::{Recorded, Recording};

use crate::input::error::shown;
use crate::input::{InputError, Position};

/// Largest zone or recording that is read, in bytes.
const MAX_FILE: u64 = verdict::recording::MAX_RECORDING as u64;

/// What `--dns` and `--overlay` name.
pub struct World {
    base: Base,
    overlay: Option<Arc<Zone>>,
}

enum Base {
    Resolver(Box<Resolver>),
    Zone(Zone),
    /// A recording, and all its answers together: of several to one question, the first.
    Recording(Recording, Answers),
}

impl World {
    /// Opens what the options name; with neither of them, the resolver that the system uses.
    pub fn open(dns: Option<&str>, overlay: Option<&Path>) -> Result<Self, InputError> {
        let base = match dns {
            None => system()?,
            Some(text) if Path::new(text).is_file() => file(Path::new(text))?,
            Some(text) => server(text)?,
        };
        Ok(Self { base, overlay: overlay.map(zone).transpose()?.map(Arc::new) })
    }

    /// What these servers answer, best first.
    pub fn of_servers(servers: Vec<Server>) -> Result<Self, InputError> {
        let base = resolver(resolver::Settings::new(servers), "[dns] servers")?;
        Ok(Self { base, overlay: None })
    }

    /// The recording, if it is one.
    pub fn recording(&self) -> Option<&Recording> {
        match &self.base {
            Base::Recording(recording, _) => Some(recording),
            Base::Resolver(_) | Base::Zone(_) => None,
        }
    }

    /// Whether servers are asked, and not a file.
    pub fn is_network(&self) -> bool {
        matches!(self.base, Base::Resolver(_))
    }

    /// The answers for one message; of a recording, its own, or all together for a message that is not in it.
    pub fn view<'a>(&'a self, recorded: Option<&'a Recorded>) -> View<'a> {
        let below = match (&self.base, recorded) {
            (Base::Resolver(resolver), _) => Below::Resolver(resolver),
            (Base::Zone(zone), _) => Below::Zone(zone),
            (Base::Recording(..), Some(recorded)) => Below::Answers(&recorded.answers),
            (Base::Recording(_, all), None) => Below::Answers(all),
        };
        match &self.overlay {
            Some(zone) => View::Laid(Overlay::new(Arc::clone(zone), below)),
            None => View::Plain(below),
        }
    }

    /// The questions that a recording was asked and has no answer to.
    pub fn lacking(&self) -> Vec<Question> {
        let Base::Recording(recording, all) = &self.base else { return Vec::new() };
        let mut lacking = all.lacking();
        lacking.extend(recording.messages.iter().flat_map(|m| m.answers.lacking()));
        lacking.sort();
        lacking.dedup();
        lacking
    }
}

fn system() -> Result<Base, InputError> {
    let settings = resolver::Settings::system().map_err(|e| resolver_error("the system's resolver", &e))?;
    resolver(settings, "the system's resolver")
}

fn server(text: &str) -> Result<Base, InputError> {
    let server = Server::parse(text).map_err(|e| {
        InputError::new("--dns", format!("there is no file {text:?}, and it is no server either: {e}")).with_help(
            "name a zone file, a recording, or a server such as 192.0.2.53, [2001:db8::53]:5353 or tls://192.0.2.53",
        )
    })?;
    resolver(resolver::Settings::new(vec![server]), text)
}

fn resolver(settings: resolver::Settings, name: &str) -> Result<Base, InputError> {
    let resolver = Resolver::new(settings).map_err(|e| resolver_error(name, &e))?;
    Ok(Base::Resolver(Box::new(resolver)))
}

fn resolver_error(name: &str, error: &resolver::ResolverError) -> InputError {
    InputError::new(name, error.to_string()).with_help("name a server or a zone file with --dns")
}

fn file(path: &Path) -> Result<Base, InputError> {
    let bytes = read(path)?;
    if bytes.iter().find(|b| !b.is_ascii_whitespace()) == Some(&b'{') {
        let recording =
            Recording::from_json(&bytes).map_err(|e| InputError::new(shown(path), e.to_string()))?;
        let mut all = BTreeMap::new();
        for (question, answer) in recording.messages.iter().flat_map(|m| m.answers.iter()) {
            all.entry(question.clone()).or_insert_with(|| answer.clone());
        }
        return Ok(Base::Recording(recording, all.into_iter().collect()));
    }
    parse_zone(path, bytes).map(Base::Zone)
}

fn zone(path: &Path) -> Result<Zone, InputError> {
    parse_zone(path, read(path)?)
}

fn read(path: &Path) -> Result<Vec<u8>, InputError> {
    let io = |error| InputError::io(shown(path), &error);
    if fs::metadata(path).map_err(io)?.len() > MAX_FILE {
        return Err(InputError::new(shown(path), "larger than any zone or recording that is read"));
    }
    fs::read(path).map_err(io)
}

fn parse_zone(path: &Path, bytes: Vec<u8>) -> Result<Zone, InputError> {
    let name = shown(path);
    let text = String::from_utf8(bytes).map_err(|e| {
        let at = e.utf8_error().valid_up_to();
        InputError::new(name.clone(), "not a zone: a byte that is not UTF-8")
            .at(Position::of(e.as_bytes(), at))
    })?;
    Zone::parse(&text).map_err(|error| {
        InputError::new(name, format!("not a zone: {}", error.message))
            .at(Position { line: error.line, column: Some(error.column) })
            .with_help(
                "what is named here is read as a zone (a master file), or as a recording if it begins with {",
            )
    })
}

/// The world as one message sees it.
pub enum View<'a> {
    /// As it is.
    Plain(Below<'a>),
    /// With a zone laid over it.
    Laid(Overlay<Below<'a>>),
}

/// Who answers below an overlay.
#[derive(Clone, Copy)]
pub enum Below<'a> {
    /// The network.
    Resolver(&'a Resolver),
    /// A file.
    Zone(&'a Zone),
    /// A recording.
    Answers(&'a Answers),
}

impl Dns for View<'_> {
    async fn ask(&self, question: &Question) -> Answer {
        match self {
            Self::Plain(below) => below.ask(question).await,
            Self::Laid(overlay) => overlay.ask(question).await,
        }
    }

    async fn warm(&self, question: &Question) -> Option<Answer> {
        match self {
            Self::Plain(below) => below.warm(question).await,
            Self::Laid(overlay) => overlay.warm(question).await,
        }
    }
}

impl Dns for Below<'_> {
    async fn ask(&self, question: &Question) -> Answer {
        match self {
            Self::Resolver(resolver) => resolver.ask(question).await,
            Self::Zone(zone) => zone.ask(question).await,
            Self::Answers(answers) => answers.ask(question).await,
        }
    }

    async fn warm(&self, question: &Question) -> Option<Answer> {
        match self {
            Self::Resolver(resolver) => resolver.warm(question).await,
            Self::Zone(_) | Self::Answers(_) => None,
        }
    }
}
