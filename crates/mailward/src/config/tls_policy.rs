//! `[tls_policy]`: what Postfix is told about the encryption of mail to other domains.

use std::ops::Range;
use std::path::{Path, PathBuf};

use courier::{Proxy, Roots};
use toml::de::DeTable;
use verdict::network::Network;
use verdict::tls::UseDane;
use verdict::tls::postfix::{Postfix, Version};

use super::listener::{Address, Listener, UnixSocket, address_of, owner_of, rights_of};
use super::reader::Reader;
use super::spec;

/// How the listener is called.
pub const NAME: &str = "tls-policy";
/// The version of Postfix that is answered unless the file names another: the oldest that we are tried with.
const OLDEST: Version = Version { major: 3, minor: 7, patch: 0 };

/// `[tls_policy]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsPolicy {
    /// Where Postfix asks; nobody is answered where it is not said.
    pub address: Option<Address>,
    /// Who asks.
    pub postfix: Postfix,
    /// Whether Postfix obeys DANE.
    pub dane: UseDane,
    /// Whose certificates are believed: of policy hosts, and of MX hosts that are looked at.
    pub roots: Roots,
    /// Where the configuration names a file of them, in bytes.
    pub roots_at: Range<usize>,
    /// Who makes connections to policy hosts.
    pub proxy: Option<Proxy>,
    /// Networks that policy hosts, and MX hosts that are looked at, may be in though they are not public.
    pub allowed: Vec<Network>,
    /// The port of policy hosts.
    pub port: u16,
    /// Whether MX hosts of domains that test their policies are looked at.
    pub probe_testing: bool,
}

impl Default for TlsPolicy {
    fn default() -> Self {
        Self {
            address: None,
            postfix: Postfix::new(OLDEST),
            dane: UseDane::No,
            roots: Roots::System,
            roots_at: 0..0,
            proxy: None,
            allowed: Vec::new(),
            port: 443,
            probe_testing: false,
        }
    }
}

impl TlsPolicy {
    /// Reads the table, in a file whose DNS servers are trusted to validate or not.
    pub(super) fn read(reader: &mut Reader, table: &DeTable<'_>, directory: &Path, trusted: bool) -> Self {
        let mut this = Self::default();
        let fields = reader.fields(&spec::TLS_POLICY, table);
        if let Some(value) = fields.get("address") {
            this.address = reader.parsed(value, |text| local(address_of(text, directory)?));
        }
        if let Some(Address::Unix(socket)) = &mut this.address {
            if let Some(mode) = fields.get("socket_mode").and_then(|value| reader.parsed(value, rights_of)) {
                socket.mode = mode;
            }
            socket.owner = fields.get("socket_owner").and_then(|value| reader.parsed(value, owner_of));
        }
        let version =
            |text: &str| Version::parse(text).ok_or("a version of Postfix such as 3.7.11 was expected");
        if let Some(version) = fields.get("postfix_version").and_then(|value| reader.parsed(value, version)) {
            this.postfix = Postfix::new(version);
        }
        if fields.get("postfix_mx_patterns").and_then(|value| reader.flag(value)) == Some(false) {
            this.postfix = this.postfix.without_patterns();
        }
        if let Some(value) = fields.get("postfix_dane")
            && reader.flag(value) == Some(true)
        {
            this.dane = UseDane::Yes;
            if !trusted {
                let message = "DANE needs resolvers that validate: [dns] trusted = true is missing";
                reader.error("config-value", value.span(), message);
            }
        }
        let roots = |text: &str| Ok::<_, &str>(roots_of(text, directory));
        if let Some(value) = fields.get("authorities")
            && let Some(roots) = reader.parsed(value, roots)
        {
            if matches!(roots, Roots::File(_)) {
                this.roots_at = value.span();
            }
            this.roots = roots;
        }
        this.proxy = fields.get("proxy").and_then(|value| reader.parsed(value, Proxy::parse));
        if let Some(value) = fields.get("allowed_networks") {
            this.allowed = reader.all_parsed(value, Network::parse);
        }
        if let Some(value) = fields.get("https_port")
            && let Some(number) = reader.number(value)
        {
            match u16::try_from(number) {
                Ok(port) if port != 0 => this.port = port,
                _ => reader.error("config-value", value.span(), "a port from 1 to 65535 was expected"),
            }
        }
        this.probe_testing =
            fields.get("probe_testing").and_then(|value| reader.flag(value)).unwrap_or_default();
        this
    }

    /// The listener, if there is one.
    pub fn listener(&self) -> Option<Listener> {
        let address = self.address.clone()?;
        Some(Listener { name: NAME.to_owned(), address, ..Listener::default() })
    }
}

/// Whoever can ask can have us fetch from anywhere: over TCP, this host alone.
fn local(address: Address) -> Result<Address, &'static str> {
    match address {
        Address::Tcp(tcp) if !tcp.ip().is_loopback() => {
            Err("an address on loopback, or the path of a unix socket, was expected")
        }
        Address::Tcp(_) | Address::Unix(UnixSocket { .. }) => Ok(address),
    }
}

fn roots_of(text: &str, directory: &Path) -> Roots {
    match text {
        "system" => Roots::System,
        "bundled" => Roots::Bundled,
        path => Roots::File(directory.join(PathBuf::from(path))),
    }
}
