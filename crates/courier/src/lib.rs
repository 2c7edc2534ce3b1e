//! Out to the world, for what strangers publish: MTA-STS policies over HTTPS. Who publishes them may be an attacker, and
//! chooses the host, its addresses and every octet that comes back; so nothing here goes where it was not meant to go, takes
//! more than a limit, or lasts longer than its caller allows.
//!
//! - The name comes from the domain alone, and redirects are not followed.
//! - Addresses are looked up once. Those that are not on the public internet are left out, and the connection goes to one of
//!   the others, by address.
//! - The certificate is checked by the authorities of the web for that name, by rustls; TLS 1.2 at least.
//! - HTTP/1.1 and nothing else; a head of [`MAX_HEAD`], a body of `mta_sts::MAX_POLICY`; nothing compressed.
//! - Of a connection [`MAX_BYTES`] are read, whatever they are.
//! - [`Prober`] goes to mail servers, for a look at their certificates: the same addresses, a few replies of SMTP, and no mail.
#![forbid(unsafe_code)]
// An adapter: time here is the clock's.
#![allow(clippy::disallowed_methods)]

mod address;
mod capped;
mod certificate;
mod connect;
mod error;
mod http;
mod policy;
mod probe;
mod proxy;
mod roots;
mod smtp;

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};
use verdict::network::Network;

pub use address::{Special, special};
pub use capped::MAX_BYTES;
pub use certificate::Certificate;
pub use connect::{MAX_ADDRESSES, STAGGER, Unreached};
pub use error::{FetchError, RootsError};
pub use http::MAX_HEAD;
pub use policy::Fetched;
pub use probe::{Probed, Prober};
pub use proxy::{Proxy, ProxyError};
pub use roots::Roots;
pub use smtp::{MAX_LINE, MAX_LINES, ProbeError};

/// What a courier is made of.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Whose certificates are believed.
    pub roots: Arc<RootCertStore>,
    /// Who makes connections for us. It looks up names itself, and should refuse to go to addresses that are not public.
    pub proxy: Option<Proxy>,
    /// Networks that are not public, and allowed all the same: for tests, and for policy hosts inside.
    pub allowed: Vec<Network>,
    /// The port of policy hosts: 443, outside of tests.
    pub port: u16,
}

impl Settings {
    /// Straight to the public internet.
    pub fn new(roots: Arc<RootCertStore>) -> Self {
        Self { roots, proxy: None, allowed: Vec::new(), port: 443 }
    }
}

/// Fetches what strangers publish. Clones share everything.
#[derive(Clone, Debug)]
pub struct Courier {
    tls: Arc<ClientConfig>,
    proxy: Option<Proxy>,
    allowed: Arc<[Network]>,
    port: u16,
}

impl Courier {
    /// A courier with these settings.
    pub fn new(settings: Settings) -> Result<Self, RootsError> {
        let Settings { roots, proxy, allowed, port } = settings;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let tls = tls.map_err(|error| RootsError::Tls(error.to_string()))?;
        let mut tls = tls.with_root_certificates(roots).with_no_client_auth();
        // STS-19: a server that speaks only HTTP/2 ends the handshake.
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        // Each fetch stands for itself: a session that goes on would be one whose certificate was not looked at now.
        tls.resumption = rustls::client::Resumption::disabled();
        Ok(Self { tls: Arc::new(tls), proxy, allowed: allowed.into(), port })
    }
}
