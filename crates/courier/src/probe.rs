//! A look at the certificates of a mail server: SMTP as far as STARTTLS, a handshake, and no mail.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use dns::Dns;
use mail::Domain;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, ProtocolVersion, RootCertStore,
    SignatureScheme,
};
use tokio_rustls::TlsConnector;
use verdict::network::Network;

use crate::capped::Capped;
use crate::certificate::Certificate;
use crate::connect::{addresses, first};
use crate::error::RootsError;
use crate::smtp::{ProbeError, quit, starttls};

/// Looks at mail servers. Clones share everything.
#[derive(Clone, Debug)]
pub struct Prober {
    tls: Arc<ClientConfig>,
    web: Arc<WebPkiServerVerifier>,
    allowed: Arc<[Network]>,
    helo: Domain,
}

/// What was seen of a mail server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probed {
    /// Where it was.
    pub address: SocketAddr,
    /// The version of TLS, such as `TLS 1.3`.
    pub version: &'static str,
    /// The certificates, as it sent them: DER, its own first. It has the key of its own.
    pub chain: Vec<Vec<u8>>,
    /// Whether the authorities of the web vouch for it, in its name.
    pub web: Result<(), Certificate>,
}

impl Prober {
    /// One that believes these authorities, says this name in EHLO, and goes to the public internet and to the networks that are
    /// allowed.
    pub fn new(roots: Arc<RootCertStore>, allowed: &[Network], helo: Domain) -> Result<Self, RootsError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let web = WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&provider)).build();
        let web = web.map_err(|error| RootsError::Tls(error.to_string()))?;
        let tls =
            ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions();
        let tls = tls.map_err(|error| RootsError::Tls(error.to_string()))?;
        let mut tls = tls
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Onlooker(provider)))
            .with_no_client_auth();
        tls.resumption = rustls::client::Resumption::disabled();
        Ok(Self { tls: Arc::new(tls), web, allowed: allowed.into(), helo })
    }

    /// The name that it says.
    pub fn helo(&self) -> &Domain {
        &self.helo
    }

    /// Looks at a host, which is asked for the certificate of `name`; within a time, and nothing goes on behind it.
    pub async fn probe<D: Dns>(
        &self,
        dns: &D,
        host: &Domain,
        name: &Domain,
        port: u16,
        within: Duration,
    ) -> Result<Probed, ProbeError> {
        let look = self.look(dns, host, name, port);
        tokio::time::timeout(within, look).await.unwrap_or(Err(ProbeError::Late))
    }

    async fn look<D: Dns>(
        &self,
        dns: &D,
        host: &Domain,
        name: &Domain,
        port: u16,
    ) -> Result<Probed, ProbeError> {
        let named = |domain: &Domain| {
            ServerName::try_from(domain.as_str().to_owned()).map_err(|_| ProbeError::Name(domain.clone()))
        };
        let (server, asked) = (named(host)?, named(name)?);
        let stream = first(&addresses(dns, host, port, &self.allowed).await?).await?;
        let address = stream.peer_addr().map_err(ProbeError::Ended)?;
        let mut stream = Capped::new(stream);
        starttls(&mut stream, &self.helo).await?;
        let connector = TlsConnector::from(Arc::clone(&self.tls));
        let mut tls = connector.connect(asked, stream).await.map_err(|error| handshake(&error))?;
        let (_, connection) = tls.get_ref();
        let version = match connection.protocol_version() {
            Some(ProtocolVersion::TLSv1_3) => "TLS 1.3",
            _ => "TLS 1.2",
        };
        let chain = connection.peer_certificates().unwrap_or_default();
        let web = self.web(chain, &server);
        let chain = chain.iter().map(|certificate| certificate.to_vec()).collect();
        quit(&mut tls).await;
        Ok(Probed { address, version, chain, web })
    }

    fn web(&self, chain: &[CertificateDer<'_>], server: &ServerName<'_>) -> Result<(), Certificate> {
        let Some((own, above)) = chain.split_first() else {
            return Err(Certificate::Other("missing".to_owned()));
        };
        let found = self.web.verify_server_cert(own, above, server, &[], UnixTime::now());
        found.map(drop).map_err(|error| {
            let other = || Certificate::Other(mail::shortened(error.to_string().as_bytes(), 200));
            Certificate::of(&error).unwrap_or_else(other)
        })
    }
}

fn handshake(error: &std::io::Error) -> ProbeError {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    match (inner, inner.and_then(Certificate::of)) {
        // The signatures above the certificate are looked at later: this is that of the handshake.
        (Some(Error::InvalidCertificate(CertificateError::BadSignature)), _) => ProbeError::Key,
        (_, Some(certificate)) => ProbeError::Certificate(certificate),
        (_, None) => ProbeError::Tls(mail::shortened(error.to_string().as_bytes(), 200)),
    }
}

/// Takes any certificate, as nothing is said over the connection that matters: what it is worth is found out afterwards, by all
/// who may vouch for it. That the server has its key is checked.
#[derive(Debug)]
struct Onlooker(Arc<CryptoProvider>);

impl ServerCertVerifier for Onlooker {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
