//! `[receiving]`, `[dns]`, `[network]`, `[log]`, `[daemon]`: how messages are judged, and by whom.

use std::time::Duration;

use mail::Domain;
use mail::authres::AuthservId;
use resolver::Server;
use toml::de::DeTable;
use verdict::SpfCounts;
use verdict::direction::{Direction, Directions, Purpose, Row, When};
use verdict::local::FieldPattern;
use verdict::network::Network;

use super::policy::domain;
use super::reader::{Fields, Reader};
use super::signing::duration;
use super::spec;

/// Longest time that a message may be made to wait: Postfix waits for 300 s at the end of a message.
pub const MAX_DEADLINE: Duration = Duration::from_secs(50);

/// `[receiving]`
#[derive(Debug)]
pub struct Receiving {
    /// Our name; the host's where nobody said one.
    pub authserv_id: Option<AuthservId>,
    /// Other names of ours.
    pub other_ids: Vec<AuthservId>,
    /// Fields that are treated like Authentication-Results.
    pub other_fields: Vec<String>,
    /// Fields that are removed.
    pub removed_fields: Vec<FieldPattern>,
    /// Whether Received-SPF is added.
    pub received_spf: bool,
    /// Which SPF passes DMARC counts.
    pub spf_counts: SpfCounts,
    /// The ARC sealers that are believed.
    pub trusted_sealers: Vec<Domain>,
    /// How long a message waits for the DNS.
    pub deadline: Duration,
}

impl Default for Receiving {
    fn default() -> Self {
        Self {
            authserv_id: None,
            other_ids: Vec::new(),
            other_fields: vec!["X-Authentication-Results".to_owned()],
            removed_fields: Vec::new(),
            received_spf: false,
            spf_counts: SpfCounts::default(),
            trusted_sealers: Vec::new(),
            deadline: Duration::from_secs(20),
        }
    }
}

impl Receiving {
    pub(super) fn read(reader: &mut Reader, table: &DeTable<'_>) -> Self {
        let mut this = Self::default();
        let fields = reader.fields(&spec::RECEIVING, table);
        let id = |text: &str| AuthservId::parse(text).map_err(|why| format!("no name: {why}"));
        this.authserv_id = fields.get("authserv_id").and_then(|value| reader.parsed(value, id));
        if let Some(value) = fields.get("other_ids") {
            this.other_ids = reader.all_parsed(value, id);
        }
        if let Some(value) = fields.get("other_fields") {
            this.other_fields = reader.all_parsed(value, |text: &str| {
                verdict::local::FieldName::parse(text).map(|name| name.as_str().to_owned())
            });
        }
        if let Some(value) = fields.get("removed_fields") {
            this.removed_fields = reader.all_parsed(value, FieldPattern::parse);
        }
        if let Some(flag) = fields.get("received_spf").and_then(|value| reader.flag(value)) {
            this.received_spf = flag;
        }
        if let Some(counts) = fields.get("spf_counts").and_then(|value| reader.parsed(value, spf_counts)) {
            this.spf_counts = counts;
        }
        if let Some(value) = fields.get("trusted_sealers") {
            this.trusted_sealers = reader.all_parsed(value, domain);
        }
        if let Some(deadline) = fields.get("deadline").and_then(|value| reader.parsed(value, deadline)) {
            this.deadline = deadline;
        }
        this
    }
}

fn spf_counts(text: &str) -> Result<SpfCounts, &'static str> {
    match text {
        "always" => Ok(SpfCounts::Always),
        "unless-permissive" => Ok(SpfCounts::UnlessPermissive),
        "never" => Ok(SpfCounts::Never),
        _ => Err("\"always\", \"unless-permissive\" or \"never\" was expected"),
    }
}

fn deadline(text: &str) -> Result<Duration, &'static str> {
    let seconds = duration(text).ok().map(|seconds| Duration::from_secs(seconds.get()));
    seconds.filter(|time| *time <= MAX_DEADLINE).ok_or("a time from 1s to 50s was expected")
}

/// `[dns]`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dns {
    /// The servers; those of the system where nobody named any.
    pub servers: Vec<Server>,
    /// Whether they are trusted to validate.
    pub trusted: bool,
}

impl Dns {
    pub(super) fn read(reader: &mut Reader, table: &DeTable<'_>) -> Self {
        let fields = reader.fields(&spec::DNS, table);
        let servers = fields.get("servers").map(|value| {
            let servers = reader.all_parsed(value, Server::parse);
            if servers.len() > resolver::MAX_SERVERS {
                let message = format!("more than {} servers", resolver::MAX_SERVERS);
                reader.error("config-value", value.span(), message);
            }
            servers
        });
        let trusted = fields.get("trusted").and_then(|value| reader.flag(value)).unwrap_or_default();
        Self { servers: servers.unwrap_or_default(), trusted }
    }
}

/// `[network]`
pub(super) fn directions(reader: &mut Reader, table: &DeTable<'_>) -> Directions {
    let fields = reader.fields(&spec::NETWORK, table);
    let mut networks = |key: &str, default: &[Network], all: &'static str| {
        let parse = |text: &str| match Network::parse(text) {
            Ok(network) if network.is_everything() => Err(all.to_owned()),
            parsed => parsed.map_err(|why| why.to_string()),
        };
        fields.get(key).map_or_else(|| default.to_vec(), |value| reader.all_parsed(value, parse))
    };
    let loopback = [Network::LOOPBACK_4, Network::LOOPBACK_6];
    let own = networks("own", &loopback, "this is everybody: all mail would be signed, and none checked");
    let relays =
        networks("relays", &[], "this is everybody: what anybody writes into Received would be believed");
    let rows = rows(reader, &fields);
    Directions::new(rows, own, relays).unwrap_or_default()
}

/// The rows about listeners, and those of the site.
fn rows(reader: &mut Reader, fields: &Fields<'_, '_>) -> Vec<Row> {
    let by_listener = |row: &Row| matches!(row.when, When::Listener(_));
    let Some(value) = fields.get("directions") else { return Directions::USUAL.to_vec() };
    let own = reader.all_parsed(value, row);
    Directions::USUAL.into_iter().filter(by_listener).chain(own).collect()
}

fn row(text: &str) -> Result<Row, &'static str> {
    let (when, then) = text.split_once(':').map_or((text, ""), |(when, then)| (when, then.trim()));
    let when = match when.trim() {
        "bounce" => When::Bounce,
        "local" => When::Local,
        "authenticated" => When::Authenticated,
        "relay" => When::Relay,
        "own-network" => When::OwnNetwork,
        _ => return Err("bounce, local, authenticated, relay or own-network was expected before a colon"),
    };
    let then = match then {
        "inbound" => Direction::Inbound,
        "outbound" => Direction::Outbound,
        _ => return Err("inbound or outbound was expected behind the colon"),
    };
    Ok(Row { when, then })
}

/// How a line of the log is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// `key=value`
    #[default]
    Logfmt,
    /// One JSON object.
    Json,
}

impl LogFormat {
    pub(super) fn read(reader: &mut Reader, table: &DeTable<'_>) -> Self {
        let fields = reader.fields(&spec::LOG, table);
        let parse = |text: &str| match text {
            "logfmt" => Ok(Self::Logfmt),
            "json" => Ok(Self::Json),
            _ => Err("\"logfmt\" or \"json\" was expected"),
        };
        fields.get("format").and_then(|value| reader.parsed(value, parse)).unwrap_or_default()
    }
}

/// `[daemon]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Daemon {
    /// Whose rights are kept after a start as root.
    pub user: Option<String>,
    /// How many connections a listener takes.
    pub connections: usize,
    /// Whether rights are given up that are not needed.
    pub sandbox: bool,
}

impl Default for Daemon {
    fn default() -> Self {
        Self { user: None, connections: 10_000, sandbox: true }
    }
}

impl Daemon {
    pub(super) fn read(reader: &mut Reader, table: &DeTable<'_>) -> Self {
        let mut this = Self::default();
        let fields = reader.fields(&spec::DAEMON, table);
        let user = |text: &str| match text {
            "" => Err("the name of a user was expected"),
            _ => Ok(text.to_owned()),
        };
        this.user = fields.get("user").and_then(|value| reader.parsed(value, user));
        if let Some(value) = fields.get("connections")
            && let Some(number) = reader.number(value)
        {
            this.connections = number as usize;
            if !(1..=1_000_000).contains(&number) {
                reader.error("config-value", value.span(), "a number from 1 to 1000000 was expected");
            }
        }
        if let Some(flag) = fields.get("sandbox").and_then(|value| reader.flag(value)) {
            this.sandbox = flag;
        }
        this
    }
}

/// What a listener is for, in a word.
pub fn purpose_word(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Both => "both",
        Purpose::Inbound => "inbound",
        Purpose::Outbound => "outbound",
        Purpose::Reinjected => "reinjected",
    }
}
