//! Whether a server's certificates are those that its TLSA records speak of (RFC 6698 §2.1, RFC 7672 §3, RFC 7671 §5).
//! Pure: the certificates, the names and the time are arguments.

use std::fmt;

use aws_lc_rs::digest::{Digest, SHA256, SHA512, digest};
use dns::Name;
use mail::UnixTime;
use rustls_pki_types as pki;
use webpki::{ALL_VERIFICATION_ALGS, EndEntityCert, Error, KeyUsage, anchor_from_trusted_cert};

use crate::tlsa::{Matching, Selector, Tlsa, Usage};

/// Most certificates of a chain that are looked at, the server's own among them.
pub const MAX_CHAIN: usize = 16;
/// Most authorities that are tried: those in the chain, and those that stand whole in records.
pub const MAX_ANCHORS: usize = 32;

/// Why a server's certificates are not those that its TLSA records speak of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mismatch {
    /// The server sent no certificate.
    Missing,
    /// It sent more than [`MAX_CHAIN`].
    TooMany(usize),
    /// No record speaks of one that it sent.
    NoRecord,
    /// A record speaks of an authority, and the server's certificate does not come from there.
    Authority(Fault),
}

/// Why a certificate is not good though its authority is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Its time is over, or that of one between it and the authority.
    Expired,
    /// Its time has not come.
    NotYetValid,
    /// It is for none of the names.
    Name,
    /// Nothing leads from it to the authority: a certificate between them was not sent, or is not signed as it says.
    Incomplete,
    /// Something else.
    Other(String),
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("the server sent no certificate"),
            Self::TooMany(count) => write!(f, "the server sent {count} certificates"),
            Self::NoRecord => f.write_str("no TLSA record speaks of the server's certificates"),
            Self::Authority(fault) => {
                write!(f, "a TLSA record speaks of an authority, but the server's certificate {fault}")
            }
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expired => f.write_str("or one above it is expired"),
            Self::NotYetValid => f.write_str("or one above it is not valid yet"),
            Self::Name => f.write_str("is for another name"),
            Self::Incomplete => f.write_str("has no complete chain to it"),
            Self::Other(why) => write!(f, "is not good: {why}"),
        }
    }
}

/// Holds the certificates of a server (DER, its own first, as it sent them) against TLSA records that can be used, and gives
/// the usage of the record that fits. `names` are those that a certificate of an authority may be for: the TLSA base domain,
/// and [`next_hop_names`](crate::next_hop_names).
pub fn certificate(
    records: &[Tlsa],
    chain: &[&[u8]],
    names: &[Name],
    now: UnixTime,
) -> Result<Usage, Mismatch> {
    let Some((own, above)) = chain.split_first() else { return Err(Mismatch::Missing) };
    if chain.len() > MAX_CHAIN {
        return Err(Mismatch::TooMany(chain.len()));
    }
    // RFC 7671 §9: of several hashes of the same part only the strongest counts; the weaker may be forged one day.
    let strong: Vec<_> = [Usage::TrustAnchor, Usage::EndEntity]
        .into_iter()
        .flat_map(|usage| [Selector::Certificate, Selector::PublicKey].map(|selector| (usage, selector)))
        .filter(|of| records.iter().any(|r| (r.usage, r.selector) == *of && r.matching == Matching::Sha512))
        .collect();
    let counts = |r: &&Tlsa| r.matching != Matching::Sha256 || !strong.contains(&(r.usage, r.selector));
    let records: Vec<&Tlsa> = records.iter().filter(counts).collect();
    let of = |usage| records.iter().copied().filter(move |record| record.usage == usage);
    // RFC 7672 §3.1.1: neither names nor dates count; the record says it all.
    let own_parts = Parts::of(own);
    if of(Usage::EndEntity).any(|record| own_parts.fit(record)) {
        return Ok(Usage::EndEntity);
    }
    // RFC 7671 §5.2.2: an authority is one above the server's own.
    let sent = above.iter().filter(|der| {
        let parts = Parts::of(der);
        of(Usage::TrustAnchor).any(|record| parts.fit(record))
    });
    // RFC 7671 §5.2.2: one that stands whole in a record need not be sent.
    let whole = of(Usage::TrustAnchor)
        .filter(|record| (record.selector, record.matching) == (Selector::Certificate, Matching::Full))
        .map(Tlsa::data);
    let authorities: Vec<pki::CertificateDer<'_>> =
        sent.copied().chain(whole).take(MAX_ANCHORS).map(pki::CertificateDer::from).collect();
    if authorities.is_empty() {
        return Err(Mismatch::NoRecord);
    }
    issued(own, above, &authorities, names, now).map(|()| Usage::TrustAnchor).map_err(Mismatch::Authority)
}

/// The parts of a certificate that a record can speak of.
struct Parts {
    certificate: Forms,
    /// `None` where it can't be read.
    key: Option<Forms>,
}

/// A part in all forms, made once for all records.
struct Forms {
    full: Vec<u8>,
    sha256: Digest,
    sha512: Digest,
}

impl Parts {
    fn of(certificate: &[u8]) -> Self {
        let der = pki::CertificateDer::from(certificate);
        let key = EndEntityCert::try_from(&der).ok().map(|read| read.subject_public_key_info().to_vec());
        Self { certificate: Forms::of(certificate.to_vec()), key: key.map(Forms::of) }
    }

    fn fit(&self, record: &Tlsa) -> bool {
        let part = match record.selector {
            Selector::Certificate => Some(&self.certificate),
            Selector::PublicKey => self.key.as_ref(),
        };
        part.is_some_and(|part| match record.matching {
            Matching::Full => part.full == record.data(),
            Matching::Sha256 => part.sha256.as_ref() == record.data(),
            Matching::Sha512 => part.sha512.as_ref() == record.data(),
        })
    }
}

impl Forms {
    fn of(full: Vec<u8>) -> Self {
        Self { sha256: digest(&SHA256, &full), sha512: digest(&SHA512, &full), full }
    }
}

/// RFC 7672 §3.1.2: an authority's certificates are good for their time, and for their names.
fn issued(
    own: &[u8],
    above: &[&[u8]],
    authorities: &[pki::CertificateDer<'_>],
    names: &[Name],
    now: UnixTime,
) -> Result<(), Fault> {
    let own = pki::CertificateDer::from(own);
    let own = EndEntityCert::try_from(&own).map_err(Fault::of)?;
    let anchors: Vec<_> = authorities.iter().filter_map(|der| anchor_from_trusted_cert(der).ok()).collect();
    let above: Vec<_> = above.iter().copied().map(pki::CertificateDer::from).collect();
    let time = pki::UnixTime::since_unix_epoch(std::time::Duration::from_secs(now.0));
    let usage = KeyUsage::server_auth();
    own.verify_for_usage(ALL_VERIFICATION_ALGS, &anchors, &above, time, usage, None, None)
        .map_err(Fault::of)?;
    // RFC 7672 §3.2.2: one of the names is enough.
    let fits = |name: &Name| {
        let domain = name.to_domain()?;
        let name = pki::ServerName::try_from(domain.as_str()).ok()?;
        own.verify_is_valid_for_subject_name(&name).ok()
    };
    names.iter().find_map(fits).ok_or(Fault::Name)
}

impl Fault {
    fn of(error: Error) -> Self {
        match error {
            Error::CertExpired { .. } => Self::Expired,
            Error::CertNotValidYet { .. } => Self::NotYetValid,
            // Another authority of the same name shows as a signature that does not fit.
            Error::UnknownIssuer | Error::InvalidSignatureForPublicKey => Self::Incomplete,
            other => Self::Other(mail::shortened(other.to_string().as_bytes(), 200)),
        }
    }
}
