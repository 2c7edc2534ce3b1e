//! `[[listener]]`: where the MTA finds us.

use std::net::SocketAddr;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::de::DeTable;
use verdict::direction::Purpose;
use verdict::local::Mode;
use verdict::network::Network;

use super::policy::mode;
use super::reader::Reader;
use super::spec;

/// Where the one listener is that there is by default.
pub const DEFAULT_ADDRESS: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8891);
/// How it is called.
pub const DEFAULT_NAME: &str = "milter";
/// Most listeners.
pub const MAX_LISTENERS: usize = 100;

/// A listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub address: Address,
    /// What it is for.
    pub purpose: Purpose,
    /// Its own mode.
    pub mode: Option<Mode>,
    /// Who may connect over TCP.
    pub peers: Vec<Network>,
}

/// Where a listener is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// TCP.
    Tcp(SocketAddr),
    /// A unix socket.
    Unix(UnixSocket),
}

/// A unix socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnixSocket {
    /// Its file.
    pub path: PathBuf,
    /// The rights on it.
    pub mode: u32,
    /// The names of its owner and its group, where somebody named them.
    pub owner: Option<(String, String)>,
}

impl Default for Listener {
    fn default() -> Self {
        Self {
            name: DEFAULT_NAME.to_owned(),
            address: Address::Tcp(DEFAULT_ADDRESS),
            purpose: Purpose::Both,
            mode: None,
            peers: vec![Network::LOOPBACK_4, Network::LOOPBACK_6],
        }
    }
}

/// As Postfix and systemd would name it.
impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tcp(address) if address.is_ipv6() => {
                write!(f, "inet:[{}]:{}", address.ip(), address.port())
            }
            Self::Tcp(address) => write!(f, "inet:{address}"),
            Self::Unix(socket) => write!(f, "unix:{}", crate::input::error::shown(&socket.path)),
        }
    }
}

/// Reads all of them.
pub(super) fn read(
    reader: &mut Reader,
    tables: Vec<(&DeTable<'_>, Range<usize>)>,
    directory: &Path,
) -> Vec<Listener> {
    if let Some((_, at)) = tables.get(MAX_LISTENERS) {
        reader.error("config-value", at.clone(), format!("more than {MAX_LISTENERS} listeners"));
    }
    let mut listeners: Vec<Listener> = Vec::new();
    for (table, at) in tables.into_iter().take(MAX_LISTENERS) {
        let Some(listener) = one(reader, table, at.clone(), directory) else { continue };
        if listeners.iter().any(|other| other.name == listener.name) {
            reader.error("config-twice", at.clone(), "a listener of this name is there already");
        }
        if listeners.iter().any(|other| is_same_place(&other.address, &listener.address)) {
            reader.error("config-twice", at, "a listener at this address is there already");
        }
        listeners.push(listener);
    }
    listeners
}

fn is_same_place(one: &Address, other: &Address) -> bool {
    match (one, other) {
        // Port 0 is another one each time.
        (Address::Tcp(one), Address::Tcp(other)) => one == other && one.port() != 0,
        (Address::Unix(one), Address::Unix(other)) => one.path == other.path,
        _ => false,
    }
}

fn one(reader: &mut Reader, table: &DeTable<'_>, at: Range<usize>, directory: &Path) -> Option<Listener> {
    let fields = reader.fields(&spec::LISTENER, table);
    let (name, address) = (fields.get("name"), fields.get("address"));
    if name.is_none() {
        reader.missing(at.clone(), "name", "how it is called in the log");
    }
    if address.is_none() {
        reader.missing(at, "address", "an IP address and a port, or the path of a unix socket");
    }
    let name = name.and_then(|value| reader.parsed(value, name_of));
    let address = address.and_then(|value| reader.parsed(value, |text| address_of(text, directory)));
    let owner = fields.get("socket_owner");
    let rights = fields.get("socket_mode");
    let address = match address {
        Some(Address::Unix(mut socket)) => {
            if let Some(mode) = rights.and_then(|value| reader.parsed(value, rights_of)) {
                socket.mode = mode;
            }
            socket.owner = owner.and_then(|value| reader.parsed(value, owner_of));
            Some(Address::Unix(socket))
        }
        Some(address) => {
            for value in [owner, rights].into_iter().flatten() {
                reader.error("config-value", value.span(), "only a unix socket has rights and an owner");
            }
            Some(address)
        }
        None => None,
    };
    let mut listener = Listener { name: name?, address: address?, ..Listener::default() };
    if let Some(purpose) = fields.get("for").and_then(|value| reader.parsed(value, purpose_of)) {
        listener.purpose = purpose;
    }
    if let Some(value) = fields.get("mode") {
        listener.mode = reader.parsed(value, mode);
        if matches!(listener.purpose, Purpose::Outbound | Purpose::Reinjected) {
            reader.error("config-value", value.span(), "mail that is not checked has no mode");
        }
    }
    if let Some(value) = fields.get("peers") {
        listener.peers = reader.all_parsed(value, Network::parse);
    }
    Some(listener)
}

fn name_of(text: &str) -> Result<String, &'static str> {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    if text.is_empty() || text.len() > 60 || !text.bytes().all(fits) {
        return Err("a name of letters, digits, hyphens, dots and underscores was expected, at most 60");
    }
    Ok(text.to_owned())
}

pub(super) fn address_of(text: &str, directory: &Path) -> Result<Address, &'static str> {
    const FORM: &str =
        "an IP address and a port such as 127.0.0.1:8891, or the path of a unix socket, was expected";
    if let Ok(address) = text.parse() {
        return Ok(Address::Tcp(address));
    }
    let path = text.strip_prefix("unix:").unwrap_or(text);
    if !path.contains('/') || path.contains('\0') || path.ends_with('/') {
        return Err(FORM);
    }
    Ok(Address::Unix(UnixSocket { path: directory.join(path), mode: 0o660, owner: None }))
}

pub(super) fn rights_of(text: &str) -> Result<u32, &'static str> {
    let mode = u32::from_str_radix(text, 8).ok().filter(|mode| *mode <= 0o777 && text.len() <= 4);
    mode.ok_or("rights as chmod takes them were expected, such as 660")
}

pub(super) fn owner_of(text: &str) -> Result<(String, String), &'static str> {
    match text.split_once(':') {
        Some((user, group)) if !user.is_empty() && !group.is_empty() && !group.contains(':') => {
            Ok((user.to_owned(), group.to_owned()))
        }
        _ => Err("an owner and a group were expected, such as mailward:postfix"),
    }
}

fn purpose_of(text: &str) -> Result<Purpose, &'static str> {
    match text {
        "both" => Ok(Purpose::Both),
        "inbound" => Ok(Purpose::Inbound),
        "outbound" => Ok(Purpose::Outbound),
        "reinjected" => Ok(Purpose::Reinjected),
        _ => Err("\"both\", \"inbound\", \"outbound\" or \"reinjected\" was expected"),
    }
}
