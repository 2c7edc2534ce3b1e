//! Policy hosts that do anything: real TLS on loopback, by authorities of the test's own.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, SanType,
    date_time_ymd,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::ResolvesServerCertUsingSni;
use rustls::sign::CertifiedKey;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

/// How long a host waits for whoever is connected.
const PATIENCE: Duration = Duration::from_secs(20);

/// An authority that signs certificates.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
    pem: String,
}

/// A certificate and its key.
pub struct Certified {
    /// The server's own first.
    pub chain: Vec<CertificateDer<'static>>,
    /// In DER.
    pub key: PrivateKeyDer<'static>,
    /// Both as PEM, certificates first: what programs read.
    pub pem: String,
}

/// When a certificate is valid, and what it has instead of names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// Nothing is wrong.
    None,
    /// It was valid until 2001.
    Expired,
    /// It will be valid in 2090.
    Early,
    /// The name is only the subject's common name.
    CommonName,
    /// Nobody signed it but itself.
    SelfSigned,
    /// It is for clients.
    Client,
}

impl Authority {
    /// One that nobody believes yet.
    #[must_use]
    pub fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "Test authority");
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Self {
            pem: pem("CERTIFICATE", certificate.der()),
            certificate: certificate.der().clone(),
            issuer: Issuer::new(params, key),
        }
    }

    /// As a file of authorities has it.
    #[must_use]
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Its own certificate.
    #[must_use]
    pub fn own(&self) -> CertificateDer<'static> {
        self.certificate.clone()
    }

    /// To be believed.
    #[must_use]
    pub fn roots(&self) -> Arc<RootCertStore> {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).unwrap();
        Arc::new(roots)
    }

    /// A certificate for names or addresses.
    #[must_use]
    pub fn certificate(&self, names: &[&str], flaw: Flaw) -> Certified {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, *names.first().unwrap());
        if flaw != Flaw::CommonName {
            params.subject_alt_names = names.iter().map(|name| alt_name(name)).collect();
        }
        match flaw {
            Flaw::Expired => params.not_after = date_time_ymd(2001, 1, 1),
            Flaw::Early => params.not_before = date_time_ymd(2090, 1, 1),
            Flaw::Client => params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth],
            Flaw::None | Flaw::CommonName | Flaw::SelfSigned => {}
        }
        let key = KeyPair::generate().unwrap();
        let signed = match flaw {
            Flaw::SelfSigned => params.self_signed(&key).unwrap(),
            _ => params.signed_by(&key, &self.issuer).unwrap(),
        };
        Certified {
            chain: vec![signed.der().clone()],
            pem: pem("CERTIFICATE", signed.der()) + &pem("PRIVATE KEY", &key.serialize_der()),
            key: PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        }
    }
}

/// A certificate for names, and above it so many authorities that all have one name, so that each may have signed each other and none
/// is known: whoever looks for a way to one that is known has no end of ways to try.
#[must_use]
pub fn maze(names: &[&str], size: usize) -> Certified {
    let one = || {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "M");
        let key = KeyPair::generate().unwrap();
        let der = params.self_signed(&key).unwrap().der().clone();
        (Authority { pem: String::new(), certificate: der.clone(), issuer: Issuer::new(params, key) }, der)
    };
    let (first, der) = one();
    let mut certified = first.certificate(names, Flaw::None);
    certified.chain.push(der);
    certified.chain.extend((1..size).map(|_| one().1));
    certified
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> =
        text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

fn alt_name(name: &str) -> SanType {
    match name.parse::<IpAddr>() {
        Ok(address) => SanType::IpAddress(address),
        Err(_) => SanType::DnsName(name.try_into().unwrap()),
    }
}

/// A connection with TLS on it.
pub type Tls = StreamOwned<ServerConnection, TcpStream>;

/// A host that is connected to.
pub struct Host {
    /// Where.
    pub address: SocketAddr,
    /// How many connections there were.
    connections: Arc<AtomicUsize>,
    /// What was said on them, as far as a head was read.
    heads: Arc<Mutex<Vec<String>>>,
    stopped: Arc<AtomicBool>,
}

impl Host {
    /// One that does `talk` with each connection, on a thread of its own.
    pub fn raw(address: &str, talk: impl Fn(TcpStream, &Mutex<Vec<String>>) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let address = listener.local_addr().unwrap();
        let (connections, heads, stopped) =
            <(Arc<AtomicUsize>, Arc<Mutex<Vec<String>>>, Arc<AtomicBool>)>::default();
        let host = Self { address, connections, heads, stopped };
        let (connections, heads, stopped) =
            (Arc::clone(&host.connections), Arc::clone(&host.heads), Arc::clone(&host.stopped));
        let talk = Arc::new(talk);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                connections.fetch_add(1, Ordering::SeqCst);
                stream.set_read_timeout(Some(PATIENCE)).unwrap();
                stream.set_write_timeout(Some(PATIENCE)).unwrap();
                let (talk, heads) = (Arc::clone(&talk), Arc::clone(&heads));
                std::thread::spawn(move || talk(stream, &heads));
            }
        });
        host
    }

    /// One that reads a request over TLS and then does `talk`.
    pub fn tls(address: &str, certified: Certified, talk: impl Fn(&mut Tls) + Send + Sync + 'static) -> Self {
        Self::with_alpn(address, certified, &[b"http/1.1"], talk)
    }

    /// The same, for these application protocols.
    pub fn with_alpn(
        address: &str,
        certified: Certified,
        alpn: &[&[u8]],
        talk: impl Fn(&mut Tls) + Send + Sync + 'static,
    ) -> Self {
        let mut config = config(certified);
        config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
        Self::with_config(address, config, talk)
    }

    /// The same as [`Host::tls`] for many names, each with a certificate of its own.
    pub fn named(
        address: &str,
        names: impl IntoIterator<Item = (String, Certified)>,
        talk: impl Fn(&mut Tls) + Send + Sync + 'static,
    ) -> Self {
        let mut certificates = ResolvesServerCertUsingSni::new();
        for (name, Certified { chain, key, .. }) in names {
            let key = rustls::crypto::aws_lc_rs::sign::any_supported_type(&key).unwrap();
            certificates.add(&name, CertifiedKey::new(chain, key)).unwrap();
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config =
            ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let mut config = config.with_no_client_auth().with_cert_resolver(Arc::new(certificates));
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Self::with_config(address, config, talk)
    }

    fn with_config(
        address: &str,
        config: ServerConfig,
        talk: impl Fn(&mut Tls) + Send + Sync + 'static,
    ) -> Self {
        let config = Arc::new(config);
        Self::raw(address, move |stream, heads| {
            let mut tls = StreamOwned::new(ServerConnection::new(Arc::clone(&config)).unwrap(), stream);
            if let Some(head) = head(&mut tls) {
                let name = tls.conn.server_name().unwrap_or_default().to_owned();
                heads.lock().unwrap().push(format!("{name}\n{head}"));
                talk(&mut tls);
            }
        })
    }

    /// One that answers every request with these octets and then ends TLS as it should be ended.
    pub fn answers(address: &str, certified: Certified, answer: impl Into<Vec<u8>>) -> Self {
        let answer = answer.into();
        Self::tls(address, certified, move |tls| {
            let _ = tls.write_all(&answer);
            end(tls);
        })
    }

    /// How many connections there were.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// The server name that was asked for, and the request, of each connection.
    #[must_use]
    pub fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
    }
}

/// Ends TLS so that the other side knows that nothing was cut off.
pub fn end(tls: &mut Tls) {
    tls.conn.send_close_notify();
    let _ = tls.flush();
    let _ = tls.sock.shutdown(std::net::Shutdown::Write);
}

/// A policy as a host should answer with it.
#[must_use]
pub fn ok(body: &str) -> Vec<u8> {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n";
    format!("{head}Content-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len()).into_bytes()
}

/// What a server with this certificate does.
#[must_use]
pub fn config(certified: Certified) -> ServerConfig {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    config.with_no_client_auth().with_single_cert(certified.chain, certified.key).unwrap()
}

fn head(tls: &mut Tls) -> Option<String> {
    let mut head = Vec::new();
    let mut octet = [0];
    while !head.ends_with(b"\r\n\r\n") {
        tls.read_exact(&mut octet).ok()?;
        head.extend_from_slice(&octet);
    }
    Some(String::from_utf8_lossy(&head).into_owned())
}
